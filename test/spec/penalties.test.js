'use strict';
// Sources that fail too often are refused, whoever they claim to be (security.md A35, A36); others
// do not notice.

const { test } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
const { setTimeout: sleep } = require('node:timers/promises');
const { startPostern, freePort } = require('../interop/lib/postern.js');
const { startWorld, REDIRECT } = require('../interop/lib/relying_party.js');
const { Source, askFrom: ask } = require('./lib/source.js');

const BAD = '127.0.0.2';
const GOOD = '127.0.0.4';
// A failure counts when its answer has been sent: another worker learns of it a moment later.
async function askFrom(...all) {
  const answer = await ask(...all);
  await sleep(10);
  return answer;
}

const THRESHOLD = 10;
const SETTINGS = { 'penalties.threshold': THRESHOLD };
const LONG = { 'penalties.window': 3600 }; // nothing is forgiven meanwhile, however slow the machine

async function start(t, settings = {}) {
  const p = await startPostern({ settings: { ...SETTINGS, ...settings } });
  t.after(() => p.stop());
  const org = await p.cli(['org', 'create', '--name', 'O']);
  p.client = await p.cli(['client', 'create', '--org', org.id, '--name', 'C',
    '--grant', 'client_credentials']);
  return p;
}

const token = (p, client_secret, client_id = p.client.client_id) => ({ form:
  { grant_type: 'client_credentials', client_id, client_secret } });
const right = (p) => token(p, p.client.client_secret);

// The statuses of n requests, each on a connection of its own.
async function statuses(p, from, n, at, options) {
  const out = [];
  for (let i = 0; i < n; i++) out.push((await askFrom(p, from, at, options)).status);
  return out;
}

const times = (n, what) => Array.from({ length: n }, () => what);

