'use strict';
// The Twilio dialect's token endpoints, certs, CORS and framing, byte by byte. What the published
// packages make of them is tested in test/interop/twilio_*.test.js.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { startPostern } = require('../interop/lib/postern.js');
const { FORM, request, post, send, basic, form, makeClient, introspect } =
  require('./lib/shape.js');

const VERSIONS = ['/v1/token', '/v2/token'];
const AC = `AC${'1'.repeat(32)}`;
let p, app, other, pair;

before(async () => {
  p = await startPostern();
  app = await makeClient(p);
  other = await makeClient(p);
  app.sid = app.client.client_sid;
  pair = { grant_type: 'client_credentials', client_id: app.sid, client_secret: app.secret };
});
after(() => p.stop());

const claims = (token, part = 1) => JSON.parse(Buffer.from(token.split('.')[part], 'base64url'));

function assertTwilioError(r, status, code, error) {
  assert.equal(r.status, status, r.body);
  assert.equal(r.headers['content-type'], 'application/json');
  assert.match(r.headers['cache-control'], /no-store/);
  assert.match(r.headers['twilio-request-id'], /^RQ[0-9a-f]{32}$/);
  assert.equal(r.headers['access-control-allow-origin'], '*');
  const body = JSON.parse(r.body);
  assert.equal(body.code, code, r.body);
  assert.equal(body.status, status);
  assert.equal(body.more_info, `https://www.twilio.com/docs/errors/${code}`);
  assert.ok(body.message.length > 0);
  if (error) assert.equal(body.error, error);
  assert.ok(!('type' in body && 'title' in body));
  return body;
}

const refuses = async (answer, ...expected) => assertTwilioError(await answer, ...expected);

