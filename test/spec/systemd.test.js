'use strict';
// The server as a service: what systemd-analyze says of the units, readiness, watchdog and reload
// by sd_notify(3), sockets and credentials that the manager passes, restarts that lose nothing.
// Needs systemd's programs, not a running systemd.

const assert = require('node:assert/strict');
const { execFileSync, spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test, describe, beforeEach, afterEach } = require('node:test');
const { ROOT, BINARY, work, environment, fresh, remove, json, run, org, client, freePort, serve,
  token, eventually } = require('./lib/cli.js');
const { processesOf } = require('../interop/lib/postern.js');
const { manage, load, request, until, sleep } = require('./lib/manager.js');

const UNITS = path.join(ROOT, 'contrib', 'systemd');

beforeEach(fresh);
afterEach(remove);

// The units with the program of this build.
function units() {
  for (const name of fs.readdirSync(UNITS)) {
    const text = fs.readFileSync(path.join(UNITS, name), 'utf8');
    fs.writeFileSync(path.join(work.dir, name), text.replaceAll('/usr/bin/postern', BINARY));
  }
  return path.join(work.dir, 'postern.service');
}

describe('units', () => {
  test('systemd-analyze verify finds nothing', () => {
    const service = units();
    for (const unit of [service, path.join(work.dir, 'postern.socket')]) {
      const r = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
      const ours = r.stderr.split('\n').filter((l) => /postern/.test(l));
      assert.deepEqual(ours, []);
      assert.equal(r.status, 0, r.stderr);
    }
  });

  test('systemd-analyze security: an exposure below 2.0', () => {
    const out = execFileSync('systemd-analyze',
      ['security', '--no-pager', '--offline=true', '--threshold=20', units()], { encoding: 'utf8' });
    const level = /Overall exposure level for postern\.service: ([\d.]+)/.exec(out);
    assert.ok(Number(level[1]) < 2.0, level[0]);
  });

  test('every system call of a server under load passes the filter', { timeout: 60000 },
    async (t) => {
      const trace = path.join(work.dir, 'trace');
      if (spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0) {
        t.skip('strace may not trace here');
        return;
      }
      const c = client(org(), '--token-format', 'opaque');
      const listed = execFileSync('systemd-analyze', ['syscall-filter', '--no-pager'],
        { encoding: 'utf8' });
      const sets = {};
      let current;
      for (const line of listed.split('\n')) {
        if (line.startsWith('@')) sets[current = line.trim()] = [];
        else if (current && /^ +[@a-z0-9_]/.test(line)) sets[current].push(line.trim());
      }
      const expand = (name) => (sets[name] || [name]).flatMap((n) => n[0] === '@' ? expand(n) : n);
      const allowed = new Set();
      const unit = fs.readFileSync(path.join(UNITS, 'postern.service'), 'utf8');
      for (const [, not, names] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/mg)) {
        for (const name of names.split(' ').flatMap(expand)) {
          if (not) allowed.delete(name);
          else allowed.add(name);
        }
      }
      const port = await freePort();
      const child = spawn('strace', ['-f', '-qq', '-o', trace, '-e', 'signal=none', BINARY, 'serve',
        '--listen', `127.0.0.1:${port}`], { env: environment(), cwd: work.dir, stdio: 'ignore' });
      const ended = new Promise((done) => child.on('exit', done));
      try {
        await until('it answers', () => request(port).then((r) => r.status === 200, () => false));
        assert.equal((await token({ url: `http://127.0.0.1:${port}` }, c)).status, 200);
        const pid = Number(/^(\d+)/.exec(fs.readFileSync(trace, 'utf8'))[1]);
        process.kill(pid, 'SIGHUP');
        await sleep(600);
        process.kill(pid, 'SIGTERM');
      } finally {
        await ended;
      }
      const calls = new Set(fs.readFileSync(trace, 'utf8').split('\n')
        .map((l) => /^\d+ +([a-z0-9_]+)\(/.exec(l)?.[1]).filter(Boolean));
      assert.ok(calls.has('accept4') && (calls.has('fdatasync') || calls.has('fsync')),
        [...calls].join(' '));
      // SQLite gives its files to the owner of the store when root runs it, and root has capabilities
      // to drop; systemd runs it as an ordinary user without any.
      if (process.getuid() === 0) ['fchown', 'capset'].forEach((name) => allowed.add(name));
      assert.deepEqual([...calls].filter((name) => !allowed.has(name)), []);
    });
});

