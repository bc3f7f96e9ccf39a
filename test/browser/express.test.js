'use strict';
// The Express app of examples/express-sign-in against the real server, in a real browser: what a
// newcomer sees first. Sign-in, consent, refresh, sign-out at the server, and a refusal.

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const path = require('node:path');
const { startBrowser, openPage, axe, shot } = require('./lib/browser');
const { startPostern, freePort } = require('../interop/lib/postern');

const APP = path.join(__dirname, '..', '..', 'examples', 'express-sign-in', 'server.js');
const PASSWORD = 'seventeen purple herons';

describe('the Express app of the examples', () => {
  let p, app, url, browser;
  before(async () => {
    p = await startPostern();
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const org = await p.cli(['org', 'create', '--name', 'Herons']);
    await p.cli(['user', 'create', '--org', org.id, '--username', 'ada', '--email',
      'ada@example.org', '--email-verified', '--name', 'Ada <Adams>', '--password-stdin'],
    { input: PASSWORD });
    const c = await p.cli(['client', 'create', '--org', org.id, '--name', 'Express Demo',
      '--scope', 'openid profile email offline_access', '--redirect-uri', `${url}/callback`,
      '--post-logout-redirect-uri', `${url}/signed-out`]);
    app = spawn(process.execPath, [APP], {
      env: { PATH: process.env.PATH, ISSUER: p.url, PORT: String(port), CLIENT_ID: c.client_id,
        CLIENT_SECRET: c.client_secret },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((done, failed) => {
      app.stdout.on('data', (d) => String(d).includes('signs people in') && done());
      app.on('exit', () => failed(new Error('the app ended')));
    });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    app?.kill();
    await p?.stop();
  });

  const heading = (page) => page.locator('h1').innerText();

  async function signIn(page) {
    await page.goto(url);
    await page.getByRole('link', { name: 'Sign in with Postern' }).click();
    await page.locator('input[name=login]').fill('ada');
    await page.locator('input[name=password]').fill(PASSWORD);
    await page.locator('input[name=password]').press('Enter');
    await page.waitForLoadState();
  }

  test('signs in, shows claims, refreshes and signs out', async () => {
    const page = await openPage(browser);
    await signIn(page);
    await page.locator('button[name=action][value=allow]').click();
    await page.waitForURL(`${url}/`);
    assert.equal(await heading(page), 'Hello, Ada <Adams>');
    const table = await page.locator('table').innerText();
    for (const text of ['sub', 'preferred_username', 'ada@example.org', 'email_verified']) {
      assert.ok(table.includes(text), text);
    }
    assert.deepEqual(await axe(page), []);
    await shot(page, 'express_signed_in');
    for (const times of [1, 2]) {
      await page.getByRole('button', { name: 'Refresh' }).click();
      await page.waitForURL(`${url}/`);
      assert.match(await page.locator('.note').innerText(), new RegExp(`refreshed ${times} times`));
    }

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(/signed-out/);
    assert.equal(await heading(page), 'You are signed out');
    await page.goto(url);
    assert.equal(await heading(page), 'Welcome');
    await page.getByRole('link', { name: 'Sign in with Postern' }).click();
    assert.ok(await page.locator('input[name=password]').isVisible(), 'the session at Postern is over');
    await page.context().close();
  });

  test('a person who declines comes back to a page that says so', async () => {
    await p.cli(['consent', 'revoke', '--user', 'ada', '--client',
      (await p.cli(['client', 'list']))[0].client_id]);
    const page = await openPage(browser, { width: 320, dark: true });
    await signIn(page);
    await page.locator('button[name=action][value=deny]').click();
    await page.waitForURL(/callback/);
    assert.equal(await heading(page), 'You were not signed in');
    assert.deepEqual(await axe(page), []);
    await shot(page, 'express_declined_320_dark');
    await page.context().close();
  });
});
