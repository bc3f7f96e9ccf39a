'use strict';
// script/torture patroni: two nodes on two servers that Patroni keeps; the leader is killed under
// load, comes back as a replica, and then the other one is.

const { startPatroni } = require('./lib/patroni.js');
const { scene, isFromMemory } = require('./lib/scene.js');
const { until } = require('./lib/run.js');

async function failover(s, ha) {
  const leader = await ha.leader();
  const mark = s.ledger.mark();
  await leader.kill9();
  console.log(`killed ${leader.name}, which led`);
  const took = await until('another one leads', async () => {
    const now = await ha.leader();
    return now && now !== leader;
  }, { ms: 120000, every_ms: 100 });
  console.log(`another one leads after ${(took / 1000).toFixed(1)} s; nodes work again after ` +
    `${await s.works(15000)} ms more`);
  console.log(`${s.served(mark, isFromMemory)} requests were served from memory meanwhile`);
  leader.start();
  await until('the other one is a synchronous replica', () => ha.sync(), { ms: 120000, every_ms: 200 });
  console.log(`${leader.name} is back as a synchronous replica`);
}

async function main() {
  const ha = await startPatroni();
  try {
    await scene(ha, { nodes: 2, settings: { 'db.max_age': 120 } }, async (s) => {
      await failover(s, ha);
      await s.load(3000);
      await failover(s, ha);
    });
  } finally {
    await ha.remove();
  }
}

main().catch((e) => {
  console.error(e.stack);
  process.exitCode = 1;
});
