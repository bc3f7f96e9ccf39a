'use strict';
// Clients that prove themselves by a signature (RFC 7523; security.md 28, 37-45), and clients that
// cannot prove themselves at all (58), at every endpoint that asks who they are.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { startPostern } = require('../interop/lib/postern.js');
const { assertStandardError, basic, form } = require('./lib/shape.js');
const { forge } = require('./lib/keys.js');
const { ASSERTION, now, pair, jwksFile, assertion, withAssertion } =
  require('./lib/signing.js');

const MODULES = path.join(__dirname, '..', 'interop', 'node_modules');
const load = (name, entry) => import(path.join(MODULES, name, entry));
const TOKEN = '/oauth2/token';
const REDIRECT = 'https://app.example/cb';

let p;
let org;
const keys = { ES256: pair('ES256'), PS256: pair('PS256'), EdDSA: pair('EdDSA') };
const stranger = pair('ES256', keys.ES256.kid);

const make = async (name, more) => p.cli(['client', 'create', '--org', org.id, '--name', name,
  '--redirect-uri', REDIRECT, '--grant', 'client_credentials', '--grant', 'authorization_code',
  '--grant', 'refresh_token', '--scope', 'openid read', ...more]);
const signing = (name, more = [], pairs = Object.values(keys)) => make(name,
  ['--auth-method', 'private_key_jwt', '--jwks-file', jwksFile(p, pairs), ...more]);

let client;
let lenient; // its assertions may be for the endpoint
let secret;
let open; // public
before(async () => {
  p = await startPostern();
  org = await p.cli(['org', 'create', '--name', 'Signers']);
  client = await signing('signs');
  lenient = await signing('signs as OpenID has it', ['--assertion-audience', 'endpoint']);
  secret = await make('keeps a secret', []);
  open = await p.cli(['client', 'create', '--org', org.id, '--name', 'keeps none', '--public',
    '--redirect-uri', REDIRECT, '--scope', 'openid']);
});
after(() => p.stop());

const ask = (text, more = {}, at = TOKEN) => form(p, at,
  { grant_type: 'client_credentials', ...withAssertion(text), ...more });
const good = (claims, header, id = client.client_id, by = keys.ES256) =>
  assertion(p, id, by, claims, header);

async function accepted(text, more, at) {
  const r = await ask(text, more, at);
  assert.strictEqual(r.status, 200, r.body);
}

async function refused(title, text, more, at) {
  const r = await ask(text, more, at);
  assert.strictEqual(r.status, 401, `${title}: ${r.body}`);
  assertStandardError(r, 'invalid_client');
  assert.doesNotMatch(r.body, /jti|kid|aud|signature|exp/, 'the answer says why');
}

describe('37: whom the assertion is for', () => {
  test('37: the issuer as a plain string, nothing else', async () => {
    await accepted(good());
    for (const aud of [[p.url], [p.url, 'x'], `${p.url}${TOKEN}`, `${p.url}/oauth2/par`,
      `${p.url}/`, 'https://evil.example', [], undefined, 5, { a: 1 }]) {
      await refused(JSON.stringify(aud), good({ aud }));
    }
  });
  test('37: a client with the older policy may name the endpoint', async () => {
    const id = lenient.client_id;
    for (const aud of [p.url, [p.url], `${p.url}${TOKEN}`, [`${p.url}${TOKEN}`]]) {
      await accepted(good({ aud }, {}, id));
    }
    for (const aud of ['https://evil.example', `${p.url}/oauth2/jwks`, undefined]) {
      await refused(JSON.stringify(aud), good({ aud }, {}, id));
    }
  });
});

test('38: iss = sub = client_id, and none of sub, exp, jti may be missing', async () => {
  const other = lenient.client_id;
  for (const claims of [{ sub: undefined }, { exp: undefined }, { jti: undefined }, { jti: '' },
    { iss: undefined }, { sub: other }, { iss: other }, { jti: 5 },
    { jti: 'x'.repeat(256) }, { sub: 'x' }]) {
    await refused(JSON.stringify(claims), good(claims));
  }
  await refused('client_id of another', good(), { client_id: other });
  await accepted(good(), { client_id: client.client_id });
  await accepted(good({ iss: client.client_sid, sub: client.client_sid }));
  await accepted(good(), { client_id: client.client_sid });
});

