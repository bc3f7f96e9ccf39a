'use strict';
// Published Twine clients, unmodified, against the real binary: swagger-client with the full
// description (as @datafire/twinehealth ships it) and with the reduced one, DataFire's own client,
// and a plain OAuth client.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { test, before, after } = require('node:test');
const SwaggerClient = require('swagger-client');
const { ClientCredentials } = require('simple-oauth2');
const { startPostern, makeTwineClient } = require('./lib/postern');
const { SPEC, VND, PLAIN, assertSchema, assertRefusal, credentials, refreshOf, nested, newToken,
  get } = require('./lib/twine');

let p, c;

before(async () => {
  p = await startPostern();
  c = await makeTwineClient(p, { named: false });
});
after(() => p.stop());

const aimed = (spec) => {
  const copy = structuredClone(spec);
  copy.host = `127.0.0.1:${p.port}`;
  copy.schemes = ['http'];
  return copy;
};
const bearer = (access_token) => ({ OAuth2: { token: { access_token } } });
const document = (res) => JSON.parse(res.text ?? res.data);

test('swagger-client with the full description', async (t) => {
  const { apis } = await SwaggerClient({ spec: aimed(SPEC) });
  let token;
  await t.test('createToken with include', async () => {
    const res = await apis.oauth.createToken(
      { body: nested(credentials(c), 'token'), include: 'groups' });
    assert.equal(res.status, 201);
    assert.equal(res.headers['content-type'], VND);
    const doc = document(res);
    assertSchema('CreateTokenResponse', doc);
    assert.equal(doc.included[0].type, 'group');
    token = doc.data;
  });
  const authorized = async (operation, parameters) => {
    const { apis: a } = await SwaggerClient(
      { spec: aimed(SPEC), authorizations: bearer(token.attributes.access_token) });
    const [tag, name] = operation.split('.');
    return a[tag][name](parameters);
  };
  const withBearer = (operation, parameters) => SwaggerClient({
    spec: aimed(SPEC),
    requestInterceptor: (r) => {
      r.headers.Authorization = `Bearer ${token.attributes.access_token}`;
      return r;
    },
  }).then((client) => {
    const [tag, name] = operation.split('.');
    return client.apis[tag][name](parameters);
  });
  await t.test('fetchTokenGroups', async () => {
    const res = await authorized('oauth.fetchTokenGroups', { id: token.id });
    assert.equal(res.status, 200);
    assertSchema('FetchGroupsResponse', document(res));
    const linked = await get(p, token.relationships.groups.links.related,
      token.attributes.access_token);
    assert.deepEqual(linked.json.data, document(res).data);
  });
  await t.test('fetchTokenOrganization needs the bearer that the description forgot', async () => {
    await assert.rejects(authorized('oauth.fetchTokenOrganization', { id: token.id }),
      (e) => e.status === 401 || e.response?.status === 401);
    const res = await withBearer('oauth.fetchTokenOrganization', { id: token.id });
    assert.equal(res.status, 200);
    assertSchema('FetchOrganizationResponse', document(res));
    const linked = await get(p, token.relationships.organization.links.related,
      token.attributes.access_token);
    assert.deepEqual(linked.json.data, document(res).data);
  });
  await t.test('fetchOrganization, createGroup, fetchGroup, fetchGroups', async () => {
    const org = await withBearer('organization.fetchOrganization', { id: c.organization.id });
    assert.equal(document(org).data.attributes.name, c.organization.name);
    const made = await withBearer('group.createGroup',
      { body: { data: { type: 'group', attributes: { name: 'New Group' } } } });
    assert.equal(made.status, 201);
    assertSchema('CreateGroupResponse', document(made));
    const { id } = document(made).data;
    const one = await withBearer('group.fetchGroup', { id });
    assert.deepEqual(document(one).data, document(made).data);
    const list = await withBearer('group.fetchGroups',
      { 'filter[organization]': c.organization.id, 'filter[name]': 'New Group' });
    assertSchema('FetchGroupsResponse', document(list));
    assert.deepEqual(document(list).data.map((g) => g.id), [id]);
  });
  await t.test('a flat body as application/json', async () => {
    const res = await apis.oauth.createToken({ body: credentials(c) },
      { requestContentType: PLAIN, responseContentType: PLAIN });
    assert.equal(res.status, 200);
    assert.equal(res.headers['content-type'], PLAIN);
    assert.equal(res.body.access_token, res.body.data.attributes.access_token);
  });
  await t.test('refusals', async () => {
    const failing = apis.oauth.createToken(
      { body: nested(credentials(c, { client_secret: 'wrong' }), 'token') });
    await assert.rejects(failing, (e) => {
      assert.equal(e.response.status, 401);
      assert.equal(JSON.parse(e.response.text ?? e.response.data).errors[0].code,
        'InvalidCredentials');
      return true;
    });
  });
});

// What the reduced description (Twine 7.18.0) says of the three calls it has.
const REDUCED = {
  swagger: '2.0',
  info: { title: 'Twine', version: '7.18.0' },
  host: 'x', basePath: '/pub', schemes: ['http'], produces: [PLAIN], consumes: [PLAIN],
  paths: {
    '/oauth/token': {
      post: {
        operationId: 'createToken', tags: ['Oauth'],
        parameters: [{ in: 'body', name: 'body', schema: { type: 'object' } },
          { in: 'query', name: 'include', type: 'string' }],
        responses: { 200: { description: 'OK' } },
      },
    },
    '/oauth/token/{id}/groups': {
      get: {
        operationId: 'fetchTokenGroups', tags: ['Oauth'],
        parameters: [{ in: 'path', name: 'id', required: true, type: 'string' }],
        responses: { 200: { description: 'OK' } },
      },
    },
    '/oauth/token/{id}/organization': {
      get: {
        operationId: 'fetchTokenOrganization', tags: ['Oauth'],
        parameters: [{ in: 'path', name: 'id', required: true, type: 'string' }],
        responses: { 200: { description: 'OK' } },
      },
    },
  },
};

