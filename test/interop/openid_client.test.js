'use strict';
// openid-client, a certified relying party library, through complete flows: code with PKCE, state
// and nonce, PAR, request objects, form_post, refresh, device, logout, userinfo, claims,
// private_key_jwt, algorithms, pairwise subjects. The person uses the pages without scripts.

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { generateKeyPair, exportJWK, decodeJwt, decodeProtectedHeader } = require('jose');
const fs = require('node:fs');
const path = require('node:path');
const { startWorld, REDIRECT } = require('./lib/relying_party');

let w;
let oc;

before(async () => {
  oc = await import('openid-client');
  w = await startWorld();
});

after(() => w && w.stop());

// Everything that a careful client sends, and what it must remember.
async function prepare(more = {}) {
  const verifier = oc.randomPKCECodeVerifier();
  const state = oc.randomState();
  const nonce = oc.randomNonce();
  return {
    verifier, state, nonce,
    params: { redirect_uri: REDIRECT, scope: 'openid profile email', state, nonce,
      code_challenge: await oc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256', ...more },
    checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce,
      idTokenExpected: true },
  };
}

async function signIn(config, more, person = w.person()) {
  const r = await prepare(more);
  const callback = await person.authorize(oc.buildAuthorizationUrl(config, r.params).href);
  assert.equal(callback.error, null);
  return { ...r, callback, person,
    tokens: await oc.authorizationCodeGrant(config, callback.url, r.checks) };
}

test('code with PKCE, state and nonce: id_token, userinfo with equal sub', async () => {
  const config = await w.discover(await w.client('web'));
  const { tokens } = await signIn(config, { scope: 'openid profile email address phone' });
  const claims = tokens.claims();
  assert.equal(claims.sub, w.user.id);
  assert.equal(claims.acr, 'pwd');
  assert.deepEqual(claims.amr, ['pwd']);
  assert.ok(claims.at_hash && claims.auth_time && claims.sid);
  assert.equal(claims.name, undefined, 'openid.md 3.2: no profile claims in the id_token');
  assert.equal(decodeProtectedHeader(tokens.id_token).alg, 'RS256');
  const info = await oc.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.equal(info.preferred_username, 'ada');
  assert.equal(info.email, 'ada@example.com');
  assert.equal(info.email_verified, true);
  assert.equal(info.phone_number_verified, true);
  assert.equal(info.address.locality, 'London');
  assert.equal(typeof info.updated_at, 'number');
  for (const name of ['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'profile',
    'picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale']) {
    assert.equal(typeof info[name], 'string', name);
  }
});

// A running server follows another process within a second.
async function signsBy(alg) {
  for (let i = 0; i < 100; i++) {
    const r = await fetch(`${w.p.url}/.well-known/openid-configuration`);
    if ((await r.json()).id_token_signing_alg_values_supported.includes(alg)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`${alg} is never named`);
}

test('id_token_signed_response_alg per client: ES256, PS256, EdDSA', async () => {
  for (const alg of ['PS256', 'EdDSA']) {
    const { kid } = await w.p.cli(['key', 'rotate', '--alg', alg, '--now']);
    while (!(await (await fetch(`${w.p.url}/oauth2/jwks`)).text()).includes(kid)) {
      await new Promise((done) => setTimeout(done, 20));
    }
  }
  for (const alg of ['ES256', 'PS256', 'EdDSA']) {
    const c = await w.client(`alg ${alg}`, ['--id-token-alg', alg]);
    const config = await w.discover(c, { metadata: { id_token_signed_response_alg: alg } });
    const { tokens } = await signIn(config);
    assert.equal(decodeProtectedHeader(tokens.id_token).alg, alg);
  }
});

test('signed userinfo', async () => {
  const c = await w.client('signed userinfo', ['--userinfo-alg', 'ES256']);
  const config = await w.discover(c, { metadata: { userinfo_signed_response_alg: 'ES256' } });
  const { tokens } = await signIn(config);
  const info = await oc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  assert.equal(info.email, 'ada@example.com');
});

test('PAR, then the browser with client_id and request_uri alone', async () => {
  const c = await w.client('par', ['--require-par']);
  const config = await w.discover(c);
  const r = await prepare();
  const url = await oc.buildAuthorizationUrlWithPAR(config, r.params);
  assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  const callback = await w.person().authorize(url.href);
  const tokens = await oc.authorizationCodeGrant(config, callback.url, r.checks);
  assert.equal(tokens.claims().nonce, r.nonce);
});

async function keyed(name, alg, more) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwks = { keys: [{ ...await exportJWK(publicKey), alg, use: 'sig', kid: 'k1' }] };
  const file = path.join(w.p.dir, `${name}.jwks`);
  fs.writeFileSync(file, JSON.stringify(jwks));
  const client = await w.client(name, ['--jwks-file', file, ...more]);
  return { client, key: { key: privateKey, kid: 'k1' } };
}

