'use strict';
// The faults of a Bearer token, each in the number of Twilio's dictionary and read by the package
// as its RestException. The package's own resource for OAuth apps carries the token, which comes
// from a credential provider with a token manager of ours: what the server would never issue is
// signed here with its own key.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { test, before, after } = require('node:test');
const { startPostern } = require('./lib/postern');
const { signingKeys, forge, decode } = require('../spec/lib/keys');
const { PACKAGES, baseUrl, credentials, refused } = require('./lib/twilio');

const { twilio } = PACKAGES;
const IAM = '/twilio/iam/oauth-apps/';
const NOBODY = `OQ${'0'.repeat(32)}`;
let p, account, key;

const appsOf = (client) => client.iam.v1.oAuthApps;

// What the package asks of the account's apps; it has no call that reads them, so one is spelled.
const CALLS = {
  create: (c) => appsOf(c).create({ friendly_name: 'x' }),
  update: (c) => appsOf(c)(NOBODY).update({ friendly_name: 'x' }),
  remove: (c) => appsOf(c)(NOBODY).remove(),
  list: (c) => c.iam.v1.fetch({ uri: '/Account/OAuthApps', method: 'get' }),
};

function withToken(token) {
  const client = baseUrl(twilio, p);
  const provider = new twilio.ClientCredentialProviderBuilder()
    .setTokenManager({ fetchToken: async () => token }).build();
  client.setCredentialProvider(provider);
  return client;
}

// An app registered through the package, and a token of it: { sid, secret, token }.
async function makeApp(allow) {
  const { sid, secret } = await appsOf(account).create({ friendly_name: 'App', policy: { allow } });
  const { accessToken } = await baseUrl(twilio, p).oauth.v2.token.create(
    credentials({ id: sid, secret }));
  return { sid, secret, token: accessToken };
}

// The token of an app that may do all, with other claims and signed by our key or another.
function changed(token, claims, privateKey = key.privateKey, header = {}) {
  const was = decode(token);
  return forge({ ...was.header, ...header }, { ...was.claims, ...claims }, privateKey);
}

async function refusedByAll(token, status, code) {
  for (const call of Object.values(CALLS)) await refused(call(withToken(token)), status, code);
}

before(async () => {
  p = await startPostern();
  const { account_sid: sid, id } = await p.cli(['org', 'create', '--name', 'Health Partners']);
  const { auth_token: authToken } = await p.cli(['account', 'token', id]);
  account = baseUrl(twilio, p, sid, authToken);
  const { header } = decode((await makeApp([])).token);
  key = signingKeys(p).find((k) => k.kid === header.kid);
});
after(() => p.stop());

test('a good token, and one signed again with the same claims', async () => {
  const { sid, token } = await makeApp([`${IAM}*`]);
  for (const good of [token, changed(token, {})]) {
    const made = await appsOf(withToken(good)).create({ friendly_name: 'child' });
    assert.match(made.sid, /^OQ[0-9a-f]{32}$/);
    assert.equal(made.createdBy, sid);
    const again = await appsOf(withToken(good))(made.sid).update({ friendly_name: 'renamed' });
    assert.equal(again.friendlyName, 'renamed');
    assert.equal((await CALLS.list(withToken(good))).oauth_apps.some((a) => a.sid === sid), true);
    assert.equal(await appsOf(withToken(good))(made.sid).remove(), true);
  }
});

test('20101: a token that is good no more, or never was one of ours', async () => {
  const gone = await makeApp([`${IAM}*`]);
  assert.equal(await appsOf(account)(gone.sid).remove(), true);
  await refusedByAll(gone.token, 401, 20101);
  const { token } = await makeApp([`${IAM}*`]);
  for (const claims of [{ iss: 'https://other.example' }, { aud: 'https://other.example' },
    { sub: NOBODY, cid: NOBODY }]) {
    await refusedByAll(changed(token, claims), 401, 20101);
  }
});

test('20104: a token that has expired', async () => {
  const { token } = await makeApp([`${IAM}*`]);
  const now = Math.floor(Date.now() / 1000);
  for (const exp of [now, now - 1, now - 86400]) {
    await refusedByAll(changed(token, { iat: exp - 60, nbf: exp - 60, exp }), 401, 20104);
  }
});

test('20105: a token whose time has not come', async () => {
  const { token } = await makeApp([`${IAM}*`]);
  const nbf = Math.floor(Date.now() / 1000) + 600;
  await refusedByAll(changed(token, { nbf, exp: nbf + 60 }), 401, 20105);
});

test('20107: a token signed by another, whatever it says', async () => {
  const { token } = await makeApp([`${IAM}*`]);
  const other = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  await refusedByAll(changed(token, {}, other), 401, 20107);
  await refusedByAll(changed(token, { exp: 1 }, other), 401, 20107);
  await refusedByAll(changed(token, {}, undefined, { kid: `IC${'0'.repeat(32)}` }), 401, 20107);
  const [head, body, signature] = token.split('.');
  const flipped = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1);
  await refusedByAll([head, body, flipped].join('.'), 401, 20107);
});

test('20160: what is no JWT', async () => {
  for (const token of ['nothing', 'a.b.c', 'a.b', '..', `psta_${'0'.repeat(60)}`]) {
    await refusedByAll(token, 401, 20160);
  }
});

test('70051: an app that its policy does not allow it', async () => {
  await refusedByAll((await makeApp([])).token, 403, 70051);
  await refusedByAll((await makeApp(['/other'])).token, 403, 70051);
  const reader = withToken((await makeApp([`${IAM}read`])).token);
  await refused(CALLS.create(reader), 403, 70051);
  const maker = withToken((await makeApp([`${IAM}create`])).token);
  assert.equal((await appsOf(maker).create({ friendly_name: 'x' })).friendlyName, 'x');
  const mighty = { friendly_name: 'x', policy: { allow: ['*'] } };
  await refused(appsOf(maker).create(mighty), 403, 70051);
});
