'use strict';
// Each line of the security contract that speaks of something built has a test that names it, and
// docs/security-tests.md says which (script/gen-security-tests). The check itself is shown to bite.

const { test } = require('node:test');
const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');

// The check over this tree's scripts and lists, with `change` made to a copy of them.
function check(change = () => {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'security-tests-'));
  try {
    for (const name of ['script/gen-security-tests', 'script/security-tests.awk', 'test/security.txt',
      'docs/security-tests.md']) {
      fs.mkdirSync(path.join(dir, path.dirname(name)), { recursive: true });
      fs.copyFileSync(path.join(ROOT, name), path.join(dir, name));
    }
    fs.cpSync(path.join(ROOT, 'test'), path.join(dir, 'test'),
      { recursive: true, filter: (from) => !/node_modules|\/corpus|http_corpus\//.test(from) });
    fs.cpSync(path.join(ROOT, 'test/spec/http_corpus'), path.join(dir, 'test/spec/http_corpus'),
      { recursive: true });
    change(dir);
    const r = spawnSync(path.join(dir, 'script/gen-security-tests'), ['--check'], { encoding: 'utf8' });
    return { code: r.status, text: r.stdout + r.stderr };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

const edit = (dir, name, f) => fs.writeFileSync(path.join(dir, name),
  f(fs.readFileSync(path.join(dir, name), 'utf8')));

test('every line that is built has a test, and the page says which', () => {
  const r = check();
  assert.strictEqual(r.code, 0, r.text);
});

test('a line without a test, a test of no line, and an old page are each found', () => {
  const alone = check((dir) => edit(dir, 'test/security.txt', (s) => `${s}A99: Something new.\n`));
  assert.match(alone.text, /no test names security\.md A99/);
  assert.notStrictEqual(alone.code, 0);
  const stray = check((dir) => fs.writeFileSync(path.join(dir, 'test/unit/stray.c'),
    `/* security.md ${['A', '98'].join('')} */\n`));
  assert.match(stray.text, /no such line: A98/);
  const old = check((dir) => edit(dir, 'docs/security-tests.md', (s) => s.replace('| 22 |', '| 22 | x')));
  assert.match(old.text, /not up to date/);
});

test('docs/security-model.md shows the defaults of the settings that it names', () => {
  const binary = process.env.POSTERN ?? path.join(ROOT, 'build', 'release', 'postern');
  const reference = spawnSync(binary, ['config', '--reference', '--markdown'], { encoding: 'utf8' }).stdout;
  const model = fs.readFileSync(path.join(ROOT, 'docs/security-model.md'), 'utf8');
  const rows = [...model.matchAll(/^\| `([a-z._]+)` \| (\S+) \|/gm)];
  assert.ok(rows.length >= 10, model);
  for (const [, name, value] of rows) {
    const [, section] = reference.split(`\n## ${name}\n`);
    assert.ok(section, `there is no setting ${name}`);
    const [, fallback] = /\|---\|---\|---\|\n\|[^|]*\| `?([^|`]*?)`? \|/.exec(section);
    assert.strictEqual(fallback, value, name);
  }
});
