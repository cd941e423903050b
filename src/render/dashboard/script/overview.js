// The header, the totals and the problems.

const keyOf = (item) => `${item.netns ?? ''}/${item.interface}`;
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

/** A sample is stale when no newer one has come for this many milliseconds. */
const STALE_AFTER = 60000;
/** The timestamp of the sample that is shown, and when it was first shown by the browser's clock. */
let shownSample = {};
const pageVersion = $('footer p').firstChild.textContent.trim().split(' ')[1];

function renderHead(status, health) {
  setText($('#host'), location.host);
  // The server still answers when it cannot take a new sample.
  if (status.timestamp !== shownSample.timestamp) shownSample = { timestamp: status.timestamp, since: performance.now() };
  const stale = performance.now() - shownSample.since > STALE_AFTER;
  setText($('#updated'), `${stale ? 'No newer data since' : 'Updated'} ${formatClock(status.timestamp, true)}`);
  $('#updated').className = stale ? 'stale' : '';
  const labels = { healthy: '● healthy', degraded: '◐ degraded', failed: '○ failed' };
  const state = Object.hasOwn(labels, health?.status) ? health.status : '';
  const healthNode = element('span', { class: state }, state ? labels[state] : 'health unknown');
  setChildren($('#health'), [healthNode, `, ${plural(status.networks.length, 'network', 'networks')}`]);
  const serious = status.findings.filter((finding) => finding.severity !== 'info').length;
  document.title = `${serious ? `${serious}! ` : ''}wgstat: ${location.host}`;
  const other = health?.version && health.version !== pageVersion;
  setText($('#new-version'), other ? `The server now runs version ${printable(String(health.version))}; reload this page.` : '');
}

function renderTotals(status) {
  setVisible($('#totals'), status.networks.length > 0);
  if (!total) {
    total = { panel: createPanel('Counters of all networks', 'total_'), chart: createChart(null) };
    $('#totals .split').append(total.panel.root, total.chart.root);
  }
  const rates = {};
  for (const counter of COUNTERS) {
    const known = status.networks.map((network) => network.rates?.[counter]).filter((rate) => typeof rate === 'number');
    if (known.length) rates[counter] = known.reduce((sum, rate) => sum + rate, 0);
    rates.missing = status.networks.length - known.length;
    rates.networks = status.networks.length;
  }
  updatePanel(total.panel, status.totals, rates);
}

function renderProblems(status) {
  setVisible($('#problems'), status.problems.length > 0);
  const lines = status.problems.map((problem) => {
    const where = problem.interface === null ? [] : [element('bdi', {}, printable(problem.interface)), netnsSuffix(problem), ': '];
    const hint = problem.hint ? [element('p', {}, element('b', {}, 'Fix: '), sentence(printable(problem.hint)))] : [];
    return element('li', { 'data-problem': problem.code }, element('p', {}, ...where, sentence(printable(problem.message))), ...hint);
  });
  setChildren($('#problems ul'), lines);
}

const netnsSuffix = (item) => item.netns === null ? '' : ` in ${printable(item.netns)}`;
