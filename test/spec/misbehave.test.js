'use strict';
// The settings fault.*: what they do to whom, and where they are refused.

const assert = require('node:assert/strict');
const { test, before, after } = require('node:test');
const { startPostern, makeTwineClient } = require('../interop/lib/postern');
const { request, postToken, credentials } = require('../interop/lib/twine');

let p, c;

before(async () => {
  p = await startPostern();
  c = await makeTwineClient(p);
});
after(() => p.stop());

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const form = () => `grant_type=client_credentials&client_id=${c.id}&client_secret=${c.secret}`;
const post = () => request(p, 'POST', '/oauth2/token', { headers: FORM, body: form() });
const get = (path) => request(p, 'GET', path);
const NONE = { 'fault.latency_ms': 0, 'fault.status': 'none', 'fault.share': 100,
  'fault.routes': '', 'fault.token_ttl': 0, 'fault.really': false };
const restart = (settings) => p.restart({ settings: { ...NONE, ...settings } });
const warnings = () => p.logLines().filter((l) => l.level === 'warn' && /MISBEHAVES/.test(l.message));

async function timed(promise) {
  const start = performance.now();
  const res = await promise;
  return { res, ms: performance.now() - start };
}

test('off: nobody is told, nothing is late', async () => {
  assert.equal(warnings().length, 0);
  assert.equal((await post()).status, 200);
});

test('latency: each answer as late as is said, however many there are', async () => {
  await restart({ 'fault.latency_ms': 400 });
  assert.equal(warnings().length, 1);
  assert.equal(warnings()[0].latency_ms, 400);
  const late = Promise.all(Array.from({ length: 20 }, () => timed(post())));
  const health = await timed(get('/healthz'));
  assert.ok(health.ms < 300, `health took ${health.ms} ms`);
  const jwks = await timed(get('/oauth2/jwks'));
  assert.ok(jwks.ms < 300, `the JWKS took ${jwks.ms} ms`);
  for (const { res, ms } of await late) {
    assert.equal(res.status, 200);
    assert.ok(ms >= 395 && ms < 2000, `took ${ms} ms`);
  }
  const twine = await timed(postToken(p, credentials(c))); // with a commit before the answer
  assert.equal(twine.res.status, 201);
  assert.ok(twine.ms >= 395);
  const refused = await timed(postToken(p, credentials(c, { client_secret: 'x' })));
  assert.equal(refused.res.status, 401);
  assert.ok(refused.ms >= 395);
});

test('refusals in the shape of the dialect, nothing issued', async () => {
  for (const [status, error, retry] of [[429, 'temporarily_unavailable', '1'],
    [500, 'server_error', undefined], [503, 'temporarily_unavailable', '1']]) {
    await restart({ 'fault.status': status });
    const res = await post();
    assert.equal(res.status, status);
    assert.equal(res.headers['retry-after'], retry);
    assert.equal(res.json.error, error);
    assert.equal(res.json.access_token, undefined);
    const twine = await postToken(p, credentials(c));
    assert.equal(twine.headers['retry-after'], retry);
    assert.equal(twine.json.errors[0].status, String(status));
    assert.equal((await get('/readyz')).status, 200);
    assert.equal((await get('/oauth2/jwks')).status, 200);
    assert.equal((await get('/nothing')).status, 404);
    const line = p.logLines().findLast((l) => l.route === 'token');
    assert.match(line.detail, /fault\.status/);
  }
});

test('share: about that many, by chance', async () => {
  await restart({ 'fault.status': 500, 'fault.share': 30 });
  let bad = 0;
  for (let i = 0; i < 20; i++) {
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await post()).status));
    for (const s of statuses) {
      assert.ok(s === 200 || s === 500);
      bad += s === 500;
    }
  }
  assert.ok(bad > 70 && bad < 175, `${bad} of 400`); // 120 +- 5.5 sigma
  await restart({ 'fault.status': 500, 'fault.share': 0 });
  for (let i = 0; i < 20; i++) assert.equal((await post()).status, 200);
});

test('routes: those that are named, keys too', async () => {
  await restart({ 'fault.status': 503, 'fault.routes': 'jwks,twine.token' });
  assert.equal((await post()).status, 200);
  assert.equal((await get('/oauth2/jwks')).status, 503);
  assert.equal((await postToken(p, credentials(c))).status, 503);
});

test('token life: at most what is said, in both dialects', async () => {
  await restart({ 'fault.token_ttl': 2 });
  const res = await post();
  assert.equal(res.json.expires_in, 2);
  const { exp, iat } = JSON.parse(Buffer.from(res.json.access_token.split('.')[1], 'base64url'));
  assert.equal(exp - iat, 2);
  const twine = await postToken(p, credentials(c));
  assert.equal(twine.json.data.attributes.expires_in, 2);
  await restart({ 'fault.token_ttl': '20d' });
  assert.equal((await post()).json.expires_in, 3600);
});

test('refused: unknown routes, and a public issuer', async () => {
  const serve = (env) => p.cliRaw(['serve'], { env: { POSTERN_LISTEN: '127.0.0.1:0',
    POSTERN_ISSUER: 'http://127.0.0.1:1', ...env } });
  let r = await serve({ POSTERN_FAULT_ROUTES: 'twine.tokn', POSTERN_FAULT_STATUS: '429' });
  assert.equal(r.code, 1);
  assert.match(r.stderr, /no route is called `twine\.tokn` \(did you mean `twine\.token`\?\)/);
  r = await serve({ POSTERN_FAULT_STATUS: '429', POSTERN_ISSUER: 'https://auth.example.com' });
  assert.equal(r.code, 1);
  assert.match(r.stderr, /`fault\.status` makes the server misbehave.*`fault\.really: true`/);
  r = await serve({ POSTERN_FAULT_STATUS: '418' });
  assert.notEqual(r.code, 0);
  assert.match(r.stderr, /none\|429\|500\|503/);
  await restart({ 'fault.status': 429, 'fault.really': true, issuer: 'https://auth.example.com' });
  assert.equal((await post()).status, 429);
  p.settings.issuer = p.url;
});
