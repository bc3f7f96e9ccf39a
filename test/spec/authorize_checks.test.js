'use strict';
// The authorization endpoint refuses (security.md 1-9, 14, 16; A13-A15, A21-A23): which request is
// shown to nobody but the person in front of the browser, which is told to the client, and how. Each
// attack goes through by GET and by POST, and over every response_mode; nothing redirects before
// client and redirect URI are proven.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const { startWorld, REDIRECT } = require('../interop/lib/relying_party.js');
const { FORM, DESCRIPTION, basic, form, send, post } = require('./lib/shape.js');

const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const NOBODY = '00000000-0000-4000-8000-000000000000';
const MODES = [undefined, 'query', 'form_post'];

let w;
let plain;
let native; // a public client on a loopback address
let optional; // PKCE optional
before(async () => {
  w = await startWorld();
  plain = await w.client('Plain');
  native = await w.client('Native', ['--public', '--redirect-uri', 'http://[::1]/cb',
    '--redirect-uri', 'com.example.app:/cb'], 'http://127.0.0.1/cb');
  optional = await w.client('Optional', ['--pkce', 'optional']);
});
after(() => w.stop());

const usual = (more = {}) => ({ response_type: 'code', client_id: plain.client_id,
  redirect_uri: REDIRECT, scope: 'openid', state: 'a b', code_challenge: CHALLENGE,
  code_challenge_method: 'S256', ...more });
// Members that are undefined are left out.
const text = (params) => (typeof params === 'string' ? params : new URLSearchParams(
  Object.entries(params).filter(([, value]) => value !== undefined)).toString());

// By GET, or by POST as from a page of ours: { status, location, headers, body }.
async function visit(params, method = 'GET') {
  const at = `${w.p.url}/oauth2/authorize`;
  const r = method === 'GET' ? await fetch(`${at}?${text(params)}`, { redirect: 'manual' })
    : await fetch(at, { method, redirect: 'manual', body: text(params),
      headers: { 'content-type': FORM, origin: w.p.url, 'sec-fetch-site': 'same-origin' } });
  return { status: r.status, headers: r.headers, location: r.headers.get('location'),
    body: await r.text() };
}

// 400, HTML, no Location, kept by nobody; says what the error id is and nothing of the request.
async function page(title, params) {
  for (const method of ['GET', 'POST']) {
    const r = await visit(params, method);
    assert.strictEqual(r.status, 400, `${title} by ${method}: ${r.location} ${r.body.slice(0, 300)}`);
    assert.strictEqual(r.location, null, title);
    assert.match(r.headers.get('content-type'), /^text\/html/);
    assert.match(r.headers.get('cache-control'), /no-store/);
    assert.ok(r.body.includes(r.headers.get('x-request-id')), `${title}: no error id`);
    assert.doesNotMatch(r.body, /evil|<form/, title);
  }
}

// The parameters that the client gets, by its own way.
async function told(title, params, error, mode) {
  const r = await visit(params);
  let got;
  if (mode === 'form_post') {
    assert.strictEqual(r.status, 200, `${title}: ${r.location}`);
    assert.strictEqual(r.location, null);
    assert.ok(r.body.includes(`action="${REDIRECT}"`), title);
    got = Object.fromEntries([...r.body.matchAll(/name="([a-z_]+)" value="([^"]*)"/g)]
      .map((m) => [m[1], m[2]]));
  } else {
    assert.ok([302, 303].includes(r.status), `${title}: ${r.status} ${r.body.slice(0, 300)}`);
    const url = new URL(r.location);
    assert.strictEqual(url.origin + url.pathname, REDIRECT);
    got = Object.fromEntries(url.searchParams);
  }
  assert.strictEqual(got.error, error, title);
  assert.strictEqual(got.iss, w.p.url, `8: ${title}`);
  assert.match(got.error_description, DESCRIPTION);
  const allowed = ['error', 'error_description', 'iss', 'state'];
  assert.deepStrictEqual(Object.keys(got).filter((name) => !allowed.includes(name)), []);
  return got;
}

