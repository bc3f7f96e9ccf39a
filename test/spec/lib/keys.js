'use strict';
// The signing keys of a test server, opened as only someone can who holds the database and the
// master key file: tests use them to sign what the server itself never would, so that a claim is
// judged and not merely a signature. (Layout: src/crypto/seal.h.)

const crypto = require('node:crypto');
const fs = require('node:fs');

const ALGS = ['ES256', 'RS256', 'PS256', 'EdDSA'];

// Rows of a query, read beside the running server: arrays of strings.
function query(p, sql) {
  return p.store.sql(sql).split('\n').filter((line) => line !== '').map((line) => line.split('|'));
}

function unseal(master, sealed, context) {
  const head = sealed.subarray(0, 9);
  const opener = crypto.createDecipheriv('aes-256-gcm', master, sealed.subarray(9, 21));
  opener.setAAD(Buffer.concat([head, Buffer.from(context)]));
  opener.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([opener.update(sealed.subarray(21, -16)), opener.final()]);
}

// [{ kid, alg, privateKey }] of every signing key.
function signingKeys(p) {
  const file = fs.readFileSync(p.masterKey, 'utf8');
  const master = Buffer.from(file.split('\n')[0].split(':')[1], 'base64url');
  const rows = query(p, `SELECT ${p.store.hex('id')}, alg, ${p.store.hex('sealed')} FROM key ` +
    'WHERE purpose = 0');
  return rows.map(([id, alg, sealed]) => {
    const kid = `IC${id}`;
    const der = unseal(master, Buffer.from(sealed, 'hex'), `key:${kid}`);
    return { kid, alg: ALGS[Number(alg)],
      privateKey: crypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
  });
}

const b64 = (value) => Buffer.from(typeof value === 'string' || Buffer.isBuffer(value)
  ? value : JSON.stringify(value)).toString('base64url');

// Signs text with a key of ours or of an attacker's, as the algorithm says.
function signature(alg, key, input) {
  const data = Buffer.from(input);
  const PKCS1 = crypto.constants.RSA_PKCS1_PADDING;
  const PSS = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  switch (alg) {
    case 'none': return Buffer.alloc(0);
    case 'HS256': return crypto.createHmac('sha256', key).update(data).digest();
    case 'ES256': return crypto.sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
    case 'RS256': return crypto.sign('sha256', data, { key, padding: PKCS1 });
    case 'RS512': return crypto.sign('sha512', data, { key, padding: PKCS1 });
    case 'PS256': return crypto.sign('sha256', data, { key, ...PSS });
    case 'EdDSA': return crypto.sign(null, data, key);
    default: throw new Error(alg);
  }
}

// A compact JWS; header and claims may be objects or raw JSON text.
function forge(header, claims, key, alg = header.alg) {
  const input = `${b64(header)}.${b64(claims)}`;
  return `${input}.${signature(alg, key, input).toString('base64url')}`;
}

function decode(token) {
  const [header, claims] = token.split('.').slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  return { header, claims };
}

module.exports = { query, signingKeys, forge, decode, signature, b64 };
