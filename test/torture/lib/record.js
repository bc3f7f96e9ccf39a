'use strict';
// Loaded in front of a test of test/spec or test/interop (node -r): writes down every secret that goes
// over a socket or a pipe, and when a server of the test ends, looks for all of them in its log, its
// store and the memory of its network process.
//
// The servers run at the highest log level. What is looked for, and how it may be disguised, stands
// in needles.js. In each place lies a canary that must be found: a group's name in the store, a path
// in the log, and in memory half a request whose connection is still open.
//
// Results go to TORTURE_RECORD, one JSON line per server:
//     { test, secrets, needles, searched, found: [{ kind, place, offset }], split (the keys are in
//     another process), canaries: { log, store, memory } or null }

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const lib = require('../../interop/lib/postern.js');
const { Needles } = require('./needles.js');
const { keysOf, networkProcess } = require('./server_secrets.js');

const ROOT = path.join(__dirname, '..', '..', '..');
const BUILD = path.resolve(ROOT, process.env.TORTURE_BUILD || 'build/release', 'torture');
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

const needles = new Needles();

// Both directions of every socket of this process.
function tap() {
  const text = (data, encoding) => (Buffer.isBuffer(data) ? data.toString('latin1')
    : Buffer.from(data, encoding === 'buffer' ? undefined : encoding).toString('latin1'));
  const { push, _writeGeneric: write } = net.Socket.prototype;
  net.Socket.prototype.push = function pushed(chunk, ...more) {
    if (chunk) needles.read(text(chunk));
    return push.call(this, chunk, ...more);
  };
  net.Socket.prototype._writeGeneric = function written(writev, data, encoding, done) {
    const list = writev ? data : [{ chunk: data, encoding }];
    needles.read(list.map((c) => text(c.chunk, c.encoding)).join(''));
    return write.call(this, writev, data, encoding, done);
  };
}

function search(list, places) {
  const r = spawnSync(path.join(BUILD, 'search'), [list, ...places], { encoding: 'latin1',
    maxBuffer: 1 << 26 });
  if (r.status > 1 || r.status === null) throw new Error(`search: ${r.error || r.stderr}`);
  const lines = r.stdout.trim().split('\n');
  return { searched: Number(lines.pop().split(' ')[1]),
    found: lines.filter(Boolean).map((l) => l.split(' ')).map(([kind, place, offset]) =>
      ({ kind, place: path.basename(place), offset })) };
}

class Canary {
  constructor() {
    this.text = {};
    for (const place of ['log', 'store', 'memory']) {
      this.text[place] = `canary-${place}-${crypto.randomBytes(16).toString('hex')}`;
    }
  }

  async plant(p) {
    const r = await fetch(`${p.url}/${this.text.log}`, { signal: AbortSignal.timeout(3000) }).catch(() => null);
    if (r) await r.arrayBuffer();
    const made = await p.cliRaw(['org', 'create', '--name', this.text.store]);
    this.isLater = /has schema version/.test(made.stderr); // no command of this version writes there
    await new Promise((done) => {
      this.socket = net.connect(p.port, '127.0.0.1', done);
      this.socket.on('error', () => {});
    });
    this.socket.write(`GET / HTTP/1.1\r\nX-Canary: ${this.text.memory}\r\n`);
    await sleep(300); // and everything else has come to rest
  }
}

// The server has ended; its files are still there.
function inFiles(p, list, dir) {
  const files = fs.existsSync(p.log) ? [p.log] : [];
  for (const [name, bytes] of p.store.contents()) {
    const file = path.join(dir, `store-${name}`);
    fs.writeFileSync(file, bytes);
    files.push(file);
  }
  return search(list, files);
}

async function examine(p) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-needles-'));
  const list = path.join(dir, 'needles');
  const canary = new Canary();
  const parts = [];
  const here = p.running;
  let split = true;
  if (here) {
    await canary.plant(p);
    needles.write(list, keysOf(p), canary.text);
    const pid = networkProcess(p.pid);
    split = pid !== p.pid;
    parts.push(search(list, [`pid:${pid}`]));
    canary.socket.destroy();
  }
  const outcome = await p.signal('SIGTERM', 20000);
  needles.write(list, keysOf(p), canary.text);
  parts.push(inFiles(p, list, dir));
  fs.rmSync(dir, { recursive: true, force: true });
  const found = parts.flatMap((r) => r.found);
  const has = (kind, place) => found.some((f) => f.kind.startsWith(`canary_${kind}`) && place(f.place));
  const isLog = (f) => f === path.basename(p.log), isMemory = (f) => f.startsWith('pid:');
  const canaries = here ? { log: has('log', isLog), memory: has('memory', isMemory) } : null;
  if (here && !canary.isLater && (p.settings.db || p.store.url) === p.store.url) { // else another's
    canaries.store = has('store', (f) => !isLog(f) && !isMemory(f));
  }
  fs.appendFileSync(process.env.TORTURE_RECORD, `${JSON.stringify({
    test: path.basename(process.argv[1]), secrets: needles.count, needles: needles.written,
    searched: parts.reduce((n, r) => n + r.searched, 0), canaries, split,
    found: found.filter((f) => !f.kind.startsWith('canary_')) })}\n`);
  return outcome;
}

tap();
const { startPostern } = lib;
lib.startPostern = async (options = {}) => {
  const p = await startPostern({ ...options, settings: { 'log.level': 'debug', ...options.settings } });
  const { cliRaw } = p;
  p.cliRaw = async (args, more = {}) => {
    if (more.input) needles.typed(args, more.input);
    const r = await cliRaw.call(p, args, more);
    needles.read(r.stdout);
    return r;
  };
  const end = async () => {
    const outcome = await examine(p);
    p.remove();
    return outcome;
  };
  let ended = null;
  p.stop = () => { // a test may say it twice
    ended = ended || end();
    return ended;
  };
  return p;
};
