// The charts: when they load their history, and how they are drawn.

const charts = new Set();
const RANGES = [['1 h', 3600], ['6 h', 21600], ['24 h', 86400]];
/** The server accepts 64 connections. A page uses two for histories, and two for status and health. */
const MAX_CONCURRENT_LOADS = 2;
const HISTORY_INTERVAL = 30000;
let loadsInProgress = 0;

const visibilityObserver = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.target.chart.visible = entry.isIntersecting;
  loadDueHistories();
}, { rootMargin: '200px' });
const sizeObserver = new ResizeObserver((entries) => { for (const entry of entries) drawChart(entry.target.chart); });

function createChart(network) {
  const root = cloneTemplate('#chart');
  const name = network ? printable(network.interface) : 'all networks';
  const query = new URLSearchParams(network ? { interface: network.interface } : {});
  if (network && network.netns !== null) query.set('netns', network.netns);
  const chart = {
    root, name, path: `api/history${network ? `?${query}` : ''}`, plot: $('.plot', root), samples: null, at: -Infinity,
    visible: false, range: RANGES[0], metric: 'bytes', error: '',
  };
  const group = newId();
  for (const range of RANGES) {
    const input = element('input', { type: 'radio', name: group, value: range[0], ...range === chart.range && { checked: '' } });
    input.addEventListener('change', () => { chart.range = range; drawChart(chart); });
    $('fieldset', root).append(element('label', {}, input, element('span', {}, range[0])));
  }
  $('legend', root).textContent = `Time range of ${name}`;
  $('select', root).addEventListener('change', (event) => { chart.metric = event.target.value; drawChart(chart); });
  $('label .visually-hidden', root).textContent = `Counter in the chart of ${name}`;
  chart.lines = ['rx', 'tx'].map((direction) => {
    const path = svgElement('path', { class: direction, d: 'M0 5H28' });
    const sample = svgElement('svg', { 'aria-hidden': 'true', viewBox: '0 0 28 10' }, path);
    const text = element('span');
    $('figcaption', root).append(element('span', {}, sample, ' ', text));
    return { direction, title: direction === 'rx' ? 'Received' : 'Sent', text };
  });
  chart.note = $('figcaption', root).appendChild(element('span', { class: 'bad' }));
  charts.add(chart);
  root.chart = chart;
  chart.plot.chart = chart;
  visibilityObserver.observe(root);
  sizeObserver.observe(chart.plot);
  return chart;
}

function removeChart(chart) {
  charts.delete(chart);
  visibilityObserver.unobserve(chart.root);
  sizeObserver.unobserve(chart.plot);
}

/** Loads the histories of visible charts that are due. It is called at each update and needs no timer. */
function loadDueHistories() {
  if (document.body.dataset.state !== 'ok' || document.hidden) return;
  for (const chart of charts) {
    if (loadsInProgress >= MAX_CONCURRENT_LOADS) return;
    if (chart.loading || !chart.visible || performance.now() - chart.at < HISTORY_INTERVAL) continue;
    chart.loading = true;
    loadsInProgress += 1;
    loadHistory(chart).finally(() => {
      // A failed load is repeated at the next update.
      chart.at = performance.now() - (chart.error ? HISTORY_INTERVAL - INTERVAL : 0);
      chart.loading = false;
      loadsInProgress -= 1;
      loadDueHistories();
    });
  }
}

async function loadHistory(chart) {
  try {
    const history = await fetchJson(chart.path);
    chart.samples = history.samples;
    chart.now = history.timestamp;
    chart.error = '';
  } catch (error) {
    // The old chart stays. The update loop reports a server that does not respond.
    chart.error = printable(error.message);
  }
  drawChart(chart);
}

/** Returns the distance of the horizontal grid lines. */
function tickStep(maximum, ofBytes) {
  if (ofBytes) return Math.max(1, 2 ** Math.ceil(Math.log2(maximum / 4)));
  const power = 10 ** Math.floor(Math.log10(maximum / 4));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step * 4 >= maximum * 0.999);
}

