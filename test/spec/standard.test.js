'use strict';
// The standard dialect as published clients see it. What discovery names is used: every endpoint,
// authentication method, grant and algorithm, by a client that we did not write; what it does not
// name must fail. Then what the tokens say (RFC 9068), how they die, and that secrets, signing
// keys and peppers change under load without one failed request.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const path = require('node:path');
const { startPostern, sleep } = require('../interop/lib/postern.js');
const { basic, form, makeClient, getToken, introspect, request, send } = require('./lib/shape.js');
const { decode } = require('./lib/keys.js');

const MODULES = path.join(__dirname, '..', 'interop', 'node_modules');
const load = async (name, entry) => import(path.join(MODULES, name, entry));

let p;
let oauth;
let jose;
let openid;
let as; // the metadata, as oauth4webapi judged it
let insecure;
before(async () => {
  p = await startPostern();
  oauth = await load('oauth4webapi', 'build/index.js');
  openid = await load('openid-client', 'build/index.js');
  jose = await load('jose', 'dist/webapi/index.js');
  insecure = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(p.url);
  const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
  as = await oauth.processDiscoveryResponse(issuer, answer);
});
after(() => p.stop());

const methodOf = (name, secret) => ({
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
  client_secret_jwt: oauth.ClientSecretJwt,
  none: oauth.None,
}[name](secret));

async function grantedBy(client, method) {
  const r = await oauth.clientCredentialsGrantRequest(as, { client_id: client.id },
    methodOf(method, client.secret), new URLSearchParams({ scope: 'read' }), insecure);
  return oauth.processClientCredentialsResponse(as, { client_id: client.id }, r);
}

// Grants that the server may come to know, and whether a bare request can tell.
const GRANTS = ['client_credentials', 'refresh_token', 'authorization_code', 'password', 'implicit',
  'urn:ietf:params:oauth:grant-type:device_code', 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  'urn:ietf:params:oauth:grant-type:saml2-bearer',
  'urn:ietf:params:oauth:grant-type:token-exchange', 'urn:openid:params:grant-type:ciba'];
const METHODS = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'];
const ENDPOINTS = { token_endpoint: '/oauth2/token', introspection_endpoint: '/oauth2/introspect',
  revocation_endpoint: '/oauth2/revoke', jwks_uri: '/oauth2/jwks',
  authorization_endpoint: '/oauth2/authorize', userinfo_endpoint: '/oauth2/userinfo',
  pushed_authorization_request_endpoint: '/oauth2/par', end_session_endpoint: '/oauth2/logout',
  device_authorization_endpoint: '/oauth2/device_authorization',
  registration_endpoint: '/oauth2/register' };

