'use strict';
// `postern explain ID`: from the id that a person reads out to the failed rule, what was expected,
// what came, and what to do. The person himself sees none of it.

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { startPostern, sleep } = require('../interop/lib/postern');

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
const CB = 'https://app.example.com/cb';

describe('explain', () => {
  let p, c;
  before(async () => {
    p = await startPostern();
    const org = await p.cli(['org', 'create', '--name', 'Herons']);
    c = await p.cli(['client', 'create', '--org', org.id, '--name', 'App', '--redirect-uri', CB]);
  });
  after(() => p.stop());

  const authorize = (change) => {
    const query = { client_id: c.client_id, redirect_uri: CB, response_type: 'code',
      scope: 'openid', state: 's',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
      ...change };
    for (const [name, value] of Object.entries(query)) if (value === null) delete query[name];
    return fetch(`${p.url}/oauth2/authorize?${new URLSearchParams(query)}`,
      { redirect: 'manual' });
  };

  // Housekeeping writes it within a second.
  async function explain(id) {
    for (let i = 0; i < 60; i++) {
      const r = await p.cliRaw(['explain', id, '--json']);
      if (r.code === 0) return JSON.parse(r.stdout);
      assert.equal(r.code, 3, r.stderr);
      await sleep(100);
    }
    return assert.fail('it never came to the store');
  }

  test('a page shows safe text and an id, the command the rest', async () => {
    const r = await authorize({ redirect_uri: 'https://evil.example/cb' });
    assert.equal(r.status, 400);
    const html = await r.text();
    const id = UUID.exec(html)[0];
    assert.equal(id, r.headers.get('x-request-id'));
    for (const secret of ['redirect_uri', 'evil.example', CB]) assert.ok(!html.includes(secret), secret);
    const x = await explain(id);
    assert.equal(x.id, id);
    assert.equal(x.rule, 'redirect_uri');
    assert.equal(x.received, 'https://evil.example/cb');
    assert.ok(x.expected.includes(CB), x.expected);
    assert.match(x.spec, /RFC 6749/);
    assert.match(x.remedy, /postern client update/);
    assert.equal(x.client_id, c.client_id);
    assert.deepEqual([x.method, x.path], ['GET', '/oauth2/authorize']);
    assert.match(x.at, /^20\d\d-/);

    const text = (await p.cliRaw(['explain', id])).stdout;
    for (const word of ['rule', 'expected', 'received', 'remedy']) {
      assert.match(text, new RegExp(`^${word} +\\S`, 'm'));
    }
    // As it is copied out of a mail.
    assert.deepEqual(await explain(`"(error id ${id}).`), x);
  });

  test('a refusal that goes back to the client carries its id', async () => {
    for (const [change, rule] of [[{ code_challenge: null }, 'pkce'],
      [{ scope: 'openid admin' }, 'scope'], [{ response_type: 'token' }, 'response_type'],
      [{ prompt: 'none login' }, 'prompt'], [{ max_age: '-1' }, 'max_age']]) {
      const r = await authorize(change);
      assert.equal(r.status, 303, rule);
      const back = new URL(r.headers.get('location'));
      const [id] = UUID.exec(back.searchParams.get('error_description'));
      const x = await explain(id);
      assert.equal(x.rule, rule);
      assert.ok(x.remedy, rule);
      assert.ok(x.spec, rule);
    }
  });

  test('a refusal of the token endpoint, without the secret that was sent', async () => {
    const secret = 'wrong-and-not-to-be-seen-'.repeat(2);
    const r = await fetch(`${p.url}/oauth2/token`, { method: 'POST', body: new URLSearchParams({
      grant_type: 'client_credentials', client_id: c.client_id, client_secret: secret }) });
    assert.equal(r.status, 401);
    const x = await explain(r.headers.get('x-request-id'));
    assert.match(x.error, /invalid_client|INVALID_CLIENT/);
    assert.match(x.remedy, /postern client/);
    assert.ok(!JSON.stringify(x).includes('not-to-be-seen'));
  });

  test('an id that is unknown, and one that is none', async () => {
    const unknown = await p.cliRaw(['explain', '3f8d1c52-6d0e-4bb1-9d0c-0d6a4b7f1a11']);
    assert.equal(unknown.code, 3);
    assert.match(unknown.stderr, /kept for a day, the last 4096 of each server process/);
    assert.match(unknown.stderr, /log line/);
    const none = await p.cliRaw(['explain', 'xyz']);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /holds no error id/);
  });

  test('what was refused in the last moment is there after a stop', async () => {
    const r = await authorize({ client_id: '3f8d1c52-6d0e-4bb1-9d0c-0d6a4b7f1a11' });
    await r.text();
    const id = r.headers.get('x-request-id');
    await p.signal('SIGTERM', 10000);
    const x = await p.cli(['explain', id]);
    assert.equal(x.rule, 'client');
    await p.start();
  });

  test('what came from outside drives no terminal', async () => {
    const r = await authorize({ redirect_uri: 'https://a.example/\u001b[31m\u202e\u009b' });
    const id = r.headers.get('x-request-id');
    await explain(id);
    assert.doesNotMatch((await p.cliRaw(['explain', id])).stdout, /[\u001b\u202e\u009b]/);
    assert.doesNotMatch((await p.cliRaw(['explain', id, '--json'])).stdout, /[\u202e\u009b]/);
  });
});
