'use strict';
// syscalls: the release binary while its system calls fail (lib/syscalls.c), under load, with a ledger.
//
//     node test/fault/syscalls.js [--rounds N] [--store sqlite|postgresql] [--seed N] [--json FILE]
//
// A round goes through every row of SCENES: two seconds of load during which that happens, then none
// of it. Each request ends, an answer is right or says that it failed, nothing acknowledged is lost,
// no descriptor stays open, no loop spins. What a program has to put up with without a word
// (EINTR, parts, EAGAIN, a log that cannot be written) must cost no request at all.

const { Part } = require('../torture/lib/part.js');

const part = new Part('syscalls', { rounds: 10, quick: 1 });
const SETTLE_MS = 100; // answers that were on their way
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const LOAD_MS = part.quick ? 1200 : 3000;

const CALLS = ['recv', 'send', 'accept', 'epoll', 'wake', 'write', 'pwrite', 'pread', 'fsync', 'open',
  'random']; // of lib/shim.js, which cannot be loaded before the store is chosen

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
  ['the file system is read-only', false, { pwrite: [10000, 'EROFS'], fsync: [10000, 'EROFS'],
    open: [10000, 'EROFS'] }],
  ['all of it', false, { recv: [300, 'EINTR', 'EAGAIN', 'SHORT', 'ECONNRESET'],
    send: [300, 'EINTR', 'EAGAIN', 'SHORT', 'EPIPE'], accept: [1000, 'EMFILE', 'ECONNABORTED', 'EINTR'],
    epoll: [500, 'EINTR', 'SHORT'], wake: [500, 'EINTR'], write: [1000, 'EIO', 'SHORT', 'EINTR'],
    pwrite: [100, 'ENOSPC', 'EIO', 'SHORT'], pread: [50, 'EIO', 'SHORT'], fsync: [100, 'EIO'],
    random: [1000, 'EINTR', 'SHORT'] }],
];

// The disk of PostgreSQL is not ours to break: test/cluster does.
const isOurs = ([name]) => part.store === 'sqlite' || !/disk|file system/.test(name);

// Answers to what cannot be done without a write. (A refresh that is asked again, or a revocation of
// what is revoked, can.)
const WRITES = ['opaque', 'pair', 'device', 'push'];
const written = (ledger) => ledger.answers.filter((a) => WRITES.includes(a.op) && a.status >= 200 &&
  a.status < 300).length;

async function play(scene, control, [name, silent, faults]) {
  const before = control.hits();
  const nothing = faults.pwrite && faults.pwrite[0] === 10000; // nothing can become durable
  let from = 0;
  let late = 0;
  await scene.load(LOAD_MS, async (on) => {
    if (!on && nothing) late = written(scene.ledger) - from;
    control.set(on ? faults : {});
    await sleep(on ? SETTLE_MS : 0);
    from = written(scene.ledger);
  });
  const after = control.hits();
  const hit = CALLS.map((c) => [c, after[c] - before[c]]).filter(([, n]) => n > 0);
  const { good, refused, none } = scene.counts();
  part.say(`${name}: ${good} good, ${refused} refused, ${none} broken; ${
    hit.map(([c, n]) => `${c} ${n}`).join(', ')}`);
  part.check(good > 0 && hit.length > 0, `${name}: it happened under load`);
  if (nothing) part.check(late === 0, `${name}: nothing is acknowledged`, `${late} were`);
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
  const { Control } = require('./lib/shim.js');
  const control = new Control();
  part.later(() => control.end());
  const scene = await openScene(part, { env: control.env(part.seed) });
  await scene.baseline();
  let failed = 0;
  for (let round = 0; round < part.rounds; round++) {
    for (const row of SCENES.filter(isOurs)) failed += await play(scene, control, row);
  }
  part.figure('system calls that failed', failed);
  await scene.end();
});
