'use strict';
// POST /pub/oauth/token: media types, bodies, include, order of checks, and each refusal.

const assert = require('node:assert/strict');
const { test, before, after } = require('node:test');
const { startPostern, makeTwineClient, rawRequest } = require('./lib/postern');
const { VND, PLAIN, UUID, ID, request, assertSchema, assertRefusal, credentials, refreshOf, nested,
  postToken, newToken } = require('./lib/twine');

const FLAT = ['access_token', 'refresh_token', 'token_type', 'expires_in'];
let p, c, all;

before(async () => {
  p = await startPostern();
  c = await makeTwineClient(p, { groups: ['Patients Lead', 'Night "shift" \u00e9\u{1F600}'] });
  all = await makeTwineClient(p, { org: c.organization, groups: ['Third'], named: false });
});
after(() => p.stop());

const post = (body, headers, query = '') =>
  request(p, 'POST', '/pub/oauth/token' + query, { headers, body });

test('the documented answer', async () => {
  const res = await postToken(p, credentials(c));
  assert.equal(res.status, 201);
  assert.equal(res.headers['content-type'], VND);
  assert.equal(res.headers['cache-control'], 'no-store');
  assert.equal(res.headers.pragma, 'no-cache');
  const { meta, data, ...rest } = res.json;
  assert.deepEqual(rest, {});
  assert.deepEqual(Object.keys(meta), ['req_id']);
  assert.match(meta.req_id, UUID);
  assert.equal(data.type, 'oauth/token');
  assert.match(data.id, ID);
  assert.ok(Math.abs(parseInt(data.id.slice(0, 8), 16) - Date.now() / 1000) < 60);
  assert.deepEqual(Object.keys(data.attributes).sort(), [...FLAT].sort());
  assert.equal(data.attributes.token_type, 'bearer');
  assert.equal(data.attributes.expires_in, 3600);
  assert.ok(data.attributes.access_token.length >= 48);
  assert.ok(data.attributes.refresh_token.length >= 48);
  assert.deepEqual(data.relationships, {
    groups: {
      data: c.groups.map((g) => ({ type: 'group', id: g.id })),
      links: { related: `/pub/oauth/token/${data.id}/groups` },
    },
    organization: {
      data: { type: 'organization', id: c.organization.id },
      links: { related: `/pub/oauth/token/${data.id}/organization` },
    },
  });
});

test('a client with all groups is given every group of its organization', async () => {
  const res = await postToken(p, credentials(all));
  assert.deepEqual(res.json.data.relationships.groups.data.map((g) => g.id).sort(),
    [...c.groups, ...all.groups].map((g) => g.id).sort());
});

test('type is echoed, and validates when it is the one of the schema', async () => {
  for (const [type, back] of [['token', 'token'], ['oauth/token', 'oauth/token'],
    [null, 'oauth/token']]) {
    const res = await postToken(p, credentials(c), { type });
    assert.equal(res.json.data.type, back);
    if (back === 'token') assertSchema('CreateTokenResponse', res.json);
  }
  for (const type of ['foo', '', 'Token', 7, {}]) {
    const res = await postToken(p, credentials(c), { type });
    assertRefusal(res, 409, 'InvalidBodyParameter', { pointer: '/data/type' });
  }
});

test('the media type of the answer follows Accept, the status follows the media type', async () => {
  const cases = [
    [undefined, VND], ['', VND], ['*/*', VND], ['application/*', VND], [VND, VND],
    ['application/json, text/plain, */*', VND], ['text/html', VND],
    [`${PLAIN}, ${VND}`, VND], [`${PLAIN};q=1, ${VND};q=0.1`, VND],
    [PLAIN, PLAIN], ['application/JSON; charset=utf-8', PLAIN], ['text/html, application/json', PLAIN],
    [`${PLAIN}, ${VND};q=0`, PLAIN], [`${PLAIN}, */*;q=0.0`, PLAIN],
  ];
  for (const [accept, media] of cases) {
    const headers = { 'content-type': VND };
    if (accept !== undefined) headers.accept = accept;
    const res = await post(nested(credentials(c)), headers);
    assert.equal(res.headers['content-type'], media, `Accept: ${accept}`);
    assert.equal(res.status, media === VND ? 201 : 200, `Accept: ${accept}`);
    assertRefusal(await post('{', headers), 409, 'InvalidBodyParameter', { pointer: '' }, media);
  }
});

