'use strict';
// Everything that comes from outside (names, endpoints, texts of findings) reaches the page as text or as the value of a
// harmless attribute. Nothing here makes markup from a string, and nothing should.
//
// An update changes what is there and never builds it anew: focus, scrolling, open details, searches and selections stay.
// Cards are known by namespace and interface, rows by public key.

// JSON.parse rounds integers beyond 2^53; bytes get there in 83 days at 10 Gbit/s. The title of such a number says
// "about", and api/status has all its digits.

// ---- figures and texts

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

function small(value) {
  return value > 0 && value < 9.95 ? String(Number(value.toPrecision(2))) : grouped.format(value);
}

/** A count; from 10^13 on its digits would be a line of their own, and stand in the title. */
function count(value) {
  return value < 1e13 ? grouped.format(value) : value.toExponential(3).replace('e+', '×10^');
}

function bytes(value) {
  if (value < 1024) return `${small(value)} B`;
  let unit = -1;
  // What would be rounded up to 1024.00 belongs to the next unit.
  while (value >= 1023.995 && unit < UNITS.length - 1) { value /= 1024; unit += 1; }
  return `${value.toFixed(2)} ${UNITS[unit]}`;
}

function exact(value, unit) {
  if (!Number.isInteger(value)) return `${value.toFixed(2)} ${unit}`;
  return `${Number.isSafeInteger(value) ? '' : 'about '}${grouped.format(value)} ${unit}`;
}

function plural(number, one, many) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** The two largest units, as the command has them. */
function ago(seconds) {
  if (seconds <= 0) return 'now';
  if (seconds < 60) return `${seconds}s ago`;
  const whole = (part) => count(Math.floor(part));
  const two = (large, of, little, part) => `${whole(seconds / of)}${large} ${whole(seconds % of / part)}${little} ago`;
  if (seconds < 3600) return two('m', 60, 's', 1);
  return seconds < 86400 ? two('h', 3600, 'm', 60) : two('d', 86400, 'h', 3600);
}

function clock(seconds, withSeconds) {
  const two = (number) => String(number).padStart(2, '0');
  const time = new Date(seconds * 1000);
  return [time.getHours(), time.getMinutes(), ...withSeconds ? [time.getSeconds()] : []].map(two).join(':');
}

/** Characters that are invisible or turn the direction of text around are shown as the terminal output shows them. */
function printable(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) => {
    const code = c.charCodeAt(0).toString(16);
    return c < '\u0080' ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}

/** The texts about counters are parts of sentences. */
function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

// ---- the document

const $ = (selector, root = document) => root.querySelector(selector);

/** Children that are strings become text. */
function fill(node, attributes = {}, ...children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const make = (tag, ...rest) => fill(document.createElement(tag), ...rest);
const shape = (tag, ...rest) => fill(document.createElementNS('http://www.w3.org/2000/svg', tag), ...rest);

function copyOf(template) {
  return document.importNode($(template).content, true).firstElementChild;
}

// Untouched where nothing changed: selections stay, and screen readers have nothing to say again.
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function show(node, yes) {
  if (node.hidden === yes) node.hidden = !yes;
}

/** A value of the API: what is shown is `format(value)`, what it is exactly stands in data-value. */
function put(node, value, format, unit) {
  const known = value !== null && value !== undefined;
  mark(node, 'data-value', known ? String(value) : '');
  say(node, known ? format(value) : 'unknown');
  mark(node, 'title', known ? exact(value, unit) : 'not known');
}

/** The children of `parent` become `nodes`, in their order; what is in its place already is not touched. */
function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, place) => {
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] ?? null);
  });
}

/** For what nothing within can have focus: its children become `nodes`, if they say anything else. */
function refill(parent, nodes) {
  const said = (some) => Array.from(some, (node) => node.textContent ?? node).join('\n');
  if (said(nodes) !== said(parent.childNodes)) parent.replaceChildren(...nodes);
}

let lastId = 0;
const newId = () => `n${lastId += 1}`;

function news(text) {
  $('#news').textContent = text;
}

// ---- the server

const TIMEOUT = 15000;
const INTERVAL = 5000;

async function ask(path, any) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT);
  try {
    const answer = await fetch(path, { cache: 'no-store', signal: abort.signal });
    // /health answers 503 when it has bad news, and that is an answer too.
    if (answer.ok || any) return await answer.json();
    const body = await answer.json().catch(() => null);
    throw new Error(body?.error?.message ?? `HTTP status ${answer.status}`);
  } finally {
    clearTimeout(timer);
  }
}

let answered = Date.now() / 1000;
let failures = 0;
let asking = false;
let timer = 0;

async function update() {
  clearTimeout(timer);
  if (asking) return;
  asking = true;
  const start = performance.now();
  try {
    const [status, health] = await Promise.all([ask('api/status'), ask('health', true).catch(() => null)]);
    if (status.type !== 'status') throw new Error('an answer that is no status');
    answered = Date.now() / 1000;
    failures = 0;
    say($('#lost'), '');
    render(status, health);
    document.body.dataset.state = 'ok';
    chartsDue();
  } catch (error) {
    failures += 1;
    lost(error);
  }
  asking = false;
  // Nine tenths of the time belong to whatever else this machine does, however many peers there are.
  const took = performance.now() - start;
  const pause = failures ? Math.min(1000 * 2 ** (failures - 1), 15000) : Math.max(INTERVAL, 10 * took);
  if (!document.hidden) timer = setTimeout(update, pause);
}

