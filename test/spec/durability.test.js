'use strict';
// What was acknowledged holds: over kill -9 under load, a store that another process keeps locked,
// and a disk without room. What could not be made durable is refused with 503 in the shape of the
// dialect, and the server serves again when the cause is gone.

const { test, describe } = require('node:test');
const assert = require('node:assert');
const { spawn, execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { startPostern, makeTwineClient, sleep } = require('../interop/lib/postern.js');
const { STANDARD, TWINE, assertError, basic, form, makeClient, introspect } =
  require('./lib/shape.js');

// Requests to a server that may die at any moment: null when no whole answer came.
const attempt = (request) => request.catch(() => null);

async function twinePair(p, c) {
  const r = await fetch(`${p.url}/pub/oauth/token`, { method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ grant_type: 'client_credentials', client_id: c.id,
      client_secret: c.secret }) });
  const body = await r.text();
  return { status: r.status, headers: Object.fromEntries(r.headers), body,
    json: JSON.parse(body) };
}

const opaqueToken = (p, c) => form(p, '/oauth2/token', { grant_type: 'client_credentials' }, c);

test('kill -9 under load: acknowledged tokens live, acknowledged revocations hold', async () => {
  const p = await startPostern();
  try {
    const t = await makeTwineClient(p);
    t.authorization = basic(t.id, t.secret);
    const c = await makeClient(p, { org: t.organization, extra: ['--token-format', 'opaque'] });
    for (let round = 0; round < 4; round++) {
      const live = new Map(); // token -> its client
      const revoked = new Map();
      let over = false;
      const worker = async (number) => {
        while (!over) {
          const owner = number % 2 ? t : c;
          const r = await attempt(owner === t ? twinePair(p, t) : opaqueToken(p, c));
          if (!r) return;
          assert.ok(r.status < 300, r.body);
          const token = r.json.access_token;
          if (number % 3 === 0) {
            const gone = await attempt(form(p, '/oauth2/revoke', { token }, owner));
            if (!gone) return; // neither is promised
            assert.strictEqual(gone.status, 200);
            revoked.set(token, owner);
          } else {
            live.set(token, owner);
            if (r.json.refresh_token) live.set(r.json.refresh_token, owner);
          }
        }
      };
      const workers = Array.from({ length: 12 }, (_, i) => worker(i));
      const enough = () => live.size > 100 && revoked.size > 30;
      await sleep(137 * round);
      for (let i = 0; i < 400 && !enough(); i++) await sleep(50);
      await p.kill9();
      over = true;
      await Promise.all(workers);
      await p.restart();
      assert.ok(enough(), `${live.size} live, ${revoked.size} revoked`);
      const check = async (map, active) => {
        const all = [...map].slice(-1500); // those nearest to the kill matter
        const one = async () => {
          for (let pair = all.pop(); pair; pair = all.pop()) {
            const seen = await introspect(p, pair[1], pair[0]);
            assert.strictEqual(seen.active, active, `round ${round}: ${pair[0]}`);
          }
        };
        await Promise.all(Array.from({ length: 8 }, one));
      };
      await check(live, true);
      await check(revoked, false);
    }
  } finally {
    await p.stop();
  }
});

test('kill -9 between two refreshes: one line lives on', async () => {
  const p = await startPostern();
  try {
    const c = await makeTwineClient(p);
    c.authorization = basic(c.id, c.secret);
    const refresh = async (token) => {
      const r = await fetch(`${p.url}/pub/oauth/token`, { method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ grant_type: 'refresh_token', client_id: c.id, refresh_token: token }) });
      return { status: r.status, json: await r.json() };
    };
    const first = (await twinePair(p, c)).json;
    const second = await refresh(first.refresh_token);
    assert.ok(second.status < 300);
    await p.kill9();
    await p.restart();
    // In the grace window the lost answer can be fetched again, byte for byte the same tokens.
    const again = await refresh(first.refresh_token);
    assert.strictEqual(again.json.access_token, second.json.access_token);
    assert.strictEqual(again.json.refresh_token, second.json.refresh_token);
    assert.strictEqual((await introspect(p, c, second.json.access_token)).active, true);
    const third = await refresh(second.json.refresh_token);
    assert.ok(third.status < 300, JSON.stringify(third.json));
  } finally {
    await p.stop();
  }
});

