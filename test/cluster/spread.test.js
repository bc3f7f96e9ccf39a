'use strict';
// What one node or a command changes is known to every node within a second, with the hint (NOTIFY)
// and without; nodes that have nothing to do leave the database alone; clocks that differ.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { startPostgres } = require('./lib/postgres.js');
const { startCluster } = require('./lib/nodes.js');
const { startRelay } = require('./lib/cut.js');
const { makeWorld } = require('./lib/world.js');
const { sleep, until } = require('./lib/run.js');
const { scene } = require('./lib/scene.js');
const { faketime } = require('../interop/lib/faketime.js');

const WITHIN_MS = 1000;
const SLACK_MS = 250; // of the test, which asks every 20 ms and shares its machine

let pg;
before(async () => { pg = await startPostgres(); });
after(() => pg.remove());

async function withNodes(name, options, run) {
  await pg.database(name);
  const c = await startCluster({ nodes: 3, db: pg.url(name), ...options });
  let w;
  try {
    w = await makeWorld(c);
    await run(c, w);
  } catch (e) {
    e.message = [e.message, ...c.troubles()].join('\n');
    await c.stop().catch(() => {});
    throw e;
  } finally {
    if (w) w.close();
  }
  await c.stop();
}

// How long until each node has come to know it, counted from the end of the change.
async function spread(what, c, known) {
  const start = performance.now();
  await Promise.all(c.urls.map((url) => until(`${what} at ${url}`, () => known(url), { ms: 5000 })));
  return performance.now() - start;
}

const isActive = async (w, url, token) => {
  const r = await w.introspect(url, token);
  assert.equal(r.status, 200, r.text);
  return r.json.active;
};

// Every kind of change once; the slowest node of each, in milliseconds.
async function changes(c, w) {
  const took = {};
  const victim = await w.client('Victim', '--grant', 'client_credentials', '--scope', 'read');
  const status = async (url, client) => (await w.token(url, client)).status;
  for (const url of c.urls) assert.equal(await status(url, victim), 200);

  const secret = await w.cli('client', 'secret', victim.id, '--overlap', '0');
  const renewed = { id: victim.id, authorization: 'Basic ' +
    Buffer.from(`${victim.id}:${secret.client_secret}`).toString('base64') };
  took.secret = await spread('the old secret is refused', c, async (u) => await status(u, victim) === 401);
  for (const url of c.urls) assert.equal(await status(url, renewed), 200);

  const token = (await w.token(c.urls[0], renewed)).json.access_token;
  for (const url of c.urls) assert.equal(await isActive(w, url, token), true);
  await w.cli('client', 'disable', victim.id);
  took.disable = await spread('the client is refused', c, async (u) => await status(u, renewed) === 400);
  for (const url of c.urls) assert.equal(await isActive(w, url, token), false);
  await w.cli('client', 'enable', victim.id);
  took.enable = await spread('the client is let in', c, async (u) => await status(u, renewed) === 200);

  const keys = async (url) => (await w.get(url, '/oauth2/jwks')).json.keys.length;
  const before = await keys(c.urls[0]);
  await w.cli('key', 'rotate');
  took.key = await spread('the new key is published', c, async (u) => await keys(u) === before + 1);

  const person = w.person(c.urls[0]);
  const hers = (await w.redeem(c.urls[1], await w.code(person, c.urls[0]))).json.access_token;
  for (const url of c.urls) assert.equal(await isActive(w, url, hers), true);
  await w.cli('user', 'disable', w.user.id);
  took.user = await spread('her token is nothing', c, async (u) => !await isActive(w, u, hers));
  await w.cli('user', 'enable', w.user.id);

  took.revoked = 0;
  for (let round = 0; round < 12; round++) {
    const from = c.urls[round % c.urls.length];
    const one = (await w.token(c.urls[(round + 1) % c.urls.length], w.jwt)).json.access_token;
    for (const url of c.urls) assert.equal(await isActive(w, url, one), true);
    assert.equal((await w.revoke(from, w.jwt, one)).status, 200);
    assert.equal(await isActive(w, from, one), false, 'the revoking node knows at once');
    took.revoked = Math.max(took.revoked, await spread('a revoked token', c, async (u) => !await isActive(w, u, one)));
    await sleep(round * 37); // anywhere between two polls
  }
  return Object.fromEntries(Object.entries(took).map(([k, v]) => [k, Math.round(v)]));
}

function inTime(took) {
  console.log(`# known to all after (ms): ${JSON.stringify(took)}`);
  for (const [what, ms] of Object.entries(took)) assert.ok(ms <= WITHIN_MS + SLACK_MS, `${what}: ${ms} ms`);
}

test('changes reach every node within a second', () =>
  withNodes('hinted', {}, async (c, w) => inTime(await changes(c, w))));

test('the same without the hint', async () => {
  const line = await startRelay(pg.port);
  line.rewrite('LISTEN postern', 'LISTEN nretsop'); // hears of nothing
  try {
    await withNodes('unhinted', { db: pg.url('unhinted', [line.port]) }, async (c, w) => {
      const took = await changes(c, w);
      assert.ok(line.rewritten >= 3, 'no node listened');
      inTime(took);
    });
  } finally {
    await line.stop();
  }
});

test('idle nodes make almost no queries', () => withNodes('idle', {}, async (c) => {
  const count = async () => Number((await pg.sql('postgres',
    "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'idle'"))[0][0]);
  await sleep(12000); // sessions tell what they did before only after 10 s
  const before = await count();
  await sleep(12000);
  const rate = (await count() - before) / 12 / c.nodes.length;
  console.log(`# ${rate.toFixed(2)} transactions a second and node`);
  assert.ok(rate > 0.5, 'they poll');
  assert.ok(rate < 2, `${rate} a second and node`);
}));

for (const clocks of [['+5s', '+0s', '+2s'], ['-5s', '+0s', '-3s']]) {
  const env = clocks.map((offset) => (offset === '+0s' ? {} : faketime(offset)));
  test(`clocks that differ (${clocks.join(', ')}) break nothing`, () =>
    scene(pg, { env }, async (s) => {
      s.served(await s.load(6000));
    }));
}

test('changes reach nodes whose clocks differ', () => withNodes('skewed',
  { env: [faketime('+5s'), {}, faketime('+2s')] }, async (c, w) => inTime(await changes(c, w))));
