'use strict';
// disk: the disk fails under a server that goes on, and then the power goes; processes stand still.
//
//     node test/fault/disk.js [--rounds N] [--seed N] [--json FILE] [--quick]
//
// On the disk that forgets (lib/lossy_disk.h). For each fault: load, the fault for a moment, load
// again, the cut of the power, the restart, the audit. A sync that failed has lost what was pending,
// as on Linux, so whatever is acknowledged later must have been written anew. After that each process
// of a server stands still (SIGSTOP) for a while under load.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const { Part } = require('../torture/lib/part.js');

const part = new Part('disk', { rounds: 20, quick: 1 });
const FAULT_MS = 300;
const STOP_MS = part.quick ? 1000 : 3500;
const FAULTS = ['sync_fails', 'write_full', 'write_fails', 'read_fails', 'hangs'];
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

async function fail(scene, lossy, name) {
  const before = lossy.figures().failures;
  scene.ledger.start();
  await sleep(200);
  lossy.set(name, 1);
  await sleep(FAULT_MS);
  lossy.set(name, 0);
  const found = lossy.figures().failures - before;
  part.check(name === 'hangs' || found > 0, `${name}: it happened`);
  const recovered = await scene.ready();
  part.check(scene.p.running && recovered, `${name}: it serves again`);
  await scene.ledger.enough(100);
  scene.ledger.over = true;
  await lossy.cutPower();
  await scene.ledger.stop();
  const { good, refused, late } = scene.counts();
  part.check(late === 0, `${name}: every request ended`, `${late} did not`);
  part.say(`${name}: ${found} calls failed, ${good} good, ${refused} refused`);
  await scene.p.start();
  await scene.audit(`${name}, then the power goes`);
  return found;
}

async function standStill(scene, name, pid) {
  await scene.load(300, async (on) => {
    if (!on) return;
    process.kill(pid, 'SIGSTOP');
    await sleep(STOP_MS);
    process.kill(pid, 'SIGCONT');
  });
  await scene.healthy(`${name} stood still`);
  await scene.audit(`${name} stood still`);
}

// The kernel says busy while files that were deleted are being let go.
async function readOnly(mount, dir) {
  for (let tries = 50; ; tries--) {
    try {
      mount('-o', 'remount,ro', dir);
      return;
    } catch (e) {
      if (tries === 0) throw e;
      await sleep(100);
    }
  }
}

// A directory that is really read-only, and one that is really full.
async function realDisk(openScene) {
  const { stopWhole } = require('./lib/lossy.js');
  const dir = fs.mkdtempSync('/tmp/postern-mount-');
  const mount = (...args) => execFileSync('mount', args, { stdio: 'pipe' });
  try {
    mount('-t', 'tmpfs', '-o', 'size=24m,mode=1777', 'postern-test', dir);
  } catch (e) {
    part.say(`SKIPPED: no tmpfs can be mounted here: ${e.message.split('\n')[0]}`);
    fs.rmdirSync(dir);
    return;
  }
  part.later(() => { execFileSync('umount', ['-l', dir]); fs.rmdirSync(dir); });
  process.env.TMPDIR = dir;
  const scene = await openScene(part, { number: 3 });
  delete process.env.TMPDIR;
  const ballast = `${dir}/ballast`;
  await scene.load(1200, async (on) => {
    if (on) execFileSync('sh', ['-c', `dd if=/dev/zero of=${ballast} bs=64k 2>/dev/null; true`]);
    else fs.rmSync(ballast);
  });
  part.check(scene.counts().refused > 0, 'a full disk: it was felt');
  part.check(await scene.ready(), 'a full disk: it serves again when there is room');
  await scene.audit('a full disk');
  await stopWhole(scene.p);
  await readOnly(mount, dir);
  const refused = await scene.p.cliRaw(['serve']);
  part.check(refused.code === 1 && /read-only|writ/i.test(refused.stderr),
    'a read-only disk: the start is refused with a word about it', refused.stderr);
  mount('-o', 'remount,rw', dir);
  await scene.p.start();
  await scene.audit('a read-only disk');
  await scene.end();
}

part.run(async () => {
  await part.open();
  const { openScene } = require('./lib/scene.js');
  const { Lossy, processesOf } = require('./lib/lossy.js');
  const scene = await openScene(part);
  const lossy = new Lossy(scene.p, 1 + part.seed % 1000);
  await lossy.begin();
  let failed = 0;
  for (let round = 0; round < part.rounds; round++) {
    for (const name of FAULTS) failed += await fail(scene, lossy, name);
  }
  part.figure('calls of the disk that failed', failed);
  await scene.baseline();
  const all = processesOf(scene.p);
  for (const [name, pid] of Object.entries(all)) await standStill(scene, name, pid);
  part.check(scene.p.settings.processes === 'one' || Object.keys(all).length > 2,
    'the processes of the server were found', Object.keys(all).join());
  part.figure('processes that stood still', Object.keys(all).length);
  await scene.end();
  await realDisk(openScene);
});
