// Writes screenshots of the dashboard: screenshots.mjs URL DIRECTORY [NAME]

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ok, run } from './common.mjs';

await run('screenshots.mjs URL DIRECTORY [NAME]', 2, async (open, [url, directory, name = 'dashboard']) => {
  mkdirSync(directory, { recursive: true });
  for (const width of [360, 800, 1600]) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open(url, { viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' });
      await page.waitForSelector('#totals .plot svg, #no-networks:not([hidden])');
      // Only visible charts load their history.
      for (const card of (await page.locator('article').all()).slice(0, 4)) {
        await card.scrollIntoViewIfNeeded();
        if (await card.locator('.history[open]').count()) await card.locator('.plot svg').waitFor();
      }
      await page.evaluate(() => scrollTo(0, 0));
      const file = join(directory, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path: file, fullPage: width !== 360 || name !== 'dashboard' });
      ok(`wrote ${file}`);
      await page.context().close();
    }
  }
});
