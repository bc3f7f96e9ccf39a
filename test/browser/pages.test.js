'use strict';
// Every page in Debian's Chromium: by mouse, by keyboard alone, without scripts; 1280 and 320 px;
// light and dark; three languages; axe-core's default rules without a violation. The pictures are
// kept in build/screenshots.

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { startWorld, PASSWORD, REDIRECT } = require('../interop/lib/relying_party');
const { startBrowser, openPage } = require('./lib/browser');
const { Walk } = require('./lib/walk');

const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

let w;
let browser;
let client;
let other;

before(async () => {
  w = await startWorld();
  browser = await startBrowser();
  await w.addUser('grace');
  client = await w.client('Analytical Notes', ['--response-mode', 'query', '--response-mode',
    'form_post', '--grant', 'device_code', '--post-logout-redirect-uri', 'https://app.example/bye',
    '--policy-uri', 'https://app.example/privacy', '--tos-uri', 'https://app.example/terms']);
  other = await w.client('Difference Engine');
});

after(async () => {
  if (browser) await browser.close();
  if (w) await w.stop();
});

const authorize = (more = {}, c = client) => `${w.p.url}/oauth2/authorize?${new URLSearchParams({
  client_id: c.client_id, redirect_uri: REDIRECT, response_type: 'code', state: 'x&y',
  scope: 'openid profile email offline_access', code_challenge: CHALLENGE,
  code_challenge_method: 'S256', ...more })}`;

async function open(options = {}, walk = {}) {
  const page = await openPage(browser, options);
  return new Walk(page, { name: 'plain', ...walk, script: options.script !== false }).start();
}

async function signIn(walk, login = 'ada', password = PASSWORD) {
  await walk.fill({ login, password });
  await walk.press('Sign in');
}

async function device() {
  const r = await fetch(`${w.p.url}/oauth2/device_authorization`, { method: 'POST', headers: {
    authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`)
      .toString('base64')}` }, body: new URLSearchParams({ scope: 'openid' }) });
  assert.equal(r.status, 200);
  return r.json();
}

const WAYS = [
  ['mouse, 1280 px, light', { width: 1280 }, { name: '1280.light' }],
  ['mouse, 320 px, dark', { width: 320, height: 640, dark: true }, { name: '320.dark' }],
  ['keyboard alone, 1280 px, dark', { width: 1280, dark: true },
    { name: '1280.dark', keyboard: true }],
  ['keyboard alone, 320 px, light', { width: 320, height: 640 },
    { name: '320.light', keyboard: true }],
  ['no scripts, 320 px', { width: 320, height: 640, script: false }, { name: 'noscript' }],
];