// socat takes the datagrams; they come in order, one behind the other.
function notifySocket() {
  const file = path.join(work.dir, 'notify');
  const child = spawn('socat', ['-u', `UNIX-RECV:${file}`, 'STDOUT'],
    { stdio: ['ignore', 'pipe', 'ignore'] });
  const got = { text: '', file, close: () => child.kill() };
  child.stdout.on('data', (d) => { got.text += d; });
  return until('socat listens', () => fs.existsSync(file)).then(() => got);
}

describe('sd_notify', () => {
  let notify;
  let server;
  beforeEach(async () => { notify = await notifySocket(); });
  afterEach(async () => {
    await server.stop();
    notify.close();
  });

  test('ready, alive, reloading, ready again, stopping', { timeout: 60000 }, async () => {
    server = await serve([], { NOTIFY_SOCKET: notify.file, WATCHDOG_USEC: '800000' });
    await eventually('READY', () => notify.text.startsWith('READY=1'));
    await eventually('three signs of life', () => notify.text.split('WATCHDOG=1').length > 3);
    const before = process.hrtime.bigint() / 1000n;
    server.child.kill('SIGHUP');
    await eventually('RELOADING, then READY', () =>
      /RELOADING=1\nMONOTONIC_USEC=\d+(WATCHDOG=1)*READY=1/.test(notify.text));
    const at = BigInt(/MONOTONIC_USEC=(\d+?)(?:W|R|$)/.exec(notify.text)[1]);
    assert.ok(at >= before, `${at} is before ${before}`);
    await server.stop();
    await eventually('STOPPING', () => notify.text.includes('STOPPING=1'));
  });

  test('a server whose worker hangs gives no sign of life', { timeout: 60000 }, async (t) => {
    server = await serve(['--set', 'workers=1'],
      { NOTIFY_SOCKET: notify.file, WATCHDOG_USEC: '400000' });
    await eventually('signs of life', () => notify.text.split('WATCHDOG=1').length > 2);
    const { network } = processesOf(server.child.pid);
    const tasks = fs.readdirSync(`/proc/${network}/task`).map(Number);
    // Threads are made in the order committer, pool, worker: the youngest is the worker.
    const worker = Math.max(...tasks);
    const tracer = spawn('strace', ['-qq', '-o', '/dev/null', '-e', 'trace=epoll_wait',
      '-e', 'inject=epoll_wait:delay_enter=3000000', '-p', String(worker)], { stdio: 'ignore' });
    try {
      await eventually('the log says so', () => server.log().includes('"event":"watchdog"'));
      const n = notify.text.length;
      await sleep(1000);
      assert.equal(notify.text.length, n);
    } finally {
      tracer.kill();
    }
    await eventually('it lives again', () => {
      const n = notify.text.length;
      return sleep(500).then(() => notify.text.length > n);
    });
  });

  test('a WATCHDOG_PID of another process is none of ours', async () => {
    server = await serve([],
      { NOTIFY_SOCKET: notify.file, WATCHDOG_USEC: '200000', WATCHDOG_PID: '1' });
    await sleep(500);
    assert.equal(notify.text, 'READY=1');
  });
});

