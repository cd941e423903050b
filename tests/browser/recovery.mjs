// The page says when the server is gone, and recovers by itself: recovery.mjs URL 'COMMAND THAT STOPS IT' 'COMMAND THAT STARTS IT'

import { execSync } from 'node:child_process';
import { check, equal, nextUpdate, ok, run } from './common.mjs';

await run("recovery.mjs URL 'STOP' 'START'", 3, async (open, [url, stop, start]) => {
  const page = await open(url);
  const shell = (command) => execSync(command, { stdio: ['ignore', 'inherit', 'inherit'], shell: '/bin/sh' });
  await page.evaluate(() => { window.__same = true; });

  // What a reader has set up is to be there afterwards.
  const card = page.locator('article:has(.peers tbody tr)').first();
  await card.locator('th button', { hasText: 'Allowed IPs' }).click();
  const search = card.locator('.peers input[type=search]');
  const key = await card.locator('[data-peer]').first().getAttribute('data-peer');
  await search.fill(key.slice(0, 12));
  await page.locator('#totals input[value="6 h"]').check();
  await card.locator('.other').evaluate((details) => { details.open = true; });
  await search.focus();
  const setUp = () => page.evaluate(() => ({
    sort: [...document.querySelectorAll('th[aria-sort]')].map((head) => `${head.textContent} ${head.ariaSort}`),
    search: [...document.querySelectorAll('input[type=search]')].map((input) => input.value),
    rows: [...document.querySelectorAll('[data-peer]')].map((row) => row.dataset.peer),
    range: document.querySelector('#totals input:checked').value,
    open: [...document.querySelectorAll('details')].map((details) => details.open),
    focus: document.activeElement.tagName,
    scroll: scrollY,
  }));
  const before = await setUp();
  check(before.rows.includes(key), 'the search lost the peer it looks for');

  shell(stop);
  await page.waitForSelector('body[data-state=lost]');
  const banner = page.locator('#lost');
  check(await banner.isVisible(), 'no banner');
  const text = await banner.textContent();
  check(/^No answer from the server since \d\d:\d\d:\d\d.*; trying again\.$/.test(text), `the banner says: ${text}`);
  equal(await banner.getAttribute('role'), 'alert', 'role of the banner');
  check((await page.title()).startsWith('(lost)'), 'the title does not say that the server is lost');
  check(await page.evaluate(() => getComputedStyle(document.querySelector('main')).filter !== 'none'), 'old data look like new ones');
  check(await page.locator('[data-field=total_rx_bytes]').getAttribute('data-value') !== '', 'the last data are gone');
  equal(await setUp(), before, 'set up, while the server is gone');
  ok('says that the server is lost, since when, and keeps what it had');

  // Several attempts later it says the same, once.
  await page.waitForEvent('requestfailed');
  await page.waitForEvent('requestfailed');
  equal(await banner.textContent(), text, 'the banner, some attempts later');
  ok('says it once');

  const last = await page.evaluate(() => document.body.dataset.timestamp);
  shell(start);
  await nextUpdate(page, last);
  check(!await banner.isVisible(), 'the banner stays');
  check(!(await page.title()).startsWith('(lost)'), 'the title still says that the server is lost');
  check(await page.evaluate(() => window.__same), 'the page was loaded anew');
  equal(await setUp(), before, 'set up, after recovery');
  ok('recovers by itself; sort, search, range, open details, focus and scroll are kept');
  await nextUpdate(page);
  await page.waitForSelector('#totals .plot');
  equal(await page.evaluate(() => window.__violations), [], 'violations');
  ok('and goes on');
});
