'use strict';
// From measurements to the table, its Markdown in docs/performance.md and the chart beside it.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
const { median } = require('./measure');
const { ROOT } = require('./servers');

const PAGE = path.join(ROOT, 'docs', 'performance.md');
const CHART = path.join(ROOT, 'docs', 'performance.svg');
const BEGIN = '<!-- script/bench --write begins -->';
const END = '<!-- script/bench --write ends -->';

const us = (v) => `${v < 100 ? v.toFixed(1) : Math.round(v)} µs`;
const thousands = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');

// Each round gives a ratio of its own: a machine that is slower for a while is so for both sides.
const perRound = (m, key, to, less) =>
  median(m.cpu[key].map((v, i) => (v - (less ? less[i] : 0)) / m.cpu[to][i]));

// { name, value, ratio, target, met }; met is undefined where there is no target.
function rows(m, o) {
  const c = Object.fromEntries(Object.entries(m.cpu).map(([k, v]) => [k, median(v)]));
  const list = [];
  const add = (name, value, ratio, target, met) => list.push({ name, value, ratio, target, met });
  const alone = (key, name) => c[key] && add(name, us(c[key]), '', '', undefined);
  const ratio = (key, name, to, word, limit, less) => {
    if (!c[key]) return;
    if (!c[to]) return alone(key, name);
    const r = perRound(m, key, to, less);
    add(name, us(c[key]), `${r.toFixed(r < 0.2 ? 3 : 2)} ${word}`,
      limit ? `<= ${limit} ${word}` : '', limit ? r <= limit : undefined);
  };
  const check = m.verify.length ? median(m.verify) : 0;
  const stored = `${thousands(o.tokens)} pairs`;

  alone('loop', 'loop: naive epoll loop, the same bytes');
  ratio('http', 'http: /bench/http, the bare exchange (h)', 'loop', 'loop', 1.3);
  ratio('sign', 'sign: /bench/sign, with one ES256 signature (s)', 'http', 'h');
  ratio('cc_jwt', 'cc_jwt: client_credentials, JWT ES256', 'sign', 's', 1.25);
  ratio('v2_token', 'v2_token: the same client at /v2/token, by form', 'cc_jwt', 'cc_jwt', 1.1);
  ratio('cc_opaque', 'cc_opaque: client_credentials, opaque, durable', 'http', 'h');
  ratio('twine_pair', `twine_pair: Twine token pair, durable, ${stored} stored`, 'http', 'h', 3.5);
  ratio('twine_spread', `twine_spread: the same, ${thousands(o.clients)} clients in turn`,
    'http', 'h');
  ratio('introspect_opaque', 'introspect_opaque: 10,000 opaque tokens in turn', 'http', 'h', 2.5);
  if (check) {
    add('verify: one ES256 signature check (v)', us(check), '', '', undefined);
    ratio('introspect_jwt', 'introspect_jwt: 10,000 JWTs in turn, less v', 'http', 'h', 2.5,
      m.verify);
  }
  for (const key of ['cc_jwt', 'twine_pair', 'introspect_opaque']) {
    const few = c[`empty_${key}`];
    if (!few || !c[key]) continue;
    const r = perRound(m, key, `empty_${key}`);
    add(`${key}: ${stored}, ${thousands(o.clients)} clients against an empty store`,
      `${us(c[key])} / ${us(few)}`, r.toFixed(2), '<= 1.15', r <= 1.15);
  }
  if (c.code_flow && c.sign && c.http) { // 2 h + 2 signatures is 2 s, since s is h and one of them
    const r = median(m.cpu.code_flow.map((v, i) => v / (2 * m.cpu.sign[i])));
    add('code_flow: authorize (live session) and code -> id_token, JWT, refresh token',
      us(c.code_flow), `${r.toFixed(2)} (2 h + 2 signatures)`, '<= 3 (2 h + 2 signatures)', r <= 3);
  }
  for (const [key, theirs, limit] of [['cc_jwt', 'oidc_jwt', 0.125],
    ['cc_opaque', 'oidc_opaque', 0], ['code_flow', 'oidc_code_flow', 0.2]]) {
    if (!c[theirs] || !c[key]) continue;
    const r = perRound(m, key, theirs);
    add(`${key} against oidc-provider, ${theirs.slice(5)}`, `${us(c[key])} / ${us(c[theirs])}`,
      `${r.toFixed(3)} (1/${(1 / r).toFixed(1)})`, limit ? `<= 1/${1 / limit}` : '',
      limit ? r <= limit : undefined);
  }
  probeRows(m, o, add, stored);
  return list;
}