function lost(error) {
  // One text for the whole outage: a screen reader says it once.
  if (document.body.dataset.state !== 'lost') {
    const why = error instanceof TypeError || error.name === 'AbortError' ? '' : ` (${printable(error.message)})`;
    say($('#lost'), `No answer from the server since ${clock(answered, true)}${why}; trying again.`);
  }
  document.body.dataset.state = 'lost';
  document.title = `(lost) wgstat: ${location.host}`;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else update();
});

// ---- the whole

const keyOf = (thing) => `${thing.netns ?? ''}/${thing.interface}`;
const cards = new Map();
let total = null;

function render(status, health) {
  const first = total === null;
  document.body.dataset.timestamp = status.timestamp;
  renderHead(status, health);
  renderTotals(status);
  renderNetworks(status);
  renderFindings(status, first);
  renderProblems(status);
}

const STALE = 60000;
/** The timestamp that is shown, and since when, by the browser's own clock. */
let lookedAt = {};
const pageVersion = $('footer p').firstChild.textContent.trim().split(' ')[1];

function renderHead(status, health) {
  say($('#host'), location.host);
  // The server's looks at the system can fail while it answers.
  if (status.timestamp !== lookedAt.timestamp) lookedAt = { timestamp: status.timestamp, since: performance.now() };
  const old = performance.now() - lookedAt.since > STALE;
  say($('#updated'), `${old ? 'The server has no newer numbers than those of' : 'Updated'} ${clock(status.timestamp, true)}`);
  $('#updated').className = old ? 'old' : '';
  const words = { healthy: '● healthy', degraded: '◐ degraded', failed: '○ failed' };
  const state = Object.hasOwn(words, health?.status) ? health.status : '';
  const word = make('span', { class: state }, state ? words[state] : 'health unknown');
  refill($('#health'), [word, `, ${plural(status.networks.length, 'network', 'networks')}`]);
  const serious = status.findings.filter((finding) => finding.severity !== 'info').length;
  document.title = `${serious ? `${serious}! ` : ''}wgstat: ${location.host}`;
  const other = health?.version && health.version !== pageVersion;
  say($('#newer'), other ? `The server is version ${printable(String(health.version))} by now: reload this page.` : '');
}

function renderTotals(status) {
  show($('#totals'), status.networks.length > 0);
  if (!total) {
    total = { panel: newPanel('Sums over all networks', 'total_'), chart: newChart(null) };
    $('#totals .split').append(total.panel.root, total.chart.root);
  }
  const rates = {};
  for (const counter of COUNTERS) {
    const known = status.networks.map((network) => network.rates?.[counter]).filter((rate) => typeof rate === 'number');
    if (known.length) rates[counter] = known.reduce((sum, rate) => sum + rate, 0);
    rates.missing = status.networks.length - known.length;
    rates.of = status.networks.length;
  }
  fillPanel(total.panel, status.totals, rates);
}

function renderProblems(status) {
  show($('#problems'), status.problems.length > 0);
  const lines = status.problems.map((problem) => {
    const where = problem.interface === null ? [] : [make('bdi', {}, printable(problem.interface)), nameSpace(problem), ': '];
    const hint = problem.hint ? [make('p', {}, make('b', {}, 'Do: '), sentence(printable(problem.hint)))] : [];
    return make('li', { 'data-problem': problem.code }, make('p', {}, ...where, sentence(printable(problem.message))), ...hint);
  });
  refill($('#problems ul'), lines);
}

const nameSpace = (thing) => thing.netns === null ? '' : ` in ${printable(thing.netns)}`;

// ---- findings

const GROUPS = { critical: 'Critical', warning: 'Warnings', info: 'For information' };
const findings = new Map();

function renderFindings(status, first) {
  // A tunnel is as well without its name.
  const incomplete = status.problems.some((problem) => problem.code !== 'NAMES_UNREADABLE') || status.networks.some((network) => network.peers === null);
  const serious = status.findings.some((finding) => finding.severity !== 'info');
  show($('#findings'), status.networks.length > 0 || status.findings.length > 0);
  show($('#verdict'), !serious);
  say($('#verdict'), incomplete ? 'Nothing wrong in what could be seen, but not everything could.' : 'Nothing found wrong.');
  $('#verdict').className = incomplete ? '' : 'good';

  const times = new Map();
  const groups = { critical: [], warning: [], info: [] };
  const fresh = [];
  const seen = new Set();
  for (const finding of status.findings) {
    // A rule may find several peers of one network, each in a finding of its own.
    const rule = JSON.stringify([finding.severity, finding.id, finding.netns, finding.interface]);
    const time = (times.get(rule) ?? 0) + 1;
    times.set(rule, time);
    const key = `${rule} ${time}`;
    seen.add(key);
    if (!findings.has(key)) {
      findings.set(key, newFinding(finding));
      if (!first && finding.severity !== 'info') fresh.push(`${finding.severity}: ${finding.interface}: ${finding.summary}`);
    }
    fillFinding(findings.get(key), finding);
    groups[finding.severity]?.push(findings.get(key));
  }
  for (const key of findings.keys()) if (!seen.has(key)) findings.delete(key);
  for (const [severity, nodes] of Object.entries(groups)) {
    const group = $(`#findings .${severity}`);
    show(group, nodes.length > 0);
    say($('h3', group), `${GROUPS[severity]} (${nodes.length})`);
    keepFocus($('#findings-title'), () => arrange($('ul', group), nodes));
  }
  if (fresh.length) news(printable(`New: ${fresh.slice(0, 3).join('; ')}`));
}