test('top-level attributes only in application/json answers to flat bodies', async () => {
  const flat = credentials(c);
  let res = await post(flat, { 'content-type': PLAIN, accept: PLAIN });
  assert.equal(res.status, 200);
  for (const name of FLAT) assert.equal(res.json[name], res.json.data.attributes[name]);
  assert.equal(res.json.data.type, 'oauth/token');
  assert.match(res.json.meta.req_id, UUID);

  res = await post(flat, { 'content-type': PLAIN });
  assert.equal(res.status, 201);
  assert.deepEqual(Object.keys(res.json).sort(), ['data', 'meta']);

  res = await post(nested(credentials(c)), { 'content-type': PLAIN, accept: PLAIN });
  assert.equal(res.status, 200);
  assert.deepEqual(Object.keys(res.json).sort(), ['data', 'meta']);
});

test('accepted labels of a body', async () => {
  for (const type of [VND, PLAIN, 'APPLICATION/VND.API+JSON', 'application/json; charset=utf-8',
    'application/json;charset=UTF-8', 'application/json; charset="utf-8"', `${VND}; foo=bar`]) {
    const res = await post(nested(credentials(c)), { 'content-type': type });
    assert.equal(res.status, 201, type);
  }
});

test('every other label is 403, before anything else is looked at', async () => {
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data',
    'application/jsonx', 'application/vnd.api+jso', 'application/json; charset=utf-16',
    'application/json, application/json', '']) {
    const res = await post('{', { 'content-type': type }, '?include=nonsense');
    assertRefusal(res, 403, 'Forbidden');
  }
  assertRefusal(await post('{', {}), 403, 'Forbidden');
  const body = JSON.stringify(nested(credentials(c)));
  const raw = await rawRequest(p, 'POST /pub/oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\n' +
    `Content-Type: ${VND}\r\nContent-Type: ${VND}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  assert.equal(raw.responses[0].status, 403);
});

test('malformed JSON', async () => {
  const ok = JSON.stringify(nested(credentials(c)));
  for (const body of ['', ' ', '{', 'null x', `${ok}x`, `\ufeff${ok}`, ok.replace('{', '{"data":1,'),
    ok.replace('}', ',}'), '{"a":"\\ud800"}', '{"a":"\\u0000"}', '{"a":01}', '{"a":1e400}',
    `${'['.repeat(17)}${']'.repeat(17)}`, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]) {
    const res = await post(body, { 'content-type': VND });
    assertRefusal(res, 409, 'InvalidBodyParameter', { pointer: '' });
  }
  for (const body of ['[]', '1', '"x"', 'null', 'true']) {
    const res = await post(body, { 'content-type': PLAIN });
    assertRefusal(res, 409, 'InvalidBodyParameter', { pointer: '' });
  }
});

test('shape: the pointer names what is wrong', async () => {
  const good = credentials(c);
  const without = (name) => Object.fromEntries(Object.entries(good).filter(([k]) => k !== name));
  const nestedCases = [
    [{}, '/data'], [{ data: null }, '/data'], [{ data: [] }, '/data'], [{ data: 'x' }, '/data'],
    [good, '/data'],
    [{ data: {} }, '/data/attributes'], [{ data: { attributes: [] } }, '/data/attributes'],
    [{ data: { type: 'token', attributes: null } }, '/data/attributes'],
  ];
  for (const [body, pointer] of nestedCases) {
    assertRefusal(await post(body, { 'content-type': VND }), 409, 'InvalidBodyParameter', { pointer });
  }
  const refresh = { grant_type: 'refresh_token', client_id: c.id };
  const attributeCases = [
    [{}, 'client_id'], [without('client_id'), 'client_id'], [without('grant_type'), 'grant_type'],
    [without('client_secret'), 'client_secret'], [refresh, 'refresh_token'],
    [{ ...good, client_id: 7 }, 'client_id'], [{ ...good, client_id: null }, 'client_id'],
    [{ ...good, client_id: [c.id] }, 'client_id'], [{ ...good, grant_type: {} }, 'grant_type'],
    [{ ...good, client_secret: false }, 'client_secret'],
    [{ ...refresh, refresh_token: 1 }, 'refresh_token'],
    [{ ...refresh, refresh_token: 'x', client_secret: 1 }, 'client_secret'],
  ];
  for (const [attributes, name] of attributeCases) {
    assertRefusal(await post(nested(attributes), { 'content-type': VND }),
      409, 'InvalidBodyParameter', { pointer: `/data/attributes/${name}` });
    assertRefusal(await post(attributes, { 'content-type': PLAIN }),
      409, 'InvalidBodyParameter', { pointer: `/${name}` });
  }
});

test('grant_type', async () => {
  for (const grant_type of ['password', 'authorization_code', 'Client_Credentials', '',
    'client_credentials ', 'nope']) {
    const res = await postToken(p, { grant_type, client_id: c.id });
    assertRefusal(res, 409, 'InvalidGrantType');
  }
  const only = await p.cli(['client', 'create', '--org', c.organization.id, '--name', 'No refresh',
    '--grant', 'client_credentials', '--scope', 'group organization']);
  const o = { id: only.client_id, secret: only.client_secret };
  const t = await newToken(p, o);
  assertRefusal(await postToken(p, refreshOf(o, t.refresh_token)), 409, 'InvalidGrantType');
});

test('wrong credentials: one answer', async () => {
  const wrong = [
    credentials(c, { client_secret: 'wrong' }), credentials(c, { client_secret: '' }),
    credentials(c, { client_secret: c.secret + 'x' }), credentials(c, { client_secret: all.secret }),
    credentials(c, { client_id: '95c78ab2-167f-40b8-8bec-8398d4b87454' }),
    credentials(c, { client_id: 'nobody' }), credentials(c, { client_id: '' }),
    refreshOf(c, 'nonsense'), refreshOf({ id: '95c78ab2-167f-40b8-8bec-8398d4b87454' }, 'x'),
    refreshOf(c, 'x'.repeat(5000)), refreshOf(c, 'x', { client_secret: 'wrong' }),
  ];
  const texts = new Set();
  for (const attributes of wrong) {
    const res = await postToken(p, attributes);
    assertRefusal(res, 401, 'InvalidCredentials');
    texts.add(res.json.errors[0].detail);
  }
  assert.equal(texts.size, 1);
});

test('a refresh token of another client, or with a wrong secret, stays good', async () => {
  const t = await newToken(p, c);
  assertRefusal(await postToken(p, refreshOf(all, t.refresh_token)), 401, 'InvalidCredentials');
  assertRefusal(await postToken(p, refreshOf(c, t.refresh_token, { client_secret: all.secret })),
    401, 'InvalidCredentials');
  assertRefusal(await postToken(p, refreshOf(c, t.access_token)), 401, 'InvalidCredentials');
  assertRefusal(await postToken(p, refreshOf(c, t.refresh_token.slice(0, -1))),
    401, 'InvalidCredentials');
  assertRefusal(await postToken(p, refreshOf(c, t.refresh_token + 'A')), 401, 'InvalidCredentials');
  const res = await postToken(p, refreshOf(c, t.refresh_token, { client_secret: null }));
  assert.equal(res.status, 201, res.text);
});

test('both spellings of the client id', async () => {
  const upper = await postToken(p, credentials(c, { client_id: c.id.toUpperCase() }));
  assert.equal(upper.status, 201);
  const sid = await postToken(p, credentials(c, { client_id: c.client.client_sid }));
  assert.equal(sid.status, 201);
});

test('a disabled client is refused only after it has proven itself', async () => {
  const d = await makeTwineClient(p, { org: c.organization, groups: [] , named: false });
  const t = await newToken(p, d);
  await p.cli(['client', 'disable', d.id]);
  for (let i = 0; i < 100; i++) {
    const res = await postToken(p, credentials(d));
    if (res.status === 403) break;
    await new Promise((r) => setTimeout(r, 100));
  }
  assertRefusal(await postToken(p, credentials(d)), 403, 'Forbidden');
  assertRefusal(await postToken(p, credentials(d, { client_secret: 'x' })), 401, 'InvalidCredentials');
  assertRefusal(await postToken(p, refreshOf(d, t.refresh_token)), 403, 'Forbidden');
});

test('a short secret: slow to check, and guesses are counted before they are judged', async () => {
  const secret = 'correct horse';
  const made = await p.cli(['client', 'create', '--org', c.organization.id, '--name', 'Short',
    '--scope', 'group organization', '--secret-stdin', '--allow-weak'],
  { input: secret, env: { POSTERN_ALLOW_WEAK_SECRETS: 'true' } });
  const weak = { id: made.client_id, secret };
  const good = await postToken(p, credentials(weak));
  assert.equal(good.status, 201, good.text);
  assert.equal(good.json.data.type, 'oauth/token');
  const guesses = await Promise.all(Array.from({ length: 30 }, () =>
    postToken(p, credentials(weak, { client_secret: 'battery staple' }))));
  const wrong = guesses.filter((r) => r.status === 401);
  for (const r of wrong) assertRefusal(r, 401, 'InvalidCredentials');
  const late = guesses.filter((r) => r.status !== 401);
  assert.ok(wrong.length <= 20 && late.length >= 10, `${wrong.length} judged`);
  for (const r of [...late, await postToken(p, credentials(weak))]) {
    assertRefusal(r, 429, 'Forbidden');
    assert.equal(r.json.errors[0].title, 'Too Many Requests');
    assert.match(r.headers['retry-after'], /^[1-9][0-9]*$/);
  }
});

test('the Authorization header is not looked at', async () => {
  for (const authorization of ['Bearer x', '', 'Basic eDp5', 'nonsense']) {
    const res = await postToken(p, credentials(c), { headers: { authorization } });
    assert.equal(res.status, 201, authorization);
  }
});

test('include', async () => {
  let res = await postToken(p, credentials(c), { query: '?include=groups', type: 'token' });
  assert.equal(res.status, 201);
  assertSchema('CreateTokenResponse', res.json);
  assert.deepEqual(res.json.included, c.groups.map((g) => ({
    type: 'group', id: g.id, attributes: { name: g.name }, links: { self: `/pub/group/${g.id}` },
  })));
  const org = {
    type: 'organization', id: c.organization.id, attributes: { name: 'Health Partners' },
    links: { self: `/pub/organization/${c.organization.id}` },
  };
  res = await postToken(p, credentials(c), { query: '?include=organization' });
  assert.deepEqual(res.json.included, [org]);
  for (const list of ['groups,organization', 'organization%2Cgroups', 'groups,groups,organization']) {
    res = await postToken(p, credentials(c), { query: `?include=${list}` });
    assert.deepEqual(res.json.included.map((r) => r.type), ['group', 'group', 'organization']);
  }
  res = await postToken(p, credentials(all), { query: '?include=groups&x=y' });
  assert.equal(res.json.included.length, 3);
  res = await postToken(p, credentials(c), { query: '?' });
  assert.equal('included' in res.json, false);
});

test('a wrong include is 409, after the JSON and before the shape', async () => {
  for (const query of ['?include=', '?include=patients', '?include=groups,', '?include=Groups',
    '?include=groups%20', '?include=groups&include=organization', '?include=groups&%69nclude=groups']) {
    const res = await post({}, { 'content-type': VND }, query);
    assertRefusal(res, 409, 'InvalidParameter', { parameter: 'include' });
  }
  for (const query of ['?include=%', '?%zz', '?a=%c0%af', '?a=%00']) {
    assertRefusal(await post({}, { 'content-type': VND }, query), 409, 'InvalidParameter');
  }
  assertRefusal(await post('{', { 'content-type': VND }, '?include=x'),
    409, 'InvalidBodyParameter', { pointer: '' });
});

test('order: grant_type, then what the grant needs, then the client', async () => {
  assertRefusal(await postToken(p, { grant_type: 'nope', client_id: 'x' }), 409, 'InvalidGrantType');
  assertRefusal(await postToken(p, { grant_type: 'refresh_token', client_id: 'x' }),
    409, 'InvalidBodyParameter', { pointer: '/data/attributes/refresh_token' });
});

test('credentials in the query count for nothing', async () => {
  const q = `?client_id=${c.id}&client_secret=${c.secret}&grant_type=client_credentials`;
  assertRefusal(await post({ data: { attributes: {} } }, { 'content-type': VND }, q),
    409, 'InvalidBodyParameter', { pointer: '/data/attributes/client_id' });
});

test('paths and methods', async () => {
  for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const res = await request(p, method, '/pub/oauth/token',
      { headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' } });
    assertRefusal(res, 405, 'ResourceNotFound');
    assert.equal(res.headers.allow, 'POST');
    assert.equal(res.headers['access-control-allow-origin'], undefined);
  }
  for (const target of ['/pub/', '/pub/oauth', '/pub/oauth/token/', '/pub//oauth/token',
    '/pub/oauth/TOKEN', '/pub/oauth/%74oken', '/pub/patient', '/pub/oauth/token;x']) {
    assertRefusal(await request(p, 'GET', target), 404, 'ResourceNotFound');
    assertRefusal(await request(p, 'POST', target, { body: '{}' }), 404, 'ResourceNotFound');
  }
  const head = await request(p, 'HEAD', '/pub/nothing');
  assert.equal(head.status, 404);
  assert.equal(head.headers['content-type'], VND);
  assert.equal(head.text, '');
});

test('chunked bodies, Expect and pipelining', async () => {
  const body = JSON.stringify(nested(credentials(c)));
  const head = 'POST /pub/oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\n' +
    `Content-Type: ${VND}\r\n`;
  const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  let raw = await rawRequest(p, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
  assert.equal(raw.responses[0].status, 201);
  const sized = `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  raw = await rawRequest(p, sized.repeat(5), { responses: 5 });
  assert.deepEqual(raw.responses.map((r) => r.status), [201, 201, 201, 201, 201]);
  assert.equal(new Set(raw.responses.map((r) => JSON.parse(r.body).data.id)).size, 5);
});

