'use strict';
// security.md 46: of what people and their applications hold, each thing is something at one place
// and nothing at all others. All of them live, at every place that takes such a thing; at the end
// each once where it belongs, so that the refusals before were not for another reason.

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { startWorld, REDIRECT } = require('../interop/lib/relying_party.js');
const { basic, form } = require('./lib/shape.js');

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'; // RFC 7636 B
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const URN = 'urn:ietf:params:oauth:request_uri:';
const CONFIRM = 'https://app.example/bye';

let w;
let client;
let held; // name -> text

const parameters = (more = {}) => ({ client_id: client.client_id, redirect_uri: REDIRECT,
  response_type: 'code', scope: 'openid offline_access', code_challenge: CHALLENGE,
  code_challenge_method: 'S256', ...more });
const at = (path, fields) => `${w.p.url}${path}?${new URLSearchParams(fields)}`;
const post = (path, fields) => form(w.p, path, fields,
  { authorization: basic(client.client_id, client.client_secret) });
const token = async (fields) => (await post('/oauth2/token', fields)).status === 200;
const codeOf = async (person) =>
  (await person.authorize(at('/oauth2/authorize', parameters()))).code;
const redeem = (code) => ({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT,
  code_verifier: VERIFIER });

// Does that place take the text as what it wants?
const places = {
  access: async (s) => (await fetch(`${w.p.url}/oauth2/userinfo`,
    { headers: { authorization: `Bearer ${s}` } })).status === 200,
  refresh: (s) => token({ grant_type: 'refresh_token', refresh_token: s }),
  code: (s) => token(redeem(s)),
  device: (s) => token({ grant_type: DEVICE, device_code: s }),
  pushed: async (s) => (await w.person().open(at('/oauth2/authorize',
    { client_id: client.client_id, request_uri: URN + s }))).kind === 'sign_in',
  session: async (s) => {
    const r = await w.person().request('GET', at('/oauth2/authorize',
      parameters({ prompt: 'none' })), { headers: { cookie: `postern=${s}` } });
    return new URL(r.headers.location).searchParams.has('code');
  },
  id_token: async (s) => {
    const r = await w.person().request('GET', at('/oauth2/logout', { id_token_hint: s,
      post_logout_redirect_uri: CONFIRM }));
    return (r.headers.location || '').startsWith(CONFIRM);
  },
};
const isToken = { access: true, refresh: true };

before(async () => {
  w = await startWorld();
  client = await w.client('app', ['--grant', DEVICE, '--token-format', 'opaque',
    '--post-logout-redirect-uri', CONFIRM]);
  const ada = w.person();
  const first = (await post('/oauth2/token', redeem(await codeOf(ada)))).json;
  const begun = (await post('/oauth2/device_authorization', { scope: 'openid' })).json;
  await w.person().device(begun.verification_uri, { userCode: begun.user_code });
  held = { access: first.access_token, refresh: first.refresh_token, id_token: first.id_token,
    device: begun.device_code, code: await codeOf(ada), session: ada.cookies.get('postern'),
    pushed: (await post('/oauth2/par', parameters())).json.request_uri.slice(URN.length) };
});
after(() => w.stop());

test('46: each credential at each place but its own is nothing', async () => {
  for (const [place, takes] of Object.entries(places)) {
    for (const [kind, text] of Object.entries(held)) {
      if (kind !== place) assert.ok(!await takes(text), `${kind} passes for ${place}`);
    }
  }
});

test('46: nor with the prefix of what is wanted there', async () => {
  const handle = /^pst[a-z]_/;
  for (const [place, takes] of Object.entries(places)) {
    const prefix = handle.exec(held[place])?.[0];
    for (const [kind, text] of prefix ? Object.entries(held) : []) {
      if (kind === place || !handle.test(text)) continue;
      assert.ok(!await takes(text.replace(handle, prefix)), `${kind} dressed as ${place}`);
    }
  }
});

test('34: introspection knows tokens and nothing else', async () => {
  for (const [kind, text] of Object.entries(held)) {
    const r = await post('/oauth2/introspect', { token: text });
    if (isToken[kind]) assert.strictEqual(r.json.active, true, kind);
    else assert.deepStrictEqual(r.json, { active: false }, kind);
  }
});

test('each at its own place', async () => {
  for (const [place, takes] of Object.entries(places)) {
    assert.ok(await takes(held[place]), `${place} is taken where it belongs`);
  }
});
