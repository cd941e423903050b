// The page shows that the server does not respond, and recovers: recovery.mjs URL 'COMMAND THAT STOPS IT' 'COMMAND THAT STARTS IT'

import { execSync } from 'node:child_process';
import { check, equal, nextUpdate, ok, run } from './common.mjs';

await run("recovery.mjs URL 'STOP' 'START'", 3, async (open, [url, stop, start]) => {
  const page = await open(url);
  const shell = (command) => execSync(command, { stdio: ['ignore', 'inherit', 'inherit'], shell: '/bin/sh' });
  await page.evaluate(() => { window.__same = true; });

  // The user's settings have to survive.
  const card = page.locator('article:has(.peers tbody tr)').first();
  await card.locator('th button', { hasText: 'Allowed IPs' }).click();
  const search = card.locator('.peers input[type=search]');
  const key = await card.locator('[data-peer]').first().getAttribute('data-peer');
  await search.fill(key.slice(0, 12));
  await page.locator('#totals input[value="6 h"]').check();
  await card.locator('.other').evaluate((details) => { details.open = true; });
  await search.focus();
  const settings = () => page.evaluate(() => ({
    sort: [...document.querySelectorAll('th[aria-sort]')].map((head) => `${head.textContent} ${head.ariaSort}`),
    search: [...document.querySelectorAll('input[type=search]')].map((input) => input.value),
    rows: [...document.querySelectorAll('[data-peer]')].map((row) => row.dataset.peer),
    range: document.querySelector('#totals input:checked').value,
    open: [...document.querySelectorAll('details')].map((details) => details.open),
    focus: document.activeElement.tagName,
    scroll: scrollY,
  }));
  const before = await settings();
  check(before.rows.includes(key), 'the search does not find the peer');

  shell(stop);
  await page.waitForSelector('body[data-state=offline]');
  const banner = page.locator('#offline');
  check(await banner.isVisible(), 'no banner');
  const text = await banner.textContent();
  check(/^No response from the server since \d\d:\d\d:\d\d.*; retrying\.$/.test(text), `the banner says: ${text}`);
  equal(await banner.getAttribute('role'), 'alert', 'role of the banner');
  check((await page.title()).startsWith('(offline)'), 'the title does not say that the server is offline');
  check(await page.evaluate(() => getComputedStyle(document.querySelector('main')).filter !== 'none'), 'old data look like new data');
  check(await page.locator('[data-field=total_rx_bytes]').getAttribute('data-value') !== '', 'the last data are gone');
  equal(await settings(), before, 'settings while the server is offline');
  ok('shows that the server is offline and since when, and keeps the old data');

  // After several attempts the text is the same.
  await page.waitForEvent('requestfailed');
  await page.waitForEvent('requestfailed');
  equal(await banner.textContent(), text, 'the banner, some attempts later');
  ok('announces it once');

  const last = await page.evaluate(() => document.body.dataset.timestamp);
  shell(start);
  await nextUpdate(page, last);
  check(!await banner.isVisible(), 'the banner stays');
  check(!(await page.title()).startsWith('(offline)'), 'the title still says that the server is offline');
  check(await page.evaluate(() => window.__same), 'the page was reloaded');
  equal(await settings(), before, 'settings after recovery');
  ok('recovers by itself; sort, search, range, open details, focus and scroll are kept');
  await nextUpdate(page);
  await page.waitForSelector('#totals .plot');
  equal(await page.evaluate(() => window.__violations), [], 'violations');
  ok('continues to update');
});