/** Where what has focus goes away with its cause, focus goes to the heading above instead of the top of the page. */
function keepFocus(heading, change) {
  const before = document.activeElement;
  change();
  if (before && before !== document.body && !before.isConnected) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
}

function newFinding(finding) {
  const node = copyOf('#finding');
  node.dataset.finding = finding.id;
  $('button', node).addEventListener('click', () => copyText($('code', node), $('button', node)));
  return node;
}

function fillFinding(node, finding) {
  say($('.severity', node), { critical: '‼ Critical', warning: '! Warning', info: 'i Info' }[finding.severity] ?? '');
  const link = $('a', node);
  const card = cards.get(keyOf(finding));
  if (card) mark(link, 'href', `#${card.root.id}`);
  else link.removeAttribute('href');
  say(link, `${printable(finding.interface)}${nameSpace(finding)}`);
  say($('.summary', node), printable(finding.summary));
  say($('.cause', node), sentence(printable(finding.cause)));
  say($('code', node), printable(finding.remedy));
  mark($('button', node), 'aria-label', `Copy what to do about ${printable(finding.interface)}: ${finding.id}`);
  say($('.manual', node), `More of it: ${finding.manual}`);
  // One peer stands in the summary already.
  show($('.whom', node), finding.peers.length > 1);
  const more = finding.peers.length < finding.count && finding.unit === 'peers' ? `the first ${finding.peers.length} of ` : '';
  say($('.whom summary', node), `The peers: ${more}${count(more ? finding.count : finding.peers.length)}`);
  const names = finding.peers.map((key) => printable(card?.names.get(key) ?? key));
  refill($('.whom ul', node), names.map((name) => make('li', {}, make('bdi', {}, name))));
}

async function copyText(code, button) {
  let done = 'Copied';
  try {
    // Browsers offer the clipboard to pages from https and from the host itself only.
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    getSelection().selectAllChildren(code);
    done = 'Selected';
  }
  say(button, done);
  news(done === 'Copied' ? 'Copied.' : 'Selected: copy it with Ctrl and C.');
  setTimeout(() => say(button, 'Copy'), 2500);
}

// ---- the panel of counters

const MEANINGS = JSON.parse($('#meanings').textContent);
const ROWS = [
  ['Bytes', 'rx_bytes', 'tx_bytes'], ['Packets', 'rx_packets', 'tx_packets'], ['Errors', 'rx_errors', 'tx_errors'],
  ['Drops', 'rx_dropped', 'tx_dropped'], ['Multicast', 'multicast', null],
];
const COUNTERS = ROWS.flatMap((row) => row.slice(1)).filter(Boolean);
const [TRAFFIC, TROUBLE] = [COUNTERS.slice(0, 4), COUNTERS.slice(4, 8)];
const WORDS = {
  rx_bytes: 'Bytes received', tx_bytes: 'Bytes sent', rx_packets: 'Packets received', tx_packets: 'Packets sent',
  rx_errors: 'Receive errors', tx_errors: 'Send errors', rx_dropped: 'Receive drops', tx_dropped: 'Send drops',
  multicast: 'Multicast received',
};
const isBytes = (counter) => counter.endsWith('bytes');

function newPanel(caption, prefix) {
  const root = copyOf('#panel');
  const panel = { root, cells: new Map() };
  say($('caption', root), caption);
  for (const [title, ...counters] of ROWS) {
    const row = make('tr', {}, make('th', { scope: 'row' }, title));
    for (const counter of counters) {
      const cell = row.appendChild(make('td'));
      if (!counter) continue;
      const value = make('span', { 'data-field': prefix + counter });
      const alarm = make('span', { class: 'alarm' });
      const rate = make('span', { class: 'rate', 'data-field': `${prefix}rate_${counter}` });
      cell.append(make('span', { class: 'total' }, value, alarm), rate);
      panel.cells.set(counter, { value, alarm, rate });
    }
    $('tbody', root).append(row);
  }
  return panel;
}

