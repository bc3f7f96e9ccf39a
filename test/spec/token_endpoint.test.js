'use strict';
// The token, introspection and revocation endpoints of the standard dialect, refusal by refusal:
// security.md 22, 27-29, 33-36, A13-A17, A33.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const { startPostern, makeTwineClient } = require('../interop/lib/postern.js');
const { FORM, assertStandardError, assertTwineError, request, post, send, basic, form, makeClient,
  getToken, introspect } = require('./lib/shape.js');

const TOKEN = '/oauth2/token';
const GRANT = 'grant_type=client_credentials';
let p;
let jwt; // a client with JWT tokens, and one with opaque tokens, of one organization
let opaque;
let stranger; // of another organization
before(async () => {
  p = await startPostern();
  jwt = await makeClient(p, { extra: ['--token-format', 'jwt'] });
  opaque = await makeClient(p, { org: jwt.organization, extra: ['--token-format', 'opaque'] });
  stranger = await makeClient(p);
});
after(() => p.stop());

async function refuses(answer, status, error) {
  const r = await answer;
  assert.ok([status].flat().includes(r.status), `${r.status}: ${r.body}`);
  return assertStandardError(r, error);
}

const tokenForm = (body, options) => form(p, TOKEN, body, options);
const raw = (bytes) => send(p, bytes);
const authorized = (c = jwt) => [`Authorization: ${c.authorization}`];

describe('methods and media types (22)', () => {
  for (const url of [TOKEN, '/oauth2/introspect', '/oauth2/revoke']) {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      test(`${method} ${url} is 405 with Allow`, async () => {
        const r = await raw(request(p, `${method} ${url} HTTP/1.1`));
        assert.strictEqual(r.status, 405);
        assert.match(r.headers.allow, /\bPOST\b/);
        assertStandardError(r);
      });
    }
    for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain',
      `${FORM}; charset=utf-16`, `${FORM}; charset=latin1`, 'application/x-www-form-urlencodedx']) {
      test(`${type} at ${url} is 415`, async () => {
        const r = await raw(post(p, url, type, GRANT, authorized()));
        assert.strictEqual(r.status, 415);
        assertStandardError(r, 'invalid_request');
      });
    }
    test(`no Content-Type at ${url}`, async () => {
      const r = await raw(request(p, `POST ${url} HTTP/1.1`,
        [`Content-Length: ${GRANT.length}`, ...authorized()], GRANT));
      assert.ok([400, 415].includes(r.status), r.body);
      assertStandardError(r, 'invalid_request');
    });
    test(`parameters in the query of ${url}`, async () => {
      const query = `?client_id=${jwt.id}&client_secret=${jwt.secret}`;
      await refuses(form(p, url + query, GRANT + '&token=x'), 400, 'invalid_request');
      await refuses(form(p, `${url}?${url === TOKEN ? GRANT : 'token=x'}`, GRANT + '&token=x',
        { authorization: jwt.authorization }), 400, 'invalid_request');
    });
  }
  for (const type of [`${FORM};charset=UTF-8`, `${FORM}; charset="utf-8"`, FORM.toUpperCase()]) {
    test(`${type} is a form`, async () => {
      assert.strictEqual((await raw(post(p, TOKEN, type, GRANT, authorized()))).status, 200);
    });
  }
});

