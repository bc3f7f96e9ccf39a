'use strict';
// A server with a world and a ledger, for the fault programs; and what every fault must leave behind.
//
//     const s = await openScene(part, { number, settings, env, before: async (p) => {} });
//     s.p s.world s.ledger s.chance
//     await s.load(2000, (on) => {})     load for that long; the callback runs once it is under way
//     await s.healthy('after X')         running, ready, answers at once, idle, descriptors as before
//     await s.audit('after X')           nothing acknowledged is lost; one check of the part
//     await s.end()

const fs = require('node:fs');
const { startPostern, sleep } = require('../../interop/lib/postern.js');
const { makeWorld } = require('../../cluster/lib/world.js');
const { Chance } = require('../../cluster/lib/run.js');
const { FaultLedger } = require('./ledger.js');
const { processesOf, networkOf } = require('./lossy.js');

const TICKS = 100; // of /proc/PID/stat in a second
const IDLE_SHARE = 0.25; // of a core, all processes; a loop that spins takes 1
const FD_SLACK = 6; // connections of this process that are being closed

function cpuSeconds(pid) {
  try {
    const rest = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return (Number(rest[11]) + Number(rest[12])) / TICKS;
  } catch {
    return 0;
  }
}

const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;

class Scene {
  constructor(part, p, world, ledger, chance) {
    Object.assign(this, { part, p, world, ledger, chance });
  }

  cpu() {
    return Object.values(processesOf(this.p)).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  }

  async load(ms, during = async () => {}) {
    this.ledger.start();
    await sleep(150);
    await during(true);
    await sleep(ms);
    await during(false);
    await this.ledger.stop();
  }

  // Answers of the load since the last audit: { good, refused, none, late }.
  counts() {
    const n = (keep) => this.ledger.answers.filter(keep).length;
    return { good: n((a) => a.status >= 200 && a.status < 300), refused: n((a) => a.status >= 500),
      none: n((a) => a.status === 0), late: n((a) => /no answer in time/.test(a.text)) };
  }

  async ready(patience_ms = 8000) {
    const end = performance.now() + patience_ms;
    while (performance.now() < end) {
      const r = await this.world.pair(this.p.url);
      if (r.status === 200 && await this.allRead(r.json.access_token)) return true;
      await sleep(50);
    }
    return false;
  }

  // On a shared store each reader has a connection of its own, and makes it again in its own time.
  async allRead(token) {
    const all = await Promise.all(Array.from({ length: 16 },
      () => this.world.introspect(this.p.url, token)));
    return all.every((r) => r.status === 200);
  }

  // How many descriptors the network process holds when nobody is connected.
  async baseline() {
    this.world.agent.destroy();
    await sleep(300);
    this.descriptors = descriptors(networkOf(this.p));
  }

  async healthy(when) {
    const { part, p } = this;
    const late = this.counts().late;
    part.check(late === 0, `${when}: every request ended`, `${late} had no answer in time`);
    if (!part.check(p.running && await this.ready(), `${when}: it serves again`)) return;
    this.world.agent.destroy();
    await sleep(300);
    const open = descriptors(networkOf(p));
    part.check(open <= this.descriptors + FD_SLACK, `${when}: no descriptor is left open`,
      `${open}, ${this.descriptors} before`);
    const before = this.cpu();
    await sleep(1000);
    const share = this.cpu() - before;
    part.check(share < IDLE_SHARE, `${when}: it is idle when nobody asks`, `${share} s of CPU in 1 s`);
  }

  async audit(when) {
    const { part, ledger } = this;
    const { acknowledged } = ledger;
    await ledger.auditRound();
    const broken = ledger.violations.splice(0);
    return part.check(broken.length === 0, `${when}: what was acknowledged holds (${acknowledged})`,
      broken.slice(0, 8).join('\n'));
  }

  async end() {
    this.ledger.over = true;
    this.world.close();
    await this.p.stop();
  }
}

async function openScene(part, { number = 0, settings = {}, env = {}, ...more } = {}) {
  const chance = new Chance(part.seed + number);
  const p = await startPostern({ settings: { processes: 'separate', 'refresh.grace': 300, 'device.interval': 1, ...settings },
    env, ...more });
  const world = await makeWorld(p);
  const ledger = new FaultLedger(world, chance, () => p.url);
  await ledger.prepare();
  const scene = new Scene(part, p, world, ledger, chance);
  part.later(() => p.running && scene.end());
  return scene;
}

module.exports = { openScene, Scene, cpuSeconds };
