'use strict';
// The real server for black-box tests: starts the binary on a free port of 127.0.0.1 with a
// database of its own in a temporary directory, runs its subcommands, stops it by process id.
//
//     const p = await startPostern({ settings: { 'refresh.grace': 1 }, env: {} });
//                                 binary: another one than build/release/postern or POSTERN
//     p.url                       'http://127.0.0.1:PORT'
//     await p.cli(['org', 'create', '--name', 'N'])   the parsed answer of a subcommand (--json)
//     await p.cliRaw([...], { input })                { code, stdout, stderr }, whatever the code
//     await p.stop()              SIGTERM, waits, removes the directory; resolves to the exit code
//     await p.kill9()             SIGKILL, waits; the database stays
//     await p.restart({ settings, env })              SIGTERM if it runs, then starts on the same
//                                 port and database; settings and env are merged over the old
//     p.logLines()                every line logged so far, parsed; { text } if it is no JSON
//     p.store                     its store: p.store.sql(text) and so on (store.js)
//     p.pid p.port p.dir p.db p.masterKey p.running
//     p.processes()               its processes by name, { supervisor, signer, outbound, network:
//                                 pid }; of one process { network }
//     p.networkPid                the one that talks to clients
//
// Settings go by the environment (POSTERN_REFRESH_GRACE), so they reach the subcommands too.

const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { openStore, onPostgres } = require('./store.js');

const BINARY = path.resolve(
  process.env.POSTERN || path.join(__dirname, '..', '..', '..', 'build', 'release', 'postern'));

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Below those that the system gives to clients: a server that starts again must find its port free,
// whatever connections others have made meanwhile.
async function freePort() {
  for (;;) {
    const port = 10000 + crypto.randomInt(22000);
    const free = await new Promise((done) => {
      const s = net.createServer();
      s.on('error', () => done(false));
      s.listen(port, '127.0.0.1', () => s.close(() => done(true)));
    });
    if (free) return port;
  }
}

// 'refresh.grace' -> POSTERN_REFRESH_GRACE
function settingsToEnv(settings) {
  const env = {};
  for (const [name, value] of Object.entries(settings || {})) {
    env['POSTERN_' + name.replace(/[.-]/g, '_').toUpperCase()] = String(value);
  }
  return env;
}

// The environment without settings of the developer's own.
function cleanEnv() {
  const env = {};
  for (const [k, v] of Object.entries(process.env)) {
    if (!k.startsWith('POSTERN')) env[k] = v;
  }
  return env;
}

const COMMS = { 'postern-signer': 'signer', 'postern-out': 'outbound', 'postern-net': 'network' };