describe('grants (27)', () => {
  test('absent, empty and unknown', async () => {
    await refuses(tokenForm('scope=read', jwt), 400, 'invalid_request');
    await refuses(tokenForm('grant_type=', jwt), 400, 'invalid_request');
    for (const g of ['password', 'nope', 'implicit', 'Client_Credentials', 'client_credentials ',
      'urn:ietf:params:oauth:grant-type:Device_Code']) {
      await refuses(tokenForm({ grant_type: g, username: 'u', password: 'p' }, jwt), 400,
        'unsupported_grant_type');
    }
  });
  test('not enabled for the client', async () => {
    const c = await p.cli(['client', 'create', '--org', jwt.organization.id, '--name', 'R',
      '--grant', 'refresh_token']);
    await refuses(tokenForm(GRANT, { authorization: basic(c.client_id, c.client_secret) }), 400,
      'unauthorized_client');
  });
  test('scope: a part, all by default, more, and outside the charset', async () => {
    const part = await tokenForm(`${GRANT}&scope=read`, jwt);
    assert.strictEqual(part.status, 200, part.body);
    assert.strictEqual((await introspect(p, jwt, part.json.access_token)).scope, 'read');
    const all = await tokenForm(GRANT, jwt);
    assert.strictEqual(all.json.scope, 'read write');
    await refuses(tokenForm(`${GRANT}&scope=read+admin`, jwt), 400, 'invalid_scope');
    for (const bad of ['read%22', 'read%5C', 'r%C3%A9ad', 'read%09write', 'read%0Awrite']) {
      await refuses(tokenForm(`${GRANT}&scope=${bad}`, jwt), 400, 'invalid_scope');
    }
  });
  test('an unknown resource is invalid_target (36)', async () => {
    await refuses(tokenForm(`${GRANT}&resource=https%3A%2F%2Felsewhere.example%2F`, jwt), 400,
      'invalid_target');
  });
});

describe('client authentication (28, A16)', () => {
  const withHeader = (value, body = GRANT, more = []) =>
    raw(post(p, TOKEN, FORM, body, [`Authorization: ${value}`, ...more]));
  const b64 = (s) => Buffer.from(s, 'latin1').toString('base64');

  test('Basic and the body form both serve', async () => {
    assert.strictEqual((await tokenForm(GRANT, jwt)).status, 200);
    const r = await tokenForm(`${GRANT}&client_id=${jwt.id}&client_secret=${jwt.secret}`);
    assert.strictEqual(r.status, 200, r.body);
  });
  test('the scheme has no case; both spellings of the id serve', async () => {
    const text = jwt.authorization.replace('Basic', 'bAsIc');
    assert.strictEqual((await withHeader(text)).status, 200);
    assert.strictEqual((await withHeader(basic(jwt.client.client_sid, jwt.secret))).status, 200);
    assert.strictEqual((await withHeader(basic(jwt.id.toUpperCase(), jwt.secret))).status, 200);
  });
  test('two methods in one request', async () => {
    await refuses(tokenForm(`${GRANT}&client_id=${jwt.id}&client_secret=${jwt.secret}`, jwt), 400,
      'invalid_request');
    await refuses(tokenForm(`${GRANT}&client_secret=${jwt.secret}`, jwt), 400, 'invalid_request');
  });
  test('client_id beside Basic must be the same client', async () => {
    assert.strictEqual((await tokenForm(`${GRANT}&client_id=${jwt.id}`, jwt)).status, 200);
    await refuses(tokenForm(`${GRANT}&client_id=${opaque.id}`, jwt), [400, 401]);
  });
  test('a pinned method refuses the other', async () => {
    const extra = ['--auth-method', 'basic'];
    const c = await makeClient(p, { org: jwt.organization, extra });
    assert.strictEqual((await tokenForm(GRANT, c)).status, 200);
    await refuses(tokenForm(`${GRANT}&client_id=${c.id}&client_secret=${c.secret}`), 401,
      'invalid_client');
  });
  test('failed Basic: 401 with a challenge; failed body form: 401', async () => {
    const r = await tokenForm(GRANT, { authorization: basic(jwt.id, 'wrong') });
    assert.strictEqual(r.status, 401);
    assert.match(r.headers['www-authenticate'], /^Basic realm="[^"]*"/);
    assertStandardError(r, 'invalid_client');
    await refuses(tokenForm(`${GRANT}&client_id=${jwt.id}&client_secret=wrong`), 401,
      'invalid_client');
  });
  test('no credentials at all', async () => {
    await refuses(tokenForm(GRANT), 401, 'invalid_client');
    await refuses(tokenForm(`${GRANT}&client_id=${jwt.id}`), 401, 'invalid_client');
  });
  test('an unknown client, a wrong secret and an almost right one look alike', async () => {
    const bodies = [];
    for (const [id, secret] of [[jwt.id, 'wrong'], [jwt.id, jwt.secret.slice(0, -1)],
      [jwt.id, `${jwt.secret}A`], ['11111111-1111-4111-8111-111111111111', jwt.secret],
      ['nobody', jwt.secret]]) {
      const r = await tokenForm(GRANT, { authorization: basic(id, secret) });
      assert.strictEqual(r.status, 401, `${id}: ${r.body}`);
      const { date, 'x-request-id': a, 'request-id': b, ...headers } = r.headers;
      bodies.push(JSON.stringify([headers, r.body]));
    }
    assert.strictEqual(new Set(bodies).size, 1, bodies.join('\n'));
  });
  for (const [what, value] of [
    ['no colon', () => `Basic ${b64(jwt.id)}`],
    ['bad base64', () => `Basic ${b64(`${jwt.id}:${jwt.secret}`).slice(0, -2)}!!`],
    ['base64url', () => `Basic ${b64('\xff\xfe:\xff').replace(/\+/g, '-').replace(/\//g, '_')}`],
    ['missing padding', () => `Basic ${b64(`${jwt.id}:${jwt.secret}x`).replace(/=+$/, '')}A`],
    ['junk behind the padding', () => `Basic ${b64(`${jwt.id}:${jwt.secret}x`)}=x`],
    ['NUL', () => `Basic ${b64(`${jwt.id}:${jwt.secret}\0`)}`],
    ['an escaped NUL', () => `Basic ${b64(`${jwt.id}:${jwt.secret}%00`)}`],
    ['a bad escape', () => `Basic ${b64(`${jwt.id}:%zz`)}`],
    ['a raw byte', () => `Basic ${b64(`${jwt.id}:\xe4`)}`],
    ['more than 4 KiB', () => `Basic ${b64(`${jwt.id}:${'x'.repeat(4100)}`)}`],
    ['nothing behind the scheme', () => 'Basic'],
    ['an empty credential', () => 'Basic '],
    ['a second colon', () => `Basic ${b64(`${jwt.id}:${jwt.secret}:`)}`],
    ['an empty id', () => `Basic ${b64(`:${jwt.secret}`)}`],
    ['another scheme', () => `Negotiate ${b64(`${jwt.id}:${jwt.secret}`)}`],
  ]) {
    test(`Basic with ${what}`, () => refuses(withHeader(value()), [400, 401]));
  }
  test('two Authorization headers', () =>
    refuses(withHeader(jwt.authorization, GRANT, authorized()), [400, 401]));
  test('id and secret are form-decoded', async () => {
    const escaped = [...jwt.secret].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');
    assert.strictEqual((await withHeader(`Basic ${b64(`${jwt.id}:${escaped}`)}`)).status, 200);
  });
});