test('private_key_jwt at token, PAR, introspection and revocation', async () => {
  for (const alg of ['ES256', 'PS256', 'EdDSA']) {
    const { client, key } = await keyed(`pkj-${alg}`, alg, ['--auth-method', 'private_key_jwt']);
    const config = await w.discover(client, { auth: oc.PrivateKeyJwt(key) });
    const r = await prepare();
    const url = await oc.buildAuthorizationUrlWithPAR(config, r.params);
    const callback = await w.person().authorize(url.href);
    const tokens = await oc.authorizationCodeGrant(config, callback.url, r.checks);
    const seen = await oc.tokenIntrospection(config, tokens.access_token);
    assert.equal(seen.active, true);
    assert.equal(seen.sub, w.user.id);
    await oc.tokenRevocation(config, tokens.access_token);
    assert.equal((await oc.tokenIntrospection(config, tokens.access_token)).active, false);
  }
});

test('request object by value (RFC 9101)', async () => {
  const { client, key } = await keyed('jar', 'ES256', []);
  const config = await w.discover(client);
  const r = await prepare();
  const url = await oc.buildAuthorizationUrlWithJAR(config, r.params, key);
  assert.ok(url.searchParams.get('request'));
  const callback = await w.person().authorize(url.href);
  assert.equal(callback.state, r.state);
  const tokens = await oc.authorizationCodeGrant(config, callback.url, r.checks);
  assert.equal(tokens.claims().nonce, r.nonce);
});

