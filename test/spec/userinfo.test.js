'use strict';
// Userinfo, id_token and introspection of a person who has signed in (OIDC Core 2, 5, 12; openid.md
// 3.2): the whole way, with the token judged by jose.

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const crypto = require('node:crypto');
const path = require('node:path');
const { startWorld } = require('../interop/lib/relying_party.js');

const PROFILE = ['name', 'family_name', 'given_name', 'middle_name', 'nickname',
  'preferred_username', 'profile', 'picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale',
  'updated_at'];
const REDIRECT = 'https://app.example/cb';

let w, jose, keys;
before(async () => {
  w = await startWorld();
  jose = await import(path.join(__dirname, '..', 'interop', 'node_modules', 'jose', 'dist', 'webapi',
    'index.js'));
  keys = jose.createRemoteJWKSet(new URL(`${w.p.url}/oauth2/jwks`));
});
after(() => w.stop());

const post = async (url, client, form) => {
  const r = await fetch(w.p.url + url, { method: 'POST', body: new URLSearchParams(form),
    headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` } });
  return { status: r.status, json: await r.json() };
};

// A code for the person, redeemed: the answer of the token endpoint.
async function signIn(client, scope, more = {}, person = w.person()) {
  const verifier = crypto.randomBytes(32).toString('base64url');
  const url = new URL(`${w.p.url}/oauth2/authorize`);
  url.search = new URLSearchParams({ client_id: client.client_id, redirect_uri: REDIRECT,
    response_type: 'code', scope, nonce: 'n-1', state: 's', code_challenge_method: 'S256',
    code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url'), ...more });
  const code = (await person.authorize(url.href)).params.get('code');
  const r = await post('/oauth2/token', client, { grant_type: 'authorization_code', code,
    redirect_uri: REDIRECT, code_verifier: verifier });
  assert.strictEqual(r.status, 200, JSON.stringify(r.json));
  return { ...r.json, code, verifier };
}

const userinfo = (token, options = {}) => fetch(`${w.p.url}/oauth2/userinfo`,
  { headers: { authorization: `Bearer ${token}` }, ...options });

const half = (text) => {
  const digest = crypto.createHash('sha256').update(text).digest();
  return digest.subarray(0, 16).toString('base64url');
};

test('OIDC Core 2: the id_token, RS256 by default, binds token and code', async () => {
  const client = await w.client('A');
  const t = await signIn(client, 'openid profile');
  const { payload, protectedHeader } = await jose.jwtVerify(t.id_token, keys,
    { issuer: w.p.url, audience: client.client_id });
  assert.strictEqual(protectedHeader.alg, 'RS256');
  assert.strictEqual(payload.nonce, 'n-1');
  assert.strictEqual(payload.azp, client.client_id);
  assert.strictEqual(payload.at_hash, half(t.access_token));
  assert.strictEqual(payload.c_hash, half(t.code));
  assert.strictEqual(payload.acr, 'pwd');
  assert.deepStrictEqual(payload.amr, ['pwd']);
  assert.match(payload.sid, /^[0-9a-f]{24}$/);
  assert.strictEqual(payload.sub, w.user.id);
  for (const name of PROFILE) assert.ok(!(name in payload), name); // openid.md 3.2
});

test('OIDC Core 5.4: userinfo by scope, with the types of 5.1; GET and POST', async () => {
  const client = await w.client('B');
  const t = await signIn(client, 'openid profile email address phone');
  const r = await userinfo(t.access_token);
  assert.strictEqual(r.status, 200);
  assert.strictEqual(r.headers.get('content-type'), 'application/json');
  assert.match(r.headers.get('cache-control'), /no-store/); // security.md 29
  const u = await r.json();
  for (const name of PROFILE) assert.ok(name in u, name);
  assert.strictEqual(u.sub, w.user.id);
  assert.strictEqual(u.email_verified, true);
  assert.strictEqual(u.phone_number_verified, true);
  assert.ok(Number.isInteger(u.updated_at));
  assert.strictEqual(u.address.locality, 'London');
  assert.deepStrictEqual(await (await userinfo(t.access_token, { method: 'POST' })).json(), u);
  const bare = await signIn(client, 'openid');
  assert.deepStrictEqual(await (await userinfo(bare.access_token)).json(), { sub: w.user.id });
});

test('OIDC Core 5.5: the claims parameter, at userinfo and in the id_token', async () => {
  const client = await w.client('C');
  const t = await signIn(client, 'openid', { claims: JSON.stringify({
    userinfo: { given_name: { essential: true } }, id_token: { email: null } }) });
  assert.strictEqual(jose.decodeJwt(t.id_token).email, 'ada@example.com');
  assert.deepStrictEqual(await (await userinfo(t.access_token)).json(),
    { sub: w.user.id, given_name: 'Ada' });
});

test('OIDC Core 5.3.2: signed for a client that registered so', async () => {
  const client = await w.client('D', ['--userinfo-alg', 'ES256', '--id-token-alg', 'ES256']);
  const t = await signIn(client, 'openid email');
  const r = await userinfo(t.access_token);
  assert.strictEqual(r.headers.get('content-type'), 'application/jwt');
  const { payload } = await jose.jwtVerify(await r.text(), keys,
    { issuer: w.p.url, audience: client.client_id });
  assert.strictEqual(payload.email, 'ada@example.com');
});

test('OIDC Core 8: pairwise subjects differ by sector and not by token', async () => {
  const a = await w.client('E', ['--subject-type', 'pairwise', '--sector', 'one.example']);
  const b = await w.client('F', ['--subject-type', 'pairwise', '--sector', 'two.example']);
  const [ta, tb] = [await signIn(a, 'openid'), await signIn(b, 'openid')];
  const sub = jose.decodeJwt(ta.id_token).sub;
  assert.notStrictEqual(sub, w.user.id);
  assert.notStrictEqual(sub, jose.decodeJwt(tb.id_token).sub);
  assert.strictEqual(jose.decodeJwt(ta.access_token).sub, sub);
  assert.strictEqual((await (await userinfo(ta.access_token)).json()).sub, sub);
  assert.strictEqual((await post('/oauth2/introspect', a, { token: ta.access_token })).json.sub, sub);
});

test('OIDC Core 8: nothing beside the sub tells two sectors that it is one person', async () => {
  await w.addUser('grace');
  const a = await w.client('E2', ['--subject-type', 'pairwise', '--sector', 'one.example']);
  const b = await w.client('F2', ['--subject-type', 'pairwise', '--sector', 'two.example']);
  const person = w.person();
  const ids = [];
  for (const client of [a, b]) {
    const t = await signIn(client, 'openid', {}, person);
    ids.push([jose.decodeJwt(t.id_token), jose.decodeJwt(t.access_token)]);
  }
  const [[idA, atA], [idB, atB]] = ids;
  assert.ok(idA.sid);
  assert.notStrictEqual(idA.sid, idB.sid);
  const again = jose.decodeJwt((await signIn(a, 'openid', {}, person)).id_token);
  assert.strictEqual(again.sid, idA.sid, 'one session has one sid at a client');
  const grace = jose.decodeJwt((await signIn(a, 'openid', {}, w.person('grace'))).access_token);
  assert.strictEqual(grace.epoch, atA.epoch, 'the epoch is no name');
  const shared = Object.keys(atA).filter((k) => atA[k] === atB[k] && String(atA[k]).length > 12);
  assert.deepStrictEqual(shared.filter((k) => !['iss', 'aud'].includes(k)), []);
});

test('a mapping gives custom claims where it says', async () => {
  const client = await w.client('G', ['--claim-map', 'plan="gold"@id_token,access_token',
    '--claim-map', 'org=organization.name']);
  const t = await signIn(client, 'openid');
  assert.strictEqual(jose.decodeJwt(t.id_token).plan, 'gold');
  assert.strictEqual(jose.decodeJwt(t.access_token).plan, 'gold');
  assert.deepStrictEqual(await (await userinfo(t.access_token)).json(),
    { sub: w.user.id, org: 'Analytical Engines' });
});

test('security.md 36, RFC 6750 3: the header alone; challenges', async () => {
  const client = await w.client('H');
  const t = await signIn(client, 'openid');
  const query = await fetch(`${w.p.url}/oauth2/userinfo?access_token=${t.access_token}`);
  assert.strictEqual(query.status, 401);
  assert.match(query.headers.get('www-authenticate'), /^Bearer/);
  const body = await fetch(`${w.p.url}/oauth2/userinfo`, { method: 'POST',
    body: new URLSearchParams({ access_token: t.access_token }) });
  assert.strictEqual(body.status, 401);
  const wrong = await userinfo(t.id_token); // security.md 46
  assert.strictEqual(wrong.status, 401);
  assert.match(wrong.headers.get('www-authenticate'), /error="invalid_token"/);
  const narrow = await userinfo((await signIn(client, 'profile')).access_token);
  assert.strictEqual(narrow.status, 403);
  assert.match(narrow.headers.get('www-authenticate'), /error="insufficient_scope"/);
});

test('security.md 23: of 50 parallel redemptions one wins; the replays end what it got', async () => {
  const client = await w.client('I');
  const verifier = crypto.randomBytes(32).toString('base64url');
  const url = new URL(`${w.p.url}/oauth2/authorize`);
  url.search = new URLSearchParams({ client_id: client.client_id, redirect_uri: REDIRECT,
    response_type: 'code', scope: 'openid', state: 's', code_challenge_method: 'S256',
    code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url') });
  const code = (await w.person().authorize(url.href)).params.get('code');
  const all = await Promise.all(Array.from({ length: 50 }, () => post('/oauth2/token', client,
    { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier })));
  const won = all.filter((r) => r.status === 200);
  assert.strictEqual(won.length, 1);
  for (const r of all) if (r.status !== 200) assert.strictEqual(r.json.error, 'invalid_grant');
  assert.strictEqual((await userinfo(won[0].json.access_token)).status, 401);
});

test('security.md 26: redirect_uri with a code: a wrong one never, none at all only under PKCE',
  async () => {
    const client = await w.client('K', ['--pkce', 'optional']);
    const verifier = crypto.randomBytes(32).toString('base64url');
    const challenge = crypto.createHash('sha256').update(verifier).digest('base64url');
    const codeFor = async (more) => (await w.person().authorize(`${w.p.url}/oauth2/authorize?${
      new URLSearchParams({ client_id: client.client_id, redirect_uri: REDIRECT,
        response_type: 'code', scope: 'openid', state: 's', nonce: 'n', ...more })}`)).params
      .get('code');
    const redeem = (code, more) => post('/oauth2/token', client,
      { grant_type: 'authorization_code', code, ...more });
    const refused = async (code, more) =>
      assert.strictEqual((await redeem(code, more)).json.error, 'invalid_grant');

    const proven = await codeFor({ code_challenge: challenge, code_challenge_method: 'S256' });
    await refused(proven, { redirect_uri: `${REDIRECT}/`, code_verifier: verifier });
    await refused(proven, {}); // it is the verifier that may stand for it
    assert.strictEqual((await redeem(proven, { code_verifier: verifier })).status, 200);

    const plain = await codeFor({}); // RFC 6749 4.1.3
    await refused(plain, {});
    await refused(plain, { redirect_uri: '' });
    await refused(plain, { redirect_uri: `${REDIRECT}/` });
    assert.strictEqual((await redeem(plain, { redirect_uri: REDIRECT })).status, 200);
  });

test('OIDC Core 12: a refresh repeats who, and not the nonce; a disabled user is nobody', async () => {
  const client = await w.client('J');
  const eve = await w.addUser('eve');
  const ada = w.person;
  w.person = () => ada.call(w, 'eve');
  const t = await signIn(client, 'openid offline_access', { prompt: 'consent' });
  w.person = ada;
  const r = await post('/oauth2/token', client,
    { grant_type: 'refresh_token', refresh_token: t.refresh_token, scope: 'openid' });
  const [a, b] = [jose.decodeJwt(t.id_token), jose.decodeJwt(r.json.id_token)];
  for (const name of ['iss', 'sub', 'aud', 'azp', 'auth_time']) assert.deepStrictEqual(a[name], b[name]);
  assert.ok(!('nonce' in b));
  await disable(eve);
  assert.strictEqual((await userinfo(r.json.access_token)).status, 401);
  const dead = await post('/oauth2/token', client,
    { grant_type: 'refresh_token', refresh_token: t.refresh_token });
  assert.strictEqual(dead.json.error, 'invalid_grant');
});

const disable = (user) => w.p.cli(['user', 'disable', user.id]);
