// Accessibility checks of axe-core, in both colour schemes and at phone width: axe.mjs URL

import { axeSource, check, equal, noErrors, ok, openEverything, overflow, run } from './common.mjs';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];

await run('axe.mjs URL', 1, async (open, [url]) => {
  for (const width of [360, 1600]) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open(url, { viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' });
      await page.waitForSelector('#totals .plot svg, #totals .plot p, #no-networks:not([hidden])');
      // The page's policy forbids other scripts, but not those of the debugger.
      await page.evaluate(axeSource);
      for (const state of ['as it opens', 'with everything open']) {
        if (state !== 'as it opens') await openEverything(page);
        const result = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), RULES);
        check(result.passes.length > 20, `axe checked only ${result.passes.length} rules`);
        const found = result.violations.map((rule) => `${rule.id}: ${rule.help}: ${rule.nodes.slice(0, 3).map((node) => `${node.html} (${node.failureSummary})`).join('; ')}`);
        equal(found, [], `violations at ${width} px, ${colorScheme}, ${state}`);
        equal(await overflow(page), null, `wider than the window at ${width} px, ${state}`);
      }
      await noErrors(page);
      ok(`${width} px, ${colorScheme}: no violation, nothing wider than the window`);
      await page.context().close();
    }
  }
  const page = await open(url, { viewport: { width: 320, height: 640 } });
  await openEverything(page);
  equal(await overflow(page), null, 'wider than the window at 320 px');
  ok('320 px: nothing wider than the window');
});
