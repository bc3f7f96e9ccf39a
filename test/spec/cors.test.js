'use strict';
// CORS of the standard surface (security.md 10, 57, A30): which origins may read which answers.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const { startPostern } = require('../interop/lib/postern.js');

const ORIGIN = 'https://app.example';
const CALLED = ['/oauth2/token', '/oauth2/revoke', '/oauth2/userinfo'];
const PUBLIC = ['/oauth2/jwks', '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server'];
const STRANGE = ['null', 'https://app.example.evil', 'http://app.example', 'https://app.example:8443',
  'https://evil.example', 'https://APP.example', 'https://app.example/'];

let p, client;
before(async () => {
  p = await startPostern();
  const org = await p.cli(['org', 'create', '--name', 'O']);
  client = await p.cli(['client', 'create', '--org', org.id, '--name', 'SPA', '--public',
    '--redirect-uri', `${ORIGIN}/cb`, '--origin', ORIGIN]);
  await p.cli(['client', 'create', '--org', org.id, '--name', 'Other', '--public',
    '--redirect-uri', 'https://other.example/cb', '--origin', 'https://other.example']);
});
after(() => p.stop());

const call = (path, { method = 'GET', origin, headers = {}, body } = {}) => fetch(p.url + path,
  { method, body, redirect: 'manual', headers: { ...(origin ? { origin } : {}), ...headers } });

const preflight = (path, origin, asks = 'POST', names = 'content-type,authorization') =>
  call(path, { method: 'OPTIONS', origin, headers: {
    'access-control-request-method': asks, 'access-control-request-headers': names } });

function refused(r, vary = true) {
  for (const name of r.headers.keys()) assert.doesNotMatch(name, /^access-control-allow/);
  if (vary) assert.match(r.headers.get('vary') || '', /\bOrigin\b/);
}

function allowed(r, origin) {
  assert.strictEqual(r.headers.get('access-control-allow-origin'), origin);
  assert.strictEqual(r.headers.get('access-control-allow-credentials'), null);
  assert.match(r.headers.get('vary'), /\bOrigin\b/);
}

const redeem = (origin, id = client.client_id) => call('/oauth2/token', { method: 'POST', origin,
  body: new URLSearchParams({ grant_type: 'authorization_code', code: 'x', client_id: id }) });

describe('security.md 57: registered origins', () => {
  for (const path of [...CALLED, ...PUBLIC]) {
    test(`${path}: preflight`, async () => {
      const r = await preflight(path, ORIGIN, path === '/oauth2/token' || path === '/oauth2/revoke'
        ? 'POST' : 'GET');
      assert.strictEqual(r.status, 204);
      allowed(r, ORIGIN);
      assert.match(r.headers.get('access-control-allow-headers'), /Authorization/);
    });
  }
  for (const path of PUBLIC) {
    test(`${path} may be read`, async () => allowed(await call(path, { origin: ORIGIN }), ORIGIN));
    test(`${path}: Vary without an Origin, too`, async () => refused(await call(path)));
  }
  for (const path of CALLED)
    test(`security.md 57: ${path}: Vary also where the method is wrong`, async () => {
      const r = await call(path, { method: 'DELETE', origin: ORIGIN });
      assert.strictEqual(r.status, 405);
      refused(r);
    });
  test('a refusal of the token endpoint may be read by the page of that client', async () => {
    const r = await redeem(ORIGIN);
    assert.strictEqual(r.status, 400);
    allowed(r, ORIGIN);
  });
  test('not by that of another client', async () => refused(await redeem('https://other.example')));
  test('not when nobody knows whose it is', async () => {
    refused(await redeem(ORIGIN, '11111111-1111-4111-8111-111111111111'));
    refused(await call('/oauth2/userinfo', { origin: ORIGIN,
      headers: { authorization: 'Bearer wrong' } }));
  });
});

describe('A30: everybody else', () => {
  for (const origin of STRANGE) {
    test(origin, async () => {
      for (const path of [...CALLED, ...PUBLIC]) refused(await preflight(path, origin));
      for (const path of PUBLIC) refused(await call(path, { origin }));
      refused(await redeem(origin));
    });
  }
  test('an odd method, an odd header', async () => {
    refused(await preflight('/oauth2/token', ORIGIN, 'DELETE'));
    refused(await preflight('/oauth2/token', ORIGIN, 'GET'));
    refused(await preflight('/oauth2/token', ORIGIN, 'POST', 'x-custom'));
    refused(await preflight('/oauth2/jwks', ORIGIN, 'POST'));
  });
  test('security.md 10: none at introspection, PAR, authorization and pages', async () => {
    for (const path of ['/oauth2/introspect', '/oauth2/par', '/oauth2/authorize',
      '/oauth2/device_authorization', '/oauth2/logout', '/account', '/device']) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        refused(await call(path, { method, origin: ORIGIN,
          headers: { 'access-control-request-method': 'GET' } }), false);
      }
    }
  });
});
