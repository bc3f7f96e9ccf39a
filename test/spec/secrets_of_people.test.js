'use strict';
// What people and their applications hold is nowhere in clear: not in the store, not in the log,
// not in explanations (security.md 35, A31). One walk past everything that hands something out, and
// past refusals of the same things; then the files are searched, for texts and for their bytes.

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const { startWorld, PASSWORD, REDIRECT } = require('../interop/lib/relying_party.js');
const { basic, form } = require('./lib/shape.js');

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'; // RFC 7636 B
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const WRONG = 'wrong horse battery staple 8';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

let w;
let client;
let secrets; // name -> text

const parameters = (more = {}) => ({ client_id: client.client_id, redirect_uri: REDIRECT,
  response_type: 'code', scope: 'openid offline_access', state: 'xyz',
  code_challenge: CHALLENGE, code_challenge_method: 'S256', ...more });
const authorize = (more) => `${w.p.url}/oauth2/authorize?${new URLSearchParams(parameters(more))}`;

async function ask(at, fields, status) {
  const r = await form(w.p, at, fields,
    { authorization: basic(client.client_id, client.client_secret) });
  assert.strictEqual(r.status, status, r.text);
  return r.json;
}

const token = (fields, status = 200) => ask('/oauth2/token', fields, status);

async function walk() {
  const ada = w.person();
  const page = await ada.open(authorize());
  await ada.submit(page, { login: 'ada', password: WRONG });
  const { code } = await ada.authorize(authorize());
  const redeem = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT };
  const wrong_verifier = 'w'.repeat(43);
  await token({ ...redeem, code_verifier: wrong_verifier }, 400);
  const first = await token({ ...redeem, code_verifier: VERIFIER });
  const next = await token({ grant_type: 'refresh_token', refresh_token: first.refresh_token });
  await token({ ...redeem, code_verifier: VERIFIER }, 400); // a replay: revoked
  await token({ grant_type: 'refresh_token', refresh_token: next.refresh_token }, 400);
  return { PASSWORD, WRONG, VERIFIER, wrong_verifier, code, flow_field: page.main.fields.flow,
    session: ada.cookies.get('postern'), flow_cookie: ada.cookies.get('postern-flow'),
    access: first.access_token, refresh: first.refresh_token, id_token: first.id_token,
    next_access: next.access_token, next_refresh: next.refresh_token };
}

async function device() {
  const begun = await ask('/oauth2/device_authorization', { scope: 'openid offline_access' }, 200);
  await w.person().device(begun.verification_uri, { userCode: begun.user_code });
  const got = await token({ grant_type: DEVICE, device_code: begun.device_code });
  await token({ grant_type: DEVICE, device_code: begun.device_code }, 400);
  return { device_code: begun.device_code, user_code: begun.user_code,
    bare_user_code: begun.user_code.replace('-', ''), device_access: got.access_token,
    device_refresh: got.refresh_token };
}

// A pushed request, refused under another client's name, and a flow of a company's own page.
async function handles() {
  const { request_uri } = await ask('/oauth2/par', parameters(), 201);
  const other = await w.client('other');
  const of = (c) => `${w.p.url}/oauth2/authorize?${new URLSearchParams({ client_id: c.client_id,
    request_uri })}`;
  assert.strictEqual((await w.person().open(of(other))).status, 400);
  await w.p.restart({ settings: { 'login.url': 'https://login.example/start' } });
  const end = await w.person().open(of(client));
  const flow = new URL(end.url).searchParams.get('flow');
  assert.match(flow, /^pstf_/);
  await fetch(`${w.p.url}/continue?flow=${flow}`); // not by its browser: refused
  return { request_uri: request_uri.split(':').at(-1), flow };
}

before(async () => {
  w = await startWorld();
  client = await w.client('app', ['--grant', 'urn:ietf:params:oauth:grant-type:device_code',
    '--token-format', 'opaque']);
  secrets = { client_secret: client.client_secret, ...await walk(), ...await device(),
    ...await handles() };
  await w.p.restart(); // what waits for housekeeping, explanations among it, is written
});
after(() => w.stop());

const files = () => [...w.p.store.contents(), ['the log', fs.readFileSync(w.p.log)]];

test('35, A31: nothing that was handed out or typed stands in the store or in the log', () => {
  assert.deepStrictEqual(Object.keys(secrets).filter((k) => !secrets[k]), []);
  assert.ok(files().some(([, bytes]) => bytes.includes('ada@example.com')), 'the search finds');
  for (const [name, text] of Object.entries(secrets)) {
    const bare = text.replace(/^pst[a-z]_/, '');
    for (const [f, bytes] of files()) assert.ok(!bytes.includes(bare), `${f} holds ${name}`);
  }
});

test('35: nor do the bytes that a handle stands for', () => {
  const shapes = Object.entries(secrets).filter(([, text]) => /^pst[a-z]_/.test(text));
  assert.ok(shapes.length >= 8, shapes.map(([name]) => name).join());
  for (const [name, text] of shapes) {
    const bytes = Buffer.from(text.slice(5), 'base64url').subarray(-20);
    for (const [f, all] of files()) assert.ok(!all.includes(bytes), `${f} holds ${name}`);
  }
});

test('A31: names that a person or a browser sends make one line of the log, and it is JSON',
  async () => {
    const odd = ['a\r\nb', '\u001b[2J', 'x\0y', '\u202eabc', '%n%s', '${jndi:ldap://x}',
      'u'.repeat(4000)];
    const eve = w.person();
    await w.p.restart({ settings: { 'login.url': '' } });
    for (const login of odd) {
      const page = await eve.open(authorize());
      const r = await eve.submit(page, { login, password: WRONG },
        { headers: { 'user-agent': `agent ${login.replace(/[^ -~]/g, '?')}` } });
      assert.ok([200, 400].includes(r.status), `${login}: ${r.status}`);
    }
    const huge = new URLSearchParams({ login: 'u'.repeat(1 << 20), password: WRONG }).toString();
    const r = await eve.request('POST', '/sign-in', { body: huge }).catch((e) => e);
    assert.ok(r.status === 413 || /ECONNRESET|EPIPE/.test(r.code), r.status ?? r.code);
    await w.p.restart();
    const lines = w.p.logLines();
    assert.deepStrictEqual(lines.filter((l) => !/^postern: /.test(l.text || 'postern: ')), []);
    assert.ok(lines.filter((l) => l.path === '/sign-in').length >= odd.length);
    for (const line of lines) assert.ok(JSON.stringify(line).length < 4096);
  });
