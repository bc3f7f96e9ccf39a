'use strict';
// The built-in pages beside headless login (docs/headless.md): with login.url set, /account and
// /device ask nobody for a password, or a stolen one would do without the company's second factor.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert/strict');
const { startWorld, PASSWORD, REDIRECT } = require('../interop/lib/relying_party.js');
const { Person } = require('../interop/lib/person.js');
const { basic, form } = require('./lib/shape.js');

const LOGIN = 'https://login.example/start';
let w, client, account;

before(async () => {
  w = await startWorld();
  const { account_sid } = await w.p.cli(['account', 'show', w.org.id]);
  const { auth_token } = await w.p.cli(['account', 'token', w.org.id]);
  account = basic(account_sid, auth_token);
  client = await w.client('app', ['--grant', 'device_code']);
});
after(() => w.stop());

const authorize = () => `${w.p.url}/oauth2/authorize?${new URLSearchParams({ response_type: 'code',
  client_id: client.client_id, redirect_uri: REDIRECT, scope: 'openid', state: 's',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`;

const tv = async (path, params) => JSON.parse((await form(w.p, path, params,
  { authorization: basic(client.client_id, client.client_secret) })).body);
const begin = () => tv('/oauth2/device_authorization', { scope: 'openid' });
const poll = (d) => tv('/oauth2/token',
  { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: d.device_code });

// A browser in which ada has signed in at the company's page.
async function signedIn() {
  const ada = w.person();
  const page = await ada.open(authorize());
  assert.equal(page.url.origin + page.url.pathname, LOGIN);
  const r = await fetch(`${w.p.url}/admin/flows/${page.params.get('flow')}/accept`, {
    method: 'POST', headers: { authorization: account, 'content-type': 'application/json' },
    body: JSON.stringify({ subject: w.user.id, amr: ['pwd', 'otp'], remember: true }) });
  assert.equal(r.status, 200);
  assert.ok((await ada.open((await r.json()).redirect_to)).code);
  return ada;
}

function assertSignInFirst(page, heading = 'Sign in at the application first') {
  assert.equal(page.status, 403, page.text);
  assert.equal(page.heading, heading);
  assert.doesNotMatch(page.html, /type="password"|<form/);
  assert.match(page.errorId, /^[0-9a-f-]{36}$/);
  assert.equal(page.headers.location, undefined);
}

