'use strict';
// An upgrade while servers run: postern_next knows one migration more, after which this version goes
// on; postern_later one more, after which it may not (Makefile; test/spec/schema_next, schema_later).
// The tests are steps on one store, in this order.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { startPostern, sleep, BINARY } = require('../interop/lib/postern.js');
const { openStore } = require('../interop/lib/store.js');
const { request } = require('../interop/lib/twine.js');
const { basic } = require('./lib/shape.js');

const binary = (name) => path.join(path.dirname(BINARY), name);
const NEXT = binary('postern_next'), LATER = binary('postern_later');

let a, b; // two servers of this version on one store
let next; // and one of the next, when there is one
let client, load;

function beside(program) {
  return startPostern({ binary: program, settings: { db: a.db, master_key: a.masterKey, issuer: a.url } });
}

before(async () => {
  a = await startPostern();
  b = await beside(BINARY);
  const org = await a.cli(['org', 'create', '--name', 'O']);
  const make = (name, ...more) => a.cli(['client', 'create', '--org', org.id, '--name', name, ...more]);
  const twine = await make('Twine', '--all-groups');
  const machine = await make('Machine', '--grant', 'client_credentials', '--introspect', 'organization');
  client = { org, twine, machine, authorization: basic(machine.client_id, machine.client_secret) };
  load = new Load(a);
});
after(async () => {
  await load.stop();
  for (const p of [next, b, a]) await p?.stop();
});

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const standard = (p, target, body) => request(p, 'POST', target,
  { headers: { ...FORM, authorization: client.authorization }, body });
const twine = (p, attributes) => request(p, 'POST', '/pub/oauth/token', {
  headers: { 'content-type': 'application/json', accept: 'application/json' },
  body: JSON.stringify({ client_id: client.twine.client_id, ...attributes }) });

function won(r) {
  assert.equal(r.status, 200, r.text);
  return r.json;
}

const newJwt = async (p) =>
  won(await standard(p, '/oauth2/token', 'grant_type=client_credentials')).access_token;
const newPair = async (p) => won(await twine(p,
  { grant_type: 'client_credentials', client_secret: client.twine.client_secret }));
const refreshed = async (p, pair) => won(await twine(p,
  { grant_type: 'refresh_token', refresh_token: pair.refresh_token }));
const active = async (p, token) => won(await standard(p, '/oauth2/introspect', `token=${token}`)).active;

// One of each kind again and again; the first answer that is not right ends it, and stop() fails.
class Load {
  constructor(p) {
    this.rounds = 0;
    this.running = true;
    this.done = this.run(p).catch((e) => { this.error = e; });
  }

  async run(p) {
    while (this.running) {
      const jwt = await newJwt(p), pair = await newPair(p);
      const second = await refreshed(p, pair);
      for (const token of [jwt, second.access_token]) assert.equal(await active(p, token), true);
      this.rounds++;
      await sleep(5);
    }
  }

  // Some more rounds from here on, without a failure.
  async goesOn() {
    const from = this.rounds;
    for (let i = 0; i < 3000 && !this.error && this.rounds < from + 5; i++) await sleep(10);
    if (this.error) throw this.error;
    assert.ok(this.rounds >= from + 5, `${this.rounds - from} rounds in 30 s`);
  }

  async stop() {
    this.running = false;
    await this.done;
    if (this.error) throw this.error;
  }
}

// A command of another version on the same store: { code, stdout, stderr }.
const runAs = (program, args) => a.cliRaw(args, { binary: program });

async function ok(program, args) {
  const r = await runAs(program, args);
  assert.equal(r.code, 0, r.stderr);
  return r.stdout;
}

test('migrate --plan says what would run, on how much, and that servers go on', async () => {
  await load.goesOn();
  const rows = a.store.sql('SELECT * FROM client ORDER BY id');
  const text = await ok(NEXT, ['migrate', '--plan']);
  assert.match(text, /9001 synthetic\n +Nodes of the present version may go on during and after it\./);
  assert.match(text, /ALTER TABLE client ADD COLUMN synthetic BIGINT NOT NULL DEFAULT 7\n +-- client: 2 rows\n/);
  assert.match(text, /CREATE INDEX token_synthetic ON token .*\n +-- token: \d+ rows\n/);
  const plan = JSON.parse(await ok(NEXT, ['migrate', '--plan', '--json']));
  const missing = plan.filter((m) => m.state === 'missing');
  assert.deepEqual(missing.map((m) => [m.number, m.serves, m.nodes_go_on]), [[9001, 4, true]]);
  assert.deepEqual(missing[0].statements.map((s) => s.table), ['client', 'token', 'token']);
  assert.ok(missing[0].statements[1].rows >= load.rounds, 'each round leaves rows');
  assert.equal(a.store.sql('SELECT * FROM client ORDER BY id'), rows, 'nothing was changed');
});

