'use strict';
// The subcommands as a user or a script meets them: exit codes, shapes of --json, refusals, and
// what must hold when a command is interrupted, repeated or given nonsense.
//
// Needs the built binary: POSTERN, or build/release/postern.

const { test, describe, before, after, beforeEach, afterEach } = require('node:test');
const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');
const BINARY = path.resolve(
  process.env.POSTERN || path.join(ROOT, 'build', 'release', 'postern'));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ID = /^[0-9a-f]{24}$/;
const TIME = /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

let dir;

function environment(extra = {}) {
  const env = {};
  for (const [k, v] of Object.entries(process.env)) {
    if (!k.startsWith('POSTERN') && k !== 'CREDENTIALS_DIRECTORY') env[k] = v;
  }
  return { ...env, POSTERN_DB: `sqlite:${dir}/p.db`, ...extra };
}

function run(args, { input = '', env = {}, cwd = dir } = {}) {
  const r = spawnSync(BINARY, args, { input, env: environment(env), cwd, encoding: 'utf8',
    timeout: 60000, maxBuffer: 1 << 28 });
  if (r.error) throw r.error;
  return { code: r.status, signal: r.signal, out: r.stdout, err: r.stderr };
}

// Runs with --json and expects success.
function json(args, options) {
  const r = run([...args, '--json'], options);
  assert.equal(r.code, 0, `postern ${args.join(' ')}: ${r.err}`);
  return JSON.parse(r.out);
}

// Expects that exit code, nothing on stdout and that text on stderr.
function refused(code, text, args, options) {
  const r = run(args, options);
  assert.equal(r.code, code, `postern ${args.join(' ')}: exit ${r.code}: ${r.err}`);
  assert.equal(r.out, '');
  assert.match(r.err, /^postern: .+\n$/);
  if (text instanceof RegExp) assert.match(r.err, text);
  else assert.ok(r.err.includes(text), `${JSON.stringify(r.err)} lacks ${JSON.stringify(text)}`);
  return r;
}

function fresh() {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-cli-'));
}

function remove() {
  fs.rmSync(dir, { recursive: true, force: true });
}

const org = (name = 'Acme') => json(['org', 'create', '--name', name]);
const group = (o, name = 'Team') => json(['group', 'create', '--org', o.id, '--name', name]);
const client = (o, ...more) =>
  json(['client', 'create', '--org', o.id, '--name', 'App', ...more]);

function freePort() {
  return new Promise((done, failed) => {
    const s = net.createServer();
    s.on('error', failed);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });
}