describe('answers (29)', () => {
  test('success: JSON, no-store, the members of RFC 6749 5.1', async () => {
    const r = await tokenForm(GRANT, opaque);
    assert.strictEqual(r.status, 200);
    assert.match(r.headers['content-type'], /^application\/json/);
    assert.strictEqual(r.headers['cache-control'], 'no-store');
    assert.strictEqual(r.json.token_type.toLowerCase(), 'bearer');
    assert.ok(Number.isInteger(r.json.expires_in) && r.json.expires_in > 0);
    assert.ok(!('refresh_token' in r.json), 'RFC 6749 4.4.3');
    for (const v of Object.values(r.json)) assert.notStrictEqual(v, null);
  });
  test('request bytes are never echoed', async () => {
    const mark = 'zqx7echo';
    for (const r of [
      await tokenForm({ grant_type: mark }, jwt),
      await tokenForm({ grant_type: 'client_credentials', scope: mark }, jwt),
      await tokenForm({ grant_type: 'client_credentials', client_id: mark, client_secret: mark }),
      await tokenForm({ grant_type: 'client_credentials', resource: `https://${mark}/` }, jwt),
      await form(p, `/oauth2/${mark}`, {}),
      await form(p, `/pub/${mark}`, {}),
      await form(p, '/oauth2/introspect', { token: mark }, jwt),
    ]) {
      const whole = JSON.stringify(r.headers) + r.body;
      assert.ok(!whole.includes(mark), whole);
    }
  });
});

