'use strict';
// `postern move` of 1,000,000 token pairs and 100,000 clients: rows per second to PostgreSQL and back
// to SQLite, the first pass and all of it, and the most memory it had early and late.
//
//     node test/bench/move.js [PAIRS [CLIENTS]]
//
// PostgreSQL comes from script/postgres, durable as in production; POSTERN and BUILD as for
// script/bench. Prints one JSON object.

const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');
const BUILD = path.resolve(process.env.BUILD || path.join(ROOT, 'build', 'release'));
const POSTERN = path.resolve(process.env.POSTERN || path.join(BUILD, 'postern'));
const SCRIPT = path.join(ROOT, 'script', 'postgres');
const [PAIRS, CLIENTS] = [process.argv[2] || '1000000', process.argv[3] || '100000'];
const EARLY_MS = 2000;

const run = (program, args) => execFileSync(program, args, { encoding: 'utf8' }).trim();

function hwm(pid) {
  const m = /VmHWM:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  return m ? Number(m[1]) : 0;
}

// What the command prints, with the peaks of its memory.
function move(from, to) {
  return new Promise((done, failed) => {
    const child = spawn(POSTERN, ['move', '--from', from, '--to', to, '--json'],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    const start = Date.now();
    const memory = { early_kb: 0, late_kb: 0 };
    let stdout = '', stderr = '', copied = 0;
    const watch = setInterval(() => {
      try {
        memory.late_kb = Math.max(memory.late_kb, hwm(child.pid));
        if (Date.now() - start < EARLY_MS) memory.early_kb = memory.late_kb;
      } catch {
        // it has ended
      }
    }, 100);
    child.stdout.on('data', (d) => { stdout += d; });
    child.stderr.on('data', (d) => {
      stderr += d;
      const m = /copying [^\n]* 100 %[^\n]* ([\d,]+)\/s/.exec(stderr);
      if (m) copied = Number(m[1].replaceAll(',', ''));
    });
    child.on('error', failed);
    child.on('close', (code) => {
      clearInterval(watch);
      if (code !== 0) failed(new Error(stderr));
      else done({ ...JSON.parse(stdout), first_pass_rows_per_second: copied, ...memory });
    });
  });
}

function fill(dir) {
  const url = `sqlite:${dir}/from.db`, key = `${dir}/from.db.key`;
  const cli = (args) => JSON.parse(run(POSTERN, [...args, '--db', url, '--json']));
  const org = cli(['org', 'create', '--name', 'Bench']);
  const c = cli(['client', 'create', '--org', org.id, '--name', 'c', '--grant',
    'client_credentials']);
  run(path.join(BUILD, 'bench', 'fill'),
    [url, key, c.client_id, c.client_secret, PAIRS, CLIENTS, dir]);
  return url;
}

async function main() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-move-'));
  const pg = path.join(dir, 'pg');
  fs.chmodSync(dir, 0o755);
  try {
    const source = fill(dir);
    const target = run(SCRIPT, ['start', pg, '0']);
    const there = await move(source, target);
    const back = await move(target, `sqlite:${dir}/back.db`);
    console.log(JSON.stringify({ to_postgresql: there, to_sqlite: back }, null, 2));
  } finally {
    run(SCRIPT, ['remove', pg]);
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

main().catch((e) => {
  console.error(`move: ${e.message}`);
  process.exitCode = 1;
});
