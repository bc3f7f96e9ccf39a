'use strict';
// Is every row of the table of checks needed? For each there is a request that this row alone
// refuses: with the row on it is refused by its name, with the row off (a test build,
// build/release/postern_check_switch, and the variable CHECK_OFF) it gets further. A row without
// such a request fails here, and so does a row that has become a copy of another.

const path = require('node:path');

process.env.POSTERN = process.env.POSTERN_SWITCH || path.join(__dirname, '..', '..', 'build',
  'release', 'postern_check_switch');

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const { sleep } = require('../interop/lib/postern.js');
const { startWorld, REDIRECT } = require('../interop/lib/relying_party.js');
const { basic, form } = require('./lib/shape.js');

const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const SOURCE = path.join(__dirname, '..', '..', 'src', 'oauth', 'check', 'checks.c');

let w;
let plain;
let clients;
before(async () => {
  w = await startWorld();
  plain = await w.client('plain', ['--trusted']);
  clients = {
    plain,
    other: await w.client('other'),
    disabled: await w.client('disabled'),
    pushes: await w.client('pushes', ['--require-par']),
  };
  await w.p.cli(['client', 'disable', clients.disabled.client_id]);
});
after(() => w.stop());

const usual = (more = {}) => ({ response_type: 'code', client_id: plain.client_id,
  redirect_uri: REDIRECT, scope: 'openid', state: 's', code_challenge: CHALLENGE,
  code_challenge_method: 'S256', ...more });
const query = (params) => new URLSearchParams(
  Object.entries(params).filter(([, value]) => value !== undefined)).toString();

// A person who is signed in, kept over restarts: the store has the session.
let ada;
async function signedIn() {
  if (ada) return ada;
  ada = w.person();
  await ada.authorize(`${w.p.url}/oauth2/authorize?${query(usual())}`);
  return ada;
}

async function pushedByOther() {
  const r = await form(w.p, '/oauth2/par', usual({ client_id: clients.other.client_id }),
    { authorization: basic(clients.other.client_id, clients.other.client_secret) });
  assert.strictEqual(r.status, 201, r.body);
  return r.json.request_uri;
}

// name of the row -> the query that it alone refuses.
const ROWS = {
  client: () => query(usual({ client_id: clients.disabled.client_id })),
  request_uri: async () => query(usual({ request_uri: await pushedByOther() })),
  request_object: () => query(usual({ request: 'x' })),
  redirect_uri: () => query(usual({ redirect_uri: 'https://evil.example/cb' })),
  response_mode: () => query(usual({ response_mode: 'fragment' })),
  repeated: () => `${query(usual())}&display=page&display=page`,
  malformed: () => `${query(usual())}&prompt=%0a`,
  state: () => query(usual({ state: 'x'.repeat(4097) })),
  par_required: () => query(usual({ client_id: clients.pushes.client_id })),
  response_type: () => query(usual({ response_type: 'token' })),
  scope: () => query(usual({ scope: 'openid admin' })),
  pkce: () => query(usual({ code_challenge: undefined, code_challenge_method: undefined })),
  nonce: () => query(usual({ nonce: 'x'.repeat(513) })),
  prompt: () => query(usual({ prompt: 'consent none' })),
  max_age: () => query(usual({ max_age: 'soon' })),
  claims: () => query(usual({ claims: '{' })),
  resource: () => query(usual({ resource: 'https://evil.example' })),
};

// The name of the row that refused that request, from the log.
async function ruleOf(id) {
  for (let i = 0; i < 100; i++) {
    const line = w.p.logLines().find((l) => l.request_id === id);
    if (line) return line.rule;
    await sleep(20);
  }
  throw new Error(`no line of the log has ${id}`);
}

async function visit(text) {
  const r = await fetch(`${w.p.url}/oauth2/authorize?${text}`, { redirect: 'manual' });
  const body = await r.text();
  return { status: r.status, body, location: r.headers.get('location'),
    rule: await ruleOf(r.headers.get('x-request-id')) };
}

const off = (name) => w.p.restart({ env: { CHECK_OFF: name } });

test('every row of the table is here', () => {
  const rows = [...fs.readFileSync(SOURCE, 'utf8').matchAll(/^ {4}\{"([a-z_]+)",/gm)]
    .map((m) => m[1]);
  assert.deepStrictEqual(rows.filter((name) => name !== 'id_token_hint').sort(),
    [...Object.keys(ROWS), 'grant'].sort());
  assert.ok(rows.includes('id_token_hint')); // it refuses nothing by itself: see below
});

for (const name of Object.keys(ROWS)) {
  test(`the row ${name} refuses, and without it nothing else does`, async () => {
    await off('nothing');
    const on = await visit(await ROWS[name]());
    assert.strictEqual(on.rule, name, `${on.status} ${on.location}`);
    assert.ok(on.status === 400 || /[?&]error=/.test(on.location), `${on.status}`);
    await off(name);
    const without = await visit(await ROWS[name]());
    assert.notStrictEqual(without.rule, name);
    assert.ok(without.status === 200 && /name="password"/.test(without.body),
      `${without.status} ${without.location} ${without.rule}`);
  });
}

// The commands make no client with a redirect URI and without its grant; a device asks for another.
test('the row grant, for a client without device_code', async () => {
  const ask = async () => {
    const r = await form(w.p, '/oauth2/device_authorization', { scope: 'openid' },
      { authorization: basic(plain.client_id, plain.client_secret) });
    return { ...r, rule: await ruleOf(r.headers['x-request-id']) };
  };
  await off('nothing');
  const on = await ask();
  assert.strictEqual(on.rule, 'grant');
  assert.strictEqual(on.json.error, 'unauthorized_client', on.body);
  await off('grant');
  assert.strictEqual((await ask()).status, 200);
});

test('12: the row id_token_hint, with somebody signed in', async () => {
  const ask = async () => {
    const page = await (await signedIn()).authorize(`${w.p.url}/oauth2/authorize?${
      query(usual({ prompt: 'none', id_token_hint: 'x' }))}`);
    return page.params;
  };
  await off('nothing');
  assert.strictEqual((await ask()).get('error'), 'login_required');
  await off('id_token_hint');
  const params = await ask();
  assert.strictEqual(params.get('error'), null);
  assert.ok(params.get('code'));
});
