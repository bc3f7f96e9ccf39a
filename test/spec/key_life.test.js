'use strict';
// Signing keys over 200 days: replaced by age, published before they sign, kept until nothing
// signed by them is alive. Time is moved by libfaketime; SIGHUP makes a server look at once.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const fs = require('node:fs');
const path = require('node:path');
const { createLocalJWKSet, jwtVerify } = require('../interop/node_modules/jose');
const { startPostern, sleep } = require('../interop/lib/postern');
const { faketime } = require('../interop/lib/faketime');
const { request } = require('../interop/lib/twine');

const HOUR = 3600, DAY = 24 * HOUR;
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

// A clock that is said in a file, for the servers and the subcommands alike.
class Time {
  constructor() {
    this.start_s = Math.floor(Date.now() / 1000);
    this.dir = fs.mkdtempSync('/tmp/postern-time-');
    this.file = path.join(this.dir, 'offset');
    this.set(0);
    // libfaketime reads that file inside the server, whose sandbox does not know it.
    this.env = { ...faketime(''), FAKETIME_TIMESTAMP_FILE: this.file, FAKETIME_NO_CACHE: '1',
      POSTERN_SANDBOX: 'off' };
    delete this.env.FAKETIME;
  }

  set(offset_s) {
    this.offset_s = offset_s;
    fs.writeFileSync(`${this.file}.new`, `+${offset_s}\n`);
    fs.renameSync(`${this.file}.new`, this.file);
  }

  now_s() {
    return Math.floor(Date.now() / 1000) + this.offset_s;
  }

  remove() {
    fs.rmSync(this.dir, { recursive: true });
  }
}

async function makeClient(p, env, ttl) {
  const org = await p.cli(['org', 'create', '--name', 'O'], { env });
  const c = await p.cli(['client', 'create', '--org', org.id, '--name', 'C', '--grant',
    'client_credentials', '--access-ttl', ttl], { env });
  return `grant_type=client_credentials&client_id=${c.client_id}&client_secret=${c.client_secret}`;
}

async function newToken(p, form) {
  const res = await request(p, 'POST', '/oauth2/token', { headers: FORM, body: form });
  assert.equal(res.status, 200, res.text);
  return res.json.access_token;
}

const partsOf = (token) => token.split('.').slice(0, 2)
  .map((part) => JSON.parse(Buffer.from(part, 'base64url')));

// A resource server that keeps the JWKS for exactly as long as it was told, and no shorter.
class Verifier {
  constructor(p, time) {
    Object.assign(this, { p, time, until_s: 0, fetched: 0 });
  }

  async verify(token) {
    if (this.time.now_s() >= this.until_s) {
      const res = await request(this.p, 'GET', '/oauth2/jwks');
      assert.equal(res.status, 200);
      this.until_s = this.time.now_s() + Number(/max-age=(\d+)/.exec(res.headers['cache-control'])[1]);
      this.keys = createLocalJWKSet(res.json);
      this.published = res.json.keys.map((k) => k.kid);
      this.fetched++;
    }
    const currentDate = new Date(this.time.now_s() * 1000);
    await jwtVerify(token, this.keys, { currentDate });
  }
}

// Lets each server look at the time, and comes back when all have.
async function look(servers) {
  const from = servers.map((s) => fs.statSync(s.log).size);
  const hasLooked = (s, i) => {
    const fd = fs.openSync(s.log, 'r');
    const tail = Buffer.alloc(fs.fstatSync(fd).size - from[i]);
    fs.readSync(fd, tail, 0, tail.length, from[i]);
    fs.closeSync(fd);
    return tail.includes('are read again"');
  };
  for (const s of servers) s.child.kill('SIGHUP');
  for (let ms = 0; !servers.every(hasLooked); ms += 2) {
    if (ms > 10000) throw new Error('a server did not look at the time');
    await sleep(2);
  }
}

// In the first look they see the time, and one takes the steps that are due; the second ends behind
// those, and with the third the other knows of them. A day has milliseconds here: if time did not
// wait for the servers, one that the machine does not let run would miss days.
async function settle(servers) {
  for (let i = 0; i < 3; i++) await look(servers);
}

