'use strict';
// /metrics as an operator meets it: Prometheus' own promtool reads it, the alert rules and the
// dashboard in contrib/ name only what is there, and it answers fast with many clients.

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const http = require('node:http');
const { execFileSync, spawn, spawnSync } = require('node:child_process');
const { startPostern, makeTwineClient, sleep, onPostgres, BINARY } =
  require('../interop/lib/postern');
const { request } = require('../interop/lib/http');

const ROOT = path.join(__dirname, '..', '..');
const ALERTS = path.join(ROOT, 'contrib/prometheus/alerts.yml');
const DASHBOARD = path.join(ROOT, 'contrib/grafana/postern.json');

// { 'name{a="b"}': value } of one answer.
function parse(text) {
  const samples = {};
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    assert.ok(!(line.slice(0, space) in samples), `twice: ${line}`);
    samples[line.slice(0, space)] = Number(line.slice(space + 1));
  }
  return samples;
}

async function scrape(p) {
  const r = await request(p, 'GET', '/metrics');
  assert.equal(r.status, 200);
  assert.equal(r.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return parse(r.text);
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const standard = (p, id, secret) => request(p, 'POST', '/oauth2/token', {
  headers: { ...form, authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
  body: 'grant_type=client_credentials',
});
const twine = (p, c) => request(p, 'POST', '/pub/oauth/token', {
  headers: { 'content-type': 'application/json' },
  body: { grant_type: 'client_credentials', client_id: c.id, client_secret: c.secret },
});

// The line is counted when the answer has left, so the counter may be a moment behind.
async function until(p, series, value) {
  for (let i = 0; i < 200; i++) {
    if ((await scrape(p))[series] === value) return;
    await sleep(20);
  }
  assert.equal((await scrape(p))[series], value, series);
}

test('metrics count what happened', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const c = await makeTwineClient(p);

  await t.test('by route, method and status; tokens; refusals', async () => {
    for (let i = 0; i < 3; i++) assert.equal((await standard(p, c.id, c.secret)).status, 200);
    assert.equal((await standard(p, c.id, 'wrong')).status, 401);
    for (let i = 0; i < 2; i++) assert.equal((await twine(p, c)).status, 201);
    assert.equal((await request(p, 'GET', '/nowhere')).status, 404);
    assert.equal((await request(p, 'HEAD', '/oauth2/jwks')).status, 200);
    const of = (route, method, status) =>
      `postern_http_requests_total{route="${route}",method="${method}",status="${status}"}`;
    await until(p, of('token', 'POST', 200), 3);
    await until(p, of('token', 'POST', 401), 1);
    await until(p, of('twine.token', 'POST', 201), 2);
    await until(p, of('none', 'GET', 404), 1);
    await until(p, of('jwks', 'HEAD', 200), 1);
    const issued = (dialect, format) => 'postern_tokens_issued_total'
      + `{grant="client_credentials",dialect="${dialect}",format="${format}"}`;
    await until(p, issued('standard', 'jwt'), 3);
    await until(p, issued('twine', 'opaque'), 2);
    await until(p, 'postern_refusals_total{error="INVALID_CLIENT"}', 1);
    await until(p, 'postern_refusals_total{error="NOT_FOUND"}', 1);
  });

  await t.test('histograms add up', async () => {
    const m = await scrape(p);
    const route = 'postern_http_request_duration_seconds';
    assert.equal(m[`${route}_count{route="token"}`], 4);
    assert.equal(m[`${route}_bucket{route="token",le="+Inf"}`], 4);
    assert.ok(m[`${route}_sum{route="token"}`] > 0);
    assert.ok(m.postern_commit_batches_total >= 1);
    assert.ok(m.postern_commit_batch_sets_sum >= 2);
    assert.equal(m.postern_commit_batch_sets_count, m.postern_commit_batches_total);
    assert.equal(m.postern_commit_duration_seconds_count, m.postern_commit_batches_total);
    assert.equal(m.postern_commit_failures_total, 0);
  });

  await t.test('sockets, caches, store, keys, process', async () => {
    let m = await scrape(p);
    for (let i = 0; i < 50 && m['postern_store_rows{table="key"}'] === undefined; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100)); // housekeeping counts, not we
      m = await scrape(p);
    }
    assert.ok(m.postern_connections >= 1);
    assert.ok(m.postern_connections_accepted_total >= 1);
    assert.equal(m['postern_queue_requests{queue="pool"}'], 0);
    assert.ok(m.postern_client_cache_misses_total >= 1);
    // a change made by a command, seen late, may have dropped the client again
    let entries = 0;
    for (let i = 0; i < 50 && entries === 0; i++) {
      await standard(p, c.id, c.secret);
      entries = (await scrape(p)).postern_client_cache_entries;
    }
    assert.ok(entries >= 1);
    assert.ok(m.postern_client_cache_hits_total + m.postern_client_cache_misses_total >= 6);
    const size = onPostgres ? 'postern_store_table_bytes{table="key"}'
      : 'postern_store_bytes{file="db"}';
    assert.ok(m[size] > 0);
    // PostgreSQL's catalogue estimates, and of a few new rows knows nothing yet
    if (!onPostgres) await until(p, 'postern_store_rows{table="key"}', 5);
    assert.ok(Object.keys(m).some((k) => /^postern_key_age_seconds\{kid="IC[0-9a-f]{32}",use="signing",alg="ES256",state="active"\}$/.test(k)));
    const due = m['postern_key_rotation_due_seconds{alg="ES256"}'];
    assert.ok(due > 89 * 86400 && due <= 90 * 86400, ``);
    assert.ok(m.process_resident_memory_bytes > 1e6);
    assert.ok(m.process_open_fds > 5 && m.process_open_fds < m.process_max_fds);
    assert.ok(Math.abs(m.process_start_time_seconds - Date.now() / 1000) < 60);
  });

  await t.test('promtool check metrics', async () => {
    const { text } = await request(p, 'GET', '/metrics');
    const r = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    assert.equal(r.status, 0, r.stderr);
    assert.equal(r.stderr + r.stdout, '');
  });

  await t.test('what `postern list metrics` says is what is there', async () => {
    const { text } = await request(p, 'GET', '/metrics');
    const listed = await p.cli(['list', 'metrics']);
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((m) => [m[1], m[2]]);
    assert.deepEqual(types, listed.map((m) => [m.name, m.type]));
  });
});

