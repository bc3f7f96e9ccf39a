'use strict';
// script/lint names every violation that it exists for. Each case is a small tree that keeps all
// rules but one; the tree without the violation passes, so a rule that fires on everything fails
// here as well as one that never fires.

const { test } = require('node:test');
const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');
const LINT = path.join(ROOT, 'script', 'lint');

const CLEAN = {
  'src/base/thing.h': '/* thing: an example. */\n#ifndef BASE_THING_H\n#define BASE_THING_H\n\n'
    + '/* Twice x. */\nint thing_twice(int x);\n\n#endif\n',
  'src/base/thing.c': '/* thing: an example. */\n#include "base/thing.h"\n\n'
    + 'int thing_twice(int x)\n{\n    return 2 * x;\n}\n',
  'src/store/row.c': '/* row: an example with SQL. */\n#include "base/thing.h"\n\n'
    + 'static const char load[] = "SELECT a FROM b WHERE c = $1";\n\n'
    + 'const char *row_text(void)\n{\n    return load;\n}\n',
};

function lint(files) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lint-'));
  try {
    for (const name of ['deps', '.clang-format']) {
      fs.copyFileSync(path.join(ROOT, name), path.join(dir, name));
    }
    for (const [name, text] of Object.entries({ ...CLEAN, ...files })) {
      fs.mkdirSync(path.join(dir, path.dirname(name)), { recursive: true });
      fs.writeFileSync(path.join(dir, name), text);
    }
    const r = spawnSync(LINT, [dir], { encoding: 'utf8' });
    return { code: r.status, lines: r.stdout.trim().split('\n'), stderr: r.stderr };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

const file = (body, head = '/* a file. */\n') => `${head}${body}`;
const body = (statement) => file(`\nint bad(void)\n{\n    ${statement}\n}\n`);

const CASES = [
  ['base may not include store', 'src/base/bad.c', file('#include "store/client.h"\n'),
    2, 'include-direction'],
  ['oauth may not include net', 'src/oauth/bad.c', file('#include "net/net.h"\n'),
    2, 'include-direction'],
  ['a grant may not include an endpoint', 'src/oauth/grant/bad.c',
    file('#include "oauth/endpoint/token.h"\n'), 2, 'include-direction'],
  ['a grant may not include another', 'src/oauth/grant/bad.c',
    file('#include "oauth/grant/refresh_token.h"\n'), 2, 'include-direction'],
  ['OpenSSL outside crypto', 'src/store/bad.c', file('#include <openssl/evp.h>\n'),
    2, 'library-header'],
  ['SQLite outside its driver', 'src/store/bad.c', file('#include <sqlite3.h>\n'),
    2, 'library-header'],
  ['libpq outside its driver', 'src/cmd/bad.c', file('#include <libpq-fe.h>\n'),
    2, 'library-header'],
  ['argon2 outside crypto', 'src/oauth/bad.c', file('#include <argon2.h>\n'), 2, 'library-header'],
  ['seccomp outside sandbox', 'src/cmd/bad.c', file('#include <seccomp.h>\n'), 2, 'library-header'],
  ['sockets outside net', 'src/http/bad.c', file('#include <sys/socket.h>\n'), 2, 'library-header'],
  ['a function of 81 lines', 'src/base/bad.c',
    file(`\nvoid bad(void)\n{\n${'    (void)0;\n'.repeat(78)}}\n`), 3, 'function-length'],
  ['a file of 801 lines', 'src/base/bad.c', file('\n/* . */'.repeat(799) + '\n'),
    801, 'file-length'],
  ['a line of 101 columns', 'src/base/bad.c', file(`/* ${'x'.repeat(95)} */\n`), 2, 'line-length'],
  ['a foreign export', 'src/base/bad.c', file('\nint other_thing(void)\n{\n    return 1;\n}\n'),
    3, 'export-name'],
  ['a foreign exported variable', 'src/base/bad.c', file('\nint other_thing = 1;\n'),
    3, 'export-name'],
  ['a test is bound by the sizes too', 'test/unit/base_bad.c',
    file(`\nvoid bad(void)\n{\n${'    (void)0;\n'.repeat(78)}}\n`), 3, 'function-length'],
  ['comparing a secret with memcmp', 'src/base/bad.c',
    body('return memcmp(a, client_secret, 32);'), 5, 'secret-compare'],
  ['comparing a digest with str_eq', 'src/base/bad.c',
    body('return str_eq(row.digest, sent);'), 5, 'secret-compare'],
  ['time()', 'src/base/bad.c', body('return (int)time(NULL);'), 5, 'clock'],
  ['clock_gettime()', 'src/net/bad.c', body('return clock_gettime(0, &t);'), 5, 'clock'],
  ['gettimeofday()', 'src/oauth/bad.c', body('return gettimeofday(&t, NULL);'), 5, 'clock'],
  ['a .c file without its comment', 'src/base/bad.c', file('int bad;\n', ''), 1, 'file-comment'],
  ['a declaration without a comment', 'src/base/bad.h',
    file('\nint bad(void);\n'), 3, 'header-comment'],
  ['trailing white space in C', 'src/base/bad.c', file('int bad; \n'), 2, 'trailing-space'],
  ['trailing white space in JavaScript', 'test/spec/bad.test.js', 'a();\t\n', 1, 'trailing-space'],
  ['a query outside store and db', 'src/oauth/bad.c',
    file('static const char q[] = "SELECT id FROM client";\n'), 2, 'sql'],
  ['a write outside store and db', 'src/cmd/bad.c',
    file('static const char q[] = "DELETE FROM client";\n'), 2, 'sql'],
  ['not formatted', 'src/base/bad.c', file('int   bad;\n'), 2, 'clang-format'],
];

for (const name of ['sprintf', 'strcpy', 'strcat', 'strncpy', 'strtok', 'gets', 'atoi', 'localtime',
  'rand', 'alloca']) {
  CASES.push([`${name}()`, 'src/base/bad.c', body(`return (int)${name}(x);`), 5, 'banned-function']);
}

test('a clean tree passes', () => {
  const r = lint({});
  assert.strictEqual(r.code, 0, r.lines.join('\n') + r.stderr);
});

test('words in comments, strings and member names are no calls', () => {
  const r = lint({
    'src/base/bad.c': file('\n/* strcpy(a, b) and time(0) are banned */\nint bad(struct x *c)\n{\n'
      + '    c->time(1); // atoi(x)\n    return f("sprintf(a)", "a /* b", \'"\', runtime(2));\n}\n'),
  });
  assert.strictEqual(r.code, 0, r.lines.join('\n'));
});

for (const [what, name, text, line, rule] of CASES) {
  test(`${rule}: ${what}`, () => {
    const r = lint({ [name]: text });
    assert.strictEqual(r.code, 1, 'lint passed');
    const found = r.lines.filter((l) => l.startsWith(`${name}:${line}: ${rule}`));
    assert.strictEqual(found.length, 1, r.lines.join('\n'));
    const others = r.lines.slice(0, -1).filter((l) => !l.startsWith(`${name}:`));
    assert.deepStrictEqual(others, [], 'a clean file was accused');
  });
}
