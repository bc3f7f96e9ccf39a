'use strict';
// How nodes come together: the same master key, an empty database, the one that sweeps.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { startPostgres } = require('./lib/postgres.js');
const { startCluster } = require('./lib/nodes.js');
const { makeWorld, REDIRECT, CHALLENGE } = require('./lib/world.js');
const { sleep, until } = require('./lib/run.js');

let pg;
before(async () => { pg = await startPostgres(); });
after(() => pg.remove());

async function withCluster(name, options, run) {
  const c = await startCluster({ nodes: 3, ...options, db: await pg.database(name) });
  try {
    await run(c);
  } catch (e) {
    e.message = [e.message, ...c.troubles()].join('\n');
    await c.stop().catch(() => {});
    throw e;
  }
  await c.stop();
}

test('three nodes start on an empty database at once', async () => {
  for (let round = 0; round < 10; round++) {
    await withCluster(`empty${round}`, { start: false }, async (c) => {
      await Promise.all(c.nodes.map((n) => n.start()));
      const keys = await Promise.all(c.urls.map((u) => fetch(`${u}/oauth2/jwks`).then((r) => r.text())));
      assert.equal(JSON.parse(keys[0]).keys.length, 2, 'ES256 and RS256, once');
      for (const k of keys) assert.equal(k, keys[0]);
      if (round < 8) return;
      const w = await makeWorld(c);
      for (const from of c.urls) {
        for (const token of [(await w.token(from, w.jwt)).json, (await w.pair(from)).json]) {
          for (const at of c.urls) {
            const r = await w.introspect(at, token.access_token);
            assert.equal(r.json?.active, true, r.text);
          }
        }
      }
      w.close();
    });
  }
});

// Ready, or the code it ended with.
const startOrEnd = async (n) => {
  await n.start({ ready: false });
  return Promise.race([n.exited, until(`node ${n.number}`,
    async () => await n.status('/readyz') === 200 || !n.running, { ms: 20000 })
    .then(() => (n.running ? 'ready' : n.exited))]);
};

test('two machines, a file each, start on an empty database at once: one, and the other is told what to do',
  { timeout: 180000 }, async () => {
    const reasons = {};
    for (let round = 0; round < 10; round++) {
      await withCluster(`machines${round}`, { nodes: 2, start: false }, async (c) => {
        const file = c.nodes.map((n) => path.join(c.dir, `machine${n.number}.key`));
        c.nodes.forEach((n, i) => { n.settings.master_key = file[i]; });
        const outcome = await Promise.all(c.nodes.map(startOrEnd));
        assert.deepEqual([...outcome].sort(), [1, 'ready'], outcome.join());
        const loser = outcome.indexOf(1), n = c.nodes[loser];
        n.wanted = false;
        const said = n.tail();
        const reason = /another node has just made the first keys/.test(said) ? 'in this moment'
          : /has keys that another node's master key has sealed/.test(said) ? 'before it looked' : said;
        reasons[reason] = (reasons[reason] || 0) + 1;
        assert.match(said, /copy (its master key file|that node's file) to .*mode 0600/);
        assert.ok(said.includes(file[loser]), said);
        assert.ok(!fs.existsSync(file[loser]), 'a file that opens nothing is not left in the way');
        fs.copyFileSync(file[1 - loser], file[loser]);
        await n.start();
        const [a, b] = await Promise.all(c.urls.map((u) => fetch(`${u}/oauth2/jwks`).then((r) => r.json())));
        assert.equal(a.keys.length, 2);
        assert.deepEqual(a, b);
      });
    }
    console.log(`# refused: ${JSON.stringify(reasons)}`);
    assert.deepEqual(Object.keys(reasons).filter((r) => !/^(in this moment|before it looked)$/.test(r)), []);
  });

test('another master key is refused at start, by its fingerprint', () =>
  withCluster('ours', { nodes: 2 }, async (ours) => {
    await withCluster('theirs', { nodes: 1 }, async (theirs) => {
      const org = await ours.cli(['org', 'create', '--name', 'Org']);
      const [, node] = ours.nodes;
      await node.stop();
      const wrong = path.join(ours.dir, 'wrong.key');
      fs.copyFileSync(theirs.master, wrong);
      fs.chmodSync(wrong, 0o600);
      const r = await ours.cliRaw(['serve'], { settings: { ...node.settings, master_key: wrong } });
      assert.equal(r.code, 1, r.stderr);
      assert.match(r.stderr, /fingerprint/);
      assert.match(r.stderr, /wrong\.key/);
      // A command makes no secret with it, either.
      const c = await ours.cliRaw(['client', 'create', '--org', org.id, '--name', 'X'], { settings: { master_key: wrong } });
      assert.equal(c.code, 1, c.stderr);
      assert.match(c.stderr, /fingerprint/);
      // A file that is not there yet is not made anew beside keys that another one sealed.
      const none = await ours.cliRaw(['serve'], { settings: { ...node.settings,
        master_key: path.join(ours.dir, 'none.key') } });
      assert.equal(none.code, 1, none.stderr);
      assert.ok(!fs.existsSync(path.join(ours.dir, 'none.key')));
      await node.start();
    });
  }));

const holder = async () => (await pg.sql('lease',
  "SELECT encode(holder, 'hex') FROM lease WHERE name = 'housekeeping'"))[0]?.[0];

test('one node sweeps; when it stops or dies another one takes over', { timeout: 180000 }, () =>
  withCluster('lease', { start: false }, async (c) => {
    const [first, ...others] = c.nodes;
    await first.start();
    const w = await makeWorld(c);
    await until('the first node holds the lease', holder, { ms: 15000 });
    const mine = await holder();
    for (const n of others) await n.start();
    for (let i = 0; i < 30; i++) {
      assert.equal(await holder(), mine, 'it stays with the first');
      await sleep(100);
    }
    assert.equal(await first.stop(), 0);
    const left = await until('another one holds it', async () => ![undefined, mine].includes(await holder()),
      { ms: 15000 });
    await first.start();
    const theirs = await holder();
    await sleep(2000);
    assert.equal(await holder(), theirs, 'it stays there');
    const pushed = await w.form(first.url, '/oauth2/par', { response_type: 'code', redirect_uri: REDIRECT,
      code_challenge: CHALLENGE, code_challenge_method: 'S256' }, w.app);
    assert.equal(pushed.status, 201, pushed.text);
    await Promise.all(others.map((n) => n.kill9()));
    const died = await until('the first node holds it again', async () => await holder() !== theirs,
      { ms: 60000, every_ms: 100 });
    assert.ok(died > 5000, 'not while the dead one could still be at work');
    await pg.sql('lease', 'UPDATE pushed_request SET exp_s = 1');
    const rows = async () => Number((await pg.sql('lease', 'SELECT count(*) FROM pushed_request'))[0][0]);
    const swept = await until('what has expired is gone', async () => await rows() === 0, { ms: 60000 });
    console.log(`# taken over ${Math.round(left)} ms after a stop, ${Math.round(died)} ms after kill -9; ` +
      `swept ${Math.round(swept)} ms later`);
    w.close();
  }));