// A request line and headers, and the refusal expected of it.
const framing = [
  ['two lengths', 'POST /pub/oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n' +
    'Content-Length: 2\r\n\r\n{}', 400],
  ['folded header', 'GET /pub/group HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\r\n c\r\n\r\n', 400],
  ['no Host', 'GET /pub/group HTTP/1.1\r\n\r\n', 400],
  ['foreign Host', 'GET /pub/group HTTP/1.1\r\nHost: evil.example\r\n\r\n', 421],
  ['long line', `GET /pub/group?${'x'.repeat(9000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, 414],
  ['big head', `GET /pub/group HTTP/1.1\r\nHost: 127.0.0.1\r\nA: ${'x'.repeat(17000)}\r\n\r\n`, 431],
  ['big body', 'POST /pub/oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\n' +
    `Content-Type: ${VND}\r\nContent-Length: 40000\r\n\r\n`, 413],
  ['expectation', 'POST /pub/oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: miracles\r\n' +
    'Content-Length: 2\r\n\r\n{}', 417],
  ['coding', 'POST /pub/oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\n' +
    'Transfer-Encoding: gzip\r\n\r\n', 400],
  ['version', 'GET /pub/group HTTP/3.9\r\nHost: 127.0.0.1\r\n\r\n', 400],
];
for (const [name, bytes, status] of framing) {
  test(`broken HTTP is refused in Twine's shape: ${name}`, async () => {
    const raw = await rawRequest(p, bytes);
    const [r] = raw.responses;
    assert.ok(r, raw.text);
    assert.equal(r.status, status, raw.text);
    assert.equal(r.headers['content-type'], VND);
    const doc = JSON.parse(r.body);
    assert.match(doc.meta.req_id, UUID);
    assertSchema('Error', doc.errors[0]);
    assert.equal(doc.errors[0].status, String(status));
    assert.ok(doc.errors[0].title.length > 0);
  });
}

test('the log has the request id of the answer and no secret', async () => {
  const res = await postToken(p, credentials(c));
  const { access_token, refresh_token } = res.json.data.attributes;
  let line;
  for (let i = 0; i < 50 && !line; i++) {
    line = p.logLines().find((l) => l.request_id === res.json.meta.req_id);
    if (!line) await new Promise((r) => setTimeout(r, 50));
  }
  assert.ok(line, 'a line of that request id');
  assert.equal(line.route, 'twine.token');
  const log = JSON.stringify(p.logLines());
  for (const secret of [c.secret, access_token, refresh_token]) assert.ok(!log.includes(secret));
});