describe('form decoding (A13-A15)', () => {
  for (const bad of ['%', '%4', '%zz', '%00', '%c0%af', '%ed%a0%80', '%f4%90%80%80', '%ff',
    '%e4', '%c3', '%f8%88%80%80%80']) {
    test(`${bad} in a value`, () => refuses(tokenForm(`${GRANT}&x=${bad}`, jwt), 400,
      'invalid_request'));
    test(`${bad} in a name`, () => refuses(tokenForm(`${GRANT}&${bad}=x`, jwt), 400,
      'invalid_request'));
  }
  test('raw bytes', async () => {
    for (const byte of ['\x80', '\xc3\xa4', '\xff', '\0']) {
      const body = `${GRANT}&x=${byte}`;
      const r = await raw(request(p, `POST ${TOKEN} HTTP/1.1`, [`Content-Type: ${FORM}`,
        `Content-Length: ${body.length}`, ...authorized()], body));
      await refuses(r, 400, 'invalid_request');
    }
  });
  test('decoded once: %2563 is the text %63', async () => {
    await refuses(tokenForm('grant_type=%2563lient_credentials', jwt), 400,
      'unsupported_grant_type');
    assert.strictEqual((await tokenForm('grant_type=%63lient%5Fcredentials', jwt)).status, 200);
  });
  test('a name that comes twice, also when spelled otherwise, also empty', async () => {
    await refuses(tokenForm(`${GRANT}&${GRANT}`, jwt), 400, 'invalid_request');
    await refuses(tokenForm(`${GRANT}&grant%5Ftype=client_credentials`, jwt), 400,
      'invalid_request');
    await refuses(tokenForm(`${GRANT}&scope=read&scope=read`, jwt), 400, 'invalid_request');
    await refuses(tokenForm(`${GRANT}&client_id=${jwt.id}&client%5fid=${jwt.id}`
      + `&client_secret=${jwt.secret}`), 400, 'invalid_request');
  });
  test('; is no separator', () => refuses(tokenForm(`${GRANT};scope=read`, jwt), 400,
    'unsupported_grant_type'));
  test('unknown names are ignored', async () => {
    const r = await tokenForm(`${GRANT}&a[]=&Client_Id=x&client_id%20=y&Scope=admin&__proto__=1`, jwt);
    assert.strictEqual(r.status, 200, r.body);
  });
  test('an empty value is an absent one', async () => {
    const r = await tokenForm(`${GRANT}&scope=&client_id=&client_secret=`, jwt);
    assert.strictEqual(r.status, 200, r.body);
    assert.strictEqual(r.json.scope, 'read write');
  });
  test('the same parameter in query and body', () =>
    refuses(form(p, `${TOKEN}?${GRANT}`, GRANT, jwt), 400, 'invalid_request'));
  test('a byte order mark', () =>
    refuses(tokenForm(`%EF%BB%BF${GRANT}`, jwt), 400));
});

describe('paths (A17)', () => {
  for (const name of ['/oauth2/token/', '/oauth2/token;x', '//oauth2/token', '/oauth2//token',
    '/oauth2/%74oken', '/oauth2/./token', '/oauth2/a/../token', '/oauth2/Token', '/OAUTH2/token',
    '/oauth2/token%2f', '/', '/oauth2', '/oauth2/', '/token',
    '/.well-known/openid-configuration/', '/bench/http', '/bench/sign']) {
    test(`${name} is 404`, async () => {
      const r = await raw(post(p, name, FORM, GRANT, authorized()));
      assert.strictEqual(r.status, 404, r.body);
      assertStandardError(r);
    });
  }
  for (const name of ['/.well-known/oauth-authorization-server/tenant',
    '/tenant/.well-known/oauth-authorization-server', '/.well-known/oauth-authorization-server/',
    '/.well-known/openid-configuration/tenant']) {
    test(`GET ${name} is 404`, async () => {
      const r = await raw(request(p, `GET ${name} HTTP/1.1`));
      assert.strictEqual(r.status, 404, r.body);
      assertStandardError(r);
    });
  }
  test('%00 is no path', () => refuses(raw(post(p, '/oauth2/token%00', FORM, GRANT, authorized())),
    [400, 404]));
  for (const name of ['/pub/oauth/token/', '/pub//oauth/token', '/pub/oauth/%74oken', '/pub/',
    '/pub/oauth/TOKEN', '/pub/oauth/../oauth/token', '/pub/oauth/token;a=b']) {
    test(`${name} is 404`, async () => {
      const r = await raw(post(p, name, 'application/json', '{}'));
      assert.strictEqual(r.status, 404, r.body);
      assertTwineError(r, 'ResourceNotFound');
    });
  }
});

