'use strict';
// Twine requests, and what every Twine answer must look like.

const assert = require('node:assert/strict');
const Ajv = require('ajv');
const { request } = require('./http');

const SPEC = require('@datafire/twinehealth/openapi.json');
const VND = 'application/vnd.api+json';
const PLAIN = 'application/json';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ID = /^[0-9a-f]{24}$/;

const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'twine.json', definitions: SPEC.definitions });

// Checks a document against a definition of the published description.
function assertSchema(name, document) {
  const check = ajv.getSchema(`twine.json#/definitions/${name}`);
  assert.ok(check, `the description defines ${name}`);
  assert.ok(check(document), `${name}: ${ajv.errorsText(check.errors)}`);
}

// A refusal in Twine's shape. `where`: { pointer } or { parameter } or nothing.
function assertRefusal(res, status, code, where, media = VND) {
  assert.equal(res.status, status, res.text);
  assert.equal(res.headers['content-type'], media);
  assert.equal(res.headers['cache-control'], 'no-store');
  assert.deepEqual(Object.keys(res.json).sort(), ['errors', 'meta'], res.text);
  assert.deepEqual(Object.keys(res.json.meta), ['req_id']);
  assert.match(res.json.meta.req_id, UUID);
  assert.ok(Array.isArray(res.json.errors));
  assert.equal(res.json.errors.length, 1);
  const [e] = res.json.errors;
  assertSchema('Error', e);
  assert.equal(e.status, String(status));
  assert.equal(e.code, code, res.text);
  assert.ok(e.detail.length > 0);
  assert.deepEqual(e.source, where, res.text);
  if (status === 401) assert.match(res.headers['www-authenticate'], /^Bearer realm="twine"/);
}

// Attributes of a token request of that client.
const credentials = (c, more) => ({
  grant_type: 'client_credentials', client_id: c.id, client_secret: c.secret, ...more,
});
const refreshOf = (c, refresh_token, more) => ({
  grant_type: 'refresh_token', client_id: c.id, refresh_token, ...more,
});
const nested = (attributes, type = 'oauth/token') => ({
  data: type === null ? { attributes } : { type, attributes },
});

// POST /pub/oauth/token, nested, as the Twine documents have it.
function postToken(p, attributes, { query = '', headers = {}, type } = {}) {
  return request(p, 'POST', '/pub/oauth/token' + query, {
    headers: { 'content-type': VND, ...headers },
    body: nested(attributes, type),
  });
}

async function newToken(p, c) {
  const res = await postToken(p, credentials(c));
  assert.equal(res.status, 201, res.text);
  return { id: res.json.data.id, ...res.json.data.attributes };
}

function get(p, target, token, headers = {}) {
  return request(p, 'GET', target, {
    headers: token ? { authorization: `Bearer ${token}`, ...headers } : headers,
  });
}

function postGroup(p, token, attributes, { type = 'group', media = VND, data = {} } = {}) {
  return request(p, 'POST', '/pub/group', {
    headers: { authorization: `Bearer ${token}`, 'content-type': media },
    body: { data: { type, attributes, ...data } },
  });
}

module.exports = {
  SPEC, VND, PLAIN, UUID, ID, request, assertSchema, assertRefusal, credentials, refreshOf, nested,
  postToken, newToken, get, postGroup,
};