async function metric(p, name) {
  const text = (await askFrom(p, '127.0.0.1', '/metrics')).body;
  return Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (.*)$`, 'm').exec(text)[1]);
}

test('security.md A35: wrong secrets: 429 for the source, also for the right secret', async (t) => {
  const p = await start(t);
  const keeps = new Source(p, BAD); // proves itself before, so it is known to be somebody else
  assert.strictEqual((await keeps.ask('/oauth2/token', right(p))).status, 200);
  const sequence = await statuses(p, BAD, THRESHOLD + 3, '/oauth2/token', token(p, 'x'.repeat(43)));
  const first = sequence.indexOf(429);
  assert.ok(first >= THRESHOLD && first <= THRESHOLD + 2, String(sequence));
  assert.deepStrictEqual(sequence.slice(0, first), times(first, 401));
  const r = await askFrom(p, BAD, '/oauth2/token', right(p));
  assert.strictEqual(r.status, 429, 'the right secret is not confirmed');
  assert.ok(Number(r.headers['retry-after']) >= 20 && Number(r.headers['retry-after']) <= 90);
  assert.strictEqual(JSON.parse(r.body).error, 'temporarily_unavailable');
  assert.strictEqual((await askFrom(p, GOOD, '/oauth2/token', right(p))).status, 200);
  for (let i = 0; i < 5; i++)
    assert.strictEqual((await keeps.ask('/oauth2/token', right(p))).status, 200);
  keeps.end();
  assert.strictEqual(await metric(p, 'postern_sources_penalised'), 1);
  assert.ok(await metric(p, 'postern_source_refusals_total{what="request"}') >= 2);
});

test('security.md A35: 429 does not tell whether there is such a client', async (t) => {
  const p = await start(t, LONG);
  const known = token(p, 'x'.repeat(43));
  const unknown = token(p, 'x'.repeat(43), '3f0e8d6c-9b7a-4c5d-8e1f-2a3b4c5d6e7f');
  const one = await statuses(p, BAD, 15, '/oauth2/token', known);
  const other = await statuses(p, '127.0.0.3', 15, '/oauth2/token', unknown);
  assert.deepStrictEqual(one, other);
  const strip = (r) => r.body.replace(/[0-9a-f-]{36}/g, '');
  assert.strictEqual(strip(await askFrom(p, BAD, '/oauth2/token', known)),
    strip(await askFrom(p, '127.0.0.3', '/oauth2/token', unknown)));
});

test('security.md A35: a connection that guesses loses what it had proven', async (t) => {
  const p = await start(t);
  const s = new Source(p, BAD);
  assert.strictEqual((await s.ask('/oauth2/token', right(p))).status, 200);
  let last;
  for (let i = 0; i < 3 * THRESHOLD; i++) {
    last = (await s.ask('/oauth2/token', token(p, 'x'.repeat(43)))).status;
  }
  assert.strictEqual(last, 429);
  s.end();
});

test('security.md A35: unknown tokens, malformed messages and their tail', async (t) => {
  const p = await start(t);
  const bearer = { fields: ['Authorization: Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'] };
  let got = await statuses(p, BAD, THRESHOLD + 2, '/oauth2/userinfo', bearer);
  assert.deepStrictEqual([got[0], got.at(-1)], [401, 429]);
  got = await statuses(p, '127.0.0.3', THRESHOLD + 2, '/', { fields: ['Bad Name: x'] });
  assert.deepStrictEqual(got, times(THRESHOLD + 2, 400));
  assert.strictEqual((await askFrom(p, '127.0.0.3', '/oauth2/jwks')).status, 429);
  // who goes on is not answered at all
  for (let i = 0; i < 4 * THRESHOLD; i++) await askFrom(p, '127.0.0.3', '/', { fields: ['Bad Name: x'] });
  assert.deepStrictEqual(await askFrom(p, '127.0.0.3', '/oauth2/jwks'), { closed: true });
  assert.ok(await metric(p, 'postern_source_refusals_total{what="connection"}') >= 1);
  assert.strictEqual((await askFrom(p, GOOD, '/oauth2/jwks')).status, 200);
});

test('security.md A9: heads that never end count, and so do handshakes that fail', async (t) => {
  const p = await start(t);
  const [key, pem] = ['key', 'pem'].map((x) => path.join(p.dir, `tls.${x}`));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', key, '-out', pem], { stdio: 'ignore' });
  fs.chmodSync(key, 0o600);
  const port = await freePort();
  await p.restart({ settings: { issuer: p.url, 'tls.listen': `127.0.0.1:${port}`,
    'tls.certificate': pem, 'tls.key': key } });
  const slow = times(THRESHOLD + 1).map(() => {
    const s = new Source(p, '127.0.0.3');
    s.socket.write('GET / HTTP/1.1\r\n');
    return s;
  });
  for (let i = 0; i <= THRESHOLD; i++) { // no handshake at all
    const s = new Source(p, BAD, { port });
    s.socket.write('GET / HTTP/1.1\r\n\r\n');
    while (!s.closed) await sleep(5);
  }
  assert.strictEqual((await askFrom(p, BAD, '/oauth2/jwks')).status, 429);
  for (const s of slow) assert.strictEqual((await s.hear(15000)).status, 408);
  assert.strictEqual((await askFrom(p, '127.0.0.3', '/oauth2/jwks')).status, 429);
  assert.strictEqual((await askFrom(p, GOOD, '/oauth2/jwks', { port, secure: true })).status, 200);
});

test('security.md A35: who shows no credentials has not guessed', async (t) => {
  const p = await start(t);
  const none = { form: { grant_type: 'client_credentials' } };
  const basic = { ...none, fields: ['Authorization: Basic ' +
    Buffer.from(`${p.client.client_id}:${p.client.client_secret}`).toString('base64')] };
  // as clients do that send credentials only when they are asked for them
  for (let i = 0; i < 4 * THRESHOLD; i++) {
    assert.strictEqual((await askFrom(p, BAD, '/oauth2/introspect', { form: { token: 'x' } })).status, 401);
    assert.strictEqual((await askFrom(p, BAD, '/oauth2/userinfo')).status, 401);
    assert.strictEqual((await askFrom(p, BAD, '/oauth2/token', i % 4 ? none : basic)).status,
      i % 4 ? 401 : 200);
  }
  // but a name without its secret, and an empty one, are attempts
  const named = await statuses(p, GOOD, THRESHOLD + 2, '/oauth2/introspect', { form: { token: 'x',
    client_id: p.client.client_id } });
  assert.strictEqual(named.at(-1), 429);
  const empty = await statuses(p, '127.0.0.3', THRESHOLD + 2, '/oauth2/token', { ...none,
    fields: ['Authorization: Basic Og=='] });
  assert.strictEqual(empty.at(-1), 429);
});

test('security.md A35: it ends: Retry-After is true', async (t) => {
  const p = await start(t, { 'penalties.window': 2 });
  await statuses(p, BAD, THRESHOLD + 4, '/oauth2/token', token(p, 'x'.repeat(43)));
  const r = await askFrom(p, BAD, '/oauth2/token', right(p));
  assert.strictEqual(r.status, 429);
  await sleep(Number(r.headers['retry-after']) * 1000);
  assert.strictEqual((await askFrom(p, BAD, '/oauth2/token', right(p))).status, 200);
});

test('security.md A37: behind a listed proxy its clients are told apart; it is never penalised', async (t) => {
  const p = await start(t, { proxies: BAD, 'proxies.header': 'x-forwarded-for' });
  const via = (client, more) => ({ ...more, fields: [`X-Forwarded-For: 8.8.8.8, ${client}`] });
  const wrong = token(p, 'x'.repeat(43));
  let got = await statuses(p, BAD, THRESHOLD + 2, '/oauth2/token', via('192.0.2.1', wrong));
  assert.strictEqual(got.at(-1), 429);
  assert.strictEqual((await askFrom(p, BAD, '/oauth2/token', via('192.0.2.2', right(p)))).status, 200);
  // one /64 is one source
  for (let i = 0; i < THRESHOLD + 2; i++)
    got.push((await askFrom(p, BAD, '/oauth2/token', via(`2001:db8::${i + 1}`, wrong))).status);
  assert.strictEqual(got.at(-1), 429);
  assert.strictEqual((await askFrom(p, BAD, '/oauth2/token', via('2001:db8:0:1::1', right(p)))).status, 200);
  got = await statuses(p, BAD, 3 * THRESHOLD, '/oauth2/token', wrong);
  assert.deepStrictEqual(got, times(3 * THRESHOLD, 401));
  // and a stranger who names another address is penalised himself
  got = await statuses(p, '127.0.0.3', THRESHOLD + 2, '/oauth2/token', via('192.0.2.3', wrong));
  assert.strictEqual(got.at(-1), 429);
  assert.strictEqual((await askFrom(p, BAD, '/oauth2/token', via('192.0.2.3', right(p)))).status, 200);
});

test('penalties: exempt sources, and none at all', async (t) => {
  const p = await start(t);
  const wrong = token(p, 'x'.repeat(43));
  const all = times(2 * THRESHOLD, 401);
  assert.deepStrictEqual(await statuses(p, '127.0.0.1', all.length, '/oauth2/token', wrong), all);
  await p.restart({ settings: { 'penalties.exempt': '127.0.0.0/29' } });
  assert.deepStrictEqual(await statuses(p, BAD, all.length, '/oauth2/token', wrong), all);
  assert.strictEqual((await statuses(p, '127.0.0.9', all.length, '/oauth2/token', wrong)).at(-1), 429);
  await p.restart({ settings: { penalties: false } });
  assert.deepStrictEqual(await statuses(p, '127.0.0.9', all.length, '/oauth2/token', wrong), all);
});

test('security.md A9: one source has a bounded number of connections', async (t) => {
  const p = await start(t, { connections_per_source: 8 });
  const open = times(8).map(() => new Source(p, BAD));
  for (const s of open) assert.strictEqual((await s.ask('/oauth2/jwks')).status, 200);
  assert.deepStrictEqual(await askFrom(p, BAD, '/oauth2/jwks'), { closed: true });
  assert.strictEqual((await askFrom(p, GOOD, '/oauth2/jwks')).status, 200);
  const exempt = times(20).map(() => new Source(p, '127.0.0.1'));
  for (const s of exempt) assert.strictEqual((await s.ask('/oauth2/jwks')).status, 200);
  assert.strictEqual(await metric(p, 'postern_source_refusals_total{what="crowd"}'), 1);
  open[0].end();
  await sleep(200);
  assert.strictEqual((await askFrom(p, BAD, '/oauth2/jwks')).status, 200);
  for (const s of [...open, ...exempt]) s.end();
});

test('security.md A36: what strangers have stored costs them, what clients have stored does not', async (t) => {
  const p = await start(t);
  const org = await p.cli(['org', 'create', '--name', 'P']);
  const app = await p.cli(['client', 'create', '--org', org.id, '--name', 'App', '--public',
    '--redirect-uri', 'https://app.example/cb']);
  const own = await p.cli(['client', 'create', '--org', org.id, '--name', 'Own',
    '--redirect-uri', 'https://app.example/cb']);
  const push = (client_id, client_secret) => ({ form: { client_id, response_type: 'code',
    redirect_uri: 'https://app.example/cb', scope: 'openid', code_challenge_method: 'S256',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    ...(client_secret ? { client_secret } : {}) } });
  const got = await statuses(p, BAD, 8 * THRESHOLD + 4, '/oauth2/par', push(app.client_id));
  assert.deepStrictEqual([got[0], got[8 * THRESHOLD - 2], got.at(-1)], [201, 201, 429]);
  assert.deepStrictEqual([...new Set(await statuses(p, GOOD, 10 * THRESHOLD, '/oauth2/par',
    push(own.client_id, own.client_secret)))], [201]);
});

test('security.md A36: bad signatures are answered 429 before they are looked at', async (t) => {
  const p = await start(t);
  const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
  const jwks = JSON.parse((await askFrom(p, '127.0.0.1', '/oauth2/jwks')).body);
  const key = jwks.keys.find((k) => k.alg === 'ES256');
  const jwt = [part({ alg: 'ES256', typ: 'at+jwt', kid: key.kid }),
    part({ iss: p.url, sub: 'x', exp: Math.floor(Date.now() / 1000) + 60 }),
    Buffer.alloc(64, 7).toString('base64url')].join('.');
  const s = new Source(p, BAD);
  const n = 10000;
  const request = `GET /oauth2/userinfo HTTP/1.1\r\nHost: 127.0.0.1:${p.port}\r\n` +
    `Authorization: Bearer ${jwt}\r\n\r\n`;
  let refused = 0;
  let looked = 0;
  const honest = [];
  for (let i = 0; i < n; i += 500) { // 500 at once, 900 to a connection at most
    const flood = new Source(p, BAD);
    flood.raw.write(request.repeat(500));
    const from = performance.now();
    assert.strictEqual((await askFrom(p, GOOD, '/oauth2/token', right(p))).status, 200);
    honest.push(performance.now() - from);
    for (let k = 0; k < 500; k++) {
      const r = await flood.hear();
      if (r.closed) break;
      if (r.status === 429) refused++;
      else looked++;
    }
    flood.end();
  }
  s.end();
  assert.ok(looked <= THRESHOLD + 2, `${looked} signatures were looked at`);
  assert.ok(refused > 0);
  honest.sort((a, b) => a - b);
  assert.ok(honest[honest.length >> 1] < 250, `an honest client waited ${honest}`);
});

test('security.md A35: wrong passwords count, whoever is named', async (t) => {
  const w = await startWorld({ settings: { ...SETTINGS, ...LONG } });
  t.after(() => w.stop());
  const client = await w.client('Notes', []);
  const url = `/oauth2/authorize?${new URLSearchParams({ client_id: client.client_id,
    redirect_uri: REDIRECT, response_type: 'code', scope: 'openid', state: 'x',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`;
  const page = await askFrom(w.p, BAD, url);
  const action = /<form[^>]* action="([^"]+)"/.exec(page.body)[1].replace(/&amp;/g, '&');
  const form = Object.fromEntries([...page.body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
    .map(([, k, v]) => [k, v]));
  const cookie = page.headers['set-cookie'].split(';')[0];
  const got = [];
  for (let i = 0; i < THRESHOLD + 2; i++) {
    const r = await askFrom(w.p, BAD, new URL(action, w.p.url).pathname + new URL(action, w.p.url).search,
      { fields: [`Cookie: ${cookie}`, `Origin: ${w.p.url}`],
        form: { ...form, login: `somebody-${i}`, password: 'wrong' } });
    got.push(r.status);
  }
  assert.deepStrictEqual([got[0], got.at(-1)], [200, 429], String(got));
});
