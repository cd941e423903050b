// The cards of the networks. A card is identified by namespace and interface.

/** With more networks than this, charts and peers start closed. */
const MAX_OPEN_CARDS = 10;

function renderNetworks(status) {
  setVisible($('#networks'), true);
  setVisible($('#no-networks'), status.networks.length === 0);
  setVisible($('#network-search'), status.networks.length > MAX_OPEN_CARDS);
  const seen = new Map();
  for (const network of status.networks) {
    // A daemon of another namespace may share a name with a link of this one. Then two networks have the same key.
    let key = keyOf(network);
    while (seen.has(key)) key += '/';
    if (!cards.has(key)) cards.set(key, createCard(network, status.networks.length <= MAX_OPEN_CARDS));
    seen.set(key, cards.get(key).root);
    updateCard(cards.get(key), network, status);
  }
  for (const [key, card] of cards) {
    if (seen.has(key)) continue;
    cards.delete(key);
    removeChart(card.chart);
  }
  keepFocus($('#networks-title'), () => arrangeChildren($('#cards'), [...seen.values()]));
  filterNetworks();
}

function filterNetworks() {
  const query = $('#network-search').hidden ? '' : $('#network-search input').value.trim().toLowerCase();
  let found = 0;
  for (const card of cards.values()) {
    const match = !query || card.searchText.includes(query);
    found += match;
    setVisible(card.root, match);
  }
  setText($('#network-search span'), query ? `${found} of ${plural(cards.size, 'network', 'networks')}` : '');
}
$('#network-search input').addEventListener('input', filterNetworks);

function createCard(network, open) {
  const root = cloneTemplate('#card');
  root.id = newId();
  root.dataset.network = keyOf(network);
  const title = $('h3', root);
  title.id = newId();
  title.tabIndex = -1;
  root.setAttribute('aria-labelledby', title.id);
  const name = printable(network.interface);
  const card = { root, title, meanings: new Map(), panel: createPanel(`Counters of ${name}`, ''), chart: createChart(network) };
  $('.numbers', root).append(card.panel.root);
  const history = $('.history', root);
  history.append(card.chart.root);
  history.open = open;
  history.addEventListener('toggle', () => { if (history.open) { drawChart(card.chart); loadDueHistories(); } });
  card.peers = createPeers(root, name);
  $('.peers', root).open = open;
  $('.peers', root).addEventListener('toggle', () => updatePeers(card.peers));
  return card;
}

function updateCard(card, network, status) {
  const secondaryName = network.name !== network.interface ? network.name : network.alias;
  const name = printable(network.interface);
  const title = [element('bdi', {}, name)];
  if (secondaryName) title.push(element('span', { class: 'secondary' }, ' (', element('bdi', {}, printable(secondaryName)), ')'));
  if (network.netns !== null) title.push(element('span', { class: 'secondary' }, ' in ', element('bdi', {}, printable(network.netns))));
  setChildren(card.title, title);
  card.searchText = `${name} ${printable(secondaryName ?? '')} ${printable(network.netns ?? '')}`.toLowerCase();

  const facts = [stateOf(network)];
  const backend = { 'Linux kernel': 'kernel', userspace: 'userspace' }[network.device_type] ?? 'backend unknown';
  facts.push(['badge', backend]);
  if (network.ifindex === null) facts.push(['bad', 'no link in this namespace']);
  facts.push(['', network.mtu === null ? 'MTU unknown' : `MTU ${network.mtu}`]);
  if (network.listen_port) facts.push(['', `port ${network.listen_port}`]);
  if (network.fwmark) facts.push(['', `fwmark 0x${network.fwmark.toString(16)}`]);
  setChildren($('.facts', card.root), facts.map(([kind, text]) => element('li', kind ? { class: kind } : {}, text)));

  updatePanel(card.panel, network.interface_stats, network.rates);
  updateMeanings(card, network);

  const unknown = $('.peers .unknown', card.root);
  setVisible(unknown, network.peers === null);
  setVisible($('.peers .known', card.root), network.peers !== null);
  if (network.peers === null) {
    const problems = status.problems.filter((problem) => (problem.interface ?? network.interface) === network.interface
      && (problem.netns ?? network.netns) === network.netns);
    const texts = problems.flatMap((problem) => [problem.message, problem.hint]).filter(Boolean);
    setText(unknown, ['The peers could not be read.', ...texts.map((text) => sentence(printable(text)))].join(' '));
  }
  card.names = new Map((network.peers ?? []).filter((peer) => peer.name).map((peer) => [peer.public_key, peer.name]));
  card.peers.list = network.peers;
  card.peers.now = status.timestamp;
  updatePeers(card.peers);
}

function stateOf(network) {
  if (network.enabled === false) return ['bad', '○ down'];
  if (network.enabled && network.up) return ['good', '● up'];
  if (network.enabled) return ['bad', '○ up, not running'];
  return ['', 'state unknown'];
}
