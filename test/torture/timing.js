'use strict';
// Timing: Welch's t-test on the real comparisons (timing.c), and on comparisons that stop early,
// which must be found out (ct_early.c).
//
//     node test/torture/timing.js [--rounds SAMPLES]

const { spawnSync } = require('node:child_process');
const os = require('node:os');
const path = require('node:path');
const { Part, ROOT } = require('./lib/part.js');

const LINE = /^(ok|not ok) (\S+) t=(\S+) again=(\S+) mean=(\S+) difference=(\S+) samples=(\d+)$/gm;
const BUILD = path.resolve(ROOT, process.env.TORTURE_BUILD || 'build/release', 'torture');
// Comparisons of ours. The seal's is OpenSSL's, a user code is found by its hash alone, and whether a
// client exists is no comparison: the control does not touch these.
const BENT = ['client_secret', 'session', 'csrf_token'];

const part = new Part('timing', { rounds: 1000000, quick: 100000 });

// On one core, before others when that is allowed.
function measure(program, samples) {
  const core = String(os.cpus().length - 1);
  const command = ['taskset', '-c', core, path.join(BUILD, program), String(samples)];
  const first = process.getuid() === 0 ? ['nice', '-n', '-10', ...command] : command;
  const r = spawnSync(first[0], first.slice(1), { encoding: 'utf8', maxBuffer: 1 << 24 });
  const rows = [...r.stdout.matchAll(LINE)].map(([, verdict, name, t, again, mean, difference]) =>
    ({ ok: verdict === 'ok', name, t: Number(t), again: Number(again), mean, difference }));
  if (rows.length === 0) throw new Error(`${program}: ${r.error || r.stderr || r.stdout}`);
  return rows;
}

part.run(async () => {
  for (const r of measure('timing', part.rounds)) {
    const again = r.again ? `, again ${r.again}` : '';
    part.check(r.ok, `time does not tell: ${r.name}`,
      `t=${r.t}${again}, ${r.difference} of ${r.mean} ticks`);
    part.figure(`${r.name}: t${again}; difference of means`, `${r.t}; ${r.difference} of ${r.mean}`,
      'ticks');
  }
  const seen = new Map(measure('timing_early', 300000).map((r) => [r.name, r]));
  for (const name of BENT) {
    const r = seen.get(name);
    part.check(r && !r.ok, `control: a comparison that stops early is found out: ${name}`,
      JSON.stringify(r));
    part.figure(`control, stops early, ${name}: t`, r.t);
  }
});