describe('discovery, tested by use', () => {
  test('the issuer is ours, byte for byte, and the document may be kept', async () => {
    assert.strictEqual(as.issuer, p.url);
    const r = await fetch(`${p.url}/.well-known/oauth-authorization-server`);
    assert.match(r.headers.get('content-type'), /^application\/json/);
    assert.match(r.headers.get('cache-control'), /max-age=\d+/);
    for (const [name, value] of Object.entries(await r.json())) {
      if (name.endsWith('_endpoint') || name.endsWith('_uri')) {
        assert.ok(value.startsWith(`${p.url}/`), `${name}: ${value}`);
      }
    }
  });
  test('every endpoint that is named answers; one that is not is 404', async () => {
    for (const [name, url] of Object.entries(ENDPOINTS)) {
      const r = await fetch(p.url + url, { method: name === 'jwks_uri' ? 'GET' : 'POST' });
      if (as[name]) {
        assert.strictEqual(as[name], p.url + url);
        assert.notStrictEqual(r.status, 404, name);
      } else {
        assert.strictEqual(r.status, 404, `${name} is served and not named`);
      }
    }
    const named = Object.keys(as).filter((k) => /_endpoint$|_uri$/.test(k));
    for (const name of named) assert.ok(name in ENDPOINTS, `no test uses ${name}`);
  });
  for (const method of METHODS) {
    for (const [role, member] of [['token', 'token_endpoint'],
      ['introspection', 'introspection_endpoint'], ['revocation', 'revocation_endpoint']]) {
      test(`${method} at the ${role} endpoint: works if and only if it is named`, async () => {
        const c = await makeClient(p);
        const token = await getToken(p, c);
        const named = (as[`${member}_auth_methods_supported`] || []).includes(method);
        const use = {
          token: () => grantedBy(c, method),
          introspection: async () => {
            const client = { client_id: c.id };
            const r = await oauth.introspectionRequest(as, client, methodOf(method, c.secret), token,
              insecure);
            return oauth.processIntrospectionResponse(as, client, r);
          },
          revocation: async () => oauth.processRevocationResponse(await oauth.revocationRequest(as,
            { client_id: c.id }, methodOf(method, c.secret), token, insecure)),
        }[role];
        if (named) {
          const result = await use();
          if (role === 'introspection') assert.strictEqual(result.active, true);
          if (role === 'revocation') {
            assert.deepStrictEqual(await introspect(p, c, token), { active: false });
          }
        } else {
          await assert.rejects(use(), (e) => e.status === 401 || e.status === 400
            || /401|invalid_client|invalid_request/.test(`${e.error} ${e.message}`));
        }
      });
    }
  }
  // test/spec/client_assertion.test.js uses it in every way
  test('private_key_jwt: named, and refused from a client without keys', async () => {
    assert.ok(as.token_endpoint_auth_methods_supported.includes('private_key_jwt'));
    const { privateKey } = await jose.generateKeyPair('ES256');
    const c = await makeClient(p);
    const r = await oauth.clientCredentialsGrantRequest(as, { client_id: c.id },
      oauth.PrivateKeyJwt(privateKey), {}, insecure);
    assert.strictEqual(r.status, 401);
  });
  test('none: named where a public client may come, and only there', async () => {
    const secret = await makeClient(p);
    const c = await p.cli(['client', 'create', '--org', secret.organization.id, '--name', 'P',
      '--public', '--redirect-uri', 'https://app.example/cb']);
    const bare = (path, body) => form(p, path, { client_id: c.client_id, ...body });
    const code = await bare('/oauth2/token', { grant_type: 'authorization_code', code: 'x' });
    assert.strictEqual(code.json.error, 'invalid_grant');
    assert.strictEqual((await bare('/oauth2/revoke', { token: 'x' })).status, 200);
    assert.strictEqual((await bare('/oauth2/introspect', { token: 'x' })).status, 401);
    for (const [role, named] of [['token', true], ['revocation', true], ['introspection', false]]) {
      assert.strictEqual(as[`${role}_endpoint_auth_methods_supported`].includes('none'), named);
    }
  });
  for (const grant of GRANTS) {
    test(`grant ${grant}: known if and only if it is named`, async () => {
      const c = await makeClient(p, { extra: ['--redirect-uri', 'https://app.example/cb',
        ...['refresh_token', 'authorization_code', 'device_code'].flatMap((g) => ['--grant', g])] });
      const r = await form(p, '/oauth2/token', { grant_type: grant, refresh_token: 'x', code: 'x',
        device_code: 'x', assertion: 'x', subject_token: 'x', username: 'x', password: 'x' }, c);
      if (grant === 'client_credentials') assert.strictEqual(r.status, 200, r.body);
      else if (as.grant_types_supported.includes(grant)) {
        assert.ok(['invalid_grant', 'invalid_request'].includes(r.json.error), r.body);
      } else assert.strictEqual(r.json.error, 'unsupported_grant_type', r.body);
    });
  }
  test('nothing that is not there is promised', () => {
    assert.ok(!(as.response_types_supported || []).some((t) => /token/.test(t)));
    for (const name of as.grant_types_supported) assert.ok(GRANTS.includes(name), name);
    for (const name of as.token_endpoint_auth_methods_supported) {
      assert.ok([...METHODS, 'private_key_jwt', 'none'].includes(name), `no test uses ${name}`);
    }
  });
});

describe('published clients', () => {
  test('openid-client: discovery, token, introspection, revocation', async () => {
    const c = await makeClient(p);
    const config = await openid.discovery(new URL(p.url), c.id, c.secret, undefined,
      { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] });
    const tokens = await openid.clientCredentialsGrant(config, { scope: 'read' });
    assert.strictEqual(tokens.token_type, 'bearer');
    const seen = await openid.tokenIntrospection(config, tokens.access_token);
    assert.strictEqual(seen.active, true);
    assert.strictEqual(seen.scope, 'read');
    await openid.tokenRevocation(config, tokens.access_token);
    assert.strictEqual((await openid.tokenIntrospection(config, tokens.access_token)).active, false);
  });
  test('openid-client is told what is wrong', async () => {
    const c = await makeClient(p);
    const config = await openid.discovery(new URL(p.url), c.id, 'wrong', undefined,
      { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] });
    await assert.rejects(openid.clientCredentialsGrant(config), (e) => {
      assert.ok(e.error === 'invalid_client' || e.cause || e.code, e);
      return true;
    });
  });
  test('simple-oauth2, Basic with percent-encoding', async () => {
    const { ClientCredentials } = require(path.join(MODULES, 'simple-oauth2'));
    const c = await makeClient(p);
    for (const authorizationMethod of ['header', 'body']) {
      const tool = new ClientCredentials({ client: { id: c.id, secret: c.secret },
        auth: { tokenHost: p.url, tokenPath: '/oauth2/token' }, options: { authorizationMethod } });
      const { token } = await tool.getToken({ scope: 'read' });
      assert.strictEqual((await introspect(p, c, token.access_token)).active, true);
    }
  });
});