// The processes of the server whose first one is pid, by name.
function processesOf(pid) {
  const found = {};
  for (const dir of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(dir)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${dir}/stat`, 'latin1');
      const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(parent) === pid && state !== 'Z' && COMMS[comm]) found[COMMS[comm]] = Number(dir);
    } catch {
      // it ended meanwhile
    }
  }
  return Object.keys(found).length > 0 ? { supervisor: pid, ...found } : { network: pid };
}

// A process that has ended and is not waited for counts as gone; but while one of its threads is
// still ending, its descriptors are open.
function isGone(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2)) &&
      fs.readdirSync(`/proc/${pid}/task`).length <= 1;
  } catch {
    return true;
  }
}

class Postern {
  constructor(dir, port, settings, env, binary) {
    this.dir = dir;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.store = openStore(dir);
    this.db = this.store.url;
    this.masterKey = this.store.masterKey;
    this.log = path.join(dir, 'postern.log');
    this.settings = settings || {};
    this.env = env || {};
    this.binary = binary || BINARY;
    this.child = null;
  }

  get pid() {
    return this.child ? this.child.pid : 0;
  }

  processes() {
    return this.pid ? processesOf(this.pid) : {};
  }

  get networkPid() {
    return this.processes().network || 0;
  }

  get running() {
    return this.child !== null;
  }

  // Settings of this database, for the server and for its subcommands alike.
  commandEnv() {
    return {
      ...cleanEnv(),
      ...this.store.env,
      POSTERN_LISTEN: `127.0.0.1:${this.port}`,
      ...settingsToEnv(this.settings),
    };
  }

  async start() {
    const fd = fs.openSync(this.log, 'a');
    const child = spawn(this.binary, ['serve'], {
      env: { ...this.commandEnv(), ...this.env },
      stdio: ['ignore', fd, fd],
    });
    fs.closeSync(fd);
    this.child = child;
    this.exited = new Promise((done) => {
      child.on('error', (e) => done(e));
      child.on('exit', (code, signal) => done(signal || code));
    });
    this.exited.then(() => {
      if (this.child === child) this.child = null;
    });
    await this.waitReady();
  }

  async waitReady() {
    const end = Date.now() + Number(process.env.TEST_PATIENCE_MS || 15000); // valgrind is slow
    while (Date.now() < end) {
      if (!this.child) break;
      try {
        const r = await fetch(this.url + '/readyz', { headers: { connection: 'close' } });
        await r.arrayBuffer();
        if (r.status === 200) return;
      } catch {
        // not listening yet
      }
      await sleep(20);
    }
    const log = fs.readFileSync(this.log, 'utf8').slice(-2000);
    await this.kill9();
    throw new Error(`postern did not become ready:\n${log}`);
  }

  async signal(name, patience_ms) {
    const { child, exited } = this;
    if (!child) return null;
    const pids = Object.values(this.processes());
    child.kill(name);
    const late = setTimeout(() => child.kill('SIGKILL'), patience_ms);
    const outcome = await exited;
    clearTimeout(late);
    this.child = null;
    // The kernel ends the others with the first one, but a moment later.
    while (!pids.every(isGone)) await sleep(2);
    return outcome;
  }

  async stop() {
    const outcome = await this.signal('SIGTERM', 20000);
    if (!process.env.POSTERN_KEEP) this.remove();
    return outcome;
  }

  remove() {
    this.store.drop();
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  kill9() {
    return this.signal('SIGKILL', 20000);
  }

  async restart(change = {}) {
    await this.signal('SIGTERM', 20000);
    this.settings = { ...this.settings, ...change.settings };
    this.env = { ...this.env, ...change.env };
    await this.start();
  }

  cliRaw(args, { input = '', env = {}, binary = this.binary } = {}) {
    return new Promise((done, failed) => {
      const child = spawn(binary, args, {
        env: { ...this.commandEnv(), ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const out = { stdout: '', stderr: '' };
      child.stdout.on('data', (d) => { out.stdout += d; });
      child.stderr.on('data', (d) => { out.stderr += d; });
      child.stdin.on('error', () => {});
      child.on('error', failed);
      child.on('close', (code) => done({ code, ...out }));
      child.stdin.end(input);
    });
  }

  async cli(args, options) {
    const r = await this.cliRaw([...args, '--json'], options);
    if (r.code !== 0) {
      const e = new Error(`postern ${args.join(' ')}: exit ${r.code}: ${r.stderr.trim()}`);
      e.code = r.code;
      throw e;
    }
    return r.stdout.trim() === '' ? null : JSON.parse(r.stdout);
  }

  logLines() {
    const lines = fs.readFileSync(this.log, 'utf8').split('\n').filter((l) => l !== '');
    return lines.map((text) => {
      try {
        return JSON.parse(text);
      } catch {
        return { text };
      }
    });
  }
}

async function startPostern({ settings, env, binary } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-'));
  const p = new Postern(dir, await freePort(), settings, env, binary);
  try {
    await p.start();
  } catch (e) {
    p.remove();
    throw e;
  }
  return p;
}

// An organization with groups and a client that may use the Twine dialect.
//   groups: names of the groups to make; named: give the client these by name, else all groups.
// Groups come back in order of id, which is the order of lists, but not that of making: ids of
// one second are ordered only within one process.
async function makeTwineClient(p, { org, groups = ['Patients Lead'], named = true,
  scope = 'group organization', extra = [] } = {}) {
  const organization = org || await p.cli(['org', 'create', '--name', 'Health Partners']);
  const made = [];
  for (const name of groups) {
    made.push(await p.cli(['group', 'create', '--org', organization.id, '--name', name]));
  }
  made.sort((a, b) => (a.id < b.id ? -1 : 1));
  const reach = named ? made.flatMap((g) => ['--group', g.id]) : ['--all-groups'];
  const client = await p.cli(['client', 'create', '--org', organization.id, '--name', 'App',
    '--grant', 'client_credentials', '--grant', 'refresh_token', '--scope', scope,
    ...reach, ...extra]);
  return { organization, groups: made, client, id: client.client_id, secret: client.client_secret };
}

// One or more responses out of raw bytes. Interim (1xx) answers are responses of their own.
function splitResponses(text) {
  const list = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return list;
    const [first, ...lines] = rest.slice(0, end).split('\r\n');
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    const status = Number(first.split(' ')[1]);
    const n = Number(headers['content-length'] || 0);
    if (rest.length < end + 4 + n) return list;
    list.push({ status, headers, body: rest.slice(end + 4, end + 4 + n) });
    rest = rest.slice(end + 4 + n);
  }
}

// Sends bytes as they are over a connection of their own. Resolves when `responses` answers have
// come, the peer has closed, or after timeout_ms: { responses, text, closed }.
// Latin-1 in both directions: one character is one byte.
function rawRequest(p, bytes, { responses = 1, timeout_ms = 5000, untilClose = false } = {}) {
  return new Promise((done) => {
    const socket = net.connect(p.port, '127.0.0.1');
    let text = '';
    let over = false;
    const finish = (closed) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      socket.destroy();
      done({ responses: splitResponses(text), text, closed });
    };
    const timer = setTimeout(() => finish(false), timeout_ms);
    socket.setEncoding('latin1');
    socket.on('data', (d) => {
      text += d;
      if (!untilClose && splitResponses(text).length >= responses) finish(false);
    });
    socket.on('error', () => finish(true));
    socket.on('end', () => finish(true));
    socket.on('close', () => finish(true));
    socket.write(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1'));
  });
}

module.exports = { startPostern, makeTwineClient, rawRequest, splitResponses, freePort, sleep,
  processesOf, isGone, onPostgres, BINARY };
