'use strict';
// The processes of one server (`processes: separate`): each is killed while requests run, and what
// is lost is at most what was open; no secret is in the memory of the one that talks to clients.

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const { startPostern, makeTwineClient, isGone, onPostgres, sleep } = require('../interop/lib/postern.js');

const SETTINGS = { processes: 'separate' };

function basic(c) {
  return `Basic ${Buffer.from(`${c.id}:${c.secret}`).toString('base64')}`;
}

async function token(p, c) {
  try {
    const r = await fetch(`${p.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: basic(c) },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    return { status: r.status, json: await r.json() };
  } catch (e) {
    return { status: 0, error: e };
  }
}

async function introspect(p, c, text) {
  const r = await fetch(`${p.url}/oauth2/introspect`, {
    method: 'POST',
    headers: { authorization: basic(c) },
    body: new URLSearchParams({ token: text }),
  });
  return (await r.json()).active;
}

async function eventually(what, done, ms = 10000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(10)) {
    if (await done()) return;
  }
  assert.fail(`not within ${ms} ms: ${what}`);
}

const client = (p, format) => makeTwineClient(p, {
  groups: [], named: false, extra: ['--token-format', format] });

const ends = (p, name) => p.logLines().filter((l) => l.event === 'process' && l.process === name);

const OWN_SCHED = '/proc/self/sched';
const isRoot = process.getuid() === 0;

// Where memory begins that processes share and that is no file.
function shared(pid) {
  return fs.readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')
    .filter((line) => line.includes(' rw-s ') && line.includes('/dev/zero'))
    .map((line) => parseInt(line.split('-')[0], 16));
}

// Clients that go on asking until stop(); what they were told.
function load(p, c, n) {
  const got = [];
  let on = true;
  const one = async () => {
    while (on) {
      const r = await token(p, c);
      got.push({ status: r.status, at: Date.now(), token: r.json && r.json.access_token });
      if (r.status === 0) await sleep(5);
    }
  };
  const all = Promise.all(Array.from({ length: n }, one));
  return { got, stop: async () => { on = false; await all; } };
}

const counts = (got) => got.reduce((all, { status }) => ({ ...all,
  [status]: (all[status] || 0) + 1 }), {});

describe('a server of several processes', () => {
  let p;
  let jwt;
  let opaque;
  before(async () => {
    p = await startPostern({ settings: SETTINGS });
    jwt = await client(p, 'jwt');
    opaque = await client(p, 'opaque');
  });
  after(async () => { await p.stop(); });

  test('has four, and each its own memory', () => {
    const all = p.processes();
    assert.deepStrictEqual(Object.keys(all).sort(), ['network', 'outbound', 'signer', 'supervisor']);
    assert.strictEqual(new Set(Object.values(all)).size, 4);
  });

  test('every process asks for short turns on a core', {
    skip: fs.existsSync(OWN_SCHED) && /^se\.slice/m.test(fs.readFileSync(OWN_SCHED, 'latin1'))
      ? false : 'the kernel does not tell, or is older than 6.12',
  }, () => {
    for (const pid of Object.values(p.processes())) {
      const told = fs.readFileSync(`/proc/${pid}/sched`, 'latin1');
      assert.strictEqual(/^se\.slice *: *(\d+)/m.exec(told)[1], '100000', pid);
    }
  });

  test('only the network process has a client, and the signer has no descriptor of a file', () => {
    const open = (pid) => fs.readdirSync(`/proc/${pid}/fd`)
      .map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
    const { signer, outbound, network } = p.processes();
    const store = (links) => links.some((l) => l.includes('postern.db'));
    assert.ok(onPostgres || store(open(network)));
    for (const pid of [signer, outbound]) {
      const links = open(pid);
      assert.ok(!store(links), links.join(' '));
      assert.strictEqual(links.filter((l) => l.startsWith('socket:')).length, 1, links.join(' '));
    }
  });

  test('the outbound process, which strangers may answer, cannot reach the signer', {
    skip: isRoot ? false : 'reads /proc/PID/maps, which root alone may',
  }, () => {
    const { signer, outbound, network } = p.processes();
    assert.strictEqual(shared(signer).length, 1);
    assert.strictEqual(shared(network).length, 1);
    assert.deepStrictEqual(shared(outbound), []);
  });

  test('the signer dies under load: open requests get 503 at most, the rest is answered, and new '
    + 'tokens within a second', async () => {
    const busy = load(p, jwt, 8);
    await eventually('tokens', () => busy.got.length > 50);
    const keys = await (await fetch(`${p.url}/oauth2/jwks`)).text();
    for (let i = 0; i < 2; i++) {
      const { signer } = p.processes();
      const killed = Date.now();
      process.kill(signer, 'SIGKILL');
      assert.strictEqual((await fetch(`${p.url}/healthz`)).status, 200);
      await eventually('a new signer', () => (p.processes().signer || signer) !== signer);
      await eventually('tokens again', () =>
        busy.got.some((g) => g.at > killed + 20 && g.status === 200), 2000);
      const first = busy.got.find((g) => g.at > killed + 20 && g.status === 200);
      assert.ok(first.at - killed < 1000, `after ${first.at - killed} ms`);
      await sleep(200);
    }
    await busy.stop();
    const told = counts(busy.got);
    assert.deepStrictEqual(Object.keys(told).filter((s) => s !== '200' && s !== '503'), []);
    assert.ok((told[503] || 0) <= 16, JSON.stringify(told));
    assert.strictEqual(await (await fetch(`${p.url}/oauth2/jwks`)).text(), keys);
    for (const g of busy.got.filter((x) => x.token).slice(-20)) {
      assert.strictEqual(await introspect(p, jwt, g.token), true);
    }
    assert.deepStrictEqual(ends(p, 'signer').map((l) => l.signal), [9, 9]);
  });

  test('the outbound process dies: nobody notices, and it is started again', async () => {
    const { outbound } = p.processes();
    process.kill(outbound, 'SIGKILL');
    assert.strictEqual((await token(p, jwt)).status, 200);
    await eventually('another', () => (p.processes().outbound || outbound) !== outbound);
    assert.strictEqual(ends(p, 'outbound').length, 1);
  });

  test('the network process dies under load: what was acknowledged is there, and connections that '
    + 'wait in the queue are answered', async () => {
    const busy = load(p, opaque, 8);
    await eventually('tokens', () => busy.got.length > 50);
    const { network } = p.processes();
    process.kill(network, 'SIGKILL');
    await eventually('its end', () => isGone(network));
    // The listening socket is there although nobody accepts.
    const waiting = await new Promise((done, failed) => {
      const s = net.connect(p.port, '127.0.0.1', () => {
        s.write(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${p.port}\r\nConnection: close\r\n\r\n`);
      });
      let text = '';
      s.on('data', (d) => { text += d; });
      s.on('error', failed);
      s.on('close', () => done(text));
    });
    assert.match(waiting, /^HTTP\/1.1 200 /);
    const again = busy.got.length;
    await eventually('tokens again', () => busy.got.slice(again).some((g) => g.status === 200));
    await busy.stop();
    const lost = counts(busy.got)[0] || 0;
    assert.ok(lost <= 16, `${lost} requests were cut off, of 8 that were open`);
    const given = busy.got.filter((g) => g.token);
    for (const g of given.slice(-200)) {
      assert.strictEqual(await introspect(p, opaque, g.token), true);
    }
    assert.strictEqual(ends(p, 'network').length, 1);
  });

  test('/metrics tells of each process', async () => {
    let text;
    const of = (name, process) =>
      Number(new RegExp(`^${name}{process="${process}"} (\\S+)$`, 'm').exec(text)[1]);
    // The signer is as young as the network process, and its time is counted in steps of 10 ms.
    await eventually('CPU time of the signer', async () => {
      for (let i = 0; i < 20; i++) assert.strictEqual((await token(p, jwt)).status, 200);
      text = await (await fetch(`${p.url}/metrics`)).text();
      return of('postern_process_cpu_seconds_total', 'signer') > 0;
    });
    assert.strictEqual(of('postern_process_restarts_total', 'signer'), 2);
    assert.strictEqual(of('postern_process_restarts_total', 'outbound'), 1);
    assert.strictEqual(of('postern_process_restarts_total', 'network'), 1);
    assert.strictEqual(of('postern_process_restarts_total', 'supervisor'), 0);
    for (const process of ['signer', 'outbound', 'network', 'supervisor']) {
      assert.ok(of('postern_process_resident_bytes', process) > 100000, process);
    }
  });

  test('a process that keeps dying rests longer each time', async () => {
    for (let i = 0; i < 2; i++) {
      const { outbound } = p.processes();
      process.kill(outbound, 'SIGKILL');
      await eventually('another', () => (p.processes().outbound || outbound) !== outbound);
    }
    assert.deepStrictEqual(ends(p, 'outbound').map((l) => l.again_ms), [100, 200, 400]);
    assert.ok(ends(p, 'outbound').every((l) => l.signal === 9 && l.uptime_ms >= 0));
  });
});

