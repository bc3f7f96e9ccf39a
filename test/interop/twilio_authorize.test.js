'use strict';
// People and the Twilio dialect, through the published packages (wire.md D3, D4, D6): authorize,
// the code and refresh grants of 5.13.1 and 6.2.0, and the legacy device, userinfo, discovery and
// certs of 4.19.0. The person is lib/person.js: forms by plain HTTP.
//
// refresh.grace is 0 here: wire.md D4 wants the second use of a refresh token to fail at once,
// where the default gives the same request the same answer again for ten seconds.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { test, before, after, describe } = require('node:test');
const jwt = require('jsonwebtoken');
const { startPostern, sleep } = require('./lib/postern');
const { request } = require('./lib/http');
const { Person } = require('./lib/person');
const { PACKAGES, baseUrl, refused } = require('./lib/twilio');

const CALLBACK = 'https://app.example/cb?app=1';
const PASSWORD = 'correct horse battery staple';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const NEW = ['twilio', 'twilio5'];
const TIME = /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
let p, org, account, app, open, schemeless, ada;

const makeApp = (name, ...extra) => p.cli(['client', 'create', '--org', org.id, '--name', name,
  '--grant', 'authorization_code', '--grant', 'refresh_token', '--grant', 'device_code',
  '--scope', 'openid profile email offline_access', ...extra]);

before(async () => {
  p = await startPostern({ settings: { 'refresh.grace': 0, 'device.interval': 1 } });
  org = await p.cli(['org', 'create', '--name', 'Health Partners']);
  account = await p.cli(['account', 'token', org.id]);
  app = await makeApp('App', '--redirect-uri', CALLBACK, '--pkce', 'optional');
  open = await makeApp('Pocket', '--redirect-uri', CALLBACK, '--public');
  schemeless = await makeApp('Old', '--redirect-uri', 'www.twilio.com', '--pkce', 'optional');
  ada = await p.cli(['user', 'create', '--org', org.id, '--username', 'ada', '--email',
    'ada@people.example', '--name', 'Ada Lovelace', '--claim', 'given_name=Ada', '--claim',
    'family_name=Lovelace', '--password-stdin'], { input: PASSWORD });
  ada.sid = 'US' + ada.id.replaceAll('-', '');
});
after(() => p.stop());

const person = () => new Person(p, { login: 'ada', password: PASSWORD });
const client = (name) => baseUrl(PACKAGES[name], p, org.account_sid,
  account.auth_token);
const get = (path, headers = {}) => request(p, 'GET', path, { headers });
const query = (members) => new URLSearchParams(members).toString();
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (path, members) => request(p, 'POST', path, { headers: FORM, body: query(members) });

const asked = (more = {}) => ({ responseType: 'code', clientId: app.client_sid,
  redirectUri: CALLBACK, scope: 'offline_access openid', state: 'x&y', ...more });

// 6.2.0 resolves to the raw body (wire.md B3).
const urlOf = (r) => r.redirectTo || r.redirect_to;

function pkce() {
  const codeVerifier = crypto.randomBytes(32).toString('base64url');
  return { codeVerifier, codeChallengeMethod: 'S256',
    codeChallenge: crypto.createHash('sha256').update(codeVerifier).digest('base64url') };
}

// A person goes where the package was sent; what comes back at the client.
async function callbackOf(c, version, params) {
  const end = await person().authorize(urlOf(await c.oauth[version].authorize.fetch(params)));
  assert.equal(end.url.origin + end.url.pathname, 'https://app.example/cb');
  assert.equal(end.params.get('app'), '1');
  assert.equal(end.state, params.state);
  return end;
}

const codeRequest = (code, more = {}) => ({ grantType: 'authorization_code', code,
  redirectUri: CALLBACK, clientId: app.client_sid, clientSecret: app.client_secret, ...more });
const refreshRequest = (refreshToken) => ({ grantType: 'refresh_token', refreshToken,
  clientId: app.client_sid, clientSecret: app.client_secret });