function drawChart(chart) {
  const { plot, samples } = chart;
  // A closed chart has no size; opening it draws it.
  const width = plot.clientWidth;
  const height = plot.clientHeight;
  if (!width) return;
  const ofBytes = chart.metric === 'bytes';
  const format = (value) => `${ofBytes ? formatBytes(value) : formatNumber(value)}/s`;
  const [left, right, top, bottom] = [76, 8, 8, 20];
  const [label, longest] = chart.range;
  const now = chart.now ?? 0;
  const recent = (samples ?? []).filter((sample) => sample.timestamp >= now - longest);
  // Shortly after the server's start the chart covers only the time since then.
  const range = Math.min(longest, Math.max(300, now - (recent[0]?.timestamp ?? 0)));
  const plotWidth = width - left - right;
  const x = (time) => left + (time - now + range) / range * plotWidth;

  let maximum = 0;
  for (const line of chart.lines) {
    const runs = rateRuns(recent, `${line.direction}_${chart.metric}`);
    line.latest = runs.at(-1)?.at(-1);
    line.runs = runs.map((run) => joinShortSteps(run, range / plotWidth * 2));
    line.peak = Math.max(...line.runs.flat().map((part) => part.rate), -1);
    maximum = Math.max(maximum, line.peak);
    const current = line.latest && now - line.latest.to < 2 * (line.latest.to - line.latest.from) + 60;
    const latest = current ? format(line.latest.rate) : 'unknown';
    const text = line.peak < 0 ? 'no rate' : `now ${latest}, peak ${format(line.peak)}`;
    setText(line.text, samples ? `${line.title}: ${text}` : line.title);
  }
  setText(chart.note, chart.error && `History could not be loaded: ${chart.error}`);
  if (!chart.lines.some((line) => line.runs.length)) {
    setChildren(plot, [element('p', {}, samples ? `No data in the last ${label}.` : chart.error ? '' : 'Loading…')]);
    return;
  }

  const step = tickStep(maximum || 1, ofBytes);
  const ceiling = step * Math.max(1, Math.ceil(maximum / step * 0.999));
  const y = (rate) => top + (1 - rate / ceiling) * (height - top - bottom);
  const metric = chart.metric === 'dropped' ? 'drops' : chart.metric;
  const description = [`${metric} per second of ${chart.name}, last ${label}`, ...chart.lines.map((line) => line.text.textContent)];
  const svg = svgElement('svg', { role: 'img', viewBox: `0 0 ${width} ${height}`, 'aria-label': description.join('. ') });
  for (let value = 0; value <= ceiling * 1.001; value += step) {
    svg.append(svgElement('line', { class: 'grid', x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    const text = format(value).replace(/\.00 /, ' ').replace(/(\.\d)0 /, '$1 ');
    svg.append(svgElement('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, text));
  }
  // Ticks are at round times of the local clock.
  const every = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800].find((time) => time / range * plotWidth >= 55) ?? 43200;
  const offset = new Date(now * 1000).getTimezoneOffset() * 60;
  for (let time = Math.ceil((now - range - offset) / every) * every + offset; time <= now; time += every) {
    if (x(time) > width - right - 14 || x(time) < left + 14) continue;
    svg.append(svgElement('line', { class: 'grid', x1: x(time), x2: x(time), y1: height - bottom, y2: height - bottom + 4 }));
    svg.append(svgElement('text', { x: x(time), y: height - 4, 'text-anchor': 'middle' }, formatClock(time)));
  }
  const point = (time, rate) => `${x(time).toFixed(1)} ${y(rate).toFixed(1)}`;
  for (const { direction, runs } of chart.lines) {
    const line = (run) => run.map(({ to, rate }) => `L${point(to, rate)}`).join('');
    const d = runs.map((run) => `M${point(run[0].from, run[0].rate)}${line(run)}`).join('');
    svg.append(svgElement('path', { class: direction, d }));
  }
  plot.replaceChildren(svg);
}
