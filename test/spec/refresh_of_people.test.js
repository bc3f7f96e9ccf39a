'use strict';
// Refresh tokens of people against the real binary (security.md 30-32): whatever races with what,
// and over a restart or kill -9, a grant has one live line of tokens or none.

const { test, describe } = require('node:test');
const assert = require('node:assert');
const { startWorld, REDIRECT } = require('../interop/lib/relying_party.js');
const { faketime } = require('../interop/lib/faketime.js');
const { sleep } = require('../interop/lib/postern.js');
const { assertStandardError, basic, form } = require('./lib/shape.js');

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'; // RFC 7636 B
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const OFFLINE = 'openid profile offline_access';

async function withWorld(settings, run) {
  const w = await startWorld({ settings });
  try {
    await run(w);
  } finally {
    await w.stop();
  }
}

const authorize = (w, client, scope) => `${w.p.url}/oauth2/authorize?${new URLSearchParams({
  client_id: client.client_id, redirect_uri: REDIRECT, response_type: 'code', scope, state: 'xyz',
  code_challenge: CHALLENGE, code_challenge_method: 'S256' })}`;

// A form of that client, which says who it is or proves it.
const send = (w, client, path, params) => form(w.p, path,
  { ...params, ...(client.client_secret ? {} : { client_id: client.client_id }) },
  { authorization: client.client_secret && basic(client.client_id, client.client_secret) });
const redeem = (w, client, code) => send(w, client, '/oauth2/token',
  { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: VERIFIER });
const refresh = (w, client, token, more) => send(w, client, '/oauth2/token',
  { grant_type: 'refresh_token', refresh_token: token, ...more });
const revoke = (w, client, token) => send(w, client, '/oauth2/revoke', { token });

function won(r) {
  assert.strictEqual(r.status, 200, r.body);
  return r.json;
}
function dead(r) {
  assert.strictEqual(r.status, 400, r.body);
  assertStandardError(r, 'invalid_grant');
}

async function signIn(w, client, person = w.person(), scope = OFFLINE) {
  return won(await redeem(w, client, (await person.authorize(authorize(w, client, scope))).code));
}

const statusOf = async (w, token) => (await fetch(`${w.p.url}/oauth2/userinfo`,
  { headers: { authorization: `Bearer ${token}` } })).status;
const distinct = (values) => [...new Set(values)];
const jti = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).jti;

describe('security.md 32: parallel refresh with one token', () => {
  const kinds = { 'a public client': ['--public'],
    'a client with a secret that rotates': ['--refresh-rotation', 'always'] };
  for (const [kind, options] of Object.entries(kinds)) {
    test(`${kind}: of 50 one line comes, which all are told of`, () => withWorld({}, async (w) => {
      const client = await w.client('app', options);
      const first = await signIn(w, client);
      const all = (await Promise.all(Array.from({ length: 50 },
        () => refresh(w, client, first.refresh_token)))).map(won);
      const [next, ...others] = distinct(all.map((t) => t.refresh_token));
      assert.deepStrictEqual(others, []);
      assert.notStrictEqual(next, first.refresh_token);
      assert.strictEqual(distinct(all.map((t) => jti(t.access_token))).length, 1);
      // In the same second once more: the line goes on, and what came before it ends there.
      const third = won(await refresh(w, client, next));
      dead(await refresh(w, client, first.refresh_token));
      assert.strictEqual(won(await refresh(w, client, next)).refresh_token, third.refresh_token);
      assert.strictEqual(await statusOf(w, third.access_token), 200);
    }));
  }

  test('without a grace one of 50 wins, and the others end its line', () => withWorld(
    { 'refresh.grace': 0 }, async (w) => {
      const client = await w.client('app', ['--public']);
      const first = await signIn(w, client);
      const all = await Promise.all(Array.from({ length: 50 },
        () => refresh(w, client, first.refresh_token)));
      const winners = all.filter((r) => r.status === 200);
      assert.strictEqual(winners.length, 1);
      all.filter((r) => r.status !== 200).forEach(dead);
      dead(await refresh(w, client, winners[0].json.refresh_token)); // security.md 31
      assert.strictEqual(await statusOf(w, winners[0].json.access_token), 401);
    }));
});

// Refreshes as fast as it can until it is refused; all that it was given.
async function chain(w, client, first) {
  const given = [first];
  for (;;) {
    const r = await refresh(w, client, given.at(-1).refresh_token);
    if (r.status !== 200) {
      dead(r);
      return given;
    }
    given.push(r.json);
  }
}

