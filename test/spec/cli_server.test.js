'use strict';
// The subcommands around a server: keys, the store and what can be wrong with it, settings, and
// changes made on the command line while a server runs.

const { test, describe, beforeEach, afterEach } = require('node:test');
const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { ROOT, BINARY, UUID, TIME, work, environment, run, json, refused, fresh, remove, org, client,
  freePort, serve, token, active, eventually, onPostgres } = require('./lib/cli');
const { faketime } = require('../interop/lib/faketime');

// On a shared store in two runs, between which the file would be copied.
function rotateMaster() {
  const first = json(['key', 'rotate', '--master']);
  assert.equal(first.finished, !onPostgres);
  if (first.finished) return first;
  assert.equal(first.resealed, 0);
  const second = json(['key', 'rotate', '--master']);
  assert.equal(second.fingerprint, first.fingerprint);
  return second;
}

// How long a key is published before it signs, with the defaults of jwks.max_age and db.max_age: a
// node on a shared store may not have heard of it for that long.
const LEAD_S = 3600 + 60 + (onPostgres ? 60 : 0);

describe('keys', () => {
  beforeEach(() => {
    fresh();
    org();
  });
  afterEach(remove);

  const keys = (use) => json(['key', 'list']).filter((k) => !use || k.use === use);

  test('the first keys', () => {
    const list = keys();
    assert.deepEqual(list.map((k) => [k.use, k.alg, k.state]).sort(),
      [['pairwise', null, 'active'], ['pepper', null, 'active'], ['shape', null, 'active'],
        ['signing', 'ES256', 'active'], ['signing', 'RS256', 'active']]);
    for (const k of list) {
      assert.match(k.id, UUID);
      assert.equal(k.kid, 'IC' + k.id.replaceAll('-', ''));
      assert.match(k.created, TIME);
      assert.equal(k.age, '0m');
      assert.equal(k.next, k.use === 'signing' ? 'successor' : null);
    }
    const [signing] = list.filter((k) => k.use === 'signing');
    assert.equal(Date.parse(signing.next_at) - Date.parse(signing.created),
      (90 * 86400 - LEAD_S) * 1000);
  });

  test('rotate, retire, drop a signing key', () => {
    const [first] = keys('signing').filter((k) => k.alg === 'ES256');
    const next = json(['key', 'rotate']);
    assert.equal(next.next, 'active');
    assert.equal(Date.parse(next.next_at) - Date.parse(next.created), LEAD_S * 1000);
    const waiting = keys().find((k) => k.id === first.id);
    assert.deepEqual([waiting.next, waiting.next_at], ['retired', next.next_at]);
    assert.deepEqual([next.use, next.alg, next.state, next.activated],
      ['signing', 'ES256', 'published', null]);
    refused(4, 'a rotation is under way', ['key', 'rotate']);
    refused(4, 'only a retired', ['key', 'drop', next.id]);
    assert.equal(json(['key', 'retire', next.kid]).state, 'retired');
    const now = json(['key', 'rotate', '--now']);
    assert.equal(now.state, 'active');
    assert.equal(keys().find((k) => k.id === first.id).state, 'retired');
    refused(4, 'access tokens are signed by it', ['key', 'retire', now.id]);
    refused(4, 'retired already', ['key', 'retire', first.id]);
    refused(4, '--force ends them now', ['key', 'drop', first.id]);
    assert.equal(json(['key', 'drop', first.id, '--force']).id, first.id);
    refused(3, 'there is no key', ['key', 'drop', first.id]);
    refused(2, 'is no key', ['key', 'drop', 'x']);
  });

  test('every algorithm', () => {
    for (const alg of ['RS256', 'PS256', 'EdDSA']) {
      const k = json(['key', 'rotate', '--alg', alg, '--now']);
      assert.deepEqual([k.alg, k.state], [alg, 'active']);
    }
    assert.equal(keys('signing').filter((k) => k.state === 'active').length, 4);
    refused(2, 'takes ES256, RS256, PS256 or EdDSA', ['key', 'rotate', '--alg', 'none']);
    refused(2, 'takes ES256, RS256, PS256 or EdDSA', ['key', 'rotate', '--alg', 'HS256']);
  });

  test('a pepper stays while secrets need it', () => {
    const [o] = json(['org', 'list']);
    const c = client(o);
    const [old] = keys('pepper');
    assert.equal(old.secrets, 1);
    const fresh_one = json(['key', 'rotate', '--pepper']);
    assert.deepEqual([fresh_one.state, fresh_one.secrets], ['active', 0]);
    refused(4, '1 client secrets, auth tokens and passwords are hashed with this pepper',
      ['key', 'drop', old.id]);
    json(['client', 'secret', c.id, '--overlap', '0']);
    assert.equal(keys('pepper').find((k) => k.id === fresh_one.id).secrets, 1);
    assert.equal(json(['key', 'drop', old.id]).id, old.id);
    refused(2, 'do not go together', ['key', 'rotate', '--pepper', '--master']);
    refused(2, 'for signing keys', ['key', 'rotate', '--pepper', '--now']);
  });

  test('the keys of pairwise subjects and of the shape stay as they are', () => {
    const once = ['pairwise', 'shape'];
    const before_ = keys().filter((k) => once.includes(k.use));
    json(['key', 'rotate', '--now']);
    json(['key', 'rotate', '--pepper']);
    for (const k of before_) {
      refused(4, 'never replaced', ['key', 'retire', k.id]);
      refused(4, 'only a retired', ['key', 'drop', k.id]);
    }
    assert.deepEqual(keys().filter((k) => once.includes(k.use)), before_);
  });

  test('a store of an earlier version gets its pairwise key once', () => {
    const forget = () => {
      work.store.sql('DELETE FROM key WHERE purpose = 3');
    };
    forget();
    assert.deepEqual(keys('pairwise'), []);
    json(['migrate']);
    const [made] = keys('pairwise');
    assert.equal(made.state, 'active');
    json(['migrate']);
    assert.deepEqual(keys('pairwise').map((k) => k.id), [made.id]);
    forget();
    fs.renameSync(`${work.dir}/p.db.key`, `${work.dir}/moved`);
    refused(1, 'p.db.key', ['migrate']);
    assert.ok(!fs.existsSync(`${work.dir}/p.db.key`), 'no new master key beside the old one');
  });

  test('the master key, and a rotation that was interrupted', () => {
    const file = `${work.dir}/p.db.key`, old = fs.readFileSync(file, 'utf8');
    const before_ = keys();
    const r = rotateMaster();
    const now = fs.readFileSync(file, 'utf8');
    assert.deepEqual([r.file, r.resealed], [file, 5]);
    assert.match(r.fingerprint, /^[0-9a-f]{16}$/);
    assert.equal(now.trim().split('\n').length, 1);
    assert.notEqual(now, old);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(keys(), before_);
    assert.equal(r.finished, true);
    // Ended after the first step: two lines, rows still sealed under the first.
    const line = `postern-master-key-1:${Buffer.alloc(32, 7).toString('base64url')}\n`;
    fs.writeFileSync(file, now + line);
    assert.deepEqual(keys(), before_);
    assert.match(run(['check']).out, /warn +master key .*not finished/);
    json(['key', 'rotate', '--master']);
    assert.equal(fs.readFileSync(file, 'utf8'), line);
    assert.deepEqual(keys(), before_);
    // Ended before the last step: the old line is still there, nothing needs it.
    fs.writeFileSync(file, now + line);
    json(['key', 'rotate', '--master']);
    assert.equal(fs.readFileSync(file, 'utf8'), line);
  });

  test('commands that seal keys go one after the other', () => {
    const before_ = keys();
    for (const args of [['key', 'rotate', '--master'], ['key', 'rotate', '--now']]) {
      const r = spawnSync('flock', [work.dir, BINARY, ...args],
        { env: environment(), encoding: 'utf8' });
      if (r.error) throw r.error;
      assert.equal(r.status, 4);
      assert.match(r.stderr, /another process is changing the keys/);
    }
    assert.deepEqual(keys(), before_);
  });

  test('the key file missing, too open, or another one', async () => {
    const file = `${work.dir}/p.db.key`, moved = `${work.dir}/moved`;
    const port = await freePort();
    const all = [['key', 'list'], ['serve', '--listen', `127.0.0.1:${port}`]];
    for (const args of all) {
      fs.renameSync(file, moved);
      refused(1, file, args);
      assert.ok(!fs.existsSync(file), 'a new file would hide the loss');
      assert.match(run(['check']).out, /FAIL +master key/);
      fs.renameSync(moved, file);
      fs.chmodSync(file, 0o644);
      refused(1, /chmod/, args);
      fs.chmodSync(file, 0o600);
      const right = fs.readFileSync(file);
      fs.writeFileSync(file,
        `postern-master-key-1:${Buffer.alloc(32, 9).toString('base64url')}\n`);
      refused(1, /master key|sealed/, args);
      fs.writeFileSync(file, 'nonsense\n');
      refused(1, file, args);
      fs.writeFileSync(file, right);
    }
    assert.equal(run(['key', 'list', '--master-key', file]).code, 0);
    refused(1, '/nowhere', ['key', 'list', '--master-key', '/nowhere']);
  });
});