function probeRows(m, o, add, stored) {
  if (m.tokens) {
    const { n, distinct, verified } = m.tokens;
    add('10,000 JWTs: distinct jti, verified by jose', `${distinct}, ${verified}`, '',
      'all', distinct === n && verified === n && n === 10000);
  }
  for (const [key, r] of Object.entries(m.connections || {})) {
    add(`${key}: requests a second, 1,000 against 64 connections`,
      `${thousands(r.many)} / ${thousands(r.few)}`, (r.many / r.few).toFixed(2), '>= 0.65',
      r.many / r.few >= 0.65);
    add(`${key}: slowest answer at 1,000 connections`, `${r.max_ms.toFixed(0)} ms`, '',
      '<= 1000 ms', r.max_ms <= 1000);
  }
  if (m.latency) {
    const l = m.latency;
    add(`twine_pair at ${thousands(l.rate)} a second: p99 from request to durable answer`,
      `${l.served_p99.toFixed(1)} ms (p50 ${l.served_p50.toFixed(1)}, seen by the client ` +
      `${l.seen_p99.toFixed(1)})`, '', '<= 20 ms', l.served_p99 <= 20);
  }
  if (m.idle) {
    const n = o.quick ? 1000 : 10000;
    const all = m.idle.answered === n && m.idle.open === n;
    add(`RSS with ${thousands(m.idle.open)} idle connections, a token request each`,
      `${m.idle.after.toFixed(1)} MB (${m.idle.before.toFixed(1)} before)`, '', '<= 40 MB',
      m.idle.after <= 40 && all);
  }
  if (m.memory) {
    add(`VmHWM under load, ${stored}, ${thousands(o.clients)} clients`,
      `${m.memory.toFixed(1)} MB`, '', '<= 32 MB', m.memory <= 32);
  }
  if (m.signIns) {
    const f = m.signIns;
    const r = f.busy.seen_p99 / f.idle.seen_p99;
    const hashes = f.memory - f.before;
    add(`cc_jwt at ${thousands(f.busy.rate)} a second beside 200 guesses of passwords: p99 ` +
      'against idle', `${f.busy.seen_p99.toFixed(1)} / ${f.idle.seen_p99.toFixed(1)} ms (in the ` +
      `server ${f.busy.served_p99.toFixed(2)} / ${f.idle.served_p99.toFixed(2)})`, r.toFixed(2),
    '<= 2', r <= 2);
    add('the slowest of 20 honest sign-ins meanwhile', `${f.honest_s.toFixed(1)} s`, '', '<= 5 s',
      f.honest_s <= 5);
    add('memory for the hashes of that flood (one slot of 20 MB)', `${hashes.toFixed(1)} MB`, '',
      '<= 32 MB', hashes <= 32);
    const excess = Object.entries(f.counts).filter(([k]) => /^\d+$/.test(k))
      .map(([k, n]) => `${n} x ${k}`).join(', ');
    add('answers to the guesses; each 503 says Retry-After', excess, '', 'all',
      f.counts.without_retry_after === 0);
  }
  if (m.shared) sharedRows(m.shared, add);
  if (m.move) moveRows(m.move, add);
  if (m.start) {
    add(`exec to the first 200 with a token, ${stored}`, `${m.start.toFixed(1)} ms`, '',
      '<= 50 ms', m.start <= 50);
  }
}

// The same server on PostgreSQL (shared.js).
function sharedRows(r, add) {
  const more = r.postgresql / r.sqlite;
  add('cc_jwt: instructions a request, PostgreSQL against SQLite',
    `${thousands(r.postgresql)} / ${thousands(r.sqlite)}`, more.toFixed(3), '<= 1.05',
    more <= 1.05);
  add('twine_pair on PostgreSQL: durable pairs a second, against pgbench inserting the row',
    `${thousands(r.pairs)} / ${thousands(r.rows)}`, r.ratio.toFixed(2), '>= 2', r.ratio >= 2);
}

// `postern move` there and back (move.js): the whole command, with reading back and comparing.
function moveRows(r, add) {
  for (const [key, name, least] of [['to_postgresql', 'PostgreSQL', 50000],
    ['to_sqlite', 'SQLite', 100000]]) {
    const { rows, rows_per_second: rate, first_pass_rows_per_second: copying, pause_ms } = r[key];
    add(`move of ${thousands(rows)} rows to ${name}: rows a second, all in all (copying alone)`,
      `${thousands(rate)} (${thousands(copying)})`, '', `>= ${thousands(least)}`, rate >= least);
    add(`the pause of that move`, `${thousands(pause_ms)} ms`, '', '<= 5,000 ms', pause_ms <= 5000);
    add('its VmHWM at the end against after 2 s', `${(r[key].late_kb / 1000).toFixed(1)} / ` +
      `${(r[key].early_kb / 1000).toFixed(1)} MB`, (r[key].late_kb / r[key].early_kb).toFixed(2),
    '<= 1.1', r[key].late_kb <= 1.1 * r[key].early_kb);
  }
}

const word = (met) => (met === undefined ? '' : met ? 'met' : 'MISSED');

const version = (command, args, pattern) => {
  try {
    return pattern.exec(execFileSync(command, args, { encoding: 'utf8' }))[1];
  } catch {
    return '?';
  }
};

