// Names with markup are shown as text: hostile.mjs URL. The server has at least one such name.

import { check, equal, nextUpdate, noErrors, ok, openEverything, overflow, printable, run, shownStatus } from './common.mjs';

/** Returns all texts of a document that come from outside. */
function texts(status) {
  const found = new Set();
  for (const network of status.networks) {
    for (const text of [network.interface, network.name, network.alias, network.netns]) if (text) found.add(text);
    for (const peer of network.peers ?? []) for (const text of [peer.name, peer.endpoint]) if (text) found.add(text);
  }
  for (const finding of status.findings) found.add(finding.summary).add(finding.cause).add(finding.remedy);
  for (const problem of status.problems) found.add(problem.message);
  return [...found];
}

await run('hostile.mjs URL', 1, async (open, [url]) => {
  for (const width of [360, 1600]) {
    const page = await open(url, { viewport: { width, height: 900 } });
    await openEverything(page);
    const census = () => page.evaluate(() => {
      const count = {};
      for (const node of document.querySelectorAll('*')) count[node.localName] = (count[node.localName] ?? 0) + 1;
      return count;
    });
    await page.waitForSelector('article');
    const timestamp = await page.evaluate(() => document.body.dataset.timestamp);
    const status = await shownStatus(page, timestamp);
    const markup = texts(status).filter((text) => /<[a-z]/i.test(text));
    check(markup.length > 0, 'no text of this server has markup in it');

    const seen = await page.evaluate(() => document.body.textContent);
    const names = status.networks.flatMap((network) => [network.interface, ...(network.peers ?? []).slice(0, 50).map((peer) => peer.name)]).filter(Boolean);
    for (const name of names) check(seen.includes(printable(name)), `${JSON.stringify(name)} is not on the page as text`);
    const missing = markup.filter((text) => !seen.toLowerCase().includes(printable(text).toLowerCase().slice(0, 60)));
    equal(missing, [], 'texts with markup that are not on the page as text');
    ok(`${width} px: ${markup.length} texts with markup are there as text`);

    const count = await census();
    for (const tag of ['img', 'iframe', 'object', 'embed', 'video', 'audio', 'form', 'base', 'marquee']) {
      equal(count[tag] ?? 0, 0, `<${tag}>`);
    }
    equal([count.script, count.style, count.link], [2, 1, 1], 'scripts, styles and links');
    equal(await page.evaluate(() => window.__owned), undefined, 'window.__owned');
    const handlers = await page.evaluate(() => [...document.querySelectorAll('*')].flatMap((node) =>
      [...node.attributes].filter((one) => one.name.startsWith('on') || one.name === 'style').map((one) => `${node.localName} ${one.name}`)));
    equal(handlers, [], 'attributes that run or style');
    const links = await page.evaluate(() => [...document.querySelectorAll('a')].map((link) => link.getAttribute('href')));
    for (const link of links) check(link === null || /^(#(main|n\d+)|metrics|api\/status|health)$/.test(link), `a link to ${link}`);
    ok(`${width} px: they made no element, attribute or link`);

    const hasControl = await page.evaluate(() => /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u0000-\u0008\u000e-\u001f\u007f-\u009f]/.test(document.body.innerText));
    check(!hasControl, 'the page has a control character or one that changes the direction of text');
    equal(await overflow(page), null, 'wider than the window');
    ok(`${width} px: no text changes direction, nothing is wider than the window`);

    await nextUpdate(page, timestamp);
    equal(await page.evaluate(() => window.__owned), undefined, 'window.__owned after an update');
    await noErrors(page);
    ok(`${width} px: the same after an update`);
    await page.context().close();
  }
});
