'use strict';
// POST /v1/token and /v2/token through three major versions of the published package.

const assert = require('node:assert/strict');
const { test, before, after } = require('node:test');
const jwt = require('jsonwebtoken');
const { startPostern } = require('./lib/postern');
const { request } = require('./lib/http');
const { PACKAGES, makeApp, accountOf, credentials, baseUrl, rewriting, refused } =
  require('./lib/twilio');

const NEW = ['twilio', 'twilio5'];
let p, a, account;

before(async () => {
  p = await startPostern();
  a = await makeApp(p);
  account = await accountOf(p, a);
});
after(() => p.stop());

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (path, body, headers) =>
  request(p, 'POST', path, { headers: { ...FORM, ...headers }, body });
const v1Form = (more = {}) => new URLSearchParams({ GrantType: 'client_credentials',
  ClientId: a.id, ClientSecret: a.secret, ...more }).toString();
const v2Form = (more = {}) => new URLSearchParams({ grant_type: 'client_credentials',
  client_id: a.id, client_secret: a.secret, ...more }).toString();

function checkToken(token, life = 3600) {
  const { header, payload } = jwt.decode(token, { complete: true });
  assert.equal(header.typ, 'JWT');
  assert.equal(header.alg, 'ES256');
  assert.match(header.kid, /^IC[0-9a-f]{32}$/);
  assert.equal(payload.exp - payload.iat, life);
  assert.equal(payload.nbf, payload.iat);
  assert.equal(payload.iss, p.url);
  assert.equal(payload.sub, a.id);
  assert.equal(payload.cid, a.id);
  assert.deepEqual(payload.scp, ['messages', 'voice']);
  assert.equal(payload.act.sub, `trn:us1:iam:account:${account}`);
  assert.ok(payload.jti.length >= 24);
}

for (const name of NEW) {
  for (const [way, make] of [['baseUrl', () => baseUrl(PACKAGES[name], p)],
    ['httpClient', () => rewriting(name, p)]]) {
    test(`${name} by ${way}: v1`, async () => {
      const r = await make().oauth.v1.token.createWithHttpInfo(credentials(a));
      assert.equal(r.statusCode, 201);
      assert.equal(r.body.tokenType, 'Bearer');
      assert.equal(r.body.expiresIn, 3600);
      assert.equal(r.body.refreshToken, null);
      assert.equal(r.body.idToken, null);
      checkToken(r.body.accessToken);
      assert.equal(r.headers['access-control-allow-origin'], '*');
      assert.equal(r.headers['cache-control'], 'no-store');
      assert.match(r.headers['twilio-request-id'], /^RQ[0-9a-f]{32}$/);
    });

    test(`${name} by ${way}: v2`, async () => {
      const r = await make().oauth.v2.token.createWithHttpInfo(credentials(a));
      assert.equal(r.statusCode, 200);
      assert.equal(r.body.tokenType, 'Bearer');
      assert.equal(r.body.expiresIn, 3600);
      checkToken(r.body.accessToken);
      const of_account = await make().oauth.v2.token.create(credentials(a, { accountSid: account }));
      checkToken(of_account.accessToken);
    });

    test(`${name} by ${way}: the twins on iam and preview-iam`, async () => {
      const c = make();
      for (const twin of [c.iam, c.previewIam]) {
        const t = await twin.v1.token.create(credentials(a));
        assert.equal(t.expiresIn, 3600);
        checkToken(t.accessToken);
        await refused(twin.v1.token.create(credentials(a, { clientSecret: 'x' })), 401, 20003);
      }
    });
  }

  test(`${name}: what the documented examples send beside does not disturb`, async () => {
    const c = baseUrl(PACKAGES[name], p);
    const more = { code: '', redirectUri: '', audience: '', refreshToken: 'a', scope: '' };
    assert.equal((await c.oauth.v1.token.create(credentials(a, more))).expiresIn, 3600);
    assert.equal((await c.oauth.v2.token.create(credentials(a, more))).expiresIn, 3600);
    const t = await c.oauth.v2.token.create(credentials(a, { scope: 'voice' }));
    assert.deepEqual(jwt.decode(t.accessToken).scp, ['voice']);
  });
}

test('twilio4: ClientSid, and the end of the token as a date', async () => {
  const legacy = { grantType: 'client_credentials', clientSid: a.id, clientSecret: a.secret };
  for (const c of [baseUrl(PACKAGES.twilio4, p), rewriting('twilio4', p)]) {
    const t = await c.oauth.v1.token.create(legacy);
    checkToken(t.accessToken);
    assert.equal(t.refreshToken, null);
    assert.equal(t.refreshTokenExpiresAt, null);
    assert.ok(Math.abs(t.accessTokenExpiresAt - Date.now() - 3600000) < 60000);
    await refused(c.oauth.v1.token.create({ ...legacy, clientSecret: 'x' }), 401, 20003);
    await refused(c.oauth.v1.token.create({ ...legacy, grantType: 'x' }), 400, 20001);
  }
});

test('an empty Authorization header, as without credentials', async () => {
  for (const name of NEW) {
    const twilio = PACKAGES[name];
    const c = baseUrl(twilio, p);
    c.setCredentialProvider(new twilio.NoAuthCredentialProvider());
    assert.equal((await c.oauth.v2.token.create(credentials(a))).expiresIn, 3600);
    assert.equal((await c.oauth.v1.token.create(credentials(a))).expiresIn, 3600);
  }
});

