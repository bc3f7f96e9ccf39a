'use strict';
// Headless login (docs/headless.md): a company's own page signs people in, through /admin/flows.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const net = require('node:net');
const { startPostern } = require('../interop/lib/postern.js');
const { request } = require('../interop/lib/http.js');
const { Person } = require('../interop/lib/person.js');

const LOGIN = 'http://127.0.0.1:9/login?tenant=1'; // nobody listens: the browser only names it
const CALLBACK = 'https://app.example/cb';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
let p, org, client, ada, stranger;

const basic = (o) => 'Basic ' + Buffer.from(`${o.account_sid}:${o.auth_token}`).toString('base64');

async function makeAccount(name) {
  const o = await p.cli(['org', 'create', '--name', name]);
  const { auth_token } = await p.cli(['account', 'token', o.id]);
  return { ...o, auth_token };
}

const makeClient = (extra = []) => p.cli(['client', 'create', '--org', org.id, '--name', 'Notes',
  '--grant', 'authorization_code', '--grant', 'refresh_token', '--redirect-uri', CALLBACK,
  '--scope', 'openid profile email offline_access', ...extra]);

const makeUser = (o, username, extra = []) => p.cli(['user', 'create', '--org', o.id,
  '--username', username, ...extra]);

before(async () => {
  p = await startPostern({ settings: { 'login.url': LOGIN } });
  org = await makeAccount('Clinic');
  stranger = await makeAccount('Elsewhere');
  client = await makeClient(['--logo-uri', 'https://app.example/logo.png',
    '--tos-uri', 'https://app.example/tos']);
  ada = await makeUser(org, 'ada', ['--email', 'ada@people.example', '--name', 'Ada Lovelace']);
});
after(() => p.stop());

const verifier = crypto.randomBytes(32).toString('base64url');
const challenge = crypto.createHash('sha256').update(verifier).digest('base64url');

const authorizeUrl = (more = {}) => p.url + '/oauth2/authorize?' + new URLSearchParams({
  response_type: 'code', client_id: client.client_id, redirect_uri: CALLBACK,
  scope: 'openid profile', state: 'a&b', code_challenge: challenge,
  code_challenge_method: 'S256', ...more });

const somebody = () => new Person(p, {});

// The browser is sent to the company's page: { browser, flow }.
async function begin(more, browser = somebody()) {
  const page = await browser.open(authorizeUrl(more));
  assert.equal(page.kind, 'callback', page.text);
  assert.equal(page.url.origin + page.url.pathname, 'http://127.0.0.1:9/login');
  assert.equal(page.params.get('tenant'), '1');
  assert.match(page.params.get('flow'), /^pstf_[\w-]{43}$/);
  return { browser, flow: page.params.get('flow') };
}

// The page's server.
async function admin(flow, step, body, { account = org, headers = {} } = {}) {
  const all = { ...(account && { authorization: basic(account) }), ...headers };
  if (body !== undefined && !('content-type' in all)) all['content-type'] = 'application/json';
  return request(p, body === undefined ? 'GET' : 'POST',
    `/admin/flows/${flow}${step ? `/${step}` : ''}`, { headers: all, body });
}

async function accept(flow, body) {
  const r = await admin(flow, 'accept', { subject: ada.id, ...body });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(Object.keys(r.json), ['redirect_to']);
  assert.equal(r.json.redirect_to, `${p.url}/continue?flow=${flow}`);
  return r.json.redirect_to;
}

async function refused(answer, status, error) {
  const r = await answer;
  assert.equal(r.status, status, r.text);
  assert.match(r.headers['content-type'], /^application\/json/);
  assert.match(r.headers['cache-control'], /no-store/);
  assert.equal(r.json.error, error, r.text);
  assert.match(r.json.error_description, /\.$/);
  assert.match(r.json.request_id, UUID);
  assert.equal(r.json.request_id, r.headers['x-request-id']);
  return r;
}

async function redeem(code, path = '/oauth2/token') {
  const r = await request(p, 'POST', path, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: CALLBACK,
      client_id: client.client_id, client_secret: client.client_secret,
      code_verifier: verifier }).toString() });
  return r;
}

