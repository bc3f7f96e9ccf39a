'use strict';
// The unmodified ClientCredentialProvider: it knows no server but oauth.twilio.com, so a CONNECT
// proxy leads it to this machine, over TLS under a CA of the test. What it gets there it shows to
// a stub of api.twilio.com, which verifies it by GET /v1/certs.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test, before, after } = require('node:test');
const jwt = require('jsonwebtoken');
const { startPostern, freePort } = require('./lib/postern');
const { request } = require('./lib/http');
const { HOSTS, makeApp, makeCertificates, startProxy, startApi, runChild } =
  require('./lib/twilio');

const ISSUER = 'https://oauth.twilio.com';
let p, a, dir, proxy, api, env;

// As a resource server would: the key by its kid, then signature, issuer, time.
async function judge(token) {
  const { header } = jwt.decode(token, { complete: true });
  const certs = (await request(p, 'GET', '/v1/certs')).json;
  const jwk = certs.keys.find((k) => k.kid === header.kid);
  const key = crypto.createPublicKey({ key: jwk, format: 'jwk' });
  return jwt.verify(token, key, { algorithms: ['ES256'], issuer: ISSUER, audience: ISSUER });
}

before(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-twilio-'));
  const certificates = makeCertificates(dir);
  const port = await freePort();
  p = await startPostern({ settings: { issuer: ISSUER, hosts: HOSTS.join(','),
    'tls.listen': `127.0.0.1:${port}`, 'tls.certificate': certificates.cert,
    'tls.key': certificates.key } });
  a = await makeApp(p);
  api = await startApi(certificates, judge);
  proxy = await startProxy((host) =>
    (host === 'api.twilio.com' ? api.port : HOSTS.includes(host) ? port : 0));
  env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: certificates.ca };
});
after(async () => {
  proxy.stop();
  api.stop();
  await p.stop();
  fs.rmSync(dir, { recursive: true });
});

const ACCOUNT = `AC${'a'.repeat(32)}`;

for (const name of ['twilio', 'twilio5']) {
  test(`${name}: gets its tokens, and they are good`, async () => {
    api.calls.length = 0;
    proxy.seen.length = 0;
    const out = await runChild({ package: name, id: a.id, secret: a.secret, account: ACCOUNT,
      calls: 3 }, env);
    assert.deepEqual(out, { results: ['stub', 'stub', 'stub'] });
    assert.equal(api.calls.length, 3);
    for (const { claims, path: asked } of api.calls) {
      assert.equal(asked, `/2010-04-01/Accounts/${ACCOUNT}.json`);
      assert.equal(claims.sub, a.id);
      assert.match(claims.act.sub, /^trn:us1:iam:account:AC[0-9a-f]{32}$/);
    }
    assert.ok(proxy.seen.includes('oauth.twilio.com'));
    assert.ok(proxy.seen.includes('api.twilio.com'));
    const asked = p.logLines().filter((l) => l.route === 'twilio.token_v2' && l.status === 200);
    assert.ok(asked.length >= 1);
  });

  test(`${name}: with a wrong secret it says why`, async () => {
    const out = await runChild({ package: name, id: a.id, secret: 'wrong', account: ACCOUNT,
      calls: 1 }, env);
    assert.match(out.error, /Status Code: 401/);
    assert.match(out.error, /Invalid credentials/);
  });

  test(`${name}: a key that rotates meanwhile`, async () => {
    api.calls.length = 0;
    await p.cli(['key', 'rotate', '--now']);
    const out = await runChild({ package: name, id: a.id, secret: a.secret, account: ACCOUNT,
      calls: 2 }, env);
    assert.deepEqual(out.results, ['stub', 'stub']);
  });
}

test('the stub does refuse what Postern did not sign', async () => {
  const { privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certs = (await request(p, 'GET', '/v1/certs')).json;
  assert.equal(certs.url, `${ISSUER}/v1/certs`);
  const forged = jwt.sign({ sub: a.id }, privateKey, { algorithm: 'ES256', issuer: ISSUER,
    audience: ISSUER, expiresIn: 60, keyid: certs.keys.find((k) => k.alg === 'ES256').kid });
  await assert.rejects(judge(forged), /invalid signature/);
});
