'use strict';
// contrib/Containerfile: every instruction is known and in a place where it belongs, and the root
// directory that it makes runs the server, as its user, with its environment (chroot; there is no
// container engine on a test machine).

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test, before, after } = require('node:test');
const { ROOT, BINARY, freePort } = require('./lib/cli.js');
const { request, until } = require('./lib/manager.js');

const KNOWN = ['FROM', 'COPY', 'WORKDIR', 'RUN', 'ENV', 'USER', 'VOLUME', 'EXPOSE', 'STOPSIGNAL',
  'HEALTHCHECK', 'ENTRYPOINT', 'CMD'];
const lines = fs.readFileSync(path.join(ROOT, 'contrib', 'Containerfile'), 'utf8').split('\n')
  .filter((l) => l && !l.startsWith('#')).map((l) => /^([A-Z]+) (.+)$/.exec(l).slice(1));
const last = lines.slice(lines.findLastIndex(([word]) => word === 'FROM'));
const value = (word) => last.find(([w]) => w === word)?.[1];

test('the Containerfile is well formed', () => {
  for (const [word] of lines) assert.ok(KNOWN.includes(word), word);
  assert.equal(lines[0][0], 'FROM');
  assert.equal(value('FROM'), 'scratch');
  assert.ok(!last.some(([word]) => word === 'RUN'), 'nothing runs in an image without a shell');
  const stages = lines.map(([w, v]) => w === 'FROM' && / AS (\w+)$/.exec(v)?.[1]).filter(Boolean);
  for (const [, v] of last) {
    const from = /--from=(\w+)/.exec(v);
    if (from) assert.ok(stages.includes(from[1]), from[1]);
  }
  for (const word of ['ENTRYPOINT', 'CMD']) assert.ok(JSON.parse(value(word)).length > 0);
  assert.ok(JSON.parse(/CMD (.*)/.exec(value('HEALTHCHECK'))[1]).length > 0);
  assert.match(value('USER'), /^[1-9]\d*:[1-9]\d*$/);
  for (const [, v] of lines) {
    for (const script of v.match(/script\/\w+/g) || []) {
      assert.ok(fs.statSync(path.join(ROOT, script)).mode & 0o100, script);
    }
  }
});

let dir;
before(() => { dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-rootfs-')); });
after(() => fs.rmSync(dir, { recursive: true, force: true }));

test('its root directory runs the server', { skip: process.getuid() !== 0 && 'needs root',
  timeout: 60000 }, async () => {
  const root = path.join(dir, 'root');
  fs.chmodSync(dir, 0o755);
  execFileSync(path.join(ROOT, 'script', 'rootfs'), [BINARY, root]);
  fs.chmodSync(root, 0o755);
  assert.ok(!fs.existsSync(path.join(root, 'bin/sh')));
  // What every container engine provides.
  fs.mkdirSync(path.join(root, 'dev'));
  execFileSync('mknod', ['-m', '666', path.join(root, 'dev/null'), 'c', '1', '3']);
  const env = Object.fromEntries(value('ENV').split(' ').map((kv) => kv.split(/=(.*)/s)));
  const port = await freePort();
  env.POSTERN_LISTEN = `127.0.0.1:${port}`;
  const inside = ['--userspec', value('USER'), root, ...JSON.parse(value('ENTRYPOINT'))];
  const child = spawn('chroot', [...inside, ...JSON.parse(value('CMD'))],
    { env: { ...env, PATH: '/usr/sbin:/usr/bin' }, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (d) => { log += d; });
  const ended = new Promise((done) => child.on('exit', done));
  try {
    await until('it answers', () => request(port, { url: '/readyz' })
      .then((r) => r.status === 200, () => false));
    const health = JSON.parse(/CMD (.*)/.exec(value('HEALTHCHECK'))[1]);
    const out = execFileSync('chroot', ['--userspec', value('USER'), root, ...health],
      { env: { ...env, PATH: '/usr/sbin:/usr/bin' }, encoding: 'utf8' });
    assert.match(out, /^ok +keys/m);
    assert.equal(fs.statSync(path.join(root, 'var/lib/postern/postern.db')).uid, 65532);
  } catch (e) {
    e.message += log;
    throw e;
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
});