describe('39: once', () => {
  test('39: the same jti again, at another endpoint and after a restart', async () => {
    const text = good();
    await accepted(text);
    await refused('again', text);
    await refused('at introspection', text, { token: 'x' }, '/oauth2/introspect');
    await refused('at revocation', text, { token: 'x' }, '/oauth2/revoke');
    await refused('at PAR', text, {}, '/oauth2/par');
    await refused('under another signature', good({ jti: JSON.parse(
      Buffer.from(text.split('.')[1], 'base64url')).jti }, {}, undefined, keys.PS256));
    await p.restart();
    await refused('after a restart', text);
  });
  test('39: in a race exactly one gets through', async () => {
    const text = good();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(text)));
    assert.deepStrictEqual(answers.map((r) => r.status).sort(),
      [200, ...Array(19).fill(401)]);
  });
  test('39: a jti is spent by its owner alone', async () => {
    const jti = crypto.randomUUID();
    await refused('forged', good({ jti }, {}, undefined, stranger));
    await accepted(good({ jti }, {}, lenient.client_id));
    await accepted(good({ jti }));
    await refused('now it is spent', good({ jti }));
  });
  test('39: it is spent even where the request fails otherwise', async () => {
    const text = good();
    const r = await ask(text, { scope: 'more' });
    assert.strictEqual(r.status, 400, r.body);
    await refused('spent', text);
  });
});

test('40: exp, iat and nbf', async () => {
  for (const claims of [{ exp: now() - 1 }, { exp: now() - 300 }, { exp: now() + 310 },
    { iat: now() + 70 }, { nbf: now() + 70 }, { exp: String(now() + 60) }, { exp: now() + 0.5 },
    { exp: -1 }, { exp: 2 ** 63 }, { nbf: 'x' }]) {
    await refused(JSON.stringify(claims), good(claims));
  }
  await accepted(good({ iat: now() + 8, nbf: now() + 8 }));
  await accepted(good({ exp: now() + 295 }));
  await accepted(good({ iat: undefined }));
});

describe('41, 43-45, 48: algorithms, keys and shapes', () => {
  test('41: PS256, ES256 and EdDSA', async () => {
    for (const by of Object.values(keys)) await accepted(good({}, {}, undefined, by));
    await accepted(good({}, { kid: undefined }));
  });
  test('41: not RS256, though the key would do', async () => {
    const rsa = { ...keys.PS256, alg: 'RS256', jwk: { ...keys.PS256.jwk, alg: undefined } };
    const c = await signing('RSA', [], [rsa]);
    await accepted(good({}, { alg: 'PS256' }, c.client_id, rsa));
    await refused('RS256', good({}, { alg: 'RS256' }, c.client_id, rsa));
  });
  test('41, 43: not unsigned, not by a symmetric key, not by another key', async () => {
    const pem = crypto.createPublicKey(keys.ES256.key).export({ type: 'spki', format: 'pem' });
    const claims = { iss: client.client_id, sub: client.client_id, aud: p.url,
      exp: now() + 60 };
    for (const [title, header, key] of [
      ['none', { alg: 'none' }, ''], ['NONE', { alg: 'NONE' }, ''],
      ['HS256 with the public key', { alg: 'HS256', kid: keys.ES256.kid }, pem],
      ['HS256 with nothing', { alg: 'HS256' }, ''],
      ['RS512', { alg: 'RS512' }, keys.PS256.key],
    ]) {
      const alg = header.alg === 'NONE' ? 'none' : header.alg;
      await refused(title, forge(header, { ...claims, jti: crypto.randomUUID() }, key, alg));
    }
    await refused('another key of the same kid', good({}, {}, undefined, stranger));
    await refused('an unknown kid', good({}, { kid: 'nobody' }));
    await refused('the key of another kid', good({}, { kid: keys.PS256.kid }));
  });
  test('44, 45: headers that bring keys or extensions', async () => {
    for (const header of [{ crit: ['exp'] }, { b64: false }, { zip: 'DEF' },
      { kid: 'x'.repeat(257) }, { kid: 5 }]) {
      await refused(JSON.stringify(header), good({}, header));
    }
    await refused('jwk', good({}, { jwk: stranger.jwk, kid: stranger.kid }, undefined, stranger));
  });
  test('48: shapes', async () => {
    const text = good();
    for (const bad of [`${text}.x`, text.split('.').slice(0, 2).join('.'), `${text}=`,
      text.replace('.', '..'), 'x', '..', `${text} `, text.slice(0, -2)]) {
      await refused(bad.slice(-20), bad);
    }
    await accepted(text);
  });
});