async function signIn(title, params) {
  for (const method of ['GET', 'POST']) {
    const r = await visit(params, method);
    assert.strictEqual(r.status, 200, `${title} by ${method}: ${r.location} ${r.body.slice(0, 300)}`);
    assert.match(r.body, /name="password"/);
  }
}

const A21 = ['https://app.example.evil/cb', 'https://app.example@evil/cb',
  'https://evil\\@app.example/cb', 'https://app.example%2eevil/cb', 'https:app.example/cb',
  '//app.example/cb', 'https://app.example:443/cb', 'HTTPS://APP.example/cb',
  'https://app.example./cb', 'http://app.example/cb'];
const A22 = ['/', '/../x', '/%2e%2e/x', '/..;/x', '%2f', '?', '?a=1', '#', '%23x', '%0d%0aX:1',
  '%00', ' ', '\t'].map((tail) => REDIRECT + tail).concat([` ${REDIRECT}`, `\t${REDIRECT}`,
  'https://app.example/ cb', 'https://app\uff0eexample/cb', 'https://\u0430pp.example/cb',
  'https://xn--pp-7kc.example/cb', 'https://app.example/CB', 'https://app.example/c%62',
  'https://app.example', '/cb', 'cb', 'javascript:alert(1)', 'data:text/html,evil']);
const A23 = ['http://127.0.0.1:1@evil/', 'http://127.0.0.1:1@evil/cb', 'http://127.0.0.1.evil/cb',
  'http://127.1/cb', 'http://2130706433/cb', 'http://[::ffff:127.0.0.1]/cb',
  'http://127.0.0.1:0/cb', 'http://127.0.0.1:65536/cb', 'http://127.0.0.1:/cb',
  'http://127.0.0.1:080/cb', 'http://localhost/cb', 'http://localhost:80/cb',
  'http://127.0.0.1:80/cb/', 'http://127.0.0.1:80/cb?a', 'http://u@127.0.0.1:80/cb',
  'https://127.0.0.1:80/cb', 'com.example.app://cb', 'com.example.app:80/cb'];

for (const mode of MODES) {
  describe(`redirect URIs, response_mode ${mode}`, () => {
    for (const [title, list, client] of [['A21', A21, () => plain], ['A22', A22, () => plain],
      ['A23', A23, () => native]]) {
      test(`1, ${title}: every one gets a page and no Location`, async () => {
        for (const redirect_uri of list) {
          await page(redirect_uri, usual({ client_id: client().client_id, redirect_uri,
            response_mode: mode }));
        }
      });
    }
    test('4: absent, empty, twice; unknown client', async () => {
      await page('absent', usual({ redirect_uri: undefined, response_mode: mode }));
      await page('empty', usual({ redirect_uri: '', response_mode: mode }));
      await page('7: twice', `${text(usual({ response_mode: mode }))}&redirect_uri=${
        encodeURIComponent(REDIRECT)}`);
      for (const client_id of [undefined, '', NOBODY, 'x', `OQ${'0'.repeat(32)}`, '../x']) {
        await page(client_id, usual({ client_id, response_mode: mode }));
      }
      await page('7: client twice', `${text(usual({ response_mode: mode }))}&client_id=${
        plain.client_id}`);
    });
  });
}

test('4: an unknown client and a wrong redirect URI get the same page', async () => {
  const shown = async (params) => {
    const r = await visit(params);
    const id = r.headers.get('x-request-id');
    return r.body.split(id).join('ID');
  };
  const unknown = await shown(usual({ client_id: NOBODY }));
  assert.strictEqual(await shown(usual({ redirect_uri: 'https://evil.example/' })), unknown);
  assert.strictEqual(await shown(usual({ redirect_uri: undefined })), unknown);
});

test('2: a loopback address takes any port, the private scheme none', async () => {
  for (const redirect_uri of ['http://127.0.0.1/cb', 'http://127.0.0.1:1/cb',
    'http://127.0.0.1:65535/cb', 'http://[::1]:49152/cb', 'com.example.app:/cb']) {
    await signIn(redirect_uri, usual({ client_id: native.client_id, redirect_uri }));
  }
});

