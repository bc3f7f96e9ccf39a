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
  for (let round = 0; round < 4; round++) {
    await withCluster(`empty${round}`, { start: false }, async (c) => {
      await Promise.all(c.nodes.map((n) => n.start()));
      const w = await makeWorld(c);
      const keys = await Promise.all(c.urls.map((u) => w.get(u, '/oauth2/jwks')));
      assert.equal(keys[0].json.keys.length, 2, 'ES256 and RS256, once');
      for (const k of keys) assert.equal(k.text, keys[0].text);
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