describe('introspection (34, A33)', () => {
  test('needs authentication', async () => {
    const token = await getToken(p, jwt);
    await refuses(form(p, '/oauth2/introspect', { token }), 401, 'invalid_client');
    await refuses(form(p, '/oauth2/introspect', { token },
      { authorization: basic(jwt.id, 'wrong') }), 401, 'invalid_client');
    await refuses(form(p, '/oauth2/introspect', { token }, { authorization: `Bearer ${token}` }),
      401, 'invalid_client');
  });
  test('token is required', () =>
    refuses(form(p, '/oauth2/introspect', { token_type_hint: 'access_token' }, jwt), 400,
      'invalid_request'));
  test('a live token, of either format, whatever the hint', async () => {
    for (const c of [jwt, opaque]) {
      const token = await getToken(p, c, { scope: 'read' });
      for (const hint of ['access_token', 'refresh_token', 'nonsense']) {
        const r = await form(p, '/oauth2/introspect', { token, token_type_hint: hint }, c);
        assert.strictEqual(r.json.active, true, r.body);
        assert.strictEqual(r.json.client_id, c.id);
        assert.strictEqual(r.json.scope, 'read');
        assert.ok(r.json.exp > r.json.iat);
        assert.strictEqual(r.headers['cache-control'], 'no-store');
      }
    }
  });
  test('unknown, foreign, expired, revoked, cut and lengthened: one answer', async () => {
    const short = await makeClient(p, { org: jwt.organization,
      extra: ['--token-format', 'opaque'] });
    const revoked = await getToken(p, short);
    assert.strictEqual((await form(p, '/oauth2/revoke', { token: revoked }, short)).status, 200);
    const live = await getToken(p, short);
    const liveJwt = await getToken(p, jwt);
    const answers = new Set();
    for (const token of [revoked, 'x', live.slice(0, -1), `${live}A`, live.slice(1),
      live.toUpperCase(), `${live} `, `${live}.`, liveJwt.slice(0, -1), `${liveJwt}A`,
      `${liveJwt}.`, 'x'.repeat(16000), '.'.repeat(50)]) {
      const r = await form(p, '/oauth2/introspect', { token }, short);
      assert.strictEqual(r.status, 200, r.body);
      assert.strictEqual(r.body, '{"active":false}', `for ${token.slice(0, 60)}`);
      const { date, 'x-request-id': a, 'request-id': b, ...headers } = r.headers;
      answers.add(JSON.stringify(headers));
    }
    const foreign = await form(p, '/oauth2/introspect', { token: live }, stranger);
    assert.strictEqual(foreign.body, '{"active":false}');
    const neighbour = await form(p, '/oauth2/introspect', { token: live }, opaque);
    assert.strictEqual(neighbour.body, '{"active":false}');
    assert.strictEqual(answers.size, 1);
    assert.strictEqual((await introspect(p, short, live)).active, true);
  });
  test('a client with --introspect organization sees its organization, no further', async () => {
    const warden = await makeClient(p, { org: jwt.organization,
      extra: ['--introspect', 'organization'] });
    const own = await getToken(p, opaque);
    const far = await getToken(p, stranger);
    assert.strictEqual((await introspect(p, warden, own)).active, true);
    assert.deepStrictEqual(await introspect(p, warden, far), { active: false });
  });
});

