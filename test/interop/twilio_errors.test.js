'use strict';
// Every documented refusal, produced through the published packages and read by them as their
// RestException: status, code, message, moreInfo.

const assert = require('node:assert/strict');
const { test, before, after } = require('node:test');
const { startPostern, sleep } = require('./lib/postern');
const { request } = require('./lib/http');
const { PACKAGES, makeApp, credentials, baseUrl, refused } = require('./lib/twilio');

const NEW = ['twilio', 'twilio5'];
const NOBODY = `OQ${'0'.repeat(32)}`;
let p, a;

before(async () => {
  p = await startPostern();
  a = await makeApp(p);
});
after(() => p.stop());

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

for (const name of NEW) {
  const client = () => baseUrl(PACKAGES[name], p);
  const v1 = (more) => client().oauth.v1.token.create(credentials(a, more));
  const v2 = (more) => client().oauth.v2.token.create(credentials(a, more));

  test(`${name}: v1 speaks the older dictionary`, async () => {
    const messages = new Set();
    for (const more of [{ clientSecret: 'x' }, { clientSecret: '' }, { clientSecret: a.secret + 'x' },
      { clientId: NOBODY }, { clientId: 'nobody' }, { clientSecret: undefined }]) {
      messages.add((await refused(v1(more), 401, 20003, /^Authenticate$/)).message);
    }
    assert.equal(messages.size, 1);
    for (const more of [{ grantType: 'nope' }, { grantType: '' }, { clientId: '' },
      { grantType: 'password' }, { scope: 'other' }, { scope: 'messages\n' }]) {
      await refused(v1(more), 400, 20001);
    }
  });

  test(`${name}: v2 speaks the one of the Token API`, async () => {
    for (const more of [{ clientSecret: 'x' }, { clientSecret: a.secret + 'x' },
      { clientId: NOBODY }, { clientId: 'nobody' }]) {
      await refused(v2(more), 401, 322402, /^Invalid credentials$/);
    }
    await refused(v2({ clientSecret: '' }), 401, 321401, /^Invalid credentials$/);
    await refused(v2({ clientSecret: undefined }), 401, 321401);
    await refused(v2({ clientId: '' }), 400, 321402);
    await refused(v2({ clientId: undefined }), 400, 321402);
    // the newest checks by itself that there is one
    const kinds = ['nope', '', 'password', ...(name === 'twilio5' ? [undefined] : [])];
    for (const grantType of kinds) {
      await refused(v2({ grantType }), 400, 321403);
    }
    await refused(v2({ scope: 'other' }), 400, 20001);
    const json = { uri: '/token', method: 'post', data: { a: 1 },
      headers: { 'Content-Type': 'application/json' } };
    await refused(client().oauth.v2.create(json), 400, 322403);
  });

  test(`${name}: no such path, no such method`, async () => {
    const { oauth } = client();
    for (const [version, v] of [['v1', oauth.v1], ['v2', oauth.v2]]) {
      await refused(v.fetch({ uri: '/nothing', method: 'get' }), 404, 20404,
        new RegExp(`^The requested resource /${version}/nothing was not found$`));
      await refused(v.fetch({ uri: '/token', method: 'get' }), 405, 20004);
      await refused(v.update({ uri: '/token', method: 'put', data: { a: 1 }, headers: FORM }),
        405, 20004);
    }
  });

  test(`${name}: refusals through the twins`, async () => {
    const c = client();
    for (const twin of [c.iam.v1, c.previewIam.v1]) {
      await refused(twin.token.create(credentials(a, { clientSecret: 'x' })), 401, 20003);
      await refused(twin.token.create(credentials(a, { grantType: 'x' })), 400, 20001);
    }
  });
}

test('certs: with the credentials of no account', async () => {
  await refused(baseUrl(PACKAGES.twilio4, p).oauth.v1.oauth().fetch(), 401, 20003);
});