// A running server: { url, port, log(), stop() }.
async function serve(args = [], env = {}) {
  const port = await freePort();
  const child = spawn(BINARY, ['serve', '--listen', `127.0.0.1:${port}`, ...args],
    { env: environment(env), cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8');
  const exited = new Promise((done) => child.on('exit', (code, signal) => done(signal || code)));
  await new Promise((done, failed) => {
    child.stderr.on('data', (d) => {
      log += d;
      if (log.includes('"event":"ready"')) done();
    });
    child.on('exit', () => failed(new Error(`postern serve ended: ${log}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    child,
    log: () => log,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return exited;
    },
  };
}

async function token(server, c, secret = c.client_secret) {
  const r = await fetch(`${server.url}/oauth2/token`, {
    method: 'POST',
    headers: {
      authorization: 'Basic ' + Buffer.from(`${c.client_id}:${secret}`).toString('base64'),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials',
  });
  return { status: r.status, body: await r.json() };
}

async function active(server, c, accessToken) {
  const r = await fetch(`${server.url}/oauth2/introspect`, {
    method: 'POST',
    headers: {
      authorization: 'Basic ' + Buffer.from(`${c.client_id}:${c.client_secret}`).toString('base64'),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ token: accessToken }).toString(),
  });
  return (await r.json()).active;
}

async function eventually(what, condition) {
  const end = Date.now() + 10000;
  while (Date.now() < end) {
    if (await condition()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`did not happen: ${what}`);
}

describe('help and usage', () => {
  before(fresh);
  after(remove);

  test('every subcommand explains itself, in three ways', () => {
    const markdown = run(['help', '--markdown']).out;
    const names = [...markdown.matchAll(/^## postern ([a-z ]+)/gm)].map((m) => m[1].trim());
    assert.ok(names.length >= 30, names.join());
    for (const name of names) {
      const words = name.split(' ');
      const a = run(['help', ...words]);
      const b = run([...words, '--help']);
      assert.equal(a.code, 0);
      assert.equal(a.out, b.out);
      assert.match(a.out, new RegExp(`^Usage: postern ${name}`));
      assert.match(a.out, /--db URL/);
    }
    for (const set of new Set(names.filter((n) => n.includes(' ')).map((n) => n.split(' ')[0]))) {
      assert.match(run(['help', set]).out, new RegExp(`postern ${set} `));
      refused(2, `postern help ${set}`, [set]);
    }
  });

  test('docs/commands.md is the output of help --markdown', () => {
    assert.equal(run(['help', '--markdown']).out,
      fs.readFileSync(path.join(ROOT, 'docs', 'commands.md'), 'utf8'));
  });

  test('no word, --help, --version', () => {
    const none = run([]);
    assert.equal(none.code, 2);
    assert.match(none.err, /Usage: postern/);
    assert.match(run(['--help']).out, /Usage: postern/);
    assert.match(run(['--version']).out, /^postern \d+\.\d+\.\d+\n$/);
  });

  test('typos get the nearest name', () => {
    refused(2, 'did you mean `client`?', ['clinet', 'list']);
    refused(2, 'did you mean `client create`?', ['client', 'craete']);
    refused(2, 'did you mean `--token-format`?',
      ['client', 'create', '--token-fromat', 'jwt']);
    refused(2, 'did you mean `client_credentials`?',
      ['client', 'create', '--org', '0'.repeat(24), '--name', 'x', '--grant',
        'client_credential']);
    refused(2, '`postern help` lists them', ['xyzzy']);
    refused(2, 'unknown option `--frobnicate`', ['org', 'list', '--frobnicate']);
  });

  test('options are refused with what they take', () => {
    refused(2, '`--name NAME` is missing', ['org', 'create']);
    refused(2, '`--name` needs a value', ['org', 'create', '--name']);
    refused(2, '`--json` takes no value', ['org', 'list', '--json=1']);
    refused(2, '`--name` is given twice', ['org', 'create', '--name', 'a', '--name', 'b']);
    refused(2, 'ID is missing', ['org', 'show']);
    refused(2, '`b` is one word too many', ['org', 'show', 'a', 'b']);
    refused(2, 'options begin with two dashes', ['org', 'list', '-x']);
    refused(2, '--set takes NAME=VALUE', ['org', 'list', '--set', 'drain']);
    refused(2, 'did you mean `drain`?', ['org', 'list', '--set', 'drian=1']);
  });

  test('stdout that cannot be written is a failure', () => {
    org();
    const r = spawnSync('/bin/sh', ['-c', `"${BINARY}" org list --json >/dev/full`],
      { env: environment(), encoding: 'utf8' });
    assert.equal(r.status, 1);
    assert.match(r.stderr, /cannot write the answer to stdout/);
  });
});

describe('organizations and groups', () => {
  beforeEach(fresh);
  afterEach(remove);

  test('an organization from create to delete', () => {
    const o = org('Acme Häuser');
    assert.deepEqual(Object.keys(o), ['id', 'name', 'created']);
    assert.match(o.id, ID);
    assert.match(o.created, TIME);
    assert.deepEqual(json(['org', 'show', o.id]), o);
    assert.deepEqual(json(['org', 'list']), [o]);
    assert.match(run(['org', 'list']).out, /^ID +CREATED +NAME\n.*Acme Häuser\n$/);
    assert.match(run(['org', 'show', o.id]).out, /^id +[0-9a-f]{24}\nname +Acme Häuser\n/);
    assert.equal(json(['org', 'update', o.id, '--name', 'B']).name, 'B');
    assert.equal(json(['org', 'show', o.id]).name, 'B');
    assert.equal(json(['org', 'delete', o.id]).id, o.id);
    refused(3, `there is no organization ${o.id}`, ['org', 'show', o.id]);
    refused(3, 'there is no organization', ['org', 'update', o.id, '--name', 'C']);
    refused(3, 'there is no organization', ['org', 'delete', o.id]);
    assert.deepEqual(json(['org', 'list']), []);
  });

  test('a group from create to delete', () => {
    const o = org(), other = org('Other');
    const g = json(['group', 'create', '--org', o.id, '--name', 'G', '--bio', 'Line\nLine']);
    assert.deepEqual(Object.keys(g), ['id', 'organization', 'name', 'bio', 'created']);
    assert.equal(g.organization, o.id);
    const h = group(other, 'H');
    assert.equal(h.bio, null);
    assert.deepEqual(json(['group', 'list', '--org', o.id]), [g]);
    assert.deepEqual(json(['group', 'list']).map((x) => x.id).sort(), [g.id, h.id].sort());
    assert.equal(json(['group', 'update', g.id, '--bio', '']).bio, null);
    assert.equal(json(['group', 'update', g.id, '--name', 'G2']).name, 'G2');
    assert.deepEqual(json(['group', 'show', g.id]), { ...g, name: 'G2', bio: null });
    refused(2, 'nothing to change', ['group', 'update', g.id]);
    assert.equal(json(['group', 'delete', g.id]).id, g.id);
    refused(3, `there is no group ${g.id}`, ['group', 'show', g.id]);
    refused(3, 'there is no organization', ['group', 'list', '--org', '0'.repeat(24)]);
    refused(3, 'there is no organization',
      ['group', 'create', '--org', '0'.repeat(24), '--name', 'x']);
  });

  test('names and ids that are none', () => {
    const o = org();
    refused(2, 'takes 1 to 200 bytes', ['org', 'create', '--name', '']);
    refused(2, 'takes 1 to 200 bytes, these are 201', ['org', 'create', '--name', 'x'.repeat(201)]);
    assert.equal(org('é'.repeat(100)).name.length, 100);
    refused(2, 'takes 1 to 200 bytes', ['org', 'create', '--name', 'é'.repeat(101)]);
    refused(2, 'blank', ['org', 'create', '--name', '  ']);
    refused(2, 'control characters', ['org', 'create', '--name', 'a\x1b[31m']);
    refused(2, 'control characters', ['org', 'create', '--name', 'a\nb']);
    refused(2, 'control characters', ['org', 'create', '--name', 'a\u0085b']);
    refused(2, 'takes 0 to 4000 bytes',
      ['group', 'create', '--org', o.id, '--name', 'g', '--bio', 'x'.repeat(4001)]);
    for (const bad of ['', 'x', o.id.toUpperCase().replace(/\d/g, 'A'), o.id + '0', '../..']) {
      refused(2, 'is no id', ['org', 'show', '--', bad]);
    }
    const invalid = spawnSync('/bin/sh',
      ['-c', `"${BINARY}" org create --name "$(printf 'a\\377b')"`],
      { env: environment(), encoding: 'utf8' });
    assert.equal(invalid.status, 2);
    assert.match(invalid.stderr, /not valid UTF-8/);
  });

  test('deleting an organization takes everything of it', () => {
    const o = org(), g = group(o), c = client(o, '--group', g.id);
    json(['org', 'delete', o.id]);
    refused(3, 'there is no group', ['group', 'show', g.id]);
    refused(3, 'there is no client', ['client', 'show', c.client_id]);
  });
});

describe('clients', () => {
  let o, g;
  beforeEach(() => {
    fresh();
    o = org();
    g = group(o);
  });
  afterEach(remove);

  test('the defaults, and the secret shown once', () => {
    const c = client(o);
    assert.match(c.client_id, UUID);
    assert.equal(c.id, c.client_id);
    assert.equal(c.client_sid, 'OQ' + c.client_id.replaceAll('-', ''));
    assert.match(c.client_secret, SECRET);
    const { client_secret: secret, ...rest } = c;
    assert.deepEqual(rest, {
      id: c.client_id, client_id: c.client_id, client_sid: c.client_sid, name: 'App',
      organization: o.id, groups: [], all_groups: false,
      grants: ['client_credentials', 'refresh_token'], scopes: ['group', 'organization'],
      token_format: 'jwt', access_ttl: 3600, refresh_ttl: 2592000, family_ttl: 31536000,
      refresh_rotation: 'default', auth_method: 'any', introspect: 'own', enabled: true,
      secrets: 1, old_secret_ends: null, created: c.created,
    });
    for (const id of [c.client_id, c.client_id.toUpperCase(), c.client_sid]) {
      assert.deepEqual(json(['client', 'show', id]), rest);
    }
    assert.deepEqual(json(['client', 'list']), [rest]);
    for (const file of fs.readdirSync(dir)) {
      assert.ok(!fs.readFileSync(path.join(dir, file)).includes(secret), `${file} has the secret`);
    }
  });

  test('every option arrives', () => {
    const c = client(o, '--grant', 'client_credentials', '--scope', 'group', '--group', g.id,
      '--token-format', 'opaque', '--access-ttl', '15m', '--refresh-rotation', 'never',
      '--auth-method', 'basic', '--introspect', 'organization', '--refresh-ttl', '2d',
      '--family-ttl', '90d');
    assert.deepEqual([c.grants, c.scopes, c.groups], [['client_credentials'], ['group'], [g.id]]);
    assert.deepEqual([c.token_format, c.access_ttl, c.refresh_ttl, c.family_ttl],
      ['opaque', 900, 172800, 7776000]);
    assert.deepEqual([c.refresh_rotation, c.auth_method, c.introspect],
      ['never', 'basic', 'organization']);
    assert.equal(client(o, '--all-groups').all_groups, true);
  });

  test('update changes what is named and nothing else', () => {
    const { client_secret: _, ...c } = client(o, '--group', g.id);
    assert.deepEqual(json(['client', 'update', c.id, '--access-ttl', '2h']),
      { ...c, access_ttl: 7200 });
    const h = group(o, 'H');
    assert.deepEqual(json(['client', 'update', c.id, '--group', h.id]).groups, [h.id]);
    const all = json(['client', 'update', c.id, '--all-groups']);
    assert.deepEqual([all.all_groups, all.groups], [true, []]);
    const none = json(['client', 'update', c.id, '--no-groups', '--name', 'N', '--scope', '']);
    assert.deepEqual([none.all_groups, none.groups, none.name, none.scopes],
      [false, [], 'N', []]);
    refused(2, 'nothing to change', ['client', 'update', c.id]);
    assert.equal(json(['client', 'disable', c.client_sid]).enabled, false);
    assert.equal(json(['client', 'show', c.id]).enabled, false);
    assert.equal(json(['client', 'enable', c.id]).enabled, true);
    assert.equal(json(['client', 'delete', c.id]).id, c.id);
    for (const word of ['show', 'delete', 'disable', 'enable', 'secret']) {
      refused(3, 'there is no client', ['client', word, c.id]);
    }
    refused(3, 'there is no client', ['client', 'update', c.id, '--name', 'x']);
  });

  test('what a client cannot be', () => {
    const other = group(org('Other'), 'O');
    const make = ['client', 'create', '--org', o.id, '--name', 'x'];
    refused(4, 'belongs to another organization', [...make, '--group', other.id]);
    refused(3, 'there is no group', [...make, '--group', '0'.repeat(24)]);
    refused(2, 'is no id', [...make, '--group', 'g']);
    refused(2, 'takes 1m to 30d', [...make, '--access-ttl', '59']);
    refused(2, 'takes 1m to 30d', [...make, '--access-ttl', '31d']);
    refused(2, 'takes 1m to 30d', [...make, '--access-ttl', '1h30m']);
    refused(2, '--token-format: takes jwt|opaque', [...make, '--token-format', 'JWT']);
    refused(2, 'printable ASCII', [...make, '--scope', 'a  b']);
    refused(2, 'printable ASCII', [...make, '--scope', 'a"b']);
    refused(2, 'printable ASCII', [...make, '--scope', 'x'.repeat(2049)]);
    refused(2, 'goes with neither', [...make, '--group', g.id, '--all-groups']);
    refused(3, 'there is no organization',
      ['client', 'create', '--org', '0'.repeat(24), '--name', 'x']);
    for (const bad of ['x', 'US' + 'a'.repeat(32), 'OQ' + 'a'.repeat(31)]) {
      refused(2, 'is no client id', ['client', 'show', bad]);
    }
    assert.deepEqual(json(['client', 'list', '--org', o.id]), []);
  });

  test('secrets from stdin', () => {
    const make = ['client', 'create', '--org', o.id, '--name', 'x', '--secret-stdin'];
    const strong = 's'.repeat(32);
    assert.equal(json(make, { input: strong + '\n' }).client_secret, undefined);
    refused(2, 'fewer than 32 can be guessed', make, { input: 's'.repeat(31) });
    assert.equal(json([...make, '--allow-weak'], { input: 'short' }).secrets, 1);
    refused(2, 'printable ASCII', make, { input: 's'.repeat(40) + 'é' });
    refused(2, 'printable ASCII', make, { input: '' });
    refused(2, 'stdin holds more than 255 bytes', make, { input: 's'.repeat(256) });
  });

  test('a new secret, with and without overlap', () => {
    const c = client(o);
    const second = json(['client', 'secret', c.id]);
    assert.match(second.client_secret, SECRET);
    assert.notEqual(second.client_secret, c.client_secret);
    assert.equal(second.secrets, 2);
    const rest_s = (Date.parse(second.old_secret_ends) - Date.now()) / 1000;
    assert.ok(Math.abs(rest_s - 86400) < 60, `${rest_s}`);
    const third = json(['client', 'secret', c.id, '--overlap', '0']);
    assert.equal(third.secrets, 1);
    refused(2, 'takes 0s to 30d', ['client', 'secret', c.id, '--overlap', '31d']);
  });

  test('a list longer than a page', () => {
    const many = Array.from({ length: 1203 }, (_, i) =>
      ({ name: `c${i}`, organization: o.id, client_secret: 'x'.repeat(40) + i }));
    fs.writeFileSync(`${dir}/many.json`, JSON.stringify(many));
    assert.equal(json(['client', 'import', `${dir}/many.json`]).length, 1203);
    const list = json(['client', 'list']);
    assert.equal(list.length, 1203);
    assert.equal(new Set(list.map((c) => c.id)).size, 1203);
    assert.equal(run(['client', 'list']).out.split('\n').length, 1205);
  });
});

describe('client import', () => {
  const A = '11111111-1111-4111-8111-111111111111', B = '22222222-2222-4222-8222-222222222222';
  const ORG = '5873b63605376e337a89d64a', GROUP = '5755db2a3db4179179999acf';
  const secret = 'legacy-secret-of-more-than-32-characters';
  const one = () => ({
    client_id: A, client_secret: secret, name: 'Moved', organization: { id: ORG, name: 'Old Org' },
    groups: [{ id: GROUP, name: 'Old Group', bio: 'b' }], grants: ['client_credentials'],
    scopes: 'group', token_format: 'opaque', access_ttl: '2h', refresh_rotation: 'always',
    auth_method: 'post', introspect: 'organization', enabled: false,
  });
  const take = (value, ...more) =>
    json(['client', 'import', '-', ...more],
      { input: typeof value === 'string' ? value : JSON.stringify(value) });
  const refuse = (code, text, value, ...more) =>
    refused(code, text, ['client', 'import', '-', ...more],
      { input: typeof value === 'string' ? value : JSON.stringify(value) });

  beforeEach(() => {
    fresh();
    json(['migrate']);
  });
  afterEach(remove);

  test('ids, organization and groups come along', () => {
    const [c] = take(one());
    assert.deepEqual([c.client_id, c.organization, c.groups], [A, ORG, [GROUP]]);
    assert.deepEqual([c.grants, c.scopes, c.token_format, c.access_ttl, c.refresh_rotation,
      c.auth_method, c.introspect, c.enabled], [['client_credentials'], ['group'], 'opaque', 7200,
      'always', 'post', 'organization', false]);
    assert.equal(c.client_secret, undefined);
    assert.equal(json(['org', 'show', ORG]).name, 'Old Org');
    const g = json(['group', 'show', GROUP]);
    assert.deepEqual([g.name, g.bio, g.organization], ['Old Group', 'b', ORG]);
  });

  test('SIDs, made secrets, and references inside one file', () => {
    const list = take([one(), {
      client_sid: 'OQ' + B.replaceAll('-', ''), name: 'Two', organization: ORG, groups: [GROUP],
    }, { name: 'Three', organization: ORG }]);
    assert.equal(list.length, 3);
    assert.equal(list[1].client_id, B);
    assert.match(list[1].client_secret, SECRET);
    assert.match(list[2].client_id, UUID);
    assert.equal(json(['client', 'list']).length, 3);
  });

  test('an export is an import', () => {
    take([one(), { name: 'Two', organization: ORG }]);
    const list = json(['client', 'list']);
    refuse(4, 'the client exists; --update changes it', list);
    assert.deepEqual(take(list, '--update'), list);
  });

  test('--update changes what is named', () => {
    take(one());
    const [c] = take({ client_id: A, enabled: true, name: 'N' }, '--update');
    assert.deepEqual([c.enabled, c.name, c.access_ttl, c.groups, c.secrets],
      [true, 'N', 7200, [GROUP], 1]);
    assert.equal(take(one(), '--update')[0].secrets, 1);
    org('Elsewhere');
    const elsewhere = json(['org', 'list']).find((x) => x.name === 'Elsewhere');
    refuse(4, 'cannot move', { client_id: A, organization: elsewhere.id }, '--update');
  });

  test('all or nothing', () => {
    const bad = [
      [2, 'fewer than 32', { ...one(), client_id: B, client_secret: 'weak' }],
      [4, 'in the file twice', one()],
      [3, 'no such organization', { name: 'x', organization: '0'.repeat(24) }],
      [3, 'no such group', { name: 'x', organization: ORG, groups: ['0'.repeat(24)] }],
      [2, '`name` is missing', { organization: ORG }],
      [2, '`organization` is missing', { name: 'x' }],
      [2, 'did you mean `token_format`?', { name: 'x', organization: ORG, token_fromat: 'jwt' }],
      [2, 'access_ttl: takes 1m to 30d', { name: 'x', organization: ORG, access_ttl: 1 }],
      [2, 'enabled: takes true or false', { name: 'x', organization: ORG, enabled: 1 }],
      [2, 'name: takes a string', { name: 5, organization: ORG }],
      [2, 'client_secret: takes a string', { name: 'x', organization: ORG, client_secret: 5 }],
      [2, 'grants: takes an array', { name: 'x', organization: ORG, grants: 'refresh_token' }],
      [2, 'is no client id', { client_id: 'x', name: 'x', organization: ORG }],
      [2, 'differs', { client_id: A, client_sid: 'OQ' + '3'.repeat(32), name: 'x',
        organization: ORG }],
      [2, 'a client is a JSON object', 5],
      [2, 'a client is a JSON object', [one()]],
      [2, 'control characters', { name: 'a\u0007', organization: ORG }],
    ];
    org('Here already');
    for (const [code, text, second] of bad) {
      refuse(code, text, [one(), second]);
      assert.deepEqual(json(['client', 'list']), []);
      assert.equal(json(['org', 'list']).length, 1);
      assert.deepEqual(json(['group', 'list']), []);
    }
  });

  test('a group of another organization', () => {
    take(one());
    refuse(4, 'another organization', { name: 'x', organization: { id: 'f'.repeat(24), name: 'F' },
      groups: [GROUP] });
    refused(3, 'no organization', ['org', 'show', 'f'.repeat(24)]);
  });

  test('JSON that is none is refused with its line', () => {
    for (const [text, line] of [
      ['', 1], ['{', 1], ['[{}', 1], ['[1,]', 1], ['nope', 1], ['[]x', 1],
      [`[\n${JSON.stringify(one())},\n{"name": }\n]`, 3],
      [`[\n${JSON.stringify(one())}\n${JSON.stringify(one())}]`, 2],
      [`[${JSON.stringify(one())}]]`, 1],
      [`${JSON.stringify(one())} ${JSON.stringify(one())}`, 1],
      ['{"name":"a","name":"b"}', 1],
    ]) {
      refuse(2, new RegExp(`stdin:${line}: `), text);
    }
    assert.deepEqual(take('[]'), []);
    assert.deepEqual(json(['client', 'list']), []);
  });

  test('weak secrets only when allowed', () => {
    const weak = { ...one(), client_secret: 'x'.repeat(31) };
    refuse(2, '--allow-weak', weak);
    assert.equal(take(weak, '--allow-weak').length, 1);
  });

  test('a file that is not there', () => {
    refused(1, 'cannot read', ['client', 'import', `${dir}/none.json`]);
    refused(1, 'cannot read', ['client', 'import', dir]);
  });
});

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
      [['pepper', null, 'active'], ['shape', null, 'active'], ['signing', 'ES256', 'active']]);
    for (const k of list) {
      assert.match(k.id, UUID);
      assert.equal(k.kid, 'IC' + k.id.replaceAll('-', ''));
      assert.match(k.created, TIME);
    }
  });

  test('rotate, retire, drop a signing key', () => {
    const [first] = keys('signing');
    const next = json(['key', 'rotate']);
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
    refused(4, '1 client secrets are hashed with this pepper', ['key', 'drop', old.id]);
    json(['client', 'secret', c.id, '--overlap', '0']);
    assert.equal(keys('pepper').find((k) => k.id === fresh_one.id).secrets, 1);
    assert.equal(json(['key', 'drop', old.id]).id, old.id);
    refused(2, 'do not go together', ['key', 'rotate', '--pepper', '--master']);
    refused(2, 'for signing keys', ['key', 'rotate', '--pepper', '--now']);
  });

  test('the master key, and a rotation that was interrupted', () => {
    const file = `${dir}/p.db.key`, old = fs.readFileSync(file, 'utf8');
    const before_ = keys();
    const r = json(['key', 'rotate', '--master']);
    const now = fs.readFileSync(file, 'utf8');
    assert.deepEqual([r.file, r.resealed], [file, 3]);
    assert.match(r.fingerprint, /^[0-9a-f]{16}$/);
    assert.equal(now.trim().split('\n').length, 1);
    assert.notEqual(now, old);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(keys(), before_);
    // Ended after the first step: two lines, rows still sealed under the second.
    const line = `postern-master-key-1:${Buffer.alloc(32, 7).toString('base64url')}\n`;
    fs.writeFileSync(file, line + now);
    assert.deepEqual(keys(), before_);
    assert.match(run(['check']).out, /warn +master key .*not finished/);
    json(['key', 'rotate', '--master']);
    assert.equal(fs.readFileSync(file, 'utf8'), line);
    assert.deepEqual(keys(), before_);
    // Ended before the last step: the old line is still there, nothing needs it.
    fs.writeFileSync(file, line + now);
    json(['key', 'rotate', '--master']);
    assert.equal(fs.readFileSync(file, 'utf8'), line);
  });

  test('the key file missing, too open, or another one', async () => {
    const file = `${dir}/p.db.key`, moved = `${dir}/moved`;
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

describe('the store', () => {
  beforeEach(fresh);
  afterEach(remove);

  test('migrate, its plan, and stores that are not there', () => {
    refused(1, '`postern migrate`', ['org', 'list']);
    refused(1, '`postern migrate`', ['client', 'show', '1'.repeat(8) + '-1111-4111-8111-' +
      '1'.repeat(12)]);
    const plan = json(['migrate', '--plan']);
    assert.ok(plan.length >= 1 && plan.every((m) => m.state === 'missing'));
    assert.ok(!fs.existsSync(`${dir}/p.db`), 'a plan makes nothing');
    const made = json(['migrate']);
    assert.deepEqual([made.version_before, made.version, made.applied],
      [0, plan.length, plan.length]);
    assert.equal(json(['migrate']).applied, 0);
    assert.ok(json(['migrate', '--plan']).every((m) => m.state === 'applied'));
    assert.equal(fs.statSync(`${dir}/p.db`).mode & 0o777, 0o600);
    assert.equal(fs.statSync(`${dir}/p.db.key`).mode & 0o777, 0o600);
    assert.equal(json(['key', 'list']).length, 3);
  });

  test('paths that cannot be', () => {
    refused(1, 'takes sqlite:PATH', ['org', 'list', '--db', 'mysql://x']);
    refused(1, 'does not exist', ['org', 'create', '--name', 'x', '--db', `sqlite:${dir}/a/b/c`]);
    fs.writeFileSync(`${dir}/text`, 'this is no database, only text of some length\n'.repeat(99));
    refused(1, 'is not a SQLite database', ['org', 'list', '--db', `sqlite:${dir}/text`]);
    refused(1, /directory/, ['org', 'list', '--db', `sqlite:${dir}`]);
  });

  test('check says what is well and what is not', () => {
    const none = run(['check']);
    assert.equal(none.code, 1);
    assert.match(none.out, /FAIL +store .*postern migrate/);
    json(['migrate']);
    const list = json(['check']);
    assert.ok(list.every((l) => l.result === 'ok'), JSON.stringify(list));
    assert.deepEqual(Object.keys(list[0]), ['result', 'check', 'message']);
    fs.chmodSync(`${dir}/p.db`, 0o644);
    const open = run(['check']);
    assert.equal(open.code, 0);
    assert.match(open.out, /warn +store file .*chmod 600/);
    const bad = run(['check', '--set', 'tls.key=x']);
    assert.equal(bad.code, 1);
    assert.match(bad.out, /FAIL +settings .*tls\.certificate/);
  });

  test('a locked database', () => {
    json(['migrate']);
    const r = spawnSync('sqlite3', [`${dir}/p.db`, 'BEGIN IMMEDIATE;',
      `.shell "${BINARY}" org create --name x`], { env: environment(), encoding: 'utf8' });
    if (r.error) throw r.error;
    assert.match(r.stderr + r.stdout, /postern: the store failed: .*locked.*write lock/);
    assert.deepEqual(json(['org', 'list']), []);
  });

  test('a full disk', () => {
    json(['migrate']);
    const o = org();
    const many = Array.from({ length: 3000 }, (_, i) =>
      ({ name: `c${i}`, organization: o.id, client_secret: 'x'.repeat(40) + i }));
    fs.writeFileSync(`${dir}/many.json`, JSON.stringify(many));
    // A limit on the size of files stands in for the disk; the signal that comes with it is off.
    const r = spawnSync('/bin/sh', ['-c',
      `trap '' XFSZ; ulimit -f 300; exec "${BINARY}" client import "${dir}/many.json"`],
      { env: environment(), encoding: 'utf8' });
    assert.equal(r.status, 1, r.stderr);
    assert.match(r.stderr, /postern: the store failed: .*(full|disk|space)/);
    assert.deepEqual(json(['client', 'list']), []);
    assert.equal(json(['client', 'import', `${dir}/many.json`]).length, 3000);
  });
});

describe('settings', () => {
  beforeEach(fresh);
  afterEach(remove);

  test('sources, later ones win', () => {
    fs.writeFileSync(`${dir}/f.yaml`, 'drain: 1\nrefresh:\n  grace: 2s\nworkers: 3\n');
    const values = (args, env) => Object.fromEntries(
      json(['config', '--config', `${dir}/f.yaml`, ...args], { env })
        .map((s) => [s.name, [s.value, s.source]]));
    const v = values(['--set', 'workers=5'], { POSTERN_REFRESH_GRACE: '4', POSTERN_WORKERS: '9' });
    assert.deepEqual(v.drain, [1, 'file']);
    assert.deepEqual(v['refresh.grace'], [4, 'environment']);
    assert.deepEqual(v.workers, [5, 'command line']);
    assert.deepEqual(v.listen, [['127.0.0.1:8080'], 'default']);
    const text = run(['config', '--config', `${dir}/f.yaml`]).out;
    assert.match(text, /^drain: 1 +# file$/m);
    fs.writeFileSync(`${dir}/g.yaml`, text);
    assert.equal(run(['config', '--config', `${dir}/g.yaml`]).code, 0);
    assert.equal(run(['config'], { env: { POSTERN_CONFIG: `${dir}/g.yaml` } }).code, 0);
  });

  test('a typo is named with file, line and column', () => {
    const file = `${dir}/f.yaml`;
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
    refused(1, 'cannot read the settings file', ['serve', '--config', `${dir}/none`]);
    refused(1, 'did you mean `POSTERN_DRAIN`?', ['serve'], { env: { POSTERN_DRIAN: '1' } });
  });

  test('what a server refuses to start with', () => {
    refused(1, 'http only on this machine', ['serve', '--issuer', 'http://auth.example.com']);
    refused(1, 'refused with the public issuer',
      ['serve', '--issuer', 'https://auth.example.com', '--bench-routes']);
    refused(1, '`issuer` must be set', ['serve', '--listen', '10.1.2.3:80']);
    refused(1, '`listen` takes', ['serve', '--listen', 'nowhere']);
    refused(1, '`tls.listen` needs', ['serve', '--set', 'tls.listen=:8443', '--issuer',
      'https://auth.example.com']);
    assert.deepEqual(fs.readdirSync(dir), [], 'nothing was made');
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
    assert.equal(fs.statSync(`${dir}/p.db.key`).mode & 0o777, 0o600);
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
    json(['key', 'rotate', '--master']);
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

  test('a published key signs after the max-age of the JWKS', { timeout: 40000 }, async () => {
    server = await serve([], { POSTERN_JWKS_MAX_AGE: '1' });
    const published = json(['key', 'rotate']).kid;
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
    // Node has no Unix datagram sockets; nc or socat may be missing too, so a tiny C-free check:
    // a NOTIFY_SOCKET that nobody listens on must not keep the server from starting.
    server = await serve([], { NOTIFY_SOCKET: `${dir}/nobody` });
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  });
});
