'use strict';
// Sessions, forms and flows against the real binary, as a browser meets them (security.md 1a, 1g,
// A26-A30): what a cookie is worth, which form is believed, what ends.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const { startWorld, PASSWORD, REDIRECT } = require('../interop/lib/relying_party.js');
const { basic, form } = require('./lib/shape.js');

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'; // RFC 7636 B
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const BYE = 'https://app.example/bye';

let w;
let client;

const authorize = (more = {}, c = client) => `${w.p.url}/oauth2/authorize?${new URLSearchParams({
  client_id: c.client_id, redirect_uri: REDIRECT, response_type: 'code', scope: 'openid profile',
  state: 'xyz', code_challenge: CHALLENGE, code_challenge_method: 'S256', ...more })}`;

before(async () => {
  w = await startWorld();
  await w.addUser('bob');
  client = await w.client('app', ['--post-logout-redirect-uri', BYE]);
});
after(() => w.stop());

async function signedIn(login = 'ada') {
  const person = w.person(login);
  assert.ok((await person.authorize(authorize())).code);
  return person;
}

// Set-Cookie lines of an answer, by name.
const cookiesOf = (headers) => new Map((headers['set-cookie'] || [])
  .map((line) => [line.slice(0, line.indexOf('=')), line]));

describe('sessions', () => {
  test('security.md 60: cookies are HttpOnly, SameSite=Lax, Path=/, without Domain', async () => {
    const ada = w.person();
    const page = await ada.open(authorize());
    const body = new URLSearchParams({ ...page.main.fields, login: 'ada', password: PASSWORD });
    const r = await ada.request('POST', page.main.action, { body: body.toString() });
    const lines = [...cookiesOf(page.headers).values(), ...cookiesOf(r.headers).values()];
    assert.deepStrictEqual(lines.map((l) => l.split('=')[0]).sort(), ['postern', 'postern-flow']);
    for (const line of lines) {
      assert.match(line, /; Path=\/; HttpOnly; SameSite=Lax$/);
      assert.doesNotMatch(line, /Domain|Max-Age|Expires/i);
    }
  });

  test('security.md 59: signing in again is a new session, and the old one is dead', async () => {
    const ada = await signedIn();
    const old = ada.cookies.get('postern');
    assert.ok((await ada.authorize(authorize({ prompt: 'login' }))).code);
    assert.notStrictEqual(ada.cookies.get('postern'), old);
    ada.cookies.set('postern', old);
    const end = await ada.authorize(authorize({ prompt: 'none' }));
    assert.strictEqual(end.error, 'login_required');
  });

  test('security.md 59: a session is not taken from the URL or a body', async () => {
    const ada = await signedIn();
    const thief = w.person();
    const session = ada.cookies.get('postern');
    const end = await thief.authorize(authorize({ prompt: 'none', postern: session }));
    assert.strictEqual(end.error, 'login_required');
    const url = new URL(authorize({ prompt: 'none' }));
    const r = await thief.request('POST', `${w.p.url}/oauth2/authorize`,
      { body: `${url.searchParams}&postern=${session}`, headers: { cookie: '' } });
    assert.match(new URL(r.headers.location).searchParams.get('error') || '', /login_required/);
  });

  test('security.md A27: two cookies of one name, unknown and damaged ones are none', async () => {
    const ada = await signedIn();
    const [session, flow] = [ada.cookies.get('postern'), ada.cookies.get('postern-flow')];
    const errorWith = async (cookie) => {
      const r = await w.person().request('GET', authorize({ prompt: 'none' }),
        { headers: { cookie } });
      const to = new URL(r.headers.location).searchParams;
      assert.doesNotMatch(r.headers['set-cookie']?.join() || '', /postern=p/); // nothing adopted
      return to.get('error') || (to.has('code') ? 'code' : 'neither');
    };
    assert.strictEqual(await errorWith(`postern=${session}; postern-flow=${flow}`), 'code');
    const tossed = [`postern=x; postern=${session}`, `postern=${session}; postern=${session}`,
      `postern=${session.slice(0, -1)}`, `postern=${session}A`, 'postern=', `Postern=${session}`,
      `__Host-postern=${session}`, `postern=${session.replace('psts_', 'psta_')}`,
      `postern=${'a'.repeat(5000)}`, `${'x=y; '.repeat(200)}postern=`];
    for (const cookie of tossed) {
      assert.strictEqual(await errorWith(cookie), 'login_required', cookie.slice(0, 60));
    }
  });

  test('security.md A29: HEAD signs nobody in or out and gives no code that works', async () => {
    const ada = await signedIn();
    const r = await ada.request('HEAD', authorize());
    const code = new URL(r.headers.location).searchParams.get('code');
    if (code) {
      const answer = await form(w.p, '/oauth2/token', { grant_type: 'authorization_code', code,
        redirect_uri: REDIRECT, code_verifier: VERIFIER },
      { authorization: basic(client.client_id, client.client_secret) });
      assert.strictEqual(answer.status, 400);
    }
    await ada.request('HEAD', `${w.p.url}/oauth2/logout`);
    assert.ok((await ada.authorize(authorize({ prompt: 'none' }))).code);
  });
});