for (const mode of MODES) {
  describe(`told to the client, response_mode ${mode}`, () => {
    const ask = (more) => usual({ ...more, response_mode: mode });
    const cases = [
      ['5: response_type absent', { response_type: undefined }, 'invalid_request'],
      ['5: token', { response_type: 'token' }, 'unsupported_response_type'],
      ['5: id_token', { response_type: 'id_token' }, 'unsupported_response_type'],
      ['5: code token', { response_type: 'code token' }, 'unsupported_response_type'],
      ['6: no code_challenge', { code_challenge: undefined, code_challenge_method: undefined },
        'invalid_request'],
      ['6: no method', { code_challenge_method: undefined }, 'invalid_request'],
      ['6: plain', { code_challenge_method: 'plain' }, 'invalid_request'],
      ['6: challenge of 42', { code_challenge: CHALLENGE.slice(1) }, 'invalid_request'],
      ['6: challenge of 44', { code_challenge: `${CHALLENGE}A` }, 'invalid_request'],
      ['6: challenge with +', { code_challenge: CHALLENGE.replace('-', '+') }, 'invalid_request'],
      ['9: nonce over 512', { nonce: 'x'.repeat(513) }, 'invalid_request'],
      ['11: none login', { prompt: 'none login' }, 'invalid_request'],
      ['11: nobody is signed in', { prompt: 'none' }, 'login_required'],
      ['12: a hint that is nothing', { prompt: 'none', id_token_hint: 'x' }, 'login_required'],
      ['14: scope of another client', { scope: 'openid admin' }, 'invalid_scope'],
      ['14: scope outside its alphabet', { scope: 'openid "' }, 'invalid_scope'],
      ['36: resource', { resource: 'https://evil.example' }, 'invalid_target'],
      ['max_age', { max_age: '-1' }, 'invalid_request'],
      ['claims', { claims: '[]' }, 'invalid_request'],
    ];
    for (const [title, more, error] of cases) {
      test(title, async () => {
        const got = await told(title, ask(more), error, mode);
        assert.strictEqual(got.state, 'a b');
      });
    }
    test('7: a parameter twice', async () => {
      for (const name of ['scope', 'nonce', 'display', 'code_challenge']) {
        const got = await told(name, `${text(ask())}&${name}=a&${name}=b`, 'invalid_request', mode);
        assert.strictEqual(got.state, 'a b');
      }
      const got = await told('state', `${text(ask())}&state=b`, 'invalid_request', mode);
      assert.strictEqual('state' in got, false, 'which of two states is sent back?');
    });
    test('9: state over the cap is refused and not sent back', async () => {
      const got = await told('state', ask({ state: 'x'.repeat(4097) }), 'invalid_request', mode);
      assert.strictEqual('state' in got, false);
    });
  });
}

test('14: a response_mode that there is not', async () => {
  for (const response_mode of ['fragment', 'web_message', 'QUERY', 'query.jwt']) {
    await told(response_mode, usual({ response_mode }), 'invalid_request');
  }
});

test('6: PKCE may be left out where it is optional, but not broken', async () => {
  const none = { client_id: optional.client_id, code_challenge: undefined,
    code_challenge_method: undefined };
  await signIn('none', usual(none));
  await told('broken', usual({ ...none, code_challenge: 'x'.repeat(600) }), 'invalid_request');
  await told('a method alone', usual({ ...none, code_challenge_method: 'S256' }),
    'invalid_request');
});

test('9: state of 4 KiB comes back byte for byte', async () => {
  const state = '-._~ &=+%"<>\'/?:@!$()*,;[]{}|^`\\'.repeat(60).slice(0, 1900);
  const got = await told('state', usual({ state, prompt: 'none' }), 'login_required');
  assert.strictEqual(got.state, state);
  const long = await told('state', usual({ state: 'x'.repeat(4096), prompt: 'none' }),
    'login_required');
  assert.strictEqual(long.state, 'x'.repeat(4096));
});