// The key of id_tokens steps at the same times, but to make an RSA key takes longer than these
// tests, in whose time a day has milliseconds, let the servers look at the clock.
async function withoutRs256(p, env) {
  const [key] = (await p.cli(['key', 'list'], { env })).filter((k) => k.alg === 'RS256');
  await p.cli(['key', 'retire', key.kid], { env });
  await p.cli(['key', 'drop', key.kid, '--force'], { env });
}

const keysOf = async (p, env) =>
  (await p.cli(['key', 'list'], { env })).filter((k) => k.alg === 'ES256');

test('200 days, two processes on one store, tokens of 30 days, a JWKS kept for a day', async (t) => {
  const time = new Time();
  const settings = { 'jwks.max_age': '1d', 'keys.rotation_age': '20d' };
  const p = await startPostern({ settings, env: time.env });
  const second = await startPostern({ settings: { ...settings, db: p.db, master_key: p.masterKey }, env: time.env });
  t.after(async () => {
    await second.stop();
    await p.stop();
    time.remove();
  });
  const servers = [p, second];
  const form = await makeClient(p, time.env, '30d');
  await withoutRs256(p, time.env);
  const verifiers = [0, 1, 2].map((i) => new Verifier(servers[i % 2], time));
  const alive = [], kids = new Map();
  for (let step = 0; step < 200 * 3; step++) {
    time.set(step * 8 * HOUR);
    await settle(servers);
    const token = await newToken(servers[step % 2], form);
    const [{ kid }, { exp }] = partsOf(token);
    if (!kids.has(kid)) kids.set(kid, time.now_s());
    alive.push({ token, exp });
    while (alive[0].exp <= time.now_s() + 2) alive.shift();
    // the three have fetched at different times of the day
    for (const [i, v] of verifiers.entries()) {
      if (step >= i) {
        await v.verify(token);
        await v.verify(alive[0].token); // the oldest that is good
        await v.verify(alive[Math.floor(alive.length / 2)].token);
      }
    }
    if (step % 40 === 0) {
      const keys = await keysOf(p, time.env);
      assert.equal(keys.filter((k) => k.state === 'active').length, 1);
      assert.ok(keys.filter((k) => k.state === 'published').length <= 1);
      assert.ok(keys.every((k) => k.next && k.next_at), JSON.stringify(keys));
    }
  }
  const times = [...kids.values()];
  assert.ok(kids.size === 10 || kids.size === 11, `${kids.size} keys signed`);
  for (let i = 1; i < times.length; i++) {
    const days = (times[i] - times[i - 1]) / DAY;
    assert.ok(days >= 19.9 && days <= 20.8, `a key signed for ${days} days`);
  }
  // gone: all but those that signed in the last 30 days, and perhaps the next one
  const left = (await keysOf(p, time.env)).filter((k) => k.state !== 'published');
  const signed = new Set(alive.map(({ token }) => partsOf(token)[0].kid));
  assert.deepEqual(left.map((k) => k.kid).sort(), [...signed].sort());
  for (const v of verifiers) assert.ok(v.fetched >= 150 && v.fetched <= 201, `${v.fetched} fetches`);
});

