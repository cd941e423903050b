// Requests to the server, and the update loop.

const TIMEOUT = 15000;
const INTERVAL = 5000;

/** Returns the JSON document at `path`. An HTTP error is thrown unless `anyStatus` is set. */
async function fetchJson(path, anyStatus) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT);
  try {
    const response = await fetch(path, { cache: 'no-store', signal: abort.signal });
    // /health has a document with status 503 too.
    if (response.ok || anyStatus) return await response.json();
    const body = await response.json().catch(() => null);
    throw new Error(body?.error?.message ?? `HTTP status ${response.status}`);
  } finally {
    clearTimeout(timer);
  }
}

let lastResponse = Date.now() / 1000;
let failures = 0;
let updating = false;
let timer = 0;

async function update() {
  clearTimeout(timer);
  if (updating) return;
  updating = true;
  const start = performance.now();
  try {
    const [status, health] = await Promise.all([fetchJson('api/status'), fetchJson('health', true).catch(() => null)]);
    if (status.type !== 'status') throw new Error('unexpected response');
    lastResponse = Date.now() / 1000;
    failures = 0;
    setText($('#offline'), '');
    render(status, health);
    document.body.dataset.state = 'ok';
    loadDueHistories();
  } catch (error) {
    failures += 1;
    showOffline(error);
  }
  updating = false;
  // With thousands of peers an update takes long: spend at most a tenth of the time on updates.
  const took = performance.now() - start;
  const pause = failures ? Math.min(1000 * 2 ** (failures - 1), 15000) : Math.max(INTERVAL, 10 * took);
  if (!document.hidden) timer = setTimeout(update, pause);
}

function showOffline(error) {
  // The text stays the same during an outage, so that a screen reader reads it once.
  if (document.body.dataset.state !== 'offline') {
    const why = error instanceof TypeError || error.name === 'AbortError' ? '' : ` (${printable(error.message)})`;
    setText($('#offline'), `No response from the server since ${formatClock(lastResponse, true)}${why}; retrying.`);
  }
  document.body.dataset.state = 'offline';
  document.title = `(offline) wgstat: ${location.host}`;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else update();
});
