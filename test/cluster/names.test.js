'use strict';
// PostgreSQL by the names of its hosts, which the outbound process looks up, and by TLS: the name of
// the URL is what the certificate is judged by, although libpq is given an address.

const { test, before, after, afterEach } = require('node:test');
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { startPostern, makeTwineClient, sleep } = require('../interop/lib/postern.js');
const { startPostgres } = require('./lib/postgres.js');
const { freePort, until } = require('./lib/run.js');

let dir;
let pg;
let p;

const file = (name) => path.join(dir, name);

function openssl(...args) {
  execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
}

function makeAuthority(name) {
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days',
    '2', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`);
}

function makeCertificate(authority, host) {
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
    `/CN=${host}`, '-keyout', 'server.key', '-out', 'server.csr');
  fs.writeFileSync(file('names'), `subjectAltName=DNS:${host}\n`);
  openssl('x509', '-req', '-in', 'server.csr', '-CA', `${authority}.pem`, '-CAkey',
    `${authority}.key`, '-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'server.pem');
  fs.chmodSync(file('server.key'), 0o600);
  // PostgreSQL runs as nobody when root starts it.
  if (process.getuid() === 0) execFileSync('chown', ['nobody', file('server.key')]);
}

before(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-names-'));
  fs.chmodSync(dir, 0o755);
  makeAuthority('ours');
  makeAuthority('theirs');
  makeCertificate('ours', 'localhost');
  pg = await startPostgres({ settings: ['fsync=off', 'ssl=on', `ssl_cert_file=${file('server.pem')}`,
    `ssl_key_file=${file('server.key')}`] });
});
after(async () => {
  await pg.remove();
  fs.rmSync(dir, { recursive: true });
});
afterEach(async () => {
  if (p) await p.stop();
  p = null;
});

const url = (hosts, name, authority = 'ours') => `postgresql://postern@${hosts}/${name}?sslmode=`
  + `verify-full&sslrootcert=${file(`${authority}.pem`)}`;

async function start(hosts, name) {
  await pg.database(name);
  p = await startPostern({ settings: { db: url(hosts, name), master_key: file(`${name}.master`),
    'db.timeout_ms': '2000' } });
  return makeTwineClient(p, { groups: [], named: false, extra: ['--token-format', 'opaque'] });
}

// A token is a row: it is there only if the store was reached.
async function status(c) {
  const r = await fetch(`${p.url}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${c.id}:${c.secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return r.status;
}

// Every connection to that database: is it by TLS?
const connections = (name) => pg.sql(name, 'SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a '
  + `USING (pid) WHERE a.datname = '${name}' AND a.pid <> pg_backend_pid()`);

const ends = (name) => p.logLines().filter((l) => l.event === 'process' && l.process === name);

test('a name, verified by TLS, and again after connections were lost and the outbound process was '
  + 'killed', async () => {
  const c = await start(`localhost:${pg.port}`, 'named');
  assert.equal(await status(c), 200);
  const open = await connections('named');
  assert.ok(open.length >= 2, 'nobody is connected');
  assert.ok(open.every(([ssl]) => ssl === 't'), 'not every connection is by TLS');

  const { outbound, network } = p.processes();
  process.kill(outbound, 'SIGKILL');
  assert.equal(await status(c), 200, 'a connection that stands needs no name');
  await until('another outbound process', async () => (p.processes().outbound || outbound) !== outbound);
  await pg.kill9();
  await pg.start();
  await until('a token over new connections', async () => (await status(c)) === 200);
  assert.ok((await connections('named')).every(([ssl]) => ssl === 't'));
  assert.equal(ends('outbound').length, 1);
  assert.equal(p.processes().network, network, 'the network process went on');
});

test('the outbound process is killed while the network process waits for a connection', async () => {
  const c = await start(`localhost:${pg.port}`, 'waits');
  await pg.kill9();
  for (let i = 0; i < 3; i++) {
    const { outbound } = p.processes();
    if (outbound) process.kill(outbound, 'SIGKILL');
    await sleep(200);
  }
  await pg.start();
  await until('a token', async () => (await status(c)) === 200);
  assert.ok(ends('outbound').length >= 2);
  assert.equal(ends('network').length, 0);
});

test('of several hosts, one without an address and one where nobody listens are passed over', async () => {
  const c = await start(`nobody.invalid:${pg.port},localhost:${await freePort()},localhost:${pg.port}`,
    'several');
  assert.equal(await status(c), 200);
  await pg.sql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'several'");
  await until('a token over new connections', async () => (await status(c)) === 200);
});

test('a certificate of another authority, or for another name, is refused', async () => {
  await pg.database('refused');
  const refusal = async (db) => {
    await assert.rejects(async () => {
      p = await startPostern({ settings: { db, master_key: file('refused.master') } });
    }, (e) => {
      assert.match(e.message, /certificate/);
      return true;
    });
  };
  await refusal(url(`localhost:${pg.port}`, 'refused', 'theirs'));
  await refusal(url(`127.0.0.1:${pg.port}`, 'refused'));
});