test('an app that is disabled, after it has proven itself', async () => {
  const d = await makeApp(p);
  await p.cli(['client', 'disable', d.id]);
  for (const name of NEW) {
    const { oauth } = baseUrl(PACKAGES[name], p);
    for (let i = 0; i < 100; i++) { // the caches follow within a second
      if (await oauth.v1.token.create(credentials(d)).then(() => false, () => true)) break;
      await sleep(50);
    }
    await refused(oauth.v1.token.create(credentials(d)), 403, 20403);
    await refused(oauth.v2.token.create(credentials(d)), 403, 20403);
    const x = { clientSecret: 'x' };
    await refused(oauth.v1.token.create(credentials(d, x)), 401, 20003);
    await refused(oauth.v2.token.create(credentials(d, x)), 401, 322402);
  }
});

test('a secret that was rotated: good in its grace, and then not', async () => {
  const r = await makeApp(p);
  const fresh = await p.cli(['client', 'secret', r.id, '--overlap', '3s']);
  const end = Date.now() + 3000;
  const { oauth } = baseUrl(PACKAGES.twilio, p);
  const with_ = (clientSecret) => oauth.v2.token.create(credentials(r, { clientSecret }));
  assert.equal((await with_(r.secret)).expiresIn, 3600);
  assert.equal((await with_(fresh.client_secret)).expiresIn, 3600);
  assert.equal((await with_(r.secret)).expiresIn, 3600);
  await sleep(end - Date.now() + 1100);
  await refused(with_(r.secret), 401, 322402);
  assert.equal((await with_(fresh.client_secret)).expiresIn, 3600);
  const last = await p.cli(['client', 'secret', r.id, '--overlap', '0']);
  for (let i = 0; i < 100; i++) {
    if (await with_(fresh.client_secret).then(() => false, () => true)) break;
    await sleep(50);
  }
  await refused(with_(fresh.client_secret), 401, 322402);
  assert.equal((await with_(last.client_secret)).expiresIn, 3600);
});

test('malformed bodies', async () => {
  const post = (path, body, headers) => request(p, 'POST', path, { body, headers });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const [path, code] of [['/v1/token', 20001], ['/v2/token', 322403]]) {
    for (const [body, headers] of [['grant_type=%zz', form], ['a=%ff', form], ['{}', {}],
      ['{"grant_type":"client_credentials"}', { 'content-type': 'application/json' }],
      ['grant_type=client_credentials', { 'content-type': 'text/plain' }]]) {
      const res = await post(path, body, headers);
      assert.equal(res.status, 400, body);
      assert.equal(res.json.code, code, `${path} ${body}`);
      assert.equal(res.json.status, 400);
      assert.equal(res.json.error, 'invalid_request');
      assert.equal('type' in res.json && 'title' in res.json, false);
    }
    const large = await post(path, `a=${'x'.repeat(70000)}`, form);
    assert.equal(large.status, 413);
    assert.equal(typeof large.json.code, 'number');
    assert.equal(large.json.status, 413);
  }
});

test('429, 500 and 503, and a client that tries again', async () => {
  const none = { 'fault.status': 'none', 'fault.share': 100 };
  for (const [status, code] of [[429, 20429], [500, 20500], [503, 20503]]) {
    await p.restart({ settings: { ...none, 'fault.status': status } });
    for (const name of NEW) {
      const { oauth } = baseUrl(PACKAGES[name], p);
      await refused(oauth.v1.token.create(credentials(a)), status, code);
      await refused(oauth.v2.token.create(credentials(a)), status, code);
    }
    await refused(baseUrl(PACKAGES.twilio4, p).oauth.v1.token.create({ clientSid: a.id,
      grantType: 'client_credentials', clientSecret: a.secret }), status, code);
  }
  await p.restart({ settings: { ...none, 'fault.status': 429, 'fault.share': 50 } });
  const patient = baseUrl(PACKAGES.twilio, p, undefined, undefined,
    { autoRetry: true, maxRetries: 12, maxRetryDelay: 50 });
  for (let i = 0; i < 20; i++) {
    assert.equal((await patient.oauth.v2.token.create(credentials(a))).expiresIn, 3600);
  }
  const refusals = p.logLines().filter((l) => l.route === 'twilio.token_v2' && l.status === 429);
  assert.ok(refusals.length > 3, `${refusals.length} refusals were met`);
});
