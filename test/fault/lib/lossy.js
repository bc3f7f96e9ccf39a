'use strict';
// A server on the disk that forgets (lossy_disk.h), with a power switch.
//
//     const l = new Lossy(p, seed);  p of startPostern, seed 0: no write reaches the disk unsynced
//     await l.begin()                stops p and starts it again on that disk
//     l.set('sync_fails', 1)         a switch of struct lossy_switches, at once
//     l.figures()                    { syncs, failures }: done, and failed by a switch
//     await l.cutPower()             SIGKILL; what was not synced is gone; p.start() goes on from there
//     await l.end()
// and of any server:
//     await killWhole(p)             SIGKILL to the main process; waits until all have ended
//     await stopWhole(p)             SIGTERM likewise; the directory stays
//     networkOf(p), processesOf(p)   the pid of the process that talks to clients; all of them by name

const fs = require('node:fs');
const path = require('node:path');
const { startPostern, isGone, sleep, BINARY } = require('../../interop/lib/postern.js');

const LOSSY = process.env.POSTERN_LOSSY || path.join(path.dirname(BINARY), 'postern_lossy');
const SWITCHES = ['sync_fails', 'write_full', 'write_fails', 'sync_lies', 'read_fails', 'hangs'];
const SIZE = 24;
const FILES = ['postern.db', 'postern.db-wal'];

// The pids of a process's children, grandchildren, ... by the parents that all processes name (not
// every kernel has /proc/PID/task/TID/children).
function descendants(pid) {
  const parents = new Map();
  for (const name of fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.replace(/^.*\) /s, '').split(' ')[1]));
    } catch {
      // it has ended
    }
  }
  const below = (p) => [...parents].filter(([, parent]) => parent === p)
    .flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

const nameOf = (pid) => {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
};

const isAlive = (pid) => !isGone(pid);

// All processes of a server: { main: pid, 'postern-net': pid, ... }; with `processes: one` only main.
function processesOf(p) {
  const all = { main: p.pid };
  for (const pid of descendants(p.pid)) all[nameOf(pid)] = pid;
  return all;
}

// The process that talks to clients.
function networkOf(p) {
  const all = processesOf(p);
  return all['postern-net'] || all.main;
}

async function endWhole(p, end) {
  const pids = descendants(p.pid);
  await end();
  while (pids.some(isAlive)) await sleep(1);
}

const killWhole = (p) => endWhole(p, () => p.kill9());
const stopWhole = (p) => endWhole(p, () => p.signal('SIGTERM', 20000));

class Lossy {
  // p: a server that has been prepared and is running on an ordinary disk.
  constructor(p, seed) {
    this.p = p;
    this.disk = path.join(p.dir, 'disk');
    this.seed = seed;
  }

  // Stops the ordinary server and starts the one on the lossy disk; the world stays.
  async begin() {
    await stopWhole(this.p);
    fs.mkdirSync(this.disk);
    fs.writeFileSync(path.join(this.disk, 'switches'), Buffer.alloc(SIZE));
    this.switches = fs.openSync(path.join(this.disk, 'switches'), 'r+');
    this.p.binary = LOSSY;
    this.p.env = { ...this.p.env, LOSSY_DISK: this.disk, LOSSY_SEED: String(this.seed) };
    await this.p.start();
  }

  set(name, on) {
    fs.writeSync(this.switches, Buffer.from([on]), 0, 1, SWITCHES.indexOf(name));
  }

  figures() {
    const b = Buffer.alloc(SIZE);
    fs.readSync(this.switches, b, 0, SIZE, 0);
    return { syncs: Number(b.readBigUInt64LE(8)), failures: Number(b.readBigUInt64LE(16)) };
  }

  // The machine dies and comes up again: what is not in the images never was.
  async cutPower() {
    await killWhole(this.p);
    for (const f of [...FILES, 'postern.db-shm', 'postern.db-journal']) {
      fs.rmSync(path.join(this.p.dir, f), { force: true });
    }
    for (const f of FILES) {
      const image = path.join(this.disk, f);
      if (fs.existsSync(image)) fs.copyFileSync(image, path.join(this.p.dir, f));
    }
  }

  async end() {
    fs.closeSync(this.switches);
    await this.p.stop();
  }
}

module.exports = { Lossy, killWhole, stopWhole, processesOf, networkOf, descendants, isAlive, LOSSY };
