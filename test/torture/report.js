'use strict';
// From the figures of script/torture (JSON, one file a part) to docs/reliability.md and its picture.
//
//     node test/torture/report.js DIR [--minutes N] [--write]   without --write: prints the page
//
// N: how long all of it took.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ROOT } = require('./lib/part.js');

const PAGE = path.join(ROOT, 'docs', 'reliability.md');
const CHART = path.join(ROOT, 'docs', 'reliability.svg');
const BEGIN = '<!-- script/torture --write begins -->';
const END = '<!-- script/torture --write ends -->';

const cell = (s) => String(s).replace(/\|/g, '\\|').replace(/\n/g, ' ');

function read(dir) {
  return fs.readdirSync(dir).filter((f) => f.endsWith('.json')).sort().map((f) =>
    ({ label: f.replace('.json', ''), ...JSON.parse(fs.readFileSync(path.join(dir, f), 'utf8')) }));
}

// The command that does it again.
function command(p) {
  const list = ['script/torture', p.name];
  if (p.rounds) list.push('--rounds', p.rounds);
  if (p.store !== 'sqlite') list.push('--store', p.store);
  if (p.quick) list.push('--quick');
  if (p.only) list.push('--only', p.only);
  if (/two-nodes/.test(p.label)) list.push('--nodes 2');
  list.push('--seed', p.seed);
  return list.join(' ');
}

function section(p) {
  const verdict = p.failed.length === 0 ? `${p.passed} checks passed.`
    : `**${p.failed.length} of ${p.passed + p.failed.length} checks failed:**\n\n` +
      p.failed.map((f) => `- ${cell(f)}`).join('\n');
  const rows = p.figures.map((f) => `| ${cell(f.name)} | ${cell(f.value)} ${f.unit} |`);
  return [`### ${p.label}`, '', `${p.date}, ${Math.round(p.seconds / 6) / 10} minutes. ${verdict}`, '',
    ...(rows.length > 0 ? ['| what | figure |', '| --- | --- |', ...rows, ''] : []),
    '```', command(p), '```', ''].join('\n');
}

// Model and name of the machine stay out: cores, memory and kernel say what matters.
function machine() {
  let postgres = '';
  try {
    postgres = execFileSync('psql', ['--version'], { encoding: 'utf8' }).trim()
      .replace(/^psql \(PostgreSQL\) (\S+).*/, ', PostgreSQL $1');
  } catch {
    // there is none
  }
  return `${os.cpus().length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GB, Linux ` +
    `${os.release().replace(/-.*/, '')}${postgres}`;
}

function figures(list, minutes) {
  const bad = list.reduce((n, p) => n + p.failed.length, 0);
  const good = list.reduce((n, p) => n + p.passed, 0);
  const whole = minutes ? ` The whole took ${minutes} minutes.` : '';
  return [BEGIN, '', `Machine: ${machine()}; server, load and tests share it. ${good} checks passed, ` +
    `${bad} failed.${whole}`, '', '![Latency of an honest client under floods](reliability.svg)', '',
  ...list.map(section), END].join('\n');
}

// Two bars for each flood: idle and flooded, with the line at twice the idle one.
function chart(list) {
  const floods = list.filter((p) => p.name === 'floods').flatMap((p) => p.figures
    .filter((f) => f.data).map((f) => ({ ...f.data, store: p.store })));
  if (floods.length === 0) return null;
  const max = Math.max(...floods.map((f) => Math.max(f.flood, 2 * f.idle)));
  const height = 70 + floods.length * 40;
  const x = (ms) => Math.max(2, Math.round(ms / max * 360));
  const body = floods.map((f, i) => {
    const y = 54 + i * 40;
    return `  <text x="250" y="${y + 18}" text-anchor="end">${f.name} (${f.store})</text>\n` +
      `  <rect class="idle" x="260" y="${y}" width="${x(f.idle)}" height="12"/>\n` +
      `  <rect class="flood" x="260" y="${y + 14}" width="${x(f.flood)}" height="12"/>\n` +
      `  <line class="limit" x1="${260 + x(2 * f.idle)}" x2="${260 + x(2 * f.idle)}" y1="${y - 2}" ` +
      `y2="${y + 28}"/>\n  <text x="${270 + x(Math.max(f.flood, 2 * f.idle))}" y="${y + 18}">` +
      `${f.idle.toFixed(1)} / ${f.flood.toFixed(1)} ms</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 ${height}" width="760" ` +
    `height="${height}" role="img" aria-label="p99 of an honest client, idle and under floods">
  <style>
    .page { fill: #ffffff } text { font: 13px sans-serif; fill: #1f2328 } .title { font-weight: bold }
    .idle { fill: #1a7f5a } .flood { fill: #8c6bb1 } .limit { stroke: #cf222e; stroke-width: 2 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 } text { fill: #e6edf3 } .idle { fill: #3fb68b } .flood { fill: #b79bd8 }
      .limit { stroke: #ff7b72 }
    }
  </style>
  <rect class="page" width="760" height="${height}"/>
  <text class="title" x="16" y="28">p99 of an honest client: idle, flooded, and twice idle (line)</text>
${body.join('\n')}
</svg>
`;
}

function write(list, minutes) {
  const page = fs.readFileSync(PAGE, 'utf8');
  const from = page.indexOf(BEGIN), to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/reliability.md has lost its markers ${BEGIN}`);
  fs.writeFileSync(PAGE, page.slice(0, from) + figures(list, minutes) + page.slice(to + END.length));
  const picture = chart(list);
  if (picture) fs.writeFileSync(CHART, picture);
}

const [dir, ...options] = process.argv.slice(2);
const list = read(dir);
const minutes = options.includes('--minutes') ? options[options.indexOf('--minutes') + 1] : '';
if (options.includes('--write')) write(list, minutes);
else console.log(figures(list, minutes));
