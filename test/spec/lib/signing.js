'use strict';
// Clients that sign: key pairs, their JWKS, client assertions (RFC 7523) and request objects
// (RFC 9101), good ones to begin with, changed member by member by the tests.

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { forge } = require('./keys.js');

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const GENERATE = { ES256: ['ec', { namedCurve: 'P-256' }], EdDSA: ['ed25519', {}],
  PS256: ['rsa', { modulusLength: 2048 }], RS256: ['rsa', { modulusLength: 2048 }] };

const now = () => Math.floor(Date.now() / 1000);

// { alg, kid, key, jwk }: jwk is public, with kid and alg.
function pair(alg, kid = crypto.randomUUID()) {
  const { privateKey, publicKey } = crypto.generateKeyPairSync(...GENERATE[alg]);
  return { alg, kid, key: privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg } };
}

// A file for --jwks-file.
function jwksFile(p, pairs) {
  const file = path.join(p.dir, `jwks-${crypto.randomUUID()}.json`);
  fs.writeFileSync(file, JSON.stringify({ keys: pairs.map((one) => one.jwk) }));
  return file;
}

// Members set to undefined are left out.
const without = (object) => Object.fromEntries(
  Object.entries(object).filter(([, value]) => value !== undefined));

function sign(keys, header, claims) {
  return forge(without({ alg: keys.alg, kid: keys.kid, ...header }), without(claims), keys.key,
    header.alg || keys.alg);
}

// An assertion of that client as it should be, but for `claims` and `header`.
function assertion(p, id, keys, claims = {}, header = {}) {
  return sign(keys, header, { iss: id, sub: id, aud: p.url, jti: crypto.randomUUID(),
    iat: now(), exp: now() + 60, ...claims });
}

const withAssertion = (text) => ({ client_assertion_type: ASSERTION, client_assertion: text });

// A request object as it should be, but for `claims` and `header`.
function requestObject(p, id, keys, claims = {}, header = {}) {
  return sign(keys, { typ: 'oauth-authz-req+jwt', ...header }, { iss: id, client_id: id,
    aud: p.url, nbf: now(), iat: now(), exp: now() + 300, ...claims });
}

module.exports = { ASSERTION, now, pair, jwksFile, sign, assertion, withAssertion, requestObject };
