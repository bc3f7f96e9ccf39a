'use strict';
// What is good once, sent a hundred times at once to three nodes; and a revocation beside refreshes.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { startPostgres } = require('./lib/postgres.js');
const { REDIRECT, CHALLENGE } = require('./lib/world.js');
const { sleep } = require('./lib/run.js');
const { scene } = require('./lib/scene.js');

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const PARALLEL = 100;
const ROUNDS = 8;
const QUIET = { workers: 2, weights: { jwt: 1, pair: 1, opaque: 1 } };

let pg;
before(async () => { pg = await startPostgres(); });
after(() => pg.remove());

const distinct = (list) => [...new Set(list)];
// The same request, spread over the nodes, all at once; the answers.
const stampede = (s, send) => Promise.all(Array.from({ length: PARALLEL },
  (_, i) => send(s.nodes[i % s.nodes.length].url)));

async function active(s, token) {
  const all = await Promise.all(s.nodes.map((n) => s.world.introspect(n.url, token)));
  all.forEach((r) => assert.equal(r.status, 200, r.text));
  return all.map((r) => r.json.active);
}

async function signedIn(s, person, node = s.chance.pick(s.nodes)) {
  const r = await s.world.redeem(node.url, await s.world.code(person, node.url));
  assert.equal(r.status, 200, r.text);
  return r.json;
}

// What has a refresh token, and how it is used up.
const LINES = {
  Twine: {
    first: async (s) => (await s.world.pair(s.chance.pick(s.nodes).url)).json,
    refresh: (s, url, token) => s.world.refreshTwine(url, token),
    dead: (r) => {
      assert.equal(r.status, 401, r.text);
      assert.equal(r.json.errors[0].code, 'InvalidCredentials');
    },
  },
  person: {
    first: (s) => signedIn(s, s.person ??= s.world.person(s.nodes[0].url)),
    refresh: (s, url, token) => s.world.refresh(url, token),
    dead: (r) => {
      assert.equal(r.status, 400, r.text);
      assert.equal(r.json.error, 'invalid_grant');
    },
  },
};

for (const [name, { first, refresh, dead }] of Object.entries(LINES)) {
  test(`${PARALLEL} refreshes of one token (${name}): one successor, which all are told of`, () =>
    scene(pg, { load: QUIET }, async (s) => {
      for (let round = 0; round < ROUNDS; round++) {
        const { refresh_token } = await first(s);
        const all = await stampede(s, (url) => refresh(s, url, refresh_token));
        all.forEach((r) => assert.equal(r.status, 200, `${r.status} ${r.text}`));
        assert.equal(distinct(all.map((r) => r.json.refresh_token)).length, 1);
        assert.deepEqual(distinct(await active(s, all[0].json.access_token)), [true]);
        const next = await refresh(s, s.nodes[0].url, all[0].json.refresh_token);
        assert.equal(next.status, 200, next.text);
        (await Promise.all(s.nodes.map((n) => refresh(s, n.url, refresh_token)))).forEach(dead);
        assert.deepEqual(distinct(await active(s, next.json.access_token)), [true]);
      }
    }));

  test(`the same without a grace (${name}): one wins, the others end its line`, () =>
    scene(pg, { load: QUIET, settings: { 'refresh.grace': 0 } }, async (s) => {
      for (let round = 0; round < ROUNDS; round++) {
        const { refresh_token } = await first(s);
        const all = await stampede(s, (url) => refresh(s, url, refresh_token));
        const winners = all.filter((r) => r.status === 200);
        assert.equal(winners.length, 1, distinct(all.map((r) => r.status)).join());
        all.filter((r) => r.status !== 200).forEach(dead);
        dead(await refresh(s, s.nodes[round % 3].url, winners[0].json.refresh_token));
        await sleep(1000); // nodes that hear of it
        assert.deepEqual(distinct(await active(s, winners[0].json.access_token)), [false]);
      }
    }));
}

