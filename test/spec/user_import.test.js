'use strict';
// `postern user import`: people with their hashes from elsewhere, all or nothing.

const { test, describe, beforeEach, afterEach } = require('node:test');
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { work, run, json, refused, fresh, remove, org } = require('./lib/cli');
const { startPostern } = require('../interop/lib/postern');
const { Person } = require('../interop/lib/person');

const HASHES = {
  bcrypt: '$2b$04$......................LXW6XhYiRvVxwPsMDCVo.1dL/MCs0Va',
  yescrypt: '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC',
  pbkdf2: 'pbkdf2_sha256$1000$seasalt2$egbhFghgsJVDo5Tpg/k9ZnfbySKQ1UQnBYXhR97a7sk=',
  argon2id: '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$' +
    'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
};

describe('user import', () => {
  let o;
  beforeEach(() => {
    fresh();
    o = org();
  });
  afterEach(remove);

  const write = (text) => {
    fs.writeFileSync(path.join(work.dir, 'f'), typeof text === 'string' ? text : JSON.stringify(text));
    return 'f';
  };
  const nothing = (code, text, content, ...more) => {
    refused(code, text, ['user', 'import', write(content), ...more]);
    assert.deepEqual(json(['user', 'list']), []);
  };

  test('takes every member, from an array and from lines', () => {
    const full = {
      id: '3f8d1c52-6d0e-4bb1-9d0c-0d6a4b7f1a11', username: 'Alice', email: 'a@example.org',
      email_verified: true, password_hash: HASHES.bcrypt,
      claims: { name: 'Alice', address: { country: 'CH' }, level: [1, 2] },
      roles: ['a', 'b'], organization: o.id, enabled: false,
    };
    const r = run(['user', 'import', write([full]), '--json']);
    assert.equal(r.code, 0, r.err);
    assert.match(r.err, /1 users imported/);
    const [u] = JSON.parse(r.out);
    const { password_hash: _, ...rest } = full;
    for (const [name, value] of Object.entries(rest)) assert.deepEqual(u[name], value, name);
    assert.equal(u.password_kind, 'bcrypt');
    assert.deepEqual(json(['user', 'list']), [u]);
    const lines = Object.entries(HASHES).map(([kind, hash]) =>
      JSON.stringify({ username: kind, password_hash: hash })).join('\n');
    const more = json(['user', 'import', '-', '--org', o.id], { input: `${lines}\n` });
    assert.deepEqual(more.map((m) => m.password_kind), more.map((m) => m.username));
    assert.equal(json(['user', 'list']).length, 5);
  });

  test('what `user show --json` prints can be imported elsewhere', () => {
    const u = json(['user', 'create', '--org', o.id, '--username', 'a', '--name', 'A',
      '--email', 'a@example.org', '--role', 'r']);
    json(['user', 'delete', 'a']);
    const [again] = json(['user', 'import', write(u)]);
    const plain = ({ created, updated, ...x }) => x;
    assert.deepEqual(plain(again), plain(u));
  });

  test('a defect is named with its line and member, and nothing is done', () => {
    const good = { username: 'good', organization: o.id };
    const second = (member) => `[\n${JSON.stringify(good)},\n${JSON.stringify(
      { username: 'x', organization: o.id, ...member })}]`;
    const bad = (text, member, code = 2) => nothing(code, `f:3: ${text}`, second(member));
    bad('email: `x` is no e-mail address', { email: 'x' });
    bad('email_verified: takes true or false', { email_verified: 1 });
    bad('password_hash: this is no password hash', { password_hash: 'x' });
    bad('claims: the claim birthdate takes', { claims: { birthdate: '1' } });
    bad('claims: takes an object', { claims: [] });
    bad('roles: takes an array of strings', { roles: 'a' });
    bad('enabled: takes true or false', { enabled: 'yes' });
    bad('id: takes a UUID', { id: 'x' });
    bad('user_sid: differs from another member', { id: '3f8d1c52-6d0e-4bb1-9d0c-0d6a4b7f1a11',
      user_sid: 'US' + '1'.repeat(12) + '4' + '1'.repeat(3) + '8' + '1'.repeat(15) });
    bad('unknown member `user_name`; did you mean `username`?', { user_name: 'x' });
    bad('passwords in clear are not imported; give password_hash', { password: 'x' });
    bad('there is no such organization', { organization: '0'.repeat(24) }, 3);
    bad('the name `good` is in the file twice', { username: 'GOOD' }, 4);
    nothing(2, 'f:2: the member `username` is missing', '{"username":"a"}\n{}', '--org', o.id);
    nothing(2, 'f:1: the member `organization` is missing, and --org is too', '{"username":"a"}');
    nothing(2, 'f:2: this is not valid JSON', '{"username":"a"}\n{"username":', '--org', o.id);
    nothing(2, 'f:1: a user is a JSON object', '[1]', '--org', o.id);
    nothing(2, 'this is not valid JSON', '{"username":"a"}{"username":"b"}', '--org', o.id);
  });

  test('names and ids that are there already are refused', () => {
    const u = json(['user', 'create', '--org', o.id, '--username', 'a', '--email', 'a@example.org']);
    const bad = (text, member) =>
      refused(4, text, ['user', 'import', write(member), '--org', o.id]);
    bad('f:1: another user signs in as `a@example.org`', { username: 'A@Example.org' });
    bad('f:1: another user signs in as `a`', { username: 'Ａ' });
    bad('f:1: a user of that id exists', { username: 'b', id: u.user_sid });
    assert.deepEqual(json(['user', 'list']), [u]);
  });

  test('ten thousand at once', () => {
    const lines = [];
    for (let i = 0; i < 10000; i++) {
      lines.push(JSON.stringify({ username: `u${i}`, email: `u${i}@example.org`,
        password_hash: HASHES.bcrypt }));
    }
    const r = run(['user', 'import', '-', '--org', o.id], { input: lines.join('\n') });
    assert.equal(r.code, 0, r.err);
    assert.match(r.err, /10000 users imported/);
    assert.equal(json(['user', 'show', 'u9999@example.org']).username, 'u9999');
    assert.equal(json(['user', 'list']).length, 10000);
  });
});