function fillPanel(panel, stats, rates) {
  for (const [counter, cell] of panel.cells) {
    const [format, unit] = isBytes(counter) ? [bytes, 'bytes'] : [count, 'packets'];
    put(cell.value, stats[counter], format, unit);
    const bad = TROUBLE.includes(counter) && stats[counter] > 0;
    cell.value.classList.toggle('alarm', bad);
    say(cell.alarm, bad ? ' !' : '');
    put(cell.rate, rates?.[counter], (rate) => `${isBytes(counter) ? bytes(rate) : small(rate)}/s`, `${unit} per second`);
    // Nothing grows in most of these rows; they need no second line to say so.
    show(cell.rate, TRAFFIC.includes(counter) || rates?.[counter] > 0);
    if (typeof rates?.[counter] === 'number') {
      if (rates.missing) mark(cell.rate, 'title', `${cell.rate.title}, of ${rates.of - rates.missing} of ${rates.of} networks`);
    } else {
      say(cell.rate, rates?.reset ? 'started anew' : '–');
      mark(cell.rate, 'title', rates?.reset ? 'the counters started anew' : 'no rate is known yet');
    }
  }
}

/** What the counters that are not 0 say on this backend. */
function fillMeanings(card, network) {
  const all = { ...network.interface_stats, ...network.interface_stats_detail };
  const texts = MEANINGS[network.device_type] ?? MEANINGS.unknown;
  // Most counters have nothing of their own to say, and share one text.
  const meaning = (counter) => texts[counter] ?? texts['*'];
  const moved = Object.keys(all).filter((counter) => all[counter]);
  const plain = COUNTERS.filter((counter) => moved.includes(counter) && !TROUBLE.includes(counter));
  const trouble = [...TROUBLE, ...moved.filter((counter) => !COUNTERS.includes(counter))].filter((counter) => all[counter]);
  const nodes = trouble.map((counter) => {
    const key = `${network.device_type} ${counter}`;
    if (!card.meanings.has(key)) {
      const title = WORDS[counter] ? `${WORDS[counter]} (${counter})` : counter;
      const value = make('b', WORDS[counter] ? {} : { 'data-field': counter });
      const node = make('details', { 'data-meaning': counter }, make('summary', {}, value, ` ${title} `, make('span')));
      node.append(...explain(meaning(counter)));
      card.meanings.set(key, { node, value });
    }
    const { node, value } = card.meanings.get(key);
    put(value, all[counter], (packets) => `${count(packets)}!`, 'packets');
    say($('span', node), network.rates?.[counter] > 0 ? '– growing now' : '');
    return node;
  });
  keepFocus(card.title, () => arrange($('.trouble', card.root), nodes));
  const other = $('.other', card.root);
  show(other, plain.length > 0);
  const key = `${network.device_type} ${plain}`;
  if (card.plain !== key) {
    card.plain = key;
    $('dl', other).replaceChildren(...plain.flatMap((counter) => [
      make('dt', {}, `${WORDS[counter]} (${counter})`), make('dd', {}, ...explain(meaning(counter))),
    ]));
  }
}

function explain({ means, not, remedy }) {
  return [['', means], ['Not: ', not], ['Do: ', remedy]].filter(([, text]) => text)
    .map(([what, text]) => make('p', {}, make('b', {}, what), sentence(text)));
}

// ---- networks

/** With more networks than this the cards' charts and peers wait to be asked for. */
const FEW = 10;

function renderNetworks(status) {
  show($('#networks'), true);
  show($('#none'), status.networks.length === 0);
  show($('#seek'), status.networks.length > FEW);
  const seen = new Map();
  for (const network of status.networks) {
    // A daemon of another place can have the name of a link here: two networks of one key.
    let key = keyOf(network);
    while (seen.has(key)) key += '/';
    if (!cards.has(key)) cards.set(key, newCard(network, status.networks.length <= FEW));
    seen.set(key, cards.get(key).root);
    fillCard(cards.get(key), network, status);
  }
  for (const [key, card] of cards) {
    if (seen.has(key)) continue;
    cards.delete(key);
    forgetChart(card.chart);
  }
  keepFocus($('#networks-title'), () => arrange($('#cards'), [...seen.values()]));
  seekNetworks();
}

function seekNetworks() {
  const wanted = $('#seek').hidden ? '' : $('#seek input').value.trim().toLowerCase();
  let found = 0;
  for (const card of cards.values()) {
    const match = !wanted || card.words.includes(wanted);
    found += match;
    show(card.root, match);
  }
  say($('#seek span'), wanted ? `${found} of ${plural(cards.size, 'network', 'networks')}` : '');
}
$('#seek input').addEventListener('input', seekNetworks);

function newCard(network, open) {
  const root = copyOf('#card');
  root.id = newId();
  root.dataset.network = keyOf(network);
  const title = $('h3', root);
  title.id = newId();
  title.tabIndex = -1;
  root.setAttribute('aria-labelledby', title.id);
  const name = printable(network.interface);
  const card = { root, title, meanings: new Map(), panel: newPanel(`Counters of ${name}`, ''), chart: newChart(network) };
  $('.numbers', root).append(card.panel.root);
  const history = $('.history', root);
  history.append(card.chart.root);
  history.open = open;
  history.addEventListener('toggle', () => { if (history.open) { drawChart(card.chart); chartsDue(); } });
  card.peers = newPeers(root, name);
  $('.peers', root).open = open;
  $('.peers', root).addEventListener('toggle', () => fillPeers(card.peers));
  return card;
}

