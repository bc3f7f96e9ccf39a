'use strict';
// oauth4webapi, the strict library below openid-client, by hand: every answer goes through its
// process functions, which refuse what a specification does not allow.

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { generateKeyPair, exportJWK } = require('jose');
const { startWorld, REDIRECT } = require('./lib/relying_party');

let w;
let o;
let as;
let http;

before(async () => {
  o = await import('oauth4webapi');
  w = await startWorld();
  http = { [o.allowInsecureRequests]: true };
  const issuer = new URL(w.p.url);
  as = await o.processDiscoveryResponse(issuer, await o.discoveryRequest(issuer, http));
});

after(() => w && w.stop());

async function request(client, more = {}) {
  const verifier = o.generateRandomCodeVerifier();
  const state = o.generateRandomState();
  const nonce = o.generateRandomNonce();
  return { verifier, state, nonce, params: new URLSearchParams({ client_id: client.client_id,
    redirect_uri: REDIRECT, response_type: 'code', scope: 'openid email offline_access', state,
    nonce, code_challenge: await o.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256', ...more }) };
}

async function redeem(client, auth, r, callback) {
  const params = o.validateAuthResponse(as, client, callback.url, r.state);
  const answer = await o.authorizationCodeGrantRequest(as, client, auth, params, REDIRECT,
    r.verifier, http);
  return o.processAuthorizationCodeResponse(as, client, answer,
    { expectedNonce: r.nonce, requireIdToken: true });
}

test('discovery says the same by RFC 8414', async () => {
  const issuer = new URL(w.p.url);
  const other = await o.processDiscoveryResponse(issuer,
    await o.discoveryRequest(issuer, { ...http, algorithm: 'oauth2' }));
  assert.equal(other.token_endpoint, as.token_endpoint);
  assert.equal(as.authorization_response_iss_parameter_supported, true);
  assert.deepEqual(as.code_challenge_methods_supported, ['S256']);
});

test('PAR, code, userinfo, refresh, introspection, revocation; validated signatures', async () => {
  const made = await w.client('strict');
  const client = { client_id: made.client_id };
  const auth = o.ClientSecretPost(made.client_secret);
  const r = await request(client);
  const pushed = await o.processPushedAuthorizationResponse(as, client,
    await o.pushedAuthorizationRequest(as, client, auth, r.params, http));
  assert.ok(pushed.expires_in >= 5 && pushed.expires_in < 600);
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({ client_id: client.client_id,
    request_uri: pushed.request_uri });
  const callback = await w.person().authorize(url.href);
  const tokens = await redeem(client, auth, r, callback);
  const claims = o.getValidatedIdTokenClaims(tokens);
  const info = await o.processUserInfoResponse(as, client, claims.sub,
    await o.userInfoRequest(as, client, tokens.access_token, http));
  assert.equal(info.email, 'ada@example.com');
  const again = await o.processRefreshTokenResponse(as, client,
    await o.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, http));
  const seen = await o.processIntrospectionResponse(as, client,
    await o.introspectionRequest(as, client, auth, again.access_token, http));
  assert.equal(seen.active, true);
  assert.equal(seen.sub, claims.sub);
  await o.processRevocationResponse(
    await o.revocationRequest(as, client, auth, again.refresh_token, http));
  const dead = await o.processIntrospectionResponse(as, client,
    await o.introspectionRequest(as, client, auth, again.access_token, http));
  assert.deepEqual(dead, { active: false });
});

test('RFC 9068: the access token validates as a JWT of a resource server', async () => {
  const made = await w.client('rs', ['--token-format', 'jwt']);
  const client = { client_id: made.client_id };
  const r = await request(client);
  const callback = await w.person().authorize(`${as.authorization_endpoint}?${r.params}`);
  const tokens = await redeem(client, o.ClientSecretBasic(made.client_secret), r, callback);
  const call = new Request('https://api.example/', {
    headers: { authorization: `Bearer ${tokens.access_token}` } });
  const claims = await o.validateJwtAccessToken(as, call, w.p.url, http);
  assert.equal(claims.sub, w.user.id);
  assert.equal(claims.client_id, made.client_id);
});

test('JAR with private_key_jwt; errors are processed as errors', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const file = path.join(w.p.dir, 'strict.jwks');
  fs.writeFileSync(file, JSON.stringify({ keys: [{ ...await exportJWK(publicKey), kid: 'k',
    alg: 'ES256' }] }));
  const made = await w.client('jar', ['--jwks-file', file, '--auth-method', 'private_key_jwt']);
  const client = { client_id: made.client_id };
  const auth = o.PrivateKeyJwt({ key: privateKey, kid: 'k' });
  const r = await request(client);
  const jar = await o.issueRequestObject(as, client, r.params, { key: privateKey, kid: 'k' });
  const callback = await w.person().authorize(
    `${as.authorization_endpoint}?client_id=${client.client_id}&request=${jar}`);
  const tokens = await redeem(client, auth, r, callback);
  assert.equal(o.getValidatedIdTokenClaims(tokens).nonce, r.nonce);
  await assert.rejects(redeem(client, auth, r, callback), (e) => e.error === 'invalid_grant');
});

test('an error comes back with state and iss, and nothing else is believed', async () => {
  const made = await w.client('denied');
  const client = { client_id: made.client_id };
  const r = await request(client);
  const callback = await w.person().authorize(`${as.authorization_endpoint}?${r.params}`,
    { consent: 'deny' });
  assert.throws(() => o.validateAuthResponse(as, client, callback.url, r.state),
    (e) => e.error === 'access_denied');
  assert.deepEqual([...callback.params.keys()].sort(),
    ['error', 'error_description', 'iss', 'state']);
});

test('device authorization', async () => {
  const made = await w.client('tv', ['--grant', 'device_code']);
  const client = { client_id: made.client_id };
  const auth = o.ClientSecretBasic(made.client_secret);
  const device = await o.processDeviceAuthorizationResponse(as, client,
    await o.deviceAuthorizationRequest(as, client, auth,
      new URLSearchParams({ scope: 'openid' }), http));
  const poll = () => o.deviceCodeGrantRequest(as, client, auth, device.device_code, http)
    .then((res) => o.processDeviceCodeResponse(as, client, res));
  await assert.rejects(poll(), (e) => e.error === 'authorization_pending');
  await assert.rejects(poll(), (e) => e.error === 'slow_down');
  await w.person().device(device.verification_uri_complete);
  const again = await poll().catch((e) => e);
  assert.ok(again.access_token || again.error === 'slow_down');
});
