'use strict';
// Small things that everything here needs: processes, free ports, waiting, chance with a seed.

const { execFile } = require('node:child_process');
const path = require('node:path');
const { freePort } = require('../../interop/lib/postern.js');

const ROOT = path.join(__dirname, '..', '..', '..');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Standard output of a program; an Error with what it wrote when it fails.
function run(file, args, { input, timeout = 60000, env } = {}) {
  return new Promise((done, failed) => {
    const child = execFile(file, args, { timeout, env, maxBuffer: 1 << 26 }, (e, stdout, stderr) => {
      if (e) failed(new Error(`${path.basename(file)} ${args.join(' ')}: ${stderr || e.message}`));
      else done(stdout);
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

// Asks until the answer is true; resolves to the milliseconds that took, or fails.
async function until(what, ask, { ms = 10000, every_ms = 20 } = {}) {
  const start = performance.now();
  for (;;) {
    if (await ask()) return performance.now() - start;
    if (performance.now() - start > ms) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(every_ms);
  }
}

// Numbers by chance that come again with the same seed (mulberry32).
class Chance {
  constructor(seed) {
    this.seed = seed;
    this.state = seed >>> 0;
  }

  next() { // [0, 1)
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(n) {
    return Math.floor(this.next() * n);
  }

  pick(list) {
    return list[this.below(list.length)];
  }
}

// One seed per process: POSTERN_SEED, or a new one. It is printed, so that a failure tells it.
let seed;
function newChance() {
  if (seed === undefined) {
    seed = Number(process.env.POSTERN_SEED || Math.floor(Math.random() * 4294967296));
    console.log(`# POSTERN_SEED=${seed}`);
  }
  return new Chance(seed);
}

module.exports = { ROOT, sleep, run, freePort, until, newChance, Chance };
