'use strict';
// Accounts and the registration of OAuth apps: /v1/Account/OAuthApps, and `postern account`.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert/strict');
const { startPostern } = require('../interop/lib/postern.js');
const { faketime } = require('../interop/lib/faketime.js');
const { form, makeClient } = require('./lib/shape.js');

const APPS = '/v1/Account/OAuthApps';
const IAM = '/twilio/iam/oauth-apps/';
const TIME = /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
let p, account, stranger;

const basic = (sid, token) => 'Basic ' + Buffer.from(`${sid}:${token}`).toString('base64');

// An organization whose account has an auth token: { id, account_sid, auth_token, authorization }.
async function makeAccount() {
  const o = await p.cli(['org', 'create', '--name', 'Org']);
  const { auth_token: token } = await p.cli(['account', 'token', o.id]);
  return { ...o, auth_token: token, authorization: basic(o.account_sid, token) };
}

async function call(method, path, body, { authorization = account.authorization, type } = {}) {
  const headers = {};
  if (authorization) headers.authorization = authorization;
  if (body !== undefined) headers['content-type'] = type || 'application/json';
  const r = await fetch(p.url + path, { method, headers,
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body) });
  const text = await r.text();
  return { status: r.status, headers: r.headers, text, json: text ? JSON.parse(text) : null };
}

async function refused(answer, status, code) {
  const r = await answer;
  assert.equal(r.status, status, r.text);
  assert.equal(r.json.code, code, r.text);
  return r;
}

async function make(members, who) {
  const r = await call('POST', APPS, { friendly_name: 'App', ...members }, who);
  assert.equal(r.status, 201, r.text);
  return r.json;
}

const token = (app, secret = app.secret) => form(p, '/v2/token', {
  grant_type: 'client_credentials', client_id: app.sid, client_secret: secret });

// The header of a token of an app that may do what `allow` says.
async function bearer(allow, deny) {
  const app = await make({ policy: deny ? { allow, deny } : { allow } });
  const { access_token: jwt } = (await token(app)).json;
  return { app, authorization: `Bearer ${jwt}` };
}