const claimsOf = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));

describe('headless login', () => {
  test('headless login: a flow is read, accepted, and ends in tokens of that person',
    async () => {
      const { browser, flow } = await begin({ login_hint: 'ada', ui_locales: 'de fr',
        acr_values: 'pwd', max_age: '600', display: 'page', prompt: 'consent' });
      const r = await admin(flow);
      assert.equal(r.status, 200, r.text);
      const { expires_at, ...flowNow } = r.json;
      assert.match(expires_at, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.deepEqual(flowNow, {
        client: { client_id: client.client_id, client_sid: client.client_sid, name: 'Notes',
          logo_uri: 'https://app.example/logo.png', policy_uri: null,
          tos_uri: 'https://app.example/tos', trusted: false },
        organization: { id: org.id, name: 'Clinic' },
        scopes: ['openid', 'profile'], resources: [], redirect_uri: CALLBACK,
        login_hint: 'ada', ui_locales: 'de fr', acr_values: 'pwd', prompt: 'consent',
        display: 'page', max_age: 600, hinted_subject: null,
        new_scopes: ['openid', 'profile'], signed_in: null });
      const end = await browser.open(await accept(flow, { amr: ['pwd', 'otp'] }));
      assert.equal(end.kind, 'callback', end.text);
      assert.equal(end.url.origin + end.url.pathname, CALLBACK);
      assert.equal(end.state, 'a&b');
      assert.equal(end.params.get('iss'), p.url);
      const t = await redeem(end.code);
      assert.equal(t.status, 200, t.text);
      const id = claimsOf(t.json.id_token);
      assert.equal(id.sub, ada.id);
      assert.deepEqual(id.amr, ['pwd', 'otp']);
      assert.ok(Math.abs(id.auth_time - Date.now() / 1000) < 10);
    });

  test('a person who is signed in is named, and consent that is remembered needs no page',
    async () => {
      const { browser, flow } = await begin();
      await browser.open(await accept(flow, { remember: true }));
      const again = await browser.open(authorizeUrl({ state: 'silent' }));
      assert.equal(again.url.origin + again.url.pathname, CALLBACK, 'no page was needed');
      assert.equal(again.state, 'silent');
      const { flow: second } = await begin({ scope: 'openid email' }, browser);
      const r = await admin(second);
      assert.deepEqual(r.json.new_scopes, ['email']);
      assert.equal(r.json.signed_in.subject, ada.id);
      assert.equal(r.json.signed_in.username, 'ada');
      assert.equal(typeof r.json.signed_in.auth_time, 'number');
      const before = browser.cookies.get('postern');
      const end = await browser.open(await accept(second, {}));
      assert.ok(end.code);
      assert.equal(browser.cookies.get('postern'), before, 'the session goes on');
    });

  test('security.md 59: a session that ended before its accept was used does not come back',
    async () => {
      const { browser, flow } = await begin();
      await browser.open(await accept(flow, { remember: true }));
      const { flow: second } = await begin({ prompt: 'consent' }, browser);
      const url = await accept(second, {});
      await p.cli(['user', 'revoke', ada.id]);
      const end = await browser.open(url);
      assert.equal(end.code, null);
      assert.equal(end.url.origin + end.url.pathname, 'http://127.0.0.1:9/login');
      const third = end.params.get('flow');
      assert.notEqual(third, second);
      assert.equal((await admin(third)).json.signed_in, null);
      assert.ok((await browser.open(await accept(third, {}))).code);
    });

  for (const [what, ...commands] of [['revoked', ['revoke']],
    ['disabled and enabled again', ['disable'], ['enable']]])
    test(`security.md 59: an accept with amr is void when its person is ${what} after it`,
      async () => {
        const { browser, flow } = await begin();
        const url = await accept(flow, { amr: ['pwd', 'otp'] });
        for (const [command] of commands) await p.cli(['user', command, ada.id]);
        const end = await browser.open(url);
        assert.equal(end.code, null);
        assert.equal(end.url.origin + end.url.pathname, 'http://127.0.0.1:9/login');
        const next = end.params.get('flow');
        assert.notEqual(next, flow);
        assert.equal((await admin(next)).json.signed_in, null);
        assert.ok((await browser.open(await accept(next, { amr: ['pwd', 'otp'] }))).code);
      });

  test('subject in either spelling; scope may be less, never more', async () => {
    const { browser, flow } = await begin();
    const sid = 'US' + ada.id.replaceAll('-', '');
    await refused(admin(flow, 'accept', { subject: sid, scope: 'openid email' }), 400,
      'invalid_request');
    const r = await admin(flow, 'accept', { subject: sid, scope: 'openid' });
    assert.equal(r.status, 200, r.text);
    const t = await redeem((await browser.open(r.json.redirect_to)).code);
    assert.equal(t.json.scope, 'openid');
  });

  test('OIDC Core 2: the acr of accept is in session, id_token and introspection', async () => {
    const introspect = async (token) => (await request(p, 'POST', '/oauth2/introspect', {
      headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: 'Basic ' +
        Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64') },
      body: new URLSearchParams({ token }).toString() })).json;
    const acr = 'https://refeds.org/profile/mfa #2 "x" \\ ~' + 'y'.repeat(59);
    assert.equal(acr.length, 100);
    const { browser, flow } = await begin();
    for (const [body, expected] of [[{ acr, amr: ['otp'] }, acr], [{ amr: ['pwd'] }, 'pwd'],
      [{ acr: 'urn:x' }, 'urn:x']]) {
      const at = body.acr === acr ? flow : (await begin({ prompt: 'consent' }, browser)).flow;
      const t = (await redeem((await browser.open(await accept(at, body))).code)).json;
      assert.equal(claimsOf(t.id_token).acr, expected);
      assert.equal((await introspect(t.access_token)).acr, expected);
      const session = (await p.cli(['session', 'list', '--user', ada.id]))
        .find((s) => s.id === claimsOf(t.id_token).sid);
      assert.equal(session.acr, expected);
    }
  });

  test('rejected: the client gets the error, description and state, and no code', async () => {
    const { browser, flow } = await begin();
    const r = await admin(flow, 'reject', { error: 'access_denied',
      error_description: 'Not on a Sunday' });
    assert.equal(r.status, 200, r.text);
    const end = await browser.open(r.json.redirect_to);
    assert.equal(end.url.origin + end.url.pathname, CALLBACK);
    assert.equal(end.error, 'access_denied');
    assert.match(end.params.get('error_description'), /^Not on a Sunday \(error id [0-9a-f-]{36}\)$/);
    assert.equal(end.state, 'a&b');
    assert.equal(end.code, null);
  });

  test('response_mode=form_post: the end is a page that posts', async () => {
    const { browser, flow } = await begin({ response_mode: 'form_post' });
    const page = await browser.open(await accept(flow));
    assert.equal(page.kind, 'form_post');
    const end = await browser.submit(page);
    assert.equal(end.method, 'POST');
    assert.equal((await redeem(end.code)).status, 200);
  });

  test('the Twilio dialect goes the same way, and its code to /v2/token alone', async () => {
    const browser = somebody();
    const r = await request(p, 'GET', '/v2/authorize?' + new URLSearchParams({
      response_type: 'code', client_id: client.client_sid, redirect_uri: CALLBACK,
      scope: 'openid', state: 's', code_challenge: challenge, code_challenge_method: 'S256' }));
    assert.equal(r.status, 302, r.text);
    const page = await browser.open(r.json.redirect_to);
    const end = await browser.open(await accept(page.params.get('flow')));
    assert.equal(end.state, 's');
    assert.equal((await redeem(end.code)).status, 400);
    const { browser: b2, flow } = await begin();
    const standard = await b2.open(await accept(flow));
    assert.equal((await redeem(standard.code, '/v2/token')).status, 400);
  });
});

describe('each step once, in the browser that began it', () => {
  test('security.md A26: another browser gets 403 and a page, and changes nothing', async () => {
    const { browser, flow } = await begin();
    const url = await accept(flow);
    const thief = somebody();
    for (let i = 0; i < 2; i++) {
      const page = await thief.open(url);
      assert.equal(page.status, 403);
      assert.match(page.headers['content-type'], /^text\/html/);
      assert.equal(thief.cookies.has('postern'), false);
      await begin({}, thief); // from now on it has a flow of its own
    }
    assert.ok((await browser.open(url)).code);
  });

  test('accepting twice, rejecting after it and reading after it are 409', async () => {
    const { browser, flow } = await begin();
    const url = await accept(flow);
    await refused(admin(flow, 'accept', { subject: ada.id }), 409, 'invalid_request');
    await refused(admin(flow, 'reject', {}), 409, 'invalid_request');
    await refused(admin(flow), 409, 'invalid_request');
    assert.ok((await browser.open(url)).code);
    const again = await browser.open(url);
    assert.equal(again.kind, 'other');
    assert.ok(again.status >= 400 && again.status < 500, String(again.status));
  });

  test('twenty accepts at once: one is 200, the others 409', async () => {
    const { flow } = await begin();
    const all = await Promise.all(Array.from({ length: 20 }, () =>
      admin(flow, 'accept', { subject: ada.id })));
    assert.equal(all.filter((r) => r.status === 200).length, 1);
    assert.equal(all.filter((r) => r.status === 409).length, 19);
  });

  test('ten returns at once: one code', async () => {
    const { browser, flow } = await begin();
    const url = await accept(flow);
    const all = await Promise.all(Array.from({ length: 10 }, () =>
      browser.request('GET', url)));
    const codes = all.filter((r) => /[?&]code=/.test(r.headers.location || ''));
    assert.equal(codes.length, 1, all.map((r) => r.status).join());
  });

  test('security.md A29: HEAD finishes nothing', async () => {
    const { browser, flow } = await begin();
    const url = await accept(flow);
    await browser.request('HEAD', url);
    assert.ok((await browser.open(url)).code);
  });

  test('before the decision /continue is a page that says so', async () => {
    const { browser, flow } = await begin();
    const page = await browser.open(`/continue?flow=${flow}`);
    assert.equal(page.status, 400);
    assert.match(page.errorId, UUID);
    for (const wrong of ['', '?flow=', '?flow=x', `?flow=pstf_${'A'.repeat(43)}`]) {
      assert.equal((await browser.open(`/continue${wrong}`)).status, 400);
    }
  });
});

describe('who may call', () => {
  test('without credentials, with wrong ones: 401 and a challenge', async () => {
    const { flow } = await begin();
    for (const account of [null, { ...org, auth_token: 'x' }, { ...org, account_sid: 'AC1' },
      { account_sid: client.client_sid, auth_token: client.client_secret }]) {
      for (const [step, body] of [[null, undefined], ['accept', { subject: ada.id }],
        ['reject', {}]]) {
        const r = await refused(admin(flow, step, body, { account }), 401, 'invalid_client');
        assert.match(r.headers['www-authenticate'], /^Basic /);
      }
    }
  });

  test('another organization, an unknown and a bent handle: 404 alike', async () => {
    const { flow } = await begin();
    const bent = flow.slice(0, -3) + (flow.at(-3) === 'A' ? 'B' : 'A') + flow.slice(-2);
    const texts = new Set();
    for (const [id, account] of [[flow, stranger], [bent, org], [`pstf_${'A'.repeat(43)}`, org],
      ['x', org]]) {
      for (const [step, body] of [[null, undefined], ['accept', { subject: ada.id }],
        ['reject', {}]]) {
        const r = await refused(admin(id, step, body, { account }), 404, 'not_found');
        texts.add(r.json.error_description);
      }
    }
    assert.equal(texts.size, 1);
    assert.equal((await admin(flow)).status, 200);
  });

  test('subject: unknown, of another organization and disabled are refused alike', async () => {
    const { flow } = await begin();
    const eve = await makeUser(stranger, 'eve');
    const old = await makeUser(org, 'old');
    await p.cli(['user', 'disable', old.id]);
    const texts = new Set();
    for (const subject of [crypto.randomUUID(), eve.id, old.id, 'ada', '', client.client_id]) {
      const r = await refused(admin(flow, 'accept', { subject }), 400, 'invalid_request');
      texts.add(r.json.error_description);
    }
    assert.equal(texts.size, 1);
  });

  test('security.md A18, A19: strict JSON', async () => {
    const { flow } = await begin();
    const bad = ['', '[]', '"x"', '{', '{"subject":"a","subject":"b"}', '{"subject":1}',
      '{"subject":"a",}', '{"remember":"yes","subject":"a"}', '{"subject":"a","Remember":true}',
      '{"subject":"a","amr":"pwd"}', '{"subject":"a","amr":[1]}', '{"subject":"a","amr":["a b"]}',
      '{"subject":"a","acr":1}', '{"subject":"a","acr":["pwd"]}', '{"subject":"a","acr":""}',
      '{"subject":"a","acr":"a\\nb"}', '{"subject":"a","acr":"h\u00f6her"}',
      JSON.stringify({ subject: ada.id, acr: 'x'.repeat(101) }),
      '{"subject":"a","auth_time":"1"}', '{"subject":"a","auth_time":1.5}',
      '{"subject":"a","auth_time":-1}', '{}', '{"subject":null}', '{"subject":"a"} x',
      JSON.stringify({ subject: ada.id, amr: Array(100).fill('long') })];
    for (const body of bad) {
      await refused(admin(flow, 'accept', body), 400, 'invalid_request');
    }
    for (const body of ['{"error":"no such error"}', '{"error":"invalid_token"}', '{"error":1}',
      '{"error_description":"a\\nb"}', '{"why":"x"}', '{"error":""}',
      JSON.stringify({ error_description: 'x'.repeat(201) })]) {
      await refused(admin(flow, 'reject', body), 400, 'invalid_request');
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx']) {
      await refused(admin(flow, 'accept', { subject: ada.id },
        { headers: { 'content-type': type } }), 415, 'invalid_request');
    }
    assert.equal((await admin(flow)).status, 200, 'it still waits');
  });

  test('auth_time: not of the future, not older than the application asked for', async () => {
    const { flow } = await begin({ prompt: 'login' });
    const now = Math.floor(Date.now() / 1000);
    for (const auth_time of [now + 3600, now - 3600]) {
      await refused(admin(flow, 'accept', { subject: ada.id, auth_time }), 400, 'invalid_request');
    }
    const r = await admin(flow, 'accept', { subject: ada.id, auth_time: now + 1 });
    assert.equal(r.status, 200, r.text);
  });

  test('methods and other paths', async () => {
    const r = await request(p, 'DELETE', '/admin/flows/x', { headers: {} });
    assert.equal(r.status, 405);
    assert.equal((await admin('x', 'finish', {})).status, 404);
  });
});

test('the OpenAPI document has the operations', async () => {
  const { json } = await request(p, 'GET', '/openapi.json');
  assert.equal(json.paths['/admin/flows/{id}'].get.operationId, 'fetchFlow');
  assert.equal(json.paths['/admin/flows/{id}/accept'].post.operationId, 'acceptFlow');
  assert.equal(json.paths['/admin/flows/{id}/reject'].post.operationId, 'rejectFlow');
  for (const name of ['Flow', 'FlowAccept', 'FlowReject', 'FlowDecided']) {
    assert.ok(json.components.schemas[name], name);
  }
  const { acr } = json.components.schemas.FlowAccept.properties;
  assert.deepEqual([acr.type, acr.maxLength, acr.default], ['string', 100, 'pwd']);
});

test('with an administrator\'s listener the API is there and nowhere else', async () => {
  const port = await new Promise((done) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = s.address();
      s.close(() => done(free));
    });
  });
  const { flow } = await begin();
  const administrator = Object.create(p, { url: { value: `http://127.0.0.1:${port}` } });
  p.waitReady = () => Object.getPrototypeOf(p).waitReady.call(administrator); // /readyz moves, too
  await p.restart({ settings: { admin_listen: `127.0.0.1:${port}` } });
  const headers = { authorization: basic(org) };
  const hidden = await request(p, 'GET', `/admin/flows/${flow}`, { headers });
  assert.equal(hidden.status, 404);
  const shown = await request(administrator, 'GET', `/admin/flows/${flow}`, { headers });
  assert.equal(shown.status, 200, shown.text);
});