function how(o, m) {
  const cpu = os.cpus();
  const oidc = require('./package.json').dependencies['oidc-provider'];
  const noisy = Object.values(m.cpu).map((v) => (Math.max(...v) - Math.min(...v)) / median(v));
  const spread = noisy.length ? `; within a scenario the rounds lie ${
    Math.round(median(noisy) * 100)} % apart (median)` : '';
  return `${new Date().toISOString().slice(0, 10)}, ${cpu[0].model}, ${cpu.length} cores, ` +
    `Linux ${os.release()}, gcc ${version('cc', ['-dumpfullversion'], /(\S+)/)}, ` +
    `OpenSSL ${version('openssl', ['version'], /OpenSSL (\S+)/)}, Node ${process.versions.node}, ` +
    `oidc-provider ${oidc}. Medians of ${o.rounds} interleaved rounds of ${o.seconds} s, ` +
    `logs on${spread}.`;
}

function text(list, m, o, seconds) {
  const width = (key) => Math.max(...list.map((r) => r[key].length), key.length);
  const w = { name: width('name'), value: width('value'), ratio: width('ratio'),
    target: width('target') };
  const line = (r) => [r.name.padEnd(w.name), r.value.padStart(w.value), r.ratio.padStart(w.ratio),
    r.target.padEnd(w.target), r.word].join('  ').trimEnd();
  const head = line({ name: 'scenario', value: 'value', ratio: 'ratio', target: 'target',
    word: '' });
  const out = [head, '-'.repeat(head.length)];
  out.push(...list.map((r) => line({ ...r, word: word(r.met) })));
  const missed = list.filter((r) => r.met === false).length;
  out.push('', how(o, m));
  if (o.quick) {
    out.push('QUICK: short rounds and a small store. These figures say that all of it works, ' +
      'not how fast it is.');
  }
  out.push(`${list.filter((r) => r.met).length} targets met, ${missed} missed; ` +
    `${Math.round(seconds)} s.`, '');
  return out.join('\n');
}

const cell = (s) => s.replace(/\|/g, '\\|').replace('<=', '≤').replace('>=', '≥');

function markdown(list, m, o) {
  const row = (r) => `| ${cell(r.name)} | ${cell(r.value)} | ${cell(r.ratio)} | ` +
    `${cell(r.target)} | ${r.met === undefined ? '' : r.met ? 'met' : '**missed**'} |`;
  return [BEGIN, '', '![Server CPU per request](performance.svg)', '',
    '| | CPU a request, or what is named | ratio | target | |', '|---|---|---|---|---|',
    ...list.map(row), '', how(o, m), '', END].join('\n');
}

const BARS = [['http', 'bare HTTP exchange'], ['introspect_opaque', 'introspection, opaque'],
  ['cc_opaque', 'opaque token, durable'], ['twine_pair', 'Twine pair, durable'],
  ['sign', 'HTTP and one ES256 signature'], ['cc_jwt', 'JWT ES256'],
  ['introspect_jwt', 'introspection, JWT'], ['oidc_opaque', 'oidc-provider, opaque, in memory'],
  ['oidc_jwt', 'oidc-provider, JWT ES256, in memory'],
  ['code_flow', 'sign-in: authorize and token'],
  ['oidc_code_flow', 'oidc-provider, the same, in memory']];

// Bars with their figures; both colour schemes in one file.
function chart(m) {
  const bars = BARS.filter(([key]) => m.cpu[key])
    .map(([key, name]) => ({ name, v: median(m.cpu[key]), theirs: key.startsWith('oidc') }));
  const max = Math.max(...bars.map((b) => b.v));
  const height = 60 + bars.length * 30;
  const body = bars.map((b, i) => {
    const y = 48 + i * 30;
    const w = Math.max(2, Math.round(b.v / max * 380));
    return `  <text x="250" y="${y + 15}" text-anchor="end">${b.name}</text>\n` +
      `  <rect class="${b.theirs ? 'theirs' : 'ours'}" x="260" y="${y}" width="${w}" height="20"` +
      ` rx="2"/>\n  <text x="${266 + w}" y="${y + 15}">${us(b.v)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 ${height}" width="720" ` +
    `height="${height}" role="img" aria-label="Server CPU per request">
  <style>
    .page { fill: #ffffff } text { font: 14px sans-serif; fill: #1f2328 }
    .title { font-weight: bold } .ours { fill: #1a7f5a } .theirs { fill: #8c6bb1 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 } text { fill: #e6edf3 } .ours { fill: #3fb68b }
      .theirs { fill: #b79bd8 }
    }
  </style>
  <rect class="page" width="720" height="${height}"/>
  <text class="title" x="16" y="28">Server CPU per request (shorter is better)</text>
${body.join('\n')}
</svg>
`;
}

function write(list, m, o) {
  const page = fs.readFileSync(PAGE, 'utf8');
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/performance.md has lost its markers ${BEGIN}`);
  fs.writeFileSync(PAGE, page.slice(0, from) + markdown(list, m, o) + page.slice(to + END.length));
  fs.writeFileSync(CHART, chart(m));
}

module.exports = { rows, text, write };
