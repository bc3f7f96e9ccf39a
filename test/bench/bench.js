'use strict';
// script/bench: speed and memory of the real server, as ratios taken in one run.
//
// A round asks each scenario once, one after the other, each against the server it belongs to;
// odd rounds go backwards, so that a drift of the machine meets all alike. Figures are medians over
// the rounds, ratios the medians of the rounds' own ratios. docs/performance.md says what is
// compared with what.

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { run, pinned, cpuPerRequest, wrk, median, SERVER_CORE } = require('./measure');
const { postern, loop, oidcProvider, stopAll, BUILD, ROOT } = require('./servers');
const { Store, makeBase, makeFull } = require('./store');
const { requests, oidcRequests, oidcAuth, loopRequest } = require('./scenarios');
const { posternFlow, oidcFlow } = require('./people');
const probes = require('./probes');
const { signIns } = require('./flood');
const { onPostgres } = require('./shared');
const report = require('./report');

const HELP = `usage: script/bench [OPTION]...
  --quick          3 short rounds with a small store: shows that all of it works, not how fast
  --strict         exit 1 when a target is missed
  --write          renew the table and the chart of docs/performance.md
  --only LIST      only these scenarios and probes (comma between): ${'NAMES'}
  --profile NAME   perf: the functions in which the server spends most in that scenario
  --rounds N, --seconds S, --tokens N, --clients N
`;

const CPU = ['loop', 'http', 'sign', 'cc_jwt', 'v2_token', 'cc_opaque', 'twine_pair',
  'twine_spread', 'introspect_opaque', 'introspect_jwt', 'empty_cc_jwt', 'empty_twine_pair',
  'empty_introspect_opaque', 'code_flow', 'oidc_jwt', 'oidc_opaque', 'oidc_code_flow'];
const PROBES = ['verify', 'tokens', 'connections', 'latency', 'memory', 'idle', 'start',
  'sign_ins', 'postgresql', 'move'];

const log = (text) => process.stderr.write(`bench: ${text}\n`);

function options() {
  const number = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  let values;
  try {
    ({ values } = parseArgs({ options: { quick: flag, strict: flag, write: flag, help: flag,
      only: number, profile: number, rounds: number, seconds: number, tokens: number,
      clients: number } }));
  } catch (e) {
    process.stderr.write(`script/bench: ${e.message}\n${help()}`);
    process.exit(2);
  }
  if (values.help) {
    process.stdout.write(help());
    process.exit(0);
  }
  if (values.write && (values.quick || values.only)) {
    process.stderr.write('script/bench: --write wants a whole run, without --quick and --only\n');
    process.exit(2);
  }
  const pick = (name, full, quick) => Number(values[name] || (values.quick ? quick : full));
  const names = [...CPU, ...PROBES];
  const only = values.only ? values.only.split(',') : names;
  const unknown = [...only, ...(values.profile ? [values.profile] : [])]
    .filter((n) => !names.includes(n));
  if (unknown.length > 0) {
    process.stderr.write(`script/bench: there is no ${unknown.join(', ')}\n${help()}`);
    process.exit(2);
  }
  return { ...values, only: new Set(only),
    rounds: pick('rounds', 11, 3), seconds: pick('seconds', 1, 1),
    tokens: pick('tokens', 1000000, 20000), clients: pick('clients', 100000, 2000) };
}

const help = () => HELP.replace('NAMES', [CPU.slice(0, 8), CPU.slice(8, 12), CPU.slice(12, 15),
  CPU.slice(15), PROBES]
  .map((line) => `\n                   ${line.join(' ')}`).join(''));

// Databases, the files of tokens to ask for, and what every scenario sends.
async function prepare(o, folder) {
  log(`filling a store with ${o.tokens} token pairs and ${o.clients} clients`);
  const base = await makeBase(folder);
  const small = path.join(folder, 'small');
  fs.mkdirSync(small);
  const empty = await makeFull(base, small, 100, 0);
  const full = await makeFull(base, folder, o.tokens, o.clients);
  log(`filled in ${full.seconds.toFixed(1)} s, ` +
    `${Math.round(fs.statSync(full.store.path).size / 1e6)} MB`);
  const jwts = path.join(folder, 'jwts.txt');
  fs.writeFileSync(jwts, '');
  const files = { tokens: full.tokensFile, clients: full.clientsFile, jwts };
  return { o, folder, base, full, empty, files, all: requests(base, files),
    allEmpty: requests(base, { ...files, tokens: empty.tokensFile }), fresh: new Store(small,
      'fresh') };
}