test('42: typ of its own kind or none', async () => {
  for (const typ of ['client-authentication+jwt', 'application/client-authentication+jwt', 'JWT']) {
    await accepted(good({}, { typ }));
  }
  for (const typ of ['at+jwt', 'dpop+jwt', 'logout+jwt', 'oauth-authz-req+jwt', '']) {
    await refused(typ, good({}, { typ }));
  }
});

describe('28: one method, and the registered one', () => {
  const bad = async (params, authorization, status, error) => {
    const r = await form(p, TOKEN, { grant_type: 'client_credentials', ...params },
      { authorization });
    assert.strictEqual(r.status, status, r.body);
    assertStandardError(r, error);
  };
  test('28: two methods at once', async () => {
    await bad(withAssertion(good()), basic(client.client_id, 'x'), 400, 'invalid_request');
    await bad({ ...withAssertion(good()), client_secret: 'x' }, undefined, 400, 'invalid_request');
    await bad({ client_assertion: good() }, undefined, 400, 'invalid_request');
    await bad({ client_assertion_type: ASSERTION }, undefined, 400, 'invalid_request');
    await bad({ client_assertion: good(), client_assertion_type: 'urn:x' }, undefined, 401,
      'invalid_client');
    await bad({ ...withAssertion(good()), client_assertion_type: [ASSERTION, ASSERTION] },
      undefined, 401, 'invalid_client');
  });
  test('28: a method that is not the registered one', async () => {
    await bad({ client_id: client.client_id, client_secret: 'x'.repeat(43) }, undefined, 401,
      'invalid_client');
    await bad({}, basic(client.client_id, 'x'.repeat(43)), 401, 'invalid_client');
    await bad(withAssertion(good({}, {}, secret.client_id)), undefined, 401, 'invalid_client');
    await bad({ client_id: client.client_id }, undefined, 401, 'invalid_client');
    await bad(withAssertion(good({}, {}, open.client_id)), undefined, 401, 'invalid_client');
  });
});

test('a key that was changed a moment ago holds at once', async () => {
  const fresh = pair('ES256');
  const c = await signing('changes its key', [], [keys.ES256]);
  await accepted(good({}, {}, c.client_id));
  await p.cli(['client', 'update', c.client_id, '--jwks-file', jwksFile(p, [fresh])]);
  await accepted(good({}, {}, c.client_id, fresh));
  await refused('the old one', good({}, {}, c.client_id));
});

test('a method that was changed a moment ago holds at once, the keys being the same', async () => {
  const c = await make('changes its method', ['--jwks-file', jwksFile(p, [keys.ES256])]);
  const r = await form(p, '/oauth2/token', { grant_type: 'client_credentials' },
    { authorization: basic(c.client_id, c.client_secret) });
  assert.strictEqual(r.status, 200, r.body);
  await p.cli(['client', 'update', c.client_id, '--auth-method', 'private_key_jwt']);
  await accepted(good({}, {}, c.client_id));
});

test('a disabled client proves itself in vain', async () => {
  const c = await signing('disabled');
  await p.cli(['client', 'disable', c.client_id]);
  const r = await ask(good({}, {}, c.client_id));
  assert.ok(r.status === 400 || r.status === 401, r.body);
});

