'use strict';
// Discovery (OIDC Discovery 3, RFC 8414 2, openid.md 3.1 and 3.3, security.md 71): what is there,
// and that it is true where a look can tell. That endpoints, methods and grants work if and only if
// they are named is tested in standard.test.js.

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { startPostern } = require('../interop/lib/postern.js');

let p, openid, oauth;
before(async () => {
  p = await startPostern();
  const get = async (name) => {
    const r = await fetch(`${p.url}/.well-known/${name}`);
    assert.strictEqual(r.status, 200);
    assert.strictEqual(r.headers.get('content-type'), 'application/json');
    return r.json();
  };
  openid = await get('openid-configuration');
  oauth = await get('oauth-authorization-server');
});
after(() => p.stop());

test('OIDC Discovery 4: one document under both names; issuer is the URL without the suffix', () => {
  assert.deepStrictEqual(openid, oauth);
  assert.strictEqual(openid.issuer, p.url);
});

test('security.md 71: what a relying party reads is said, and nothing that is not there', () => {
  const said = {
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    code_challenge_methods_supported: ['S256'],
    subject_types_supported: ['public', 'pairwise'],
    acr_values_supported: ['pwd'],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    claim_types_supported: ['normal'],
    request_parameter_supported: true,
    request_uri_parameter_supported: false,
    claims_parameter_supported: true,
    authorization_response_iss_parameter_supported: true,
    require_pushed_authorization_requests: false,
  };
  for (const [name, value] of Object.entries(said)) assert.deepStrictEqual(openid[name], value, name);
  for (const grant of ['authorization_code', 'refresh_token', 'client_credentials',
    'urn:ietf:params:oauth:grant-type:device_code']) {
    assert.ok(openid.grant_types_supported.includes(grant), grant);
  }
  assert.ok(!openid.grant_types_supported.includes('implicit'));
});

test('openid.md 3.3: RS256 signs id_tokens in every store; scopes and claims are complete', () => {
  assert.ok(openid.id_token_signing_alg_values_supported.includes('RS256'));
  assert.ok(!openid.request_object_signing_alg_values_supported.includes('none'));
  for (const s of ['openid', 'profile', 'email', 'address', 'phone', 'offline_access']) {
    assert.ok(openid.scopes_supported.includes(s), s);
  }
  for (const c of ['sub', 'auth_time', 'name', 'preferred_username', 'updated_at', 'email_verified',
    'address', 'phone_number_verified']) {
    assert.ok(openid.claims_supported.includes(c), c);
  }
  assert.strictEqual(new Set(openid.claims_supported).size, openid.claims_supported.length);
});

test('the algorithms named are those of the keys, also after a new key', async () => {
  const named = async () => {
    const r = await fetch(`${p.url}/.well-known/openid-configuration`);
    return (await r.json()).id_token_signing_alg_values_supported.sort();
  };
  const published = async () => {
    const r = await fetch(`${p.url}/oauth2/jwks`);
    return (await r.json()).keys.map((k) => k.alg).sort();
  };
  assert.deepStrictEqual(await named(), await published());
  assert.ok(!(await named()).includes('PS256'));
  await p.cli(['key', 'rotate', '--alg', 'PS256', '--now']);
  for (let i = 0; i < 100 && !(await named()).includes('PS256'); i++) {
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.ok((await named()).includes('PS256'));
  assert.deepStrictEqual(await named(), await published());
});

test('RFC 9126 5: par.required is said', async (t) => {
  const q = await startPostern({ settings: { 'par.required': true } });
  t.after(() => q.stop());
  const r = await fetch(`${q.url}/.well-known/openid-configuration`);
  assert.strictEqual((await r.json()).require_pushed_authorization_requests, true);
});

test('OIDC Discovery 3: ui_locales_supported are the languages of the pages, a theme\'s too',
  async (t) => {
    assert.deepStrictEqual([...openid.ui_locales_supported].sort(), ['de', 'en', 'fr']);
    assert.strictEqual(openid.ui_locales_supported[0], 'en', 'what nobody asked for comes first');
    const theme = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-theme-'));
    t.after(() => fs.rmSync(theme, { recursive: true }));
    fs.mkdirSync(path.join(theme, 'messages'));
    fs.writeFileSync(path.join(theme, 'messages', 'pt-BR.txt'), 'sign_in.title = Entrar\n');
    const q = await startPostern({ settings: { 'ui.theme': theme } });
    t.after(() => q.stop());
    const r = await fetch(`${q.url}/.well-known/openid-configuration`);
    assert.deepStrictEqual((await r.json()).ui_locales_supported.sort(),
      ['de', 'en', 'fr', 'pt-BR']);
    const page = await fetch(`${q.url}/account`, { headers: { 'accept-language': 'pt' } });
    assert.match(await page.text(), /Entrar/, 'and it is true');
  });
