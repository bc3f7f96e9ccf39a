'use strict';
// The Twilio endpoints as a plain OAuth server: strict clients that know nothing of Twilio, and
// two JWT libraries that verify against GET /v1/certs.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { test, before, after } = require('node:test');
const oauth = require('oauth4webapi');
const jose = require('jose');
const jwt = require('jsonwebtoken');
const { ClientCredentials } = require('simple-oauth2');
const { startPostern } = require('./lib/postern');
const { request } = require('./lib/http');
const { makeApp } = require('./lib/twilio');

// Every character that a form or Basic could get wrong.
const HARD = 'a:b/c%d+e f&g=h?i#j"k\\l~mn;o,p@q';
const INSECURE = { [oauth.allowInsecureRequests]: true };
let p, a, hard, server;

before(async () => {
  p = await startPostern();
  a = await makeApp(p);
  const id = crypto.randomUUID();
  await p.cli(['client', 'import', '-'], { input: JSON.stringify({ client_id: id,
    client_secret: HARD, name: 'Hard', organization: a.organization.id,
    grants: ['client_credentials'], scopes: ['messages', 'voice'] }) });
  hard = { id: `OQ${id.replaceAll('-', '')}`, secret: HARD };
  server = { issuer: p.url, token_endpoint: `${p.url}/v2/token` };
});
after(() => p.stop());

const ask = async (client, auth, params = {}) => oauth.clientCredentialsGrantRequest(server,
  { client_id: client.id }, auth, params, INSECURE);
const METHODS = { ClientSecretPost: oauth.ClientSecretPost, ClientSecretBasic: oauth.ClientSecretBasic };

for (const [name, method] of Object.entries(METHODS)) {
  test(`oauth4webapi, ${name}`, async () => {
    for (const client of [a, hard]) {
      const res = await ask(client, method(client.secret), { scope: 'voice' });
      const t = await oauth.processClientCredentialsResponse(server, { client_id: client.id }, res);
      assert.equal(t.token_type, 'bearer'); // it compares without case, and gives lower case back
      assert.equal(t.expires_in, 3600);
      assert.equal(jose.decodeJwt(t.access_token).sub, client.id);
    }
  });

  test(`oauth4webapi, ${name}: refusals`, async () => {
    const refusal = async (client, secret, params) => oauth.processClientCredentialsResponse(server,
      { client_id: client.id }, await ask(client, method(secret), params))
      .then(() => assert.fail('it was not refused'), (e) => e);
    let e = await refusal(a, a.secret, { scope: 'other' });
    assert.ok(e instanceof oauth.ResponseBodyError, String(e));
    assert.equal(e.error, 'invalid_scope');
    assert.equal(e.status, 400);
    e = await refusal(a, 'wrong');
    if (name === 'ClientSecretPost') {
      assert.ok(e instanceof oauth.ResponseBodyError, String(e));
      assert.equal(e.error, 'invalid_client');
      assert.equal(e.status, 401);
    } else { // RFC 6749 5.2: who tried the header gets a challenge
      assert.ok(e instanceof oauth.WWWAuthenticateChallengeError, String(e));
      assert.equal(e.cause[0].scheme, 'basic');
      assert.equal(e.status, 401);
    }
  });
}

test('simple-oauth2: header and body, a secret that has to be encoded', async () => {
  for (const path of ['/v2/token', '/v1/token']) {
    for (const authorizationMethod of ['header', 'body']) {
      for (const client of [a, hard]) {
        const c = new ClientCredentials({ client: { id: client.id, secret: client.secret },
          auth: { tokenHost: p.url, tokenPath: path }, options: { authorizationMethod } });
        const { token } = await c.getToken({ scope: 'messages' });
        assert.equal(token.token_type, 'Bearer');
        assert.deepEqual(jose.decodeJwt(token.access_token).scp, ['messages']);
        const bad = new ClientCredentials({ client: { id: client.id, secret: 'x' },
          auth: { tokenHost: p.url, tokenPath: path }, options: { authorizationMethod } });
        await assert.rejects(bad.getToken(), (e) => e.output.statusCode === 401 &&
          e.data.payload.error === 'invalid_client' &&
          e.data.payload.code === (path === '/v2/token' ? 322402 : 20003));
      }
    }
  }
});

const newToken = async () => (await request(p, 'POST', '/v2/token', {
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: `grant_type=client_credentials&client_id=${a.id}&client_secret=${a.secret}`,
})).json.access_token;

test('jose verifies against /v1/certs, by its address', async () => {
  const keys = jose.createRemoteJWKSet(new URL(`${p.url}/v1/certs`));
  for (let i = 0; i < 3; i++) {
    const { payload, protectedHeader } = await jose.jwtVerify(await newToken(), keys,
      { issuer: p.url, audience: p.url, typ: 'JWT', algorithms: ['ES256'] });
    assert.equal(payload.sub, a.id);
    assert.match(protectedHeader.kid, /^IC[0-9a-f]{32}$/);
  }
  const bad = (await newToken()).replace(/\.[^.]*$/, (s) => `.${s[1] === 'A' ? 'B' : 'A'}${s.slice(2)}`);
  await assert.rejects(jose.jwtVerify(bad, keys), /signature verification failed|JWS/);
});

test('jsonwebtoken verifies with every algorithm that it knows', async () => {
  for (const alg of ['ES256', 'RS256', 'PS256']) {
    if (alg !== 'ES256') await p.cli(['key', 'rotate', '--alg', alg, '--now']);
    await p.restart({ settings: { 'access_token.alg': alg } });
    const token = await newToken();
    const { header } = jwt.decode(token, { complete: true });
    assert.equal(header.alg, alg);
    const certs = (await request(p, 'GET', '/v1/certs')).json;
    const jwk = certs.keys.find((k) => k.kid === header.kid);
    const key = crypto.createPublicKey({ key: jwk, format: 'jwk' });
    const claims = jwt.verify(token, key, { algorithms: [alg], issuer: p.url });
    assert.equal(claims.exp - claims.iat, 3600);
    await assert.rejects(async () => jwt.verify(`${token}x`, key, { algorithms: [alg] }));
  }
});

test('the certs are the keys of the JWKS, kept as long', async () => {
  const certs = await request(p, 'GET', '/v1/certs');
  const jwks = await request(p, 'GET', '/oauth2/jwks');
  assert.equal(certs.status, 200);
  assert.deepEqual(certs.json.keys, jwks.json.keys);
  assert.equal(certs.json.url, `${p.url}/v1/certs`);
  assert.equal(certs.headers['cache-control'], jwks.headers['cache-control']);
  for (const key of certs.json.keys) assert.equal('d' in key, false);
});
