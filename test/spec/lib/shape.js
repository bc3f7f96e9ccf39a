'use strict';
// What every answer owes its dialect, and requests written by hand.

const assert = require('node:assert');
const { rawRequest } = require('../../interop/lib/postern.js');

const FORM = 'application/x-www-form-urlencoded';
const STANDARD = { name: 'standard', path: '/oauth2/token', type: FORM };
const TWINE = { name: 'Twine', path: '/pub/oauth/token', type: 'application/vnd.api+json' };

// %x20-21 / %x23-5B / %x5D-7E (RFC 6749 5.2)
const DESCRIPTION = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

// A refusal of RFC 6749 5.2: JSON, not to be stored, an error code, a description that echoes
// nothing. Returns the parsed body.
function assertStandardError(r, error) {
  assert.match(r.headers['content-type'], /^application\/json(;|$)/);
  assert.match(r.headers['cache-control'] || '', /no-store/);
  const body = JSON.parse(r.body);
  assert.strictEqual(typeof body.error, 'string', r.body);
  assert.match(body.error, /^[a-z_]+$/);
  if ('error_description' in body) assert.match(body.error_description, DESCRIPTION);
  if (error) assert.strictEqual(body.error, error, r.body);
  return body;
}

// An error document of the Twine API: errors is an array, status a string (wire.md A0).
function assertTwineError(r, code) {
  assert.match(r.headers['content-type'], /^application\/(vnd\.api\+json|json)$/);
  const body = JSON.parse(r.body);
  assert.match(body.meta.req_id, UUID);
  assert.ok(Array.isArray(body.errors) && body.errors.length >= 1, r.body);
  for (const e of body.errors) {
    assert.match(e.code, /^[A-Z][A-Za-z]+$/);
    assert.strictEqual(typeof e.detail, 'string');
    assert.strictEqual(e.status, String(r.status));
  }
  if (code) assert.strictEqual(body.errors[0].code, code, r.body);
  return body;
}

function assertError(dialect, r, code) {
  assert.notStrictEqual(r.body, '', 'an empty body');
  return dialect === TWINE ? assertTwineError(r, code) : assertStandardError(r, code);
}

// The text of a request: head lines as given, Host and the end added.
function request(p, first, headers = [], body = '') {
  return [first, `Host: 127.0.0.1:${p.port}`, ...headers, '', body].join('\r\n');
}

function post(p, path, type, body, headers = []) {
  return request(p, `POST ${path} HTTP/1.1`,
    [`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers], body);
}

// One request by hand, one answer.
async function send(p, bytes, options) {
  const r = await rawRequest(p, bytes, options);
  assert.strictEqual(r.responses.length, 1, `expected one answer, got: ${r.text}`);
  return r.responses[0];
}

const basic = (id, secret) => 'Basic '
  + Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64');

// A POST with a form, by fetch: { status, headers, body, json }.
async function form(p, path, params, { authorization, headers = {} } = {}) {
  const r = await fetch(p.url + path, {
    method: 'POST',
    headers: { 'content-type': FORM, ...headers, ...(authorization ? { authorization } : {}) },
    body: typeof params === 'string' ? params : new URLSearchParams(params).toString(),
  });
  const body = await r.text();
  const answer = { status: r.status, headers: Object.fromEntries(r.headers), body };
  try {
    answer.json = JSON.parse(body);
  } catch {
    answer.json = undefined;
  }
  return answer;
}

// A client of the standard dialect, in a new organization unless one is given.
async function makeClient(p, { org, extra = [], scope = 'read write' } = {}) {
  const organization = org || await p.cli(['org', 'create', '--name', 'Org']);
  const client = await p.cli(['client', 'create', '--org', organization.id, '--name', 'App',
    '--grant', 'client_credentials', '--scope', scope, ...extra]);
  return { organization, client, id: client.client_id, secret: client.client_secret,
    authorization: basic(client.client_id, client.client_secret) };
}

// An access token of that client, or a failed assertion.
async function getToken(p, client, params = {}) {
  const r = await form(p, '/oauth2/token', { grant_type: 'client_credentials', ...params },
    { authorization: client.authorization });
  assert.strictEqual(r.status, 200, r.body);
  return r.json.access_token;
}

async function introspect(p, client, token) {
  const r = await form(p, '/oauth2/introspect', { token },
    { authorization: client.authorization });
  assert.strictEqual(r.status, 200, r.body);
  return r.json;
}

module.exports = { FORM, STANDARD, TWINE, UUID, DESCRIPTION, assertError, assertStandardError,
  assertTwineError, request, post, send, basic, form, makeClient, getToken, introspect };
