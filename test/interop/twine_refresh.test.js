'use strict';
// Refresh: rotation, the same answer again within the grace window, races, replay, durability.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const http = require('node:http');
const { startPostern, makeTwineClient, sleep } = require('./lib/postern');
const { faketime } = require('./lib/faketime');
const { UUID, PLAIN, VND, request, assertRefusal, credentials, refreshOf, postToken, newToken, get } =
  require('./lib/twine');

async function withPostern(options, run) {
  const p = await startPostern(options);
  try {
    await run(p, await makeTwineClient(p));
  } finally {
    await p.stop();
  }
}

const works = async (p, c, token) =>
  (await get(p, `/pub/organization/${c.organization.id}`, token)).status === 200;
const pair = (res) => res.json.data.attributes;

test('a refresh gives a new pair; the old access token lives on', () => withPostern({}, async (p, c) => {
  const t = await newToken(p, c);
  const res = await postToken(p, refreshOf(c, t.refresh_token));
  assert.equal(res.status, 201, res.text);
  const n = pair(res);
  assert.notEqual(res.json.data.id, t.id);
  assert.notEqual(n.access_token, t.access_token);
  assert.notEqual(n.refresh_token, t.refresh_token);
  assert.equal(n.expires_in, 3600);
  assert.deepEqual(res.json.data.relationships.groups.data,
    c.groups.map((g) => ({ type: 'group', id: g.id })));
  assert.ok(await works(p, c, t.access_token));
  assert.ok(await works(p, c, n.access_token));
  const inc = await postToken(p, refreshOf(c, n.refresh_token), { query: '?include=groups' });
  assert.equal(inc.json.included.length, c.groups.length);
}));

test('within the grace window the same request gets the same bytes', () => withPostern({},
  async (p, c) => {
    const t = await newToken(p, c);
    const first = await postToken(p, refreshOf(c, t.refresh_token));
    for (let i = 0; i < 3; i++) {
      const again = await postToken(p, refreshOf(c, t.refresh_token));
      assert.equal(again.status, first.status);
      assert.equal(again.text, first.text);
      await sleep(400);
    }
    await p.restart();
    assert.equal((await postToken(p, refreshOf(c, t.refresh_token))).text, first.text);
    const plain = await request(p, 'POST', '/pub/oauth/token', {
      headers: { 'content-type': PLAIN, accept: PLAIN }, body: refreshOf(c, t.refresh_token),
    });
    assert.equal(plain.status, 200);
    assert.equal(plain.json.access_token, pair(first).access_token);
    assert.equal(plain.json.meta.req_id, first.json.meta.req_id);
    assert.ok(await works(p, c, pair(first).access_token));
  }));

test('a replay whose successor was used is refused without harm in grace', () => withPostern({},
  async (p, c) => {
    const t = await newToken(p, c);
    const second = await postToken(p, refreshOf(c, t.refresh_token));
    const third = await postToken(p, refreshOf(c, pair(second).refresh_token));
    assert.equal(third.status, 201);
    assertRefusal(await postToken(p, refreshOf(c, t.refresh_token)), 401, 'InvalidCredentials');
    assert.ok(await works(p, c, pair(third).access_token));
    assert.equal((await postToken(p, refreshOf(c, pair(third).refresh_token))).status, 201);
  }));

test('a replay after the grace window revokes the family', () => withPostern(
  { settings: { 'refresh.grace': 1 } }, async (p, c) => {
    const other = await newToken(p, c);
    const t = await newToken(p, c);
    const next = await postToken(p, refreshOf(c, t.refresh_token));
    await sleep(2500);
    assertRefusal(await postToken(p, refreshOf(c, t.refresh_token)), 401, 'InvalidCredentials');
    for (const token of [t.access_token, pair(next).access_token]) {
      assert.equal(await works(p, c, token), false);
    }
    assertRefusal(await postToken(p, refreshOf(c, pair(next).refresh_token)),
      401, 'InvalidCredentials');
    assert.ok(await works(p, c, other.access_token));
    await p.restart();
    assert.equal(await works(p, c, pair(next).access_token), false);
    assert.ok(await works(p, c, other.access_token));
  }));

test('a stranger who replays does no harm', () => withPostern({ settings: { 'refresh.grace': 1 } },
  async (p, c) => {
    const d = await makeTwineClient(p);
    const t = await newToken(p, c);
    const next = await postToken(p, refreshOf(c, t.refresh_token));
    await sleep(2500);
    assertRefusal(await postToken(p, refreshOf(d, t.refresh_token)), 401, 'InvalidCredentials');
    assertRefusal(await postToken(p, refreshOf(c, t.refresh_token, { client_secret: 'wrong' })),
      401, 'InvalidCredentials');
    assert.ok(await works(p, c, pair(next).access_token));
  }));

test('50 parallel refreshes of one token: one successor, and every 201 carries it', () =>
  withPostern({}, async (p, c) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
    for (let round = 0; round < 4; round++) {
      const t = await newToken(p, c);
      const all = await Promise.all(Array.from({ length: 50 }, () =>
        request(p, 'POST', '/pub/oauth/token', {
          agent, headers: { 'content-type': VND },
          body: { data: { attributes: refreshOf(c, t.refresh_token) } },
        })));
      for (const r of all) assert.equal(r.status, 201, r.text);
      assert.equal(new Set(all.map((r) => r.text)).size, 1);
      assert.equal((await postToken(p, refreshOf(c, pair(all[0]).refresh_token))).status, 201);
    }
    agent.destroy();
  }));