describe('sockets of a service manager', () => {
  let manager;
  const env = () => ({ POSTERN_DB: `sqlite:${work.dir}/p.db` });
  afterEach(() => manager && manager.stop());

  test('are taken up by their names', { timeout: 60000 }, async () => {
    const [plain, admin] = [await freePort(), await freePort()];
    manager = await manage({ dir: work.dir, sockets: { 'postern.socket': plain, admin },
      run: `${BINARY} serve`, env: env() });
    assert.equal((await request(plain, { url: '/oauth2/jwks' })).status, 200);
    assert.equal((await request(plain)).status, 404);
    assert.equal((await request(admin)).status, 200);
    const ready = JSON.parse(manager.log().split('\n').find((l) => l.includes('"ready"')));
    assert.equal(ready.issuer, `http://127.0.0.1:${plain}`);
    assert.equal(ready.listen, `127.0.0.1:${plain} 127.0.0.1:${admin}`);
  });

  test('restarts under load fail no request', { timeout: 90000 }, async () => {
    const port = await freePort();
    const c = client(org());
    const basic = 'Basic ' + Buffer.from(`${c.client_id}:${c.client_secret}`).toString('base64');
    manager = await manage({ dir: work.dir, sockets: { listen: port }, run: `${BINARY} serve`,
      env: env() });
    const caller = load(port, basic);
    for (let i = 0; i < 3; i++) {
      const { done } = caller.seen;
      await until('tokens', () => caller.seen.done > done + 100);
      await manager.restart();
    }
    const { done } = caller.seen;
    await until('tokens of the last server', () => caller.seen.done > done + 100);
    const seen = await caller.stop();
    assert.deepEqual(seen.failed, []);
    assert.deepEqual(await manager.stop(), [0, 0, 0, 0]);
    manager = null;
  });

  test('of another process are left alone', async () => {
    const server = await serve([], { LISTEN_FDS: '1', LISTEN_PID: '1' });
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    assert.equal(await server.stop(), 0);
    manager = null;
  });
});

test('the master key comes from the credentials of the unit', async () => {
  const dir = path.join(work.dir, 'credentials');
  json(['migrate']);
  fs.mkdirSync(dir);
  fs.renameSync(path.join(work.dir, 'p.db.key'), path.join(dir, 'master_key'));
  fs.chmodSync(path.join(dir, 'master_key'), 0o400);
  assert.equal(run(['check']).code, 1);
  const server = await serve([], { CREDENTIALS_DIRECTORY: dir });
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  assert.equal(await server.stop(), 0);
});

describe('SIGHUP', () => {
  let server;
  const file = () => path.join(work.dir, 'postern.yaml');
  const events = (event) => server.log().split('\n').filter((l) => l.includes(`"event":"${event}"`))
    .map((l) => JSON.parse(l));
  async function reload(text) {
    fs.writeFileSync(file(), text);
    const n = events('reload').length;
    server.child.kill('SIGHUP');
    await eventually('a reload', () => events('reload').length > n);
    return events('reload').at(-1);
  }
  beforeEach(async () => {
    fs.writeFileSync(file(), 'log.requests: true\n');
    server = await serve(['--config', file()]);
  });
  afterEach(() => server.stop());

  test('takes up what can change and says what waits for a restart', async () => {
    await fetch(`${server.url}/healthz`);
    await eventually('a line', () => events('request').length === 1);
    const line = await reload('log.requests: false\nworkers: 3\nrefresh.grace: 20s\n');
    assert.equal(line.changed, 'log.requests');
    assert.equal(line.needs_restart, 'workers refresh.grace');
    assert.equal(line.level, 'warn');
    await fetch(`${server.url}/healthz`);
    await sleep(100);
    assert.equal(events('request').length, 1);
    const again = await reload('log.requests: true\n');
    assert.equal(again.changed, 'log.requests');
    assert.equal(again.needs_restart, '');
    await fetch(`${server.url}/healthz`);
    await eventually('a line again', () => events('request').length === 2);
  });

  test('changes the level of the log', async () => {
    fs.writeFileSync(file(), 'log.level: error\n');
    server.child.kill('SIGHUP');
    await sleep(300);
    assert.equal(events('reload').length, 0);
    await fetch(`${server.url}/healthz`);
    await sleep(100);
    assert.equal(events('request').length, 0);
    assert.equal((await reload('log.level: info\n')).changed, 'log.level');
  });

  test('with settings that are no good changes nothing', async () => {
    const line = await reload('log.requests: false\nworker: 3\n');
    assert.equal(line.level, 'error');
    assert.match(line.message, /the settings in force go on: .*postern\.yaml:2:1.*`workers`/);
    await fetch(`${server.url}/healthz`);
    await eventually('a line', () => events('request').length === 1);
  });
});