function fillCard(card, network, status) {
  const beside = network.name !== network.interface ? network.name : network.alias;
  const name = printable(network.interface);
  const title = [make('bdi', {}, name)];
  if (beside) title.push(make('span', { class: 'beside' }, ' (', make('bdi', {}, printable(beside)), ')'));
  if (network.netns !== null) title.push(make('span', { class: 'beside' }, ' in ', make('bdi', {}, printable(network.netns))));
  refill(card.title, title);
  card.words = `${name} ${printable(beside ?? '')} ${printable(network.netns ?? '')}`.toLowerCase();

  const facts = [stateOf(network)];
  const backend = { 'Linux kernel': 'kernel', userspace: 'userspace' }[network.device_type] ?? 'backend unknown';
  facts.push(['badge', backend]);
  if (network.ifindex === null) facts.push(['bad', 'no link of its name here']);
  facts.push(['', network.mtu === null ? 'MTU unknown' : `MTU ${network.mtu}`]);
  if (network.listen_port) facts.push(['', `port ${network.listen_port}`]);
  if (network.fwmark) facts.push(['', `fwmark 0x${network.fwmark.toString(16)}`]);
  refill($('.facts', card.root), facts.map(([kind, text]) => make('li', kind ? { class: kind } : {}, text)));

  fillPanel(card.panel, network.interface_stats, network.rates);
  fillMeanings(card, network);

  const unknown = $('.peers .unknown', card.root);
  show(unknown, network.peers === null);
  show($('.peers .known', card.root), network.peers !== null);
  if (network.peers === null) {
    const why = status.problems.filter((problem) => (problem.interface ?? network.interface) === network.interface
      && (problem.netns ?? network.netns) === network.netns);
    const texts = why.flatMap((problem) => [problem.message, problem.hint]).filter(Boolean);
    say(unknown, ['The peers are not known.', ...texts.map((text) => sentence(printable(text)))].join(' '));
  }
  card.names = new Map((network.peers ?? []).filter((peer) => peer.name).map((peer) => [peer.public_key, peer.name]));
  card.peers.list = network.peers;
  card.peers.now = status.timestamp;
  fillPeers(card.peers);
}

function stateOf(network) {
  if (network.enabled === false) return ['bad', '○ down'];
  if (network.enabled && network.up) return ['good', '● up'];
  if (network.enabled) return ['bad', '○ up, not running'];
  return ['', 'state unknown'];
}

// ---- peers

const PAGE = 50;
const byText = new Intl.Collator('en', { numeric: true }).compare;
const labelOf = (peer) => peer.name ?? peer.public_key;
// Downwards comes first where the largest or latest is what one looks for.
const COLUMNS = [
  { id: 'peer', title: 'Peer', left: true, of: labelOf },
  { id: 'last_handshake', title: 'Handshake', down: true, of: (peer) => peer.last_handshake },
  { id: 'transfer_rx', title: 'Received', down: true, of: (peer) => peer.transfer_rx },
  { id: 'transfer_tx', title: 'Sent', down: true, of: (peer) => peer.transfer_tx },
  { id: 'rate_rx_bytes', title: 'Received/s', down: true, of: (peer) => peer.rates?.rx_bytes ?? null },
  { id: 'rate_tx_bytes', title: 'Sent/s', down: true, of: (peer) => peer.rates?.tx_bytes ?? null },
  { id: 'allowed_ips', title: 'Allowed IPs', left: true, of: (peer) => peer.allowed_ips[0] ?? null },
  { id: 'endpoint', title: 'Endpoint', left: true, of: (peer) => peer.endpoint },
];

function newPeers(root, name) {
  const peers = {
    root: $('.peers', root), list: null, now: 0, rows: new Map(), heads: new Map(),
    search: '', column: COLUMNS[1], down: true, page: 0,
  };
  const within = (selector) => $(selector, peers.root);
  say(within('caption'), `Peers of ${name}`);
  mark(within('.pager'), 'aria-label', `Pages of the peers of ${name}`);
  // Only what is too wide for its card needs to be reached for scrolling.
  const scroll = within('.scroll');
  new ResizeObserver(() => {
    const wide = scroll.scrollWidth > scroll.clientWidth;
    if (wide === scroll.hasAttribute('tabindex')) return;
    const attributes = { tabindex: '0', role: 'region', 'aria-label': `Table of the peers of ${name}` };
    if (wide) fill(scroll, attributes);
    else for (const key of Object.keys(attributes)) scroll.removeAttribute(key);
  }).observe(within('table'));
  for (const column of COLUMNS) {
    const button = make('button', { type: 'button' }, column.title);
    const head = make('th', { scope: 'col', ...column.left && { class: 'left' } }, button);
    button.addEventListener('click', () => {
      peers.down = peers.column === column ? !peers.down : Boolean(column.down);
      peers.column = column;
      peers.page = 0;
      fillPeers(peers);
    });
    peers.heads.set(column, head);
    within('thead tr').append(head);
  }
  within('input').addEventListener('input', (event) => {
    peers.search = event.target.value.trim().toLowerCase();
    peers.page = 0;
    fillPeers(peers);
  });
  within('.whole').addEventListener('click', (event) => {
    const full = within('table').classList.toggle('full');
    event.target.setAttribute('aria-pressed', full);
    fillPeers(peers);
  });
  // Not `disabled`: a button that has focus would lose it.
  const turn = (by) => (event) => {
    if (event.target.getAttribute('aria-disabled') === 'true') return;
    peers.page += by;
    fillPeers(peers);
  };
  within('.back').addEventListener('click', turn(-1));
  within('.on').addEventListener('click', turn(1));
  return peers;
}

