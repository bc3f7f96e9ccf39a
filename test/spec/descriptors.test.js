'use strict';
// Out of descriptors (security.md A12): what comes then is told so, nothing spins, and all is well
// when there are descriptors again.

const { test } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { startPostern } = require('../interop/lib/postern.js');
const { Source, askFrom } = require('./lib/source.js');

const LIMIT = 128;
const BINARY = path.resolve(process.env.POSTERN ||
  path.join(__dirname, '..', '..', 'build', 'release', 'postern'));

function family(pid) {
  const out = [pid];
  for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
    const text = fs.readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
    for (const child of text ? text.split(/\s+/) : []) out.push(...family(Number(child)));
  }
  return out;
}

// Ticks of 10 ms that the server has used the processor.
function ticks(pid) {
  return family(pid).reduce((sum, one) => {
    const fields = fs.readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1].split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
}

test('security.md A12: EMFILE: a refusal in words, no busy loop, and an end', async (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-fd-'));
  const binary = path.join(dir, 'postern');
  fs.writeFileSync(binary, `#!/bin/sh\nulimit -n ${LIMIT}\nexec "${BINARY}" "$@"\n`, { mode: 0o755 });
  const p = await startPostern({ binary, settings: { workers: 2 } });
  t.after(async () => {
    await p.stop();
    fs.rmSync(dir, { recursive: true });
  });
  const open = Array.from({ length: 2 * LIMIT }, () => new Source(p, '127.0.0.2'));
  await sleep(500);
  const before = ticks(p.pid);
  await sleep(2000);
  const used = ticks(p.pid) - before;
  t.diagnostic(`${used} ticks of 200 in two seconds without descriptors`);
  assert.ok(used < 40, `${used} ticks`);
  assert.ok(p.running);
  const refused = open.filter((s) => /^HTTP\/1.1 503 .*Retry-After: 1/s.test(s.bytes.toString()));
  assert.ok(refused.length >= LIMIT / 2, `${refused.length} were told 503`);
  assert.ok(p.logLines().some((l) => l.event === 'accept' && /LimitNOFILE/.test(l.message)));
  assert.ok(p.logLines().filter((l) => l.event === 'accept').length < 12, 'few lines say so');
  for (const s of open) s.end();
  await sleep(500);
  assert.strictEqual((await askFrom(p, '127.0.0.2', '/oauth2/jwks')).status, 200);
});
