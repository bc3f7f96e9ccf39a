'use strict';
// The subcommands as a user or a script meets them: help, usage, organizations, groups, clients
// and imports; exit codes, shapes of --json, refusals. Keys, store, settings and the running
// server are in cli_server.test.js.

const { test, describe, before, after, beforeEach, afterEach } = require('node:test');
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { ROOT, BINARY, UUID, ID, TIME, SECRET, work, environment, run, json, refused, fresh, remove,
  org, group, client } = require('./lib/cli');

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
    refused(2, '--db: `db` takes sqlite:PATH', ['org', 'list', '--db', 'mysql://x']);
    refused(2, '--listen: `listen` takes 127.0.0.1:8080', ['serve', '--listen', '8080']);
    refused(2, '--admin-listen: `admin_listen` takes', ['serve', '--admin-listen', 'x']);
    refused(2, '--issuer: `issuer` may be http only', ['serve', '--issuer', 'http://a.example']);
    const raw = run(['org', 'list', '--set', 'drain=\u202e']);
    assert.equal(raw.code, 2);
    assert.doesNotMatch(raw.err, /\u202e/); // messages do not drive the terminal
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
    assert.deepEqual(Object.keys(o), ['id', 'account_sid', 'name', 'created']);
    assert.match(o.id, ID);
    assert.match(o.account_sid, /^AC[0-9a-f]{32}$/);
    assert.match(o.created, TIME);
    assert.deepEqual(json(['org', 'show', o.id]), o);
    assert.deepEqual(json(['org', 'list']), [o]);
    assert.match(run(['org', 'list']).out, /^ID +ACCOUNT_SID +CREATED +NAME\n.*Acme Häuser\n$/);
    assert.match(run(['org', 'show', o.id]).out, /^id +[0-9a-f]{24}\naccount_sid +AC\w{32}\nname +Acme Häuser\n/);
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
    for (const mark of ['\u200e', '\u200f', '\u202a', '\u202e', '\u2066', '\u2069']) {
      refused(2, 'bidi marks', ['org', 'create', '--name', `a${mark}b`]);
      refused(2, 'bidi marks', ['group', 'create', '--org', o.id, '--name', 'g', '--bio', mark]);
    }
    refused(2, 'takes 0 to 1500 bytes',
      ['group', 'create', '--org', o.id, '--name', 'g', '--bio', 'x'.repeat(1501)]);
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