test('7: empty is absent, unknown is ignored, resource may repeat', async () => {
  await signIn('empty', `${text(usual())}&prompt=&max_age=&nonce=&request=&request_uri=&claims=`);
  await signIn('unknown', `${text(usual())}&x=1&x=2&Client_Id=a&a[]=1&a[]=2&client_id%20=b`);
  const issuer = encodeURIComponent(w.p.url);
  await signIn('resource', `${text(usual())}&resource=${issuer}&resource=${issuer}`);
  await told('7: empty and full', `${text(usual())}&scope=`, 'invalid_request');
});

test('openid.md 3.2: what only advises never fails', async () => {
  for (const name of ['acr_values', 'ui_locales', 'claims_locales', 'login_hint', 'display']) {
    for (const value of ['no such thing', '\u00e9', '"><script>', 'x'.repeat(1500)]) {
      await signIn(name, usual({ [name]: value }));
    }
  }
});

describe('A13-A15: encoding', () => {
  test('A13: broken encoding is a page, whatever else is right', async () => {
    for (const bad of ['%', '%4', '%zz', '%00', '%c0%af', '%ed%a0%80', '%f4%90%80%80']) {
      await page(bad, `${text(usual())}&x=${bad}`);
    }
    await page('decoded once', usual({ redirect_uri: 'https%3A%2F%2Fapp.example%2Fcb' }));
  });
  test('A14: the same name after decoding; ";" is no separator', async () => {
    await told('A14', `${text(usual())}&%73tate=x`, 'invalid_request');
    await page('A14', `${text(usual())}&client%5fid=${plain.client_id}`);
    await page('A14', text(usual()).replaceAll('&', ';'));
  });
  test('A15: parameters in the URL of a POST, other media types', async () => {
    const r = await fetch(`${w.p.url}/oauth2/authorize?prompt=none`, { method: 'POST',
      redirect: 'manual', body: text(usual()), headers: { 'content-type': FORM } });
    assert.strictEqual(r.status, 400);
    assert.strictEqual(r.headers.get('location'), null);
    for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x',
      `${FORM}; charset=utf-16`]) {
      const answer = await send(w.p, post(w.p, '/oauth2/authorize', type, text(usual())));
      assert.strictEqual(answer.status, 415, type);
    }
  });
});

describe('12: id_token_hint', () => {
  const url = (params) => `${w.p.url}/oauth2/authorize?${text(params)}`;
  const idToken = async (client, person) => {
    const page_ = await person.authorize(url(usual({ client_id: client.client_id })));
    const r = await form(w.p, '/oauth2/token', { grant_type: 'authorization_code',
      code: page_.params.get('code'), redirect_uri: REDIRECT, code_verifier: VERIFIER },
    { authorization: basic(client.client_id, client.client_secret) });
    assert.strictEqual(r.status, 200, r.body);
    return r.json.id_token;
  };
  for (const [title, more] of [['public', []], ['pairwise', ['--subject-type', 'pairwise']]]) {
    test(`12: of the person who is signed in, and of others (${title} subjects)`, async () => {
      await w.addUser(`bob-${title}`);
      const client = await w.client(title, more);
      const ada = w.person();
      const own = await idToken(client, ada);
      const bobs = await idToken(client, w.person(`bob-${title}`));
      const elsewhere = await idToken(await w.client(`${title} elsewhere`, more), ada);
      const silent = async (id_token_hint) => (await ada.authorize(url(usual({ prompt: 'none',
        client_id: client.client_id, id_token_hint })))).params;
      assert.ok((await silent(own)).get('code'));
      const forged = own.replace(/\.[^.]{4}([^.]*)$/, '.AAAA$1');
      for (const hint of [bobs, elsewhere, forged, 'x', own.split('.').slice(0, 2).join('.')]) {
        const params = await silent(hint);
        assert.strictEqual(params.get('error'), 'login_required', hint);
        assert.strictEqual(params.get('code'), null);
      }
    });
  }
});

test('16: a client cannot choose its id, nor be called as a person is', async () => {
  await assert.rejects(w.p.cli(['client', 'create', '--org', w.org.id, '--name', 'x',
    '--client-id', w.user.id, '--redirect-uri', REDIRECT]));
  assert.notStrictEqual(plain.client_id, w.user.id);
  await page('a user id as a client', usual({ client_id: w.user.id }));
});