test('an administrator\'s listener has /metrics, and the public one has not', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const { port } = p;
  await p.kill9();
  const socket = path.join(p.dir, 'admin.sock');
  const child = spawn(BINARY, ['serve'], {
    env: { ...p.commandEnv(), POSTERN_ADMIN_LISTEN: `unix:${socket}` }, stdio: 'ignore',
  });
  const exited = new Promise((done) => { child.on('exit', done); });
  const get = (options) => new Promise((done) => {
    http.get({ path: '/metrics', agent: false, ...options }, (r) => {
      r.resume();
      r.on('end', () => done(r.statusCode));
    }).on('error', () => done(0));
  });
  for (let i = 0; i < 200 && await get({ socketPath: socket }) !== 200; i++) await sleep(20);
  assert.equal(await get({ socketPath: socket }), 200);
  assert.equal(await get({ host: '127.0.0.1', port }), 404);
  assert.equal(await get({ socketPath: socket, path: '/oauth2/jwks' }), 404);
  child.kill('SIGTERM');
  await exited;
});

test('/metrics can be off', async (t) => {
  const p = await startPostern({ settings: { metrics: 'false' } });
  t.after(() => p.stop());
  assert.equal((await request(p, 'GET', '/metrics')).status, 404);
});

test('/metrics answers in 5 ms with 100,000 clients, and counts them', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const c = await makeTwineClient(p);
  await p.kill9();
  p.store.sql(`
    CREATE TEMP TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
      WHERE i < 100000) SELECT client.* FROM client, n;
    UPDATE t SET id = ${p.store.random(16)};
    INSERT INTO client SELECT * FROM t;`);
  await p.restart();
  assert.equal((await standard(p, c.id, c.secret)).status, 200);
  await until(p, 'postern_store_rows{table="client"}', 100001);
  for (let i = 0; i < 40; i++) await scrape(p);
  await sleep(100);
  const us = p.logLines().filter((l) => l.path === '/metrics').map((l) => l.us).sort((a, b) => a - b);
  assert.ok(us.length >= 40);
  // the quarter that other programs on the machine disturb least
  const most = process.env.POSTERN_SANITIZED ? 50000 : 5000;
  assert.ok(us[us.length >> 2] < most, `${us[us.length >> 2]} us`);
});

