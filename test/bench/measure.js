'use strict';
// CPU and memory of a process from /proc, load by wrk and h2load.
//
// CPU is the sum over all threads of the first number of /proc/PID/task/*/schedstat (nanoseconds
// on a core, user and system). It is divided by the requests that were answered as expected:
// status below 400, and as many bytes an answer as the answer that was looked at before the run.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { checkFlow } = require('./people');

// With two cores and more, servers run on core 0 and what loads them on core 1.
const SERVER_CORE = '0';
const LOAD_CORE = '1';
const pinned = (core, command) => ['taskset', '-c', core, ...command];

// A process and its children: a server is several.
const family = (pid) => [pid, ...fs.readdirSync('/proc').filter((dir) => {
  try {
    const stat = /^\d+$/.test(dir) ? fs.readFileSync(`/proc/${dir}/stat`, 'latin1') : '';
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
  } catch {
    return false; // it ended meanwhile
  }
}).map(Number)];

// Of the process and its children.
function cpuNs(pid) {
  let sum = 0;
  for (const one of family(pid)) {
    for (const task of fs.readdirSync(`/proc/${one}/task`)) {
      const text = fs.readFileSync(`/proc/${one}/task/${task}/schedstat`, 'utf8');
      sum += Number(text.split(' ')[0]);
    }
  }
  return sum;
}

// VmHWM, VmRSS in MB (10^6 bytes), of the process and its children: what they share counts for each.
function memoryMb(pid, name) {
  return family(pid).map((one) => {
    const text = fs.readFileSync(`/proc/${one}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]) * 1024 / 1e6;
  }).reduce((a, b) => a + b, 0);
}


function run(command, { env = {}, input } = {}) {
  return new Promise((done, failed) => {
    const child = spawn(command[0], command.slice(1), {
      env: { ...process.env, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const out = { stdout: '', stderr: '' };
    child.stdout.on('data', (d) => { out.stdout += d; });
    child.stderr.on('data', (d) => { out.stderr += d; });
    child.on('error', failed);
    child.on('close', (code) => {
      if (code === 0) done(out.stdout);
      else failed(new Error(`${command.join(' ')}: exit ${code}\n${out.stdout}${out.stderr}`));
    });
    if (input !== undefined) child.stdin.end(input);
  });
}

const basic = (id, secret) =>
  'Basic ' + Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)
    .toString('base64');

// request: { path, method, type, auth, body, lines, looks(text, status) }
const bodyOf = (request, line) => request.body && request.body.replace('@', () => line || '');

// One request by hand: is the answer what it should be? Returns its size with the header.
async function probe(url, request) {
  const line = request.lines && fs.readFileSync(request.lines, 'utf8').split('\n', 1)[0];
  const headers = {};
  if (request.type) headers['content-type'] = request.type;
  if (request.auth) headers.authorization = request.auth;
  const r = await fetch(url + request.path, {
    method: request.method, headers, body: bodyOf(request, line),
  });
  const text = await r.text();
  if (!request.looks(text, r.status)) {
    throw new Error(`${request.path} answered ${r.status}: ${text.slice(0, 500)}`);
  }
  return text.length;
}

function loadEnv(request) {
  const env = { BENCH_FOLDER: __dirname, BENCH_METHOD: request.method };
  if (request.body) env.BENCH_BODY = request.body;
  if (request.type) env.BENCH_TYPE = request.type;
  if (request.auth) env.BENCH_AUTH = request.auth;
  if (request.lines) env.BENCH_LINES = request.lines;
  if (request.authorize) {
    env.BENCH_AUTHORIZE = request.authorize;
    env.BENCH_COOKIE = request.cookie;
    env.BENCH_TOKEN = request.path;
  }
  return env;
}

// { requests, good, us, bytes, p50_us, p99_us, max_us }
async function wrk(url, request, { connections = 64, seconds, threads = 1, cores } = {}) {
  const name = request.authorize ? 'flow' : request.lines ? 'rotate' : 'static';
  const script = `${__dirname}/${name}.lua`;
  const command = ['wrk', '-t', String(threads), '-c', String(connections), '-d', `${seconds}s`,
    '--timeout', '10s', '-s', script, url + request.path];
  const text = await run(cores === 'all' ? command : pinned(LOAD_CORE, command),
    { env: loadEnv(request) });
  const line = /^BENCH (.*)$/m.exec(text);
  if (!line) throw new Error(`wrk said: ${text}`);
  const r = JSON.parse(line[1]);
  r.good = r.requests - r.status_errors;
  if (r.status_errors > 0 || r.socket_errors > 0) {
    throw new Error(`${request.path}: ${r.status_errors} answers with an error status, ` +
      `${r.socket_errors} socket errors among ${r.requests}`);
  }
  return r;
}

// The same for a flow of two requests, authorize and token.
async function cpuPerFlow(server, request, seconds) {
  await checkFlow(server.port, request);
  const before = cpuNs(server.pid);
  const r = await wrk(server.url, request, { seconds });
  const flows = r.good / 2;
  return { us: (cpuNs(server.pid) - before) / 1000 / flows, per_s: flows / r.us * 1e6 };
}

// Microseconds of the server's CPU for a request of this kind.
async function cpuPerRequest(server, request, seconds) {
  if (request.authorize) return cpuPerFlow(server, request, seconds);
  const size = await probe(server.url, request);
  const before = cpuNs(server.pid);
  const r = await wrk(server.url, request, { seconds });
  const us = (cpuNs(server.pid) - before) / 1000 / r.good;
  const each = r.bytes / r.requests;
  if (each < size || each > size * 1.2 + 1000) {
    throw new Error(`${request.path}: answers of ${each} bytes where ${size} and a header ` +
      'were expected');
  }
  return { us, per_s: r.good / r.us * 1e6 };
}

// Latencies in microseconds at a fixed rate, sorted. h2load, HTTP/1.1.
async function fixedRate(url, request, { rate, seconds, connections, folder }) {
  const log = `${folder}/h2load.log`;
  const data = `${folder}/h2load.body`;
  fs.rmSync(log, { force: true });
  fs.writeFileSync(data, request.body);
  const command = pinned(LOAD_CORE, ['h2load', '--h1', '-c', String(connections), '-t', '1',
    '-D', String(seconds), '--rps', String(rate / connections), '--log-file', log, '-d', data]);
  if (request.type) command.push('-H', `content-type: ${request.type}`);
  if (request.auth) command.push('-H', `authorization: ${request.auth}`);
  await run([...command, url + request.path]);
  const rows = fs.readFileSync(log, 'utf8').trim().split('\n').map((l) => l.split('\t'));
  const good = rows.filter((r) => Number(r[1]) >= 200 && Number(r[1]) < 300);
  return good.map((r) => Number(r[2])).sort((a, b) => a - b);
}

const median = (list) => {
  const s = [...list].sort((a, b) => a - b);
  const half = Math.floor(s.length / 2);
  return s.length % 2 ? s[half] : (s[half - 1] + s[half]) / 2;
};
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

module.exports = { cpuNs, memoryMb, run, basic, probe, wrk, cpuPerRequest, fixedRate,
  median, quantile, pinned, SERVER_CORE };
