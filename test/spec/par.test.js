'use strict';
// Pushed authorization requests (RFC 9126) and request objects (RFC 9101) from outside: what the
// PAR endpoint takes and refuses, and what becomes of a request_uri at the authorization endpoint
// (security.md 17-21, 29, 35, A13-A15; openid.md 3.6).

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { startPostern } = require('../interop/lib/postern.js');
const { Person } = require('../interop/lib/person.js');
const { FORM, assertStandardError, basic, form, send, post } = require('./lib/shape.js');
const { now, pair, jwksFile, sign, assertion, withAssertion, requestObject } =
  require('./lib/signing.js');

const MODULES = path.join(__dirname, '..', 'interop', 'node_modules');
const PASSWORD = 'correct horse battery staple 7';
const REDIRECT = 'https://app.example/cb';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const URN = /^urn:ietf:params:oauth:request_uri:pstp_[A-Za-z0-9_-]{43}$/;
const keys = pair('ES256');
const foreign = pair('ES256', keys.kid);

let p;
let org;
let plain; // keeps a secret
let other;
let open; // public
let pushes; // must push
let signs; // must sign its requests
let app; // people sign in to it

const usual = (more = {}) => ({ response_type: 'code', redirect_uri: REDIRECT, scope: 'openid',
  state: 'a b', code_challenge: CHALLENGE, code_challenge_method: 'S256', ...more });
const make = async (name, more = []) => {
  const c = await p.cli(['client', 'create', '--org', org.id, '--name', name, '--redirect-uri',
    REDIRECT, '--scope', 'openid profile', ...more]);
  return { id: c.client_id, sid: c.client_sid,
    authorization: c.client_secret && basic(c.client_id, c.client_secret) };
};

before(async () => {
  p = await startPostern();
  org = await p.cli(['org', 'create', '--name', 'Pushers']);
  plain = await make('plain', ['--jwks-file', jwksFile(p, [keys])]);
  other = await make('other');
  open = await make('open', ['--public']);
  app = await make('app');
  await p.cli(['user', 'create', '--org', org.id, '--username', 'ada', '--password-stdin'],
    { input: PASSWORD });
  pushes = await make('pushes', ['--require-par']);
  signs = await make('signs', ['--jwks-file', jwksFile(p, [keys]), '--request-object', 'required',
    '--auth-method', 'private_key_jwt']);
});
after(() => p.stop());

const push = (client, params, at = '/oauth2/par') =>
  form(p, at, params, { authorization: client.authorization });
async function pushed(client, params = usual()) {
  const r = await push(client, params);
  assert.strictEqual(r.status, 201, r.body);
  return r.json.request_uri;
}
async function refused(title, r, status, error) {
  assert.strictEqual(r.status, status, `${title}: ${r.body}`);
  assertStandardError(r, error);
}

// What the authorization endpoint says to a browser that was never here: { status, to, body }.
async function visit(params) {
  const query = typeof params === 'string' ? params : new URLSearchParams(params).toString();
  const r = await fetch(`${p.url}/oauth2/authorize?${query}`, { redirect: 'manual' });
  const location = r.headers.get('location');
  return { status: r.status, to: location && new URL(location, p.url), body: await r.text() };
}
async function signInPage(params) {
  const r = await visit({ ...params });
  assert.ok(r.status === 200 && /<form/.test(r.body), `${r.status} ${r.to} ${r.body}`);
}
async function errorPage(params) {
  const r = await visit(params);
  assert.strictEqual(r.status, 400, `${r.status} ${r.to} ${r.body}`);
  assert.strictEqual(r.to, null);
  assert.match(r.body, /<html/);
}
async function toldClient(params, error) {
  const r = await visit(params);
  assert.ok(r.to, `${r.status} ${r.body}`);
  assert.strictEqual(r.to.origin + r.to.pathname, REDIRECT);
  assert.strictEqual(r.to.searchParams.get('error'), error);
  assert.strictEqual(r.to.searchParams.get('iss'), p.url);
  return r.to.searchParams;
}

