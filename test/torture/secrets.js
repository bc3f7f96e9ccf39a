'use strict';
// Secrets: the tests of test/spec and test/interop run against servers that log all they can; every
// secret that went over a wire is then looked for in each server's log, its store, and the memory of
// the process that talks to clients (lib/record.js, lib/needles.js, search.c). None may be there.
//
//     node test/torture/secrets.js [--quick] [--only PATTERN] [--store S]
//
// Control: a canary lies in each place and must be found each time.
//
// Left out on purpose: tests that start no server, those that start theirs in another way, those that
// end while requests are half sent (what was sent is in memory), and the memory of the signer, whose
// purpose it is to have keys.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Part, ROOT } = require('./lib/part.js');

const RECORD = path.join(__dirname, 'lib', 'record.js');
// Every endpoint, and every kind of secret, in two minutes.
const QUICK = ['spec/token_endpoint', 'spec/par', 'spec/device_authorization', 'spec/pages',
  'spec/userinfo', 'spec/headless', 'spec/twilio_token', 'spec/twilio_apps', 'interop/twine_token',
  'spec/secrets_of_people', 'spec/sign_in_sessions'];
const HALF_SENT = ['http_front'];
const PATIENCE_MS = 600000;

const part = new Part('secrets');

function suites() {
  if (part.quick) return QUICK;
  return ['spec', 'interop'].flatMap((folder) => fs.readdirSync(path.join(ROOT, 'test', folder))
    .filter((f) => f.endsWith('.test.js') && !HALF_SENT.includes(f.replace('.test.js', '')) &&
      fs.readFileSync(path.join(ROOT, 'test', folder, f), 'utf8').includes('startPostern'))
    .map((f) => `${folder}/${f.replace('.test.js', '')}`));
}

function run(suite, record) {
  const env = { ...process.env, TORTURE_RECORD: record };
  delete env.NODE_TEST_CONTEXT;
  return new Promise((done) => {
    const child = spawn(process.execPath, ['-r', RECORD, path.join(ROOT, 'test', `${suite}.test.js`)],
      { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    let text = '';
    child.stdout.on('data', (d) => { text += d; });
    child.stderr.on('data', (d) => { text += d; });
    child.on('close', (code) => { clearTimeout(late); done({ code, text }); });
  });
}

// What may be there: a process of one (--set processes=one) has the keys, too.
const isAllowed = (server, f) => !server.split && /^(signing_key|master_key)/.test(f.kind);

function judge(suite, result, servers) {
  const bad = servers.flatMap((s) => s.found.filter((f) => !isAllowed(s, f)));
  const kinds = {};
  for (const f of bad) {
    const where = `${f.kind} in ${f.place.replace(/\d+/g, 'N')}`;
    kinds[where] = (kinds[where] || 0) + 1;
  }
  part.check(result.code === 0, `${suite} passes at the highest log level`,
    result.text.split('\n').filter((l) => /^ *not ok|error:/.test(l)).slice(0, 8).join('\n'));
  part.check(servers.length > 0, `${suite} has servers to look into`);
  part.check(bad.length === 0, `${suite}: no secret in log, store or memory`,
    Object.entries(kinds).map(([k, n]) => `${n} x ${k}`).join('\n'));
  part.check(servers.every((s) => !s.canaries || Object.values(s.canaries).every(Boolean)),
    `control: ${suite}: the canaries are found`, JSON.stringify(servers.map((s) => s.canaries)));
  return bad.length;
}

part.run(async () => {
  await part.open();
  const wanted = suites().filter((s) => s.includes(part.options.only || ''));
  const total = { servers: 0, memories: 0, needles: 0, bytes: 0, found: 0 };
  for (const suite of wanted) {
    const record = path.join(part.dir, suite.replace('/', '.'));
    const result = await run(suite, record);
    const servers = fs.existsSync(record) ? fs.readFileSync(record, 'utf8').trim().split('\n')
      .map((l) => JSON.parse(l)) : [];
    total.found += judge(suite, result, servers);
    total.servers += servers.length;
    total.memories += servers.filter((s) => s.canaries).length;
    total.needles += Math.max(0, ...servers.map((s) => s.secrets));
    total.bytes += servers.reduce((n, s) => n + s.searched, 0);
  }
  part.figure('tests run at the highest log level', wanted.length);
  part.figure('secrets recorded', total.needles);
  part.figure('servers searched; of these with the memory of the running process',
    `${total.servers}; ${total.memories}`);
  part.figure('searched', Math.round(total.bytes / 1e6), 'MB');
  part.figure('secrets found', total.found);
});
