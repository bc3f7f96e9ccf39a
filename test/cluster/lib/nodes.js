'use strict';
// Postern nodes on one database and one master key file.
//
//     const c = await startCluster({ db, nodes: 3, settings, nodeSettings: [{}, ...], env: [{}, ...] });
//     c.nodes[0].url port pid log running
//     await c.nodes[0].kill9(), .stop(), .start(), .restart({ settings, env })
//     await c.cli(['org', 'create', ...], { input })      a command on the same database, parsed
//     await c.stop()                                      all of them, and the files
//
// `db` is a URL, or one for each node (relays). The issuer is `issuer`, or the first node's address.
// A node that ends by itself, or whose log has a fatal line, is a failure that stop() reports.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ROOT, freePort, sleep } = require('./run.js');

const BINARY = path.resolve(process.env.POSTERN || path.join(ROOT, 'build', 'release', 'postern'));

// The environment without settings of the developer's own.
function cleanEnv() {
  return Object.fromEntries(Object.entries(process.env).filter(([k]) => !/^(POSTERN|PG)/.test(k)));
}

// 'refresh.grace' -> POSTERN_REFRESH_GRACE
function settingsToEnv(settings) {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) =>
    ['POSTERN_' + name.replace(/[.-]/g, '_').toUpperCase(), String(value)]));
}

class Node {
  constructor(number, port, settings, env, log) {
    Object.assign(this, { number, port, settings, env, log, child: null, wanted: false });
    this.url = `http://127.0.0.1:${port}`;
  }

  get pid() {
    return this.child ? this.child.pid : 0;
  }

  get running() {
    return this.child !== null;
  }

  // Starts it and waits until /readyz says 200. `ready` false: returns at once.
  async start({ ready = true } = {}) {
    const fd = fs.openSync(this.log, 'a');
    const child = spawn(BINARY, ['serve'], {
      env: { ...cleanEnv(), ...settingsToEnv(this.settings), ...this.env },
      stdio: ['ignore', fd, fd],
    });
    fs.closeSync(fd);
    Object.assign(this, { child, wanted: true, outcome: undefined });
    this.exited = new Promise((done) => {
      child.on('error', (e) => done(e));
      child.on('exit', (code, signal) => done(signal || code));
    });
    this.exited.then((outcome) => {
      if (this.child === child) Object.assign(this, { child: null, outcome });
    });
    if (ready) await this.ready();
  }

  async status(target, timeout_ms = 3000) {
    try {
      const r = await fetch(this.url + target, { headers: { connection: 'close' },
        signal: AbortSignal.timeout(timeout_ms) });
      await r.arrayBuffer();
      return r.status;
    } catch {
      return 0;
    }
  }

  async ready(patience_ms = 15000) {
    const end = performance.now() + patience_ms;
    while (performance.now() < end && this.child) {
      if (await this.status('/readyz') === 200) return;
      await sleep(20);
    }
    throw new Error(`node ${this.number} did not become ready:\n${this.tail()}`);
  }

  tail() {
    return fs.readFileSync(this.log, 'utf8').slice(-3000);
  }

  async signal(name, patience_ms = 40000) {
    const { child, exited } = this;
    this.wanted = false;
    if (!child) return null;
    child.kill(name);
    const late = setTimeout(() => child.kill('SIGKILL'), patience_ms);
    const outcome = await exited;
    clearTimeout(late);
    return outcome;
  }

  kill9() {
    return this.signal('SIGKILL');
  }

  stop() {
    return this.signal('SIGTERM');
  }

  async restart({ settings = {}, env = {} } = {}) {
    const outcome = await this.stop();
    Object.assign(this.settings, settings);
    Object.assign(this.env, env);
    await this.start();
    return outcome;
  }

  // Lines of its log, parsed.
  lines() {
    return fs.readFileSync(this.log, 'utf8').split('\n').filter((l) => l !== '').map((text) => {
      try {
        return JSON.parse(text);
      } catch {
        return { text };
      }
    });
  }
}

class Cluster {
  constructor(dir) {
    Object.assign(this, { dir, nodes: [] });
    this.master = path.join(dir, 'master.key');
  }

  async make({ db, nodes, settings = {}, nodeSettings = [], env = [], issuer }) {
    const ports = [];
    for (let i = 0; i < nodes; i++) ports.push(await freePort());
    this.issuer = issuer || `http://127.0.0.1:${ports[0]}`;
    this.db = Array.isArray(db) ? db[0] : db;
    ports.forEach((port, i) => {
      const own = { master_key: this.master, issuer: this.issuer, ...settings,
        db: Array.isArray(db) ? db[i] : db, listen: `127.0.0.1:${port}`, ...nodeSettings[i] };
      this.nodes.push(new Node(i + 1, port, own, { ...env[i] }, path.join(this.dir, `node${i + 1}.log`)));
    });
  }

  get urls() {
    return this.nodes.map((n) => n.url);
  }

  // { code, stdout, stderr }, whatever the code.
  cliRaw(args, { input = '', settings = {} } = {}) {
    const env = { ...cleanEnv(), ...settingsToEnv({ ...this.nodes[0].settings, db: this.db, ...settings }) };
    return new Promise((done, failed) => {
      const child = spawn(BINARY, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
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
    if (r.code !== 0) throw new Error(`postern ${args.join(' ')}: exit ${r.code}: ${r.stderr.trim()}`);
    return r.stdout.trim() === '' ? null : JSON.parse(r.stdout);
  }

  // What went wrong that nobody asked for.
  troubles() {
    const list = [];
    for (const n of this.nodes) {
      if (n.wanted && !n.running) list.push(`node ${n.number} ended: ${n.outcome}\n${n.tail()}`);
      const fatal = fs.existsSync(n.log) ? n.lines().filter((l) => /Sanitizer|fatal/.test(l.text || '') ||
        l.level === 'fatal') : [];
      if (fatal.length > 0) list.push(`node ${n.number} logged: ${JSON.stringify(fatal.slice(0, 5))}`);
    }
    return list;
  }

  async stop() {
    const list = this.troubles();
    await Promise.all(this.nodes.map((n) => n.kill9()));
    if (!process.env.POSTERN_KEEP) fs.rmSync(this.dir, { recursive: true, force: true });
    if (list.length > 0) throw new Error(list.join('\n'));
  }
}

// Nodes come up one after another, so that the first makes the schema; `start` false: none does.
async function startCluster({ start = true, ...options }) {
  const c = new Cluster(fs.mkdtempSync(path.join(os.tmpdir(), 'postern-cluster-')));
  try {
    await c.make(options);
    for (const n of start ? c.nodes : []) await n.start();
  } catch (e) {
    await c.stop().catch(() => {});
    throw e;
  }
  return c;
}

module.exports = { startCluster, BINARY };