describe('JWT access tokens (RFC 9068)', () => {
  test('header and claims; jose verifies against the JWKS', async () => {
    const c = await makeClient(p, { extra: ['--token-format', 'jwt'] });
    const r = await form(p, '/oauth2/token', { grant_type: 'client_credentials', scope: 'read' }, c);
    const jwks = jose.createRemoteJWKSet(new URL(as.jwks_uri));
    const { payload, protectedHeader } = await jose.jwtVerify(r.json.access_token, jwks,
      { issuer: p.url, audience: p.url, typ: 'at+jwt' });
    assert.strictEqual(protectedHeader.typ, 'at+jwt');
    assert.strictEqual(protectedHeader.alg, 'ES256');
    assert.match(protectedHeader.kid, /^IC[0-9a-f]{32}$/);
    assert.deepStrictEqual([payload.sub, payload.client_id], [c.id, c.id]);
    assert.strictEqual(payload.scope, 'read');
    assert.strictEqual(payload.exp - payload.iat, r.json.expires_in);
    assert.ok(Math.abs(payload.iat - Date.now() / 1000) < 5);
    assert.strictEqual(typeof payload.jti, 'string');
    const seen = await introspect(p, c, r.json.access_token);
    for (const name of ['iss', 'sub', 'client_id', 'exp', 'iat', 'jti', 'scope']) {
      assert.deepStrictEqual(seen[name], payload[name], name);
    }
  });
  test('oauth4webapi accepts it at a resource', async () => {
    const c = await makeClient(p, { extra: ['--token-format', 'jwt'] });
    const token = await getToken(p, c);
    const incoming = new Request('https://api.example/x', { headers: { authorization: `Bearer ${token}` } });
    const claims = await oauth.validateJwtAccessToken(as, incoming, p.url, insecure);
    assert.strictEqual(claims.client_id, c.id);
  });
  test('a token carries the spelling of the client id that its request used', async () => {
    const c = await makeClient(p, { extra: ['--token-format', 'jwt'] });
    const sid = { authorization: basic(c.client.client_sid, c.secret) };
    assert.strictEqual(decode(await getToken(p, sid)).claims.client_id, c.client.client_sid);
    assert.strictEqual(decode(await getToken(p, c)).claims.client_id, c.id);
    assert.strictEqual((await introspect(p, c, await getToken(p, sid))).active, true);
  });
  test('life as the client says', async () => {
    const c = await makeClient(p, { extra: ['--token-format', 'jwt', '--access-ttl', '60s'] });
    const { claims } = decode(await getToken(p, c));
    assert.strictEqual(claims.exp - claims.iat, 60);
  });
  for (const alg of ['RS256', 'PS256', 'EdDSA']) {
    test(`${alg}: signed on request of the key commands, verified by jose`, async () => {
      const q = await startPostern();
      try {
        const r = await q.cliRaw(['key', 'rotate', '--alg', alg, '--now']);
        assert.strictEqual(r.code, 0, r.stderr);
        const jwks = jose.createRemoteJWKSet(new URL(`${q.url}/oauth2/jwks`), { cooldownDuration: 0 });
        const keys = (await (await fetch(`${q.url}/oauth2/jwks`)).json()).keys;
        const c = await makeClient(q, { extra: ['--token-format', 'jwt'] });
        const token = await getToken(q, c);
        await jose.jwtVerify(token, jwks, { issuer: q.url, audience: q.url });
        assert.ok(keys.length >= 1);
      } finally {
        await q.stop();
      }
    });
  }
  test('the JWKS may be kept for a while, and says so', async () => {
    const r = await fetch(as.jwks_uri);
    assert.strictEqual(r.status, 200);
    assert.match(r.headers.get('content-type'), /^application\/(jwk-set\+)?json/);
    assert.match(r.headers.get('cache-control'), /max-age=3600/);
    assert.doesNotMatch(r.headers.get('cache-control'), /no-store/);
  });
});

