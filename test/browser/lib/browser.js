'use strict';
// The Chromium that Debian packages, driven by playwright-core.
//
//     const browser = await startBrowser();
//     const page = await openPage(browser, { width: 320, dark: true, locale: 'de', script: false });
//     await page.goto(...)
//     await axe(page)                 violations of axe-core's default rules, as readable lines
//     await shot(page, 'sign_in')     build/screenshots/sign_in.png, the whole page
//     await browser.close()
//
// Each page has a context of its own, so its cookies are its own. CHROMIUM names another binary.

const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const SHOTS = path.join(__dirname, '..', '..', '..', 'build', 'screenshots');

function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: FLAGS,
  });
}

async function openPage(browser, { width = 1280, height = 800, dark = false, locale = 'en-US',
  script = true } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale,
    timezoneId: 'UTC',
    javaScriptEnabled: script,
  });
  const page = await context.newPage();
  page.problems = []; // what the console calls an error, above all refusals by the CSP
  page.on('console', (m) => {
    if (m.type() === 'error') page.problems.push(m.text());
  });
  page.on('pageerror', (e) => page.problems.push(String(e)));
  return page;
}

// axe runs in the page's own world by the debugger, so the page's CSP does not concern it.
async function axe(page) {
  const source = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' | ')}`);
}

async function shot(page, name) {
  fs.mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
}

module.exports = { startBrowser, openPage, axe, shot };
