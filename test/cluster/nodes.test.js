'use strict';
// Nodes die, stop and start under load; the database stays.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { startPostgres } = require('./lib/postgres.js');
const { startHaproxy } = require('./lib/haproxy.js');
const { freePort, sleep } = require('./lib/run.js');
const { scene } = require('./lib/scene.js');

let pg;
before(async () => { pg = await startPostgres(); });
after(() => pg.remove());

test('kill -9 of any node: what it acknowledged is there, the others do not notice', () =>
  scene(pg, {}, async (s) => {
    for (let round = 0; round < 4; round++) {
      const node = s.chance.pick(s.nodes);
      await sleep(s.chance.below(1000));
      const mark = s.ledger.mark();
      await node.kill9();
      await s.load(500 + s.chance.below(700));
      s.served(mark, (a) => a.url !== node.url);
      await node.start();
    }
  }));

test('a rolling restart behind HAProxy: no request fails', async () => {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  await scene(pg, { issuer, settings: { 'drain.delay': 2 }, load: { urls: () => [issuer] },
    front: (nodes) => startHaproxy(nodes.map((n) => n.port), { port }) }, async (s) => {
    for (const node of s.nodes) {
      assert.equal(await node.restart(), 0, node.tail());
      await s.front.up(3);
      await s.load(300);
    }
    s.served(0);
  });
});
