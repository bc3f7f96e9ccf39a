'use strict';
// The servers that are measured: each on a port of its own on loopback, with its log in a file,
// stopped by process id.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { cpuNs, pinned, SERVER_CORE } = require('./measure');

const ROOT = path.resolve(__dirname, '..', '..');
const BUILD = path.resolve(ROOT, process.env.BENCH_BUILD || 'build/release');
const POSTERN = path.join(BUILD, 'postern');

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const running = new Set();

function freePort() {
  return new Promise((done, failed) => {
    const s = net.createServer();
    s.on('error', failed);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });
}

function canConnect(port) {
  return new Promise((done) => {
    const s = net.connect(port, '127.0.0.1');
    s.on('connect', () => { s.destroy(); done(true); });
    s.on('error', () => done(false));
  });
}

// Settings of the developer's own stay out of it.
function cleanEnv() {
  return Object.fromEntries(Object.entries(process.env).filter(([k]) => !k.startsWith('POSTERN')));
}

class Server {
  constructor(name, command, port, log, env) {
    Object.assign(this, { name, command, port, log, env, url: `http://127.0.0.1:${port}` });
  }

  get pid() {
    return this.child.pid;
  }

  spawn() {
    const fd = fs.openSync(this.log, 'a');
    const child = spawn(this.command[0], this.command.slice(1), {
      env: { ...cleanEnv(), ...this.env }, stdio: ['ignore', fd, fd], cwd: ROOT,
    });
    fs.closeSync(fd);
    this.child = child;
    running.add(this);
    this.exited = new Promise((done) => {
      child.on('error', (e) => { this.ended = String(e); done(); });
      child.on('exit', (code, signal) => { this.ended = signal || `exit ${code}`; done(); });
    }).then(() => running.delete(this));
    this.ended = null;
  }

  async start() {
    this.spawn();
    for (let i = 0; i < 2000 && !this.ended; i++) {
      if (await canConnect(this.port)) return this;
      await sleep(10);
    }
    await this.stop();
    throw new Error(`${this.name} did not start (${this.ended}): ` +
      fs.readFileSync(this.log, 'utf8').slice(-1000));
  }

  // Logs are measured, not kept.
  emptyLog() {
    fs.truncateSync(this.log);
  }

  async stop() {
    if (!this.child || this.ended) return;
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 40000);
    await this.exited;
    clearTimeout(late);
  }
}

async function stopAll() {
  await Promise.all([...running].map((s) => s.stop()));
}

// workers: 0 is the server's default; 1 pins it to one core.
async function postern(store, name, { workers = 1, bench = true, more = [] } = {}) {
  const port = await freePort();
  const serve = [POSTERN, 'serve', '--db', store.url, '--listen', `127.0.0.1:${port}`,
    '--issuer', 'http://127.0.0.1', '--set', `workers=${workers}`];
  if (bench) serve.push('--bench-routes');
  serve.push(...more);
  return new Server(name, workers === 1 ? pinned(SERVER_CORE, serve) : serve, port,
    path.join(store.folder, `${name}.log`), {});
}

// The naive loop, sending byte for byte what that server answers to the request.
async function loop(folder, server, request) {
  const port = await freePort();
  const answer = path.join(folder, 'loop.answer');
  fs.writeFileSync(answer, await rawAnswer(server.port, request));
  const command = [path.join(BUILD, 'bench', 'loop'), String(port), '1', answer];
  return new Server('loop', pinned(SERVER_CORE, command), port, path.join(folder, 'loop.log'), {});
}

function rawAnswer(port, request) {
  return new Promise((done, failed) => {
    const s = net.connect(port, '127.0.0.1');
    s.on('error', failed);
    s.on('connect', () => s.write(`${request.method} ${request.path} HTTP/1.1\r\n` +
      `Host: 127.0.0.1:${port}\r\n\r\n`));
    let text = '';
    s.setEncoding('latin1');
    s.on('data', (d) => {
      text += d;
      const end = text.indexOf('\r\n\r\n');
      const length = /content-length: *(\d+)/i.exec(text);
      if (end < 0 || !length || text.length < end + 4 + Number(length[1])) return;
      s.destroy();
      done(text);
    });
  });
}

async function oidcProvider(folder) {
  const port = await freePort();
  const command = [process.execPath, path.join(__dirname, 'oidc.mjs'), String(port)];
  return new Server('oidc-provider', pinned(SERVER_CORE, command), port,
    path.join(folder, 'oidc.log'), { NODE_ENV: 'production' });
}

module.exports = { postern, loop, oidcProvider, stopAll, freePort, sleep, cleanEnv, cpuNs, POSTERN,
  BUILD, ROOT };