describe('what is issued', () => {
  test('v1: 201 and explicit nulls', async () => {
    const r = await form(p, '/v1/token', { GrantType: 'client_credentials', ClientId: app.sid,
      ClientSecret: app.secret, RedirectUri: '', Audience: '', Code: '', RefreshToken: 'refresh_token' });
    assert.equal(r.status, 201, r.body);
    assert.deepEqual(Object.keys(r.json).sort(),
      ['access_token', 'expires_in', 'id_token', 'refresh_token', 'token_type']);
    assert.equal(r.json.refresh_token, null);
    assert.equal(r.json.id_token, null);
    assert.equal(r.json.token_type, 'Bearer');
    assert.equal(r.json.expires_in, 3600);
  });

  test('v2: 200 and nothing null', async () => {
    const r = await form(p, '/v2/token', pair);
    assert.equal(r.status, 200, r.body);
    assert.deepEqual(Object.keys(r.json).sort(),
      ['access_token', 'expires_in', 'scope', 'token_type']);
    assert.equal(r.headers['cache-control'], 'no-store');
    assert.equal(r.headers.pragma, 'no-cache');
  });

  test('the claims', async () => {
    const { access_token: token } = (await form(p, '/v2/token', { ...pair, scope: 'read' })).json;
    const c = claims(token);
    assert.deepEqual(claims(token, 0), { alg: 'ES256', typ: 'JWT', kid: claims(token, 0).kid });
    assert.match(claims(token, 0).kid, /^IC[0-9a-f]{32}$/);
    assert.deepEqual(c, { iss: p.url, aud: p.url, sub: app.sid, cid: app.sid, scp: ['read'],
      act: { sub: `trn:us1:iam:account:${app.organization.account_sid}` },
      iat: c.iat, nbf: c.iat, exp: c.iat + 3600, jti: c.jti, epoch: c.epoch });
    const { keys } = await (await fetch(p.url + '/v1/certs')).json();
    const key = crypto.createPublicKey({ format: 'jwk',
      key: keys.find((k) => k.kid === claims(token, 0).kid) });
    const [head, payload, signature] = token.split('.');
    assert.ok(crypto.verify('sha256', Buffer.from(`${head}.${payload}`),
      { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')));
  });

  test('a UUID is as good as the SID, and the token says the SID', async () => {
    const r = await form(p, '/v2/token', { ...pair, client_id: app.id });
    assert.equal(claims(r.json.access_token).sub, app.sid);
  });

  test('ClientSid is the legacy name, and brings the legacy members', async () => {
    const r = await form(p, '/v1/token', { GrantType: 'client_credentials', ClientSid: app.sid,
      ClientSecret: app.secret });
    assert.equal(r.status, 201);
    assert.equal(r.json.refresh_token_expires_at, null);
    assert.equal(Date.parse(r.json.access_token_expires_at) / 1000,
      claims(r.json.access_token).exp);
  });

  test('introspection and revocation know it, resources of other dialects do not', async () => {
    const { access_token: token } = (await form(p, '/v2/token', pair)).json;
    const seen = await introspect(p, app, token);
    assert.equal(seen.active, true);
    assert.equal(seen.client_id, app.sid);
    assert.equal(seen.scope, 'read write');
    const twine = await fetch(`${p.url}/pub/group`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(twine.status, 401);
    const revoked = await form(p, '/oauth2/revoke', { token }, { authorization: app.authorization });
    assert.equal(revoked.status, 200);
    assert.equal((await introspect(p, app, token)).active, false);
  });
});

describe('two spellings', () => {
  for (const path of VERSIONS) {
    const ok = path === '/v1/token' ? 201 : 200;
    test(`${path} takes both, mixed, and twice if equal`, async () => {
      for (const body of [pair,
        { GrantType: 'client_credentials', client_id: app.sid, ClientSecret: app.secret },
        { ...pair, GrantType: 'client_credentials', ClientId: app.sid, ClientSid: app.sid },
        { ...pair, ClientId: '', Unknown: 'x' }]) {
        assert.equal((await form(p, path, body)).status, ok);
      }
    });
    test(`${path} refuses one parameter with two values`, async () => {
      for (const more of [{ GrantType: 'refresh_token' }, { ClientId: other.client.client_sid },
        { ClientSecret: 'x' }, { ClientSid: other.client.client_sid }]) {
        await refuses(form(p, path, { ...pair, ...more }), 400, 20001, 'invalid_request');
      }
      const twice = new URLSearchParams(pair) + '&client_id=' + app.sid;
      await refuses(form(p, path, twice), 400, 20001, 'invalid_request');
    });
    test(`${path}: credentials in the query are refused`, async () => {
      await refuses(form(p, `${path}?client_secret=${app.secret}`, pair), 400, 20001);
      await refuses(form(p, `${path}?ClientSecret=${app.secret}`, pair), 400, 20001);
    });
  }
});

describe('account_sid', () => {
  for (const path of VERSIONS) {
    test(`${path}: in query or body, and only the client's own`, async () => {
      const own = app.organization.account_sid;
      const ok = path === '/v1/token' ? 201 : 200;
      assert.equal((await form(p, path, { ...pair, account_sid: own })).status, ok);
      assert.equal((await form(p, `${path}?account_sid=${own}`, pair)).status, ok);
      assert.equal((await form(p, `${path}?AccountSid=${own}`, { ...pair, AccountSid: own })).status, ok);
      assert.equal((await form(p, `${path}?account_sid=`, pair)).status, ok);
      for (const sid of [other.organization.account_sid, AC]) {
        await refuses(form(p, path, { ...pair, account_sid: sid }), 403, 20403, 'access_denied');
        await refuses(form(p, `${path}?account_sid=${sid}`, pair), 403, 20403, 'access_denied');
      }
      await refuses(form(p, path, { ...pair, account_sid: 'AC1' }), 400, 20001);
      await refuses(form(p, `${path}?account_sid=${AC}`, { ...pair, account_sid: own }), 400, 20001);
      // who cannot prove itself learns nothing about accounts
      const stranger = { ...pair, client_secret: 'x', account_sid: own };
      assert.equal((await form(p, path, stranger)).status, 401);
    });
  }
});

describe('the Authorization header', () => {
  const grant = { grant_type: 'client_credentials' };
  for (const path of VERSIONS) {
    const ok = path === '/v1/token' ? 201 : 200;
    const wrong = path === '/v1/token' ? 20003 : 322402;
    test(`${path}: empty is absent; accounts, keys and tokens are ignored`, async () => {
      const body = new URLSearchParams(pair).toString();
      const r = await send(p, post(p, path, FORM, body, ['Authorization:']));
      assert.equal(r.status, ok);
      for (const authorization of [basic(AC, 'token'), basic(`SK${'2'.repeat(32)}`, 'x'),
        'Basic ' + Buffer.from(`${AC}:100%`).toString('base64'), 'Bearer x.y.z']) {
        assert.equal((await form(p, path, pair, { authorization })).status, ok, authorization);
      }
      // ... and prove nothing
      await refuses(form(p, path, { ...grant, client_id: app.sid },
        { authorization: basic(AC, app.secret) }), 401, path === '/v1/token' ? 20003 : 321401);
    });
    test(`${path}: an app's is client_secret_basic`, async () => {
      const authorization = basic(app.sid, app.secret);
      assert.equal((await form(p, path, grant, { authorization })).status, ok);
      assert.equal((await form(p, path, pair, { authorization })).status, ok);
      for (const more of [{ client_id: other.client.client_sid }, { client_secret: 'x' }]) {
        await refuses(form(p, path, { ...grant, ...more }, { authorization }), 400, 20001,
          'invalid_request');
      }
      const r = await form(p, path, grant, { authorization: basic(app.sid, 'x') });
      assertTwilioError(r, 401, wrong, 'invalid_client');
      assert.match(r.headers['www-authenticate'], /^Basic /);
    });
    test(`${path}: no challenge unless Basic was tried`, async () => {
      const r = await form(p, path, { ...pair, client_secret: 'x' });
      assertTwilioError(r, 401, wrong, 'invalid_client');
      assert.equal(r.headers['www-authenticate'], undefined);
    });
    test(`${path}: what is no Basic is refused`, async () => {
      for (const authorization of ['Basic', 'Basic !!!', 'Digest x', 'Basic ' + btoa('nocolon')]) {
        assert.equal((await form(p, path, pair, { authorization })).status, 401, authorization);
      }
    });
  }
});

describe('refusals', () => {
  const bad = (path, more, ...expected) =>
    refuses(form(p, path, { ...pair, ...more }), ...expected);
  test('the dictionary of v1', async () => {
    await bad('/v1/token', { grant_type: '' }, 400, 20001, 'invalid_request');
    await bad('/v1/token', { client_id: '' }, 400, 20001, 'invalid_request');
    await bad('/v1/token', { grant_type: 'x' }, 400, 20001, 'unsupported_grant_type');
    await bad('/v1/token', { scope: 'all' }, 400, 20001, 'invalid_scope');
    await bad('/v1/token', { audience: 'https://x.example' }, 400, 20001, 'invalid_target');
    const body = await bad('/v1/token', { client_secret: 'x' }, 401, 20003, 'invalid_client');
    assert.equal(body.message, 'Authenticate');
  });
  test('the dictionary of v2', async () => {
    await bad('/v2/token', { grant_type: '' }, 400, 321403, 'invalid_request');
    await bad('/v2/token', { grant_type: 'x' }, 400, 321403, 'unsupported_grant_type');
    await bad('/v2/token', { client_id: '' }, 400, 321402, 'invalid_request');
    await bad('/v2/token', { client_secret: '' }, 401, 321401, 'invalid_client');
    await bad('/v2/token', { client_secret: 'x' }, 401, 322402, 'invalid_client');
    await bad('/v2/token', { client_id: `OQ${'0'.repeat(32)}` }, 401, 322402, 'invalid_client');
    await bad('/v2/token', { scope: 'all' }, 400, 20001, 'invalid_scope');
  });
  for (const [path, code] of [['/v1/token', 20001], ['/v2/token', 322403]]) {
    test(`${path}: media types and malformed bodies`, async () => {
      for (const [type, body] of [['application/json', '{}'], ['text/plain', 'grant_type=x'],
        [FORM, 'grant_type=%zz'], [FORM, 'grant_type=a%00b'], [FORM, 'grant_type=%ff']]) {
        await refuses(send(p, post(p, path, type, body)), 400, code, 'invalid_request');
      }
    });
  }
  test('a disabled app', async () => {
    const off = await makeClient(p);
    await p.cli(['client', 'disable', off.id]);
    const body = { ...pair, client_id: off.id, client_secret: off.secret };
    for (const path of VERSIONS) await refuses(form(p, path, body), 403, 20403, 'access_denied');
    for (const [path, code] of [['/v1/token', 20003], ['/v2/token', 322402]]) {
      await refuses(form(p, path, { ...body, client_secret: 'x' }), 401, code);
    }
  });
  test('no such path or method, in this dialect\'s shape', async () => {
    for (const path of ['/v1/x', '/v2/', '/v1/token/', '/v2/certs']) {
      const body = await refuses(send(p, request(p, `GET ${path} HTTP/1.1`)), 404, 20404);
      assert.equal(body.message, `The requested resource ${path} was not found`);
    }
    const r = await send(p, request(p, 'GET /v1/token HTTP/1.1'));
    assertTwilioError(r, 405, 20004);
    assert.equal(r.headers.allow, 'POST, OPTIONS');
  });
  test('framing errors, in this dialect\'s shape', async () => {
    const cases = [
      [request(p, 'POST /v2/token HTTP/1.1', ['Content-Length: x']), 400],
      [request(p, 'POST /v2/token HTTP/1.1', ['Content-Length: 9999999']), 413],
      [request(p, 'POST /v2/token HTTP/1.1', [`X: ${'y'.repeat(17000)}`]), 431],
    ];
    for (const [bytes, status] of cases) {
      const r = await send(p, bytes);
      assertTwilioError(r, status, status === 400 ? 322403 : 20001);
    }
    const r = await send(p, 'GET /v1/certs HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n');
    assertTwilioError(r, 421, 20001);
  });
});

describe('browsers', () => {
  test('OPTIONS of every path is 204 with the headers', async () => {
    for (const [path, methods] of [['/v1/token', 'POST, OPTIONS'], ['/v2/token', 'POST, OPTIONS'],
      ['/v1/certs', 'GET, OPTIONS'], ['/v1/Account/OAuthApps', 'GET, POST, OPTIONS'],
      [`/v1/Account/OAuthApps/${app.sid}`, 'GET, PUT, DELETE, OPTIONS']]) {
      const r = await send(p, request(p, `OPTIONS ${path} HTTP/1.1`, ['Origin: https://a.example']));
      assert.equal(r.status, 204);
      assert.equal(r.body, '');
      assert.equal(r.headers['access-control-allow-methods'], methods);
      assert.equal(r.headers['access-control-allow-origin'], '*');
      assert.equal(r.headers['access-control-allow-headers'], 'Content-Type, Authorization');
      assert.equal(r.headers['access-control-allow-credentials'], 'false');
      assert.equal(r.headers['access-control-max-age'], '3600');
      assert.equal(r.headers['content-length'], undefined);
    }
  });

  test('origins of the settings, and switching the dialect off', async () => {
    const q = await startPostern({ settings: { 'twilio.cors_origins': 'https://a.example' } });
    try {
      const from = async (origin) =>
        (await fetch(`${q.url}/v1/certs`, { headers: { origin } })).headers;
      const named = await from('https://a.example');
      assert.equal(named.get('access-control-allow-origin'), 'https://a.example');
      assert.equal(named.get('access-control-allow-credentials'), 'true');
      assert.match(named.get('vary'), /Origin/);
      const foreign = await from('https://b.example');
      assert.equal(foreign.get('access-control-allow-origin'), null);
      assert.match(foreign.get('vary'), /Origin/);
    } finally {
      await q.stop();
    }
    const off = await startPostern({ settings: { 'dialect.twilio': 'false' } });
    try {
      assert.equal((await fetch(`${off.url}/v1/certs`)).status, 404);
    } finally {
      await off.stop();
    }
  });
});

describe('certs', () => {
  test('a JWK set with its URL, for anybody', async () => {
    const r = await fetch(`${p.url}/v1/certs`);
    assert.equal(r.status, 200);
    assert.equal(r.headers.get('cache-control'), 'public, max-age=3600');
    const body = await r.json();
    assert.equal(body.url, `${p.url}/v1/certs`);
    const key = body.keys.find((k) => k.alg === 'ES256');
    assert.equal(key.kty, 'EC');
    assert.match(key.kid, /^IC[0-9a-f]{32}$/);
    assert.equal(key.d, undefined);
    assert.deepEqual(body.keys, (await (await fetch(`${p.url}/oauth2/jwks`)).json()).keys);
  });

  test('but credentials that are sent must be right', async () => {
    const { account_sid: sid, auth_token: token } =
      await p.cli(['account', 'token', app.organization.id]);
    const get = (authorization) => send(p, request(p, 'GET /v1/certs HTTP/1.1',
      [`Authorization: ${authorization}`]));
    const raw = (user, password) =>
      'Basic ' + Buffer.from(`${user}:${password}`).toString('base64');
    assert.equal((await get(raw(sid, token))).status, 200);
    assert.equal((await get('')).status, 200);
    for (const wrong of [raw(sid, 'x'), raw(sid, ''), raw(AC, token), raw('x', token),
      raw(other.organization.account_sid, token), 'Basic x', `Bearer ${token}`]) {
      const r = await get(wrong);
      assertTwilioError(r, 401, 20003);
      assert.match(r.headers['www-authenticate'], /^Basic /);
    }
  });
});
