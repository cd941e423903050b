// What the browser tests share: the browser, what it must not do, and how the page is read.

import { createRequire } from 'node:module';

// The modules live below target/, so that nothing is written beside the sources.
const modules = process.env.WGSTAT_BROWSER_MODULES ?? new URL('../../target/browser/', import.meta.url).pathname;
const require = createRequire(`${modules.replace(/\/*$/, '/')}package.json`);
export const { chromium } = require('playwright-core');
export const axeSource = require('axe-core').source;

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

/** How long a page may take to do what it is to do by itself. Never what is asserted. */
export const PATIENCE = 60_000;

export function ok(name) {
  console.log(`ok ${name}`);
}

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

export function equal(actual, expected, what) {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
  check(one === other, `${what}: the page has ${one}, not ${other}`);
}

/**
 * Runs a test in a browser of its own, and ends the program: 0 when it passed, 1 with a message when not.
 * `test(open, args)`; `open(url, options)` gives a page whose trouble ends up in `page.trouble`.
 */
export async function run(usage, least, test) {
  const args = process.argv.slice(2);
  if (args.length < least) {
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
  page.trouble = [];
  page.statuses = [];
  page.histories = [];
  const origin = new URL(url).origin;
  const note = (text) => page.trouble.push(text);
  page.on('console', (message) => { if (message.type() === 'error') note(`console: ${message.text()}`); });
  page.on('pageerror', (error) => note(`exception: ${error}`));
  page.on('dialog', (dialog) => { note(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('requestfailed', (request) => note(`failed: ${request.url()}: ${request.failure()?.errorText}`));
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== 'data:' && asked.origin !== origin) note(`another origin: ${request.url()}`);
    if (request.method() !== 'GET') note(`${request.method()}: ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() !== 200) note(`${response.status()}: ${response.url()}`);
    // The very documents that the page was given; asked for again, the numbers would be others.
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

/** Nothing of what a page must not do happened. */
export async function noTrouble(page) {
  equal([...page.trouble, ...await page.evaluate(() => window.__violations)], [], 'trouble in the browser');
}

/** Waits for an update that is not the one with this timestamp, and gives its own. */
export async function nextUpdate(page, timestamp) {
  const before = timestamp ?? await page.evaluate(() => document.body.dataset.timestamp);
  await page.waitForFunction((old) => document.body.dataset.state === 'ok' && document.body.dataset.timestamp !== old, before);
  return page.evaluate(() => document.body.dataset.timestamp);
}

/** The document that the page shows, as it was received. */
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

/** A name as the page shows it: invisible and turning characters as escapes. */
export function printable(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) => {
    const code = c.charCodeAt(0).toString(16);
    return c < '\u0080' ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}

/** The widest thing that reaches beyond the window, or null. */
export function overflow(page) {
  return page.evaluate(() => {
    const room = document.documentElement.clientWidth;
    return document.documentElement.scrollWidth > room ? `${document.documentElement.scrollWidth} > ${room} px` : null;
  });
}