// The server of the tests does without fsync, which is what check is there to find.
const unsafe = (l) => l.check === 'durability' && onPostgres;

describe('the store', () => {
  beforeEach(fresh);
  afterEach(remove);

  test('migrate, its plan, and stores that are not there', () => {
    refused(1, '`postern migrate`', ['org', 'list']);
    refused(1, '`postern migrate`', ['client', 'show', '1'.repeat(8) + '-1111-4111-8111-' +
      '1'.repeat(12)]);
    const plan = json(['migrate', '--plan']);
    assert.ok(plan.length >= 1 && plan.every((m) => m.state === 'missing'));
    assert.deepEqual(fs.readdirSync(work.dir), [], 'a plan makes nothing');
    refused(1, '`postern migrate`', ['org', 'list']);
    const text = run(['migrate', '--plan']).out;
    assert.match(text, /^1 +missing +first$/m);
    assert.match(text, /CREATE TABLE client .*\n +-- client: a new table$/m);
    const made = json(['migrate']);
    assert.deepEqual([made.version_before, made.version, made.applied],
      [0, plan.length, plan.length]);
    assert.equal(json(['migrate']).applied, 0);
    assert.ok(json(['migrate', '--plan']).every((m) => m.state === 'applied'));
    if (!onPostgres) assert.equal(fs.statSync(`${work.dir}/p.db`).mode & 0o777, 0o600);
    assert.equal(fs.statSync(`${work.dir}/p.db.key`).mode & 0o777, 0o600);
    assert.equal(json(['key', 'list']).length, 5);
  });

  test('paths that cannot be', () => {
    refused(2, 'takes sqlite:PATH', ['org', 'list', '--db', 'mysql://x']);
    refused(1, 'does not exist', ['org', 'create', '--name', 'x', '--db', `sqlite:${work.dir}/a/b/c`]);
    fs.writeFileSync(`${work.dir}/text`, 'this is no database, only text of some length\n'.repeat(99));
    refused(1, 'is not a SQLite database', ['org', 'list', '--db', `sqlite:${work.dir}/text`]);
    refused(1, /directory/, ['org', 'list', '--db', `sqlite:${work.dir}`]);
  });

  test('a store of a later version', () => {
    json(['migrate']);
    work.store.sql(
      "INSERT INTO schema_version (number, name, applied_s) VALUES (9999, 'later', 0)");
    for (const args of [['org', 'list'], ['org', 'create', '--name', 'x'], ['serve'], ['migrate']]) {
      refused(1, /version 9999, this program knows up to .*install the postern that made it/, args);
    }
    assert.match(run(['check']).out, /FAIL +store .*install a later postern/);
  });

  test('check says what is well and what is not', () => {
    const none = run(['check']);
    assert.equal(none.code, 1);
    assert.match(none.out, /FAIL +store .*postern migrate/);
    json(['migrate']);
    const list = json(['check']).filter((l) => !unsafe(l));
    assert.ok(list.every((l) => l.result === 'ok'), JSON.stringify(list));
    assert.deepEqual(Object.keys(list[0]), ['result', 'check', 'message']);
    const early = run(['check'], { env: faketime('-1h') });
    assert.equal(early.code, 1);
    assert.match(early.out, /FAIL +keys .*the clock was set back/);
    const bad = run(['check', '--set', 'tls.key=x']);
    assert.equal(bad.code, 1);
    assert.match(bad.out, /FAIL +settings .*tls\.certificate/);
  });

  test('check looks at the file', { skip: onPostgres && 'there is no file' }, () => {
    json(['migrate']);
    fs.chmodSync(`${work.dir}/p.db`, 0o644);
    const open = run(['check']);
    assert.equal(open.code, 0);
    assert.match(open.out, /warn +store file .*chmod 600/);
    fs.chmodSync(work.dir, 0o777);
    const shared = run(['check']);
    assert.equal(shared.code, 1);
    assert.match(shared.out, /FAIL +directory .*chmod o-w/);
  });

  test('check looks at the server', { skip: !onPostgres && 'there is no server' }, () => {
    json(['migrate']);
    const said = Object.fromEntries(json(['check']).map((l) => [l.check, l]));
    assert.match(said.store.message, /^postgresql:.*, schema version \d+$/);
    assert.match(said.server.message, /^PostgreSQL \d+/);
    assert.equal(said.server.result, 'ok');
    assert.match(said.encryption.message, /same machine/);
    assert.match(said['round trip'].message, /^\d+\.\d+ ms$/);
    assert.equal(said['clock skew'].result, 'ok');
    assert.match(said.connections.message, /this node takes up to \d+/);
    for (const [offset, word] of [['-3s', 'warn'], ['-7s', 'FAIL'], ['+7s', 'FAIL']]) {
      const skewed = run(['check'], { env: faketime(offset) });
      assert.match(skewed.out, new RegExp(`^${word} +clock skew .*(ntp|chrony)`, 'm'));
    }
    const many = run(['check', '--set', 'pool.threads=64', '--set', 'db.readers=64']).out;
    assert.match(many, /connections +.*up to 13\d/);
  });

  test('a locked database', async () => {
    json(['migrate']);
    const r = await work.store.locked(() => run(['org', 'create', '--name', 'x']));
    assert.equal(r.code, 1);
    assert.match(r.err, /^postern: the store failed: .*(locked.*write lock|lock timeout.*psql session)/);
    assert.deepEqual(json(['org', 'list']), []);
  });

  test('a full disk', { skip: onPostgres && 'the limit is on the files of this process' }, () => {
    json(['migrate']);
    const o = org();
    const many = Array.from({ length: 3000 }, (_, i) =>
      ({ name: `c${i}`, organization: o.id, client_secret: 'x'.repeat(40) + i }));
    fs.writeFileSync(`${work.dir}/many.json`, JSON.stringify(many));
    // A limit on the size of files stands in for the disk; the signal that comes with it is off.
    const r = spawnSync('/bin/sh', ['-c',
      `trap '' XFSZ; ulimit -f 300; exec "${BINARY}" client import "${work.dir}/many.json"`],
      { env: environment(), encoding: 'utf8' });
    assert.equal(r.status, 1, r.stderr);
    assert.match(r.stderr, /postern: the store failed: .*(full|disk|space)/);
    assert.deepEqual(json(['client', 'list']), []);
    assert.equal(json(['client', 'import', `${work.dir}/many.json`]).length, 3000);
  });
});

