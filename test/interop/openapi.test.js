'use strict';
// The API's description of itself: what others make of it. @redocly/cli lints the documents, ajv
// checks real answers against their schemas, swagger-client makes a client of each and uses it.

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const Ajv = require('ajv/dist/2020');
const SwaggerClient = require('swagger-client');
const { startPostern, makeTwineClient } = require('./lib/postern');
const { request } = require('./lib/http');

const DOCUMENTS = ['/openapi.json', '/pub/openapi.json', '/v1/openapi.json'];

// What the vendors' descriptions call the operations that are built.
const VENDORS = [
  ['/pub/openapi.json', 'post', '/pub/oauth/token', 'createToken'],
  ['/pub/openapi.json', 'get', '/pub/oauth/token/{id}/groups', 'fetchTokenGroups'],
  ['/pub/openapi.json', 'get', '/pub/oauth/token/{id}/organization', 'fetchTokenOrganization'],
  ['/v1/openapi.json', 'post', '/v1/token', 'CreateToken'],
];
// Pages for people, and a second way to a resource: no operations of their own.
const UNDESCRIBED = ['get /oauth2/authorize', 'get /oauth2/logout', 'post /oauth2/userinfo',
  'get /v1/well-known/openid-configuration'];
// Its parameters there, and its required answer.
const V1_TOKEN = ['GrantType', 'ClientId', 'ClientSecret', 'Code', 'RedirectUri', 'Audience',
  'RefreshToken', 'Scope'];