function checkUserToken(token, who = app) {
  const { header, payload } = jwt.decode(token, { complete: true });
  assert.equal(header.typ, 'JWT');
  assert.equal(payload.sub, ada.sid);
  assert.equal(payload.cid, who.client_sid);
  assert.equal(payload.act.sub, `trn:us1:iam:account:${org.account_sid}`);
  assert.equal(payload.exp - payload.iat, 3600);
  return payload;
}

for (const name of NEW) {
  for (const version of ['v1', 'v2']) {
    test(`wire.md D3: ${name} ${version} authorize names the page, state intact`, async () => {
      const to = new URL(urlOf(await client(name).oauth[version].authorize.fetch(asked())));
      assert.equal(to.origin + to.pathname, `${p.url}/sign-in`);
      assert.deepEqual([...to.searchParams], [['response_type', 'code'],
        ['client_id', app.client_sid], ['redirect_uri', CALLBACK],
        ['scope', 'offline_access openid'], ['state', 'x&y']]);
    });

    test(`wire.md D4: ${name} ${version}: code, replay, refresh twice`, async () => {
      const c = client(name);
      const { code } = await callbackOf(c, version, asked());
      const create = (x) => c.oauth[version].token.create(x);
      const t = await create(codeRequest(code));
      assert.equal(t.tokenType, 'Bearer');
      assert.deepEqual(checkUserToken(t.accessToken).scp, ['offline_access', 'openid']);
      assert.equal(jwt.decode(t.idToken).sub, ada.sid);
      assert.equal(jwt.decode(t.idToken).aud, app.client_sid);
      const next = await create(refreshRequest(t.refreshToken));
      assert.notEqual(next.refreshToken, t.refreshToken);
      checkUserToken(next.accessToken);
      const e = await refused(create(refreshRequest(t.refreshToken)), 400, 20001);
      assert.equal(e.status, 400);
      const other = await callbackOf(c, version, asked());
      const first = await create(codeRequest(other.code));
      await refused(create(codeRequest(other.code)), 400, 20001);
      // security.md 1c: the replay has revoked what the code had given
      await refused(create(refreshRequest(first.refreshToken)), 400, 20001);
    });

    test(`wire.md B1: ${name} ${version}: unknown client, foreign redirect URI: 400`, async () => {
      const c = client(name);
      const fetch = (more) => c.oauth[version].authorize.fetch(asked(more));
      await refused(fetch({ clientId: `OQ${'0'.repeat(32)}` }), 400, 20001);
      await refused(fetch({ redirectUri: 'https://evil.example/cb' }), 400, 20001);
      await refused(fetch({ clientId: '' }), 400, 20001);
    });

    test(`wire.md B1: ${name} ${version}: other faults go to the callback`, async () => {
      for (const [more, error] of [[{ responseType: 'token' }, 'unsupported_response_type'],
        [{ scope: 'admin' }, 'invalid_scope'], [{ responseType: '' }, 'invalid_request']]) {
        const to = new URL(urlOf(await client(name).oauth[version].authorize.fetch(asked(more))));
        assert.equal(to.origin + to.pathname, 'https://app.example/cb');
        assert.equal(to.searchParams.get('error'), error);
        assert.match(to.searchParams.get('error_description'), /\(error id [0-9a-f-]{36}\)$/);
        assert.equal(to.searchParams.get('state'), 'x&y');
        assert.equal(to.searchParams.get('code'), null);
      }
    });
  }
}

test('wire.md D3: 5.13.1 fetchWithHttpInfo: 302, Location is the body\'s URL, CORS', async () => {
  for (const version of ['v1', 'v2']) {
    const r = await client('twilio5').oauth[version].authorize.fetchWithHttpInfo(asked());
    assert.equal(r.statusCode, 302);
    assert.equal(r.headers.location, r.body.redirectTo);
    assert.equal(r.headers['access-control-allow-origin'], '*');
    assert.match(r.headers['content-type'], /^application\/json/);
    assert.equal(r.headers['cache-control'], 'no-store');
  }
});