for (const [how, options, walkOptions] of WAYS) {
  test(`through every page: ${how}`, async () => {
    // Keyboard walks look at document.activeElement, which playwright does without page scripts too.
    const walk = await open(options, walkOptions);
    const { page } = walk;

    await page.goto(authorize({ prompt: 'consent' }));
    await walk.at('Sign in', 'sign_in');
    await signIn(walk, 'ada', 'not the right password');
    await walk.at('Sign in', 'sign_in_wrong');
    assert.match(await page.locator('[role="alert"]').textContent(), /not right/);
    assert.equal(await page.locator('input[name="login"]').inputValue(), 'ada');
    await signIn(walk);
    await walk.at('Allow Analytical Notes to use your account?', 'consent');
    assert.match(await page.locator('main').textContent(), /app\.example/, 'security.md 15');
    await walk.press('Allow');
    const back = await walk.returned();
    assert.equal(back.params.get('state'), 'x&y');
    assert.ok(back.params.get('code'));

    await page.goto(authorize({ response_mode: 'form_post' }));
    const posted = walk.script ? await walk.returned() : await (async () => {
      await walk.at('One moment', 'form_post');
      await walk.press('Continue');
      return walk.returned();
    })();
    assert.equal(posted.method, 'POST');
    assert.equal(posted.url.search, '');
    assert.ok(posted.params.get('code'));

    await page.goto(authorize({ prompt: 'select_account' }));
    await walk.at('Choose an account', 'choose');
    await walk.press('Use another account');
    await walk.at('Sign in', 'sign_in_other');
    await signIn(walk, 'Grace@Example.com');
    await walk.at('Allow Analytical Notes to use your account?', 'consent_other');
    await walk.press('Don’t allow');
    assert.equal((await walk.returned()).params.get('error'), 'access_denied');

    const d = await device();
    await page.goto(`${w.p.url}/device`);
    await walk.at('Connect a device', 'device');
    await walk.fill({ user_code: 'wrong-code' });
    await walk.press('Continue');
    await walk.at('Connect a device', 'device_wrong');
    await walk.fill({ user_code: d.user_code.toLowerCase().replace('-', ' ') });
    await walk.press('Continue');
    await walk.at('Connect Analytical Notes on your device?', 'device_confirm');
    await walk.press('Allow');
    await walk.at('Your device is connected', 'device_done');

    await page.goto(`${w.p.url}/account`);
    await walk.at('Your account', 'account');
    await walk.fill({ present: 'wrong', fresh: 'short' });
    await walk.press('Change password');
    await walk.at('Your account', 'account_problem');
    await page.locator('[role="alert"]').waitFor();

    await page.goto(`${w.p.url}/oauth2/logout`);
    await walk.at('Sign out?', 'sign_out');
    await walk.press('Sign out');
    await walk.at('You are signed out', 'signed_out');

    await page.goto(authorize({ redirect_uri: 'https://evil.example/' }));
    await page.locator('h1').waitFor();
    walk.page.problems.length = 0; // Chromium notes the status 400
    await walk.at('This link does not work', 'error');
    assert.match(await page.locator('main').textContent(), /[0-9a-f]{8}-[0-9a-f]{4}/, 'error id');
    assert.equal(walk.calls.filter((c) => c.url.host === 'evil.example').length, 0);
    await page.context().close();
  });
}

test('languages: Accept-Language, and ui_locales before it', async () => {
  const german = await open({ locale: 'de-AT' }, { name: 'de' });
  await german.page.goto(authorize());
  await german.at('Anmelden', 'sign_in');
  assert.equal(await german.page.locator('html').getAttribute('lang'), 'de');
  await german.page.goto(authorize({ ui_locales: 'xx fr-CA en' }));
  assert.equal(await german.page.locator('html').getAttribute('lang'), 'fr');
  german.name = 'fr';
  await german.at(await german.page.locator('h1').textContent(), 'sign_in');
  await german.page.context().close();
});

test('A27: two tabs with two clients do not mix client, scope or state', async () => {
  const one = await open();
  await one.page.goto(authorize({ state: 'first', prompt: 'consent' }));
  const page = await one.page.context().newPage();
  page.problems = [];
  const two = await new Walk(page, { name: 'tab2' }).start();
  await page.goto(authorize({ state: 'second', scope: 'openid', prompt: 'consent' }, other));
  await signIn(one);
  await one.at('Allow Analytical Notes to use your account?', 'tab1_consent');
  await signIn(two, 'grace');
  await two.at('Allow Difference Engine to use your account?', 'tab2_consent');
  for (const [tab, state] of [[one, 'first'], [two, 'second']]) {
    await tab.page.bringToFront();
    await tab.press('Allow');
    assert.equal((await tab.returned()).params.get('state'), state);
  }
  await one.page.context().close();
});

test('the back button: the form before works again, and GET approves nothing (A29)', async () => {
  const walk = await open();
  await walk.page.goto(authorize({ prompt: 'consent' }));
  await signIn(walk);
  await walk.at('Allow Analytical Notes to use your account?', 'back_consent');
  await walk.press('Allow');
  const first = await walk.returned();
  await walk.page.goto(authorize({ prompt: 'consent', state: 'again' }));
  await walk.at('Allow Analytical Notes to use your account?', 'back_again');
  await walk.page.goto(`${w.p.url}/account`);
  await walk.page.goBack();
  await walk.press('Allow');
  const second = await walk.returned();
  assert.equal(second.params.get('state'), 'again');
  assert.notEqual(second.params.get('code'), first.params.get('code'));
  await walk.page.context().close();
});

// Posts of the consent form that leave the browser; `hold` says what becomes of each.
async function watchConsent(walk, hold) {
  const posts = [];
  await walk.page.route(`${w.p.url}/consent`, async (route) => {
    posts.push(route.request().postData());
    await hold(route, posts.length);
  });
  return posts;
}