/** In the order that is asked for; what is not known, or never was, comes last in either direction. */
function sorted(list, column, down) {
  const compare = column.left ? byText : (one, other) => one - other;
  return list.map((peer) => [column.of(peer), peer]).sort(([one], [other]) => {
    if (one === null || other === null) return (one === null) - (other === null);
    return down ? compare(other, one) : compare(one, other);
  }).map(([, peer]) => peer);
}

function matches(peer, wanted) {
  const texts = [peer.public_key, printable(peer.name ?? ''), ...peer.allowed_ips];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

function fillPeers(peers) {
  const { root, list } = peers;
  const within = (selector) => $(selector, root);
  if (list === null) {
    say(within('.online'), 'unknown');
    return;
  }
  const online = list.filter((peer) => peer.online).length;
  say(within('.online'), list.length ? `${count(online)} of ${plural(list.length, 'peer', 'peers')} online` : 'none');
  if (!root.open) return;

  const found = peers.search ? list.filter((peer) => matches(peer, peers.search)) : list;
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  peers.page = Math.min(peers.page, pages - 1);
  const shown = sorted(found, peers.column, peers.down).slice(peers.page * PAGE, (peers.page + 1) * PAGE);

  const endpoints = list.some((peer) => peer.endpoint !== null);
  const full = within('table').classList.contains('full');
  for (const [column, head] of peers.heads) {
    if (column === peers.column) mark(head, 'aria-sort', peers.down ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
    if (column.id === 'endpoint') show(head, endpoints);
  }
  const before = peers.rows;
  peers.rows = new Map();
  const rows = shown.map((peer) => {
    const row = before.get(peer.public_key) ?? newRow(peer.public_key);
    peers.rows.set(peer.public_key, row);
    fillRow(row, peer, peers.now, endpoints, full);
    return row.root;
  });
  arrange(within('tbody'), rows);

  show(within('.controls'), list.length > 0);
  show(within('.scroll'), list.length > 0);
  say(within('.matches'), peers.search ? `${count(found.length)} of ${plural(list.length, 'peer', 'peers')} found` : '');
  show(within('.pager'), found.length > PAGE);
  const last = Math.min((peers.page + 1) * PAGE, found.length);
  say(within('.page'), `${count(peers.page * PAGE + 1)} to ${count(last)} of ${count(found.length)}`);
  mark(within('.back'), 'aria-disabled', String(peers.page === 0));
  mark(within('.on'), 'aria-disabled', String(peers.page === pages - 1));
}

function newRow(key) {
  const row = { root: make('tr', { 'data-peer': key }), cells: {} };
  for (const column of COLUMNS.slice(1)) {
    const cell = make('td', column.left ? { class: 'left' } : { 'data-field': column.id });
    row.cells[column.id] = cell;
  }
  row.dot = make('span', { class: 'dot', 'aria-hidden': 'true' });
  row.online = make('span', { class: 'unseen', 'data-field': 'online' });
  row.name = make('bdi', { class: 'cut' });
  row.key = make('code');
  row.head = make('th', { scope: 'row', class: 'left' }, row.dot, row.online, row.name, row.key);
  row.root.append(row.head, ...Object.values(row.cells));
  return row;
}

function fillRow(row, peer, now, endpoints, full) {
  row.dot.classList.toggle('on', peer.online);
  mark(row.head, 'title', `${printable(labelOf(peer))}, ${peer.public_key}, ${peer.online ? 'online' : 'offline'}`);
  mark(row.online, 'data-value', String(peer.online));
  say(row.online, peer.online ? 'online ' : 'offline ');
  show(row.name, peer.name !== null);
  say(row.name, printable(peer.name ?? ''));
  // A row's heading is read out with each of its cells: a whole key only where it was asked for.
  show(row.key, full || peer.name === null);
  say(row.key, full ? peer.public_key : `${peer.public_key.slice(0, 10)}…`);
  const { cells } = row;
  put(cells.transfer_rx, peer.transfer_rx, bytes, 'bytes');
  put(cells.transfer_tx, peer.transfer_tx, bytes, 'bytes');
  for (const direction of ['rx', 'tx']) {
    const cell = cells[`rate_${direction}_bytes`];
    put(cell, peer.rates?.[`${direction}_bytes`], (rate) => `${bytes(rate)}/s`, 'bytes per second');
    if (cell.dataset.value === '') say(cell, '–');
  }
  mark(cells.last_handshake, 'data-value', String(peer.last_handshake ?? ''));
  const never = peer.last_handshake === null;
  say(cells.last_handshake, never ? 'never' : ago(now - peer.last_handshake));
  const when = never ? 'no handshake since the peer was set' : String(new Date(peer.last_handshake * 1000));
  mark(cells.last_handshake, 'title', when);
  const ranges = peer.allowed_ips;
  const few = full || ranges.length <= 2 ? ranges : ranges.slice(0, 1);
  const more = ranges.length - few.length;
  say(cells.allowed_ips, ranges.length ? few.join(', ') + (more ? ` and ${count(more)} more` : '') : 'none');
  show(cells.endpoint, endpoints);
  say(cells.endpoint, peer.endpoint ?? 'not known');
}

// ---- charts

const charts = new Set();
const RANGES = [['1 h', 3600], ['6 h', 21600], ['24 h', 86400]];
/** The server has 64 connections for everybody: a page takes two for histories, and two for its status and its health. */
const AT_ONCE = 2;
const HISTORY_INTERVAL = 30000;
let loading = 0;

const inView = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.target.chart.visible = entry.isIntersecting;
  chartsDue();
}, { rootMargin: '200px' });
const resized = new ResizeObserver((entries) => { for (const entry of entries) drawChart(entry.target.chart); });