describe('17: the endpoint', () => {
  test('17: 201, request_uri, expires_in below 600, no-store', async () => {
    const r = await push(plain, usual());
    assert.strictEqual(r.status, 201);
    assert.match(r.json.request_uri, URN);
    assert.deepStrictEqual(Object.keys(r.json).sort(), ['expires_in', 'request_uri']);
    assert.ok(r.json.expires_in >= 5 && r.json.expires_in < 600);
    assert.match(r.headers['cache-control'], /no-store/);
    assert.match(r.headers['content-type'], /^application\/json/);
  });
  test('17: other methods are 405', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const r = await fetch(`${p.url}/oauth2/par`, { method });
      assert.strictEqual(r.status, 405);
      assert.match(r.headers.get('allow'), /POST/);
    }
  });
  test('17: failed or missing authentication is 401', async () => {
    await refused('wrong', await push({ authorization: basic(plain.id, 'x'.repeat(43)) }, usual()),
      401, 'invalid_client');
    await refused('none', await push({}, usual()), 401, 'invalid_client');
    await refused('a name alone', await push({}, usual({ client_id: plain.id })), 401,
      'invalid_client');
    await refused('client_id of another', await push(plain, usual({ client_id: other.id })), 400,
      'invalid_request');
  });
  test('17: a public client says who it is', async () => {
    const r = await push({}, usual({ client_id: open.id }));
    assert.strictEqual(r.status, 201, r.body);
  });
  test('17: request_uri in the body', async () => {
    for (const request_uri of ['https://app.example/r', await pushed(plain), 'x']) {
      await refused(request_uri, await push(plain, usual({ request_uri })), 400, 'invalid_request');
    }
  });
  test('an assertion is as good as a secret', async () => {
    const text = assertion(p, signs.id, keys);
    const r = await push({}, { request: requestObject(p, signs.id, keys, usual()),
      ...withAssertion(text) });
    assert.strictEqual(r.status, 201, r.body);
  });
  test('71: metadata', async () => {
    const m = await (await fetch(`${p.url}/.well-known/oauth-authorization-server`)).json();
    assert.strictEqual(m.pushed_authorization_request_endpoint, `${p.url}/oauth2/par`);
    assert.strictEqual(m.require_pushed_authorization_requests, false);
    assert.deepStrictEqual(m.request_object_signing_alg_values_supported.sort(),
      ['ES256', 'EdDSA', 'PS256', 'RS256']);
  });
});