test('descriptors 0 to 2 that are closed at the start are nothing else later', async () => {
  const p = await startPostern({ settings: SETTINGS });
  try {
    await p.signal('SIGTERM', 20000);
    const child = spawn('/bin/sh', ['-c', `exec "$0" serve <&- >&- 2>&-`, p.binary],
      { env: { ...p.commandEnv(), ...p.env }, stdio: 'ignore' });
    try {
      const answers = () => fetch(`${p.url}/readyz`).then((r) => r.status === 200, () => false);
      await eventually('an answer', answers);
      for (const fd of [0, 1, 2]) {
        assert.strictEqual(fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`), '/dev/null');
      }
    } finally {
      const ended = new Promise((done) => child.on('exit', done));
      child.kill('SIGTERM');
      assert.strictEqual(await ended, 0);
    }
  } finally {
    p.remove();
  }
});

// Beyond eight threads the C library's allocator wants to know the machine.
test('a signer with many threads asked at once lives', { timeout: 60000 }, async () => {
  const p = await startPostern({ settings: { ...SETTINGS, workers: 24, 'pool.threads': 8 } });
  try {
    const c = await client(p, 'jwt');
    const { signer } = p.processes();
    for (let i = 0; i < 5; i++) {
      const all = await Promise.all(Array.from({ length: 200 }, () => fetch(`${p.url}/oauth2/token`, {
        method: 'POST',
        headers: { authorization: basic(c), connection: 'close' },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      }).then(async (r) => { await r.arrayBuffer(); return r.status; })));
      assert.deepStrictEqual([...new Set(all)], [200]);
    }
    assert.strictEqual(p.processes().signer, signer);
    assert.deepStrictEqual(ends(p, 'signer'), []);
  } finally {
    await p.stop();
  }
});

describe('the supervisor', () => {
  test('takes all with it when it is killed', async () => {
    const p = await startPostern({ settings: SETTINGS });
    try {
      const all = Object.values(p.processes());
      process.kill(p.pid, 'SIGKILL');
      await eventually('the end of all', () => all.every(isGone));
      await p.exited;
      await p.start();
      assert.strictEqual((await fetch(`${p.url}/healthz`)).status, 200);
    } finally {
      await p.stop();
    }
  });

  test('answers what was accepted and ends with 0; signals to its children are for it', async () => {
    const p = await startPostern({ settings: SETTINGS });
    const c = await client(p, 'opaque');
    const busy = load(p, c, 4);
    await eventually('tokens', () => busy.got.length > 20);
    for (const [name, pid] of Object.entries(p.processes())) {
      if (name !== 'supervisor') {
        for (const s of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.kill(pid, s);
      }
    }
    const n = busy.got.length;
    await eventually('more tokens', () => busy.got.length > n + 20);
    assert.deepStrictEqual(Object.keys(counts(busy.got)), ['200']);
    await busy.stop();
    const all = Object.values(p.processes());
    assert.strictEqual(await p.stop(), 0);
    assert.ok(all.every(isGone));
  });

  test('takes up a new master key without a restart', async () => {
    const p = await startPostern({ settings: SETTINGS });
    try {
      const c = await client(p, 'jwt');
      await p.cli(['key', 'rotate', '--master']);
      process.kill(p.pid, 'SIGHUP');
      await eventually('it read again', () => p.logLines().some((l) => l.event === 'refresh'));
      process.kill(p.processes().signer, 'SIGKILL');
      await eventually('a token', async () => (await token(p, c)).status === 200);
      await p.cli(['key', 'rotate', '--now']);
      await eventually('a token by the new key', async () => (await token(p, c)).status === 200);
      assert.deepStrictEqual(p.logLines().filter((l) => l.event === 'keys' && l.level === 'error'),
        []);
    } finally {
      await p.stop();
    }
  });
});

const standsStill = (pid) => fs.readdirSync(`/proc/${pid}/task`).every((thread) =>
  / T /.test(fs.readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1').replace(/^.*\)/, ')')));

describe('without a signer that answers', { timeout: 60000 }, () => {
  test('what needs no key is answered, the rest gets 503, and it recovers', async () => {
    const p = await startPostern({ settings: SETTINGS });
    try {
      const c = await client(p, 'jwt');
      assert.strictEqual((await token(p, c)).status, 200);
      const { signer } = p.processes();
      process.kill(signer, 'SIGSTOP');
      try {
        await eventually('that all its threads stand still', () => standsStill(signer));
        const r = await token(p, c);
        assert.strictEqual(r.status, 503, JSON.stringify(r.json));
        assert.strictEqual((await fetch(`${p.url}/oauth2/jwks`)).status, 200);
        assert.strictEqual((await fetch(`${p.url}/healthz`)).status, 200);
      } finally {
        process.kill(signer, 'SIGCONT');
      }
      await eventually('a token', async () => (await token(p, c)).status === 200);
    } finally {
      await p.stop();
    }
  });
});

describe('a network process that somebody else owns', { timeout: 60000,
  skip: isRoot ? false : 'writes to /proc/PID/mem, which root alone may' }, () => {
  test('leaves nothing behind in what it shared: the next one has a signer, and that no keys of '
    + 'before', async () => {
    const p = await startPostern({ settings: SETTINGS });
    try {
      const c = await client(p, 'jwt');
      assert.strictEqual((await token(p, c)).status, 200);
      const { network, signer } = p.processes();
      const [at] = shared(network);
      const mem = fs.openSync(`/proc/${network}/mem`, 'r+');
      // Generation, when the next signer comes, figures; and the words of the first channels.
      for (let i = 0; i < 2; i++) {
        fs.writeSync(mem, Buffer.alloc(4096, 0xff), 0, 4096, at + i * (2 * 262144 + 128));
      }
      fs.closeSync(mem);
      assert.strictEqual((await token(p, c)).status, 503); // so it was written where it matters
      process.kill(network, 'SIGKILL');
      await eventually('a token', async () => (await token(p, c)).status === 200);
      await eventually('another signer', () => isGone(signer));
      const text = await (await fetch(`${p.url}/metrics`)).text();
      const restarts = (name) => Number(
        new RegExp(`^postern_process_restarts_total{process="${name}"} (\\S+)$`, 'm').exec(text)[1]);
      assert.deepStrictEqual(['network', 'signer', 'outbound', 'supervisor'].map(restarts),
        [1, 0, 0, 0]);
      assert.deepStrictEqual(ends(p, 'signer'), []); // it did not fail
      assert.strictEqual(await p.stop(), 0);
    } finally {
      await p.stop();
    }
  });

  test('a stop while it is started again is heard, whenever that is', async () => {
    for (const ms of [0, 85, 90, 95, 100]) {
      const p = await startPostern({ settings: SETTINGS });
      // Before, it would be a start that failed.
      await eventually('the start', () => p.logLines().some((l) => l.event === 'ready'));
      process.kill(p.processes().network, 'SIGKILL');
      await eventually('its end', () => ends(p, 'network').length === 1);
      await sleep(ms); // it is started again after 100
      assert.strictEqual(await Promise.race([p.stop(), sleep(10000)]), 0, `after ${ms} ms`);
    }
  });
});

// ---- what is in memory ----

// Everything that a process may read of its own, without what only maps a file for execution.
function memoryOf(pid) {
  const parts = [];
  const fd = fs.openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const line of fs.readFileSync(`/proc/${pid}/maps`, 'latin1').trim().split('\n')) {
      const [range, mode, , , , name = ''] = line.split(/ +/);
      if (!mode.startsWith('rw') || name.startsWith('[v')) continue;
      const [from, to] = range.split('-').map((x) => parseInt(x, 16));
      for (let at = from; at < to; at += 1 << 24) {
        const bytes = Buffer.alloc(Math.min(1 << 24, to - at));
        try {
          const n = fs.readSync(fd, bytes, 0, bytes.length, at);
          parts.push(bytes.subarray(0, n));
        } catch {
          // a guard page, or one of the shared region that nobody has used
        }
      }
    }
  } finally {
    fs.closeSync(fd);
  }
  return parts;
}

const has = (parts, secret) => parts.some((b) => b.includes(secret));
const reversed = (b) => Buffer.from(b).reverse();

// The plain bytes of a key's row, opened as crypto/seal.h describes.
function unseal(master, id, sealed) {
  const { createDecipheriv } = require('node:crypto');
  const head = sealed.subarray(0, 9);
  const tag = sealed.subarray(sealed.length - 16);
  const d = createDecipheriv('aes-256-gcm', master, sealed.subarray(9, 21));
  d.setAAD(Buffer.concat([head, Buffer.from(`key:IC${id.toString('hex')}`)]));
  d.setAuthTag(tag);
  return Buffer.concat([d.update(sealed.subarray(21, sealed.length - 16)), d.final()]);
}

// What must not leave the signer: the scalar of ES256 keys, the secret prime of RSA keys, peppers,
// the pairwise key.
function secretsOf(p) {
  const { createPrivateKey } = require('node:crypto');
  const line = fs.readFileSync(p.masterKey, 'utf8').trim();
  const master = Buffer.from(line.split(':')[1], 'base64url');
  const found = { master: [master] };
  for (const row of p.store.sql('SELECT hex(id), purpose, hex(sealed) FROM key').trim()
    .split('\n')) {
    const [id, purpose, sealed] = row.split('|');
    const plain = unseal(master, Buffer.from(id, 'hex'), Buffer.from(sealed, 'hex'));
    if (purpose === '0') {
      const jwk = createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' })
        .export({ format: 'jwk' });
      const secret = Buffer.from(jwk.kty === 'RSA' ? jwk.p : jwk.d, 'base64url');
      (found[jwk.kty] = found[jwk.kty] || []).push(secret);
    } else if (purpose !== '2') {
      (found[`purpose ${purpose}`] = found[`purpose ${purpose}`] || []).push(plain);
    }
  }
  return found;
}

// A sanitizer's shadow has terabytes.
const UNREAD = (!isRoot && 'reads /proc/PID/mem, which root alone may') ||
  (process.env.POSTERN_SANITIZED && 'reads all memory');

describe('memory', { skip: UNREAD || false }, () => {
  test('of the process that talks to clients holds no key; that of the signer does', {
    skip: process.env.POSTERN_TEST_PG ? 'reads the rows of the store as SQLite prints them' : false,
  }, async () => {
    const p = await startPostern({ settings: SETTINGS });
    try {
      const jwt = await client(p, 'jwt');
      const opaque = await client(p, 'opaque');
      for (let i = 0; i < 50; i++) {
        assert.strictEqual((await token(p, jwt)).status, 200);
        assert.strictEqual((await token(p, opaque)).status, 200);
      }
      const secrets = secretsOf(p);
      assert.deepStrictEqual(Object.keys(secrets).sort(),
        ['EC', 'RSA', 'master', 'purpose 1', 'purpose 3']);
      const all = p.processes();
      const memory = Object.fromEntries(Object.entries(all)
        .map(([name, pid]) => [name, memoryOf(pid)]));
      for (const [kind, list] of Object.entries(secrets)) {
        for (const secret of list) {
          // Numbers lie in memory with their lowest byte first.
          for (const bytes of [secret, reversed(secret)]) {
            for (const name of ['network', 'outbound', 'supervisor']) {
              assert.ok(!has(memory[name], bytes), `${kind} in the memory of ${name}`);
            }
          }
        }
        if (kind !== 'master') {
          assert.ok(list.every((s) => has(memory.signer, s) || has(memory.signer, reversed(s))),
            `the search does not even find ${kind} where it is`);
        }
      }
      assert.ok(has(memory.network, Buffer.from(p.url)), 'the search finds nothing at all');
    } finally {
      await p.stop();
    }
  });
});
