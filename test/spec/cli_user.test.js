'use strict';
// People on the command line: made, shown, changed, given passwords, switched off; their sessions
// and consents listed and ended. What their passwords and tokens do then is tested where people
// sign in.

const { test, describe, beforeEach, afterEach } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { UUID, TIME, work, run, json, refused, fresh, remove, org, client } = require('./lib/cli');
const { startPostern, sleep } = require('../interop/lib/postern');
const { Person } = require('../interop/lib/person');

const PASSWORD = 'seventeen purple herons';
const BCRYPT = '$2b$04$......................LXW6XhYiRvVxwPsMDCVo.1dL/MCs0Va';

const user = (o, name = 'alice', ...more) =>
  json(['user', 'create', '--org', o.id, '--username', name, ...more]);

describe('user', () => {
  let o;
  beforeEach(() => {
    fresh();
    o = org();
  });
  afterEach(remove);

  test('is shown whole, under both spellings of the id and under every name', () => {
    const u = user(o, 'Alice', '--email', 'Alice@Example.org', '--email-verified',
      '--name', 'Alice Adams', '--claim', 'locale=de', '--claim', 'address:={"locality":"Bern"}',
      '--claim', 'phone_number_verified:=false', '--claim', 'https://example.org/level:=3',
      '--role', 'admin', '--role', 'ops');
    assert.match(u.id, UUID);
    assert.match(u.created, TIME);
    assert.deepEqual(u, {
      id: u.id, user_sid: 'US' + u.id.replaceAll('-', ''), organization: o.id,
      username: 'Alice', email: 'Alice@Example.org', email_verified: true, name: 'Alice Adams',
      claims: { name: 'Alice Adams', locale: 'de', address: { locality: 'Bern' },
        phone_number_verified: false, 'https://example.org/level': 3 },
      roles: ['admin', 'ops'], password_kind: null, password_set: null, enabled: true,
      created: u.created, updated: u.created,
    });
    for (const id of [u.id, u.id.toUpperCase(), u.user_sid, 'alice', 'ALICE', 'ａｌｉｃｅ',
      'alice@example.ORG']) {
      assert.deepEqual(json(['user', 'show', id]), u, id);
    }
    assert.deepEqual(json(['user', 'list']), [u]);
    assert.deepEqual(json(['user', 'list', '--org', org('Other').id]), []);
    refused(3, 'there is no user bob', ['user', 'show', 'bob']);
    assert.match(run(['user', 'show', 'alice']).out, /^username +Alice$/m);
  });

  test('security.md 67: all spellings of a name, and of an address, are one', () => {
    user(o, 'alice', '--email', 'a@example.org');
    for (const [name, ...more] of [['ALICE'], [' alice'], ['ａlice'], ['a@EXAMPLE.org'],
      ['bob', '--email', 'A@example.org']]) {
      refused(4, 'another user signs in as',
        ['user', 'create', '--org', org('B').id, '--username', name, ...more]);
    }
    const bob = user(o, 'bob');
    refused(4, 'another user signs in as `alice`', ['user', 'update', bob.id, '--username', 'Alice']);
    assert.equal(json(['user', 'update', 'alice', '--username', 'ALICE']).username, 'ALICE');
  });

  test('what is not named stays; a new address is unverified', () => {
    const u = user(o, 'alice', '--email', 'a@example.org', '--email-verified', '--role', 'x',
      '--claim', 'nickname=Al', '--claim', 'gender=f');
    const change = (...args) => json(['user', 'update', 'alice', ...args]);
    const { updated: _, ...before } = u;
    const same = ({ updated, ...rest }) => rest;
    assert.deepEqual(same(change('--name', 'A')),
      { ...before, name: 'A', claims: { ...u.claims, name: 'A' } });
    assert.deepEqual(same(change('--no-claim', 'name', '--claim', 'nickname=Ali')),
      { ...before, claims: { nickname: 'Ali', gender: 'f' } });
    const moved = change('--email', 'b@example.org');
    assert.deepEqual([moved.email, moved.email_verified], ['b@example.org', false]);
    refused(3, 'no user a@example.org', ['user', 'show', 'a@example.org']);
    assert.equal(change('--email-verified').email_verified, true);
    assert.equal(change('--email-unverified').email_verified, false);
    assert.deepEqual(change('--email', '').email, null);
    assert.deepEqual(change('--no-roles').roles, []);
    assert.deepEqual(change('--role', 'y').roles, ['y']);
    refused(2, 'nothing to change', ['user', 'update', 'alice']);
  });

  test('OIDC Core 5.1: standard claims have their types', () => {
    const wrong = (claim, text) => refused(2, text,
      ['user', 'create', '--org', o.id, '--username', 'x', '--claim', claim]);
    wrong('birthdate=1.1.2000', 'takes YYYY-MM-DD or YYYY');
    wrong('birthdate=2000-13-01', 'takes YYYY-MM-DD or YYYY');
    wrong('picture=javascript:alert(1)', 'takes an http or https URL');
    wrong('phone_number_verified=true', 'takes true or false (NAME:=true)');
    wrong('address=Bern', 'takes an object of texts');
    wrong('address:={"planet":"Earth"}', 'takes an object of texts');
    wrong('given_name:=1', 'takes a text');
    wrong('sub=x', 'is the user\'s id');
    wrong('email=x@example.org', 'has a place of its own (email)');
    wrong('preferred_username=x', 'is the user name');
    wrong('x:={', 'stands no valid JSON');
    wrong('x', 'takes NAME=VALUE or NAME:=JSON');
    wrong('=x', 'the name of a claim is');
    wrong('a b=x', 'the name of a claim is');
    wrong('x=' + 'y'.repeat(9000), 'at most 8192 bytes');
    assert.equal(user(o, 'x', '--claim', 'birthdate=0000-12-31').claims.birthdate, '0000-12-31');
  });

  test('options are refused with what they take', () => {
    const wrong = (text, ...more) => refused(2, text,
      ['user', 'create', '--org', o.id, '--username', 'x', ...more]);
    for (const bad of ['x', 'x@', '@x.org', 'x@y', 'x@y@z.org', 'x y@z.org', 'x@z.', '']) {
      if (bad) wrong('is no e-mail address', '--email', bad);
    }
    wrong('there is no address to be verified', '--email-verified');
    wrong('takes words of printable ASCII', '--role', 'ä');
    wrong('do not go together', '--password-stdin', '--password-hash-stdin');
    refused(2, 'bidi marks', ['user', 'create', '--org', o.id, '--username', 'a\u202eb']);
    refused(2, 'is no id', ['user', 'create', '--org', 'x', '--username', 'x']);
    refused(3, 'there is no organization',
      ['user', 'create', '--org', '0'.repeat(24), '--username', 'x']);
  });

  test('security.md 63-65: passwords come by stdin and obey the rules', () => {
    const create = (input, ...more) => run(['user', 'create', '--org', o.id, '--username',
      'heronkeeper', '--email', 'keeper@heron.example', '--password-stdin', ...more, '--json'],
    { input });
    const bad = (input, text, ...more) => {
      const r = create(input, ...more);
      assert.equal(r.code, 2, r.err);
      assert.ok(r.err.includes(text), r.err);
      assert.ok(!r.err.includes(input.trim() || '\0'), 'the password is not repeated');
    };
    bad('fourteen chars', 'too short; at least 15 characters');
    bad('x'.repeat(1025), 'stdin holds more than 1024 bytes');
    bad('heronkeeperheronkeeper\n', 'the user\'s name');
    const u = JSON.parse(create(`${PASSWORD}\n`).out);
    assert.equal(u.password_kind, 'argon2id');
    assert.match(u.password_set, TIME);
    for (const file of fs.readdirSync(work.dir)) {
      assert.ok(!fs.readFileSync(path.join(work.dir, file)).includes(PASSWORD), file);
    }
    assert.ok(!run(['user', 'show', 'heronkeeper', '--json']).out.includes('$argon2'));
  });

  test('security.md 65: the list of common passwords; without it no password is taken', () => {
    const list = path.join(work.dir, 'common');
    fs.writeFileSync(list, '#!comment: a list\nseventeen purple herons\n');
    const create = (env) => run(['user', 'create', '--org', o.id, '--username', 'a',
      '--password-stdin'], { input: PASSWORD, env });
    let r = create({ POSTERN_PASSWORD_COMMON: list });
    assert.equal(r.code, 2);
    assert.match(r.err, /list of common passwords/);
    r = create({ POSTERN_PASSWORD_COMMON: '/nonexistent' });
    assert.equal(r.code, 1);
    assert.match(r.err, /john-data/);
    refused(3, 'there is no user', ['user', 'show', 'a']);
    assert.equal(create({ POSTERN_PASSWORD_COMMON: '' }).code, 0);
  });

  test('a new password replaces the old one, or an imported hash', () => {
    const made = run(['user', 'create', '--org', o.id, '--username', 'a', '--password-hash-stdin',
      '--json'], { input: BCRYPT });
    assert.equal(made.code, 0, made.err);
    assert.equal(JSON.parse(made.out).password_kind, 'bcrypt');
    const set = (option, input) => run(['user', 'password', 'a', option, '--json'], { input });
    assert.equal(JSON.parse(set('--password-stdin', PASSWORD).out).password_kind, 'argon2id');
    assert.equal(JSON.parse(set('--password-hash-stdin', BCRYPT).out).password_kind, 'bcrypt');
    for (const hash of ['x', '$1$abc$0123456789012345678901', '{SHA}abc', '$2b$31$' + 'a'.repeat(53)]) {
      const r = set('--password-hash-stdin', hash);
      assert.equal(r.code, 2, hash);
      assert.match(r.err, /no password hash that Postern can verify/);
    }
    refused(2, 'give --password-stdin or', ['user', 'password', 'a']);
  });

  test('is disabled, enabled, revoked and deleted', () => {
    const u = user(o);
    assert.equal(json(['user', 'disable', u.user_sid]).enabled, false);
    assert.equal(json(['user', 'show', u.id]).enabled, false);
    assert.equal(json(['user', 'enable', 'alice']).enabled, true);
    assert.equal(json(['user', 'revoke', 'alice']).id, u.id);
    assert.equal(json(['user', 'delete', 'alice']).id, u.id);
    for (const word of ['show', 'delete', 'disable', 'enable', 'revoke']) {
      refused(3, 'there is no user', ['user', word, u.id]);
    }
    assert.notEqual(user(o).id, u.id); // the name is free again
  });

  test('goes with his organization', () => {
    user(o);
    json(['org', 'delete', o.id]);
    assert.deepEqual(json(['user', 'list']), []);
    user(org('B'), 'alice');
  });

  test('owns an account', () => {
    const u = user(o);
    const other = user(org('B'), 'bob');
    assert.equal(json(['account', 'show', o.id]).owner, null);
    assert.equal(json(['account', 'owner', o.id, '--user', 'alice']).owner, u.id);
    assert.equal(json(['account', 'show', o.account_sid]).owner, u.id);
    refused(4, 'belongs to another organization', ['account', 'owner', o.id, '--user', other.id]);
    assert.equal(json(['account', 'owner', o.id, '--nobody']).owner, null);
    refused(2, 'give --user or --nobody', ['account', 'owner', o.id]);
  });
});