describe('the table of checks, as PAR tells it', () => {
  const without = (name) => {
    const params = usual();
    delete params[name];
    return params;
  };
  const cases = [
    ['1: redirect_uri not registered', usual({ redirect_uri: `${REDIRECT}/` }), 'invalid_request'],
    ['4: redirect_uri missing', without('redirect_uri'), 'invalid_request'],
    ['5: response_type missing', without('response_type'), 'invalid_request'],
    ['5: response_type=token', usual({ response_type: 'token' }), 'unsupported_response_type'],
    ['6: PKCE missing', without('code_challenge'), 'invalid_request'],
    ['6: plain', usual({ code_challenge_method: 'plain' }), 'invalid_request'],
    ['9: state over 4 KiB', usual({ state: 'x'.repeat(4097) }), 'invalid_request'],
    ['9: nonce over 512', usual({ nonce: 'x'.repeat(513) }), 'invalid_request'],
    ['11: none login', usual({ prompt: 'none login' }), 'invalid_request'],
    ['14: scope', usual({ scope: 'openid admin' }), 'invalid_scope'],
    ['14: response_mode', usual({ response_mode: 'fragment' }), 'invalid_request'],
    ['36: resource', usual({ resource: 'https://evil.example' }), 'invalid_target'],
    ['20: request', usual({ request: 'x' }), 'invalid_request_object'],
    ['claims', usual({ claims: '{' }), 'invalid_request'],
    ['max_age', usual({ max_age: '1h' }), 'invalid_request'],
  ];
  for (const [title, params, error] of cases) {
    test(title, async () => refused(title, await push(plain, params), 400, error));
  }
  test('7: twice', async () => {
    const text = new URLSearchParams(usual()).toString();
    for (const name of ['state', 'redirect_uri', 'scope', 'display']) {
      await refused(name, await push(plain, `${text}&${name}=a&${name}=b`), 400,
        'invalid_request');
    }
    await refused('client_id', await push(plain, `${text}&client_id=${plain.id}&client_id=${plain.id}`),
      400, 'invalid_request');
    const r = await push(plain, `${text}&resource=${p.url}&resource=${p.url}&x=1&x=2&nonce=`);
    assert.strictEqual(r.status, 201, r.body);
  });
  test('A13, A15: broken encoding, media type, parameters in the URL', async () => {
    const text = new URLSearchParams(usual()).toString();
    for (const bad of ['%', '%4', '%zz', '%00', '%c0%af', '%ed%a0%80']) {
      await refused(bad, await push(plain, `${text}&nonce=${bad}`), 400, 'invalid_request');
    }
    await refused('query', await push(plain, text, '/oauth2/par?nonce=x'), 400, 'invalid_request');
    await refused('query', await push(plain, text, `/oauth2/par?client_id=${plain.id}`), 400,
      'invalid_request');
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x',
      `${FORM}; charset=utf-16`]) {
      const r = await send(p, post(p, '/oauth2/par', type, text,
        [`Authorization: ${plain.authorization}`]));
      assert.strictEqual(r.status, 415, type);
    }
  });
});

