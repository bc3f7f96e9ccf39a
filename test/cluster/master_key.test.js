'use strict';
// A new master key while nodes run that have a file each (postern key rotate --master): at no step
// does a node lose the keys of the store, whichever line of its file it seals by.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { startPostgres } = require('./lib/postgres.js');
const { startCluster } = require('./lib/nodes.js');
const { makeWorld } = require('./lib/world.js');
const { until } = require('./lib/run.js');

let pg, c, w, file;
before(async () => {
  pg = await startPostgres({ settings: ['fsync=off'] });
  c = await startCluster({ nodes: 3, start: false, db: await pg.database('master'),
    settings: { 'jwks.max_age': 1 } });
  file = c.nodes.map((n) => path.join(c.dir, `node${n.number}.key`));
  c.nodes.forEach((n, i) => { n.settings.master_key = file[i]; });
  await c.nodes[0].start();
  for (const i of [1, 2]) {
    copy(0, i);
    await c.nodes[i].start();
  }
  w = await makeWorld(c);
});
after(async () => {
  w?.close();
  await c?.stop();
  await pg?.remove();
});

const copy = (from, to) => fs.copyFileSync(file[from], file[to]);
const lines = (i) => fs.readFileSync(file[i], 'utf8').trim().split('\n');
const on = (i, args) => c.cli(args, { settings: { master_key: file[i] } });
const rawOn = (i, args) => c.cliRaw(args, { settings: { master_key: file[i] } });

async function published(url, kid) {
  const { json } = await w.get(url, '/oauth2/jwks');
  return json.keys.some((k) => k.kid === kid);
}

// Commands at each node make keys that every node takes up; each may be restarted.
async function allWell(step) {
  for (const i of [0, 1, 2]) {
    const { kid } = await on(i, ['key', 'rotate', '--now']);
    for (const url of c.urls) {
      await until(`${step}: ${url} has the key that node ${i + 1} made`, () => published(url, kid));
    }
    assert.equal((await rawOn(i, ['check'])).code, 0, step);
  }
  for (const n of c.nodes) {
    await n.restart();
    const token = await w.token(n.url, w.jwt);
    assert.equal(token.status, 200, `${step}: ${token.text}`);
    for (const url of c.urls) {
      const r = await w.introspect(url, token.json.access_token);
      assert.equal(r.json?.active, true, `${step}: ${r.text}`);
    }
  }
  for (const n of c.nodes) assert.ok(!n.lines().some((l) => /could not be read/.test(l.message)), n.tail());
}

test('in two runs, every node at every step', { timeout: 180000 }, async () => {
  await allWell('before');
  const [old] = lines(0);
  const first = await rawOn(0, ['key', 'rotate', '--master', '--json']);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /copy the file to every node, then run the same command again/);
  const begun = JSON.parse(first.stdout);
  assert.deepEqual([begun.finished, begun.resealed, begun.file], [false, 0, file[0]]);
  const [kept, fresh] = lines(0);
  assert.equal(kept, old, 'the old key goes on to seal');
  assert.match((await rawOn(0, ['check'])).stdout, /warn +master key .*when every node has this file/);
  await allWell('the others do not have the new key yet');
  copy(0, 1);
  await allWell('one has it');
  copy(0, 2);

  const second = await rawOn(0, ['key', 'rotate', '--master', '--json']);
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stderr, /copy the file to the other nodes when convenient/);
  const done = JSON.parse(second.stdout);
  assert.deepEqual([done.finished, done.fingerprint], [true, begun.fingerprint]);
  assert.ok(done.resealed > 5, `${done.resealed} keys`);
  assert.deepEqual(lines(0), [fresh]);
  assert.deepEqual(lines(1), [old, fresh]);
  await allWell('two still have both');
  copy(0, 1);
  await allWell('one still has both');

  // The one that kept both may finish its own file.
  const own = await on(2, ['key', 'rotate', '--master']);
  assert.deepEqual([own.finished, own.fingerprint], [true, begun.fingerprint]);
  assert.deepEqual(lines(2), [fresh]);
  await allWell('after');
});

test('a node that was forgotten goes on, says what it lacks, and is well when it gets the file', { timeout: 60000 }, async () => {
  const [, , forgotten] = c.nodes;
  await on(0, ['key', 'rotate', '--master']);
  copy(0, 1);
  await on(0, ['key', 'rotate', '--master']);
  const says = (l) => /keys changed, but could not be read: .*fingerprint .*node3\.key/.test(l.message);
  await until('it says so', () => forgotten.lines().some(says));
  const token = await w.token(forgotten.url, w.jwt);
  assert.equal(token.status, 200, token.text);
  for (const url of c.urls) {
    assert.equal((await w.introspect(url, token.json.access_token)).json?.active, true);
  }
  // Its file seals nothing that the others could not open.
  const refused = await rawOn(2, ['key', 'rotate', '--now']);
  assert.equal(refused.code, 1, refused.stdout);
  assert.match(refused.stderr, /fingerprint/);
  copy(0, 2);
  const { kid } = await on(2, ['key', 'rotate', '--now']);
  for (const url of c.urls) await until(`${url} has the key`, () => published(url, kid));
});