test('imported hashes let their people in, and become ours', async () => {
  const p = await startPostern();
  try {
    const password = 'correct horse battery staple';
    const plain = (bytes) => bytes.toString('base64').replaceAll('=', '');
    const salt = Buffer.from('sixteen byte salt').subarray(0, 16);
    const hashes = {
      django: `pbkdf2_sha256$1000$${salt.toString('hex')}$` +
        crypto.pbkdf2Sync(password, salt.toString('hex'), 1000, 32, 'sha256').toString('base64'),
      passlib: `$pbkdf2-sha512$1000$${plain(salt).replaceAll('+', '.')}$` +
        plain(crypto.pbkdf2Sync(password, salt, 1000, 64, 'sha512')).replaceAll('+', '.'),
      phc: `$scrypt$ln=10,r=8,p=1$${plain(salt)}$` +
        plain(crypto.scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 })),
    };
    const o = await p.cli(['org', 'create', '--name', 'O']);
    const c = await p.cli(['client', 'create', '--org', o.id, '--name', 'A', '--redirect-uri',
      'https://app.example/cb', '--trusted', '--pkce', 'optional']);
    const lines = Object.entries(hashes).map(([username, password_hash]) =>
      JSON.stringify({ username, password_hash }));
    await p.cli(['user', 'import', '-', '--org', o.id], { input: lines.join('\n') });
    const url = `${p.url}/oauth2/authorize?` + new URLSearchParams({ client_id: c.client_id,
      redirect_uri: 'https://app.example/cb', response_type: 'code', scope: 'openid' });
    for (const login of Object.keys(hashes)) {
      const before = await p.cli(['user', 'show', login]);
      assert.notEqual(before.password_kind, 'argon2id');
      const attempt = async (text) => {
        const person = new Person(p, { login, password: text });
        return person.submit(await person.open(url), { login, password: text });
      };
      assert.equal((await attempt(`${password}!`)).kind, 'sign_in', login);
      assert.equal((await attempt(password)).kind, 'callback', login);
      assert.equal((await p.cli(['user', 'show', login])).password_kind, 'argon2id', login);
      assert.equal((await attempt(password)).kind, 'callback', login);
    }
  } finally {
    await p.stop();
  }
});
