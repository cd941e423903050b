// Helpers of the browser tests: start the browser, record errors, read the page.

import { createRequire } from 'node:module';

// The modules are below target/, so that nothing is written next to the sources.
const modules = process.env.WGSTAT_BROWSER_MODULES ?? new URL('../../target/browser/', import.meta.url).pathname;
const require = createRequire(`${modules.replace(/\/*$/, '/')}package.json`);
export const { chromium } = require('playwright-core');
export const axeSource = require('axe-core').source;

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

/** Timeout of every wait, in milliseconds. */
export const PATIENCE = 60_000;

export function ok(name) {
  console.log(`ok ${name}`);
}

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

export function equal(actual, expected, name) {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
  check(one === other, `${name}: the page has ${one}, not ${other}`);
}

/**
 * Runs `test(open, args)` in its own browser and sets the exit code: 0 if it passed, else 1 with a message.
 * `open(url, options)` returns a page that records its errors in `page.errors`.
 */
export async function run(usage, minArguments, test) {
  const args = process.argv.slice(2);
  if (args.length < minArguments) {
    console.error(`usage: node ${usage}`);
    process.exit(2);
  }
  const browser = await chromium.launch({ executablePath: process.env.WGSTAT_CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  try {
    await test((url, options) => open(browser, url, options), args);
  } catch (error) {
    console.error(`not ok: ${error.stack ?? error}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.errors = [];
  page.statuses = [];
  page.histories = [];
  const origin = new URL(url).origin;
  const note = (text) => page.errors.push(text);
  page.on('console', (message) => { if (message.type() === 'error') note(`console: ${message.text()}`); });
  page.on('pageerror', (error) => note(`exception: ${error}`));
  page.on('dialog', (dialog) => { note(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('requestfailed', (request) => note(`failed: ${request.url()}: ${request.failure()?.errorText}`));
  page.on('request', (request) => {
    const requested = new URL(request.url());
    if (requested.protocol !== 'data:' && requested.origin !== origin) note(`another origin: ${request.url()}`);
    if (request.method() !== 'GET') note(`${request.method()}: ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() !== 200) note(`${response.status()}: ${response.url()}`);
    // Keep the documents that the page received: a second request would return other numbers.
    for (const [path, answers] of [['/api/status', page.statuses], ['/api/history', page.histories]]) {
      if (new URL(response.url()).pathname.endsWith(path) && response.ok()) answers.push(response.json().catch(() => null));
    }
  });
  await page.addInitScript(() => {
    window.__violations = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      window.__violations.push(`${event.violatedDirective}: ${event.blockedURI}: ${event.sample}`);
    });
  });
  await page.goto(url);
  await page.waitForSelector('body[data-state=ok]');
  return page;
}

/** Fails if the page had an error or violated its policy. */
export async function noErrors(page) {
  equal([...page.errors, ...await page.evaluate(() => window.__violations)], [], 'errors in the browser');
}

/** Waits for an update with another timestamp than this one, and returns the new timestamp. */
export async function nextUpdate(page, timestamp) {
  const before = timestamp ?? await page.evaluate(() => document.body.dataset.timestamp);
  await page.waitForFunction((old) => document.body.dataset.state === 'ok' && document.body.dataset.timestamp !== old, before);
  return page.evaluate(() => document.body.dataset.timestamp);
}

/** Returns the status document that the page shows, as received. */
export async function shownStatus(page, timestamp) {
  const all = (await Promise.all(page.statuses)).filter(Boolean);
  const found = all.findLast((status) => String(status.timestamp) === timestamp);
  check(found, `no answer of /api/status with timestamp ${timestamp} was seen`);
  return found;
}

export function keyOf(network) {
  return `${network.netns ?? ''}/${network.interface}`;
}

export async function openEverything(page) {
  await page.evaluate(() => { for (const details of document.querySelectorAll('main details')) details.open = true; });
}

/** Returns a name as the page shows it, with escapes for invisible characters and for those that change direction. */
export function printable(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) => {
    const code = c.charCodeAt(0).toString(16);
    return c < '\u0080' ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}

/** Returns by how much the document is wider than the window, or null. */
export function overflow(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    return document.documentElement.scrollWidth > width ? `${document.documentElement.scrollWidth} > ${width} px` : null;
  });
}
