'use strict';
// syscalls: the release binary while its system calls fail (lib/syscalls.c), under load, with a ledger.
//
//     node test/fault/syscalls.js [--rounds N] [--store sqlite|postgresql] [--seed N] [--json FILE]
//
// A round goes through every row of SCENES: two seconds of load during which that happens, then none
// of it. Each request ends, an answer is right or says that it failed, nothing acknowledged is lost,
// no descriptor stays open, no loop spins. What a program has to put up with without a word
// (EINTR, parts, EAGAIN, a log that cannot be written) must cost no request at all.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Part } = require('../torture/lib/part.js');

const part = new Part('syscalls', { rounds: 10, quick: 1 });
const LOAD_MS = part.quick ? 1200 : 3000;

// The order of lib/syscalls.c.
const CALLS = ['recv', 'send', 'accept', 'epoll', 'wake', 'write', 'pwrite', 'pread', 'fsync', 'open',
  'random'];
const KINDS = ['SHORT', 'EINTR', 'EAGAIN', 'EIO', 'ENOSPC', 'ECONNRESET', 'EPIPE', 'EMFILE', 'ENFILE',
  'ENOMEM', 'ECONNABORTED', 'ENOBUFS'];
const ROOM = 16; // calls that the table has room for
const SIZE = ROOM * (4 + 4 + 8 + 8);

const everywhere = (rate, ...kinds) => Object.fromEntries(CALLS.map((c) => [c, [rate, ...kinds]]));

// name, silent: no request may fail, faults: call -> [of 10,000, kinds]
const SCENES = [
  // (a sync that a signal ends has failed, for SQLite too: it is among those of the disk)
  ['signals interrupt every call', true, { ...everywhere(2000, 'EINTR'), fsync: [0] }],
  ['parts and full buffers', true, { recv: [3000, 'SHORT', 'EAGAIN'], send: [3000, 'SHORT', 'EAGAIN'],
    accept: [3000, 'EAGAIN', 'EINTR'], epoll: [3000, 'SHORT', 'EINTR'], pwrite: [1000, 'SHORT', 'EINTR'],
    pread: [1000, 'SHORT', 'EINTR'], random: [3000, 'SHORT', 'EINTR'] }],
  ['the log cannot be written', true, { write: [5000, 'SHORT', 'EINTR', 'EAGAIN', 'EIO', 'ENOSPC'] }],
  ['connections break', false, { recv: [200, 'ECONNRESET'], send: [200, 'EPIPE', 'ECONNRESET'],
    accept: [1000, 'ECONNABORTED'] }],
  ['no descriptors and no memory for connections', false,
    { accept: [5000, 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'], open: [5000, 'EMFILE', 'ENFILE'] }],
  ['the disk is full and fails', false, { pwrite: [300, 'ENOSPC', 'EIO', 'SHORT'], pread: [100, 'EIO'],
    fsync: [300, 'EIO', 'ENOSPC', 'EINTR'] }],
  ['all of it', false, { recv: [300, 'EINTR', 'EAGAIN', 'SHORT', 'ECONNRESET'],
    send: [300, 'EINTR', 'EAGAIN', 'SHORT', 'EPIPE'], accept: [1000, 'EMFILE', 'ECONNABORTED', 'EINTR'],
    epoll: [500, 'EINTR', 'SHORT'], wake: [500, 'EINTR'], write: [1000, 'EIO', 'SHORT', 'EINTR'],
    pwrite: [100, 'ENOSPC', 'EIO', 'SHORT'], pread: [50, 'EIO', 'SHORT'], fsync: [100, 'EIO'],
    random: [1000, 'EINTR', 'SHORT'] }],
];

class Control {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-syscalls-'));
    this.path = path.join(this.dir, 'control');
    fs.writeFileSync(this.path, Buffer.alloc(SIZE));
    fs.chmodSync(this.dir, 0o755);
    fs.chmodSync(this.path, 0o666); // the server may give its user up
    this.fd = fs.openSync(this.path, 'r+');
  }

  set(faults) {
    const b = Buffer.alloc(ROOM * 8);
    for (const [call, [rate, ...kinds]] of Object.entries(faults)) {
      const mask = kinds.reduce((m, k) => m | (1 << KINDS.indexOf(k)), 0);
      b.writeUInt32LE(rate, 4 * CALLS.indexOf(call));
      b.writeUInt32LE(mask, 4 * (ROOM + CALLS.indexOf(call)));
    }
    fs.writeSync(this.fd, b, 0, b.length, 0);
  }

  hits() {
    const b = Buffer.alloc(SIZE);
    fs.readSync(this.fd, b, 0, SIZE, 0);
    return Object.fromEntries(CALLS.map((c, i) => [c, Number(b.readBigUInt64LE(ROOM * 16 + 8 * i))]));
  }

  end() {
    fs.closeSync(this.fd);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

async function play(scene, control, [name, silent, faults]) {
  const before = control.hits();
  await scene.load(LOAD_MS, async (on) => control.set(on ? faults : {}));
  const after = control.hits();
  const hit = CALLS.map((c) => [c, after[c] - before[c]]).filter(([, n]) => n > 0);
  const { good, refused, none } = scene.counts();
  part.say(`${name}: ${good} good, ${refused} refused, ${none} broken; ${
    hit.map(([c, n]) => `${c} ${n}`).join(', ')}`);
  part.check(good > 0 && hit.length > 0, `${name}: it happened under load`);
  if (silent) {
    part.check(refused === 0 && none === 0, `${name}: no request is lost by it`,
      JSON.stringify(scene.ledger.answers.filter((a) => a.status >= 500 || a.status === 0).slice(0, 3)));
  }
  await scene.healthy(name);
  await scene.audit(name);
  return hit.reduce((sum, [, n]) => sum + n, 0);
}

part.run(async () => {
  await part.open();
  const { openScene } = require('./lib/scene.js');
  const { BINARY } = require('../interop/lib/postern.js');
  const shim = path.join(path.dirname(BINARY), 'fault', 'syscalls.so');
  if (!fs.existsSync(shim)) throw new Error(`${shim} is not there: make fault`);
  const control = new Control();
  part.later(() => control.end());
  const scene = await openScene(part, { env: { LD_PRELOAD: shim, FAULT_CONTROL: control.path,
    FAULT_SEED: String(part.seed) } });
  await scene.baseline();
  let failed = 0;
  for (let round = 0; round < part.rounds; round++) {
    for (const row of SCENES) failed += await play(scene, control, row);
  }
  part.figure('system calls that failed', failed);
  await scene.end();
});
