// The tables of counters, and what the counters mean.

const MEANINGS = JSON.parse($('#meanings').textContent);
const ROWS = [
  ['Bytes', 'rx_bytes', 'tx_bytes'], ['Packets', 'rx_packets', 'tx_packets'], ['Errors', 'rx_errors', 'tx_errors'],
  ['Drops', 'rx_dropped', 'tx_dropped'], ['Multicast', 'multicast', null],
];
const COUNTERS = ROWS.flatMap((row) => row.slice(1)).filter(Boolean);
const [TRAFFIC_COUNTERS, ERROR_COUNTERS] = [COUNTERS.slice(0, 4), COUNTERS.slice(4, 8)];
const COUNTER_LABELS = {
  rx_bytes: 'Bytes received', tx_bytes: 'Bytes sent', rx_packets: 'Packets received', tx_packets: 'Packets sent',
  rx_errors: 'Receive errors', tx_errors: 'Send errors', rx_dropped: 'Receive drops', tx_dropped: 'Send drops',
  multicast: 'Multicast received',
};
const isBytes = (counter) => counter.endsWith('bytes');

function createPanel(caption, prefix) {
  const root = cloneTemplate('#panel');
  const panel = { root, cells: new Map() };
  setText($('caption', root), caption);
  for (const [title, ...counters] of ROWS) {
    const row = element('tr', {}, element('th', { scope: 'row' }, title));
    for (const counter of counters) {
      const cell = row.appendChild(element('td'));
      if (!counter) continue;
      const value = element('span', { 'data-field': prefix + counter });
      const alarm = element('span', { class: 'alarm' });
      const rate = element('span', { class: 'rate', 'data-field': `${prefix}rate_${counter}` });
      cell.append(element('span', { class: 'total' }, value, alarm), rate);
      panel.cells.set(counter, { value, alarm, rate });
    }
    $('tbody', root).append(row);
  }
  return panel;
}

function updatePanel(panel, stats, rates) {
  for (const [counter, cell] of panel.cells) {
    const [format, unit] = isBytes(counter) ? [formatBytes, 'bytes'] : [formatCount, 'packets'];
    setValue(cell.value, stats[counter], format, unit);
    const bad = ERROR_COUNTERS.includes(counter) && stats[counter] > 0;
    cell.value.classList.toggle('alarm', bad);
    setText(cell.alarm, bad ? ' !' : '');
    setValue(cell.rate, rates?.[counter], (rate) => `${isBytes(counter) ? formatBytes(rate) : formatNumber(rate)}/s`, `${unit} per second`);
    // Most of these counters do not change: a second line would only say so.
    setVisible(cell.rate, TRAFFIC_COUNTERS.includes(counter) || rates?.[counter] > 0);
    if (typeof rates?.[counter] === 'number') {
      if (rates.missing) setAttr(cell.rate, 'title', `${cell.rate.title}, of ${rates.networks - rates.missing} of ${rates.networks} networks`);
    } else {
      setText(cell.rate, rates?.reset ? 'counter reset' : '–');
      setAttr(cell.rate, 'title', rates?.reset ? 'the counters were reset' : 'no rate yet');
    }
  }
}

/** Shows what the non-zero counters mean on this backend. */
function updateMeanings(card, network) {
  const all = { ...network.interface_stats, ...network.interface_stats_detail };
  const texts = MEANINGS[network.device_type] ?? MEANINGS.unknown;
  // Most counters share one text.
  const meaning = (counter) => texts[counter] ?? texts['*'];
  const nonZero = Object.keys(all).filter((counter) => all[counter]);
  const others = COUNTERS.filter((counter) => nonZero.includes(counter) && !ERROR_COUNTERS.includes(counter));
  const errors = [...ERROR_COUNTERS, ...nonZero.filter((counter) => !COUNTERS.includes(counter))].filter((counter) => all[counter]);
  const nodes = errors.map((counter) => {
    const key = `${network.device_type} ${counter}`;
    if (!card.meanings.has(key)) {
      const title = COUNTER_LABELS[counter] ? `${COUNTER_LABELS[counter]} (${counter})` : counter;
      const value = element('b', COUNTER_LABELS[counter] ? {} : { 'data-field': counter });
      const node = element('details', { 'data-meaning': counter }, element('summary', {}, value, ` ${title} `, element('span')));
      node.append(...meaningNodes(meaning(counter)));
      card.meanings.set(key, { node, value });
    }
    const { node, value } = card.meanings.get(key);
    setValue(value, all[counter], (packets) => `${formatCount(packets)}!`, 'packets');
    setText($('span', node), network.rates?.[counter] > 0 ? '– still rising' : '');
    return node;
  });
  keepFocus(card.title, () => arrangeChildren($('.trouble', card.root), nodes));
  const other = $('.other', card.root);
  setVisible(other, others.length > 0);
  const key = `${network.device_type} ${others}`;
  if (card.others !== key) {
    card.others = key;
    $('dl', other).replaceChildren(...others.flatMap((counter) => [
      element('dt', {}, `${COUNTER_LABELS[counter]} (${counter})`), element('dd', {}, ...meaningNodes(meaning(counter))),
    ]));
  }
}

function meaningNodes({ means, misreading, remedy }) {
  return [['', means], ['It does not mean: ', misreading], ['Fix: ', remedy]].filter(([, text]) => text)
    .map(([label, text]) => element('p', {}, element('b', {}, label), sentence(text)));
}