test('swagger-client with the reduced description: 200 and application/json', async () => {
  let access_token;
  const { apis } = await SwaggerClient({
    spec: aimed(REDUCED),
    requestInterceptor: (r) => {
      if (access_token) r.headers.Authorization = `Bearer ${access_token}`;
      return r;
    },
  });
  for (const body of [credentials(c), nested(credentials(c))]) {
    access_token = undefined;
    const res = await apis.Oauth.createToken({ body, include: 'groups,organization' });
    assert.equal(res.status, 200);
    assert.equal(res.headers['content-type'], PLAIN);
    const { data, included } = res.body;
    assert.equal(data.type, 'oauth/token');
    assert.ok(included.some((r) => r.type === 'organization'));
    access_token = data.attributes.access_token;
    const groups = await apis.Oauth.fetchTokenGroups({ id: data.id });
    assert.equal(groups.status, 200);
    assert.equal(groups.body.meta.count, groups.body.data.length);
    const org = await apis.Oauth.fetchTokenOrganization({ id: data.id });
    assert.equal(org.body.data.id, c.organization.id);
  }
  access_token = undefined;
  const first = (await apis.Oauth.createToken({ body: credentials(c) })).body;
  const next = await apis.Oauth.createToken({ body: refreshOf(c, first.refresh_token) });
  assert.equal(next.status, 200);
  assert.notEqual(next.body.refresh_token, first.refresh_token);
});

function datafire(access_token, operation, input) {
  const script = path.join(__dirname, 'lib', 'datafire_call.js');
  return new Promise((done, failed) => {
    execFile(process.execPath, [script, p.url, access_token, operation, JSON.stringify(input)],
      (e, stdout, stderr) => {
        if (e) failed(new Error(stderr || e.message));
        else done(JSON.parse(stdout));
      });
  });
}

// DataFire parses application/json only, and it sends no Accept: its results are strings.
const parsed = (answer) => {
  assert.equal(typeof answer.result, 'string', JSON.stringify(answer));
  return JSON.parse(answer.result);
};

test('@datafire/twinehealth', async () => {
  const doc = parsed(await datafire('x', 'createToken', { body: nested(credentials(c), 'token') }));
  assert.equal(doc.data.type, 'token');
  assertSchema('CreateTokenResponse', doc);
  const { access_token, refresh_token } = doc.data.attributes;

  const groups = parsed(await datafire(access_token, 'fetchTokenGroups', { id: doc.data.id }));
  assert.equal(groups.meta.count, groups.data.length);
  const org = parsed(await datafire(access_token, 'fetchOrganization', { id: c.organization.id }));
  assert.equal(org.data.id, c.organization.id);
  const made = parsed(await datafire(access_token, 'createGroup', {
    body: { data: { id: 'ignored', type: 'group', attributes: { name: 'By DataFire', bio: 'b' } } },
  }));
  assert.deepEqual(made.data.attributes, { name: 'By DataFire', bio: 'b' });
  assert.notEqual(made.data.id, 'ignored');
  const one = parsed(await datafire(access_token, 'fetchGroup', { id: made.data.id }));
  assert.deepEqual(one.data, made.data);
  const list = parsed(await datafire(access_token, 'fetchGroups',
    { 'filter[organization]': c.organization.id }));
  assert.ok(list.data.some((g) => g.id === made.data.id));
  const next = parsed(await datafire('x', 'createToken',
    { body: nested(refreshOf(c, refresh_token), 'token') }));
  assert.notEqual(next.data.attributes.access_token, access_token);

  const refused = await datafire('x', 'fetchOrganization', { id: c.organization.id });
  assert.ok(refused.error, JSON.stringify(refused));
});

test('simple-oauth2 with a JSON body', async () => {
  const client = (secret) => new ClientCredentials({
    client: { id: c.id, secret },
    auth: { tokenHost: p.url, tokenPath: '/pub/oauth/token' },
    options: { authorizationMethod: 'body', bodyFormat: 'json' },
  });
  const t = await client(c.secret).getToken({});
  assert.equal(t.token.token_type, 'bearer');
  assert.equal(t.expired(), false);
  assert.equal((await get(p, `/pub/organization/${c.organization.id}`, t.token.access_token)).status,
    200);
  const refreshed = await client(c.secret).createToken(t.token);
  assert.equal(refreshed.token.refresh_token, t.token.refresh_token);
  await assert.rejects(client('wrong').getToken({}), (e) => {
    assert.equal(e.output.statusCode, 401);
    assert.equal(e.data.payload.errors[0].code, 'InvalidCredentials');
    return true;
  });
});

test('a form, as DataFire sends on a 401, is 403', async () => {
  const { request } = require('./lib/http');
  const t = await newToken(p, c);
  const body = new URLSearchParams(refreshOf(c, t.refresh_token)).toString();
  const res = await request(p, 'POST', '/pub/oauth/token',
    { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body });
  assertRefusal(res, 403, 'Forbidden');
});