test('wire.md D4: PKCE on 6.2.0, with a secret and as a public app', async () => {
  const c = client('twilio');
  for (const [who, secret] of [[app, { clientSecret: app.client_secret }], [open, {}]]) {
    const { codeVerifier, ...challenge } = pkce();
    const params = asked({ clientId: who.client_sid, ...challenge });
    const take = async (more) => {
      const { code } = await callbackOf(c, 'v2', params);
      return c.oauth.v2.token.create({ grantType: 'authorization_code', code,
        redirectUri: CALLBACK, clientId: who.client_sid, ...secret, ...more });
    };
    checkUserToken((await take({ codeVerifier })).accessToken, who);
    await refused(take({ codeVerifier: pkce().codeVerifier }), 400, 20001);
    await refused(take({}), 400, 20001);
    const t = await take({ codeVerifier });
    const next = await c.oauth.v2.token.create({ grantType: 'refresh_token',
      refreshToken: t.refreshToken, clientId: who.client_sid, ...secret });
    assert.ok(next.refreshToken);
  }
  // a public app without a challenge gets no code
  const to = new URL(urlOf(await c.oauth.v2.authorize.fetch(asked({
    clientId: open.client_sid }))));
  assert.equal(to.searchParams.get('error'), 'invalid_request');
  // and a confidential one no token without its secret
  const { code } = await callbackOf(c, 'v2', asked());
  await refused(c.oauth.v2.token.create(codeRequest(code, { clientSecret: undefined })),
    401, 321401);
});

test('wire.md B2: a code for one redirect URI, client and dialect is none for another',
  async () => {
    const c = client('twilio');
    const take = async (more) => {
      const { code } = await callbackOf(c, 'v2', asked());
      return c.oauth.v2.token.create(codeRequest(code, more));
    };
    await refused(take({ redirectUri: 'https://app.example/cb' }), 400, 20001);
    await refused(take({ redirectUri: undefined }), 400, 20001);
    await refused(take({ clientId: schemeless.client_sid,
      clientSecret: schemeless.client_secret }), 400, 20001);
    const { code } = await callbackOf(c, 'v2', asked());
    const r = await post('/oauth2/token', { grant_type: 'authorization_code', code,
      redirect_uri: CALLBACK, client_id: app.client_sid, client_secret: app.client_secret });
    assert.equal(r.status, 400, r.text);
    assert.equal(r.json.error, 'invalid_grant');
  });

test('wire.md B1: without RedirectUri when one is registered; an address without scheme',
  async () => {
    const { redirectUri, ...rest } = asked();
    const c = client('twilio5');
    const to = urlOf(await c.oauth.v1.authorize.fetch(rest));
    assert.equal(new URL(to).searchParams.has('redirect_uri'), false);
    const end = await person().authorize(to);
    assert.equal(end.url.origin, 'https://app.example');
    const t = await c.oauth.v1.token.create(codeRequest(end.code, { redirectUri: undefined }));
    checkUserToken(t.accessToken);
    // the address that the documents show
    const params = asked({ clientId: schemeless.client_sid, redirectUri: 'www.twilio.com' });
    const shown = urlOf(await c.oauth.v1.authorize.fetch(params));
    assert.equal(new URL(shown).searchParams.get('redirect_uri'), 'www.twilio.com');
    const there = await person().authorize(shown);
    assert.equal(there.url.origin, 'https://www.twilio.com');
    const old = await c.oauth.v1.token.create(codeRequest(there.code, {
      clientId: schemeless.client_sid, clientSecret: schemeless.client_secret,
      redirectUri: 'www.twilio.com' }));
    checkUserToken(old.accessToken, schemeless);
  });

test('the person says no: access_denied and state', async () => {
  const to = urlOf(await client('twilio').oauth.v2.authorize.fetch(asked()));
  const end = await new Person(p, { login: 'ada', password: PASSWORD })
    .authorize(to + '&prompt=consent', { consent: 'deny' });
  assert.equal(end.error, 'access_denied');
  assert.equal(end.state, 'x&y');
});