function unavailable(dialect, r) {
  assert.strictEqual(r.status, 503, r.body);
  assert.match(r.headers['retry-after'], /^\d+$/);
  const body = assertError(dialect, r);
  if (dialect === STANDARD) assert.strictEqual(body.error, 'temporarily_unavailable');
}

describe('the store is locked by another process', () => {
  test('503 with Retry-After in each dialect, nothing lost, and room again', async () => {
    const p = await startPostern();
    const locker = spawn('sqlite3', [path.join(p.dir, 'postern.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      const t = await makeTwineClient(p);
      const c = await makeClient(p, { org: t.organization, extra: ['--token-format', 'opaque'] });
      const j = await makeClient(p, { org: t.organization, extra: ['--token-format', 'jwt'] });
      const before = (await opaqueToken(p, c)).json.access_token;
      const said = new Promise((done) => locker.stdout.once('data', done));
      locker.stdin.write(".timeout 5000\nBEGIN IMMEDIATE;\nSELECT 'locked';\n");
      await said;
      const [standard, twine, revocation, stateless, reading] = await Promise.all([
        opaqueToken(p, c), twinePair(p, t), form(p, '/oauth2/revoke', { token: before }, c),
        form(p, '/oauth2/token', { grant_type: 'client_credentials' }, j), introspect(p, c, before)]);
      unavailable(STANDARD, standard);
      unavailable(TWINE, twine);
      unavailable(STANDARD, revocation);
      assert.strictEqual(stateless.status, 200, 'a JWT needs no write');
      assert.strictEqual(reading.active, true, 'readers do not wait for writers');
      // A command says what is the matter and what to do.
      const command = await p.cliRaw(['org', 'create', '--name', 'Late']);
      assert.strictEqual(command.code, 1);
      assert.match(command.stderr, /lock|busy|in use|another process/i);
      locker.stdin.write('ROLLBACK;\n.quit\n');
      await new Promise((done) => locker.once('exit', done));
      const after = await opaqueToken(p, c);
      assert.strictEqual(after.status, 200, after.body);
      assert.strictEqual((await introspect(p, c, before)).active, true);
      assert.ok((await twinePair(p, t)).status < 300);
      const ready = await fetch(`${p.url}/readyz`);
      assert.strictEqual(ready.status, 200);
    } finally {
      locker.kill('SIGKILL');
      await p.stop();
    }
  });
});

describe('the disk is full', () => {
  // No file may grow beyond what the store has now: writes fail as on a full disk.
  test('503 in each dialect, nothing acknowledged is lost, and the server recovers', async () => {
    const p = await startPostern();
    try {
      const t = await makeTwineClient(p);
      t.authorization = basic(t.id, t.secret);
      const c = await makeClient(p, { org: t.organization, extra: ['--token-format', 'opaque'] });
      const live = [];
      for (let i = 0; i < 50; i++) live.push((await opaqueToken(p, c)).json.access_token);
      const sizes = ['postern.db', 'postern.db-wal', 'postern.log']
        .map((f) => fs.statSync(path.join(p.dir, f)).size);
      const limit = (n) => execFileSync('prlimit', ['--pid', String(p.networkPid), `--fsize=${n}:`]);
      limit(Math.max(...sizes) + 65536);
      let refused = 0;
      for (let i = 0; i < 2000 && refused < 10; i++) {
        const r = await opaqueToken(p, c);
        if (r.status === 200) {
          live.push(r.json.access_token);
        } else {
          unavailable(STANDARD, r);
          unavailable(TWINE, await twinePair(p, t));
          refused++;
        }
      }
      assert.ok(refused > 0, 'the limit was never felt');
      assert.ok(p.running, 'the server died');
      assert.strictEqual((await introspect(p, c, live[0])).active, true);
      limit('unlimited');
      let r = await opaqueToken(p, c);
      for (let i = 0; i < 50 && r.status !== 200; i++) {
        await sleep(100);
        r = await opaqueToken(p, c);
      }
      assert.strictEqual(r.status, 200, r.body);
      live.push(r.json.access_token);
      await p.kill9();
      await p.restart();
      for (const token of live.slice(-300)) {
        assert.strictEqual((await introspect(p, c, token)).active, true);
      }
    } finally {
      await p.stop();
    }
  });
});