test('each step at its time, as `key list` said before', async (t) => {
  const time = new Time();
  const p = await startPostern({ env: time.env });
  t.after(async () => {
    await p.stop();
    time.remove();
  });
  const form = await makeClient(p, time.env, '1h');
  await withoutRs256(p, time.env);
  const at = async (offset_s) => {
    time.set(offset_s);
    await settle([p]);
    await settle([p]);
    const jwks = await request(p, 'GET', '/oauth2/jwks');
    const kids = jwks.json.keys.filter((k) => k.alg === 'ES256').map((k) => k.kid);
    return { kid: partsOf(await newToken(p, form))[0].kid, kids };
  };
  const first = await at(0);
  let [key] = await keysOf(p, time.env);
  assert.equal(key.next, 'successor');
  const slack = 120; // real time that the test takes
  assert.ok(Math.abs(Date.parse(key.next_at) / 1000 - time.start_s - (90 * DAY - 3660)) < slack);
  assert.deepEqual((await at(90 * DAY - 3660 - slack)).kids, [first.kid]);
  const published = await at(90 * DAY - 3660 + slack);
  assert.equal(published.kid, first.kid);
  assert.equal(published.kids.length, 2);
  [key] = (await keysOf(p, time.env)).filter((k) => k.state === 'active');
  assert.equal(key.next, 'retired');
  assert.equal((await at(90 * DAY - 3660 + slack + 3600)).kid, first.kid);
  const next = await at(90 * DAY + 2 * slack);
  assert.notEqual(next.kid, first.kid);
  assert.ok(published.kids.includes(next.kid));
  const [old] = (await keysOf(p, time.env)).filter((k) => k.state === 'retired');
  assert.equal(old.next, 'dropped');
  assert.ok((await at(120 * DAY)).kids.includes(first.kid));
  assert.deepEqual((await at(120 * DAY + 5 * slack)).kids, [next.kid]);
});

test('key rotate under load: no request and no verification fails', async (t) => {
  const time = new Time();
  const p = await startPostern({ env: time.env, settings: { 'jwks.max_age': 1 } });
  t.after(async () => {
    await p.stop();
    time.remove();
  });
  const form = await makeClient(p, time.env, '1h');
  const kids = new Set(), last = [];
  let running = true, n = 0;
  const load = Array.from({ length: 6 }, async (_, i) => {
    const v = new Verifier(p, time);
    while (running) {
      const token = await newToken(p, form);
      kids.add(partsOf(token)[0].kid);
      await v.verify(token);
      if (last[i]) await v.verify(last[i]); // signed a while ago
      if (n++ % 50 === 0) last[i] = token;
    }
  });
  try {
    for (let i = 0; i < 4; i++) {
      await p.cli(['key', 'rotate'], { env: time.env });
      await sleep(300);
      time.set(time.offset_s + 130); // the margin, and db.max_age of nodes
      for (let k = 0; k < 100 && kids.size < i + 2; k++) await settle([p]);
      assert.equal(kids.size, i + 2);
      if (i % 2 === 1) await p.cli(['key', 'rotate', '--pepper'], { env: time.env });
    }
  } finally {
    running = false;
    await Promise.all(load);
  }
  assert.ok(n > 200, `${n} rounds`);
});

test('off with 0; and what stands in the way is said, while the old key goes on', async (t) => {
  const time = new Time();
  const p = await startPostern({ env: time.env, settings: { 'keys.rotation_age': 0 } });
  t.after(async () => {
    await p.stop();
    time.remove();
  });
  const form = await makeClient(p, time.env, '1h');
  const { kid } = partsOf(await newToken(p, form))[0];
  time.set(1000 * DAY);
  await settle([p]);
  const [key] = await keysOf(p, time.env);
  assert.equal(key.next, null);
  assert.equal(key.next_at, null);
  assert.equal(key.age, '1000d');
  assert.equal(partsOf(await newToken(p, form))[0].kid, kid);

  const file = p.masterKey;
  const until = async (what, done) => {
    for (let i = 0; i < 200 && !await done(); i++) await sleep(25);
    assert.ok(await done(), what);
  };
  time.set(0);
  await p.restart({ settings: { 'keys.rotation_age': '90d' } });
  fs.renameSync(file, `${file}.gone`);
  time.set(90 * DAY);
  const says = /time for a new signing key, but: .*postern\.db\.key/;
  await until('it says so', () => p.logLines().some((l) => says.test(l.message)));
  assert.equal(partsOf(await newToken(p, form))[0].kid, kid);
  fs.renameSync(`${file}.gone`, file);
  assert.equal((await keysOf(p, time.env)).length, 1);
  time.set(90 * DAY + 600);
  await until('it goes on', async () => (await keysOf(p, time.env)).length === 2);
  assert.equal(p.logLines().filter((l) => says.test(l.message)).length, 1);
});
