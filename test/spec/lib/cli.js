'use strict';
// For tests of the subcommands: runs the binary (POSTERN, or build/release/postern) on a store of
// its own.
//
//     fresh() ... remove()               a new directory, work.dir, and in it work.store, which
//                                        does not exist yet (PostgreSQL: an empty database)
//     run(args, { input, env })          { code, out, err }
//     json(args)                         the parsed --json answer; asserts exit 0
//     refused(code, text, args)          asserts exit code, one line on stderr, nothing on stdout
//     await serve(args, env)             a running server: { url, port, child, log(), stop() }

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { freePort } = require('../../interop/lib/postern.js');
const { openStore, onPostgres } = require('../../interop/lib/store.js');

const ROOT = path.join(__dirname, '..', '..', '..');
const BINARY = path.resolve(
  process.env.POSTERN || path.join(ROOT, 'build', 'release', 'postern'));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ID = /^[0-9a-f]{24}$/;
const TIME = /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const work = { dir: null, store: null };

function environment(extra = {}) {
  const env = {};
  for (const [k, v] of Object.entries(process.env)) {
    if (!k.startsWith('POSTERN') && k !== 'CREDENTIALS_DIRECTORY') env[k] = v;
  }
  return { ...env, ...work.store.env, ...extra };
}

function run(args, { input = '', env = {}, cwd = work.dir } = {}) {
  const r = spawnSync(BINARY, args, { input, env: environment(env), cwd, encoding: 'utf8',
    timeout: Number(process.env.TEST_PATIENCE_MS || 60000), maxBuffer: 1 << 28 });
  if (r.error) throw r.error;
  return { code: r.status, signal: r.signal, out: r.stdout, err: r.stderr };
}

// Runs with --json and expects success.
function json(args, options) {
  const r = run([...args, '--json'], options);
  assert.equal(r.code, 0, `postern ${args.join(' ')}: ${r.err}`);
  return JSON.parse(r.out);
}

// Expects that exit code, nothing on stdout and that text on stderr.
function refused(code, text, args, options) {
  const r = run(args, options);
  assert.equal(r.code, code, `postern ${args.join(' ')}: exit ${r.code}: ${r.err}`);
  assert.equal(r.out, '');
  assert.match(r.err, /^postern: .+\n$/);
  if (text instanceof RegExp) assert.match(r.err, text);
  else assert.ok(r.err.includes(text), `${JSON.stringify(r.err)} lacks ${JSON.stringify(text)}`);
  return r;
}

function fresh() {
  work.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-cli-'));
  work.store = openStore(work.dir, 'p.db');
}

function remove() {
  work.store.drop();
  fs.rmSync(work.dir, { recursive: true, force: true });
}

const org = (name = 'Acme') => json(['org', 'create', '--name', name]);
const group = (o, name = 'Team') => json(['group', 'create', '--org', o.id, '--name', name]);
const client = (o, ...more) =>
  json(['client', 'create', '--org', o.id, '--name', 'App', ...more]);

// A running server: { url, port, log(), stop() }.
async function serve(args = [], env = {}) {
  const port = await freePort();
  const child = spawn(BINARY, ['serve', '--listen', `127.0.0.1:${port}`, ...args],
    { env: environment(env), cwd: work.dir, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8');
  const exited = new Promise((done) => child.on('exit', (code, signal) => done(signal || code)));
  await new Promise((done, failed) => {
    child.stderr.on('data', (d) => {
      log += d;
      if (log.includes('"event":"ready"')) done();
    });
    child.on('exit', () => failed(new Error(`postern serve ended: ${log}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    child,
    log: () => log,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return exited;
    },
  };
}

async function token(server, c, secret = c.client_secret) {
  const r = await fetch(`${server.url}/oauth2/token`, {
    method: 'POST',
    headers: {
      authorization: 'Basic ' + Buffer.from(`${c.client_id}:${secret}`).toString('base64'),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials',
  });
  return { status: r.status, body: await r.json() };
}

async function active(server, c, accessToken) {
  const r = await fetch(`${server.url}/oauth2/introspect`, {
    method: 'POST',
    headers: {
      authorization: 'Basic ' + Buffer.from(`${c.client_id}:${c.client_secret}`).toString('base64'),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ token: accessToken }).toString(),
  });
  return (await r.json()).active;
}

async function eventually(what, condition) {
  const end = Date.now() + 10000;
  while (Date.now() < end) {
    if (await condition()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`did not happen: ${what}`);
}

module.exports = { ROOT, BINARY, UUID, ID, TIME, SECRET, work, environment, run, json, refused,
  fresh, remove, org, group, client, freePort, serve, token, active, eventually, onPostgres };
