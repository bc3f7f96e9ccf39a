'use strict';
// The database dies, moves to its replica, or has no room left, under load.

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { startPostgres, noSmallDisk } = require('./lib/postgres.js');
const { until } = require('./lib/run.js');
const { scene, isDurable, isFromMemory } = require('./lib/scene.js');

const REACTION_MS = 200; // what was sent before anybody could know

async function recovers(s) {
  console.log(`# recovered after ${await s.works()} ms`);
  s.ledger.hears(s.cluster.urls);
}

async function notReady(s) {
  for (const n of s.nodes) {
    assert.equal(await n.status('/readyz'), 503);
    assert.equal(await n.status('/healthz'), 200);
  }
}

// Under load the database dies at once and is gone for a while.
async function dies(s, pg) {
  const start = s.ledger.mark();
  s.ledger.deaf(s.cluster.urls);
  const killed = pg.kill9();
  await until('somebody notices', () => s.ledger.since(start, (a) => isDurable(a) && a.status === 503).length > 0);
  await s.load(REACTION_MS);
  const mark = await s.load(2000 + s.chance.below(1000));
  await notReady(s);
  s.refused(mark, isDurable);
  s.served(mark, isFromMemory);
  await killed;
}

test('kill -9 of PostgreSQL: durable requests get 503, the others go on; it recovers', async () => {
  const pg = await startPostgres();
  try {
    await scene(pg, {}, async (s) => {
      for (let round = 0; round < 2; round++) {
        await dies(s, pg);
        await pg.start();
        await recovers(s);
        await s.load(s.chance.below(1500));
      }
    });
  } finally {
    await pg.remove();
  }
});

test('the synchronous replica is promoted after kill -9 of the primary', async () => {
  const pg = await startPostgres();
  try {
    const replica = await pg.replica();
    await scene(pg, { database: (name) => pg.url(name, [pg.port, replica.port]) }, async (s) => {
      await dies(s, pg);
      await replica.promote();
      await recovers(s);
      await s.load(1000);
    });
  } finally {
    await pg.remove();
  }
});

test('the disk of the database is full: no promise that is not kept; it recovers', async (t) => {
  const why = await noSmallDisk();
  if (why) {
    t.skip(why);
    return;
  }
  const pg = await startPostgres({ room_mb: 250, settings: ['max_wal_size=48MB'] });
  try {
    await scene(pg, { load: { pace_ms: 3 } }, async (s) => {
      const mark = s.ledger.mark();
      s.ledger.deaf(s.cluster.urls);
      await pg.fill();
      await until('the disk is full for somebody', () => s.ledger.since(mark,
        (a) => a.durable && a.status === 503).length > 20, { ms: 60000 });
      const full = await s.load(2000);
      s.served(full, isFromMemory);
      pg.free();
      // A server that could not write its log has ended by itself; its keeper starts it again.
      await pg.sql('postgres', 'SELECT 1').catch(() => pg.start());
      await recovers(s);
    });
  } finally {
    await pg.remove();
  }
});
