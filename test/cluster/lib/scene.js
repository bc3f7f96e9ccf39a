'use strict';
// A whole scene for a test: a fresh database, nodes on it, a world and a load with its ledger.
//
//     await scene(pg, { nodes: 3, settings, before: async (url) => db }, async (s) => {
//       s.cluster s.nodes s.world s.ledger s.chance
//       await s.load(2000)                     the load goes on for a while
//       await s.works(5000)                    every node takes a durable request again, within that
//       s.served(mark, (a) => ...)             the answers since mark were all good
//       s.refused(mark, (a) => ...)            they were all 503 and in time
//     });                                      ends with the audit, whatever the fault was
//
// The load runs before, during and after `run`.

const assert = require('node:assert/strict');
const { startCluster } = require('./nodes.js');
const { makeWorld } = require('./world.js');
const { Ledger } = require('./ledger.js');
const { newChance, sleep, until } = require('./run.js');

// 1 s is promised; what is beyond is allowed to machines that run other tests at the same time.
const IN_TIME_MS = 1000;
const LATE_MS = 2000;
const LATE_SHARE = 0.05;

let databases = 0;

// Fewer say nothing of how a node answers; a busy machine makes some ten a second.
const FEWEST = 4;

class Scene {
  constructor(pg, cluster, world, chance, load) {
    Object.assign(this, { pg, cluster, world, chance, nodes: cluster.nodes });
    this.ledger = new Ledger(world, chance, { urls: () => cluster.urls, ...load });
  }

  async load(ms) {
    const mark = this.ledger.mark();
    await sleep(ms);
    return mark;
  }

  // A durable request at every node is answered as usual.
  async works(ms = 5000, nodes = this.nodes) {
    const took = await Promise.all(nodes.map((n) => until(`node ${n.number} works again`,
      async () => (await this.world.pair(n.url)).status === 200 &&
        await n.status('/readyz') === 200, { ms })));
    return Math.round(Math.max(...took));
  }

  served(mark, keep) {
    const all = this.ledger.since(mark, keep);
    const bad = all.filter((a) => a.status >= 500 || a.status === 0);
    assert.ok(all.length >= FEWEST, `only ${all.length} requests`);
    assert.deepEqual(bad.slice(0, 3), [], `${bad.length} of ${all.length} were not served; ` +
      `POSTERN_SEED=${this.chance.seed}`);
    return all.length;
  }

  // Requests that began since mark: all 503, in time.
  refused(mark, keep) {
    const all = this.ledger.since(mark, keep);
    const other = all.filter((a) => a.status !== 503);
    assert.ok(all.length >= FEWEST, `only ${all.length} requests`);
    assert.deepEqual(other.slice(0, 3), [], `${other.length} of ${all.length} were not 503`);
    this.inTime(all);
    return all.length;
  }

  inTime(all, limit_ms = IN_TIME_MS) {
    const late = all.filter((a) => a.ms > limit_ms).sort((a, b) => b.ms - a.ms);
    assert.ok(late.length <= all.length * LATE_SHARE && !(late[0]?.ms > limit_ms + LATE_MS - IN_TIME_MS),
      `${late.length} of ${all.length} answers came after more than ${limit_ms} ms: ` +
      JSON.stringify(late.slice(0, 3).map(({ op, url, status, ms }) => ({ op, url, status, ms }))));
  }
}

const isDurable = (a) => a.durable;
// What a node does from memory.
const isFromMemory = (a) => ['jwt', 'introspect_jwt', 'jwks', 'discovery'].includes(a.op);

async function scene(pg, { database, load, front, ...options }, run) {
  const chance = newChance();
  const name = `t${process.pid}_${++databases}`;
  await pg.database(name);
  const cluster = await startCluster({ nodes: 3, db: database ? database(name) : pg.url(name),
    ...options, settings: { 'refresh.grace': 300, ...options.settings } });
  let world;
  let s;
  let balancer;
  try {
    balancer = front && await front(cluster.nodes);
    world = await makeWorld(cluster);
    s = new Scene(pg, cluster, world, chance, load);
    Object.assign(s, { database: name, front: balancer });
    await s.ledger.signIn(4);
    s.ledger.start();
    await s.load(1500); // caches are warm, everybody is signed in
    await run(s);
    await s.load(500);
    await s.ledger.stop();
    await s.ledger.audit();
  } catch (e) {
    e.message = [e.message, ...cluster.troubles(), ...(s ? s.ledger.violations.slice(0, 3) : []),
      `POSTERN_SEED=${chance.seed}`].join('\n');
    if (s) s.ledger.over = true;
    await cluster.stop().catch(() => {});
    throw e;
  } finally {
    if (world) world.close();
    if (balancer) await balancer.stop();
  }
  await cluster.stop();
}

module.exports = { scene, isDurable, isFromMemory };
