'use strict';
// The pages from outside, without a browser: headers of every page and of every refusal, what a
// page gives away, forms that are too old, themes, and the pages beside a dialect that is off.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { startWorld, PASSWORD, REDIRECT } = require('../interop/lib/relying_party.js');
const { startPostern } = require('../interop/lib/postern.js');
const { faketime } = require('../interop/lib/faketime.js');
const { Person } = require('../interop/lib/person.js');

const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'; // RFC 7636 B
const EVIL = '"><script>alert(1)</script>&amp;\'';
const HINT = `${EVIL}\u2028`; // RFC 6749 A.5: not in a state

let w;
let client;
let evil;

const authorize = (more = {}, c = client) => `${w.p.url}/oauth2/authorize?${new URLSearchParams({
  client_id: c.client_id, redirect_uri: REDIRECT, response_type: 'code', scope: 'openid profile',
  state: 'xyz', code_challenge: CHALLENGE, code_challenge_method: 'S256', ...more })}`;

before(async () => {
  w = await startWorld({ settings: { 'ui.name': 'Analytical Engines' } });
  client = await w.client('Notes', ['--response-mode', 'query', '--response-mode', 'form_post']);
  evil = await w.client('"><script>alert(1)</script>\'', ['--response-mode', 'query',
    '--response-mode', 'form_post']);
  for (const name of ['bob', 'carol']) await w.addUser(name);
  const off = await w.addUser('off');
  await w.p.cli(['user', 'disable', off.id]);
});
after(() => w.stop());

const POLICY = /^default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'[^;]*; form-action 'self'[^;]*; base-uri 'none'; frame-ancestors 'none'$/;