test('contrib: rules and dashboard', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const listed = new Set();
  for (const m of await p.cli(['list', 'metrics'])) {
    listed.add(m.name);
    if (m.type === 'histogram') {
      for (const s of ['_bucket', '_sum', '_count']) listed.add(m.name + s);
    }
  }
  const namesOf = (expr) => expr.match(/\b(?:postern|process)_[a-z_]+\b/g) || [];
  const tool = (...args) => execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe' });

  await t.test('promtool checks and tests the rules', () => {
    assert.match(tool('check', 'rules', ALERTS), /SUCCESS/);
    assert.match(tool('test', 'rules', path.join(path.dirname(ALERTS), 'alerts_test.yml')), /SUCCESS/);
  });

  await t.test('rules name metrics that exist, and tell what to do', () => {
    const text = fs.readFileSync(ALERTS, 'utf8');
    const exprs = text.split(/\n\s+- alert: /).slice(1);
    assert.ok(exprs.length >= 10);
    for (const rule of exprs) {
      for (const name of namesOf(rule)) assert.ok(listed.has(name), name);
      assert.match(rule, /description: ".{40,}"/);
      assert.match(rule, /severity: (critical|warning)/);
    }
  });

  await t.test('each panel of the dashboard is valid PromQL about metrics that exist', () => {
    const { panels } = JSON.parse(fs.readFileSync(DASHBOARD, 'utf8'));
    const exprs = panels.flatMap((x) => (x.targets || []).map((q) => q.expr));
    assert.ok(exprs.length >= 20);
    const used = new Set(exprs.flatMap(namesOf));
    for (const name of used) assert.ok(listed.has(name), name);
    for (const m of listed) {
      if (m.startsWith('postern_') && !/_(bucket|sum|count)$/.test(m)) {
        assert.ok([...used].some((u) => u.startsWith(m)), `${m} is in no panel`);
      }
    }
    const rules = exprs.map((expr, i) => ({
      record: `panel:${i}`, expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    }));
    const file = path.join(p.dir, 'panels.yml');
    fs.writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }));
    assert.match(tool('check', 'rules', file), /SUCCESS/);
  });
});

test('the caller\'s trace is in the log line, a malformed one is not', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const ask = (path_, traceparent) => request(p, 'GET', path_, { headers: { traceparent } });
  await ask('/oauth2/jwks?good', `00-${trace}-00f067aa0ba902b7-01`);
  await ask('/nope', `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`);
  let lines = [];
  for (let i = 0; i < 50 && lines.length < 2; i++) {
    lines = p.logLines().filter((l) => l.path === '/oauth2/jwks' || l.path === '/nope');
    await sleep(20);
  }
  const good = lines.find((l) => l.path === '/oauth2/jwks');
  assert.equal(good.trace_id, trace);
  assert.equal(good.parent_id, '00f067aa0ba902b7');
  const bad = lines.find((l) => l.path === '/nope');
  assert.ok(!('trace_id' in bad) && !('parent_id' in bad));
});

test('log.format text: one aligned line, and nothing forged', async (t) => {
  const p = await startPostern({ settings: { 'log.format': 'text' } });
  t.after(() => p.stop());
  await request(p, 'GET', '/oauth2/jwks');
  await request(p, 'POST', '/oauth2/token', { headers: form, body: 'grant_type=x%0ay' });
  let lines = [];
  for (let i = 0; i < 50 && lines.length < 2; i++) {
    lines = p.logLines().map((l) => l.text).filter((l) => / request /.test(l) && !/readyz/.test(l));
    await sleep(20);
  }
  const shape = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z info {2}request {2}method=(GET|POST) path=\/\S+ status=\d+ us=\d+ /;
  assert.equal(lines.length, 2);
  for (const line of lines) assert.match(line, shape);
});
