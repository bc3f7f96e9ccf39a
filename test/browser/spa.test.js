'use strict';
// oidc-client-ts in the browser as a single-page app: a public client with PKCE that calls the
// token endpoint and userinfo across origins, renews by its refresh token, and signs out.

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { startWorld, PASSWORD } = require('../interop/lib/relying_party');
const { startBrowser, openPage } = require('./lib/browser');

// The build for browsers lies beside the one that require finds.
const LIBRARY = fs.readFileSync(path.join(path.dirname(require.resolve('oidc-client-ts')),
  '..', 'browser', 'oidc-client-ts.min.js'));

const page = (settings) => `<!doctype html><html lang="en"><title>App</title><h1>App</h1>
<p id="who"></p><script src="/oidc.js"></script><script>
const manager = new oidc.UserManager(${JSON.stringify(settings)});
if (location.search.includes('code=')) {
  manager.signinRedirectCallback().then((user) => {
    document.getElementById('who').textContent = user.profile.sub + ' ' + user.profile.email;
  }, (e) => { document.getElementById('who').textContent = 'error: ' + e.message; });
}
</script>`;

let w;
let browser;
let app;
let origin;
let client;

before(async () => {
  w = await startWorld();
  browser = await startBrowser();
  let settings;
  app = http.createServer((req, res) => {
    const script = req.url === '/oidc.js';
    res.setHeader('content-type', script ? 'text/javascript' : 'text/html');
    res.end(script ? LIBRARY : page(settings));
  });
  await new Promise((done) => app.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${app.address().port}`;
  client = await w.client('Single page', ['--public', '--origin', origin,
    '--post-logout-redirect-uri', `${origin}/`], `${origin}/callback`);
  settings = { authority: w.p.url, client_id: client.client_id, redirect_uri: `${origin}/callback`,
    post_logout_redirect_uri: `${origin}/`, scope: 'openid email offline_access',
    loadUserInfo: true };
});

after(async () => {
  if (browser) await browser.close();
  if (app) app.close();
  if (w) await w.stop();
});

test('a single-page app: sign-in, userinfo, renewal by refresh token, sign-out', async () => {
  const tab = await openPage(browser);
  await tab.goto(`${origin}/`);
  await tab.evaluate(() => { manager.signinRedirect(); });
  await tab.getByLabel('User name or email').fill('ada');
  await tab.locator('input[name="password"]').fill(PASSWORD);
  await tab.getByRole('button', { name: 'Sign in', exact: true }).click();
  await tab.getByRole('button', { name: 'Allow', exact: true }).click();
  await tab.waitForURL(`${origin}/callback*`);
  const who = tab.locator('#who', { hasText: /./ });
  assert.equal(await who.textContent(), `${w.user.id} ada@example.com`);
  const before = await tab.evaluate(() => manager.getUser().then((u) => u.refresh_token));
  const renewed = await tab.evaluate(() => manager.signinSilent()
    .then((u) => [u.refresh_token, u.access_token.length > 0]));
  assert.notEqual(renewed[0], before);
  assert.ok(renewed[1]);
  await tab.evaluate(() => { manager.signoutRedirect(); });
  await tab.waitForURL(`${origin}/`);
  await tab.evaluate(() => { manager.signinRedirect({ prompt: 'none' }); });
  await tab.waitForURL(`${origin}/callback*`);
  assert.match(tab.url(), /error=login_required/);
  assert.deepEqual(tab.problems, []);
});

test('A30: another origin may not call the token endpoint', async () => {
  const tab = await openPage(browser);
  await tab.route('http://evil.example/', (route) => route.fulfill({ contentType: 'text/html',
    body: '<!doctype html><title>x</title>' }));
  await tab.goto('http://evil.example/');
  for (const path of ['/oauth2/token', '/oauth2/userinfo', '/.well-known/openid-configuration']) {
    const outcome = await tab.evaluate((url) => fetch(url).then(() => 'read', () => 'refused'),
      w.p.url + path);
    assert.equal(outcome, 'refused', path);
  }
});