// The servers of the CPU scenarios. The small store is put back for every round.
async function startServers(b) {
  const s = { full: await (await postern(b.full.store, 'full')).start() };
  const wants = (start) => CPU.some((n) => n.startsWith(start) && b.o.only.has(n));
  if (wants('loop')) s.loop = await (await loop(b.folder, s.full, b.all.http)).start();
  if (wants('oidc')) s.oidc = await (await oidcProvider(b.folder)).start();
  return s;
}

async function renewEmpty(b, s) {
  if (s.empty) await s.empty.stop();
  b.fresh.copyFrom(b.empty.store);
  s.empty = await (await postern(b.fresh, 'empty')).start();
}

// Which server, which request.
function place(b, s, name) {
  if (name === 'loop') return [s.loop, loopRequest];
  if (name.startsWith('oidc_')) return [s.oidc, oidcRequests[name]];
  if (name.startsWith('empty_')) return [s.empty, b.allEmpty[name.slice(6)]];
  return [s.full, b.all[name]];
}

async function verifyCost(seconds) {
  const command = [path.join(BUILD, 'bench', 'verify'), String(seconds / 4)];
  return Number(await run(pinned(SERVER_CORE, command)));
}

async function measureCpu(b, s, m) {
  const names = CPU.filter((n) => b.o.only.has(n));
  for (let round = 0; round < b.o.rounds; round++) {
    if (names.some((n) => n.startsWith('empty_'))) await renewEmpty(b, s);
    for (const name of round % 2 ? [...names].reverse() : names) {
      if (name === 'oidc_code_flow') await signInToOidc(s);
      const [server, request] = place(b, s, name);
      if (round === 0) await wrk(server.url, request, { seconds: 1 });
      const r = await cpuPerRequest(server, request, b.o.seconds);
      (m.cpu[name] = m.cpu[name] || []).push(r.us);
      (m.perS[name] = m.perS[name] || []).push(r.per_s);
      server.emptyLog();
    }
    if (b.o.only.has('verify')) m.verify.push(await verifyCost(b.o.seconds));
    log(`round ${round + 1} of ${b.o.rounds}: ` +
      names.map((n) => `${n} ${m.cpu[n][round].toFixed(1)}`).join(', '));
  }
}

// Somebody signs in before flows are measured.
async function signPeopleIn(b, s) {
  if (b.o.only.has('code_flow')) b.all.code_flow = await posternFlow(s.full, b.base.code, b.base.user);
}

// At oidc-provider before every measurement: the memory that it keeps sessions in is small, and
// tokens of the other scenarios drive them out.
async function signInToOidc(s) {
  oidcRequests.oidc_code_flow = await oidcFlow(s.oidc, oidcAuth('code'));
}

// 10,000 JWTs: to be verified, and to be introspected.
async function fetchJwts(b, s, m) {
  if (!b.o.only.has('tokens') && !b.o.only.has('introspect_jwt')) return;
  const tokens = await probes.fetchTokens(s.full, b.all.cc_jwt, 10000);
  fs.writeFileSync(b.files.jwts, tokens.join('\n') + '\n');
  if (b.o.only.has('tokens')) m.tokens = await probes.verifyTokens(s.full, tokens);
}

// Throughput and latency, with as many workers as the server takes by itself.
async function measureWide(b, m) {
  const { o } = b;
  const wide = await (await postern(b.full.store, 'wide', { workers: 0 })).start();
  if (o.only.has('connections')) {
    const at = { rounds: o.rounds, seconds: o.seconds };
    m.connections = {
      cc_jwt: await probes.manyConnections(wide, b.all.cc_jwt, at),
      twine_pair: await probes.manyConnections(wide, b.all.twine_pair, at),
    };
  }
  if (o.only.has('latency')) {
    m.latency = await probes.latency(wide, b.all.twine_pair,
      { rate: 2000, seconds: o.quick ? 2 : 10, folder: b.folder });
  }
  await wide.stop();
}

