'use strict';
// kill: SIGKILL of the whole server under mixed load, again and again, with a ledger.
//
//     node test/fault/kill.js [--rounds N] [--store sqlite|postgresql] [--seed N] [--json FILE]
//                             [--lanes N] [--quick]
//
// On SQLite the file lies on a disk that forgets what was not synced (lib/lossy_disk.h), and each kill
// is a cut of the power. On PostgreSQL (with fsync) the server is killed, and every third time
// PostgreSQL as well. A round: at least 100 acknowledged durable answers, the kill at a random moment
// with requests in flight, the restart, and the audit: everything acknowledged is there, everything
// revoked stays revoked, nothing single-use works twice. On SQLite
// servers run side by side (lanes).
//
// Controls: a disk that says it has synced when it has not must be found out within three rounds.

const { Part } = require('../torture/lib/part.js');

const part = new Part('kill', { rounds: 1000, quick: 100 });
const lanes = part.store === 'sqlite' ? Number(part.options.lanes || 2) : 1;
const ACKNOWLEDGED = 100;
const CONTROL_ROUNDS = 3;
const DURABLE = ['fsync=on', 'synchronous_commit=on'];

async function prepare(number) {
  const { startPostern } = require('../interop/lib/postern.js');
  const { makeWorld } = require('../cluster/lib/world.js');
  const { Chance } = require('../cluster/lib/run.js');
  const { FaultLedger } = require('./lib/ledger.js');
  const chance = new Chance(part.seed + number);
  const p = await startPostern({ settings: { processes: 'separate', 'refresh.grace': 300, 'device.interval': 1,
    workers: 1 } });
  const world = await makeWorld(p);
  const ledger = new FaultLedger(world, chance, () => p.url);
  await ledger.prepare();
  return { number, p, world, ledger, chance, rounds: 0, least: Infinity, flew: Infinity,
    restart_ms: 0 };
}

// How a lane's power is cut: on SQLite by its disk, on PostgreSQL by kill -9 of one or both.
async function breaker(lane) {
  const { Lossy, killWhole } = require('./lib/lossy.js');
  if (part.store === 'sqlite') {
    const lossy = new Lossy(lane.p, lane.chance.below(2) ? 1 + lane.chance.below(1e6) : 0);
    await lossy.begin();
    lane.lossy = lossy;
    return () => lossy.cutPower();
  }
  const { run, ROOT } = require('../cluster/lib/run.js');
  const postgres = (verb, ...more) => run(`${ROOT}/script/postgres`, [verb, part.pg, ...more]);
  return async () => {
    const both = lane.rounds % 3 === 2;
    await Promise.all([killWhole(lane.p), both && postgres('kill')]);
    if (both) await postgres('start', '0', ...DURABLE);
  };
}

async function oneRound(lane, cut) {
  const { sleep } = require('../interop/lib/postern.js');
  const { ledger, p, chance } = lane;
  ledger.start();
  const enough = await ledger.enough(ACKNOWLEDGED);
  await sleep(chance.below(60));
  while (ledger.flying === 0) await sleep(1);
  ledger.over = true;
  const flying = ledger.flying;
  await cut();
  await ledger.stop();
  const start = Date.now();
  await p.start();
  lane.restart_ms = Math.max(lane.restart_ms, Date.now() - start);
  const last = await ledger.auditRound();
  lane.rounds++;
  lane.least = Math.min(lane.least, last.acknowledged);
  lane.flew = Math.min(lane.flew, flying);
  return { enough, ...last };
}

async function runLane(lane, rounds) {
  const cut = await breaker(lane);
  for (let i = 0; i < rounds; i++) {
    const r = await oneRound(lane, cut);
    if (!r.enough) lane.ledger.violate(`only ${r.acknowledged} acknowledged in round ${i}`);
    if (lane.ledger.violations.length > 0) return;
    if (i % 20 === 19) part.say(`lane ${lane.number}: ${i + 1} rounds, ${lane.ledger.total} acknowledged`);
  }
}

async function end(lane) {
  lane.world.close();
  if (lane.lossy) lane.lossy.set('sync_lies', 0);
  await lane.p.stop();
}

// A file that lost what it had promised may not even open.
async function control(lane) {
  const cut = await breaker(lane);
  lane.lossy.set('sync_lies', 1);
  for (let i = 1; i <= CONTROL_ROUNDS; i++) {
    try {
      await oneRound(lane, cut);
    } catch (e) {
      lane.ledger.violate(`the server does not start: ${e.message.slice(0, 200)}`);
    }
    if (lane.ledger.violations.length > 0) return i;
  }
  return 0;
}

part.run(async () => {
  await part.open(DURABLE);
  const all = [];
  for (let i = 0; i < lanes; i++) all.push(await prepare(i));
  const share = Math.ceil(part.rounds / lanes);
  await Promise.all(all.map((lane) => runLane(lane, share)));
  const sum = (f) => all.reduce((n, lane) => n + f(lane), 0);
  const rounds = sum((l) => l.rounds);
  const broken = all.flatMap((l) => l.ledger.violations);
  part.check(rounds >= part.rounds && broken.length === 0,
    `${rounds} kills under load, everything acknowledged is there and nothing comes back`,
    broken.slice(0, 10).join('\n'));
  part.check(Math.min(...all.map((l) => l.least)) >= ACKNOWLEDGED &&
    Math.min(...all.map((l) => l.flew)) >= 1, 'each round had 100 acknowledged and one in flight');
  part.figure('kills', rounds);
  part.figure('acknowledged writes', sum((l) => l.ledger.total));
  part.figure('violations', broken.length);
  part.figure('slowest restart', Math.max(...all.map((l) => l.restart_ms)), 'ms');
  for (const lane of all) await end(lane);
  if (part.store !== 'sqlite') return;
  const lane = await prepare(99);
  const found = await control(lane);
  part.check(found > 0, 'a disk that lies about its syncs is found out');
  part.figure('rounds until a lying disk is found out', found);
  part.say(`found: ${lane.ledger.violations[0]}`);
  await end(lane);
});