test('10,000 answers have distinct jti and all verify', async () => {
  const c = await makeClient(p, { extra: ['--token-format', 'jwt'] });
  const keys = (await (await fetch(as.jwks_uri)).json());
  const jwks = jose.createLocalJWKSet(keys);
  const seen = new Set();
  const body = 'grant_type=client_credentials';
  const worker = async (n) => {
    for (let i = 0; i < n; i++) {
      const r = await form(p, '/oauth2/token', body, c);
      assert.strictEqual(r.status, 200, r.body);
      const { payload } = await jose.jwtVerify(r.json.access_token, jwks, { typ: 'at+jwt' });
      seen.add(payload.jti);
    }
  };
  await Promise.all(Array.from({ length: 16 }, () => worker(625)));
  assert.strictEqual(seen.size, 10000);
});

describe('revoke, disable, delete', () => {
  // Until the change made by a command has reached the running server.
  const until = async (what, condition) => {
    for (let i = 0; i < 100; i++) {
      if (await condition()) return;
      await sleep(50);
    }
    assert.fail(`within 5 s: ${what}`);
  };
  // An opaque token is judged by the store at once; what the client is now reaches the issuer later.
  const fresh = (c) => until('a new token lives',
    async () => (await introspect(p, c, await getToken(p, c))).active);
  for (const format of ['jwt', 'opaque']) {
    const extra = ['--token-format', format];
    test(`everything of a client (${format})`, async () => {
      const c = await makeClient(p, { extra });
      const other = await makeClient(p, { org: c.organization, extra });
      const tokens = [await getToken(p, c), await getToken(p, c, { scope: 'read' })];
      const spared = await getToken(p, other);
      const r = await p.cliRaw(['token', 'revoke', '--client', c.id]);
      assert.strictEqual(r.code, 0, r.stderr);
      for (const t of tokens) await until('dead', async () => !(await introspect(p, c, t)).active);
      assert.strictEqual((await introspect(p, other, spared)).active, true);
      await fresh(c);
    });
    test(`everything of an organization (${format})`, async () => {
      const c = await makeClient(p, { extra });
      const d = await makeClient(p, { org: c.organization, extra });
      const far = await makeClient(p, { extra });
      const [one, two, spared] = [await getToken(p, c), await getToken(p, d), await getToken(p, far)];
      const r = await p.cliRaw(['token', 'revoke', '--org', c.organization.id]);
      assert.strictEqual(r.code, 0, r.stderr);
      await until('dead', async () => !(await introspect(p, c, one)).active);
      await until('dead', async () => !(await introspect(p, d, two)).active);
      assert.strictEqual((await introspect(p, far, spared)).active, true);
      await fresh(c);
    });
    test(`a disabled client gets no token, its tokens are dead (${format})`, async () => {
      const c = await makeClient(p, { extra });
      const warden = await makeClient(p, { org: c.organization,
        extra: ['--introspect', 'organization'] });
      const token = await getToken(p, c);
      const r = await p.cliRaw(['client', 'disable', c.id]);
      assert.strictEqual(r.code, 0, r.stderr);
      await until('dead', async () => !(await introspect(p, warden, token)).active);
      const refused = await form(p, '/oauth2/token', { grant_type: 'client_credentials' }, c);
      assert.strictEqual(refused.status, 400, refused.body);
      assert.strictEqual(refused.json.error, 'unauthorized_client');
      const wrong = await form(p, '/oauth2/token', { grant_type: 'client_credentials' },
        { authorization: basic(c.id, 'wrong') });
      assert.strictEqual(wrong.json.error, 'invalid_client', 'only who proves itself is told');
    });
    test(`a deleted client is unknown, its tokens dead (${format})`, async () => {
      const c = await makeClient(p, { extra });
      const warden = await makeClient(p, { org: c.organization,
        extra: ['--introspect', 'organization'] });
      const token = await getToken(p, c);
      const r = await p.cliRaw(['client', 'delete', c.id]);
      assert.strictEqual(r.code, 0, r.stderr);
      await until('dead', async () => !(await introspect(p, warden, token)).active);
      const refused = await form(p, '/oauth2/token', { grant_type: 'client_credentials' }, c);
      assert.strictEqual(refused.json.error, 'invalid_client');
    });
  }
});