describe('revocation (33)', () => {
  for (const format of ['jwt', 'opaque']) {
    test(`own token: 200, and dead (${format})`, async () => {
      const c = format === 'jwt' ? jwt : opaque;
      const token = await getToken(p, c);
      const other = await getToken(p, c);
      assert.strictEqual((await introspect(p, c, token)).active, true);
      const r = await form(p, '/oauth2/revoke', { token }, c);
      assert.strictEqual(r.status, 200, r.body);
      assert.deepStrictEqual(await introspect(p, c, token), { active: false });
      assert.strictEqual((await form(p, '/oauth2/revoke', { token }, c)).status, 200);
      assert.strictEqual((await introspect(p, c, other)).active, true);
    });
    test(`another client's token: refused, and still live (${format})`, async () => {
      const c = format === 'jwt' ? jwt : opaque;
      const token = await getToken(p, c);
      await refuses(form(p, '/oauth2/revoke', { token }, stranger), 400, 'invalid_grant');
      assert.strictEqual((await introspect(p, c, token)).active, true);
    });
  }
  test('an unknown token: 200', async () => {
    for (const token of ['x', 'psta_' + 'A'.repeat(43), 'a.b.c']) {
      assert.strictEqual((await form(p, '/oauth2/revoke', { token }, jwt)).status, 200);
    }
  });
  test('needs authentication and a token', async () => {
    const token = await getToken(p, jwt);
    await refuses(form(p, '/oauth2/revoke', { token }), 401, 'invalid_client');
    await refuses(form(p, '/oauth2/revoke', {}, jwt), 400, 'invalid_request');
    assert.strictEqual((await introspect(p, jwt, token)).active, true);
  });
  test('a Twine refresh token takes its access tokens with it', async () => {
    const c = await makeTwineClient(p);
    const authorization = basic(c.id, c.secret);
    const r = await fetch(`${p.url}/pub/oauth/token`, { method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ grant_type: 'client_credentials', client_id: c.id,
        client_secret: c.secret }) });
    const pair = await r.json();
    const state = async (token) => (await form(p, '/oauth2/introspect', { token },
      { authorization })).json.active;
    assert.strictEqual(await state(pair.access_token), true);
    assert.strictEqual((await form(p, '/oauth2/revoke', { token: pair.refresh_token },
      { authorization })).status, 200);
    assert.strictEqual(await state(pair.access_token), false);
    assert.strictEqual(await state(pair.refresh_token), false);
  });
});

test('a bearer token in a query or a body opens nothing (36)', async () => {
  const c = await makeTwineClient(p);
  const r = await fetch(`${p.url}/pub/oauth/token`, { method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ grant_type: 'client_credentials', client_id: c.id,
      client_secret: c.secret }) });
  const { access_token: token } = await r.json();
  const url = `${p.url}/pub/group?filter[organization]=${c.organization.id}`;
  const good = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  assert.strictEqual(good.status, 200);
  for (const bad of [`${url}&access_token=${token}`, `${url}&bearer_token=${token}`]) {
    assert.strictEqual((await fetch(bad)).status, 401);
  }
});

test('nothing that grants access rests in clear (35)', async () => {
  const secrets = [jwt.secret, opaque.secret, stranger.secret];
  for (let i = 0; i < 20; i++) secrets.push(await getToken(p, opaque));
  const c = await makeTwineClient(p);
  const r = await fetch(`${p.url}/pub/oauth/token`, { method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ grant_type: 'client_credentials', client_id: c.id,
      client_secret: c.secret }) });
  const pair = await r.json();
  secrets.push(pair.access_token, pair.refresh_token, c.secret);
  const files = [...p.store.contents(), ['the log', fs.readFileSync(p.log)]];
  assert.ok(files.some(([, bytes]) => bytes.includes('Health Partners')), 'the search finds');
  for (const [f, bytes] of files) {
    for (const s of secrets) {
      const text = s.replace(/^pst[ar]_/, '');
      assert.ok(!bytes.includes(text), `${f} holds a secret in clear`);
      // Nor the bytes that the text stands for: of a handle, those behind the row id.
      const decoded = Buffer.from(text, 'base64url').subarray(-20);
      assert.ok(!bytes.includes(decoded), `${f} holds the bytes of a secret`);
    }
  }
  assert.match(pair.access_token, /^[A-Za-z0-9_-]{48}$/);
});