// A25, A28: every page, refusals too.
function assertGuarded(page) {
  const h = page.headers;
  assert.match(h['content-type'], /^text\/html; charset=utf-8$/);
  assert.match(h['content-security-policy'], POLICY);
  assert.strictEqual(h['x-frame-options'], 'DENY');
  assert.strictEqual(h['x-content-type-options'], 'nosniff');
  assert.strictEqual(h['referrer-policy'], 'no-referrer');
  assert.strictEqual(h['cross-origin-opener-policy'], 'same-origin');
  assert.strictEqual(h['cross-origin-resource-policy'], 'same-origin');
  assert.strictEqual(h['cache-control'], 'no-store');
  assert.ok(h['x-request-id']);
  assert.doesNotMatch(page.html, / style=| on[a-z]+=|<style|<script(?![^>]* src="\/assets\/)/);
  assert.match(page.html, /<html lang="[a-z]+">/);
  assert.match(page.html, /<title>[^<]+ – Analytical Engines<\/title>/);
}

const post = async (person, page, fields, headers) => {
  const body = new URLSearchParams({ ...page.main.fields, ...fields }).toString();
  const res = await person.request('POST', page.main.action, { body, headers });
  return { ...res, html: res.text };
};

describe('security.md A25, A28: headers', () => {
  test('of every page of a sign-in', async () => {
    const ada = w.person();
    const page = await ada.open(authorize({ prompt: 'consent' }));
    assert.strictEqual(page.kind, 'sign_in');
    assertGuarded(page);
    const consent = await ada.submit(page, { login: 'ada', password: PASSWORD });
    assert.strictEqual(consent.kind, 'consent');
    assertGuarded(consent);
    assert.match(consent.headers['content-security-policy'],
      /form-action 'self' https:\/\/app\.example;/);
    for (const to of ['/account', '/device', '/oauth2/logout']) {
      const r = await ada.open(`${w.p.url}${to}`);
      assert.strictEqual(r.status, 200, to);
      assertGuarded(r);
    }
    assertGuarded(await ada.open(authorize({ prompt: 'select_account' })));
  });

  test('of refusals: 400, 403, 404, 405, 415', async () => {
    const ada = w.person();
    const bad = await ada.open(authorize({ redirect_uri: 'https://evil.example/' }));
    assert.strictEqual(bad.status, 400);
    const form = 'application/x-www-form-urlencoded';
    const answers = [bad];
    for (const [method, to, status, headers, body] of [
      ['POST', '/consent', 403, { 'content-type': form }, 'flow=x&action=allow'],
      ['GET', '/nothing', 404, {}], ['GET', '/consent', 405, {}],
      ['POST', '/sign-in', 415, { 'content-type': 'text/plain' }, 'login=ada']]) {
      const r = await fetch(w.p.url + to, { method, body, headers: { accept: 'text/html', ...headers } });
      assert.strictEqual(r.status, status, `${method} ${to}`);
      answers.push({ headers: Object.fromEntries(r.headers), html: await r.text() });
    }
    for (const page of answers) {
      assertGuarded(page);
      assert.strictEqual(page.headers.location, undefined);
      assert.ok(page.html.includes(page.headers['x-request-id']), 'the error id stands on it');
    }
  });

  test('whoever asks for no page gets JSON for what is not there', async () => {
    const r = await fetch(`${w.p.url}/nothing`);
    assert.strictEqual(r.status, 404);
    assert.match(r.headers.get('content-type'), /json/);
  });

  test('security.md 10, A30: no CORS at the authorization endpoint', async () => {
    for (const method of ['GET', 'OPTIONS']) {
      const r = await fetch(authorize(), { method, headers: { origin: 'https://app.example' } });
      assert.strictEqual(r.headers.get('access-control-allow-origin'), null);
      await r.arrayBuffer();
    }
  });

  test('security.md 10: behind a form with a password, 303', async () => {
    const ada = w.person();
    await ada.authorize(authorize());
    const page = await ada.open(authorize({ prompt: 'login' }));
    const r = await post(ada, page, { login: 'ada', password: PASSWORD });
    assert.strictEqual(r.status, 303);
    assert.match(r.headers.location, /^https:\/\/app\.example\/cb\?code=/);
    assert.strictEqual(r.headers['referrer-policy'], 'no-referrer');
    assert.strictEqual(r.headers['cache-control'], 'no-store');
  });
});

test('security.md A28: names, states and logins are escaped, whatever they hold', async () => {
  const ada = w.person();
  const page = await ada.open(authorize({ state: EVIL, prompt: 'consent', response_mode: 'form_post',
    login_hint: HINT }, evil));
  assert.strictEqual(page.main.fields.login, HINT);
  const again = await ada.submit(page, { login: HINT, password: 'x' });
  assert.strictEqual(again.main.fields.login, HINT);
  const consent = await ada.submit(again, { login: 'ada', password: PASSWORD });
  const end = await post(ada, consent, { action: 'allow' });
  assert.strictEqual(end.status, 200);
  for (const p of [page, again, consent, end]) {
    assert.doesNotMatch(p.html, /<script>/);
    assertGuarded(p);
  }
  const refused = await ada.open(authorize({ state: EVIL, scope: 'nothing of ours',
    response_mode: 'form_post' }, evil));
  assertGuarded(refused);
  assert.strictEqual(refused.kind, 'form_post');
  assert.strictEqual(refused.main.fields.state, EVIL);
  assert.strictEqual(refused.main.fields.error, 'invalid_scope');
  const callback = await ada.authorize(authorize({ state: EVIL, prompt: 'consent',
    response_mode: 'form_post' }, evil));
  assert.strictEqual(callback.state, EVIL);
  assert.ok(callback.code);
});

// What differs between two answers to the same form anyway.
const comparable = (r, login) => ({
  status: r.status,
  names: Object.keys(r.headers).sort(),
  length: r.html.length - login.length,
  html: r.html.replace(/name="flow" value="[^"]*"/, '').replace(`value="${login}"`, ''),
});

test('security.md 68: unknown, wrong and disabled give one answer, and name nobody', async () => {
  const answers = [];
  for (const [login, password] of [['carol', 'wrong'], ['nobody', 'wrong'], ['off', PASSWORD],
    ['off', 'wrong'], ['CAROL@example.com', 'wrong']]) {
    const person = w.person();
    const r = await post(person, await person.open(authorize()), { login, password });
    assert.match(r.html, /role="alert"/);
    assert.match(r.html, /<title>Problem: Sign in/);
    assert.doesNotMatch(r.html, new RegExp(PASSWORD));
    answers.push(comparable(r, login));
  }
  for (const a of answers) assert.deepStrictEqual(a, answers[0]);
  assert.strictEqual(answers[0].status, 200);
});

test('the field that is wrong is named to a screen reader, and has the focus', async () => {
  const person = w.person();
  const r = await post(person, await person.open(authorize()), { login: 'carol', password: 'no' });
  const input = /<input id="password"[^>]*>/.exec(r.html)[0];
  assert.match(input, /aria-invalid="true"/);
  assert.match(input, /aria-describedby="problem"/);
  assert.match(input, /autofocus/);
  assert.match(input, /autocomplete="current-password"/);
  assert.match(r.html, /id="problem" role="alert"/);
  assert.match(r.html, /<a href="#password">/);
});

test('security.md A35: too many attempts: 429, Retry-After, and the right password is no use', async () => {
  const person = w.person('bob');
  const page = await person.open(authorize());
  let r;
  for (let i = 0; i < 30 && (!r || r.status === 200); i++) {
    r = await post(person, page, { login: 'bob', password: `wrong ${i}` });
  }
  assert.strictEqual(r.status, 429);
  assert.ok(Number(r.headers['retry-after']) > 0);
  assertGuarded(r);
  r = await post(person, page, { login: 'bob', password: PASSWORD });
  assert.strictEqual(r.status, 429);
  assert.strictEqual(r.headers['set-cookie'], undefined);
});

test('"Cancel" tells the client access_denied', async () => {
  const ada = w.person();
  const end = await ada.submit(await ada.open(authorize()), { action: 'cancel' });
  assert.strictEqual(end.kind, 'callback');
  assert.strictEqual(end.error, 'access_denied');
  assert.strictEqual(end.state, 'xyz');
});

test('changing the password: reasons in words, other sessions end, this one goes on', async () => {
  const carol = w.person('carol');
  const elsewhere = w.person('carol');
  for (const p of [carol, elsewhere]) await p.authorize(authorize());
  const account = async () => {
    const page = await carol.open(`${w.p.url}/account`);
    return { main: page.forms.find((f) => 'present' in f.fields) };
  };
  const change = async (present, fresh) =>
    post(carol, await account(), { present, fresh, action: 'password' });
  for (const [present, fresh, words] of [
    ['', 'x', /Enter your current and your new password/],
    ['not mine at all', 'fresh and long enough', /The current password is not right/],
    [PASSWORD, 'short', /Use at least 15 characters/],
    [PASSWORD, 'carol@example.com', /contains your name/]]) {
    const r = await change(present, fresh);
    assert.strictEqual(r.status, 200);
    assert.match(r.html, words);
    assertGuarded(r);
  }
  const r = await change(PASSWORD, 'a fresh one for carol');
  assert.match(r.html, /Your password has been changed/);
  assert.strictEqual((await elsewhere.open(authorize())).kind, 'sign_in');
  assert.ok((await carol.authorize(authorize())).code);
});

test('assets: kept for good under their own name, asked for again under the plain one', async () => {
  const html = await (await fetch(`${w.p.url}/account`)).text();
  const names = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map((m) => m[1]);
  assert.ok(names.length >= 4, html);
  for (const name of names) {
    const r = await fetch(w.p.url + name);
    assert.strictEqual(r.status, 200, name);
    assert.match(r.headers.get('cache-control'), /max-age=31536000, immutable/);
    assert.strictEqual(r.headers.get('x-content-type-options'), 'nosniff');
    await r.arrayBuffer();
  }
  const plain = await fetch(`${w.p.url}/assets/style.css`);
  assert.strictEqual(plain.headers.get('cache-control'), 'no-cache');
  const again = await fetch(`${w.p.url}/assets/style.css`,
    { headers: { 'if-none-match': plain.headers.get('etag') } });
  assert.strictEqual(again.status, 304);
  assert.strictEqual((await fetch(`${w.p.url}/assets/nothing.css`)).status, 404);
});

test('a form that stood open too long begins again by itself, and the name stays', async () => {
  const ada = w.person();
  const page = await ada.open(authorize());
  await w.p.restart({ env: faketime('+61m') });
  try {
    const r = await ada.submit(page, { login: 'ada', password: PASSWORD });
    assert.strictEqual(r.kind, 'sign_in');
    assert.strictEqual(r.status, 200);
    assert.match(r.text, /stood open for a long time/);
    assert.strictEqual(r.main.fields.login, 'ada');
    const end = await ada.go(await ada.submit(r, { login: 'ada', password: PASSWORD }),
      { consent: 'allow' });
    assert.ok(end.code);
    assert.strictEqual(end.state, 'xyz');
  } finally {
    await w.p.restart({ env: { LD_PRELOAD: '', FAKETIME: '' } });
  }
});

describe('themes', () => {
  let dir;
  before(() => { dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-theme-')); });
  after(() => fs.rmSync(dir, { recursive: true, force: true }));
  const put = (name, text) => {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), text);
  };

  test('files replace the built-in ones, one by one; a new language is a new file', async () => {
    put('assets/theme.css', ':root { --accent: #27408b; }\n');
    put('messages/en.txt', 'sign_in.title = Welcome back\n');
    put('messages/es.txt', 'sign_in.title = Iniciar sesión\n');
    const p = await startPostern({ settings: { 'ui.theme': dir } });
    try {
      const text = async (language) => (await fetch(`${p.url}/account`,
        { headers: { 'accept-language': language } })).text();
      assert.match(await text('en'), /<h1>Welcome back<\/h1>/);
      assert.match(await text('es-MX'), /<html lang="es">[^]*<h1>Iniciar sesión<\/h1>[^]*Password/);
      assert.match(await text('de'), /<h1>Anmelden<\/h1>/);
      assert.match(await (await fetch(`${p.url}/assets/theme.css`)).text(), /#27408b/);
    } finally {
      await p.stop();
    }
  });

  test('a mistake is named with file and line, by serve and by check', async () => {
    const p = await startPostern();
    try {
      put('templates/sign_in.html', '<!doctype html>\n<script>{{login}}</script>\n');
      for (const command of ['check', 'serve']) {
        const r = await p.cliRaw([command], { env: { POSTERN_UI_THEME: dir } });
        assert.notStrictEqual(r.code, 0, command);
        assert.match(r.stdout + r.stderr, /sign_in\.html:2:/, command);
      }
    } finally {
      await p.stop();
    }
  });
});

test('with the standard dialect off, its endpoints are gone and the pages stay', async () => {
  const p = await startPostern({ settings: { 'dialect.standard': 'false' } });
  try {
    const status = async (to) => (await fetch(p.url + to, { redirect: 'manual' })).status;
    assert.strictEqual(await status('/oauth2/authorize'), 404);
    assert.strictEqual(await status('/oauth2/logout'), 404);
    for (const to of ['/account', '/device', '/assets/style.css']) {
      assert.strictEqual(await status(to), 200, to);
    }
    assert.strictEqual(await status('/sign-in'), 303);
    const page = await new Person(p).open(`${p.url}/sign-in`);
    assert.strictEqual(page.url.pathname, '/account');
    assert.strictEqual(page.kind, 'sign_in');
  } finally {
    await p.stop();
  }
});
