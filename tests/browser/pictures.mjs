// Writes the pictures of the README: pictures.mjs URL TERMINAL DIRECTORY. TERMINAL is the output of `tmux capture-pane -e -p`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ok, run } from './common.mjs';

const COLOURS = ['#1d1f21', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#c8ccd4'];

/** Converts terminal text with its escapes for colour and weight to HTML. */
function html(text) {
  let style = {};
  let out = '';
  for (const part of text.split(/(\x1b\[[0-9;]*m)/)) {
    const escape = /^\x1b\[([0-9;]*)m$/.exec(part);
    if (!escape) {
      const css = [
        style.reverse ? `background:${style.colour ?? '#c8ccd4'};color:#1d1f21` : style.colour && `color:${style.colour}`,
        style.bold && 'font-weight:bold', style.dim && 'opacity:.6',
      ].filter(Boolean).join(';');
      const shown = part.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
      out += css ? `<span style="${css}">${shown}</span>` : shown;
      continue;
    }
    for (const code of (escape[1] || '0').split(';').map(Number)) {
      if (code === 0) style = {};
      else if (code === 1) style.bold = true;
      else if (code === 2) style.dim = true;
      else if (code === 7) style.reverse = true;
      else if (code === 22) style.bold = style.dim = false;
      else if (code === 27) style.reverse = false;
      else if (code >= 30 && code <= 37) style.colour = COLOURS[code - 30];
      else if (code === 39) style.colour = undefined;
      else if (code >= 90 && code <= 97) style.colour = code === 90 ? '#7f848e' : COLOURS[code - 90];
    }
  }
  return out;
}

await run('pictures.mjs URL TERMINAL DIRECTORY', 3, async (open, [url, terminal, directory]) => {
  const page = await open(url, { viewport: { width: 1100, height: 760 }, colorScheme: 'light', reducedMotion: 'reduce' });
  await page.waitForSelector('#totals .plot svg');
  await page.screenshot({ path: join(directory, 'dashboard.png') });
  ok('dashboard.png');
  // This page has no policy, because colours are inline styles.
  const screen = await open('data:text/html,<body data-state=ok>', { viewport: { width: 860, height: 560 }, deviceScaleFactor: 1.5 });
  await screen.setContent(`<pre style="margin:0;padding:14px;background:#1d1f21;color:#c8ccd4;width:max-content;
    font:14px/1.25 'DejaVu Sans Mono',monospace">${html(readFileSync(terminal, 'utf8').trimEnd())}</pre>`);
  await screen.locator('pre').screenshot({ path: join(directory, 'watch.png') });
  ok('watch.png');
});
