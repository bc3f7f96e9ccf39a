'use strict';
// POST /oauth2/device_authorization and the page for its codes, from outside (RFC 8628).

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const { startWorld } = require('../interop/lib/relying_party.js');
const { assertStandardError, basic, form } = require('./lib/shape.js');

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

let w;
let tv;
let box; // public
let app; // without the grant

before(async () => {
  w = await startWorld();
  tv = await w.client('tv', ['--grant', 'device_code']);
  box = await w.client('box', ['--grant', 'device_code', '--public']);
  app = await w.client('app');
});
after(() => w.stop());

const begin = (params = {}, authorization = basic(tv.client_id, tv.client_secret)) =>
  form(w.p, '/oauth2/device_authorization', params, { authorization });
const poll = (device_code, c = tv) => form(w.p, '/oauth2/token',
  { grant_type: GRANT, device_code }, { authorization: basic(c.client_id, c.client_secret) });

describe('RFC 8628 3.2: the codes', () => {
  test('members, and nobody may keep the answer', async () => {
    const r = await begin({ scope: 'openid' });
    assert.strictEqual(r.status, 200, r.body);
    assert.match(r.headers['cache-control'], /no-store/);
    const d = JSON.parse(r.body);
    assert.deepStrictEqual(Object.keys(d).sort(), ['device_code', 'expires_in', 'interval',
      'user_code', 'verification_uri', 'verification_uri_complete']);
    assert.match(d.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    assert.strictEqual(d.verification_uri, `${w.p.url}/device`);
    assert.strictEqual(d.verification_uri_complete, `${w.p.url}/device?user_code=${d.user_code}`);
    assert.strictEqual(d.expires_in, 600);
    assert.strictEqual(d.interval, 5);
  });

  test('a public client only says who it is', async () => {
    const r = await form(w.p, '/oauth2/device_authorization', { client_id: box.client_id });
    assert.strictEqual(r.status, 200, r.body);
  });
});

describe('RFC 8628 3.1: refusals', () => {
  const cases = [
    ['a wrong secret', () => begin({}, basic(tv.client_id, 'x'.repeat(43))), 401, 'invalid_client'],
    ['no client', () => begin({}, ''), 401, 'invalid_client'],
    ['a confidential client without its secret',
      () => form(w.p, '/oauth2/device_authorization', { client_id: tv.client_id }), 401,
      'invalid_client'],
    ['a client without the grant', () => begin({}, basic(app.client_id, app.client_secret)), 400,
      'unauthorized_client'],
    ['more than the client may have', () => begin({ scope: 'openid admin' }), 400, 'invalid_scope'],
    ['an unknown resource', () => begin({ resource: 'https://else.example' }), 400,
      'invalid_target'],
    ['a parameter twice', () => form(w.p, '/oauth2/device_authorization',
      'scope=openid&scope=email', { authorization: basic(tv.client_id, tv.client_secret) }), 400,
    'invalid_request'],
  ];
  for (const [title, call, status, error] of cases) {
    test(title, async () => {
      const r = await call();
      assert.strictEqual(r.status, status, r.body);
      assertStandardError(r, error);
    });
  }

  test('GET is 405', async () => {
    const r = await w.person().request('GET', `${w.p.url}/oauth2/device_authorization`);
    assert.strictEqual(r.status, 405);
    assert.match(r.headers.allow, /POST/);
  });
});

describe('the page', () => {
  test('a link with the code decides nothing (RFC 8628 3.3.1, security.md A29)', async () => {
    const d = JSON.parse((await begin({ scope: 'openid' })).body);
    const ada = w.person();
    const page = await ada.open(d.verification_uri_complete);
    assert.strictEqual(page.kind, 'device');
    assert.strictEqual(page.main.fields.user_code, d.user_code);
    assertStandardError(await poll(d.device_code), 'authorization_pending');
  });

  test('case, spaces and a missing hyphen are forgiven; a yes counts once', async () => {
    const d = JSON.parse((await begin({ scope: 'openid' })).body);
    const userCode = ` ${d.user_code.toLowerCase().replace('-', ' ')} `;
    await w.person().device(d.verification_uri, { userCode });
    const r = await poll(d.device_code);
    assert.strictEqual(r.status, 200, r.body);
    assertStandardError(await poll(d.device_code), 'invalid_grant');
  });

  test('RFC 8628 3.3.1: the question shows the code to compare, also behind a sign-in', async () => {
    const shown = (page) => (/class="code-shown">([^<]*)</.exec(page.html) || [])[1];
    const d = JSON.parse((await begin({ scope: 'openid' })).body);
    const ada = w.person();
    const typed = d.user_code.toLowerCase().replace('-', '');
    let page = await ada.submit(await ada.open(d.verification_uri), { user_code: typed });
    assert.strictEqual(page.kind, 'sign_in');
    page = await ada.submit(page, { login: 'ada', password: 'not the right password' });
    assert.strictEqual(page.kind, 'sign_in');
    page = await ada.submit(page, { login: 'ada', password: ada.password });
    assert.strictEqual(shown(page), d.user_code, page.text);
    const again = await ada.submit(await ada.open(d.verification_uri), { user_code: typed });
    assert.strictEqual(shown(again), d.user_code, 'signed in before');
    const body = { ...page.main.fields, action: 'what' };
    assert.strictEqual(shown(await ada.submit(page, body)), d.user_code, 'asked again');
  });

  test('security.md A26: the question to one browser, answered from another', async () => {
    const d = JSON.parse((await begin({ scope: 'openid' })).body);
    const ada = w.person();
    const mallory = w.person();
    await mallory.open(d.verification_uri);
    let page = await ada.submit(await ada.open(d.verification_uri), { user_code: d.user_code });
    page = await ada.submit(page, { login: 'ada', password: ada.password });
    assert.ok(page.main.fields.device, page.text);
    const body = new URLSearchParams({ ...page.main.fields, action: 'allow' }).toString();
    assert.strictEqual((await mallory.request('POST', page.main.action, { body })).status, 403);
    assert.strictEqual((await ada.request('POST', page.main.action,
      { body, headers: { 'sec-fetch-site': 'cross-site' } })).status, 403);
    assertStandardError(await poll(d.device_code), 'authorization_pending');
  });

  // The last one: it uses up what this source may try.
  test('RFC 8628 5.1: codes cannot be tried for ever; 429 with Retry-After', async () => {
    const d = JSON.parse((await begin({ scope: 'openid' })).body);
    const guess = w.person();
    let page = await guess.open(d.verification_uri);
    let tries = 0;
    while (page.status !== 429 && tries++ < 60) {
      page = await guess.submit(page, { user_code: 'BBBB-BBBB' });
    }
    assert.strictEqual(page.status, 429);
    assert.ok(Number(page.headers['retry-after']) > 0);
    page = await guess.submit(page, { user_code: d.user_code });
    assert.strictEqual(page.status, 429); // the right one is not confirmed either
  });
});
