'use strict';
// What refusals give away (security.md 58, A20, A34): of two things that an outsider must not tell
// apart, the answers are the same byte for byte, but for the ids and times that differ in any two
// answers; and names made to collide cost no more than others.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const crypto = require('node:crypto');
const { startWorld, REDIRECT } = require('../interop/lib/relying_party.js');
const { FORM, basic, form } = require('./lib/shape.js');

const NOBODY = '00000000-0000-4000-8000-000000000000';
let w, plain, native, other;
before(async () => {
  w = await startWorld();
  plain = await w.client('Plain');
  other = await w.client('Other');
  native = await w.client('Native', ['--public'], 'http://127.0.0.1/cb');
});
after(() => w.stop());

// An answer without what differs from any request to the next.
const bare = (r) => {
  const headers = { ...r.headers };
  for (const name of ['date', 'x-request-id']) delete headers[name];
  return { status: r.status, headers, body: r.body.replaceAll(r.headers['x-request-id'] ?? '\n', 'ID') };
};

async function same(title, answers) {
  const [first, ...rest] = (await Promise.all(answers)).map(bare);
  assert.ok(first.status >= 400 || first.body === '{"active":false}', `${title}: ${first.status}`);
  for (const r of rest) assert.deepStrictEqual(r, first, title);
}

const token = (body, client) => form(w.p, '/oauth2/token', body,
  client && { authorization: basic(client.client_id, client.client_secret) });
