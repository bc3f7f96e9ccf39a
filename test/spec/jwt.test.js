'use strict';
// JWTs that the server must not believe (security.md 43-48, 50), shown to introspection, to
// revocation and to a resource. The first half is what an attacker can make; in the second the
// server's own key signs claims and headers that it never would, so that each rule stands alone.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const crypto = require('node:crypto');
const { startPostern, makeTwineClient } = require('../interop/lib/postern.js');
const { basic, form, makeClient, getToken, introspect } = require('./lib/shape.js');
const { signingKeys, forge, decode, signature, b64 } = require('./lib/keys.js');

let p;
let c; // an ES256 client
let token;
let good; // its parts
let key; // { kid, alg, privateKey } that signed it
let jwk; // its public half
before(async () => {
  p = await startPostern();
  c = await makeClient(p, { extra: ['--token-format', 'jwt'] });
  token = await getToken(p, c, { scope: 'read' });
  good = decode(token);
  key = signingKeys(p).find((k) => k.kid === good.header.kid);
  const { keys } = await (await fetch(`${p.url}/oauth2/jwks`)).json();
  jwk = keys.find((k) => k.kid === good.header.kid);
});
after(() => p.stop());

const INACTIVE = '{"active":false}';

// Text that no token can have (RFC 6749 A.12: VSCHAR; 16 KiB) may be refused as a parameter.
async function dead(jwt, what) {
  const r = await form(p, '/oauth2/introspect', { token: jwt }, c);
  if (!/^[\x20-\x7e]{1,16384}$/.test(jwt) && r.status === 400) {
    assert.strictEqual(r.json.error, 'invalid_request');
    return;
  }
  assert.strictEqual(r.status, 200, r.body);
  assert.strictEqual(r.body, INACTIVE, what);
}
const live = async (jwt, what) =>
  assert.strictEqual((await introspect(p, c, jwt)).active, true, what);
const signed = (header, claims) => forge({ ...good.header, ...header },
  typeof claims === 'string' ? claims : { ...good.claims, ...claims }, key.privateKey, key.alg);

test('the token is alive, and a copy of it signed with the same key too', async () => {
  await live(token);
  await live(signed({}, {}));
  await live(signed({}, { jti: 'ffffffffffffffffffffffff' }), 'another id');
});

describe('the attacker chooses the algorithm (43)', () => {
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', 'HS256', 'RS512', 'ES384', 'RS256',
    'PS256', 'EdDSA', 'es256', ['none'], ['ES256'], null, 0, {}, true]) {
    test(`alg ${JSON.stringify(alg)}`, async () => {
      const header = b64({ ...good.header, alg });
      const claims = b64(good.claims);
      await dead(`${header}.${claims}.`);
      await dead(`${header}.${claims}.${token.split('.')[2]}`);
      const real = signature('ES256', key.privateKey, `${header}.${claims}`).toString('base64url');
      await dead(`${header}.${claims}.${real}`);
    });
  }
  test('alg is missing', async () => {
    const { alg, ...rest } = good.header;
    await dead(forge(rest, good.claims, key.privateKey, 'ES256'));
  });
  test('HS256 keyed with our public key in every form, or with nothing', async () => {
    const pub = crypto.createPublicKey({ key: jwk, format: 'jwk' });
    const pem = pub.export({ type: 'spki', format: 'pem' });
    const forms = [pem, pem.trim(), pub.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk), jwk.x, Buffer.from(jwk.x, 'base64url'), '', Buffer.alloc(32), 'secret',
      c.secret];
    for (const secret of forms) {
      await dead(forge({ ...good.header, alg: 'HS256' }, good.claims, secret));
    }
  });
  test('a key of the attacker, by kid of ours, of its own, by jwk, jku, x5u, x5c (44)', async () => {
    const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const own = publicKey.export({ format: 'jwk' });
    for (const more of [{}, { kid: undefined }, { kid: 'mine' }, { jwk: own }, { kid: 'x', jwk: own },
      { jku: 'http://127.0.0.1:9/jwks' }, { x5u: 'http://127.0.0.1:9/x' },
      { x5c: [publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] }]) {
      await dead(forge({ ...good.header, ...more }, good.claims, privateKey, 'ES256'));
    }
  });
  test('RS512 where RS256 is pinned, PS256 under an RS256 key', async () => {
    const made = await p.cliRaw(['key', 'rotate', '--alg', 'RS256', '--now']);
    assert.strictEqual(made.code, 0, made.stderr);
    const rsa = signingKeys(p).find((k) => k.alg === 'RS256');
    assert.ok(rsa, 'there is an RS256 key');
    const header = (alg) => ({ ...good.header, kid: rsa.kid, alg });
    for (let i = 0; i < 50; i++) {
      if ((await introspect(p, c, forge(header('RS256'), good.claims, rsa.privateKey))).active) break;
      await new Promise((done) => setTimeout(done, 100));
    }
    await live(forge(header('RS256'), good.claims, rsa.privateKey), 'RS256 under its own key');
    await dead(forge(header('RS512'), good.claims, rsa.privateKey));
    await dead(forge(header('PS256'), good.claims, rsa.privateKey));
    await dead(forge(header('ES256'), good.claims, rsa.privateKey, 'RS256'));
  });
});