async function measureMemory(b, m) {
  const server = await (await postern(b.full.store, 'memory', { workers: 0 })).start();
  const list = ['twine_spread', 'twine_pair', 'cc_jwt', 'introspect_opaque'];
  m.memory = await probes.peakUnderLoad(server, list.map((n) => b.all[n]), b.o.quick ? 1 : 4);
  await server.stop();
}

// A process of its own: its store is not ours.
async function measureMove(o) {
  return JSON.parse(await run([process.execPath, path.join(__dirname, 'move.js'), String(o.tokens),
    String(o.clients)], { env: { BUILD } }));
}

async function measureAll(b) {
  const { o } = b;
  const m = { cpu: {}, perS: {}, verify: [] };
  const s = await startServers(b);
  await fetchJwts(b, s, m);
  await signPeopleIn(b, s);
  await measureCpu(b, s, m);
  await stopAll();
  if (o.only.has('connections') || o.only.has('latency')) await measureWide(b, m);
  if (o.only.has('memory')) await measureMemory(b, m);
  if (o.only.has('idle')) {
    m.idle = await probes.idleConnections(b.full.store, b.all.cc_jwt, o.quick ? 1000 : 10000);
  }
  if (o.only.has('start')) {
    m.start = await probes.startTimes(b.full.store, b.all.cc_jwt, o.rounds);
  }
  if (o.only.has('postgresql')) {
    m.shared = await onPostgres(b.folder, { rounds: o.rounds, seconds: o.seconds, quick: o.quick });
  }
  if (o.only.has('move')) m.move = await measureMove(o);
  if (o.only.has('sign_ins')) m.signIns = await signIns(b, o.quick ? 3 : 8);
  return m;
}

async function profile(b, name) {
  const s = await startServers(b);
  if (name.startsWith('empty_')) await renewEmpty(b, s);
  if (name === 'introspect_jwt') await fetchJwts(b, s, {});
  await signPeopleIn(b, s);
  if (name === 'oidc_code_flow') await signInToOidc(s);
  const [server, request] = place(b, s, name);
  const data = path.join(ROOT, 'build', 'bench', `${name}.perf`);
  await wrk(server.url, request, { seconds: 1 });
  const load = wrk(server.url, request, { seconds: 6 });
  await run(['perf', 'record', '-q', '--call-graph', 'dwarf,16384', '-F', '499', '-o', data, '-p',
    String(server.pid), '--', 'sleep', '5']);
  await load;
  const shares = async (title, n, leave, ...how) => {
    const text = await run(['perf', 'report', '-i', data, '-g', 'none', '--no-inline', '--stdio',
      '--percent-limit', '0.3', ...how]);
    const rows = text.split('\n').filter((l) => l.trim() !== '' && !l.startsWith('#') &&
      !leave.test(l)).map((l) => l.replace(/[ -]+$/, ''));
    process.stdout.write(`${name}: ${title}\n${rows.slice(0, n).join('\n')}\n\n`);
  };
  await shares('by library', 8, /^$/, '--no-children', '--sort', 'dso');
  await shares('by function, itself', 20, /0x0000/, '--no-children', '--sort', 'dso,symbol');
  await shares('by function, with what it calls (but the kernel)', 45, /0x0000|kernel|unknown/,
    '--children', '--sort', 'dso,symbol');
  process.stdout.write(`The whole of it: perf report -i ${path.relative(ROOT, data)}\n`);
}

async function main() {
  const o = options();
  fs.mkdirSync(path.join(ROOT, 'build', 'bench'), { recursive: true });
  const folder = fs.mkdtempSync(path.join(ROOT, 'build', 'bench', 'run-'));
  const cleanUp = async () => {
    await stopAll();
    fs.rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => cleanUp().then(() => process.exit(1)));
  }
  try {
    const start = Date.now();
    const b = await prepare(o, folder);
    if (o.profile) return await profile(b, o.profile);
    const m = await measureAll(b);
    const rows = report.rows(m, o);
    process.stdout.write(report.text(rows, m, o, (Date.now() - start) / 1000));
    if (o.write) report.write(rows, m, o);
    if (o.strict && rows.some((r) => r.met === false)) process.exitCode = 1;
  } finally {
    await cleanUp();
  }
}

main().catch((e) => {
  process.stderr.write(`script/bench: ${e.message}\n`);
  process.exitCode = 1;
});
