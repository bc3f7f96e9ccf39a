'use strict';
// The tests of test/spec once more: against the server built with AddressSanitizer and UBSan, against
// the one built with ThreadSanitizer; and a short load on the released one under valgrind.
//
//     node test/torture/sanitizers.js [--only PATTERN]    a pattern that fits none: valgrind alone

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Part, ROOT } = require('./lib/part.js');

// About files, packages, manuals and units: no server of ours runs in them, or not this binary.
const NOT_THESE = /^(systemd|package|container|man|lint|demo|http_corpus|check_switch|upgrade|move|key_life|sandbox)/;
const SHORT = ['token_endpoint', 'refresh_of_people', 'device_authorization', 'par'];
const PATIENCE_MS = 400000;

const part = new Part('sanitizers');

const suites = () => (part.quick ? SHORT : fs.readdirSync(path.join(ROOT, 'test', 'spec'))
  .filter((f) => f.endsWith('.test.js') && !NOT_THESE.test(f)).map((f) => f.replace('.test.js', '')))
  .filter((f) => f.includes(part.options.only || ''));

// ThreadSanitizer wants its address space unshuffled on newer kernels.
const straight = () => (spawnSync('setarch', ['-R', 'true']).status === 0 ? ['setarch', '-R'] : []);

// Where each process, sandboxed or not, writes what a sanitizer has found in it.
const logs = () => path.join(part.dir, 'found');
const environment = (kind) => {
  const options = `log_path=${logs()}`;
  return { ...process.env, POSTERN: path.join(ROOT, 'build', kind, 'postern'), POSTERN_SANITIZED: kind,
    TEST_PATIENCE_MS: '120000', ASAN_OPTIONS: options, UBSAN_OPTIONS: `${options}:print_stacktrace=1`,
    TSAN_OPTIONS: options };
};

function found() {
  const files = fs.readdirSync(part.dir).filter((f) => f.startsWith('found.'))
    .map((f) => path.join(part.dir, f));
  const lines = files.flatMap((f) => fs.readFileSync(f, 'utf8').split('\n').slice(0, 25));
  files.forEach((f) => fs.rmSync(f));
  return lines;
}

const start = (kind, command, options) => {
  const all = [...(kind === 'tsan' ? straight() : []), ...command];
  return spawnSync(all[0], all.slice(1), { env: environment(kind), encoding: 'utf8', maxBuffer: 1 << 27,
    ...options });
};

// What the sanitizers said, and the tests that failed with what they said.
function once(kind, suite) {
  const r = start(kind, [process.execPath, path.join(ROOT, 'test', 'spec', `${suite}.test.js`)],
    { timeout: PATIENCE_MS });
  const lines = r.stdout.split('\n');
  return {
    errors: [...lines.filter((l) => /Sanitizer|runtime error:/.test(l)), ...found()].slice(0, 60),
    failed: /^# fail 0$/m.test(r.stdout) ? [] : lines.flatMap((l, i) =>
      (/^ *not ok/.test(l) ? lines.slice(i, i + 14) : [])).slice(0, 30).concat(`exit ${r.status}`),
  };
}

// A detector has to find what is there.
const WRONG = {
  asan: '#include <stdlib.h>\nint main(int n, char **v) { char *p = malloc(4); (void)v; free(p); return p[n]; }',
  tsan: '#include <pthread.h>\nint x; static void *f(void *p) { x++; return p; }\n' +
    'int main(void) { pthread_t t; pthread_create(&t, 0, f, 0); x++; return pthread_join(t, 0); }',
};

function control(kind) {
  const program = path.join(part.dir, `wrong-${kind}`);
  execFileSync('cc', ['-g', `-fsanitize=${kind === 'asan' ? 'address' : 'thread'}`, '-x', 'c', '-o', program,
    '-', '-lpthread'], { input: WRONG[kind], stdio: ['pipe', 'ignore', 'inherit'] });
  start(kind, [program]);
  part.check(found().some((l) => /Sanitizer/.test(l)), `control: an error is found with ${kind}`);
}

// A test that only ran into its time limit, which a sanitizer makes likely beside others, passes when
// it runs again; what a sanitizer finds is never forgiven.
function run(kind, suite) {
  let seen = once(kind, suite);
  if (seen.failed.length > 0 && seen.errors.length === 0) {
    part.say(`${kind}: ${suite} again, after ${seen.failed.slice(0, 8).join(' ')}`);
    seen = once(kind, suite);
  }
  part.check(seen.failed.length + seen.errors.length === 0, `${kind}: ${suite}`,
    [...seen.errors, ...seen.failed].join('\n'));
}

// The server alone, as one process, under valgrind; commands as they are.
async function valgrind() {
  const { startPostern } = require('../interop/lib/postern.js');
  process.env.TEST_PATIENCE_MS = '120000';
  const binary = path.join(part.dir, 'postern');
  const log = path.join(part.dir, 'valgrind.log');
  const real = path.resolve(ROOT, process.env.POSTERN || 'build/release/postern');
  fs.writeFileSync(binary, `#!/bin/sh\n[ "$1" = serve ] || exec ${real} "$@"\n` +
    `exec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite ` +
    `--log-file=${log} ${real} "$@"\n`, { mode: 0o755 });
  const p = await startPostern({ binary, settings: { processes: 'one', sandbox: 'off', workers: 1 } });
  const org = await p.cli(['org', 'create', '--name', 'Slow']);
  const c = await p.cli(['client', 'create', '--org', org.id, '--name', 'C', '--grant',
    'client_credentials', '--scope', 'read', '--token-format', 'opaque']);
  const authorization = `Basic ${Buffer.from(`${c.client_id}:${c.client_secret}`).toString('base64')}`;
  const ask = (target, body) => fetch(p.url + target, { method: 'POST', body: new URLSearchParams(body),
    headers: { authorization } });
  let good = 0;
  for (let i = 0; i < 50; i++) {
    const t = await (await ask('/oauth2/token', { grant_type: 'client_credentials' })).json();
    const seen = await (await ask('/oauth2/introspect', { token: t.access_token })).json();
    await (await ask('/oauth2/revoke', { token: t.access_token })).text();
    good += seen.active === true ? 1 : 0;
  }
  const outcome = await p.stop();
  const said = fs.existsSync(log) ? fs.readFileSync(log, 'utf8').split('\n')
    .filter((l) => l.startsWith('==')).join('\n') : ''; // the others are about system calls new to it
  part.check(good === 50 && outcome === 0 && said === '', 'valgrind finds nothing', `${good} of 50, ` +
    `exit ${outcome}\n${said.slice(0, 3000)}`);
}

part.run(async () => {
  await part.open();
  for (const mode of suites().length > 0 ? ['asan', 'tsan'] : []) {
    execFileSync('make', [`MODE=${mode}`, '-j2', 'all'], { cwd: ROOT, stdio: 'ignore' });
    control(mode);
    for (const suite of suites()) run(mode, suite);
  }
  await valgrind();
  part.figure('tests with AddressSanitizer and UBSan, and with ThreadSanitizer', suites().length);
});