function newChart(network) {
  const root = copyOf('#chart');
  const name = network ? printable(network.interface) : 'all networks';
  const query = new URLSearchParams(network ? { interface: network.interface } : {});
  if (network && network.netns !== null) query.set('netns', network.netns);
  const chart = {
    root, name, path: `api/history${network ? `?${query}` : ''}`, plot: $('.plot', root), samples: null, at: -Infinity,
    visible: false, range: RANGES[0], what: 'bytes', error: '',
  };
  const group = newId();
  for (const range of RANGES) {
    const input = make('input', { type: 'radio', name: group, value: range[0], ...range === chart.range && { checked: '' } });
    input.addEventListener('change', () => { chart.range = range; drawChart(chart); });
    $('fieldset', root).append(make('label', {}, input, make('span', {}, range[0])));
  }
  $('legend', root).textContent = `Time shown for ${name}`;
  $('select', root).addEventListener('change', (event) => { chart.what = event.target.value; drawChart(chart); });
  $('label .unseen', root).textContent = `What the chart of ${name} shows`;
  chart.lines = ['rx', 'tx'].map((direction) => {
    const path = shape('path', { class: direction, d: 'M0 5H28' });
    const sample = shape('svg', { 'aria-hidden': 'true', viewBox: '0 0 28 10' }, path);
    const text = make('span');
    $('figcaption', root).append(make('span', {}, sample, ' ', text));
    return { direction, title: direction === 'rx' ? 'Received' : 'Sent', text };
  });
  chart.note = $('figcaption', root).appendChild(make('span', { class: 'bad' }));
  charts.add(chart);
  root.chart = chart;
  chart.plot.chart = chart;
  inView.observe(root);
  resized.observe(chart.plot);
  return chart;
}

function forgetChart(chart) {
  charts.delete(chart);
  inView.unobserve(chart.root);
  resized.unobserve(chart.plot);
}

/** Asks for the histories that are seen and old. Runs with every update, so it needs no clock of its own. */
function chartsDue() {
  if (document.body.dataset.state !== 'ok' || document.hidden) return;
  for (const chart of charts) {
    if (loading >= AT_ONCE) return;
    if (chart.loading || !chart.visible || performance.now() - chart.at < HISTORY_INTERVAL) continue;
    chart.loading = true;
    loading += 1;
    loadHistory(chart).finally(() => {
      // What failed is asked for again with the next update.
      chart.at = performance.now() - (chart.error ? HISTORY_INTERVAL - INTERVAL : 0);
      chart.loading = false;
      loading -= 1;
      chartsDue();
    });
  }
}

async function loadHistory(chart) {
  try {
    const history = await ask(chart.path);
    chart.samples = history.samples;
    chart.now = history.timestamp;
    chart.error = '';
  } catch (error) {
    // What was drawn stays; that the server is gone is for the status to say.
    chart.error = printable(error.message);
  }
  drawChart(chart);
}

/**
 * Rates of one counter, as runs without a gap: [[{from, to, rate}, …], …].
 * No run goes across a reset, an unknown value, or a time without samples that is long beside its neighbours'.
 */