function lint(file) {
  return spawnSync(process.execPath,
    [path.join(__dirname, 'node_modules/@redocly/cli/bin/cli.js'), 'lint', '--format=json',
      '--extends=recommended', file],
    { encoding: 'utf8', env: { ...process.env, REDOCLY_TELEMETRY: 'off',
      REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' } });
}

test('the API describes itself', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const c = await makeTwineClient(p);
  const documents = {};
  for (const name of DOCUMENTS) {
    const r = await request(p, 'GET', name);
    assert.equal(r.status, 200);
    assert.equal(r.headers['content-type'], 'application/json');
    assert.equal(r.headers['access-control-allow-origin'], '*');
    documents[name] = r.json;
  }
  const operation = (name, at, method) => documents[name].paths[at][method];
  const client = (name) => new SwaggerClient({ spec: structuredClone(documents[name]) });

  await t.test('redocly finds nothing, not even a warning', () => {
    for (const name of DOCUMENTS) {
      const file = path.join(p.dir, `${name.replaceAll('/', '_')}`);
      fs.writeFileSync(file, JSON.stringify(documents[name]));
      const r = lint(file);
      const found = JSON.parse(r.stdout);
      // An authorization is answered by a redirect, and by nothing else (wire.md B1).
      const problems = found.problems.filter((x) => x.ruleId !== 'operation-2xx-response' ||
        !/authorize\/get/.test(x.location[0].pointer));
      assert.deepEqual(problems.map((x) => `${x.ruleId}: ${x.message}`), [], name);
      assert.equal(found.totals.errors, 0);
    }
  });

  await t.test('operations have the vendors\' ids and parameters', () => {
    for (const [name, method, at, id] of VENDORS) {
      assert.equal(operation(name, at, method).operationId, id);
    }
    const { schema } = operation('/v1/openapi.json', '/v1/token', 'post')
      .requestBody.content['application/x-www-form-urlencoded'];
    for (const parameter of V1_TOKEN) assert.ok(parameter in schema.properties, parameter);
    assert.ok(operation('/v1/openapi.json', '/v1/token', 'post').responses[201]);
  });

  await t.test('every route is in a document, and nothing else', async () => {
    const routes = (await p.cli(['list', 'routes']))
      .filter((r) => /^\/(oauth2|pub|v1|v2|admin|\.well-known)\//.test(r.path))
      .filter((r) => !r.path.endsWith('/openapi.json') && r.methods[0] !== 'OPTIONS')
      .map((r) => `${r.methods[0].toLowerCase()} ${r.path}`)
      .filter((r) => !UNDESCRIBED.includes(r));
    const described = Object.values(documents).flatMap((d) => Object.entries(d.paths)
      .flatMap(([at, item]) => Object.keys(item).map((method) => `${method} ${at}`)));
    assert.deepEqual(described.sort(), routes.sort());
  });

  await t.test('grants are those of the dialect', () => {
    const grants = (name, at, parameter) => operation(name, at, 'post')
      .requestBody.content['application/x-www-form-urlencoded'].schema.properties[parameter].enum;
    const people = ['authorization_code', 'client_credentials', 'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code'];
    assert.deepEqual(grants('/openapi.json', '/oauth2/token', 'grant_type').sort(), people);
    assert.deepEqual(grants('/v1/openapi.json', '/v1/token', 'GrantType').sort(), people);
  });

  // The schema of an answer, with references that ajv can follow.
  const validator = (name, at, method, status, media) => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'api', components: documents[name].components });
    const { $ref } = operation(name, at, method).responses[status].content[media].schema;
    return ajv.compile({ $ref: `api${$ref}` });
  };
  const validates = (check, value) => assert.ok(check(value), JSON.stringify(check.errors));

  await t.test('swagger-client on the standard document', async () => {
    const { apis } = await client('/openapi.json');
    const authorizations = { basic: { username: c.id, password: c.secret } };
    const of = (fn, form) => fn({}, { requestBody: form, securities: { authorized: authorizations } });
    const token = await of(apis.OAuth.createToken, { grant_type: 'client_credentials' });
    assert.equal(token.status, 200);
    validates(validator('/openapi.json', '/oauth2/token', 'post', 200, 'application/json'), token.body);
    const seen = await of(apis.OAuth.introspectToken, { token: token.body.access_token });
    assert.equal(seen.body.active, true);
    validates(validator('/openapi.json', '/oauth2/introspect', 'post', 200, 'application/json'), seen.body);
    assert.equal((await of(apis.OAuth.revokeToken, { token: token.body.access_token })).status, 200);
    const again = await of(apis.OAuth.introspectToken, { token: token.body.access_token });
    assert.deepEqual(again.body, { active: false });
    const keys = await apis.Discovery.fetchKeys();
    validates(validator('/openapi.json', '/oauth2/jwks', 'get', 200, 'application/jwk-set+json'),
      JSON.parse(keys.text));
    const metadata = await apis.Discovery.fetchMetadata();
    validates(validator('/openapi.json', '/.well-known/oauth-authorization-server', 'get', 200,
      'application/json'), metadata.body);
    await assert.rejects(apis.OAuth.createToken({}, { requestBody: { grant_type: 'client_credentials',
      client_id: c.id, client_secret: 'wrong' } }), (e) => {
      validates(validator('/openapi.json', '/oauth2/token', 'post', 401, 'application/json'), e.response.body);
      return e.status === 401;
    });
  });

  await t.test('swagger-client on the Twine document', async () => {
    const { apis } = await client('/pub/openapi.json');
    const J = 'application/vnd.api+json';
    const made = await apis.oauth.createToken({ include: 'groups' }, { requestBody: { data: {
      type: 'token', attributes: { grant_type: 'client_credentials', client_id: c.id,
        client_secret: c.secret } } }, requestContentType: J, responseContentType: J });
    assert.equal(made.status, 201);
    const token = JSON.parse(made.text);
    validates(validator('/pub/openapi.json', '/pub/oauth/token', 'post', 201, J), token);
    const options = { responseContentType: J, securities: { authorized: {
      bearer: { value: token.data.attributes.access_token } } } };
    const groups = await apis.oauth.fetchTokenGroups({ id: token.data.id }, options);
    assert.equal(JSON.parse(groups.text).data.length, c.groups.length);
    validates(validator('/pub/openapi.json', '/pub/oauth/token/{id}/groups', 'get', 200, J),
      JSON.parse(groups.text));
    const organization = await apis.oauth.fetchTokenOrganization({ id: token.data.id }, options);
    validates(validator('/pub/openapi.json', '/pub/oauth/token/{id}/organization', 'get', 200, J),
      JSON.parse(organization.text));
    const list = await apis.group.fetchGroups({ 'filter[organization]': c.organization.id }, options);
    validates(validator('/pub/openapi.json', '/pub/group', 'get', 200, J), JSON.parse(list.text));
    const group = await apis.group.createGroup({}, { ...options, requestContentType: J,
      requestBody: { data: { type: 'group', attributes: { name: 'New' } } } });
    assert.equal(group.status, 201);
    validates(validator('/pub/openapi.json', '/pub/group', 'post', 201, J), JSON.parse(group.text));
    await assert.rejects(apis.group.fetchGroup({ id: c.groups[0].id }), (e) => {
      validates(validator('/pub/openapi.json', '/pub/group/{id}', 'get', 401, J),
        JSON.parse(e.response.text));
      return e.status === 401;
    });
  });

  await t.test('swagger-client on the Twilio document', async () => {
    const { apis } = await client('/v1/openapi.json');
    const v1 = await apis.OauthV1Token.CreateToken({}, { requestBody: {
      GrantType: 'client_credentials', ClientId: c.id, ClientSecret: c.secret } });
    assert.equal(v1.status, 201);
    validates(validator('/v1/openapi.json', '/v1/token', 'post', 201, 'application/json'), v1.body);
    const v2 = await apis.OauthV2Token.CreateTokenV2({}, { requestBody: {
      grant_type: 'client_credentials', client_id: c.id, client_secret: c.secret } });
    assert.equal(v2.status, 200);
    validates(validator('/v1/openapi.json', '/v2/token', 'post', 200, 'application/json'), v2.body);
    const certs = await apis.OauthV1Certs.FetchCerts();
    validates(validator('/v1/openapi.json', '/v1/certs', 'get', 200, 'application/json'), certs.body);

    const account = await p.cli(['account', 'token', c.organization.id]);
    const options = { securities: { authorized: {
      basic: { username: account.account_sid, password: account.auth_token } } } };
    const checked = (answer, at, method, status) => {
      assert.equal(answer.status, status);
      validates(validator('/v1/openapi.json', at, method, status, 'application/json'), answer.body);
      return answer.body;
    };
    const apps = apis.IamV1OAuthApps;
    const root = '/v1/Account/OAuthApps';
    const app = checked(await apps.CreateOAuthApp({}, { ...options, requestBody: {
      type: 'Client Credential', friendly_name: 'Made', policy: { allow: ['x'], deny: [] } } }),
    root, 'post', 201);
    assert.equal(checked(await apps.ListOAuthApp({ PageSize: 1 }, options), root, 'get', 200)
      .oauth_apps.length, 1);
    checked(await apps.FetchOAuthApp({ id: app.sid }, options), `${root}/{id}`, 'get', 200);
    assert.equal(checked(await apps.UpdateOAuthApp({ id: app.sid }, { ...options, requestBody: {
      friendly_name: 'Changed' } }), `${root}/{id}`, 'put', 200).friendly_name, 'Changed');
    assert.notEqual(checked(await apps.RotateOAuthAppSecret({ id: app.sid }, { ...options,
      requestBody: { grace_period_days: 0 } }), `${root}/{id}/secret`, 'post', 201).secret, app.secret);
    assert.equal((await apps.DeleteOAuthApp({ id: app.sid }, options)).status, 204);
    await assert.rejects(apps.FetchOAuthApp({ id: app.sid }, options), (e) => {
      validates(validator('/v1/openapi.json', `${root}/{id}`, 'get', 404, 'application/json'),
        e.response.body);
      return e.status === 404;
    });
  });
});

test('/docs lists every operation without JavaScript, and lets nothing foreign run', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const page = await request(p, 'GET', '/docs');
  assert.equal(page.status, 200);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  assert.match(page.headers['content-security-policy'], /^default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';/);
  assert.doesNotMatch(page.text, /\{\{|<script(?![^>]* src=)|\sstyle=|\son[a-z]+=/);
  for (const name of DOCUMENTS) {
    const { json } = await request(p, 'GET', name);
    for (const [at, item] of Object.entries(json.paths)) {
      for (const op of Object.values(item)) {
        assert.ok(page.text.includes(`data-document="${name}" data-id="${op.operationId}"`), at);
        assert.ok(page.text.includes(`<code class="path">${at}</code>`), at);
      }
    }
  }
  for (const [file, type] of [['docs.css', 'text/css'], ['docs.js', 'text/javascript']]) {
    const r = await request(p, 'GET', `/docs/${file}`);
    assert.equal(r.headers['content-type'], `${type}; charset=utf-8`);
    assert.equal(r.text, fs.readFileSync(path.join(__dirname, '../../src/admin/docs', file), 'utf8'));
  }
});
