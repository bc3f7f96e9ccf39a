'use strict';
// From the figures of script/torture (JSON, one file a part) to docs/reliability.md and its picture.
//
//     node test/torture/report.js DIR [--minutes N] [--write]   without --write: prints the figures
//
// N: how long all of it took. Without it DIR has single parts that were run again: the page keeps
// the sections of the others, and the picture is drawn anew when all floods are there.

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
      p.failed.map((f) => `- ${cell(f).slice(0, 400)}`).join('\n');
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

// What the page has now: its sections by label, and how long the whole took.
function present(page) {
  const text = page.slice(page.indexOf(BEGIN), page.indexOf(END));
  const sections = text.split(/^(?=### )/m).slice(1).map((s) => [/^### (\S+)/.exec(s)[1], s]);
  return { sections: new Map(sections), minutes: (/The whole took (\d+) minutes/.exec(text) || [])[1] };
}

// Checks of a section: [passed, failed].
function checks(text) {
  const failed = /\*\*(\d+) of (\d+) checks failed/.exec(text);
  return failed ? [failed[2] - failed[1], Number(failed[1])]
    : [Number(/(\d+) checks passed/.exec(text)[1]), 0];
}

function figures(list, minutes, page) {
  const known = minutes ? { sections: new Map(), minutes } : present(page);
  for (const p of list) known.sections.set(p.label, section(p));
  const sections = [...known.sections.entries()].sort().map(([, text]) => `${text.trimEnd()}\n`);
  const [good, bad] = sections.map(checks).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  const whole = known.minutes ? ` The whole took ${known.minutes} minutes.` : '';
  return [BEGIN, '', `Machine: ${machine()}; server, load and tests share it. ${good} checks passed, ` +
    `${bad} failed.${whole}`, '', '![Latency of an honest client under floods](reliability.svg)', '',
  ...sections, END].join('\n');
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

function write(list, minutes, page) {
  const from = page.indexOf(BEGIN), to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/reliability.md has lost its markers ${BEGIN}`);
  fs.writeFileSync(PAGE, page.slice(0, from) + figures(list, minutes, page) + page.slice(to + END.length));
  const stores = new Set(list.filter((p) => p.name === 'floods').map((p) => p.store));
  const picture = chart(list);
  if (picture && stores.size === 2) fs.writeFileSync(CHART, picture);
}

const [dir, ...options] = process.argv.slice(2);
const list = read(dir);
const minutes = options.includes('--minutes') ? options[options.indexOf('--minutes') + 1] : '';
const page = fs.readFileSync(PAGE, 'utf8');
if (options.includes('--write')) write(list, minutes, page);
else console.log(figures(list, minutes, page));
