'use strict';
// A COMMIT that waits for a synchronous standby that is away: nobody sees its rows until long after
// those who look for changes have passed their ids. What a command and what a node did in that time
// is known to every node soon after the standby's return.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { startPostgres } = require('./lib/postgres.js');
const { startCluster } = require('./lib/nodes.js');
const { makeWorld } = require('./lib/world.js');
const { sleep, until } = require('./lib/run.js');

const AWAY_MS = 14000; // longer than any poll looks back
const SOON_MS = 5000;

let pg;
before(async () => { pg = await startPostgres(); });
after(() => pg.remove());

async function standby(sql) {
  await pg.sql('postgres', sql); // statement by statement: ALTER SYSTEM takes no transaction
  await pg.sql('postgres', 'SELECT pg_reload_conf()');
}

// Runs `change` when the standby has gone, and `look` as long as it is away.
async function whileAway(change, look) {
  await standby("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  await sleep(300);
  const start = performance.now();
  try {
    const result = change();
    await sleep(AWAY_MS / 2);
    await look();
    await sleep(AWAY_MS - (performance.now() - start));
    return { result };
  } finally {
    await standby('ALTER SYSTEM RESET synchronous_standby_names');
  }
}

async function withNodes(name, run) {
  const c = await startCluster({ nodes: 2, db: await pg.database(name) });
  let w;
  try {
    w = await makeWorld(c);
    await run(c, w);
  } catch (e) {
    e.message = [e.message, ...c.troubles()].join('\n');
    throw e;
  } finally {
    if (w) w.close();
    await c.stop();
  }
}

const told = async (name) =>
  Number((await pg.sql(name, 'SELECT COUNT(*) FROM change WHERE kind = 8'))[0][0]);

test('what a command changed', () => withNodes('late_command', async (c, w) => {
  const victim = await w.client('Victim', '--grant', 'client_credentials', '--scope', 'read');
  const status = async (url) => (await w.token(url, victim)).status;
  for (const url of c.urls) assert.equal(await status(url), 200);
  const { result } = await whileAway(() => c.cliRaw(['client', 'disable', victim.id]), async () => {
    for (const url of c.urls) assert.equal(await status(url), 200);
  });
  await Promise.all(c.urls.map((url) =>
    until(`${url} refuses`, async () => await status(url) === 400, { ms: SOON_MS })));
  const { code, stderr } = await result;
  assert.equal(code, 1, 'it gave up before it knew'); // after 10 s
  assert.match(stderr, /no answer within 10000 ms/);
  assert.ok(await told('late_command') >= 1);
}));

test('what was revoked at a node', () => withNodes('late_node', async (c, w) => {
  const token = (await w.token(c.urls[0], w.jwt)).json.access_token;
  const isActive = async (url) => (await w.introspect(url, token)).json.active;
  for (const url of c.urls) assert.equal(await isActive(url), true);
  assert.equal(await told('late_node'), 0);
  const { result } = await whileAway(() => w.revoke(c.urls[0], w.jwt, token), async () => {
    assert.equal(await isActive(c.urls[1]), true);
  });
  assert.equal((await result).status, 503);
  await Promise.all(c.urls.map((url) =>
    until(`${url} refuses`, async () => await isActive(url) === false, { ms: SOON_MS })));
  await until('all is told', async () => await told('late_node') >= 1, { ms: SOON_MS });
}));