describe('settings', () => {
  beforeEach(fresh);
  afterEach(remove);

  test('sources, later ones win', () => {
    fs.writeFileSync(`${work.dir}/f.yaml`, 'drain: 1\nrefresh:\n  grace: 2s\nworkers: 3\n');
    const values = (args, env) => Object.fromEntries(
      json(['config', '--config', `${work.dir}/f.yaml`, ...args], { env })
        .map((s) => [s.name, [s.value, s.source]]));
    const v = values(['--set', 'workers=5'], { POSTERN_REFRESH_GRACE: '4', POSTERN_WORKERS: '9' });
    assert.deepEqual(v.drain, [1, 'file']);
    assert.deepEqual(v['refresh.grace'], [4, 'environment']);
    assert.deepEqual(v.workers, [5, 'command line']);
    assert.deepEqual(v.listen, [['127.0.0.1:8080'], 'default']);
    const text = run(['config', '--config', `${work.dir}/f.yaml`]).out;
    assert.match(text, /^drain: 1 +# file$/m);
    fs.writeFileSync(`${work.dir}/g.yaml`, text);
    assert.equal(run(['config', '--config', `${work.dir}/g.yaml`]).code, 0);
    assert.equal(run(['config'], { env: { POSTERN_CONFIG: `${work.dir}/g.yaml` } }).code, 0);
  });

  test('a typo is named with file, line and column', () => {
    const file = `${work.dir}/f.yaml`;
    const cases = [
      ['drain: 1\ndrian: 2\n', '2:1: unknown setting `drian`; did you mean `drain`?'],
      ['tls:\n  kye: x\n', '2:3: unknown setting `tls.kye`; did you mean `tls.key`?'],
      ['drain: 3x\n', '1:8: `drain` takes 0 to 3600 seconds'],
      ['dialect:\n  twine: no\n', '2:10: `dialect.twine` takes true or false, not `no`'],
      ['drain: [\n', '2:1: '],
    ];
    for (const [text, message] of cases) {
      fs.writeFileSync(file, text);
      for (const args of [['config'], ['serve'], ['org', 'list']]) {
        refused(1, `${file}:${message}`, [...args, '--config', file]);
      }
    }
    refused(1, 'cannot read the settings file', ['serve', '--config', `${work.dir}/none`]);
    refused(1, 'did you mean `POSTERN_DRAIN`?', ['serve'], { env: { POSTERN_DRIAN: '1' } });
  });

  test('what a server refuses to start with', () => {
    refused(2, 'http only on this machine', ['serve', '--issuer', 'http://auth.example.com']);
    refused(1, 'refused with the public issuer',
      ['serve', '--issuer', 'https://auth.example.com', '--bench-routes']);
    refused(1, '`issuer` must be set', ['serve', '--listen', '10.1.2.3:80']);
    refused(2, '`listen` takes', ['serve', '--listen', 'nowhere']);
    refused(1, '`tls.listen` needs', ['serve', '--set', 'tls.listen=:8443', '--issuer',
      'https://auth.example.com']);
    assert.deepEqual(fs.readdirSync(work.dir), [], 'nothing was made');
  });

  test('the reference', () => {
    assert.equal(run(['config', '--reference', '--markdown']).out,
      fs.readFileSync(path.join(ROOT, 'docs', 'settings.md'), 'utf8'));
    const reference = run(['config', '--reference']).out;
    for (const s of json(['list', 'settings'])) {
      assert.ok(reference.includes(`#${s.name}: `), s.name);
    }
    refused(2, '--reference', ['config', '--markdown']);
  });

  test('list', () => {
    const routes = json(['list', 'routes']);
    const of = (p) => routes.find((r) => r.path === p);
    assert.deepEqual(of('/oauth2/token').methods, ['POST']);
    assert.deepEqual(of('/oauth2/jwks').methods, ['GET', 'HEAD']);
    assert.equal(of('/pub/oauth/token').dialect, 'twine');
    assert.equal(of('/bench/http'), undefined);
    assert.ok(!json(['list', 'routes', '--set', 'dialect.twine=false'])
      .some((r) => r.path.startsWith('/pub/')));
    const errors = json(['list', 'errors']);
    assert.equal(errors.find((e) => e.id === 'INVALID_GRANT').error, 'invalid_grant');
    assert.ok(errors.every((e) => e.error && e.status >= 400 && e.meaning));
    const specs = json(['list', 'specs']).map((s) => s.spec);
    for (const s of ['RFC 6749', 'RFC 7009', 'RFC 7662', 'RFC 8414']) assert.ok(specs.includes(s));
    for (const what of ['routes', 'settings', 'errors', 'specs']) {
      assert.match(run(['list', what]).out, /^[A-Z]/);
    }
  });
});

describe('beside a running server', () => {
  let server;
  beforeEach(fresh);
  afterEach(async () => {
    if (server) await server.stop();
    server = null;
    remove();
  });

  test('a store is made, the server says so, and stops when told', async () => {
    server = await serve();
    const ready = JSON.parse(server.log().split('\n').find((l) => l.includes('"ready"')));
    assert.equal(ready.issuer, server.url);
    assert.equal(ready.listen, `127.0.0.1:${server.port}`);
    assert.ok(ready.version);
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
    assert.equal(fs.statSync(`${work.dir}/p.db.key`).mode & 0o777, 0o600);
    refused(1, 'another process listens there', ['serve', '--listen', `127.0.0.1:${server.port}`]);
    assert.equal(await server.stop('SIGINT'), 0);
    server = await serve();
    assert.equal(await server.stop(), 0);
    server = null;
  });

  test('a token revoked on the command line dies on the server', async () => {
    server = await serve();
    const o = org(), c = client(o);
    for (const revoke of [
      (t) => run(['token', 'revoke', '--token', '-'], { input: t + '\n' }),
      (t) => run(['token', 'revoke', '--token', t]),
      () => run(['token', 'revoke', '--client', c.client_sid]),
      () => run(['token', 'revoke', '--org', o.id]),
    ]) {
      const { body } = await token(server, c);
      assert.equal(await active(server, c, body.access_token), true);
      assert.equal(revoke(body.access_token).code, 0);
      await eventually('the token is dead', async () => !await active(server, c, body.access_token));
    }
    refused(3, 'no such live token', ['token', 'revoke', '--token', 'psta_' + 'x'.repeat(43)]);
    refused(3, 'no such live token', ['token', 'revoke', '--token', '-'], { input: '' });
    refused(2, 'give one of', ['token', 'revoke']);
    refused(2, 'give one of', ['token', 'revoke', '--client', c.id, '--org', o.id]);
    refused(3, 'there is no client', ['token', 'revoke', '--client', 'OQ' + 'a'.repeat(32)]);
    refused(3, 'there is no organization', ['token', 'revoke', '--org', '0'.repeat(24)]);
  });

  test('secrets: overlap, end, disable, delete', async () => {
    server = await serve();
    const c = client(org());
    const second = json(['client', 'secret', c.id]).client_secret;
    assert.equal((await token(server, c)).status, 200);
    assert.equal((await token(server, c, second)).status, 200);
    const third = json(['client', 'secret', c.id, '--overlap', '0']).client_secret;
    await eventually('the old secrets end', async () =>
      (await token(server, c)).status === 401 && (await token(server, c, second)).status === 401);
    assert.equal((await token(server, c, third)).status, 200);
    json(['client', 'disable', c.id]);
    await eventually('the client is refused', async () =>
      (await token(server, c, third)).status !== 200);
    json(['client', 'enable', c.id]);
    await eventually('it is let in again', async () =>
      (await token(server, c, third)).status === 200);
    json(['client', 'delete', c.id]);
    await eventually('it is gone', async () => (await token(server, c, third)).status === 401);
  });

  test('a command that waited for stdin is heard', { timeout: 60000 }, async () => {
    server = await serve();
    const c = client(org());
    // On many connections, so that every worker has it in memory.
    const statuses = async () => new Set(
      (await Promise.all(Array.from({ length: 20 }, () => token(server, c)))).map((r) => r.status));
    assert.deepEqual(await statuses(), new Set([200]));
    const child = spawn(BINARY, ['client', 'secret', c.id, '--overlap', '0s', '--secret-stdin'],
      { env: environment(), cwd: work.dir, stdio: ['pipe', 'ignore', 'inherit'] });
    const exited = new Promise((done) => child.on('exit', done));
    await new Promise((done) => setTimeout(done, 13000)); // longer than polls look back
    child.stdin.end('a'.repeat(40));
    assert.equal(await exited, 0);
    await eventually('the old secret ends', async () => !(await statuses()).has(200));
    assert.equal((await token(server, c, 'a'.repeat(40))).status, 200);
  });

  test('keys change under a running server without a failed request', async () => {
    server = await serve([], { POSTERN_JWKS_MAX_AGE: '1' });
    const c = client(org());
    const kid = async () => {
      const { status, body } = await token(server, c);
      assert.equal(status, 200);
      return JSON.parse(Buffer.from(body.access_token.split('.')[0], 'base64url')).kid;
    };
    const first = await kid();
    const old = (await token(server, c)).body.access_token;
    rotateMaster();
    json(['key', 'rotate', '--pepper']);
    const next = json(['key', 'rotate', '--now']).kid;
    await eventually('the new key signs', async () => await kid() === next);
    assert.notEqual(next, first);
    assert.equal(await active(server, c, old), true);
    const jwks = await (await fetch(`${server.url}/oauth2/jwks`)).json();
    assert.ok(jwks.keys.some((k) => k.kid === first) && jwks.keys.some((k) => k.kid === next));
    await eventually('the secret moves to the new pepper', () =>
      json(['key', 'list']).some((k) => k.use === 'pepper' && k.state === 'active' &&
        k.secrets === 1));
    const published = json(['key', 'rotate']).kid;
    await eventually('the published key is in the JWKS', async () =>
      (await (await fetch(`${server.url}/oauth2/jwks`)).json()).keys
        .some((k) => k.kid === published));
    server.child.kill('SIGHUP');
    assert.ok(await kid());
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  });

  test('a published key signs a minute after the max-age of the JWKS', { timeout: 40000 },
    async () => {
    json(['migrate']);
    // a node on a shared store may not have heard of the key for db.max_age, a minute more
    const published = json(['key', 'rotate'], { env: faketime(onPostgres ? '-122s' : '-62s') }).kid;
    server = await serve([], { POSTERN_JWKS_MAX_AGE: '1' });
    const end = Date.now() + 30000;
    let state;
    do {
      await new Promise((done) => setTimeout(done, 500));
      state = json(['key', 'list']).find((k) => k.kid === published).state;
    } while (state !== 'active' && Date.now() < end);
    assert.equal(state, 'active');
    assert.equal(json(['key', 'list']).filter((k) => k.use === 'signing' &&
      k.state === 'retired').length, 1);
  });

  test('health is on the administrator\'s listener only, when there is one', async () => {
    const admin = await freePort();
    server = await serve(['--admin-listen', `127.0.0.1:${admin}`]);
    const status = async (base, p) => (await fetch(base + p)).status;
    assert.equal(await status(server.url, '/readyz'), 404);
    assert.equal(await status(server.url, '/healthz'), 404);
    assert.equal(await status(server.url, '/oauth2/jwks'), 200);
    assert.equal(await status(`http://127.0.0.1:${admin}`, '/readyz'), 200);
    assert.equal(await status(`http://127.0.0.1:${admin}`, '/healthz'), 200);
    assert.equal(await status(`http://127.0.0.1:${admin}`, '/oauth2/jwks'), 404);
  });

  test('sd_notify', async () => {
    // That the datagram arrives is tested in test/unit/cmd_serve.c.
    // A NOTIFY_SOCKET that nobody listens on must not keep the server from starting.
    server = await serve([], { NOTIFY_SOCKET: `${work.dir}/nobody` });
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  });
});
