'use strict';
// The Debian package: built, judged by lintian, installed into this machine, upgraded under load
// behind sockets of a service manager, removed, purged. The server is started by the test with the
// unit's environment and user, since a test machine runs no systemd; policy-rc.d keeps the
// package from starting anything itself. Without root only building and unpacking are tested.

const assert = require('node:assert/strict');
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test, describe, before, after } = require('node:test');
const { ROOT, freePort } = require('./lib/cli.js');
const { manage, load, request, until } = require('./lib/manager.js');

const POLICY = '/usr/sbin/policy-rc.d';
const NEXT = '99.0.1';
const root = process.getuid() === 0;
const installed = spawnSync('dpkg-query', ['-W', '-f=${db:Status-Abbrev}', 'postern'],
  { encoding: 'utf8' }).stdout.trim();

function build(...version) {
  const out = execFileSync(path.join(ROOT, 'script', 'deb'), version,
    { encoding: 'utf8', cwd: ROOT, timeout: 600000 });
  return path.join(ROOT, out.trim().split('\n').at(-1));
}

function sh(command, ...args) {
  const r = spawnSync(command, args, { encoding: 'utf8', input: '', timeout: 120000,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive',
      LC_ALL: 'C.UTF-8' } });
  assert.equal(r.status, 0, `${command} ${args.join(' ')}: ${r.stdout}${r.stderr}`);
  return r.stdout;
}

// An answer of a run before must not decide a question of this one.
function forget() {
  spawnSync('debconf-communicate', ['postern'], { input: 'PURGE\n' });
}

let deb;
let dir;
before(() => {
  deb = build();
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-package-'));
}, { timeout: 600000 });
after(() => fs.rmSync(dir, { recursive: true, force: true }));

test('lintian finds no error', { timeout: 120000 }, () => {
  const r = spawnSync('lintian', [...(root ? ['--allow-root'] : []), '--fail-on', 'error,warning',
    deb], { encoding: 'utf8' });
  assert.equal(r.status, 0, r.stdout + r.stderr);
  assert.doesNotMatch(r.stdout, /^[EW]:/m);
});

test('unpacks to what a daemon of Debian consists of', () => {
  sh('dpkg-deb', '-x', deb, path.join(dir, 'root'));
  for (const file of ['usr/bin/postern', 'etc/postern/postern.yaml',
    'lib/systemd/system/postern.service', 'lib/systemd/system/postern.socket',
    'usr/share/man/man1/postern-serve.1.gz', 'usr/share/man/man5/postern.conf.5.gz',
    'usr/share/bash-completion/completions/postern', 'usr/share/doc/postern/copyright']) {
    assert.ok(fs.existsSync(path.join(dir, 'root', file)), file);
  }
  const r = spawnSync(path.join(dir, 'root/usr/bin/postern'),
    ['config', '--config', path.join(dir, 'root/etc/postern/postern.yaml')], { encoding: 'utf8' });
  assert.equal(r.status, 0, r.stderr);
  assert.match(r.stdout, /\/var\/lib\/postern\/postern\.db/);
});

// The environment of the unit, with the credentials where systemd would put them.
function unitEnvironment() {
  const unit = fs.readFileSync('/lib/systemd/system/postern.service', 'utf8');
  const credentials = path.join(dir, 'credentials');
  fs.mkdirSync(credentials, { recursive: true });
  const env = { CREDENTIALS_DIRECTORY: credentials };
  for (const [, name, value] of unit.matchAll(/^Environment=([A-Z_]+)=(.*)$/gm)) {
    env[name] = value.replace('%d', credentials);
  }
  for (const [, name, file] of unit.matchAll(/^LoadCredential=(\w+):(.*)$/gm)) {
    fs.copyFileSync(file, path.join(credentials, name));
    fs.chmodSync(path.join(credentials, name), 0o400);
    sh('chown', 'postern:', path.join(credentials, name));
  }
  sh('chown', 'postern:', credentials);
  return env;
}