test('security.md 61: a new password ends other sessions and all refresh tokens', async () => {
  await w.addUser('carol');
  const [here, elsewhere] = [await signedIn('carol'), await signedIn('carol')];
  const refresh = async (token) => (await form(w.p, '/oauth2/token',
    { grant_type: 'refresh_token', refresh_token: token },
    { authorization: basic(client.client_id, client.client_secret) })).status;
  const tokenOf = async (person) => {
    const { code } = await person.authorize(authorize({ scope: 'openid offline_access' }));
    const r = await form(w.p, '/oauth2/token', { grant_type: 'authorization_code', code,
      redirect_uri: REDIRECT, code_verifier: VERIFIER },
    { authorization: basic(client.client_id, client.client_secret) });
    return r.json.refresh_token;
  };
  const tokens = [await tokenOf(here), await tokenOf(elsewhere)];
  for (const t of tokens) assert.strictEqual(await refresh(t), 200);
  const { code } = await here.authorize(authorize());
  const page = await here.open(`${w.p.url}/account`);
  const main = page.forms.find((f) => 'present' in f.fields);
  const done = await here.submit({ ...page, main }, { action: 'password', present: PASSWORD,
    fresh: 'a second horse for carol 9' });
  assert.match(done.text, /password has been changed/i);
  assert.strictEqual((await elsewhere.authorize(authorize({ prompt: 'none' }))).error,
    'login_required');
  for (const t of tokens) assert.strictEqual(await refresh(t), 400);
  const late = await form(w.p, '/oauth2/token', { grant_type: 'authorization_code', code,
    redirect_uri: REDIRECT, code_verifier: VERIFIER },
  { authorization: basic(client.client_id, client.client_secret) });
  assert.strictEqual(late.status, 400, 'nor does a code that nobody has redeemed');
  assert.ok((await here.authorize(authorize({ prompt: 'none' }))).code, 'this session goes on');
});