describe('headers (44, 45)', () => {
  for (const [what, header] of [
    ['crit', { crit: ['exp'] }], ['crit of nothing', { crit: [] }],
    ['crit and b64', { crit: ['b64'], b64: false }], ['b64 false', { b64: false }],
    ['zip', { zip: 'DEF' }],
    ['p2c', { alg: 'PBES2-HS256+A128KW', p2c: 1e9, p2s: 'x' }],
    ['kid of 257 bytes', { kid: 'x'.repeat(257) }], ['kid ../', { kid: '../../dev/null' }],
    ['kid with a quote', { kid: "' OR 1=1 --" }], ['kid with NUL', { kid: 'a\0b' }],
    ['kid unknown', { kid: `IC${'0'.repeat(32)}` }], ['kid empty', { kid: '' }],
    ['kid a number', { kid: 1 }], ['kid an array', { kid: [good && good.header.kid] }],
    ['kid null', { kid: null }], ['kid absent', { kid: undefined }],
    ['typ of another token', { typ: 'JWT' }], ['typ absent', { typ: undefined }],
    ['typ a number', { typ: 1 }], ['typ with junk', { typ: 'at+jwt+x' }],
  ]) {
    test(what, () => dead(signed(header, {})));
  }
  test('kid of other case', () => dead(signed({ kid: good.header.kid.toUpperCase()
    .replace(/^IC/, 'ic') }, {})));
  test('typ is compared without case, application/ may stand in front (RFC 9068 4)', async () => {
    await live(signed({ typ: 'AT+JWT' }, {}));
    await live(signed({ typ: 'application/at+jwt' }, {}));
  });
  test('a member twice, in header or claims (A18)', async () => {
    const twice = (o, extra) => JSON.stringify(o).replace(/}$/, `,${extra}}`);
    await dead(forge(twice(good.header, '"typ":"at+jwt"'), good.claims, key.privateKey, 'ES256'));
    await dead(forge(good.header, twice(good.claims, '"exp":99999999999'), key.privateKey));
    await dead(forge(good.header, twice(good.claims, '"\\u0065xp":99999999999'), key.privateKey));
  });
  test('JSON serialization instead of compact', async () => {
    const [header, payload, sig] = token.split('.');
    await dead(JSON.stringify({ protected: header, payload, signature: sig }));
    await dead(JSON.stringify({ payload, signatures: [{ protected: header, signature: sig }] }));
  });
});

describe('token types do not mix (46)', () => {
  for (const typ of ['JWT', 'logout+jwt', 'client-authentication+jwt', 'dpop+jwt',
    'oauth-authz-req+jwt', 'secevent+jwt', 'token-introspection+jwt', 'rt+jwt', 'id_token']) {
    test(`${typ} is no access token`, () => dead(signed({ typ }, {})));
  }
  test('each credential at each consumer: only its own takes it', async () => {
    const t = await makeTwineClient(p);
    const authorization = basic(t.id, t.secret);
    const answer = await fetch(`${p.url}/pub/oauth/token`, { method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ grant_type: 'client_credentials', client_id: t.id,
        client_secret: t.secret }) });
    const pair = await answer.json();
    const standardJwt = await getToken(p, { authorization });
    const standardOpaque = await getToken(p, await makeClient(p,
      { org: t.organization, extra: ['--token-format', 'opaque'] }));
    const resource = async (s) => (await fetch(
      `${p.url}/pub/group?filter[organization]=${t.organization.id}`,
      { headers: { authorization: `Bearer ${s}` } })).status;
    const refresh = async (s) => (await fetch(`${p.url}/pub/oauth/token`, { method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ grant_type: 'refresh_token', client_id: t.id, refresh_token: s }),
    })).status;
    const authenticate = async (s) => (await form(p, '/oauth2/token',
      { grant_type: 'client_credentials', client_id: t.id, client_secret: s })).status;
    const others = (own) => ['access', 'refresh', 'jwt', 'opaque', 'secret', 'jti'].filter((k) => k !== own);
    const credentials = { access: pair.access_token, refresh: pair.refresh_token, jwt: standardJwt,
      opaque: standardOpaque, secret: t.secret, jti: decode(standardJwt).claims.jti };
    assert.strictEqual(await resource(credentials.access), 200);
    for (const k of others('access')) {
      assert.strictEqual(await resource(credentials[k]), 401, `${k} as a bearer token`);
    }
    for (const k of others('refresh')) {
      assert.strictEqual(await refresh(credentials[k]), 401, `${k} as a refresh token`);
    }
    for (const k of others('secret')) {
      assert.strictEqual(await authenticate(credentials[k]), 401, `${k} as a secret`);
    }
    // The prefix is no proof: a refresh token dressed as an access token and the reverse.
    const swapped = { access: pair.refresh_token.replace(/^pstr_/, 'psta_'),
      refresh: pair.access_token.replace(/^psta_/, 'pstr_') };
    assert.notStrictEqual(swapped.access, pair.refresh_token);
    assert.strictEqual(await resource(swapped.access), 401);
    assert.strictEqual(await refresh(swapped.refresh), 401);
    assert.ok([200, 201].includes(await refresh(credentials.refresh)));
    assert.strictEqual(await authenticate(credentials.secret), 200);
  });
});

