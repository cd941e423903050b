// The tables of peers. A row is identified by its public key.

const PAGE_SIZE = 50;
const byText = new Intl.Collator('en', { numeric: true }).compare;
const labelOf = (peer) => peer.name ?? peer.public_key;
// `down` columns are sorted in descending order first.
const COLUMNS = [
  { id: 'peer', title: 'Peer', left: true, value: labelOf },
  { id: 'last_handshake', title: 'Handshake', down: true, value: (peer) => peer.last_handshake },
  { id: 'transfer_rx', title: 'Received', down: true, value: (peer) => peer.transfer_rx },
  { id: 'transfer_tx', title: 'Sent', down: true, value: (peer) => peer.transfer_tx },
  { id: 'rate_rx_bytes', title: 'Received/s', down: true, value: (peer) => peer.rates?.rx_bytes ?? null },
  { id: 'rate_tx_bytes', title: 'Sent/s', down: true, value: (peer) => peer.rates?.tx_bytes ?? null },
  { id: 'allowed_ips', title: 'Allowed IPs', left: true, value: (peer) => peer.allowed_ips[0] ?? null },
  { id: 'endpoint', title: 'Endpoint', left: true, value: (peer) => peer.endpoint },
];

function createPeers(root, name) {
  const peers = {
    root: $('.peers', root), list: null, now: 0, rows: new Map(), heads: new Map(),
    search: '', column: COLUMNS[1], down: true, page: 0,
  };
  const within = (selector) => $(selector, peers.root);
  setText(within('caption'), `Peers of ${name}`);
  setAttr(within('.pager'), 'aria-label', `Pages of the peers of ${name}`);
  // The table needs a tab stop only if it is wider than its card and scrolls.
  const scroll = within('.scroll');
  new ResizeObserver(() => {
    const wide = scroll.scrollWidth > scroll.clientWidth;
    if (wide === scroll.hasAttribute('tabindex')) return;
    const attributes = { tabindex: '0', role: 'region', 'aria-label': `Table of the peers of ${name}` };
    if (wide) assemble(scroll, attributes);
    else for (const key of Object.keys(attributes)) scroll.removeAttribute(key);
  }).observe(within('table'));
  for (const column of COLUMNS) {
    const button = element('button', { type: 'button' }, column.title);
    const head = element('th', { scope: 'col', ...column.left && { class: 'left' } }, button);
    button.addEventListener('click', () => {
      peers.down = peers.column === column ? !peers.down : Boolean(column.down);
      peers.column = column;
      peers.page = 0;
      updatePeers(peers);
    });
    peers.heads.set(column, head);
    within('thead tr').append(head);
  }
  within('input').addEventListener('input', (event) => {
    peers.search = event.target.value.trim().toLowerCase();
    peers.page = 0;
    updatePeers(peers);
  });
  within('.full-keys').addEventListener('click', (event) => {
    const full = within('table').classList.toggle('full');
    event.target.setAttribute('aria-pressed', full);
    updatePeers(peers);
  });
  // aria-disabled, because `disabled` would take the focus away.
  const turnPage = (by) => (event) => {
    if (event.target.getAttribute('aria-disabled') === 'true') return;
    peers.page += by;
    updatePeers(peers);
  };
  within('.previous').addEventListener('click', turnPage(-1));
  within('.next').addEventListener('click', turnPage(1));
  return peers;
}

/** Returns the peers in the order of a column. Unknown values come last in both directions. */
function sorted(list, column, down) {
  const compare = column.left ? byText : (one, other) => one - other;
  return list.map((peer) => [column.value(peer), peer]).sort(([one], [other]) => {
    if (one === null || other === null) return (one === null) - (other === null);
    return down ? compare(other, one) : compare(one, other);
  }).map(([, peer]) => peer);
}

function matches(peer, query) {
  const texts = [peer.public_key, printable(peer.name ?? ''), ...peer.allowed_ips];
  return texts.some((text) => text.toLowerCase().includes(query));
}