const look = async (target) => {
  const r = await fetch(w.p.url + target, { redirect: 'manual' });
  return { status: r.status, headers: Object.fromEntries(r.headers), body: await r.text() };
};
const signed = (header, claims) => [header, claims].map((part) =>
  Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

describe('answers that must not differ (A34)', () => {
  test('unknown client, wrong secret, secret of another', async () => {
    const grant = 'grant_type=client_credentials';
    await same('Basic', [
      token(grant, { client_id: NOBODY, client_secret: plain.client_secret }),
      token(grant, { client_id: plain.client_id, client_secret: 'x'.repeat(43) }),
      token(grant, { client_id: plain.client_id, client_secret: 'x' }),
      token(grant, { client_id: plain.client_id, client_secret: other.client_secret }),
    ]);
  });

  test('codes and refresh tokens: unknown, damaged, of another kind', async () => {
    for (const [grant, name] of [['authorization_code', 'code'], ['refresh_token', 'refresh_token']]) {
      const ask = (value) => token({ grant_type: grant, [name]: value, redirect_uri: REDIRECT,
        code_verifier: 'v'.repeat(43) }, plain);
      await same(grant, [ask('x'), ask('A'.repeat(43)), ask('ac_'.padEnd(46, 'B')),
        ask('rt_'.padEnd(46, 'B')), ask('.'.repeat(200))]);
    }
  });

  test('the authorization endpoint: unknown client, redirect URI of another client', async () => {
    const ask = (id, uri) => look(`/oauth2/authorize?${new URLSearchParams({ client_id: id,
      response_type: 'code', redirect_uri: uri, scope: 'openid' })}`);
    await same('page', [ask(NOBODY, REDIRECT), ask('nobody', REDIRECT),
      ask(plain.client_id, 'https://elsewhere.example/cb')]);
  });

  test('JWTs: whatever is wrong with one, introspection says the same', async () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: w.p.url, sub: 'x', aud: w.p.url, exp: now + 60, iat: now, jti: 'j' };
    const [key] = (await (await fetch(`${w.p.url}/oauth2/jwks`)).json()).keys
      .filter((k) => k.alg === 'ES256');
    const pair = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const sign = (header, c) => {
      const input = signed(header, c);
      return `${input}.${crypto.sign('sha256', Buffer.from(input),
        { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    };
    const header = { alg: 'ES256', typ: 'at+jwt', kid: key.kid };
    const ask = (text) => form(w.p, '/oauth2/introspect', { token: text },
      { authorization: basic(plain.client_id, plain.client_secret) });
    await same('introspection', [
      ask(sign(header, claims)), ask(sign({ ...header, kid: 'unknown' }, claims)),
      ask(sign({ ...header, alg: 'RS256' }, claims)), ask(sign(header, { ...claims, exp: now - 60 })),
      ask(`${signed({ ...header, alg: 'none' }, claims)}.`), ask('x.y.z'), ask('x'),
    ]);
    const at = async (text) => {
      const r = await fetch(`${w.p.url}/oauth2/userinfo`, { headers: { authorization: `Bearer ${text}` } });
      return { status: r.status, headers: Object.fromEntries(r.headers), body: await r.text() };
    };
    await same('userinfo', [at(sign(header, claims)), at(sign({ ...header, kid: 'unknown' }, claims)),
      at(sign(header, { ...claims, exp: now - 60 })), at('x.y.z')]);
  });

  test('revocation of what is unknown is no news', async () => {
    const revoke = (value) => form(w.p, '/oauth2/revoke', { token: value },
      { authorization: basic(plain.client_id, plain.client_secret) });
    const [a, b] = (await Promise.all([revoke('x'), revoke('A'.repeat(43))])).map(bare);
    assert.strictEqual(a.status, 200);
    assert.deepStrictEqual(a, b);
  });
});

test('a secret from a public client proves nothing (58)', async () => {
  const grant = { grant_type: 'authorization_code', code: 'x', redirect_uri: 'http://127.0.0.1/cb',
    code_verifier: 'v'.repeat(43), client_id: native.client_id };
  const without = await token(grant);
  assert.strictEqual(without.json.error, 'invalid_grant'); // taken for who it is; the code is bad
  const withSecret = await token({ ...grant, client_secret: 'x'.repeat(43) });
  assert.ok([400, 401].includes(withSecret.status));
  assert.notStrictEqual(withSecret.status, 200);
  const machine = await token({ grant_type: 'client_credentials', client_id: native.client_id,
    client_secret: 'x'.repeat(43) });
  assert.ok(['invalid_client', 'unauthorized_client', 'invalid_request'].includes(machine.json.error),
    machine.body);
  const introspection = await form(w.p, '/oauth2/introspect',
    { token: 'x', client_id: native.client_id, client_secret: 'x'.repeat(43) });
  assert.strictEqual(introspection.status, 401, introspection.body);
});

// Names of one bucket in the hash tables of common JSON and form readers (times 33 and times 31).
function colliding(n) {
  const names = ['Aa', 'BB'];
  let all = [''];
  while (all.length < n) all = all.flatMap((name) => names.map((pair) => name + pair));
  return all.slice(0, n);
}

test('names that collide cost no more than others (A20)', async () => {
  const plainNames = (n) => Array.from({ length: n }, (_, i) => `n${i}`.padEnd(12, 'x'));
  const assertion = (names) => `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer
    .from(JSON.stringify(Object.fromEntries(names.map((name) => [name, 1])))).toString('base64url')}.AAAA`;
  const cost = async (names) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion(names) }).toString();
    const times = [];
    for (let i = 0; i < 60; i++) {
      const start = process.hrtime.bigint();
      const r = await fetch(`${w.p.url}/oauth2/token`, { method: 'POST', body,
        headers: { 'content-type': FORM } });
      await r.text();
      assert.ok(r.status >= 400 && r.status < 500, `${r.status}`);
      times.push(Number(process.hrtime.bigint() - start));
    }
    return times.sort((a, b) => a - b)[20];
  };
  // As many as fit: beyond JSON_MEMBERS they are refused unread.
  for (const n of [200, 5000]) {
    let ratio = Infinity;
    for (let i = 0; i < 4 && ratio >= 2; i++) ratio = Math.min(ratio, await cost(colliding(n)) / await cost(plainNames(n)));
    assert.ok(ratio < 2, `${n} names: ${ratio}`);
  }
});