describe('security.md 57, docs/headless.md: login.url is the only way to sign in', () => {
  let forms;
  before(async () => {
    const d = await begin();
    const [a, b, c] = [w.person(), w.person(), w.person()];
    forms = { // drawn before the setting was there
      account: [a, await a.open('/account')],
      device: [b, await b.submit(await b.open(d.verification_uri_complete))],
      app: [c, await c.open(authorize())],
    };
    for (const [, page] of Object.values(forms)) assert.equal(page.kind, 'sign_in', page.text);
    await w.p.restart({ settings: { 'login.url': LOGIN } });
  });

  test('who is not signed in gets no password form at /account and /device, but a 403 that says ' +
    'where to sign in', async () => {
    const d = await begin();
    for (const path of ['/account', '/device', d.verification_uri_complete, '/sign-in']) {
      assertSignInFirst(await w.person().open(path));
    }
    const eve = w.person();
    const post = (path, fields) => eve.request('POST', path, { body:
      new URLSearchParams(fields).toString(), headers: { origin: eve.origin } });
    for (const [path, fields] of [['/account', { action: 'end_others' }],
      ['/device', { user_code: d.user_code }], ['/device', { device: 'x', action: 'allow' }],
      ['/sign-in', { login: 'ada', password: PASSWORD }],
      ['/sign-in', { login: 'ada', password: PASSWORD, csrf: 'x' }],
      ['/sign-in', { login: 'ada', password: PASSWORD, device: 'x' }]]) {
      assert.equal((await post(path, fields)).status, 403, `${path} ${Object.keys(fields)}`);
    }
    assert.equal(eve.cookies.has('postern'), false);
  });

  test('in the reader\'s language', async () => {
    for (const [language, heading] of [['de', 'Melden Sie sich zuerst in der Anwendung an'],
      ['fr', 'Connectez-vous d’abord dans l’application']]) {
      const reader = new Person(w.p, { headers: { 'accept-language': language } });
      assertSignInFirst(await reader.open('/account'), heading);
    }
  });

  test('a form from before takes no password either: refused for account and device', async () => {
    for (const kind of ['account', 'device']) {
      const [browser, page] = forms[kind];
      assertSignInFirst(await browser.submit(page, { login: 'ada', password: PASSWORD }));
      assert.equal(browser.cookies.has('postern'), false, kind);
    }
  });

  test('a form from before for an application leads to the company\'s page', async () => {
    const [browser, page] = forms.app;
    const end = await browser.submit(page, { login: 'ada', password: PASSWORD });
    assert.equal(end.url.origin + end.url.pathname, LOGIN);
    assert.match(end.params.get('flow'), /^pstf_/);
    assert.equal(browser.cookies.has('postern'), false);
  });

  test('postern explain says what it was', async () => {
    const page = await w.person().open('/account');
    await w.p.restart(); // what waits for housekeeping is written
    const said = await w.p.cliRaw(['explain', page.errorId]);
    assert.match(said.stdout, /login\.url/);
  });

  test('who came in by a flow uses the account page: sessions, apps, sign-out', async () => {
    const other = await signedIn();
    const ada = await signedIn();
    let page = await ada.open('/account');
    assert.equal(page.status, 200);
    assert.equal(page.heading, 'Your account');
    assert.ok(page.forms.some((f) => f.buttons.some((b) => b.value === 'revoke')), page.text);
    const others = page.forms.find((f) => f.buttons.some((b) => b.value === 'end_others'));
    page = await ada.submit(page, { action: 'end_others' }, { form: others });
    assert.equal(page.status, 200, page.text);
    assertSignInFirst(await other.open('/account'));
    page = await ada.submit(page, { action: 'sign_out' });
    assert.equal(page.heading, 'You are signed out');
    assertSignInFirst(await ada.open('/account'));
  });

  test('passwords are the company\'s business: no form for a new one, and a refusal', async () => {
    const ada = await signedIn();
    const page = await ada.open('/account');
    assert.doesNotMatch(page.html, /type="password"|value="password"/);
    const fresh = 'an entirely different phrase 8';
    const refused = await ada.submit(page, { action: 'password', present: PASSWORD, fresh });
    assert.equal(refused.status, 403);
    assert.match(refused.text, /not changed here/);
    await w.p.restart({ settings: { 'login.url': '' } });
    const again = w.person(); // the old one still holds, and the form is there without login.url
    const mine = await again.submit(await again.open('/account'), { login: 'ada',
      password: PASSWORD });
    assert.match(mine.html, /value="password"/);
    await w.p.restart({ settings: { 'login.url': LOGIN } });
  });

  test('who came in by a flow connects a device', async () => {
    const d = await begin();
    const ada = await signedIn();
    const { page } = await ada.device(d.verification_uri_complete);
    assert.equal(page.heading, 'Your device is connected');
    assert.ok((await poll(d)).access_token);
  });

  test('somebody of another organization is asked for no password at a device', async () => {
    const org = await w.p.cli(['org', 'create', '--name', 'Elsewhere']);
    const stranger = await w.p.cli(['client', 'create', '--org', org.id, '--name', 'box',
      '--grant', 'device_code', '--scope', 'openid']);
    const d = JSON.parse((await form(w.p, '/oauth2/device_authorization', { scope: 'openid' },
      { authorization: basic(stranger.client_id, stranger.client_secret) })).body);
    const ada = await signedIn();
    const page = await ada.open(d.verification_uri_complete);
    assert.equal(page.kind, 'device');
    assertSignInFirst(await ada.submit(page));
  });
});