test('a second press while the first is on its way sends nothing: on to the client, no 403',
  async () => {
    for (const [name, slow] of [['at once', 0], ['a slow line', 400]]) {
      const walk = await open();
      await walk.page.goto(authorize({ prompt: 'consent', state: name }));
      await signIn(walk);
      await walk.at('Allow Analytical Notes to use your account?', 'twice_consent');
      const posts = await watchConsent(walk, async (route) => {
        await new Promise((done) => { setTimeout(done, slow); });
        await route.continue();
      });
      await walk.page.getByRole('button', { name: 'Allow', exact: true }).dblclick();
      const back = await walk.returned();
      assert.equal(back.params.get('state'), name);
      assert.ok(back.params.get('code'), name);
      assert.equal(posts.length, 1, name);
      assert.match(posts[0], /(^|&)action=allow(&|$)/, 'the button that was pressed is sent');
      await walk.page.context().close();
    }
  });

test('a form that went out works again for who comes back to it', async () => {
  const walk = await open();
  await walk.page.goto(authorize({ prompt: 'consent' }));
  await signIn(walk);
  await walk.at('Allow Analytical Notes to use your account?', 'once_more');
  const posts = await watchConsent(walk, (route, n) => (n === 1 ? route.abort('aborted')
    : route.continue()));
  await walk.press('Allow');
  while (posts.length < 1) await walk.page.waitForTimeout(20);
  assert.equal(await walk.page.locator('body').getAttribute('aria-busy'), 'true');
  await walk.press('Allow'); // still on its way, for all the page knows
  // As the browser says when it shows a page that it has kept as it was.
  await walk.page.evaluate(() => window.dispatchEvent(
    new PageTransitionEvent('pageshow', { persisted: true })));
  assert.equal(posts.length, 1);
  assert.equal(await walk.page.locator('body[aria-busy]').count(), 0);
  await walk.press('Allow');
  assert.ok((await walk.returned()).params.get('code'));
  assert.equal(posts.length, 2);
  await walk.page.context().close();
});

test('a session ended on the account page is over; consent taken back is asked again', async () => {
  const here = await open();
  const there = await open();
  for (const walk of [here, there]) {
    await walk.page.goto(authorize({ scope: 'openid' }, other));
    await signIn(walk);
    await walk.page.waitForLoadState();
    if (await walk.page.getByRole('button', { name: 'Allow', exact: true }).count()) {
      await walk.press('Allow');
    }
    await walk.returned();
  }
  await here.page.goto(`${w.p.url}/account`);
  await here.press('Sign out everywhere else');
  await here.page.locator('[role="status"], .notice').first().waitFor();
  await there.page.goto(authorize({ scope: 'openid' }, other));
  await there.at('Sign in', 'session_ended');
  await here.page.getByRole('button', { name: 'Remove access of Difference Engine' }).click();
  await here.page.locator('[role="status"], .notice').first().waitFor();
  await here.page.goto(authorize({ scope: 'openid' }, other));
  await here.at('Allow Difference Engine to use your account?', 'consent_again');
  await here.page.context().close();
  await there.page.context().close();
});

test('A25: the page may not be framed; its headers say so', async () => {
  const walk = await open();
  const r = await walk.page.goto(authorize());
  const h = r.headers();
  assert.match(h['content-security-policy'], /default-src 'none'/);
  assert.match(h['content-security-policy'], /frame-ancestors 'none'/);
  assert.doesNotMatch(h['content-security-policy'], /unsafe/);
  assert.equal(h['x-frame-options'], 'DENY');
  assert.equal(h['x-content-type-options'], 'nosniff');
  assert.equal(h['referrer-policy'], 'no-referrer');
  assert.equal(h['cross-origin-opener-policy'], 'same-origin');
  assert.equal(h['cache-control'], 'no-store');
  const frame = await open();
  await frame.page.route('https://app.example/frame', (route) => route.fulfill({
    contentType: 'text/html', body: `<iframe src="${authorize().replace(/&/g, '&amp;')}"></iframe>` }));
  await frame.page.goto('https://app.example/frame');
  await frame.page.waitForTimeout(500);
  const inner = frame.page.frames()[1];
  assert.equal(inner ? await inner.locator('form').count().catch(() => 0) : 0, 0);
  await walk.page.context().close();
  await frame.page.context().close();
});