test('until it is migrated, the next version asks for that', async () => {
  const r = await runAs(NEXT, ['serve']);
  assert.equal(r.code, 1, r.stderr);
  assert.match(r.stderr, /has schema version \d+, this program needs 9001; run: postern migrate --db /);
});

test('postern migrate under load: no request fails', async () => {
  const before_s = await newPair(a);
  await ok(NEXT, ['migrate']);
  assert.match(await ok(NEXT, ['migrate', '--plan']), /9001 +applied +synthetic/);
  await load.goesOn();
  assert.equal(a.store.sql('SELECT DISTINCT synthetic FROM client'), '7');
  await refreshed(b, before_s);
});

test('this version starts on the newer store, and its commands work', async () => {
  await b.restart();
  await load.goesOn();
  const made = await b.cli(['client', 'create', '--org', client.org.id, '--name', 'After']);
  assert.equal((await b.cli(['client', 'show', made.client_id])).name, 'After');
  assert.equal((await b.cli(['client', 'update', made.client_id, '--name', 'Renamed'])).name, 'Renamed');
  assert.ok((await b.cli(['client', 'list', '--org', client.org.id])).some((c) => c.name === 'Renamed'));
  await b.cli(['key', 'rotate']);
  await b.cli(['key', 'list']);
  const check = await b.cliRaw(['check']);
  assert.equal(check.code, 0, check.stdout);
  assert.match(check.stdout, /ok +store .*version 9001/);
  assert.match(await ok(BINARY, ['migrate']), /9001/); // nothing to do
  await b.cli(['client', 'delete', made.client_id]);
});

test('beside a server of the next version, tokens of each are good at the other', async () => {
  const theirs = [await newJwt(b), (await newPair(b)).access_token];
  const pair = await newPair(b);
  next = await beside(NEXT);
  for (const token of theirs) assert.equal(await active(next, token), true);
  const there = await refreshed(next, pair);
  const back = await refreshed(b, there);
  for (const token of [await newJwt(next), (await newPair(next)).access_token, back.access_token]) {
    assert.equal(await active(b, token), true);
  }
  // What one of them is told, the other hears.
  const ended = await newJwt(next);
  won(await standard(next, '/oauth2/revoke', `token=${ended}`));
  assert.equal(await active(next, ended), false, 'at once');
  for (let ms = 0; await active(b, ended); ms += 20) {
    assert.ok(ms < 2000, 'a revoked token is good at the other');
    await sleep(20);
  }
  await load.goesOn();
});

test('a backup by either version has the new column; the next one restores it, this one says no', async () => {
  const dir = a.dir, key = path.join(dir, 'backup.key');
  fs.writeFileSync(key, `${'00112233445566778899aabbccddeeff'.repeat(2)}\n`, { mode: 0o600 });
  a.store.sql(`UPDATE client SET synthetic = 8 WHERE name = 'Twine'`);
  for (const from of [BINARY, NEXT]) {
    const file = path.join(dir, `${path.basename(from)}.backup`);
    const store = openStore(dir, `${path.basename(file)}.db`);
    try {
      await ok(from, ['backup', file, '--key-file', key]);
      const restore = ['restore', file, '--key-file', key, '--db', store.url, '--master-key', a.masterKey];
      const r = await runAs(BINARY, restore);
      assert.equal(r.code, 1, r.stdout);
      assert.match(r.stderr, /has schema version 9001, this program knows up to \d+; nothing was changed/);
      await ok(NEXT, restore);
      assert.equal(store.sql('SELECT name, synthetic FROM client ORDER BY name'), 'Machine|7\nTwine|8');
    } finally {
      store.drop();
    }
  }
});

test('where this version may not go on it says so: the running server goes on, none starts', async () => {
  const plan = await ok(LATER, ['migrate', '--plan']);
  assert.match(plan, /9002 breaking\n +Stop the nodes of the present version first: after it, only programs that know version 9002 may use the store\./);
  await ok(LATER, ['migrate']);
  await load.goesOn();
  await b.signal('SIGTERM', 20000);
  for (const [program, known] of [[BINARY, '\\d+'], [NEXT, '9001']]) {
    for (const args of [['serve'], ['client', 'list', '--org', client.org.id], ['migrate']]) {
      const r = await runAs(program, args);
      assert.equal(r.code, 1, `${args}: ${r.stdout}${r.stderr}`);
      assert.match(r.stderr, new RegExp(`schema version 9002, this program knows up to ${known}[;:] ` +
        'install the postern that made it, or a later one'));
    }
  }
  await load.goesOn();
});

test('nothing failed in all that time', async () => {
  await load.stop();
  assert.ok(load.rounds >= 30, `${load.rounds} rounds`);
  for (const p of [a, b, next]) {
    assert.deepEqual(p.logLines().filter((l) => ['error', 'fatal'].includes(l.level)), []);
  }
});