describe('claims (47)', () => {
  const now = Math.floor(Date.now() / 1000);
  for (const claim of ['exp', 'iat']) {
    for (const [what, value] of [['a string', `"${now + 600}"`], ['negative', '-1'],
      ['1e400', '1e400'], ['2^63', '9223372036854775808'], ['2^64', '18446744073709551616'],
      ['above 2^53', '9007199254740993'], ['a float', `${now + 600}.5`], ['null', 'null'],
      ['an array', `[${now + 600}]`], ['true', 'true'], ['an exponent', '2e10']]) {
      test(`${claim} is ${what}`, () => {
        const text = JSON.stringify({ ...good.claims, [claim]: '@' }).replace('"@"', value);
        return dead(signed({}, text));
      });
    }
  }
  test('exp absent, past, now', async () => {
    await dead(signed({}, { exp: undefined }));
    await dead(signed({}, { exp: now - 1 }));
    await dead(signed({}, { exp: 0 }));
  });
  test('nbf, when there, is judged', async () => {
    await dead(signed({}, { nbf: now + 600 }));
    await dead(signed({}, { nbf: 'x' }));
    await live(signed({}, { nbf: now - 10 }));
  });
  for (const [what, claims] of [
    ['another issuer', { iss: 'http://evil.example' }], ['no issuer', { iss: undefined }],
    ['an issuer with a slash more', { iss: '@/' }], ['an array of issuers', { iss: ['@'] }],
    ['another audience', { aud: 'https://other.example' }], ['no audience', { aud: undefined }],
    ['an audience with a non-string', { aud: ['@', 1] }], ['an empty audience', { aud: [] }],
    ['a nested audience', { aud: [['@']] }],
    ['no client_id', { client_id: undefined }], ['an unknown client', { client_id: crypto.randomUUID() }],
    ['a client_id that is no string', { client_id: 1 }], ['a client_id list', { client_id: ['@'] }],
    ['no jti', { jti: undefined }], ['a jti that is a number', { jti: 1 }], ['a foreign jti', { jti: 'x' }],
  ]) {
    test(what, () => {
      const issuer = good.claims.iss;
      const text = JSON.stringify({ ...good.claims, ...claims }).replaceAll('"@', `"${issuer}`);
      return dead(signed({}, text));
    });
  }
  for (const [what, text] of [['no object', '"x"'], ['an array', '[]'], ['null', 'null'],
    ['nothing', ''], ['trailing bytes', '@ {}'], ['a byte order mark', '\ufeff@'],
    ['a trailing comma', '@,'], ['invalid UTF-8', '\udfff'], ['a comment', '/**/@'],
    ['depth', `${'['.repeat(20000)}`]]) {
    test(`claims are ${what}`, () =>
      dead(signed({}, text.replace('@', JSON.stringify(good.claims)))));
  }
  test('deep and wide claims (A18)', async () => {
    await dead(signed({}, { x: JSON.parse('['.repeat(17) + ']'.repeat(17)) }));
    const wide = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`m${i}`, 1]));
    await dead(signed({}, { x: wide }));
  });
});