test('every endpoint takes an assertion', async () => {
  const { access_token: token } = (await ask(good())).json;
  let r = await form(p, '/oauth2/introspect', { token, ...withAssertion(good()) });
  assert.strictEqual(r.json.active, true, r.body);
  r = await form(p, '/oauth2/revoke', { token, ...withAssertion(good()) });
  assert.strictEqual(r.status, 200, r.body);
  r = await form(p, '/oauth2/introspect', { token, ...withAssertion(good()) });
  assert.strictEqual(r.json.active, false, r.body);
  r = await form(p, '/oauth2/par', { response_type: 'code', redirect_uri: REDIRECT,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
    ...withAssertion(good()) });
  assert.strictEqual(r.status, 201, r.body);
});

test('A31: no assertion is in the log', async () => {
  const text = good();
  await accepted(text);
  await refused('again', text);
  const log = fs.readFileSync(p.log, 'utf8');
  assert.ok(!log.includes(text.split('.')[2]));
});

describe('58: clients that keep no secret', () => {
  test('58: nothing is proven by a name, or by a secret sent along', async () => {
    for (const params of [{}, { client_secret: 'x'.repeat(43) }]) {
      let r = await form(p, TOKEN, { grant_type: 'client_credentials', client_id: open.client_id,
        ...params });
      assert.strictEqual(r.status, 401, r.body);
      r = await form(p, '/oauth2/introspect', { token: 'x', client_id: open.client_id, ...params });
      assert.strictEqual(r.status, 401, r.body);
    }
  });
  test('58: the grants of people are open to them, secret or not', async () => {
    for (const params of [{}, { client_secret: 'x'.repeat(43) }]) {
      const r = await form(p, TOKEN, { grant_type: 'authorization_code', code: 'x',
        redirect_uri: REDIRECT, code_verifier: 'v'.repeat(43), client_id: open.client_id, ...params });
      assert.strictEqual(r.status, 400, r.body);
      assertStandardError(r, 'invalid_grant');
    }
  });
  test('RFC 7009 2.1: they revoke what they hold', async () => {
    const r = await form(p, '/oauth2/revoke', { token: 'x', client_id: open.client_id });
    assert.strictEqual(r.status, 200, r.body);
  });
  test('28: a client with a secret does not pass as one', async () => {
    for (const path_ of [TOKEN, '/oauth2/revoke', '/oauth2/par']) {
      const r = await form(p, path_, { grant_type: 'authorization_code', code: 'x', token: 'x',
        redirect_uri: REDIRECT, client_id: secret.client_id });
      assert.strictEqual(r.status, 401, r.body);
    }
  });
});

describe('published clients', () => {
  test('71: metadata names the methods and their algorithms', async () => {
    const m = await (await fetch(`${p.url}/.well-known/oauth-authorization-server`)).json();
    for (const at of ['token', 'introspection', 'revocation']) {
      assert.ok(m[`${at}_endpoint_auth_methods_supported`].includes('private_key_jwt'));
      assert.deepStrictEqual(m[`${at}_endpoint_auth_signing_alg_values_supported`].sort(),
        ['ES256', 'EdDSA', 'PS256']);
    }
    assert.ok(m.token_endpoint_auth_methods_supported.includes('none'));
    assert.ok(m.revocation_endpoint_auth_methods_supported.includes('none'));
    assert.ok(!m.introspection_endpoint_auth_methods_supported.includes('none'));
  });
  test('openid-client and jose sign with each algorithm', async () => {
    const openid = await load('openid-client', 'build/index.js');
    const jose = await load('jose', 'dist/webapi/index.js');
    for (const one of Object.values(keys)) {
      const key = await jose.importJWK({ ...one.key.export({ format: 'jwk' }) }, one.alg);
      const config = await openid.discovery(new URL(p.url), client.client_id, {},
        openid.PrivateKeyJwt({ key, kid: one.kid }),
        { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] });
      const tokens = await openid.clientCredentialsGrant(config);
      assert.strictEqual(tokens.token_type, 'bearer');
    }
  });
  test('37: jose, for the endpoint, by the older policy', async () => {
    const jose = await load('jose', 'dist/webapi/index.js');
    const text = await new jose.SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid: keys.ES256.kid })
      .setIssuer(lenient.client_id).setSubject(lenient.client_id)
      .setAudience(`${p.url}${TOKEN}`).setIssuedAt().setExpirationTime('1m')
      .sign(keys.ES256.key);
    await accepted(text);
  });
});
