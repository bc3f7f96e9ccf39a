'use strict';
// The ceiling of memory: a flood that would exceed it does not, the server lives, and an honest
// client goes on. The control: without the ceiling the same flood passes the mark.

const { test } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { startPostern } = require('../interop/lib/postern.js');
const { Source, askFrom } = require('./lib/source.js');

const CEILING_MIB = 64;
const MARK_MIB = 80;
const BODY = 30000; // a token request may have 32 KiB
const CONNECTIONS = 2500; // 2500 x 30 kB = 75 MB, on top of what an idle server has

// The processes of the server: its own and its children.
function processes(pid) {
  const out = [pid];
  for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
    const text = fs.readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
    for (const child of text ? text.split(/\s+/) : []) out.push(...processes(Number(child)));
  }
  return out;
}

// Resident MiB of the largest of them, which is the one that talks to clients.
function resident(p) {
  return Math.max(...processes(p.pid).map((pid) => {
    const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(text)[1]) / 1024;
  }));
}

// Opens bodies that are never finished, from sources of their own; what it saw of the server.
async function flood(p, honest) {
  const seen = { peak: 0, good: 0, bad: 0, probes: 0, unheard: 0 };
  const head = `POST /oauth2/token HTTP/1.1\r\nHost: 127.0.0.1:${p.port}\r\n` +
    `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${BODY + 1}\r\n\r\n`;
  const body = 'x'.repeat(BODY);
  const open = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const s = new Source(p, `127.1.${i >> 8}.${(i & 255) || 1}`);
    s.raw.write(head + body);
    open.push(s);
    if (i % 25 === 24) {
      await sleep(5);
      seen.peak = Math.max(seen.peak, resident(p));
      if (await honest()) seen.good++;
      else seen.bad++;
      // A balancer asks once, and takes the server out when there is no answer.
      const probe = await askFrom(p, '127.0.0.1', '/healthz').catch(() => ({}));
      seen.probes++;
      if (probe.status !== 200) seen.unheard++;
    }
  }
  await sleep(1500);
  seen.peak = Math.max(seen.peak, resident(p));
  for (const s of open) s.end();
  return seen;
}

// A sanitizer's bookkeeping, and what it keeps of freed memory, is many times the server's own.
const isSanitized = (p) => /lib[at]san/.test(fs.readFileSync(`/proc/${p.pid}/maps`, 'utf8'));

async function run(t, settings) {
  const p = await startPostern({ settings: { workers: 2, penalties: false, ...settings } });
  t.after(() => p.stop());
  if (isSanitized(p)) {
    t.skip('a build with sanitizers');
    return {};
  }
  const org = await p.cli(['org', 'create', '--name', 'O']);
  const c = await p.cli(['client', 'create', '--org', org.id, '--name', 'C',
    '--grant', 'client_credentials']);
  const form = { grant_type: 'client_credentials', client_id: c.client_id,
    client_secret: c.client_secret };
  // An honest client comes again when it is told to.
  const honest = async () => {
    for (let i = 0; i < 20; i++) {
      const r = await askFrom(p, '127.0.0.1', '/oauth2/token', { form }).catch(() => ({}));
      if (r.status === 200) return true;
      await sleep(50);
    }
    return false;
  };
  assert.ok(await honest());
  return { p, honest, seen: await flood(p, honest) };
}

test('a flood stays below memory.max, and an honest client goes on', async (t) => {
  const { p, honest, seen } = await run(t, { 'memory.max': CEILING_MIB });
  if (!p) return;
  t.diagnostic(`resident at most ${seen.peak.toFixed(1)} MiB; honest ${seen.good}, failed ${seen.bad}`);
  assert.ok(seen.peak < CEILING_MIB, `${seen.peak} MiB`);
  assert.strictEqual(seen.bad, 0);
  t.diagnostic(`${seen.unheard} of ${seen.probes} probes were not answered`);
  assert.ok(seen.unheard <= seen.probes / 20, `${seen.unheard} of ${seen.probes} probes unheard`);
  assert.ok(p.running);
  assert.ok(await honest());
  const text = (await askFrom(p, '127.0.0.1', '/metrics')).body;
  assert.ok(Number(/^postern_memory_shed_total (\d+)/m.exec(text)[1]) > 0);
  assert.strictEqual(Number(/^postern_memory_max_bytes (\d+)/m.exec(text)[1]), CEILING_MIB << 20);
  assert.ok(p.logLines().some((l) => l.event === 'memory' && /memory.max/.test(l.message)));
});

test('control: with a higher ceiling the same flood passes the mark', async (t) => {
  const { seen } = await run(t, { 'memory.max': 2048 });
  if (!seen) return;
  t.diagnostic(`resident at most ${seen.peak.toFixed(1)} MiB`);
  assert.ok(seen.peak > MARK_MIB, `${seen.peak} MiB`);
  assert.strictEqual(seen.bad, 0);
});