describe('18, 19: what becomes of a request_uri', () => {
  test('19: client_id and request_uri alone; opened twice', async () => {
    const request_uri = await pushed(pushes);
    await signInPage({ client_id: pushes.id, request_uri });
    await signInPage({ client_id: pushes.id, request_uri });
    await signInPage({ client_id: pushes.sid, request_uri });
  });
  test('19: nothing outside overrides what was pushed, repeats neither', async () => {
    const request_uri = encodeURIComponent(await pushed(plain, usual({ prompt: 'none' })));
    const r = await toldClient(`state=evil&prompt=login&scope=admin&response_type=token&nonce=1&nonce=2&`
      + `redirect_uri=https://evil.example&client_id=${plain.id}&request_uri=${request_uri}`,
    'login_required');
    assert.strictEqual(r.get('state'), 'a b');
  });
  test('18: another client, another secret, nothing known', async () => {
    const request_uri = await pushed(plain);
    await errorPage({ ...usual(), client_id: other.id, request_uri });
    const last = request_uri.at(-2) === 'A' ? 'B' : 'A';
    await errorPage({ client_id: plain.id,
      request_uri: request_uri.slice(0, -2) + last + request_uri.slice(-1) });
    for (const tail of ['', 'x', `pstp_${'A'.repeat(43)}`, `psta_${'A'.repeat(43)}`]) {
      await errorPage({ client_id: plain.id,
        request_uri: `urn:ietf:params:oauth:request_uri:${tail}` });
    }
  });
  // Only an end of the person's burns it: an error without a page leaves it as it was.
  test('18: an error of prompt=none does not burn it, a code of prompt=none does', async () => {
    const silent = await pushed(app, usual({ prompt: 'none' }));
    const asked = await pushed(app, usual());
    const hinted = await pushed(app, usual({ prompt: 'none', id_token_hint: 'x' }));
    const open_ = (person, request_uri) => person.authorize(
      `${p.url}/oauth2/authorize?${new URLSearchParams({ client_id: app.id, request_uri })}`);
    const told = async (person, request_uri, error) =>
      assert.strictEqual((await open_(person, request_uri)).error, error);

    const ada = new Person(p, { login: 'ada', password: PASSWORD });
    for (let i = 0; i < 2; i++) await told(ada, silent, 'login_required');
    assert.ok((await ada.authorize(`${p.url}/oauth2/authorize?${new URLSearchParams({
      ...usual({ scope: 'profile' }), client_id: app.id })}`)).code); // a session, another consent
    for (let i = 0; i < 2; i++) await told(ada, silent, 'consent_required');
    for (let i = 0; i < 2; i++) await told(ada, hinted, 'login_required');
    assert.ok((await open_(ada, asked)).code);
    await errorPage({ client_id: app.id, request_uri: asked });
    assert.ok((await open_(ada, silent)).code, 'still good for the code it was pushed for');
    await errorPage({ client_id: app.id, request_uri: silent });
  });
  test('18: a refusal of the person burns it', async () => {
    const request_uri = await pushed(app, usual({ scope: 'openid profile', prompt: 'consent' }));
    const ada = new Person(p, { login: 'ada', password: PASSWORD });
    const end = await ada.authorize(`${p.url}/oauth2/authorize?${new URLSearchParams({
      client_id: app.id, request_uri })}`, { consent: 'deny' });
    assert.strictEqual(end.error, 'access_denied');
    await errorPage({ client_id: app.id, request_uri });
  });
  test('19: a client that must push sends plain parameters', async () => {
    await toldClient({ ...usual(), client_id: pushes.id }, 'invalid_request');
    await errorPage({ ...usual({ redirect_uri: 'https://evil.example' }), client_id: pushes.id });
  });
  test('21: an external request_uri is not fetched', async () => {
    let visits = 0;
    const sink = http.createServer((req, res) => { visits++; res.end('x'); });
    sink.on('connection', () => { visits++; });
    await new Promise((done) => sink.listen(0, '127.0.0.1', done));
    for (const at of [`http://127.0.0.1:${sink.address().port}/r`, 'https://app.example/r',
      'file:///etc/passwd', '//x', 'urn:example:x']) {
      await toldClient({ ...usual(), client_id: plain.id, request_uri: at },
        'request_uri_not_supported');
    }
    sink.close();
    assert.strictEqual(visits, 0);
  });
  test('35: the store does not know the handle', async () => {
    const request_uri = await pushed(plain);
    const secret = request_uri.slice(-43);
    for (const file of fs.readdirSync(p.dir).filter((name) => name.includes('postern'))) {
      assert.ok(!fs.readFileSync(path.join(p.dir, file)).includes(secret), file);
    }
  });
});

