'use strict';
// The same server on PostgreSQL: instructions of a JWT request against SQLite's, and durable Twine
// pairs against what pgbench reaches with the same row.
//
// Instructions are counted by callgrind, which does not care what else the machine does: two runs of
// different length, their difference divided by the difference in requests. Rows are compared in
// turns: pgbench inserts with 64 clients, a transaction each, then 128 connections ask Postern for
// pairs; the ratio is the median of the rounds' ratios. PostgreSQL is as durable as it comes.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { run, wrk, median } = require('./measure');
const { postern, POSTERN, ROOT, freePort, cleanEnv, sleep } = require('./servers');
const { Store, makeBase } = require('./store');
const { requests } = require('./scenarios');

const CLIENTS = 64; // of pgbench
const CONNECTIONS = 128; // of Postern: a server has more clients than its database
const SCRIPT = path.join(ROOT, 'script', 'postgres');

// A database of its own; its key file lies in the folder.
class SharedStore extends Store {
  constructor(folder, cluster, name) {
    super(folder, name);
    this.url = cluster.url(name);
  }

  async cli(args, input) {
    const text = await run([POSTERN, ...args, '--db', this.url, '--master-key', this.key, '--json'],
      { env: cleanEnv(), input });
    return JSON.parse(text);
  }
}

class Cluster {
  constructor(folder) {
    // A socket's path is short, and the server's user must be able to reach it.
    this.dir = fs.mkdtempSync('/tmp/postern-bench-');
    this.folder = folder;
  }

  async start(...settings) {
    await run([SCRIPT, 'start', this.dir, '0', ...settings]);
    return this;
  }

  url(database) {
    return `postgresql:///${database}?host=${encodeURIComponent(this.dir)}&user=postern`;
  }

  // The environment by which psql and pgbench find it.
  get env() {
    return { ...cleanEnv(), PGHOST: this.dir, PGUSER: 'postern' };
  }

  async database(name) {
    await run(['psql', '-q', '-d', 'postgres', '-c', `CREATE DATABASE ${name}`], { env: this.env });
    const store = new SharedStore(this.folder, this, name);
    await store.cli(['migrate']);
    return store;
  }

  async remove() {
    await run([SCRIPT, 'remove', this.dir]);
  }
}

// ---- instructions ----

const get = (port, agent, request) => new Promise((done, failed) => {
  const r = http.request({ port, host: '127.0.0.1', agent, method: request.method,
    path: request.path, headers: { 'content-type': request.type, authorization: request.auth,
      'content-length': Buffer.byteLength(request.body) } }, (res) => {
    let text = '';
    res.on('data', (d) => { text += d; });
    res.on('end', () => (request.looks(text, res.statusCode) ? done()
      : failed(new Error(`${res.statusCode}: ${text}`))));
  });
  r.on('error', failed);
  r.end(request.body);
});

async function untilReady(port, child) {
  for (let i = 0; i < 600 && child.exitCode === null; i++) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).then((r) => r.ok, () => false);
    if (ready) return;
    await sleep(100);
  }
  throw new Error('the server under callgrind did not become ready');
}

// What all threads together executed from start to end while n requests were answered.
async function instructions(store, request, n) {
  const port = await freePort();
  const out = path.join(store.folder, 'callgrind.out');
  const child = spawn('valgrind', ['--tool=callgrind', `--callgrind-out-file=${out}`, POSTERN,
    'serve', '--db', store.url, '--master-key', store.key, '--listen', `127.0.0.1:${port}`,
    '--issuer', 'http://127.0.0.1', '--set', 'workers=1'],
  { env: cleanEnv(), stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (d) => { said += d; });
  const ended = new Promise((done) => child.on('exit', done));
  await untilReady(port, child);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < n; i++) await get(port, agent, request);
  agent.destroy();
  child.kill('SIGTERM');
  await ended;
  fs.rmSync(out, { force: true });
  const count = /Collected : (\d+)/.exec(said);
  if (!count) throw new Error(`callgrind said: ${said.slice(-500)}`);
  return Number(count[1]);
}

async function perRequest(store, request, few, many) {
  const less = await instructions(store, request, few);
  return (await instructions(store, request, many) - less) / (many - few);
}

// ---- durable rows ----

// As token_put writes it (src/store/token.c), with a key that ascends as its ids do.
const HASH = "'\\x" + 'c0ffee00'.repeat(8) + "'";
const ROW = `\\set n random(1, 9000000000000000000)
INSERT INTO token (locator, id, grant_id, client_id, scope, spelling, shape, dialect, epoch,
issued_s, access_exp_s, refresh_exp_s, family_exp_s, access_hash, refresh_hash, spent_s, exp_s,
is_user, resources) VALUES
((extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1024 + :n::bigint % 1024,
int8send(:n::bigint) || '\\x00000001', int8send(:n::bigint) || '\\x00000001',
'\\x00112233445566778899aabbccddeeff', 'group organization', 0, 0, 2, 1, 1700000000, 1700003600,
1702592000, 1702592000, ${HASH}, ${HASH}, 0, 4102444800, 0, NULL) ON CONFLICT DO NOTHING;
`;

async function pgbench(cluster, database, seconds) {
  const file = path.join(cluster.folder, 'row.sql');
  fs.writeFileSync(file, ROW);
  const text = await run(['pgbench', '-n', '-M', 'prepared', '-c', String(CLIENTS), '-j', '2', '-T',
    String(seconds), '-f', file, database], { env: cluster.env });
  const tps = /^tps = ([\d.]+)/m.exec(text);
  if (!tps) throw new Error(`pgbench said: ${text}`);
  return Number(tps[1]);
}

async function pairs(server, request, seconds) {
  const r = await wrk(server.url, request, { connections: CONNECTIONS, seconds, cores: 'all' });
  server.emptyLog();
  return r.good / r.us * 1e6;
}

async function compareRows(cluster, store, base, { rounds, seconds }) {
  const server = await (await postern(store, 'shared', { workers: 0, bench: false,
    more: ['--master-key', store.key] })).start();
  const request = requests(base, {}).twine_pair;
  const m = { rows: [], pairs: [] };
  await pairs(server, request, 1);
  for (let i = 0; i < rounds; i++) {
    m.rows.push(await pgbench(cluster, store.name, 2 * seconds)); // connecting takes a part of it
    m.pairs.push(await pairs(server, request, 2 * seconds));
  }
  await server.stop();
  return { rows: median(m.rows), pairs: median(m.pairs),
    ratio: median(m.pairs.map((p, i) => p / m.rows[i])) };
}

// { sqlite, postgresql } instructions per JWT; { rows, pairs, ratio } a second.
async function onPostgres(folder, { rounds, seconds, quick }) {
  const cluster = await new Cluster(folder).start();
  try {
    const store = await cluster.database('bench');
    const base = await makeBase(folder, store);
    const own = path.join(folder, 'alone');
    fs.mkdirSync(own);
    const alone = await makeBase(own);
    const [few, many] = quick ? [100, 600] : [500, 4500];
    return {
      ...await compareRows(cluster, store, base, { rounds, seconds }),
      sqlite: await perRequest(alone.store, requests(alone, {}).cc_jwt, few, many),
      postgresql: await perRequest(store, requests(base, {}).cc_jwt, few, many),
    };
  } finally {
    await cluster.remove();
  }
}

module.exports = { onPostgres, Cluster };