describe('rotation under load, without one failed request', () => {
  // Runs `change` while workers get tokens as `credentials()` says; every answer must be 200 and
  // every token must introspect as active.
  async function underLoad(credentials, change) {
    const state = { done: false, answers: 0 };
    const worker = async () => {
      while (!state.done) {
        const c = credentials();
        const r = await form(p, '/oauth2/token', { grant_type: 'client_credentials' }, c);
        assert.strictEqual(r.status, 200, r.body);
        const seen = await introspect(p, c, r.json.access_token);
        assert.strictEqual(seen.active, true, r.json.access_token);
        state.answers++;
      }
    };
    const workers = Array.from({ length: 8 }, worker);
    const failed = Promise.all(workers);
    try {
      await Promise.race([failed, sleep(300)]);
      await change();
      await Promise.race([failed, sleep(700)]);
    } finally {
      state.done = true;
    }
    await failed;
    assert.ok(state.answers > 20, `${state.answers} answers`);
  }

  test('a secret, with overlap: the old one serves on, the new one at once', async () => {
    const c = await makeClient(p);
    const secrets = [c.secret];
    let i = 0;
    await underLoad(() => ({ authorization: basic(c.id, secrets[i++ % secrets.length]) }), async () => {
      const made = await p.cli(['client', 'secret', c.id]);
      assert.match(made.client_secret, /^[A-Za-z0-9_-]{43}$/);
      secrets.push(made.client_secret);
    });
    assert.strictEqual(secrets.length, 2);
  });
  test('a secret made right behind the first use of its client is taken at once', async () => {
    for (let n = 0; n < 10; n++) {
      const c = await makeClient(p);
      await getToken(p, c);
      const made = await p.cli(['client', 'secret', c.id]);
      await getToken(p, { authorization: basic(c.id, made.client_secret) });
    }
  });
  test('a secret without overlap: the old one is refused at once', async () => {
    const c = await makeClient(p);
    await getToken(p, c);
    const made = await p.cli(['client', 'secret', c.id, '--overlap', '0']);
    await sleep(1500);
    const r = await form(p, '/oauth2/token', { grant_type: 'client_credentials' }, c);
    assert.strictEqual(r.status, 401, r.body);
    await getToken(p, { authorization: basic(c.id, made.client_secret) });
  });
  test('signing keys', async () => {
    const c = await makeClient(p, { extra: ['--token-format', 'jwt'] });
    const kids = new Set([decode(await getToken(p, c)).header.kid]);
    await underLoad(() => c, async () => {
      for (let n = 0; n < 3; n++) {
        const r = await p.cliRaw(['key', 'rotate', '--now']);
        assert.strictEqual(r.code, 0, r.stderr);
        await sleep(400);
        kids.add(decode(await getToken(p, c)).header.kid);
      }
    });
    assert.strictEqual(kids.size, 4, 'each rotation brought another key into use');
    const { keys } = await (await fetch(as.jwks_uri)).json();
    for (const kid of kids) assert.ok(keys.some((k) => k.kid === kid));
  });
  test('peppers', async () => {
    const c = await makeClient(p);
    await underLoad(() => c, async () => {
      for (let n = 0; n < 2; n++) {
        const r = await p.cliRaw(['key', 'rotate', '--pepper']);
        assert.strictEqual(r.code, 0, r.stderr);
        await sleep(400);
      }
    });
    await p.restart();
    await getToken(p, c);
  });
});

test('healthz and readyz', async () => {
  for (const url of ['/healthz', '/readyz']) {
    const r = await send(p, request(p, `GET ${url} HTTP/1.1`));
    assert.strictEqual(r.status, 200);
    assert.notStrictEqual(r.body, '');
    assert.match(r.headers['cache-control'] || '', /no-store/);
  }
});

test('no secret and no token stands in the log', async () => {
  const c = await makeClient(p);
  const token = await getToken(p, c);
  await introspect(p, c, token);
  await form(p, '/oauth2/token', { grant_type: 'client_credentials', client_id: c.id,
    client_secret: 'hunter2hunter2' });
  await sleep(300);
  const lines = p.logLines();
  const text = JSON.stringify(lines);
  for (const s of [c.secret, token, token.split('.')[2] || token, 'hunter2hunter2',
    c.authorization.slice(6)]) {
    assert.ok(!text.includes(s), `the log holds ${s}`);
  }
  const requests = lines.filter((l) => l.path === '/oauth2/token');
  assert.ok(requests.length > 0, 'requests are logged');
  const odd = lines.filter((l) => !/^postern: /.test(l.text || 'postern: '));
  assert.deepStrictEqual(odd, [], 'every line is JSON but the notes of the start');
});