describe('accounts', () => {
  before(fresh);
  after(remove);
  const AC = 'AC' + '0123456789abcdef'.repeat(2);

  test('shown by SID and by organization, with a token that is shown once', () => {
    const o = org();
    const shown = json(['account', 'show', o.id]);
    assert.deepEqual(shown, { id: o.account_sid, account_sid: o.account_sid, organization: o.id,
      tokens: 0, old_token_ends: null, owner: null, created: o.created });
    assert.deepEqual(json(['account', 'show', o.account_sid]), shown);
    const { auth_token: token, ...rest } = json(['account', 'token', o.account_sid]);
    assert.match(token, SECRET);
    assert.deepEqual(rest, { ...shown, tokens: 1 });
    const next = json(['account', 'token', o.id, '--overlap', '1h']);
    assert.equal(next.tokens, 2);
    assert.ok(Math.abs(Date.parse(next.old_token_ends) - Date.now() - 3600e3) < 10e3);
    const own = run(['account', 'token', o.id, '--token-stdin', '--json'], { input: 'f'.repeat(32) });
    assert.equal(own.code, 0, own.err);
    assert.equal(JSON.parse(own.out).auth_token, undefined);
    for (const file of fs.readdirSync(work.dir)) {
      assert.ok(!fs.readFileSync(path.join(work.dir, file)).includes(token), `${file} has the token`);
    }
  });

  test('refusals', () => {
    const o = org();
    refused(2, 'neither the SID of an account', ['account', 'show', 'AC1']);
    refused(3, `there is no account ${AC}`, ['account', 'show', AC]);
    refused(3, 'there is no account', ['account', 'token', 'f'.repeat(24)]);
    refused(2, 'the auth token has 31 characters', ['account', 'token', o.id, '--token-stdin'],
      { input: 'f'.repeat(31) });
    refused(2, '--overlap', ['account', 'token', o.id, '--overlap', '31d']);
    refused(2, '--account-sid: `OQ1` is no account SID',
      ['org', 'create', '--name', 'x', '--account-sid', 'OQ1']);
    refused(4, `the account ${o.account_sid} exists already`,
      ['org', 'create', '--name', 'x', '--account-sid', o.account_sid]);
    assert.equal(json(['account', 'show', o.id]).tokens, 0);
  });

  test('moved in: with an organization, and with a client', () => {
    assert.equal(json(['org', 'create', '--name', 'M', '--account-sid', AC]).account_sid, AC);
    const moved = 'AC' + 'e'.repeat(32), organization = { id: 'e'.repeat(24), name: 'N' };
    const take = ['client', 'import', '-', '--json'];
    const give = (records) => ({ input: JSON.stringify(records) });
    const record = { name: 'App', organization, account_sid: moved };
    const made = run(take, give([record, record]));
    assert.equal(made.code, 0, made.err);
    assert.deepEqual(JSON.parse(made.out).map((c) => c.account_sid), [moved, moved]);
    assert.equal(json(['org', 'show', organization.id]).account_sid, moved);
    // what is exported can be imported again; another account is a contradiction
    const { client_secret: secret, ...exported } = JSON.parse(made.out)[0];
    assert.equal(run([...take, '--update'], give(exported)).code, 0);
    refused(4, 'the organization has another account', ['client', 'import', '-'],
      give({ ...record, account_sid: AC }));
    refused(4, 'the organization has another account', ['client', 'import', '-'],
      give([{ ...record, organization: { id: 'd'.repeat(24), name: 'D' }, account_sid: undefined },
        { ...record, organization: { id: 'd'.repeat(24), name: 'D' } }]));
    refused(2, 'is no account SID', ['client', 'import', '-'], give({ ...record, account_sid: 'x' }));
    refused(4, '', ['client', 'import', '-'],
      give({ ...record, organization: { id: 'c'.repeat(24), name: 'C' } }));
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
      organization: o.id, account_sid: o.account_sid, groups: [], all_groups: false,
      grants: ['client_credentials', 'refresh_token'], scopes: ['group', 'organization'],
      token_format: 'jwt', access_ttl: 3600, refresh_ttl: 2592000, family_ttl: 31536000,
      refresh_rotation: 'default', auth_method: 'any', introspect: 'own', enabled: true,
      secrets: 1, old_secret_ends: null, created: c.created,
    });
    for (const id of [c.client_id, c.client_id.toUpperCase(), c.client_sid]) {
      assert.deepEqual(json(['client', 'show', id]), rest);
    }
    assert.deepEqual(json(['client', 'list']), [rest]);
    for (const file of fs.readdirSync(work.dir)) {
      assert.ok(!fs.readFileSync(path.join(work.dir, file)).includes(secret), `${file} has the secret`);
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
    assert.equal(json(make, { input: strong + '\r\n' }).client_secret, undefined);
    refused(2, 'fewer than 32 can be guessed', make, { input: 's'.repeat(31) + '\r\n' });
    refused(2, 'printable ASCII', make, { input: strong + '\r\n\r\n' });
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
    fs.writeFileSync(`${work.dir}/many.json`, JSON.stringify(many));
    assert.equal(json(['client', 'import', `${work.dir}/many.json`]).length, 1203);
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

  test('an organization has at most 1000 groups', () => {
    const id = (i) => i.toString(16).padStart(24, '0');
    const client_of = (from, n) => ({ name: 'c', organization: { id: ORG, name: 'Full' },
      client_secret: secret, groups: Array.from({ length: n }, (_, k) =>
        ({ id: id(from + k), name: 'g' })) });
    const file = (n) => Array.from({ length: Math.ceil(n / 50) }, (_, i) =>
      client_of(1 + i * 50, Math.min(50, n - i * 50)));
    refuse(4, 'stdin:1: the organization would have more than 1000 groups', file(1001));
    assert.deepEqual(json(['org', 'list']), []);
    assert.equal(take(file(999)).length, 20);
    const last = json(['group', 'create', '--org', ORG, '--name', 'last']);
    refused(4, 'the organization has 1000 groups',
      ['group', 'create', '--org', ORG, '--name', 'one more']);
    refuse(4, 'more than 1000 groups', [client_of(5000, 1)]);
    take([client_of(1, 50)]); // groups that are there
    json(['group', 'delete', last.id]);
    take([client_of(5000, 1)]);
    assert.equal(json(['group', 'list', '--org', ORG]).length, 1000);
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
    refused(1, 'cannot read', ['client', 'import', `${work.dir}/none.json`]);
    refused(1, 'cannot read', ['client', 'import', work.dir]);
  });
});
