// Thousands of peers: many.mjs URL. One network of the server has more than 1,000 peers.

import { check, equal, keyOf, nextUpdate, noErrors, ok, run, shownStatus } from './common.mjs';

await run('many.mjs URL', 1, async (open, [url]) => {
  const page = await open(url);
  const status = await shownStatus(page, await page.evaluate(() => document.body.dataset.timestamp));
  const network = status.networks.find((one) => (one.peers ?? []).length > 1000);
  check(network, 'no network of this server has more than 1,000 peers');
  const card = page.locator(`article[data-network=${JSON.stringify(keyOf(network))}]`);
  await card.locator('.peers').evaluate((details) => { details.open = true; });
  await card.locator('[data-peer]').first().waitFor();
  const keys = () => card.locator('[data-peer]').evaluateAll((rows) => rows.map((row) => row.dataset.peer));
  const nodes = () => page.evaluate(() => document.querySelectorAll('*').length);
  const bound = 400 + 400 * status.networks.length + 50 * 20 * status.networks.length;

  equal((await keys()).length, 50, 'rows of the first page');
  check(await nodes() < bound, `${await nodes()} nodes for ${network.peers.length} peers`);
  ok(`50 of ${network.peers.length} peers, ${await nodes()} nodes`);

  const middle = network.peers[network.peers.length >> 1];
  const search = card.locator('.peers input[type=search]');
  await search.fill(middle.public_key);
  equal(await keys(), [middle.public_key], 'found by key');
  await search.fill(middle.allowed_ips[0] ?? middle.public_key);
  check((await keys()).includes(middle.public_key), 'not found by its allowed IP');
  await search.fill('no peer has this');
  equal(await keys(), [], 'found by nonsense');
  check((await card.locator('.matches').textContent()).startsWith('0 of '), 'the count of matches is missing');
  await search.fill('');
  ok('finds a peer by key and by address, and shows when there is none');

  for (const [title, of] of [['Received', (peer) => peer.transfer_rx], ['Sent', (peer) => peer.transfer_tx], ['Handshake', (peer) => peer.last_handshake]]) {
    const head = card.locator('thead th', { has: page.getByRole('button', { name: title, exact: true }) });
    for (const [direction, sign] of [['descending', -1], ['ascending', 1]]) {
      for (let click = 0; click < 2 && await head.getAttribute('aria-sort') !== direction; click += 1) await head.locator('button').click();
      equal(await head.getAttribute('aria-sort'), direction, `sort by ${title}`);
      const timestamp = await page.evaluate(() => document.body.dataset.timestamp);
      const rows = await keys();
      if (await page.evaluate(() => document.body.dataset.timestamp) !== timestamp) continue;
      const peers = (await shownStatus(page, timestamp)).networks.find((one) => keyOf(one) === keyOf(network)).peers;
      // Unknown values come last in both directions.
      const rank = (peer) => of(peer) ?? sign * Infinity;
      const wanted = peers.map(rank).sort((one, other) => one === other ? 0 : sign * (one - other)).slice(0, 50);
      const byKey = new Map(peers.map((peer) => [peer.public_key, peer]));
      equal(rows.map((key) => String(of(byKey.get(key)))), wanted.map((value) => String(Math.abs(value) === Infinity ? null : value)),
        `${title}, ${direction}`);
    }
  }
  ok('sorts all peers, not only the page');

  await card.locator('.pager .next').click();
  const second = await keys();
  check((await card.locator('.page').textContent()).startsWith('51 to 100 of '), 'the second page does not show its range');
  await card.locator('thead button', { hasText: 'Allowed IPs' }).click();
  check((await card.locator('.page').textContent()).startsWith('1 to 50 of '), 'another order does not start at the first page');
  await card.locator('.pager .next').click();
  check(String(await keys()) !== String(second), 'another order has the same page');
  ok('turns pages');

  // An update changes at most the rows of one page, however many peers there are.
  const before = await nodes();
  await page.evaluate(() => {
    window.__changes = 0;
    new MutationObserver((records) => {
      for (const record of records) window.__changes += 1 + record.addedNodes.length + record.removedNodes.length;
    }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  });
  await nextUpdate(page);
  const touched = await page.evaluate(() => window.__changes);
  check(touched < 2 * bound, `an update touched ${touched} nodes`);
  check(Math.abs(await nodes() - before) < 100, `the document grew from ${before} to ${await nodes()} nodes by an update`);
  check((await card.locator('.page').textContent()).startsWith('51 to 100 of '), 'an update turned the page');
  equal((await keys()).length, 50, 'rows after an update');
  ok(`an update touches ${touched} nodes and leaves ${await nodes()} nodes`);
  await noErrors(page);
  ok('no errors');
});