function updatePeers(peers) {
  const { root, list } = peers;
  const within = (selector) => $(selector, root);
  if (list === null) {
    setText(within('.online'), 'unknown');
    return;
  }
  const online = list.filter((peer) => peer.online).length;
  setText(within('.online'), list.length ? `${formatCount(online)} of ${plural(list.length, 'peer', 'peers')} online` : 'none');
  if (!root.open) return;

  const found = peers.search ? list.filter((peer) => matches(peer, peers.search)) : list;
  const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  peers.page = Math.min(peers.page, pages - 1);
  const shown = sorted(found, peers.column, peers.down).slice(peers.page * PAGE_SIZE, (peers.page + 1) * PAGE_SIZE);

  const endpoints = list.some((peer) => peer.endpoint !== null);
  const full = within('table').classList.contains('full');
  for (const [column, head] of peers.heads) {
    if (column === peers.column) setAttr(head, 'aria-sort', peers.down ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
    if (column.id === 'endpoint') setVisible(head, endpoints);
  }
  const oldRows = peers.rows;
  peers.rows = new Map();
  const rows = shown.map((peer) => {
    const row = oldRows.get(peer.public_key) ?? createRow(peer.public_key);
    peers.rows.set(peer.public_key, row);
    updateRow(row, peer, peers.now, endpoints, full);
    return row.root;
  });
  arrangeChildren(within('tbody'), rows);

  setVisible(within('.controls'), list.length > 0);
  setVisible(within('.scroll'), list.length > 0);
  setText(within('.matches'), peers.search ? `${formatCount(found.length)} of ${plural(list.length, 'peer', 'peers')} found` : '');
  setVisible(within('.pager'), found.length > PAGE_SIZE);
  const last = Math.min((peers.page + 1) * PAGE_SIZE, found.length);
  setText(within('.page'), `${formatCount(peers.page * PAGE_SIZE + 1)} to ${formatCount(last)} of ${formatCount(found.length)}`);
  setAttr(within('.previous'), 'aria-disabled', String(peers.page === 0));
  setAttr(within('.next'), 'aria-disabled', String(peers.page === pages - 1));
}

function createRow(key) {
  const row = { root: element('tr', { 'data-peer': key }), cells: {} };
  for (const column of COLUMNS.slice(1)) {
    const cell = element('td', column.left ? { class: 'left' } : { 'data-field': column.id });
    row.cells[column.id] = cell;
  }
  row.dot = element('span', { class: 'dot', 'aria-hidden': 'true' });
  row.online = element('span', { class: 'visually-hidden', 'data-field': 'online' });
  row.name = element('bdi', { class: 'cut' });
  row.key = element('code');
  row.head = element('th', { scope: 'row', class: 'left' }, row.dot, row.online, row.name, row.key);
  row.root.append(row.head, ...Object.values(row.cells));
  return row;
}

function updateRow(row, peer, now, endpoints, full) {
  row.dot.classList.toggle('online', peer.online);
  setAttr(row.head, 'title', `${printable(labelOf(peer))}, ${peer.public_key}, ${peer.online ? 'online' : 'offline'}`);
  setAttr(row.online, 'data-value', String(peer.online));
  setText(row.online, peer.online ? 'online ' : 'offline ');
  setVisible(row.name, peer.name !== null);
  setText(row.name, printable(peer.name ?? ''));
  // Screen readers read a row's heading with each of its cells, so the key is shortened unless full keys are on.
  setVisible(row.key, full || peer.name === null);
  setText(row.key, full ? peer.public_key : `${peer.public_key.slice(0, 10)}…`);
  const { cells } = row;
  setValue(cells.transfer_rx, peer.transfer_rx, formatBytes, 'bytes');
  setValue(cells.transfer_tx, peer.transfer_tx, formatBytes, 'bytes');
  for (const direction of ['rx', 'tx']) {
    const cell = cells[`rate_${direction}_bytes`];
    setValue(cell, peer.rates?.[`${direction}_bytes`], (rate) => `${formatBytes(rate)}/s`, 'bytes per second');
    if (cell.dataset.value === '') setText(cell, '–');
  }
  setAttr(cells.last_handshake, 'data-value', String(peer.last_handshake ?? ''));
  const never = peer.last_handshake === null;
  setText(cells.last_handshake, never ? 'never' : formatAge(now - peer.last_handshake));
  const when = never ? 'no handshake since the peer was configured' : String(new Date(peer.last_handshake * 1000));
  setAttr(cells.last_handshake, 'title', when);
  const ranges = peer.allowed_ips;
  const few = full || ranges.length <= 2 ? ranges : ranges.slice(0, 1);
  const more = ranges.length - few.length;
  setText(cells.allowed_ips, ranges.length ? few.join(', ') + (more ? ` and ${formatCount(more)} more` : '') : 'none');
  setVisible(cells.endpoint, endpoints);
  setText(cells.endpoint, peer.endpoint ?? 'unknown');
}