test(`${PARALLEL} redemptions of one code: one wins, the others end what it got`, () =>
  scene(pg, { load: QUIET }, async (s) => {
    const person = s.world.person(s.nodes[0].url);
    for (let round = 0; round < ROUNDS; round++) {
      const code = await s.world.code(person, s.chance.pick(s.nodes).url);
      const all = await stampede(s, (url) => s.world.redeem(url, code));
      const winners = all.filter((r) => r.status === 200);
      assert.equal(winners.length, 1, distinct(all.map((r) => r.status)).join());
      all.filter((r) => r.status !== 200).forEach(LINES.person.dead);
      LINES.person.dead(await s.world.refresh(s.nodes[round % 3].url, winners[0].json.refresh_token));
    }
  }));

test(`${PARALLEL} polls for one approved device: one gets the tokens`, () =>
  scene(pg, { load: QUIET }, async (s) => {
    const person = s.world.person(s.nodes[0].url);
    for (let round = 0; round < ROUNDS; round++) {
      const { url } = s.chance.pick(s.nodes);
      const d = await s.world.form(url, '/oauth2/device_authorization', { scope: 'openid' }, s.world.app);
      assert.equal(d.status, 200, d.text);
      person.origin = url;
      await person.device(`${url}/device?user_code=${d.json.user_code}`);
      const all = await stampede(s, (u) => s.world.form(u, '/oauth2/token',
        { grant_type: DEVICE, device_code: d.json.device_code }, s.world.app));
      assert.equal(all.filter((r) => r.status === 200).length, 1, distinct(all.map((r) => r.text)).join());
      all.filter((r) => r.status !== 200).forEach(LINES.person.dead);
    }
  }));

test(`one pushed request opened ${PARALLEL} times: one code at most`, () =>
  scene(pg, { load: QUIET }, async (s) => {
    const person = s.world.person(s.nodes[0].url);
    await s.world.code(person, s.nodes[0].url); // signed in
    for (let round = 0; round < ROUNDS; round++) {
      const pushed = await s.world.form(s.chance.pick(s.nodes).url, '/oauth2/par', {
        redirect_uri: REDIRECT, response_type: 'code', code_challenge: CHALLENGE, scope: 'openid',
        code_challenge_method: 'S256' }, s.world.app);
      assert.equal(pushed.status, 201, pushed.text);
      const { request_uri } = pushed.json;
      const all = await stampede(s, (url) => person.request('GET', s.world.authorizeUrl(url, { request_uri })));
      const codes = all.map((r) => /^https:\/\/app\.example\/cb\?.*\bcode=/.test(r.headers.location || ''));
      assert.equal(codes.filter(Boolean).length, 1);
      assert.deepEqual(all.filter((r) => r.status >= 500).map((r) => r.text), []);
    }
  }));

// Refreshes at one node as fast as it can until it is refused; all that it was given.
async function chain(s, url, line, start) {
  const given = [start];
  for (;;) {
    const r = await line.refresh(s, url, given.at(-1).refresh_token);
    if (r.status !== 200) {
      line.dead(r);
      return given;
    }
    given.push(r.json);
  }
}

for (const [name, line] of Object.entries(LINES)) {
  test(`a revocation at one node beside refreshes at the others (${name}): nothing outlives it`, () =>
    scene(pg, { load: QUIET }, async (s) => {
      let refreshes = 0;
      const client = name === 'Twine' ? s.world.twine : s.world.app;
      for (let round = 0; round < 15; round++) {
        const start = await line.first(s);
        const running = [chain(s, s.nodes[1].url, line, start), chain(s, s.nodes[2].url, line, start)];
        await sleep(s.chance.below(60));
        const gone = await s.world.revoke(s.nodes[0].url, client, start.refresh_token);
        assert.equal(gone.status, 200, gone.text);
        const here = await s.world.introspect(s.nodes[0].url, start.access_token);
        assert.equal(here.json.active, false, 'the node that revoked knows at once');
        const given = (await Promise.all(running)).flat();
        refreshes += given.length - 2;
        for (const t of given.slice(-6)) {
          line.dead(await line.refresh(s, s.chance.pick(s.nodes).url, t.refresh_token));
        }
        await sleep(1000);
        for (const t of given.slice(-6)) assert.deepEqual(distinct(await active(s, t.access_token)), [false]);
      }
      console.log(`# ${refreshes} refreshes came before their revocation`);
      assert.ok(refreshes > 0);
    }));
}
