// Every number on the page is the API's: numbers.mjs URL
//
// The page is compared with the responses that it received, before and after an update.

import { check, equal, keyOf, nextUpdate, noErrors, ok, openEverything, run, shownStatus } from './common.mjs';

const NINE = ['rx_bytes', 'tx_bytes', 'rx_packets', 'tx_packets', 'rx_errors', 'tx_errors', 'rx_dropped', 'tx_dropped', 'multicast'];

const text = (value) => value === null || value === undefined ? '' : String(value);

/** Returns what the page has to show for a document: {section: {field: value}}. */
function expected(status) {
  const sections = {};
  const totals = sections.totals = {};
  for (const counter of NINE) {
    const rates = status.networks.map((network) => network.rates?.[counter]).filter((rate) => typeof rate === 'number');
    totals[`total_${counter}`] = text(status.totals[counter]);
    totals[`total_rate_${counter}`] = text(rates.length ? rates.reduce((sum, rate) => sum + rate, 0) : null);
  }
  for (const network of status.networks) {
    const fields = sections[`network ${keyOf(network)}`] = {};
    for (const counter of NINE) {
      fields[counter] = text(network.interface_stats[counter]);
      fields[`rate_${counter}`] = text(network.rates?.[counter]);
    }
    for (const [counter, value] of Object.entries(network.interface_stats_detail)) if (value) fields[counter] = text(value);
    for (const peer of network.peers ?? []) {
      sections[`peer ${keyOf(network)} ${peer.public_key}`] = {
        online: text(peer.online), last_handshake: text(peer.last_handshake), transfer_rx: text(peer.transfer_rx),
        transfer_tx: text(peer.transfer_tx), rate_rx_bytes: text(peer.rates?.rx_bytes), rate_tx_bytes: text(peer.rates?.tx_bytes),
      };
    }
  }
  return sections;
}

/** Returns what the page shows, and its timestamp. */
function shown(page) {
  return page.evaluate(() => {
    const sections = {};
    for (const node of document.querySelectorAll('[data-field]')) {
      const card = node.closest('[data-network]')?.dataset.network;
      const peer = node.closest('[data-peer]')?.dataset.peer;
      const section = peer ? `peer ${card} ${peer}` : card === undefined ? 'totals' : `network ${card}`;
      sections[section] ??= {};
      if (node.dataset.field in sections[section]) throw new Error(`${section} has ${node.dataset.field} twice`);
      sections[section][node.dataset.field] = node.dataset.value;
    }
    return { sections, timestamp: document.body.dataset.timestamp };
  });
}

/** Returns the number of bytes of a text like `1.50 KiB`. */
function bytesIn(words) {
  const [, number, unit] = words.match(/^([\d.,]+) (B|[KMGTPE]iB)$/) ?? [];
  check(number, `"${words}" is not a number of bytes`);
  return Number(number.replaceAll(',', '')) * 1024 ** ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'].indexOf(unit);
}

function compare(have, want, all) {
  for (const section of Object.keys(have)) check(section in want, `the page shows ${section}, which the API does not have`);
  for (const [section, fields] of Object.entries(want)) {
    // Only one page of a long list is shown.
    if (!all && section.startsWith('peer ') && !(section in have)) continue;
    const sort = (some) => Object.entries(some ?? {}).sort(([one], [other]) => one < other ? -1 : 1);
    equal(sort(have[section]), sort(fields), section);
  }
}

await run('numbers.mjs URL', 1, async (open, [url]) => {
  const page = await open(url);
  await openEverything(page);
  await page.waitForSelector('#totals .plot svg, #totals .plot p');
  const loads = await page.evaluate(() => performance.getEntriesByType('navigation').length);
  await page.evaluate(() => { window.__same = true; });

  const compareAll = async (name) => {
    const { sections, timestamp } = await shown(page);
    const status = await shownStatus(page, timestamp);
    const few = status.networks.every((network) => (network.peers ?? []).length <= 50);
    compare(sections, expected(status), few);
    const numbers = Object.values(sections).reduce((sum, fields) => sum + Object.keys(fields).length, 0);
    check(numbers > 0, 'the page shows no number');
    equal(await page.locator('article').count(), status.networks.length, 'cards');
    equal(await page.locator('[data-finding]').count(), status.findings.length, 'findings');
    equal(await page.locator('[data-problem]').count(), status.problems.length, 'problems');
    ok(`${name}: ${numbers} numbers are the API's, of ${status.networks.length} networks`);
    return { status, timestamp };
  };

  const before = await compareAll('first');
  await nextUpdate(page, before.timestamp);
  const after = await compareAll('after an update');
  check(Number(after.timestamp) > Number(before.timestamp), 'the update is not newer than what it replaced');
  for (const counter of NINE) {
    check(after.status.totals[counter] >= before.status.totals[counter], `${counter} fell: did the networks change?`);
  }
  // The server's interval may be longer than the page's, so rates may take several updates.
  const rated = (status) => status.networks.some((network) => network.rates !== null);
  let third = after;
  for (let update = 0; update < 24 && !(update > 0 && rated(third.status)); update += 1) {
    await nextUpdate(page, third.timestamp);
    third = await compareAll('after another');
  }
  check(rated(third.status), 'no rates after two minutes');

  // The text and the value have the same unit.
  for (const cell of await page.locator('[data-field=rx_bytes], [data-field=transfer_rx], [data-field=total_tx_bytes]').all()) {
    // In one call, because the page may update at any time.
    const [value, words] = await cell.evaluate((node) => [node.dataset.value, node.textContent]);
    if (value === '') continue;
    check(Math.abs(bytesIn(words) - value) <= Math.max(1, value * 0.01), `${words} is not ${value} bytes`);
  }
  ok('units are those of the values');

  // The caption of the chart has the rate of the last step of the history.
  const history = (await Promise.all(page.histories)).filter((one) => one && one.interface === null).at(-1);
  const steps = (history?.samples ?? []).slice(1).map((sample, section) => [history.samples[section], sample]);
  const [old, last] = steps.at(-1) ?? [];
  if (last && !last.reset && last.rx_bytes !== null && old.rx_bytes !== null && last.timestamp > history.timestamp - 30) {
    const rate = (last.rx_bytes - old.rx_bytes) / (last.timestamp - old.timestamp);
    const caption = await page.locator('#totals figcaption').textContent();
    const read = bytesIn(caption.match(/Received: now (.*?)\/s/)?.[1] ?? '');
    check(Math.abs(read - rate) <= Math.max(1, rate * 0.01), `the chart says ${caption}, and the history ${rate} bytes/s`);
    check(await page.locator('#totals svg[role=img]').getAttribute('aria-label').then((label) => label.includes('Received: now')),
      'the chart has no text for screen readers');
    ok('the chart has the rates of the history');
  } else {
    ok('the history is too young for a chart');
  }

  check(await page.evaluate(() => window.__same), 'the page was reloaded');
  equal(await page.evaluate(() => performance.getEntriesByType('navigation').length), loads, 'loads');
  ok('updated without a reload');
  await noErrors(page);
  ok('no error, no violation of the policy, no other origin, no failed request');
});