test('without a grace window a race has one winner and costs the family', () => withPostern(
  { settings: { 'refresh.grace': 0 } }, async (p, c) => {
    const t = await newToken(p, c);
    const all = await Promise.all(Array.from({ length: 20 }, () =>
      postToken(p, refreshOf(c, t.refresh_token))));
    const good = all.filter((r) => r.status === 201);
    assert.equal(good.length, 1);
    for (const r of all) if (r.status !== 201) assertRefusal(r, 401, 'InvalidCredentials');
    assert.equal(await works(p, c, pair(good[0]).access_token), false);
  }));

test('refresh racing revoke never leaves a live token', () => withPostern({}, async (p, c) => {
  for (let round = 0; round < 5; round++) {
    const t = await newToken(p, c);
    const revoke = () => request(p, 'POST', '/oauth2/revoke', {
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: 'Basic ' + Buffer.from(`${c.id}:${c.secret}`).toString('base64'),
      },
      body: `token=${t.refresh_token}`,
    });
    const [r, ...refreshed] = await Promise.all([revoke(),
      ...Array.from({ length: 5 }, () => postToken(p, refreshOf(c, t.refresh_token)))]);
    assert.equal(r.status, 200, r.text);
    assert.equal(await works(p, c, t.access_token), false);
    for (const x of refreshed.filter((y) => y.status === 201)) {
      assert.equal(await works(p, c, pair(x).access_token), false);
      assertRefusal(await postToken(p, refreshOf(c, pair(x).refresh_token)),
        401, 'InvalidCredentials');
    }
  }
}));

test('what was acknowledged survives kill -9: pairs, refreshes, revocations', () => withPostern({},
  async (p, c) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
    const acknowledged = [];
    let running = true;
    const ask = async () => {
      while (running) {
        try {
          const res = await request(p, 'POST', '/pub/oauth/token', {
            agent, headers: { 'content-type': VND }, body: { data: { attributes: credentials(c) } },
          });
          if (res.status === 201) acknowledged.push(pair(res));
        } catch {
          return; // the server is gone
        }
      }
    };
    const [dead, spent] = [await newToken(p, c), await newToken(p, c)];
    await p.cli(['token', 'revoke', '--token', dead.access_token]);
    const next = await postToken(p, refreshOf(c, spent.refresh_token));
    assert.equal(next.status, 201);
    const asking = Array.from({ length: 16 }, ask);
    await sleep(700);
    await p.kill9();
    running = false;
    await Promise.all(asking);
    agent.destroy();
    await p.restart();
    assert.ok(acknowledged.length > 100, `${acknowledged.length} pairs`);
    for (const t of acknowledged.slice(-200)) assert.ok(await works(p, c, t.access_token));
    const last = acknowledged[acknowledged.length - 1];
    assert.equal((await postToken(p, refreshOf(c, last.refresh_token))).status, 201);
    assert.equal(await works(p, c, dead.access_token), false);
    assert.ok(await works(p, c, pair(next).access_token));
    assert.equal((await postToken(p, refreshOf(c, spent.refresh_token))).text, next.text);
  }));

test('a store that takes no writes: 503 in Twine shape, reads go on, nothing is lost', () =>
  withPostern({}, async (p, c) => {
    const t = await newToken(p, c);
    await p.store.locked(async () => {
      const [asked, refreshed] = await Promise.all([
        postToken(p, credentials(c)), postToken(p, refreshOf(c, t.refresh_token))]);
      for (const res of [asked, refreshed]) {
        assertRefusal(res, 503, 'Forbidden');
        assert.equal(res.json.errors[0].title, 'Service Unavailable');
        assert.match(res.headers['retry-after'], /^[1-9][0-9]*$/);
      }
      assert.ok(await works(p, c, t.access_token));
    });
    assert.equal((await postToken(p, credentials(c))).status, 201);
    assert.equal((await postToken(p, refreshOf(c, t.refresh_token))).status, 201);
  }));

test('an idle refresh token and a family come to their ends', () => withPostern({}, async (p, c) => {
  const t = await newToken(p, c);
  await p.restart({ env: faketime('+3650d') });
  assertRefusal(await postToken(p, refreshOf(c, t.refresh_token)), 401, 'InvalidCredentials');
  assert.equal((await postToken(p, credentials(c))).status, 201);
}));

test('twine.token_shape: uuid', () => withPostern({ settings: { 'twine.token_shape': 'uuid' } },
  async (p, c) => {
    const t = await newToken(p, c);
    assert.match(t.access_token, UUID);
    assert.match(t.refresh_token, UUID);
    assert.ok(await works(p, c, t.access_token));
    assert.equal(await works(p, c, t.refresh_token), false);
    const first = await postToken(p, refreshOf(c, t.refresh_token));
    assert.equal(first.status, 201, first.text);
    assert.match(pair(first).refresh_token, UUID);
    assert.equal((await postToken(p, refreshOf(c, t.refresh_token))).text, first.text);
    await p.restart({ settings: { 'twine.token_shape': 'handle' } });
    assert.ok(await works(p, c, t.access_token));
    const mixed = await postToken(p, refreshOf(c, pair(first).refresh_token));
    assert.equal(mixed.status, 201, mixed.text);
    assert.ok(pair(mixed).refresh_token.length >= 48);
  }));

test('twine.refresh_needs_secret', () => withPostern(
  { settings: { 'twine.refresh_needs_secret': true } }, async (p, c) => {
    const t = await newToken(p, c);
    assertRefusal(await postToken(p, refreshOf(c, t.refresh_token)),
      409, 'InvalidBodyParameter', { pointer: '/data/attributes/client_secret' });
    const res = await postToken(p, refreshOf(c, t.refresh_token, { client_secret: c.secret }));
    assert.equal(res.status, 201, res.text);
  }));