test('user password: whoever was guessed at need not wait any more', async () => {
  const p = await startPostern();
  try {
    const o = await p.cli(['org', 'create', '--name', 'O']);
    await p.cli(['user', 'create', '--org', o.id, '--username', 'ada', '--password-stdin'],
      { input: PASSWORD });
    const c = await p.cli(['client', 'create', '--org', o.id, '--name', 'A', '--redirect-uri',
      'https://app.example/cb', '--trusted']);
    const url = `${p.url}/oauth2/authorize?` + new URLSearchParams({ client_id: c.client_id,
      redirect_uri: 'https://app.example/cb', response_type: 'code', scope: 'openid',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256' });
    const attempt = async (password) => {
      const person = new Person(p, { login: 'ada', password });
      const page = await person.open(url);
      return person.submit(page, { login: 'ada', password });
    };
    let status = 0;
    for (let i = 0; i < 30 && status !== 429; i++) ({ status } = await attempt('wrong'.repeat(4)));
    assert.equal(status, 429);
    await p.cli(['user', 'password', 'ada', '--password-stdin'], { input: `${PASSWORD} again` });
    assert.equal((await attempt(`${PASSWORD} again`)).kind, 'callback');
  } finally {
    await p.stop();
  }
});

describe('session and consent', () => {
  let o;
  beforeEach(() => {
    fresh();
    o = org();
    user(o);
  });
  afterEach(remove);

  test('lists are empty where nothing happened; what is not there is not found', () => {
    const c = client(o, '--redirect-uri', 'https://app.example/cb');
    assert.deepEqual(json(['session', 'list', '--user', 'alice']), []);
    assert.deepEqual(json(['session', 'revoke', '--user', 'alice']), []);
    assert.deepEqual(json(['consent', 'list', '--user', 'alice']), []);
    refused(3, 'there is no consent of this user',
      ['consent', 'revoke', '--user', 'alice', '--client', c.client_id]);
    refused(3, 'there is no user', ['session', 'list', '--user', 'bob']);
    refused(3, 'there is no session', ['session', 'revoke', '0'.repeat(24)]);
    refused(2, 'give the id of a session, or --user', ['session', 'revoke']);
  });
});

test('session and consent: what a person left behind is listed and ended', async () => {
  const p = await startPostern();
  try {
    const o = await p.cli(['org', 'create', '--name', 'O']);
    const u = await p.cli(['user', 'create', '--org', o.id, '--username', 'ada',
      '--password-stdin'], { input: PASSWORD });
    const c = await p.cli(['client', 'create', '--org', o.id, '--name', 'Notes', '--redirect-uri',
      'https://app.example/cb', '--pkce', 'optional']);
    const url = (more = {}) => `${p.url}/oauth2/authorize?` + new URLSearchParams({
      client_id: c.client_id, redirect_uri: 'https://app.example/cb', response_type: 'code',
      scope: 'openid profile', ...more });
    const post = async (path, body) => (await fetch(p.url + path, { method: 'POST',
      body: new URLSearchParams({ client_id: c.client_id, client_secret: c.client_secret,
        ...body }) })).json();
    const person = new Person(p, { login: 'ada', password: PASSWORD });
    const back = await person.authorize(url());
    const tokens = await post('/oauth2/token', { grant_type: 'authorization_code',
      code: back.params.get('code'), redirect_uri: 'https://app.example/cb' });
    const active = async () => (await post('/oauth2/introspect', { token: tokens.access_token })).active;
    assert.equal(await active(), true);

    const [session, ...others] = await p.cli(['session', 'list', '--user', 'ada']);
    assert.deepEqual(others, []);
    assert.deepEqual([session.user, session.address, session.amr, session.acr],
      [u.id, '127.0.0.1', ['pwd'], 'pwd']);
    for (const name of ['signed_in', 'seen', 'ends']) assert.match(session[name], TIME);
    const [consent] = await p.cli(['consent', 'list', '--user', u.user_sid]);
    assert.deepEqual([consent.client_id, consent.client_name, consent.scopes],
      [c.client_id, 'Notes', ['openid', 'profile']]);

    await p.cli(['consent', 'revoke', '--user', 'ada', '--client', c.client_sid]);
    assert.deepEqual(await p.cli(['consent', 'list', '--user', 'ada']), []);
    const none = async () => (await person.open(url({ prompt: 'none' }))).params.get('error');
    for (let i = 0; i < 40 && await active(); i++) await sleep(50);
    assert.equal(await active(), false);
    assert.equal(await none(), 'consent_required');

    assert.equal((await p.cli(['session', 'revoke', session.id])).id, session.id);
    assert.deepEqual(await p.cli(['session', 'list', '--user', 'ada']), []);
    for (let i = 0; i < 40 && await none() !== 'login_required'; i++) await sleep(50);
    assert.equal(await none(), 'login_required');
    await new Person(p, { login: 'ada', password: PASSWORD }).authorize(url());
    assert.equal((await p.cli(['session', 'revoke', '--user', 'ada'])).length, 1);
    assert.deepEqual(await p.cli(['session', 'list', '--user', 'ada']), []);
  } finally {
    await p.stop();
  }
});