describe('forms', () => {
  const press = (person, page, fields, headers) => {
    const body = new URLSearchParams({ ...page.main.fields, ...fields }).toString();
    return person.request('POST', page.main.action, { body, headers });
  };
  const credentials = { login: 'ada', password: PASSWORD };

  test('security.md A26: a form that another site posts, and nothing changes', async () => {
    const ada = w.person();
    const page = await ada.open(authorize());
    const foreign = [{ origin: 'https://evil.example' }, { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' },
      { origin: w.p.url, 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }];
    for (const headers of foreign) {
      const r = await press(ada, page, credentials, headers);
      assert.strictEqual(r.status, 403, JSON.stringify(headers));
      assert.strictEqual(r.headers['set-cookie'], undefined);
      assert.strictEqual(r.headers.location, undefined);
    }
    assert.ok((await ada.authorize(authorize())).code); // the page itself still works
  });

  test('security.md A26: a form without its token, with a foreign or a damaged one', async () => {
    const ada = w.person();
    const mallory = w.person();
    const page = await ada.open(authorize());
    const hers = await mallory.open(authorize());
    const { flow } = page.main.fields;
    for (const bad of [undefined, 'x', hers.main.fields.flow, flow.slice(0, -2),
      flow.slice(0, 40) + (flow[40] === 'A' ? 'B' : 'A') + flow.slice(41)]) {
      const fields = { ...credentials, ...(bad !== undefined && { flow: bad }) };
      if (bad === undefined) delete page.main.fields.flow;
      const r = await press(ada, page, fields);
      assert.strictEqual(r.status, 403, `${bad}`);
      assert.strictEqual(r.headers.location, undefined);
      assert.doesNotMatch(r.headers['set-cookie']?.join() || '', /postern=p/);
    }
  });

  test('security.md A26: login CSRF: my form in your browser is refused', async () => {
    const mallory = w.person('bob');
    const page = await mallory.open(authorize());
    const victim = w.person();
    await victim.open(authorize());
    const his = { login: 'bob', password: PASSWORD };
    assert.strictEqual((await press(victim, page, his)).status, 403);
    assert.strictEqual((await press(w.person(), page, credentials)).status, 403); // and no cookie
  });

  test('security.md A26: the form of a finished flow is refused', async () => {
    const ada = await signedIn();
    const page = await ada.authorize(authorize({ prompt: 'consent' }), { stopAt: 'consent' });
    const first = await press(ada, page, { action: 'allow' });
    assert.strictEqual(first.status, 303); // security.md 10
    const again = await press(ada, page, { action: 'allow' });
    assert.strictEqual(again.status, 403);
    assert.strictEqual(again.headers.location, undefined);
  });

  test('security.md A27: two tabs keep their requests apart', async () => {
    const ada = w.person();
    const other = await w.client('other app');
    const one = await ada.open(authorize({ state: 'one' }));
    const two = await ada.open(authorize({ state: 'two', scope: 'openid email' }, other));
    await ada.submit(one, { login: 'ada', password: 'wrong' });
    let page = await ada.submit(one, credentials);
    page = page.kind === 'consent' ? await ada.submit(page, { action: 'allow' }) : page;
    assert.strictEqual(page.state, 'one');
    page = await ada.submit(two, credentials); // the other tab is still at its sign-in page
    assert.strictEqual(page.kind, 'consent');
    assert.match(page.text, /other app/);
    page = await ada.submit(page, { action: 'allow' });
    assert.strictEqual(page.state, 'two');
  });

  test('whoever was asked for consent is the one whose answer counts', async () => {
    const ada = await signedIn();
    const page = await ada.authorize(authorize({ prompt: 'consent' }), { stopAt: 'consent' });
    ada.login = 'bob';
    await ada.authorize(authorize({ prompt: 'login', state: 'bob' }));
    const end = await ada.submit(page, { action: 'allow' });
    const r = await form(w.p, '/oauth2/token', { grant_type: 'authorization_code', code: end.code,
      redirect_uri: REDIRECT, code_verifier: VERIFIER },
    { authorization: basic(client.client_id, client.client_secret) });
    const claims = JSON.parse(Buffer.from(r.json.id_token.split('.')[1], 'base64url'));
    assert.strictEqual(claims.sub, w.user.id);
  });
});

describe('sign-out', () => {
  test('security.md 62: without an id_token_hint the person is asked, and stays here', async () => {
    const ada = await signedIn();
    const out = `${w.p.url}/oauth2/logout?${new URLSearchParams({
      post_logout_redirect_uri: BYE, state: 's' })}`;
    const page = await ada.open(out);
    assert.strictEqual(page.kind, 'sign_out');
    assert.ok((await ada.authorize(authorize({ prompt: 'none' }))).code); // not yet
    const stolen = ada.cookies.get('postern');
    const ours = page.forms.find((f) => f.action.pathname === '/sign-out');
    const end = await ada.submit(page, { action: 'sign_out' }, { form: ours });
    assert.strictEqual(end.status, 200);
    ada.cookies.set('postern', stolen);
    const then = await ada.authorize(authorize({ prompt: 'none' }));
    assert.strictEqual(then.error, 'login_required');
  });

  test('security.md A26: the confirmation of another browser, and of another site', async () => {
    const ada = await signedIn();
    const bob = await signedIn('bob');
    const page = await ada.open(`${w.p.url}/oauth2/logout`);
    const ours = page.forms.find((f) => f.action.pathname === '/sign-out');
    const body = new URLSearchParams({ ...ours.fields, action: 'sign_out' }).toString();
    assert.strictEqual((await bob.request('POST', ours.action, { body })).status, 403);
    assert.strictEqual((await ada.request('POST', ours.action,
      { body, headers: { 'sec-fetch-site': 'cross-site' } })).status, 403);
    assert.ok((await ada.authorize(authorize({ prompt: 'none' }))).code);
    assert.ok((await bob.authorize(authorize({ prompt: 'none' }))).code);
  });

  test('a cross-site POST, which comes without cookies, is repeated as a GET', async () => {
    const ada = await signedIn();
    const nobody = w.person();
    const headers = { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' };
    const r = await nobody.request('POST', `${w.p.url}/oauth2/logout`,
      { body: 'state=a+b', headers });
    assert.strictEqual(r.status, 303);
    assert.strictEqual(new URL(r.headers.location, w.p.url).pathname, '/oauth2/logout');
    assert.strictEqual((await ada.open(new URL(r.headers.location, w.p.url))).kind, 'sign_out');
  });
});

describe('consent', () => {
  const CLAIMS = JSON.stringify({ userinfo: { email: null }, id_token: { phone_number: null } });

  test('security.md 15: what the claims parameter asks for is shown and allowed first',
    async () => {
      const c = await w.client('claims');
      const ada = w.person();
      assert.ok((await ada.authorize(authorize({ scope: 'openid' }, c))).code);
      const wider = (more) => authorize({ scope: 'openid', claims: CLAIMS, ...more }, c);
      const silent = await ada.authorize(wider({ prompt: 'none' }));
      assert.strictEqual(silent.error, 'consent_required');
      const page = await ada.authorize(wider(), { stopAt: 'consent' });
      assert.strictEqual(page.kind, 'consent');
      assert.match(page.text, /email/i);
      assert.match(page.text, /phone/i);
      assert.ok((await ada.authorize(wider())).code);
      assert.ok((await ada.authorize(wider({ prompt: 'none' }))).code, 'allowed is remembered');
      const again = await ada.authorize(wider({ prompt: 'consent' }), { stopAt: 'consent' });
      assert.match(again.text, /email/i, 'asked again, it is shown again');
    });

  test('claims of a scope that the client may not have are not asked about', async () => {
    const c = await w.client('few');
    await w.p.cli(['client', 'update', c.client_id, '--scope', 'openid profile']);
    const ada = w.person();
    assert.ok((await ada.authorize(authorize({ scope: 'openid' }, c))).code);
    assert.ok((await ada.authorize(authorize({ scope: 'openid', claims: CLAIMS, prompt: 'none' },
      c))).code);
  });
});

// Processor time of the server, which a busy machine does not change: with the hash left out for
// one of the three it would be a twentieth.
test('security.md 68: unknown, wrong and disabled cost the same', async () => {
  const N = 12;
  const cpu = () => Object.values(w.p.processes()).map((pid) => {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
    return Number(stat[11]) + Number(stat[12]); // utime, stime, in ticks of 10 ms
  }).reduce((a, b) => a + b, 0);
  for (let i = 0; i < N; i++) {
    await w.addUser(`known${i}`);
    const user = await w.addUser(`disabled${i}`);
    await w.p.cli(['user', 'disable', user.id]);
  }
  const spent = { known: 0, disabled: 0, nobody: 0 };
  for (const who of Object.keys(spent)) {
    const begun = cpu();
    for (let i = 0; i < N; i++) {
      const person = w.person();
      const page = await person.open(authorize());
      const right = who === 'disabled' ? PASSWORD : 'wrong horse battery staple 8';
      const r = await person.submit(page, { login: `${who}${i}`, password: right });
      assert.strictEqual(r.kind, 'sign_in');
    }
    spent[who] = cpu() - begun;
  }
  const [least, , most] = Object.values(spent).sort((a, b) => a - b);
  assert.ok(least > 0 && most < 2 * least, JSON.stringify(spent));
});