function runsOf(samples, counter) {
  const steps = samples.slice(1).map((sample, place) => sample.timestamp - samples[place].timestamp);
  const median = (some) => some.sort((one, other) => one - other)[some.length >> 1] ?? 0;
  const runs = [];
  let run = null;
  steps.forEach((step, place) => {
    const [old, sample] = [samples[place], samples[place + 1]];
    // Samples get rarer with age: the rarer side says what is usual where the two meet.
    const usual = Math.max(median(steps.slice(Math.max(0, place - 4), place)), median(steps.slice(place + 1, place + 5)));
    const gap = usual > 0 && step > 2.5 * usual + 2;
    const grown = sample[counter] - old[counter];
    if (gap || sample.reset || sample[counter] === null || old[counter] === null || grown < 0 || step <= 0) {
      run = null;
      return;
    }
    if (!run) runs.push(run = []);
    run.push({ from: old.timestamp, to: sample.timestamp, rate: grown / step });
  });
  return runs;
}

/** Joins neighbours until each is as long as `least` seconds: nothing is drawn finer than it can be seen. */
function coarser(run, least) {
  const joined = [];
  for (const { from, to, rate } of run) {
    const last = joined.at(-1);
    if (last && last.to - last.from < least) {
      last.rate = (last.rate * (last.to - last.from) + rate * (to - from)) / (to - last.from);
      last.to = to;
    } else {
      joined.push({ from, to, rate });
    }
  }
  return joined;
}

function tickOf(most, ofBytes) {
  if (ofBytes) return Math.max(1, 2 ** Math.ceil(Math.log2(most / 4)));
  const power = 10 ** Math.floor(Math.log10(most / 4));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step * 4 >= most * 0.999);
}

function drawChart(chart) {
  const { plot, samples } = chart;
  // Nothing to draw on while it is closed or in another part of a long page; opening it draws.
  const width = plot.clientWidth;
  const height = plot.clientHeight;
  if (!width) return;
  const ofBytes = chart.what === 'bytes';
  const format = (value) => `${ofBytes ? bytes(value) : small(value)}/s`;
  const [left, right, top, bottom] = [76, 8, 8, 20];
  const [label, longest] = chart.range;
  const now = chart.now ?? 0;
  const recent = (samples ?? []).filter((sample) => sample.timestamp >= now - longest);
  // A server that started lately fills its charts too: they are as long as what there is.
  const range = Math.min(longest, Math.max(300, now - (recent[0]?.timestamp ?? 0)));
  const across = width - left - right;
  const x = (time) => left + (time - now + range) / range * across;

  let most = 0;
  for (const line of chart.lines) {
    const runs = runsOf(recent, `${line.direction}_${chart.what}`);
    line.latest = runs.at(-1)?.at(-1);
    line.runs = runs.map((run) => coarser(run, range / across * 2));
    line.peak = Math.max(...line.runs.flat().map((part) => part.rate), -1);
    most = Math.max(most, line.peak);
    const current = line.latest && now - line.latest.to < 2 * (line.latest.to - line.latest.from) + 60;
    const latest = current ? format(line.latest.rate) : 'unknown';
    const text = line.peak < 0 ? 'no rate known' : `now ${latest}, peak ${format(line.peak)}`;
    say(line.text, samples ? `${line.title}: ${text}` : line.title);
  }
  say(chart.note, chart.error && `The history could not be read: ${chart.error}`);
  if (!chart.lines.some((line) => line.runs.length)) {
    refill(plot, [make('p', {}, samples ? `Nothing measured in the last ${label} yet.` : chart.error ? '' : 'Reading…')]);
    return;
  }

  const step = tickOf(most || 1, ofBytes);
  const ceiling = step * Math.max(1, Math.ceil(most / step * 0.999));
  const y = (rate) => top + (1 - rate / ceiling) * (height - top - bottom);
  const what = chart.what === 'dropped' ? 'drops' : chart.what;
  const words = [`${what} per second of ${chart.name}, last ${label}`, ...chart.lines.map((line) => line.text.textContent)];
  const svg = shape('svg', { role: 'img', viewBox: `0 0 ${width} ${height}`, 'aria-label': words.join('. ') });
  for (let value = 0; value <= ceiling * 1.001; value += step) {
    svg.append(shape('line', { class: 'grid', x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    const text = format(value).replace(/\.00 /, ' ').replace(/(\.\d)0 /, '$1 ');
    svg.append(shape('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, text));
  }
  // Ticks stand on round times of the reader's clock.
  const every = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800].find((time) => time / range * across >= 55) ?? 43200;
  const offset = new Date(now * 1000).getTimezoneOffset() * 60;
  for (let time = Math.ceil((now - range - offset) / every) * every + offset; time <= now; time += every) {
    if (x(time) > width - right - 14 || x(time) < left + 14) continue;
    svg.append(shape('line', { class: 'grid', x1: x(time), x2: x(time), y1: height - bottom, y2: height - bottom + 4 }));
    svg.append(shape('text', { x: x(time), y: height - 4, 'text-anchor': 'middle' }, clock(time)));
  }
  const point = (time, rate) => `${x(time).toFixed(1)} ${y(rate).toFixed(1)}`;
  for (const { direction, runs } of chart.lines) {
    const line = (run) => run.map(({ to, rate }) => `L${point(to, rate)}`).join('');
    const d = runs.map((run) => `M${point(run[0].from, run[0].rate)}${line(run)}`).join('');
    svg.append(shape('path', { class: direction, d }));
  }
  plot.replaceChildren(svg);
}

update();
