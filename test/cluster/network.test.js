'use strict';
// The line between a node and the database: cut, broken, slow.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { startPostgres } = require('./lib/postgres.js');
const { startRelay } = require('./lib/cut.js');
const { until } = require('./lib/run.js');
const { scene, isDurable, isFromMemory } = require('./lib/scene.js');

let pg;
before(async () => { pg = await startPostgres(); });
after(() => pg.remove());

// Node 1 has a line of its own, the others have not.
async function withLine(options, run) {
  const line = await startRelay(pg.port);
  try {
    await scene(pg, { ...options, database: (name) =>
      [pg.url(name, [line.port]), pg.url(name), pg.url(name)] }, (s) => run(s, line, s.nodes[0]));
  } finally {
    await line.stop();
  }
}

test('a cut line: that node refuses in time, then is too old to say anything; it heals', () =>
  withLine({ settings: { 'db.max_age': 4 } }, async (s, line, node) => {
    const here = (a) => a.url === node.url;
    const start = s.ledger.mark();
    s.ledger.deaf([node.url]);
    line.cut();
    await s.load(200);
    const young = await s.load(2000); // younger than db.max_age
    assert.equal(await node.status('/readyz'), 503);
    s.refused(young, (a) => here(a) && isDurable(a));
    s.served(young, (a) => here(a) && isFromMemory(a));
    await s.load(3500);
    const old = await s.load(1500);
    s.refused(old, (a) => here(a) && ['jwt', 'introspect_jwt'].includes(a.op));
    s.served(old, (a) => here(a) && ['jwks', 'discovery'].includes(a.op));
    assert.equal(await node.status('/healthz'), 200);
    s.served(start, (a) => !here(a));
    line.heal();
    console.log(`# recovered after ${await s.works(8000)} ms`);
    s.ledger.hears([node.url]);
    const healed = await s.load(1000);
    s.served(healed);
  }));

test('a broken line: the node is back at once', () => withLine({}, async (s, line, node) => {
  for (let round = 0; round < 5; round++) {
    const mark = s.ledger.mark();
    s.ledger.deaf([node.url]);
    line.reset();
    await s.works(3000, [node]);
    s.ledger.hears([node.url]);
    await s.load(s.chance.below(500));
    s.served(mark, (a) => a.url !== node.url || isFromMemory(a));
  }
}));

// Requests that wait at a node, in the words of its metrics.
async function waiting(s, node) {
  const { text } = await s.world.get(node.url, '/metrics');
  return [...text.matchAll(/^postern_queue_requests\{[^}]*\} (\d+)$/gm)].reduce((n, m) => n + Number(m[1]), 0);
}

for (const delay_ms of [300, 2000]) {
  test(`a line of ${delay_ms} ms: queues stay short, memory is as fast as ever`, () =>
    withLine({ load: { workers: 40, pace_ms: 50 } }, async (s, line, node) => {
      const here = (a) => a.url === node.url;
      const start = s.ledger.mark();
      line.delay(delay_ms);
      s.ledger.deaf([node.url]);
      await s.load(300);
      const mark = s.ledger.mark();
      for (let i = 0; i < 6; i++) {
        await s.load(500);
        assert.ok(await waiting(s, node) < 100, 'requests pile up');
      }
      if (delay_ms > 1000) {
        s.refused(mark, (a) => here(a) && isDurable(a));
        assert.equal(await node.status('/readyz'), 503);
      }
      s.served(mark, (a) => here(a) && isFromMemory(a));
      s.inTime(s.ledger.since(mark, (a) => here(a) && isFromMemory(a)), 300);
      s.inTime(s.ledger.since(mark, (a) => here(a) && isDurable(a)), 2000);
      s.served(start, (a) => !here(a));
      line.heal();
      console.log(`# recovered after ${await s.works()} ms`);
      s.ledger.hears([node.url]);
      s.served(await s.load(1000));
      await until('nobody waits', async () => await waiting(s, node) < 20);
    }));
}
