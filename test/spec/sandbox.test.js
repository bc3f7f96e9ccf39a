'use strict';
// The sandbox on the real binary: what the kernel says of each process of a server (/proc), whom a
// server becomes that root starts, what is said on a kernel that lacks something, what still works
// inside: files that are put in the place of others, a reload, a stop.
//
// What each role may not do is tried by test/unit/sandbox_forbidden.c.

const assert = require('node:assert/strict');
const { execFileSync, spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { test, describe, before, beforeEach, afterEach } = require('node:test');
const { ROOT: TREE, BINARY, work, environment, fresh, remove, json, run, org, client, freePort,
  serve, token, eventually } = require('./lib/cli.js');

const BUILD = 'build/release';
const WITHOUT = path.join(TREE, BUILD, 'without_landlock'); // a program that runs another
const MODES = ['one', 'separate'];
const NONE = '0000000000000000';
const ROOT = process.getuid() === 0;
const LANDLOCK = /Landlock ABI/.test(spawnSync(BINARY, ['check'], { encoding: 'utf8' }).stdout);
const SANITIZED = /asan|tsan/.test(BINARY);

before(() => {
  execFileSync('make', ['-s', `BUILD=${BUILD}`, `${BUILD}/without_landlock`], { cwd: TREE });
});
beforeEach(fresh);
afterEach(remove);

function statusOf(pid) {
  return Object.fromEntries(fs.readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n')
    .map((line) => line.split(/:\s*/, 2)));
}

// The main process and those that it started: [{ pid, name, ... }].
function processesOf(pid) {
  const s = statusOf(pid);
  const children = fs.readdirSync(`/proc/${pid}/task`).flatMap((t) =>
    fs.readFileSync(`/proc/${pid}/task/${t}/children`, 'utf8').split(' ').filter(Boolean));
  return [{ pid, name: s.Name, ...s }, ...children.flatMap((c) => processesOf(Number(c)))];
}

// { soft, hard } by name, as "Max core file size".
function limitsOf(pid) {
  return Object.fromEntries(fs.readFileSync(`/proc/${pid}/limits`, 'utf8').trim().split('\n')
    .slice(1).map((l) => /^(.{26})(\S+)\s+(\S+)/.exec(l))
    .map(([, name, soft, hard]) => [name.trim(), { soft, hard }]));
}

const warnings = (server) => server.log().split('\n').filter((l) => l.includes('"sandbox"'));

for (const mode of MODES) {
  describe(`processes: ${mode}`, () => {
    const env = (more = {}) => ({ POSTERN_PROCESSES: mode, ...more });

    test('each process has a filter, no privilege, no core', async () => {
      const server = await serve([], env());
      try {
        const all = processesOf(server.child.pid);
        assert.equal(all.length >= 3, mode === 'separate', all.map((p) => p.name).join(' '));
        for (const p of all) {
          assert.equal(p.NoNewPrivs, '1', p.name);
          assert.equal(p.Seccomp, '2', p.name);
          for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) {
            assert.equal(p[set], NONE, `${p.name} ${set}`);
          }
          // Only root can empty what a program started by it may have.
          if (ROOT) assert.equal(p.CapBnd, NONE, p.name);
          assert.equal(p.CoreDumping, '0', p.name);
          assert.deepEqual(limitsOf(p.pid)['Max core file size'], { soft: '0', hard: '0' });
        }
        const signer = all.find((p) => p.name === 'postern-signer');
        assert.equal(Boolean(signer), mode === 'separate');
        if (signer && !SANITIZED) {
          const limits = limitsOf(signer.pid);
          assert.ok(Number(limits['Max open files'].hard) < 512, limits['Max open files'].hard);
          assert.equal(limits['Max file size'].hard, '0');
        }
        assert.match(server.log(), /"event":"sandbox","message":"in force: seccomp/);
      } finally {
        assert.equal(await server.stop(), 0);
      }
    });

    test('all of it works inside: tokens, a reload, files put in the place of others', async () => {
      const file = path.join(work.dir, 'conf', 'postern.yaml');
      fs.mkdirSync(path.dirname(file));
      fs.writeFileSync(file, 'log:\n  level: info\n');
      const c = client(org(), '--token-format', 'opaque');
      const server = await serve(['--config', file], env());
      try {
        assert.equal((await token(server, c)).status, 200);
        fs.writeFileSync(`${file}.new`, 'log:\n  level: debug\n');
        fs.renameSync(`${file}.new`, file);
        server.child.kill('SIGHUP');
        await eventually('the new file is read', () =>
          /"event":"reload".*"changed":"log.level"/.test(server.log()));
        const made = client(org('Later'));
        await eventually('a client made since', async () =>
          (await token(server, made)).status === 200);
      } finally {
        assert.equal(await server.stop(), 0);
      }
      assert.doesNotMatch(server.log(), /forbidden/);
    });

    test('a process that is ended for a forbidden call: named in the log, started again',
      { skip: mode === 'one' && 'nobody watches' }, async () => {
        const c = client(org());
        const server = await serve([], env());
        try {
          const signer = processesOf(server.child.pid).find((p) => p.name === 'postern-signer');
          process.kill(signer.pid, 'SIGSYS'); // as the kernel ends it
          await eventually('the log says so', () =>
            /forbidden system call \(which: dmesg\).*"process":"signer","signal":31/
              .test(server.log()));
          await eventually('another one signs', async () =>
            (await token(server, c)).status === 200);
          const next = processesOf(server.child.pid).find((p) => p.name === 'postern-signer');
          assert.notEqual(next.pid, signer.pid);
          assert.equal(next.Seccomp, '2');
        } finally {
          assert.equal(await server.stop(), 0);
        }
      });

    test('off: nothing but cores', async () => {
      const server = await serve([], env({ POSTERN_SANDBOX: 'off' }));
      try {
        for (const p of processesOf(server.child.pid)) {
          assert.equal(p.Seccomp, '0', p.name);
          assert.equal(limitsOf(p.pid)['Max core file size'].hard, '0');
        }
        assert.ok(warnings(server).some((l) => /"warn".*for debugging only/.test(l)));
      } finally {
        await server.stop();
      }
    });

    describe('started by root', { skip: !ROOT && 'not root' }, () => {
      const ids = (name) => execFileSync('id', [name, '-u'].reverse(), { encoding: 'utf8' }).trim();

      // A port below 1024 that nobody has.
      async function lowPort() {
        for (let port = 1023; port > 600; port--) {
          const free = await new Promise((done) => {
            const s = net.createServer();
            s.on('error', () => done(false));
            s.listen(port, '127.0.0.1', () => s.close(() => done(true)));
          });
          if (free) return port;
        }
        return assert.fail('no low port');
      }

      test('user: another one, with a low port, and its own files', async () => {
        const uid = ids('daemon');
        execFileSync('chown', ['daemon:daemon', work.dir]);
        fs.chmodSync(work.dir, 0o700);
        const port = await lowPort();
        const server = await serve(['--listen', `127.0.0.1:${port}`],
          env({ POSTERN_USER: 'daemon' }));
        try {
          const r = await fetch(`http://127.0.0.1:${port}/healthz`);
          assert.equal(r.status, 200);
          for (const p of processesOf(server.child.pid)) {
            assert.equal(p.Uid, [uid, uid, uid, uid].join('\t'), p.name);
            assert.equal(p.Gid.split('\t')[0], execFileSync('id', ['-g', 'daemon'],
              { encoding: 'utf8' }).trim());
            assert.equal(p.CapPrm, NONE);
            assert.equal(p.CapBnd, NONE);
            // What cannot be dumped belongs to root in /proc, so its own user cannot look inside.
            if (!SANITIZED) assert.equal(fs.statSync(`/proc/${p.pid}/mem`).uid, 0, p.name);
          }
          for (const name of fs.readdirSync(work.dir)) {
            assert.equal(fs.statSync(path.join(work.dir, name)).uid, Number(uid), name);
          }
          assert.doesNotMatch(server.log(), /runs as root/);
        } finally {
          assert.equal(await server.stop(), 0);
        }
      });

      test('no user: it stays root and says so', async () => {
        const server = await serve([], env());
        await server.stop();
        assert.ok(warnings(server).some((l) => /"warn".*runs as root: set `user`/.test(l)));
      });

      test('a user that is not there, and root', () => {
        for (const [user, text] of [['no-such-user', /there is no user `no-such-user`/],
          ['root', /`user` takes an ordinary user/]]) {
          const r = run(['serve', '--listen', '127.0.0.1:0', '--issuer', 'http://localhost'],
            { env: env({ POSTERN_USER: user }) });
          assert.equal(r.code, 1);
          assert.match(r.err, text);
          assert.deepEqual(fs.readdirSync(work.dir), []); // nothing was made as root
        }
      });
    });

    describe('without Landlock', () => {
      test('required: refused, in words of what to do', async () => {
        const r = spawnSync(WITHOUT, [BINARY, 'serve', '--listen',
          `127.0.0.1:${await freePort()}`], { env: environment(env({ POSTERN_SANDBOX: 'required' })),
          cwd: work.dir, encoding: 'utf8', timeout: 20000 });
        assert.equal(r.status, 1, r.stderr);
        assert.match(r.stderr, /`sandbox: required`, but this kernel has no Landlock: .*best-effort/);
      });

      test('best effort: said in the log once, and the filter is there', async () => {
        const port = await freePort();
        const child = spawn(WITHOUT, [BINARY, 'serve', '--listen', `127.0.0.1:${port}`],
          { env: environment(env()), cwd: work.dir, stdio: ['ignore', 'ignore', 'pipe'] });
        let log = '';
        child.stderr.on('data', (d) => { log += d; });
        const ended = new Promise((done) => child.on('exit', done));
        try {
          await eventually('ready', () => log.includes('"event":"ready"'));
          for (const p of processesOf(child.pid)) {
            assert.equal(p.Seccomp, '2', p.name);
            // One of the test's, one of its own; those of the supervisor's children have one more.
            assert.ok(Number(p.Seccomp_filters ?? 3) >= 2, p.name);
          }
          const lines = log.split('\n').filter((l) => l.includes('no Landlock'));
          assert.equal(lines.length, 1, log);
          assert.match(lines[0], /"warn"/);
        } finally {
          child.kill('SIGTERM');
          assert.equal(await ended, 0);
        }
      });
    });

    test('required, where all is there', { skip: !LANDLOCK && 'no Landlock here' }, async () => {
      const server = await serve([], env({ POSTERN_SANDBOX: 'required' }));
      assert.equal(await server.stop(), 0);
    });
  });
}

test('`postern check` looks at the kernel', () => {
  const look = (program, args, more) => spawnSync(program, args,
    { env: environment(more), cwd: work.dir, encoding: 'utf8' }).stdout;
  if (LANDLOCK) assert.match(look(BINARY, ['check']), /ok +sandbox +this kernel has seccomp, Landlock/);
  assert.match(look(WITHOUT, [BINARY, 'check']),
    /warn +sandbox +this kernel has seccomp, no Landlock/);
  assert.match(look(WITHOUT, [BINARY, 'check'], { POSTERN_SANDBOX: 'required' }), /FAIL +sandbox/);
  assert.match(look(BINARY, ['check'], { POSTERN_SANDBOX: 'off' }), /warn +sandbox +.*is off/);
});

test('the table can be read: a role without a call has no row', () => {
  const rows = json(['list', 'sandbox']);
  const has = (role, call) => rows.some((r) => r.role === role && r.call === call);
  for (const role of ['supervisor', 'signer', 'outbound', 'network']) {
    assert.ok(has(role, 'read'));
    for (const call of ['execve', 'ptrace', 'bind', 'mount', 'bpf', 'io_uring_setup', 'setuid']) {
      if (!SANITIZED) assert.ok(!has(role, call), `${role} ${call}`);
    }
  }
  assert.ok(has('network', 'openat') && has('network', 'accept4'));
  for (const call of ['openat', 'socket', 'connect', 'accept4', 'unlink', 'fork', 'kill']) {
    const made = rows.filter((r) => r.role === 'signer' && r.call === call && r.answer === 'made' &&
      r.when !== 'with a sanitizer' && r.arguments !== 'itself');
    assert.deepEqual(made, []);
  }
});