const skip = !root ? 'needs root' : installed ? `postern is installed here (${installed})` : false;
describe('on this machine', { skip }, () => {
  let policy;
  let manager;
  before(() => {
    policy = fs.existsSync(POLICY) ? null : POLICY;
    if (policy) fs.writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    fs.chmodSync(dir, 0o777);
    forget();
  });
  after(async () => {
    if (manager) await manager.stop();
    spawnSync('debconf-set-selections', { input: 'postern postern/purge_data boolean true\n' });
    spawnSync('dpkg', ['-P', 'postern'], { env: { ...process.env,
      DEBIAN_FRONTEND: 'noninteractive' } });
    forget();
    if (policy) fs.rmSync(policy);
  });

  test('is installed with user, key and store', { timeout: 120000 }, () => {
    sh('dpkg', '-i', deb);
    const mode = (file) => {
      const s = fs.statSync(file);
      return `${(s.mode & 0o777).toString(8)} ${s.uid === 0 ? 'root' : 'postern'}`;
    };
    assert.equal(mode('/etc/postern/master_key'), '600 root');
    assert.equal(mode('/var/lib/postern'), '700 postern');
    assert.equal(mode('/var/lib/postern/postern.db'), '600 postern');
    assert.match(sh('postern', 'check', '--json'), /"check": ?"keys"/);
    assert.match(sh('man', '-w', 'postern-client'), /postern-client/);
  });

  test('serves, and is upgraded without a failed request', { timeout: 300000 }, async () => {
    const next = build(NEXT);
    const org = JSON.parse(sh('postern', 'org', 'create', '--name', 'Acme', '--json'));
    const c = JSON.parse(sh('postern', 'client', 'create', '--org', org.id, '--name', 'App',
      '--token-format', 'opaque', '--json'));
    const port = await freePort();
    const user = 'setpriv --reuid=postern --regid=postern --clear-groups';
    manager = await manage({ dir, sockets: { listen: port }, run: `${user} /usr/bin/postern serve`,
      env: unitEnvironment() });
    const basic = 'Basic ' + Buffer.from(`${c.client_id}:${c.client_secret}`).toString('base64');
    const caller = load(port, basic, 4);
    await until('tokens of the old version', () => caller.seen.done > 100);
    sh('dpkg', '-i', next);
    const between = caller.seen.done;
    await until('the old version serves beside the new store', () => caller.seen.done > between + 50);
    await manager.restart(); // what postinst asks of systemd
    const { done } = caller.seen;
    await until('tokens of the new version', () => caller.seen.done > done + 100);
    const seen = await caller.stop();
    assert.deepEqual(seen.failed, []);
    const ready = manager.log().split('\n').filter((l) => l.includes('"event":"ready"'))
      .map((l) => JSON.parse(l));
    assert.equal(ready.length, 2);
    assert.notEqual(ready[0].version, NEXT);
    assert.equal(ready[1].version, NEXT);
    assert.equal(ready[1].db, 'sqlite:/var/lib/postern/postern.db');
    // Commands of root beside the running server leave the store to its user.
    sh('postern', 'client', 'list', '--org', org.id);
    for (const file of fs.readdirSync('/var/lib/postern')) {
      assert.notEqual(fs.statSync(`/var/lib/postern/${file}`).uid, 0, file);
    }
    assert.equal((await request(port)).status, 200);
    assert.deepEqual(await manager.stop(), [0, 0]);
    manager = null;
  });

  test('is removed; a purge keeps the data unless it is told otherwise', { timeout: 120000 }, () => {
    sh('dpkg', '-r', 'postern');
    assert.ok(!fs.existsSync('/usr/bin/postern'));
    assert.ok(fs.existsSync('/etc/postern/postern.yaml'));
    sh('dpkg', '-P', 'postern');
    assert.ok(!fs.existsSync('/etc/postern/postern.yaml'));
    assert.ok(fs.existsSync('/var/lib/postern/postern.db'));
    assert.ok(fs.existsSync('/etc/postern/master_key'));
    sh('dpkg', '-i', deb);
    assert.match(sh('postern', 'org', 'list'), /Acme/);
    spawnSync('debconf-set-selections', { input: 'postern postern/purge_data boolean true\n' });
    sh('dpkg', '-P', 'postern');
    assert.ok(!fs.existsSync('/var/lib/postern'));
    assert.ok(!fs.existsSync('/etc/postern'));
    assert.equal(spawnSync('getent', ['passwd', 'postern']).status, 2);
  });
});