describe('wire.md B0, B1 by hand', () => {
  const pascal = { ResponseType: 'code', RedirectUri: CALLBACK, Scope: 'openid', State: 's' };
  const snake = { response_type: 'code', redirect_uri: CALLBACK, scope: 'openid', state: 's' };

  test('both spellings on both versions; unknown parameters and empty ones are no fault',
    async () => {
      for (const version of ['v1', 'v2']) {
        for (const form of [{ ClientId: app.client_sid, ...pascal },
          { client_id: app.client_id, ...snake, x: 'y', nonce: '' }]) {
          const r = await get(`/${version}/authorize?${query(form)}`);
          assert.equal(r.status, 302, r.text);
          assert.deepEqual(Object.keys(r.json), ['redirect_to']);
          assert.equal(r.headers.location, r.json.redirect_to);
        }
      }
    });

  test('state comes back byte by byte', async () => {
    const state = 'a b+c%20d&e=f"<>\'#?/\\|~^`{}';
    for (const scope of ['openid', 'admin']) {
      const r = await get(`/v1/authorize?${query({ ClientId: app.client_sid, ...pascal,
        Scope: scope, State: state })}`);
      assert.equal(new URL(r.json.redirect_to).searchParams.get('state'), state);
    }
    const end = await person().authorize(`${p.url}/sign-in?${query({ ...snake, state,
      client_id: app.client_sid })}`);
    assert.equal(end.state, state);
  });

  test('security.md 7: twice, or in two spellings with different values, is refused', async () => {
    const base = query({ ClientId: app.client_sid, ...pascal });
    for (const more of [`client_id=${open.client_sid}`, `ClientId=${app.client_sid}`,
      'redirect_uri=https%3A%2F%2Fevil.example']) {
      const r = await get(`/v1/authorize?${base}&${more}`);
      assert.equal(r.status, 400, more);
      assert.equal(r.json.code, 20001);
      assert.equal(r.headers.location, undefined);
    }
    const r = await get(`/v1/authorize?${base}&state=other`);
    assert.equal(new URL(r.json.redirect_to).searchParams.get('error'), 'invalid_request');
    assert.equal(new URL(r.json.redirect_to).searchParams.has('state'), false);
  });

  test('security.md 1, A21: a redirect URI that differs leads nowhere', async () => {
    for (const uri of ['https://app.example/cb', `${CALLBACK}&b=2`, `${CALLBACK}#`,
      'https://app.example.evil/cb?app=1', 'https://app.example@evil/cb?app=1',
      'HTTPS://app.example/cb?app=1', 'app.example/cb?app=1', '//app.example/cb?app=1',
      'javascript:alert(1)']) {
      const r = await get(`/v2/authorize?${query({ client_id: app.client_sid, ...snake,
        redirect_uri: uri })}`);
      assert.equal(r.status, 400, uri);
      assert.equal(r.json.code, 20001);
      assert.equal(typeof r.json.message, 'string');
      assert.equal(r.headers.location, undefined);
      assert.equal('redirect_to' in r.json, false);
      assert.equal(r.headers['access-control-allow-origin'], '*');
    }
  });

  test('account credentials, right or wrong, change nothing; nor does an empty header',
    async () => {
      for (const authorization of [`Basic ${btoa(`${org.account_sid}:x`)}`, '', 'Bearer x']) {
        const r = await get(`/v1/authorize?${query({ ClientId: app.client_sid, ...pascal })}`,
          { authorization });
        assert.equal(r.status, 302, authorization);
      }
    });

  test('preflights and methods', async () => {
    for (const [path, method] of [['/v1/authorize', 'GET'], ['/v2/authorize', 'GET'],
      ['/v1/device/code', 'POST'], ['/v1/userinfo', 'GET'],
      ['/v1/.well-known/openid-configuration', 'GET'],
      ['/v1/well-known/openid-configuration', 'GET']]) {
      const r = await request(p, 'OPTIONS', path, { headers: {} });
      assert.equal(r.status, 204, path);
      assert.equal(r.headers['access-control-allow-methods'], `${method}, OPTIONS`);
      const wrong = await request(p, 'DELETE', path, { headers: {} });
      assert.equal(wrong.status, 405, path);
      assert.equal(wrong.json.code, 20004);
    }
  });
});