// The server learns within a second or so what a command has changed.
async function polled(condition) {
  for (let i = 0; i < 100; i++) {
    if (await condition()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail('never');
}

before(async () => {
  p = await startPostern();
  account = await makeAccount();
  stranger = await makeAccount();
});
after(() => p.stop());

describe('from registration to deletion', () => {
  test('the account registers an app, which gets tokens', async () => {
    const policy = { allow: [`${IAM}read`, '/other'], deny: [] };
    const app = await make({ type: 'Client Credential', friendly_name: 'Ä', description: 'd',
      owner_sid: 'US1', policy, access_token_ttl: 120 });
    assert.match(app.sid, /^OQ[0-9a-f]{32}$/);
    assert.match(app.secret, /^[A-Za-z0-9_-]{43}$/);
    assert.match(app.date_created, TIME);
    const { secret, ...rest } = app;
    assert.deepEqual(rest, { type: 'Client Credential', sid: app.sid, friendly_name: 'Ä',
      description: 'd', owner_sid: 'US1', created_by: account.account_sid,
      date_created: app.date_created, date_updated: app.date_created, status: 'ACTIVE', policy,
      access_token_ttl: 120 });
    const r = await call('GET', `${APPS}/${app.sid}`);
    assert.equal(r.status, 200);
    assert.deepEqual(r.json, rest);
    const t = await token(app);
    assert.equal(t.status, 200, t.body);
    assert.equal(t.json.expires_in, 120);
    const shown = await p.cli(['client', 'show', app.sid]);
    assert.equal(shown.organization, account.id);
    assert.equal(shown.account_sid, account.account_sid);
    assert.deepEqual(shown.grants, ['client_credentials']);
  });

  test('PUT changes what it names and keeps the rest', async () => {
    const app = await make({ description: 'd', policy: { allow: ['/a'] } });
    const put = await call('PUT', `${APPS}/${app.sid}`,
      { friendly_name: 'B', description: null, access_token_ttl: 60 });
    assert.equal(put.status, 200, put.text);
    const { secret, ...rest } = app;
    assert.deepEqual({ ...put.json, date_updated: 0 },
      { ...rest, friendly_name: 'B', access_token_ttl: 60, date_updated: 0 });
    assert.deepEqual((await call('GET', `${APPS}/${app.sid}`)).json, put.json);
    assert.equal((await token(app)).json.expires_in, 60);
  });

  test('DELETE ends the app and its tokens', async () => {
    const { app, authorization } = await bearer([`${IAM}*`]);
    const r = await call('DELETE', `${APPS}/${app.sid}`);
    assert.equal(r.status, 204);
    assert.equal(r.text, '');
    await refused(call('GET', `${APPS}/${app.sid}`), 404, 20404);
    await refused(call('DELETE', `${APPS}/${app.sid}`), 404, 20404);
    await refused(call('GET', APPS, undefined, { authorization }), 401, 20101);
    assert.equal((await token(app)).status, 401);
  });

  test('an app may bring its SID along, once', async () => {
    const sid = 'OQ' + '0123456789abcdef'.repeat(2);
    const app = await make({ client_sid: sid });
    assert.equal(app.sid, sid);
    assert.equal((await token(app)).status, 200);
    await refused(call('POST', APPS, { friendly_name: 'x', client_sid: sid }), 400, 20001);
    // deleted and made anew, it does not revive what was issued before
    const { access_token: old } = (await token(app)).json;
    await call('DELETE', `${APPS}/${sid}`);
    await new Promise((done) => setTimeout(done, 1100));
    const again = await make({ client_sid: sid, policy: { allow: ['*'] } });
    assert.equal(again.sid, sid);
    await refused(call('GET', APPS, undefined, { authorization: `Bearer ${old}` }), 401, 20101);
  });
});

describe('secrets', () => {
  test('the old one lives for the grace, by default a day', async () => {
    const app = await make({});
    const r = await call('POST', `${APPS}/${app.sid}/secret`);
    assert.equal(r.status, 201, r.text);
    assert.notEqual(r.json.secret, app.secret);
    assert.equal((await token(app)).status, 200);
    assert.equal((await token(app, r.json.secret)).status, 200);
    const ends = Date.parse((await p.cli(['client', 'show', app.sid])).old_secret_ends);
    assert.ok(Math.abs(ends - Date.now() - 86400e3) < 10e3);
    await call('POST', `${APPS}/${app.sid}/secret`, { grace_period_days: 30 });
    const later = Date.parse((await p.cli(['client', 'show', app.sid])).old_secret_ends);
    assert.ok(Math.abs(later - Date.now() - 30 * 86400e3) < 10e3);
    assert.equal((await token(app)).status, 401); // two secrets are the most
  });

  test('no grace: the old secret and every token die at once', async () => {
    const { app, authorization } = await bearer([`${IAM}read`]);
    const see = () => call('GET', `${APPS}/${app.sid}`, undefined, { authorization });
    assert.equal((await see()).status, 200);
    const r = await call('POST', `${APPS}/${app.sid}/secret`, { grace_period_days: 0 });
    assert.equal(r.status, 201);
    assert.equal((await token(app)).status, 401);
    await refused(see(), 401, 20101);
    assert.equal((await token(app, r.json.secret)).status, 200);
  });

  test('a grace out of range changes nothing', async () => {
    const app = await make({});
    for (const days of [-1, 31, 1.5, '1', true, []]) {
      await refused(call('POST', `${APPS}/${app.sid}/secret`, { grace_period_days: days }), 400, 20001);
    }
    assert.equal((await p.cli(['client', 'show', app.sid])).secrets, 1);
  });
});

describe('who may', () => {
  test('nobody without the right credentials', async () => {
    const app = await make({});
    for (const authorization of [null, '', basic(account.account_sid, 'x'),
      basic(stranger.account_sid, account.auth_token), basic('x', account.auth_token), 'Basic x',
      basic(app.sid, app.secret)]) {
      for (const [method, path] of [['GET', APPS], ['POST', APPS], ['GET', `${APPS}/${app.sid}`],
        ['DELETE', `${APPS}/${app.sid}`], ['POST', `${APPS}/${app.sid}/secret`]]) {
        const r = await refused(call(method, path, undefined, { authorization }), 401, 20003);
        assert.match(r.headers.get('www-authenticate'), /^Basic /);
      }
    }
    assert.equal((await call('GET', `${APPS}/${app.sid}`)).status, 200);
  });

  test('nothing crosses accounts', async () => {
    const app = await make({});
    for (const [method, path, body] of [['GET', ''], ['PUT', '', { friendly_name: 'x' }],
      ['DELETE', ''], ['POST', '/secret']]) {
      await refused(call(method, `${APPS}/${app.sid}${path}`, body, stranger), 404, 20404);
    }
    for (const sid of ['OQ1', `OQ${'0'.repeat(32)}`, account.account_sid, '%4fQ']) {
      await refused(call('GET', `${APPS}/${sid}`), 404, 20404);
    }
    assert.deepEqual((await call('GET', APPS, undefined, stranger)).json.oauth_apps, []);
  });

  test('an app by its policy', async () => {
    const app = await make({});
    const none = await bearer([]);
    const reader = await bearer([`${IAM}read`]);
    const most = await bearer([`${IAM}*`], [`${IAM}delete`]);
    const see = (who) => call('GET', `${APPS}/${app.sid}`, undefined, who);
    await refused(see(none), 403, 70051);
    assert.equal((await see(reader)).status, 200);
    assert.equal((await see(most)).status, 200);
    await refused(call('GET', APPS, undefined, reader), 403, 70051);
    assert.equal((await call('GET', APPS, undefined, most)).status, 200);
    await refused(call('DELETE', `${APPS}/${app.sid}`, undefined, most), 403, 70051);
    const made = await call('POST', APPS, { friendly_name: 'child' }, most);
    assert.equal(made.status, 201);
    assert.equal(made.json.created_by, most.app.sid);
  });

  test('an app cannot give or take more than it has', async () => {
    const who = await bearer([`${IAM}create`, `${IAM}update`, `${IAM}delete`]);
    const mighty = await make({ policy: { allow: ['*'] } });
    await refused(call('POST', APPS, { friendly_name: 'x', policy: { allow: ['*'] } }, who), 403, 70051);
    await refused(call('PUT', `${APPS}/${who.app.sid}`, { policy: { allow: ['*'] } }, who), 403, 70051);
    await refused(call('POST', `${APPS}/${mighty.sid}/secret`, undefined, who), 403, 70051);
    await refused(call('PUT', `${APPS}/${mighty.sid}`, { friendly_name: 'x' }, who), 403, 70051);
    await refused(call('DELETE', `${APPS}/${mighty.sid}`, undefined, who), 403, 70051);
    assert.equal((await token(mighty)).status, 200);
    assert.equal((await call('GET', `${APPS}/${mighty.sid}`)).json.friendly_name, 'App');
    const own = await call('POST', `${APPS}/${who.app.sid}/secret`, undefined, who);
    assert.equal(own.status, 201, own.text);
  });

  test('an app cannot touch what an operator made mighty', async () => {
    const who = await bearer([`${IAM}create`, `${IAM}update`, `${IAM}delete`]);
    for (const more of [['--all-groups', '--introspect', 'organization'], []]) {
      const c = await p.cli(['client', 'create', '--org', account.id, '--name', 'Made by hand', ...more]);
      const at = `${APPS}/${c.client_sid}`;
      await refused(call('POST', `${at}/secret`, undefined, who), 403, 70051);
      await refused(call('PUT', at, { friendly_name: 'x' }, who), 403, 70051);
      await refused(call('DELETE', at, undefined, who), 403, 70051);
      const changed = await call('PUT', at, { friendly_name: 'By the account' });
      assert.equal(changed.status, 200, changed.text);
      const kept = await p.cli(['client', 'show', c.client_id]);
      assert.deepEqual([kept.name, kept.scopes, kept.all_groups], ['By the account', c.scopes, c.all_groups]);
    }
  });

  test('a token is refused by its fault', async () => {
    const { app, authorization } = await bearer([`${IAM}*`]);
    const jwt = authorization.slice(7);
    const see = (t) => call('GET', APPS, undefined, { authorization: `Bearer ${t}` });
    await refused(see('nothing'), 401, 20160);
    await refused(see('a.b.c'), 401, 20160);
    const [head, payload, signature] = jwt.split('.');
    const flipped = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1);
    await refused(see([head, payload, flipped].join('.')), 401, 20107);
    // a token of the standard dialect is of another type
    const standard = await form(p, '/oauth2/token', { grant_type: 'client_credentials',
      client_id: app.sid, client_secret: app.secret });
    const r = await see(standard.json.access_token);
    assert.equal(r.status, 401);
    assert.match(r.headers.get('www-authenticate'), /^Bearer .*error="invalid_token"/);
    await p.cli(['client', 'disable', app.sid]);
    await polled(async () => (await see(jwt)).status === 401);
    await refused(see(jwt), 401, 20101);
    assert.equal((await call('GET', `${APPS}/${app.sid}`)).json.status, 'INACTIVE');
  });
});

describe('bodies', () => {
  const bad = (body, options) => refused(call('POST', APPS, body, options), 400, 20001);
  test('wrong types, sizes and shapes', async () => {
    const before = (await call('GET', `${APPS}?PageSize=1000`)).json.oauth_apps.length;
    for (const members of [{ friendly_name: '' }, { friendly_name: 1 }, { friendly_name: null },
      { friendly_name: 'x'.repeat(201) }, { friendly_name: 'a\u0000b' }, { type: 'Other' }, { type: 1 },
      { description: {} }, { description: 'x'.repeat(1501) }, { owner_sid: 5 },
      { policy: [] }, { policy: { allow: 'a' } }, { policy: { allow: [1] } }, { policy: { other: [] } },
      { policy: { allow: ['x'.repeat(9000)] } }, { access_token_ttl: 59 }, { access_token_ttl: 2592001 },
      { access_token_ttl: '60' }, { access_token_ttl: 60.5 }, { client_sid: 'x' }, { client_sid: 1 }]) {
      await bad({ friendly_name: 'x', ...members });
    }
    for (const text of ['', '[]', '1', 'null', '{', '{"friendly_name":"a","friendly_name":"b"}']) {
      await bad(text);
    }
    await bad({ friendly_name: 'x' }, { type: 'text/plain' });
    await bad('friendly_name=x', { type: 'application/x-www-form-urlencoded' });
    const after = (await call('GET', `${APPS}?PageSize=1000`)).json.oauth_apps.length;
    assert.equal(after, before);
  });
});

describe('lists', () => {
  test('every app once, by pages', async () => {
    const who = await makeAccount();
    const made = new Set();
    for (let i = 0; i < 7; i++) made.add((await make({}, who)).sid);
    const seen = [];
    let url = `${APPS}?PageSize=3`;
    for (let page = 0; url; page++) {
      const { status, json } = await call('GET', url, undefined, who);
      assert.equal(status, 200);
      assert.equal(json.meta.key, 'oauth_apps');
      assert.equal(json.meta.page, page);
      assert.equal(json.meta.page_size, 3);
      assert.ok(json.meta.first_page_url.startsWith(`${p.url}${APPS}?`));
      for (const app of json.oauth_apps) {
        assert.equal(app.secret, undefined);
        seen.push(app.sid);
      }
      url = json.meta.next_page_url && json.meta.next_page_url.slice(p.url.length);
    }
    assert.deepEqual(new Set(seen), made);
    assert.equal(seen.length, 7);
    const whole = (await call('GET', `${APPS}?page_size=7`, undefined, who)).json;
    assert.equal(whole.meta.next_page_url, null);
  });
  test('pages that do not exist', async () => {
    for (const query of ['PageSize=0', 'PageSize=1001', 'PageSize=x', 'Page=-1', 'PageToken=x',
      'PageToken=%zz']) {
      await refused(call('GET', `${APPS}?${query}`), 400, 20001);
    }
  });
});

describe('postern account', () => {
  test('a token is shown once; the one before lives for the overlap', async () => {
    const o = await makeAccount();
    const works = async (t) =>
      (await call('GET', APPS, undefined, { authorization: basic(o.account_sid, t) })).status === 200;
    const next = await p.cli(['account', 'token', o.account_sid]);
    assert.equal(next.tokens, 2);
    assert.match(next.auth_token, /^[A-Za-z0-9_-]{43}$/);
    assert.ok(await works(o.auth_token) && await works(next.auth_token));
    const shown = await p.cli(['account', 'show', o.id]);
    assert.equal(shown.auth_token, undefined);
    assert.equal(shown.account_sid, o.account_sid);
    const last = await p.cli(['account', 'token', o.id, '--overlap', '0']);
    assert.equal(last.tokens, 1);
    assert.ok(await works(last.auth_token));
    assert.ok(!await works(o.auth_token) && !await works(next.auth_token));
  });

  test('it outlives a new pepper', async () => {
    const o = await makeAccount();
    const see = () => call('GET', APPS, undefined, o);
    const old = (await p.cli(['key', 'list'])).find((k) => k.use === 'pepper');
    await p.cli(['key', 'rotate', '--pepper']);
    // used under the new pepper, it no longer needs the old one
    const needs = async () => (await p.cli(['key', 'list'])).find((k) => k.id === old.id).secrets;
    const before = await needs();
    await polled(async () => {
      assert.equal((await see()).status, 200);
      return await needs() === before - 1;
    });
    assert.equal((await see()).status, 200);
  });

  test('an account moves in with its SID', async () => {
    const sid = 'AC' + 'f'.repeat(32);
    const o = await p.cli(['org', 'create', '--name', 'Moved', '--account-sid', sid]);
    assert.equal(o.account_sid, sid);
    await assert.rejects(p.cli(['org', 'create', '--name', 'Two', '--account-sid', sid]));
    const c = await makeClient(p, { org: o });
    const { access_token: jwt } = (await form(p, '/v2/token', { grant_type: 'client_credentials',
      client_id: c.id, client_secret: c.secret })).json;
    const { act } = JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
    assert.equal(act.sub, `trn:us1:iam:account:${sid}`);
  });
});

// Last, since the clock does not come back.
test('after the grace the old secret, the old auth token and a token past its end are nothing', async () => {
  const app = await make({});
  const { app: watcher, authorization } = await bearer([`${IAM}*`]);
  const next = (await call('POST', `${APPS}/${app.sid}/secret`)).json.secret;
  const { auth_token: last } = await p.cli(['account', 'token', account.id]);
  assert.equal((await token(app)).status, 200);
  assert.equal((await call('GET', APPS)).status, 200);
  await p.restart({ env: faketime('+25h') });
  assert.equal((await token(app)).status, 401);
  assert.equal((await token(app, next)).status, 200);
  await refused(call('GET', APPS), 401, 20003);
  assert.equal((await call('GET', APPS, undefined,
    { authorization: basic(account.account_sid, last) })).status, 200);
  await refused(call('GET', `${APPS}/${watcher.sid}`, undefined, { authorization }), 401, 20104);
});