test('security.md 32: refresh racing revocation, 40 rounds: no token outlives its grant',
  () => withWorld({}, async (w) => {
    const client = await w.client('app', ['--public']);
    const person = w.person();
    let refreshes = 0;
    for (let round = 0; round < 40; round++) {
      const first = await signIn(w, client, person);
      const running = [chain(w, client, first), chain(w, client, first)];
      await sleep(round % 8);
      const token = round % 2 ? first.refresh_token : first.access_token;
      assert.strictEqual((await revoke(w, client, token)).status, 200);
      const given = (await Promise.all(running)).flat();
      for (const t of given.slice(-6)) dead(await refresh(w, client, t.refresh_token));
      for (const t of given.slice(-6)) assert.strictEqual(await statusOf(w, t.access_token), 401);
      refreshes += given.length - 2;
    }
    assert.ok(refreshes > 0, 'some came before their revocation');
  }));

test('security.md 32, 59: sign-out racing a code, 40 rounds: nothing lives behind it',
  () => withWorld({}, async (w) => {
    const client = await w.client('app', ['--public']);
    const outcomes = new Set();
    for (let round = 0; round < 40; round++) {
      const person = w.person();
      const scope = round % 2 ? 'profile' : 'openid profile'; // a refresh token, or userinfo
      const { code } = await person.authorize(authorize(w, client, scope));
      const page = await person.open(`${w.p.url}/oauth2/logout`);
      const ours = page.forms.find((f) => f.action.pathname === '/sign-out');
      const signOut = async () => {
        await sleep(Math.trunc(round / 2) % 4);
        return person.submit(page, { action: 'sign_out' }, { form: ours });
      };
      const racer = async () => {
        await sleep(Math.trunc(round / 8) % 4);
        return redeem(w, client, code);
      };
      const [r, end] = await Promise.all([racer(), signOut()]);
      assert.strictEqual(end.status, 200);
      outcomes.add(r.status);
      if (r.status !== 200) dead(r);
      else if (scope === 'profile') dead(await refresh(w, client, r.json.refresh_token));
      else assert.strictEqual(await statusOf(w, r.json.access_token), 401);
      dead(await redeem(w, client, code));
    }
    assert.deepStrictEqual([...outcomes].sort(), [200, 400], 'each came first at times');
  }));

describe('security.md 31, 32: reuse after the server has started again', () => {
  for (const end of ['kill9', 'signal']) {
    test(end === 'kill9' ? 'after kill -9' : 'after SIGTERM', () => withWorld(
      { 'refresh.grace': 2 }, async (w) => {
        const client = await w.client('app', ['--public']);
        const first = await signIn(w, client);
        const next = won(await refresh(w, client, first.refresh_token));
        await w.p[end]('SIGTERM', 20000);
        await w.p.restart();
        const again = won(await refresh(w, client, first.refresh_token)); // in the grace
        assert.strictEqual(again.refresh_token, next.refresh_token);
        await sleep(3100);
        assert.strictEqual(await statusOf(w, next.access_token), 200);
        dead(await refresh(w, client, first.refresh_token));
        dead(await refresh(w, client, next.refresh_token)); // the family has gone
        for (const t of [first, next, again]) {
          assert.strictEqual(await statusOf(w, t.access_token), 401);
        }
        await w.p[end]('SIGTERM', 20000);
        await w.p.restart();
        dead(await refresh(w, client, next.refresh_token));
      }));
  }
});

test('security.md 30: idle and absolute expiry; rotation does not put off the end',
  () => withWorld({}, async (w) => {
    const client = await w.client('app', ['--public', '--refresh-ttl', '1h', '--family-ttl', '3h']);
    const [idle, busy] = [await signIn(w, client), await signIn(w, client)];
    let { refresh_token: token } = busy;
    const at = (offset) => w.p.restart({ env: faketime(offset) });
    for (const offset of ['+50m', '+100m', '+150m']) {
      await at(offset);
      token = won(await refresh(w, client, token)).refresh_token;
      if (offset === '+100m') dead(await refresh(w, client, idle.refresh_token));
    }
    await at('+179m');
    token = won(await refresh(w, client, token)).refresh_token;
    await at('+181m'); // used two minutes ago, but three hours old
    dead(await refresh(w, client, token));
  }));

test('security.md 30: a wider scope is refused and spends nothing', () => withWorld({}, async (w) => {
  const client = await w.client('app', ['--public']);
  const first = await signIn(w, client);
  for (const scope of ['openid email', `${OFFLINE} phone`, 'admin']) {
    const r = await refresh(w, client, first.refresh_token, { scope });
    assert.strictEqual(r.status, 400);
    assertStandardError(r, 'invalid_scope');
  }
  const narrow = won(await refresh(w, client, first.refresh_token, { scope: 'openid' }));
  assert.strictEqual(narrow.scope, 'openid');
  const r = await refresh(w, client, narrow.refresh_token, { scope: 'openid email' });
  assertStandardError(r, 'invalid_scope');
  assert.strictEqual(won(await refresh(w, client, narrow.refresh_token)).scope, OFFLINE);
}));