describe('encoding and signatures (48)', () => {
  const part = (i, f) => () => {
    const parts = token.split('.');
    parts[i] = f(parts[i]);
    return dead(parts.join('.'));
  };
  for (const i of [0, 1, 2]) {
    test(`= behind part ${i}`, part(i, (s) => `${s}=`));
    test(`white space in part ${i}`, part(i, (s) => `${s.slice(0, 4)} ${s.slice(4)}`));
    test(`a line end behind part ${i}`, part(i, (s) => `${s}\n`));
    test(`an empty part ${i}`, part(i, () => ''));
    test(`a foreign character in part ${i}`, part(i, (s) => `${s}*`));
  }
  test('plain base64 characters', async () => {
    for (let i = 0; i < 50; i++) {
      const t = await getToken(p, c);
      const plain = t.replaceAll('-', '+').replaceAll('_', '/');
      if (plain !== t) return dead(plain);
    }
    assert.fail('no token had - or _');
  });
  test('unused bits that are not zero', () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = letters.indexOf(token.at(-1)); // 64 bytes leave four unused bits
    return dead(token.slice(0, -1) + letters[last | 1]);
  });
  test('2, 4 and 5 parts', async () => {
    await dead(token.split('.').slice(0, 2).join('.'));
    await dead(`${token}.`);
    await dead(`${token}.x`);
    await dead(`${token}.x.y`);
    await dead('..');
    await dead('.');
  });
  test('signatures of wrong length, of zeros, beyond the order, DER', async () => {
    const [header, claims, sig] = token.split('.');
    const raw = Buffer.from(sig, 'base64url');
    const n = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
    const zero = Buffer.alloc(32);
    const r = raw.subarray(0, 32);
    const s = raw.subarray(32);
    const beyond = BigInt(`0x${s.toString('hex')}`) + BigInt(`0x${n.toString('hex')}`);
    const s2 = Buffer.from((beyond % (1n << 256n)).toString(16).padStart(64, '0'), 'hex');
    const der = crypto.sign('sha256', Buffer.from(`${header}.${claims}`), key.privateKey);
    for (const bad of [raw.subarray(0, 63), Buffer.concat([raw, zero]), Buffer.alloc(64),
      Buffer.concat([zero, s]), Buffer.concat([r, zero]), Buffer.concat([n, s]),
      Buffer.concat([r, n]), Buffer.concat([r, s2]), Buffer.alloc(64, 0xff), der,
      Buffer.concat([r, Buffer.from([0]), s.subarray(0, 31)]), Buffer.concat([s, r])]) {
      await dead(`${header}.${claims}.${bad.toString('base64url')}`, bad.toString('hex'));
    }
  });
  test('one flipped bit anywhere', async () => {
    for (let i = 0; i < 40; i++) {
      const parts = token.split('.').map((s) => Buffer.from(s, 'base64url'));
      const which = i % 3;
      parts[which][Math.floor((i * 7919) % parts[which].length)] ^= 1 << (i % 8);
      await dead(parts.map((b) => b.toString('base64url')).join('.'), `flip ${i}`);
    }
  });
  test('EdDSA: S beyond the order', async () => {
    const made = await p.cliRaw(['key', 'rotate', '--alg', 'EdDSA', '--now']);
    assert.strictEqual(made.code, 0, made.stderr);
    const ed = signingKeys(p).find((k) => k.alg === 'EdDSA');
    const jws = forge({ ...good.header, alg: 'EdDSA', kid: ed.kid }, good.claims, ed.privateKey);
    for (let i = 0; i < 50 && !(await introspect(p, c, jws)).active; i++) {
      await new Promise((done) => setTimeout(done, 100));
    }
    await live(jws);
    const [header, claims, sig] = jws.split('.');
    const raw = Buffer.from(sig, 'base64url');
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(raw.subarray(32)).reverse().toString('hex')}`) + order;
    const bad = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
    await dead(`${header}.${claims}.${Buffer.concat([raw.subarray(0, 32), bad]).toString('base64url')}`);
  });
});

test('a refused JWT is refused at revocation without a trace, and by resources', async () => {
  const bad = forge({ ...good.header, alg: 'none' }, good.claims, null);
  assert.strictEqual((await form(p, '/oauth2/revoke', { token: bad }, c)).status, 200);
  await live(token, 'a forged copy revoked the real token');
  const r = await fetch(`${p.url}/pub/group`, { headers: { authorization: `Bearer ${bad}` } });
  assert.strictEqual(r.status, 401);
});

test('the JWKS shows no private part, and old keys stay after a rotation (50)', async () => {
  const beforeKeys = (await (await fetch(`${p.url}/oauth2/jwks`)).json()).keys.map((k) => k.kid);
  const r = await p.cliRaw(['key', 'rotate', '--alg', 'ES256', '--now']);
  assert.strictEqual(r.code, 0, r.stderr);
  let keys;
  for (let i = 0; i < 50; i++) {
    ({ keys } = await (await fetch(`${p.url}/oauth2/jwks`)).json());
    if (keys.length > beforeKeys.length) break;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.ok(keys.length > beforeKeys.length, 'the new key is published');
  for (const kid of beforeKeys) assert.ok(keys.some((k) => k.kid === kid), `${kid} has gone`);
  for (const k of keys) {
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']) {
      assert.ok(!(member in k), `${k.kid} shows ${member}`);
    }
    assert.strictEqual(k.use, 'sig');
    assert.match(k.kid, /^IC[0-9a-f]{32}$/);
  }
  assert.strictEqual(new Set(keys.map((k) => k.kid)).size, keys.length);
  await live(token, 'signed by the key that was retired');
});