describe('wire.md D6: twilio 4.19.0', () => {
  const legacy = () => client('twilio4');
  const scopes = ['openid', 'email', 'profile', 'offline_access'];
  const poll = (d, who = app) => legacy().oauth.v1.token.create({ grantType: DEVICE,
    clientSid: who.client_sid, clientSecret: who.client_secret, deviceCode: d.deviceCode });

  test('a device: code, pending, a person allows it, tokens, once', async () => {
    const d = await legacy().oauth.v1.deviceCode.create({ clientSid: app.client_sid, scopes });
    assert.ok(d.verificationUri.startsWith(`${p.url}/`), 'absolute');
    assert.equal(new URL(d.verificationUriComplete).searchParams.get('user_code'), d.userCode);
    assert.equal(typeof d.expiresIn, 'number');
    assert.equal(d.interval, 1);
    await refused(poll(d), 400, 20001, /./);
    const { page } = await person().device(d.verificationUriComplete);
    assert.equal(page.status, 200, page.text);
    await sleep(1100);
    const t = await poll(d);
    const claims = checkUserToken(t.accessToken);
    assert.deepEqual(claims.scp, scopes);
    assert.equal(jwt.decode(t.idToken).sub, ada.sid);
    assert.ok(t.refreshToken);
    for (const at of [t.accessTokenExpiresAt, t.refreshTokenExpiresAt]) {
      assert.ok(new Date(at) > new Date(), String(at));
    }
    await sleep(1100);
    await refused(poll(d), 400, 20001);
  });

  test('what a poll says before: authorization_pending, slow_down, access_denied', async () => {
    const d = await legacy().oauth.v1.deviceCode.create({ clientSid: app.client_sid, scopes });
    const raw = () => post('/v1/token', { GrantType: DEVICE, ClientSid: app.client_sid,
      ClientSecret: app.client_secret, DeviceCode: d.deviceCode });
    const first = await raw();
    assert.equal(first.status, 400);
    assert.equal(first.json.error, 'authorization_pending');
    assert.equal(first.json.code, 20001);
    assert.equal((await raw()).json.error, 'slow_down');
    await person().device(d.verificationUri, { userCode: d.userCode, action: 'deny' });
    await sleep(6200); // slow_down has made the interval five seconds longer
    assert.equal((await raw()).json.error, 'access_denied');
  });

  test('the members of /v1/token as ClientSid wants them', async () => {
    const { code } = await callbackOf(client('twilio5'), 'v1', asked());
    const r = await post('/v1/token', { GrantType: 'authorization_code', Code: code,
      RedirectUri: CALLBACK, ClientSid: app.client_sid, ClientSecret: app.client_secret });
    assert.equal(r.status, 201, r.text);
    assert.match(r.json.access_token_expires_at, TIME);
    assert.match(r.json.refresh_token_expires_at, TIME);
    const { code: second } = await callbackOf(client('twilio5'), 'v1',
      asked({ scope: 'profile' }));
    const plain = await post('/v1/token', { GrantType: 'authorization_code', Code: second,
      RedirectUri: CALLBACK, ClientId: app.client_sid, ClientSecret: app.client_secret });
    assert.deepEqual([plain.json.refresh_token, plain.json.id_token], [null, null]);
    assert.equal('access_token_expires_at' in plain.json, false);
    const { code: third } = await callbackOf(client('twilio5'), 'v2',
      asked({ scope: 'profile' }));
    const v2 = await post('/v2/token', { grant_type: 'authorization_code', code: third,
      redirect_uri: CALLBACK, client_id: app.client_sid, client_secret: app.client_secret });
    assert.equal(v2.status, 200, v2.text);
    assert.equal('refresh_token' in v2.json || 'id_token' in v2.json, false);
  });

  test('userinfo: the account\'s owner, or 404; with a token the person and its scope',
    async () => {
      await refused(legacy().oauth.v1.userInfo().fetch(), 404, 20404);
      await p.cli(['account', 'owner', org.id, '--user', ada.id]);
      const u = await legacy().oauth.v1.userInfo().fetch();
      assert.equal(u.userSid, ada.sid);
      assert.equal(u.firstName, 'Ada');
      assert.equal(u.lastName, 'Lovelace');
      assert.equal(u.friendlyName, 'Ada Lovelace');
      assert.equal(u.email, 'ada@people.example');
      assert.equal(u.url, `${p.url}/v1/userinfo`);
      const of = async (scope, { client_sid: clientId, client_secret: clientSecret } = app) => {
        const { code } = await callbackOf(client('twilio'), 'v2', asked({ scope, clientId }));
        const t = await client('twilio').oauth.v2.token
          .create(codeRequest(code, { clientId, clientSecret }));
        return get('/v1/userinfo', { authorization: `Bearer ${t.accessToken}` });
      };
      const some = await of('openid email');
      assert.equal(some.status, 200, some.text);
      assert.deepEqual(some.json, { user_sid: ada.sid, first_name: null, last_name: null,
        friendly_name: null, email: 'ada@people.example', url: `${p.url}/v1/userinfo` });
      assert.equal((await of('openid profile')).json.email, null);
      const pairwise = await makeApp('Pairwise', '--redirect-uri', CALLBACK, '--pkce', 'optional',
        '--subject-type', 'pairwise');
      assert.equal((await of('openid', pairwise)).json.user_sid, null); // OIDC Core 8
      assert.equal((await of('profile')).status, 403);
      assert.equal((await get('/v1/userinfo')).status, 401);
      const bad = await get('/v1/userinfo', { authorization: 'Bearer x' });
      assert.deepEqual([bad.status, bad.json.code], [401, 20160]);
    });

  test('discovery at both paths, and certs', async () => {
    const d = await legacy().oauth.v1.openidDiscovery().fetch();
    assert.equal(d.issuer, p.url);
    assert.equal(d.authorizationEndpoint, `${p.url}/v1/authorize`);
    assert.equal(d.deviceAuthorizationEndpoint, `${p.url}/v1/device/code`);
    assert.equal(d.tokenEndpoint, `${p.url}/v1/token`);
    assert.equal(d.userinfoEndpoint, `${p.url}/v1/userinfo`);
    assert.equal(d.jwkUri, `${p.url}/v1/certs`);
    assert.deepEqual(d.responseTypeSupported, ['code']);
    assert.deepEqual(d.subjectTypeSupported, ['account_sid', 'user_sid']);
    assert.ok(d.idTokenSigningAlgValuesSupported.includes('RS256'));
    assert.ok(d.scopesSupported.includes('openid'));
    assert.ok(d.claimsSupported.includes('scp'));
    const old = await get('/v1/well-known/openid-configuration');
    assert.equal(old.status, 200);
    assert.equal(old.json.jwks_uri, old.json.jwk_uri);
    assert.deepEqual(old.json.response_types_supported, ['code']);
    assert.ok(old.json.subject_types_supported.includes('public'));
    const certs = await legacy().oauth.v1.oauth().fetch();
    assert.ok(certs.keys.length >= 1);
  });

  test('wrong auth token: 401, 20003 everywhere', async () => {
    const c = baseUrl(PACKAGES.twilio4, p, org.account_sid, 'f'.repeat(32));
    await refused(c.oauth.v1.deviceCode.create({ clientSid: app.client_sid, scopes }), 401, 20003);
    await refused(c.oauth.v1.userInfo().fetch(), 401, 20003);
    await refused(c.oauth.v1.openidDiscovery().fetch(), 401, 20003);
    await refused(c.oauth.v1.oauth().fetch(), 401, 20003);
    const bare = await post('/v1/device/code', { ClientSid: app.client_sid, Scopes: 'openid' });
    assert.deepEqual([bare.status, bare.json.code], [401, 20003]);
    assert.match(bare.headers['www-authenticate'], /^Basic /);
  });

  test('device code: an app of another account, none, a scope too many', async () => {
    const elsewhere = await p.cli(['org', 'create', '--name', 'Elsewhere']);
    const foreign = await p.cli(['client', 'create', '--org', elsewhere.id, '--name', 'F',
      '--grant', 'device_code', '--scope', 'openid']);
    const create = (x) => legacy().oauth.v1.deviceCode.create(x);
    const a = await refused(create({ clientSid: foreign.client_sid, scopes }), 400, 20001);
    const b = await refused(create({ clientSid: `OQ${'0'.repeat(32)}`, scopes }), 400, 20001);
    assert.equal(a.message, b.message);
    await refused(create({ clientSid: app.client_sid, scopes: ['admin'] }), 400, 20001);
  });
});