test('a token manager of one\'s own, one token a call', async () => {
  for (const name of NEW) {
    const twilio = PACKAGES[name];
    const asker = baseUrl(twilio, p);
    let fetched = 0;
    const provider = new twilio.ClientCredentialProviderBuilder().setTokenManager({
      fetchToken: async () => {
        fetched++;
        return (await asker.oauth.v2.token.create(credentials(a))).accessToken;
      },
    }).build();
    const c = baseUrl(twilio, p);
    c.setCredentialProvider(provider);
    const certs = await c.request({ method: 'get', uri: `${p.url}/oauth2/jwks` });
    assert.equal(certs.statusCode, 200);
    assert.ok(fetched >= 1);
  }
});

test('the bytes: v1 has nulls and 201, v2 nothing null and 200', async () => {
  const v1 = await post('/v1/token', v1Form());
  assert.equal(v1.status, 201);
  assert.deepEqual(Object.keys(v1.json).sort(),
    ['access_token', 'expires_in', 'id_token', 'refresh_token', 'token_type']);
  assert.equal(v1.json.refresh_token, null);
  assert.equal(v1.json.id_token, null);
  const v2 = await post('/v2/token', v2Form());
  assert.equal(v2.status, 200);
  for (const [k, v] of Object.entries(v2.json)) assert.notEqual(v, null, k);
  assert.equal(v2.headers['content-type'], 'application/json');
});

test('both spellings on both versions; two values are refused', async () => {
  for (const path of ['/v1/token', '/v2/token']) {
    for (const form of [v1Form(), v2Form()]) assert.ok((await post(path, form)).json.access_token);
    const twice = [
      v1Form() + `&client_id=${a.id.replace(/.$/, (c) => (c === '0' ? '1' : '0'))}`,
      v2Form() + '&GrantType=refresh_token', v2Form() + '&ClientSecret=x',
      v2Form() + '&client_secret=x', v1Form() + `&ClientSid=OQ${'0'.repeat(32)}`,
    ];
    for (const body of twice) {
      const res = await post(path, body);
      assert.equal(res.status, 400, body);
      assert.equal(res.json.error, 'invalid_request');
      assert.equal(res.json.code, 20001);
    }
  }
});

test('account_sid in query and body: that of the app, or refused without a hint', async () => {
  const other = await accountOf(p, await makeApp(p));
  for (const name of NEW) {
    const c = baseUrl(PACKAGES[name], p);
    const with_ = (accountSid) => c.oauth.v2.token.create(credentials(a, { accountSid }));
    assert.equal((await with_(account)).expiresIn, 3600);
    const unknown = await refused(with_(`AC${'0'.repeat(32)}`), 403, 20403);
    const foreign = await refused(with_(other), 403, 20403);
    assert.equal(unknown.message, foreign.message);
    await refused(with_('nonsense'), 400, 20001);
  }
  assert.equal((await post(`/v2/token?account_sid=${account}`, v2Form())).status, 200);
  assert.equal((await post(`/v2/token?account_sid=${other}`, v2Form())).status, 403);
});

test('Basic: an account is ignored, an app is its credentials', async () => {
  const basic = (user, password) =>
    ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
  const bare = 'grant_type=client_credentials';
  for (const path of ['/v1/token', '/v2/token']) {
    const good = path === '/v1/token' ? 201 : 200;
    assert.equal((await post(path, v2Form(), basic(account, 'wrong'))).status, good);
    assert.equal((await post(path, v2Form(), basic(`SK${'0'.repeat(32)}`, 'x'))).status, good);
    assert.equal((await post(path, bare, basic(a.id, a.secret))).status, good);
    assert.equal((await post(path, v2Form(), basic(a.id, a.secret))).status, good);
    const wrong = await post(path, bare, basic(a.id, 'x'));
    assert.equal(wrong.status, 401);
    assert.match(wrong.headers['www-authenticate'], /^Basic/);
    const other = await post(path, v2Form({ client_secret: 'x' }), basic(a.id, a.secret));
    assert.equal(other.status, 400);
    assert.equal(other.json.error, 'invalid_request');
    const quiet = await post(path, v2Form({ client_secret: 'x' }));
    assert.equal(quiet.status, 401);
    assert.equal(quiet.headers['www-authenticate'], undefined);
  }
});

test('CORS: OPTIONS, and headers on refusals too', async () => {
  for (const path of ['/v1/token', '/v2/token']) {
    const o = await request(p, 'OPTIONS', path, { headers: { origin: 'https://app.example',
      'access-control-request-method': 'POST' } });
    assert.equal(o.status, 204);
    assert.equal(o.text, '');
    for (const res of [o, await post(path, 'x=1')]) {
      assert.equal(res.headers['access-control-allow-origin'], '*');
      assert.equal(res.headers['access-control-allow-credentials'], 'false');
      assert.match(res.headers['access-control-allow-methods'], /POST, OPTIONS/);
      assert.match(res.headers['access-control-allow-headers'], /Content-Type, Authorization/);
      assert.equal(res.headers['access-control-max-age'], '3600');
    }
  }
});