test('form_post', async () => {
  const config = await w.discover(await w.client('form_post', ['--response-mode', 'form_post']));
  const r = await prepare({ response_mode: 'form_post' });
  const callback = await w.person().authorize(oc.buildAuthorizationUrl(config, r.params).href);
  assert.equal(callback.method, 'POST');
  assert.equal(callback.url.search, '');
  const posted = new Request(callback.url, { method: 'POST', body: callback.params,
    headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  const tokens = await oc.authorizationCodeGrant(config, posted, r.checks);
  assert.equal(tokens.claims().sub, w.user.id);
});

test('offline_access with prompt=consent: refresh keeps iss, sub, aud and auth_time', async () => {
  const config = await w.discover(await w.client('offline'));
  const { tokens } = await signIn(config,
    { scope: 'openid offline_access', prompt: 'consent' });
  const again = await oc.refreshTokenGrant(config, tokens.refresh_token);
  const [a, b] = [tokens.claims(), again.claims()];
  for (const name of ['iss', 'sub', 'auth_time', 'azp']) assert.deepEqual(a[name], b[name], name);
  assert.deepEqual([a.aud].flat(), [b.aud].flat());
  assert.equal(b.nonce, undefined);
});

test('prompt=none after login and consent is silent; max_age; prompt=login is not', async () => {
  const config = await w.discover(await w.client('silent'));
  const first = await signIn(config);
  const hint = first.tokens.id_token;
  for (const more of [{ prompt: 'none' }, { prompt: 'none', id_token_hint: hint },
    { max_age: '10000' }]) {
    const next = await signIn(config, more, first.person);
    assert.equal(next.callback.pages.length, 0);
    assert.equal(next.tokens.claims().auth_time, first.tokens.claims().auth_time);
  }
  await new Promise((done) => setTimeout(done, 1100));
  const fresh = await signIn(config, { prompt: 'login' }, first.person);
  assert.equal(fresh.callback.pages[0], 'sign_in');
  assert.ok(fresh.tokens.claims().auth_time > first.tokens.claims().auth_time);
});

test('prompt=none with nobody signed in: login_required and state', async () => {
  const config = await w.discover(await w.client('nobody'));
  const r = await prepare({ prompt: 'none' });
  const callback = await w.person().authorize(oc.buildAuthorizationUrl(config, r.params).href);
  assert.equal(callback.error, 'login_required');
  assert.equal(callback.state, r.state);
  assert.equal(callback.params.get('iss'), w.p.url);
});

test('the claims parameter, for id_token and userinfo', async () => {
  const config = await w.discover(await w.client('claims'));
  const claims = { id_token: { email: { essential: true } }, userinfo: { family_name: null } };
  const { tokens } = await signIn(config, { scope: 'openid', claims: JSON.stringify(claims) });
  assert.equal(tokens.claims().email, 'ada@example.com');
  const info = await oc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  assert.equal(info.family_name, 'Lovelace');
  assert.equal(info.email, undefined);
});

test('claims by the client\'s mapping', async () => {
  const config = await w.discover(await w.client('mapped', ['--claim-map',
    'org=organization.name@id_token', '--claim-map', 'login=user.username@userinfo']));
  const { tokens } = await signIn(config);
  assert.equal(tokens.claims().org, 'Analytical Engines');
  assert.equal(tokens.claims().login, undefined);
  const info = await oc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  assert.equal(info.login, 'ada');
});

test('pairwise subjects: one per sector, the same at userinfo and introspection', async () => {
  const subs = [];
  for (const [name, sector] of [['a', 'one.example'], ['b', 'one.example'], ['c', 'two.example']]) {
    const c = await w.client(`pairwise ${name}`, ['--subject-type', 'pairwise', '--sector', sector]);
    const config = await w.discover(c);
    const { tokens } = await signIn(config);
    const { sub } = tokens.claims();
    assert.equal((await oc.fetchUserInfo(config, tokens.access_token, sub)).sub, sub);
    assert.equal((await oc.tokenIntrospection(config, tokens.access_token)).sub, sub);
    assert.equal(decodeJwt(tokens.access_token).sub, sub);
    subs.push(sub);
  }
  assert.equal(subs[0], subs[1]);
  assert.notEqual(subs[0], subs[2]);
  assert.ok(!subs.includes(w.user.id));
});

test('a public client: PKCE, no secret, its refresh token rotates', async () => {
  const c = await w.client('spa', ['--public']);
  assert.equal(c.client_secret, undefined);
  const config = await w.discover(c, { auth: oc.None() });
  const { tokens } = await signIn(config, { scope: 'openid offline_access' });
  const again = await oc.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(again.refresh_token, tokens.refresh_token);
});

test('a code again: invalid_grant, and what it gave is revoked', async () => {
  const c = await w.client('replay', ['--token-format', 'opaque']);
  const config = await w.discover(c);
  const r = await signIn(config);
  await assert.rejects(oc.authorizationCodeGrant(config, r.callback.url, r.checks),
    (e) => e.error === 'invalid_grant');
  assert.equal((await oc.tokenIntrospection(config, r.tokens.access_token)).active, false);
});

test('device: polling until the person has allowed it', async () => {
  const c = await w.client('tv', ['--grant', 'device_code']);
  const config = await w.discover(c);
  const device = await oc.initiateDeviceAuthorization(config, { scope: 'openid email' });
  assert.match(device.user_code, /^[A-Z]{4}-[A-Z]{4}$/);
  const polling = oc.pollDeviceAuthorizationGrant(config, device);
  await w.person().device(device.verification_uri_complete);
  const tokens = await polling;
  assert.equal(decodeJwt(tokens.id_token).sub, w.user.id);
});

test('device: denied', async () => {
  const c = await w.client('tv2', ['--grant', 'device_code']);
  const config = await w.discover(c);
  const device = await oc.initiateDeviceAuthorization(config, { scope: 'openid' });
  const polling = oc.pollDeviceAuthorizationGrant(config, device);
  polling.catch(() => {});
  await w.person().device(device.verification_uri, { userCode: device.user_code, action: 'deny' });
  await assert.rejects(polling, (e) => e.error === 'access_denied');
});

test('RP-initiated logout: back to the client with state, then login_required', async () => {
  const c = await w.client('logout', ['--post-logout-redirect-uri', 'https://app.example/bye']);
  const config = await w.discover(c);
  const first = await signIn(config);
  const url = oc.buildEndSessionUrl(config, { id_token_hint: first.tokens.id_token,
    post_logout_redirect_uri: 'https://app.example/bye', state: 'good bye' });
  const out = await first.person.request('GET', url.href);
  assert.equal(out.status, 303);
  assert.equal(out.headers.location, 'https://app.example/bye?state=good%20bye');
  const r = await prepare({ prompt: 'none' });
  const callback = await first.person.authorize(oc.buildAuthorizationUrl(config, r.params).href);
  assert.equal(callback.error, 'login_required');
});
