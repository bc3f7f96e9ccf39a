'use strict';
// Clients that people sign in to, on the command line: what can be registered, what is refused, and
// that a change leaves alone what it does not name.

const { test, describe, beforeEach, afterEach } = require('node:test');
const assert = require('node:assert/strict');
const { generateKeyPairSync } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { SECRET, work, json, refused, fresh, remove, org, client } = require('./lib/cli');

const CB = 'https://app.example.com/cb';
const jwks = () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'ES256' }] };
};

describe('relying party', () => {
  let o;
  beforeEach(() => {
    fresh();
    o = org();
  });
  afterEach(remove);

  const file = (value) => {
    const name = path.join(work.dir, 'jwks.json');
    fs.writeFileSync(name, typeof value === 'string' ? value : JSON.stringify(value));
    return name;
  };
  const wrong = (text, ...args) =>
    refused(2, text, ['client', 'create', '--org', o.id, '--name', 'A', ...args]);

  test('a redirect URI is all that is needed', () => {
    const { client_secret: secret, ...c } = client(o, '--redirect-uri', CB);
    assert.match(secret, SECRET);
    assert.deepEqual(c.grants, ['refresh_token', 'authorization_code']);
    assert.deepEqual(c.scopes, ['openid', 'profile', 'email']);
    const party = {
      public: false, redirect_uris: [CB], post_logout_redirect_uris: [], origins: [],
      pkce: 'required', trusted: false, require_par: false,
      response_modes: ['query', 'form_post'], jwks: null, assertion_audience: 'issuer',
      request_object: 'optional', id_token_alg: 'RS256', userinfo_alg: 'json',
      subject_type: 'public', sector: null, claim_map: [], resources: [], default_max_age: null,
      logo_uri: null, policy_uri: null, tos_uri: null,
    };
    for (const [name, value] of Object.entries(party)) assert.deepEqual(c[name], value, name);
    assert.deepEqual(json(['client', 'show', c.id]), c);
    assert.ok(!('redirect_uris' in client(o)), 'a client of machines has none of it');
  });

  test('every option arrives', () => {
    json(['key', 'rotate', '--alg', 'EdDSA', '--now']);
    const keys = jwks();
    json(['key', 'rotate', '--alg', 'EdDSA', '--now']);
    const c = client(o, '--redirect-uri', CB, '--redirect-uri', 'http://127.0.0.1/cb',
      '--post-logout-redirect-uri', 'https://app.example.com/bye', '--origin',
      'https://app.example.com', '--pkce', 'optional', '--trusted', '--require-par',
      '--response-mode', 'query', '--jwks-file', file(keys), '--auth-method', 'private_key_jwt',
      '--assertion-audience', 'endpoint', '--request-object', 'required', '--id-token-alg', 'ES256',
      '--userinfo-alg', 'EdDSA', '--subject-type', 'pairwise', '--sector', 'app.example.com',
      '--claim-map', 'role=user.roles@id_token', '--claim-map', 'org=organization.name',
      '--resource', 'https://api.example.com/', '--default-max-age', '1h',
      '--logo-uri', 'https://app.example.com/logo.png', '--policy-uri',
      'https://app.example.com/privacy', '--tos-uri', 'https://app.example.com/terms',
      '--grant', 'authorization_code', '--grant', 'urn:ietf:params:oauth:grant-type:device_code',
      '--scope', 'openid offline_access');
    const expected = {
      redirect_uris: [CB, 'http://127.0.0.1/cb'],
      post_logout_redirect_uris: ['https://app.example.com/bye'],
      origins: ['https://app.example.com'], pkce: 'optional', trusted: true, require_par: true,
      response_modes: ['query'], jwks: keys, auth_method: 'private_key_jwt',
      assertion_audience: 'endpoint', request_object: 'required', id_token_alg: 'ES256',
      userinfo_alg: 'EdDSA', subject_type: 'pairwise', sector: 'app.example.com',
      claim_map: ['role=user.roles@id_token', 'org=organization.name'],
      resources: ['https://api.example.com/'], default_max_age: 3600,
      logo_uri: 'https://app.example.com/logo.png', policy_uri: 'https://app.example.com/privacy',
      tos_uri: 'https://app.example.com/terms', grants: ['authorization_code', 'device_code'],
      scopes: ['openid', 'offline_access'],
    };
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(c[name], value, name);
    assert.ok(!('client_secret' in c), 'it proves itself by its key');
    assert.equal(c.secrets, 0);

    // An export is an import.
    json(['client', 'delete', c.id]);
    const [again] = json(['client', 'import', '-'], { input: JSON.stringify(c) });
    assert.deepEqual({ ...again, created: c.created }, c);
  });

  test('a public client has no secret, and PKCE always', () => {
    const c = client(o, '--public', '--redirect-uri', 'com.example.app:/cb');
    assert.ok(!('client_secret' in c));
    assert.deepEqual([c.public, c.auth_method, c.secrets, c.pkce], [true, 'none', 0, 'required']);
    refused(4, 'proves itself without a secret', ['client', 'secret', c.id]);
    wrong('PKCE is always required', '--public', '--redirect-uri', CB, '--pkce', 'optional');
    wrong('may not have client_credentials', '--public', '--redirect-uri', CB, '--grant',
      'authorization_code', '--grant', 'client_credentials');
    wrong('public clients, and only they', '--public', '--redirect-uri', CB, '--auth-method', 'basic');
    wrong('public clients, and only they', '--redirect-uri', CB, '--auth-method', 'none');
    wrong('without a secret', '--public', '--redirect-uri', CB, '--secret-stdin');
    const device = client(o, '--public', '--grant', 'device_code');
    assert.deepEqual(device.redirect_uris, []);
  });

  test('security.md 3: redirect URIs that could mean another place', () => {
    for (const uri of [`${CB}#`, `${CB}#x`, '/cb', 'http://app.example.com/cb',
      'https://*.example.com/cb', 'https://u@app.example.com/cb', 'javascript:alert(1)',
      'data:text/html,x', 'myapp:/cb', 'https://app.example.com/ cb', '']) {
      refused(2, '', ['client', 'create', '--org', o.id, '--name', 'A', '--grant',
        'authorization_code', '--redirect-uri', uri]);
    }
    for (const uri of ['https://app.example.com/cb?a=b', 'http://[::1]/cb', 'com.example.app:/x']) {
      assert.deepEqual(client(o, '--redirect-uri', uri).redirect_uris, [uri]);
    }
    wrong('--redirect-uri: `http://x.example/`:', '--redirect-uri', 'http://x.example/');
  });

  test('what does not go together', () => {
    wrong('needs a redirect URI', '--grant', 'authorization_code');
    wrong('needs the grant authorization_code', '--redirect-uri', CB, '--grant', 'refresh_token');
    wrong('private_key_jwt needs the client\'s keys', '--redirect-uri', CB, '--auth-method',
      'private_key_jwt');
    wrong('a required request object needs', '--redirect-uri', CB, '--request-object', 'required');
    wrong('pairwise subjects need --sector', '--subject-type', 'pairwise', '--redirect-uri', CB,
      '--redirect-uri', 'https://other.example.com/cb');
    wrong('pairwise subjects need --sector', '--subject-type', 'pairwise', '--redirect-uri',
      'com.example.app:/cb');
    assert.equal(client(o, '--subject-type', 'pairwise', '--redirect-uri', CB).subject_type,
      'pairwise');
  });

  test('an algorithm that no key signs with yet is refused, with what makes one', () => {
    const make = ['client', 'create', '--org', o.id, '--name', 'A', '--redirect-uri', CB];
    for (const option of ['--id-token-alg', '--userinfo-alg']) {
      refused(4, 'run: postern key rotate --alg PS256 --now', [...make, option, 'PS256']);
    }
    json(['key', 'rotate', '--alg', 'PS256', '--now']);
    assert.equal(client(o, '--redirect-uri', CB, '--id-token-alg', 'PS256').id_token_alg, 'PS256');
  });

  test('values are refused with what they take', () => {
    const party = (text, ...args) => wrong(text, '--redirect-uri', CB, ...args);
    party('--id-token-alg: takes ES256|RS256|PS256|EdDSA, not `HS256`', '--id-token-alg', 'HS256');
    party('--id-token-alg: takes', '--id-token-alg', 'none');
    party('--pkce: takes required|optional', '--pkce', 'no');
    party('--response-mode: takes query|form_post', '--response-mode', 'fragment');
    party('--origin: `https://app.example.com/`:', '--origin', 'https://app.example.com/');
    party('--claim-map: `x`:', '--claim-map', 'x');
    party('--claim-map: `sub=user.id`:', '--claim-map', 'sub=user.id');
    const long = ['a', 'b'].flatMap((n) => ['--claim-map', `${n}="${'x'.repeat(70000)}"`]);
    party('--claim-map: takes at most 131136 bytes in all', ...long); // none is cut silently
    party('--resource: `x`:', '--resource', 'x');
    party('--logo-uri: `http://x.example/l.png`:', '--logo-uri', 'http://x.example/l.png');
    party('--sector: takes a host name', '--sector', 'https://x.example');
    party('--default-max-age: takes', '--default-max-age', 'soon');
    refused(1, 'cannot read', ['client', 'create', '--org', o.id, '--name', 'A', '--redirect-uri', CB,
      '--jwks-file', path.join(work.dir, 'absent')]);
    party('--jwks-file: ', '--jwks-file', file('{"keys":[]}'));
    party('--jwks-file: ', '--jwks-file', file('x'));
    const secret = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    party('--jwks-file: ', '--jwks-file', file({ keys: [secret.export({ format: 'jwk' })] }));
    party('did you mean `authorization_code`?', '--grant', 'authorisation_code');
  });

  test('update changes what is named and nothing else', () => {
    const { client_secret: _, ...c } = client(o, '--redirect-uri', CB, '--trusted', '--origin',
      'https://app.example.com', '--claim-map', 'role=user.roles');
    const change = (...args) => json(['client', 'update', c.id, ...args]);
    assert.deepEqual(change('--name', 'N'), { ...c, name: 'N' });
    assert.deepEqual(change('--name', 'App', '--require-par'), { ...c, require_par: true });
    assert.deepEqual(change('--no-require-par', '--not-trusted'), { ...c, trusted: false });
    assert.deepEqual(change('--origin', '', '--trusted'), { ...c, origins: [] });
    const two = ['https://a.example/1', 'https://a.example/2'];
    assert.deepEqual(change('--redirect-uri', two[0], '--redirect-uri', two[1]).redirect_uris, two);
    refused(2, 'needs a redirect URI', ['client', 'update', c.id, '--redirect-uri', '']);
    assert.equal(json(['client', 'disable', c.id]).redirect_uris.length, 2);
    assert.equal(json(['client', 'secret', c.id]).redirect_uris.length, 2);
    json(['client', 'delete', c.id]);
    refused(3, 'there is no client', ['client', 'show', c.id]);
  });

  test('a client of machines becomes one that people sign in to', () => {
    const c = client(o);
    refused(2, 'name every grant', ['client', 'update', c.id, '--redirect-uri', CB]);
    const now = json(['client', 'update', c.id, '--redirect-uri', CB, '--grant',
      'client_credentials', '--grant', 'authorization_code', '--scope', 'openid']);
    assert.deepEqual([now.redirect_uris, now.grants], [[CB],
      ['client_credentials', 'authorization_code']]);
    assert.equal(json(['client', 'update', client(o).id, '--grant', 'device_code']).pkce, 'required');
  });

  test('import names line and member', () => {
    const one = (member) => JSON.stringify([{ name: 'A', organization: o.id, ...member }]);
    const bad = (text, member) => {
      refused(2, `stdin:1: ${text}`, ['client', 'import', '-'], { input: one(member) });
      assert.deepEqual(json(['client', 'list']), []);
    };
    bad('redirect_uris: takes an array of strings', { redirect_uris: CB });
    bad('redirect_uris: `x`:', { redirect_uris: ['x'] });
    bad('public: takes true or false', { public: 'yes' });
    bad('jwks: takes a JWK Set', { jwks: '{}' });
    bad('id_token_alg: takes ES256|', { id_token_alg: 'HS256' });
    bad('default_max_age: takes', { default_max_age: 'x' });
    bad('unknown member `redirect_uri`; did you mean `redirect_uris`?', { redirect_uri: CB });
    bad('authorization_code needs a redirect URI', { grants: ['authorization_code'] });
    bad('client_secret: this client proves itself without one',
      { redirect_uris: [CB], public: true, client_secret: 'x'.repeat(43) });
    const [c] = json(['client', 'import', '-'], { input: one({ redirect_uris: [CB], public: true }) });
    assert.deepEqual([c.auth_method, c.grants, c.secrets],
      ['none', ['refresh_token', 'authorization_code'], 0]);
    const [changed] = json(['client', 'import', '-', '--update'], { input: JSON.stringify(
      { client_id: c.client_id, trusted: true }) });
    assert.deepEqual(changed, { ...c, trusted: true });
  });
});
