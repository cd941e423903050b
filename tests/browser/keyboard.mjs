// Everything works with the keyboard alone, and the focus is visible: keyboard.mjs URL

import { check, equal, nextUpdate, noErrors, ok, run } from './common.mjs';

/** Returns what has focus, and whether the focus is visible. */
function focused(page) {
  return page.evaluate(() => {
    const node = document.activeElement;
    const seen = node.matches('fieldset input') ? node.nextElementSibling : node;
    const style = getComputedStyle(seen);
    const box = seen.getBoundingClientRect();
    // An element is identified by its position in the document, which an update does not change.
    const index = [...document.querySelectorAll('*')].indexOf(node);
    return {
      index, tag: node.tagName.toLowerCase(), text: node.textContent.trim().slice(0, 40), id: node.id, kind: node.className,
      outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
      inside: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
  });
}

/** Presses Tab until an element that matches the selector has focus. */
async function tabTo(page, selector) {
  for (let step = 0; step < 400; step += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return focused(page);
  }
  throw new Error(`the keyboard does not reach ${selector}`);
}

/** Moves the focus to the first stop. */
function fromTop(page) {
  return page.evaluate(() => { scrollTo(0, 0); document.querySelector('.skip').focus(); });
}

await run('keyboard.mjs URL', 1, async (open, [url]) => {
  const page = await open(url);
  await page.waitForSelector('.plot svg, .plot p');

  await page.keyboard.press('Tab');
  check((await focused(page)).kind === 'skip', 'the skip link is not the first stop');
  check((await focused(page)).inside, 'the skip link is not seen when it has focus');
  await page.keyboard.press('Enter');
  equal(await page.evaluate(() => document.activeElement.id), 'main', 'where the skip link leads');
  ok('the skip link leads to the content');

  // One round: each stop is visible, and everything that can be clicked is a stop.
  await fromTop(page);
  const stops = new Set([(await focused(page)).index]);
  const invisible = [];
  for (let step = 0; step < 3000; step += 1) {
    await page.keyboard.press('Tab');
    const stop = await focused(page);
    if (stop.tag === 'body' || stops.has(stop.index)) break;
    stops.add(stop.index);
    if (!stop.outline || !stop.inside) invisible.push(`${stop.tag} ${stop.kind} ${stop.text}`);
  }
  equal(invisible, [], 'stops without visible focus');
  const missed = await page.evaluate((reached) => {
    const places = [...document.querySelectorAll('*')];
    return [...document.querySelectorAll('a[href], button, select, summary, input')]
      .filter((node) => node.checkVisibility() && !reached.includes(places.indexOf(node)))
      // In a group of radio buttons the checked one is the stop; arrow keys reach the others.
      .filter((node) => node.type !== 'radio' || node.checked)
      .map((node) => `${node.tagName} ${node.className} ${node.textContent.trim()}`);
  }, [...stops]);
  equal(missed, [], 'elements that can be clicked but not reached');
  ok(`${stops.size} stops, each visible, and nothing missing`);

  await fromTop(page);
  await tabTo(page, '#totals fieldset input');
  equal(await page.evaluate(() => document.activeElement.value), '1 h', 'range that has focus');
  await page.keyboard.press('ArrowRight');
  equal(await page.evaluate(() => document.querySelector('#totals input:checked').value), '6 h', 'range after the right arrow');
  await page.keyboard.press('ArrowRight');
  equal(await page.evaluate(() => document.querySelector('#totals input:checked').value), '24 h', 'range after another');
  ok('arrows choose the range of a chart');

  if (await page.locator('#findings .info > summary').isVisible()) {
    await fromTop(page);
    await page.locator('#findings .info').evaluate((details) => { details.open = false; });
    await tabTo(page, '#findings .info > summary');
    await page.keyboard.press('Enter');
    check(await page.locator('#findings .info[open]').count(), 'Enter does not open the information');
    ok('Enter opens the information');
  }
  if (await page.locator('[data-finding] button').first().isVisible().catch(() => false)) {
    await fromTop(page);
    await tabTo(page, '[data-finding] button');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => /^(Copied|Selected)/.test(document.querySelector('#announcement').textContent));
    equal((await focused(page)).tag, 'button', 'focus after copying');
    ok('a fix is copied and announced');
  }

  const meaning = page.locator('.other summary').first();
  if (await meaning.isVisible()) {
    await tabTo(page, '.other summary');
    await page.keyboard.press('Space');
    check(await page.locator('.other[open]').count() === 1, 'Space does not open the meanings');
    await nextUpdate(page);
    check(await page.locator('.other[open]').count() === 1, 'an update closed what was open');
    ok('Space opens the meanings, and an update leaves them open');
  }

  await tabTo(page, '.peers input[type=search]');
  const key = await page.evaluate(() => document.activeElement.closest('article').querySelector('[data-peer]').dataset.peer);
  await page.keyboard.type(key.slice(0, 16));
  const rows = () => page.evaluate(() => [...document.activeElement.closest('article').querySelectorAll('[data-peer]')].map((row) => row.dataset.peer));
  equal(await rows(), [key], 'peers found by a key');
  const index = (await focused(page)).index;
  await nextUpdate(page);
  const kept = await focused(page);
  equal([kept.index, kept.outline], [index, true], 'focus after an update');
  equal(await rows(), [key], 'peers found, after an update');
  ok('search by key; an update leaves focus and search alone');
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');

  await tabTo(page, '.peers .full-keys');
  await page.keyboard.press('Enter');
  equal(await page.evaluate(() => document.activeElement.getAttribute('aria-pressed')), 'true', 'keys in full');
  check((await page.evaluate(() => document.activeElement.closest('article').querySelector('tbody th').textContent)).includes(key.slice(0, 5))
    || (await page.evaluate(() => document.activeElement.closest('article').querySelector('tbody th code').textContent.length)) === 44, 'keys are not in full');
  ok('keys in full');

  await tabTo(page, '.peers th button');
  const sort = () => page.evaluate(() => document.activeElement.closest('th').getAttribute('aria-sort'));
  await page.keyboard.press('Enter');
  equal(await sort(), 'ascending', 'sort by peer after Enter');
  await page.keyboard.press('Space');
  equal(await sort(), 'descending', 'sort by peer after Space');
  await nextUpdate(page);
  equal(await sort(), 'descending', 'sort by peer after an update');
  ok('sorts by Enter and Space, and an update keeps it');

  if (await page.locator('.pager:not([hidden])').count()) {
    await tabTo(page, '.pager .next');
    const first = await rows();
    await page.keyboard.press('Enter');
    check((await rows())[0] !== first[0], 'the next page is the same');
    equal((await focused(page)).kind, 'next', 'focus after turning the page');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    equal(await rows(), first, 'peers of the first page again');
    equal([(await focused(page)).kind, await page.evaluate(() => document.activeElement.getAttribute('aria-disabled'))], ['previous', 'true'],
      'focus on a disabled button');
    ok('turns pages, and keeps the focus at the last one');
  }
  await noErrors(page);
  ok('no errors');
});