describe('20: request objects', () => {
  const inside = (claims, header, by = keys) => requestObject(p, plain.id, by,
    { ...usual({ state: 'inside', prompt: 'none' }), ...claims }, header);
  const good = async (text) => {
    const r = await push(plain, { request: text });
    assert.strictEqual(r.status, 201, r.body);
  };
  const bad = async (title, text) =>
    refused(title, await push(plain, { request: text }), 400, 'invalid_request_object');

  test('20: accepted', async () => {
    await good(inside());
    await good(inside({ aud: [p.url, 'x'] }));
    await good(inside({}, { typ: undefined }));
    await good(inside({ nbf: now() + 8, iat: now() + 8 }));
    await good(inside({ claims: { id_token: { auth_time: { essential: true } } } }));
  });
  test('20: refused', async () => {
    for (const claims of [{ aud: undefined }, { aud: 'https://evil.example' },
      { aud: `${p.url}/oauth2/par` }, { exp: undefined }, { nbf: undefined },
      { exp: now() - 1 }, { exp: now() + 3700 }, { nbf: now() - 3700, exp: now() - 3000 },
      { nbf: now() - 3700 }, { nbf: now() + 100 }, { iss: undefined }, { iss: other.id },
      { client_id: other.id }, { request: 'x' }, { request_uri: await pushed(plain) },
      { scope: ['openid'] }, { sub: plain.id }]) {
      await bad(JSON.stringify(claims), inside(claims));
    }
  });
  test('20, 43: signatures', async () => {
    await bad('another key', inside({}, {}, foreign));
    await bad('none', sign({ ...keys, alg: 'none' }, {}, { iss: plain.id }));
    await bad('HS256', sign({ ...keys, key: JSON.stringify(keys.jwk) }, { alg: 'HS256' },
      { iss: plain.id }));
    await bad('changed', inside().replace(/\.([^.]*)\./, (m) => `${m.slice(0, -2)}x.`));
    await bad('a client assertion', assertion(p, plain.id, keys,
      { ...usual(), nbf: now() }));
    await bad('typ of an access token', inside({}, { typ: 'at+jwt' }));
  });
  test('20: values inside replace those outside, also in the browser', async () => {
    const told = await toldClient({ ...usual(), client_id: plain.id, request: inside() },
      'login_required');
    assert.strictEqual(told.get('state'), 'inside');
    const missing = await toldClient({ ...usual(), client_id: plain.id,
      request: inside({ state: undefined }) }, 'login_required');
    assert.strictEqual(missing.get('state'), null);
  });
  test('20: refused in the browser: told at a proven address alone', async () => {
    await toldClient({ ...usual(), client_id: plain.id, request: 'x' }, 'invalid_request_object');
    await errorPage({ ...usual({ redirect_uri: 'https://evil.example' }), client_id: plain.id,
      request: 'x' });
    await errorPage({ ...usual(), client_id: plain.id,
      request: inside({ redirect_uri: 'https://evil.example' }) });
  });
  test('a client that must sign its requests', async () => {
    await toldClient({ ...usual(), client_id: signs.id }, 'invalid_request');
    await refused('pushed', await push({}, { ...usual(),
      ...withAssertion(assertion(p, signs.id, keys)) }), 400, 'invalid_request');
    const r = await push({}, { ...withAssertion(assertion(p, signs.id, keys)),
      request: requestObject(p, signs.id, keys, usual()) });
    assert.strictEqual(r.status, 201, r.body);
    await signInPage({ client_id: signs.id, request_uri: r.json.request_uri });
    await signInPage({ client_id: signs.id, request: requestObject(p, signs.id, keys, usual()) });
  });
});

test('openid-client pushes and signs', async () => {
  const openid = await import(path.join(MODULES, 'openid-client', 'build', 'index.js'));
  const config = await openid.discovery(new URL(p.url), signs.id, {},
    openid.PrivateKeyJwt({ key: await crypto.subtle.importKey('jwk',
      keys.key.export({ format: 'jwk' }), { name: 'ECDSA', namedCurve: 'P-256' }, false,
      ['sign']), kid: keys.kid }),
    { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] });
  const key = await crypto.subtle.importKey('jwk', keys.key.export({ format: 'jwk' }),
    { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
  const jar = await openid.buildAuthorizationUrlWithJAR(config, usual(), { key, kid: keys.kid });
  const url = await openid.buildAuthorizationUrlWithPAR(config,
    Object.fromEntries(jar.searchParams));
  assert.match(url.searchParams.get('request_uri'), URN);
  await signInPage(Object.fromEntries(url.searchParams));
});

describe('with short lives, and required for all', () => {
  test('18: expired', async () => {
    await p.restart({ settings: { 'par.ttl': 5 } });
    const request_uri = await pushed(plain);
    await signInPage({ client_id: plain.id, request_uri });
    await new Promise((done) => setTimeout(done, 5100));
    await errorPage({ client_id: plain.id, request_uri });
  });
  test('19: required of everybody', async () => {
    await p.restart({ settings: { 'par.required': true } });
    await toldClient({ ...usual(), client_id: plain.id }, 'invalid_request');
    await signInPage({ client_id: plain.id, request_uri: await pushed(plain) });
    const m = await (await fetch(`${p.url}/.well-known/oauth-authorization-server`)).json();
    assert.strictEqual(m.require_pushed_authorization_requests, true);
  });
});
