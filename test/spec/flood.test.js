'use strict';
// What anybody can make without proving himself has an end (security.md A36).

const { test } = require('node:test');
const assert = require('node:assert');
const { setTimeout: sleep } = require('node:timers/promises');
const { startPostern } = require('../interop/lib/postern.js');

const PENDING = 5000; // docs/limits.md

const rows = (p, table) => Number(p.store.sql(`SELECT COUNT(*) FROM ${table}`));

test('security.md A36: pushed requests of a public client do not pile up', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const org = await p.cli(['org', 'create', '--name', 'O']);
  const client = await p.cli(['client', 'create', '--org', org.id, '--name', 'App', '--public',
    '--redirect-uri', 'https://app.example/cb']);
  const body = new URLSearchParams({ client_id: client.client_id, response_type: 'code',
    redirect_uri: 'https://app.example/cb', scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' });
  const push = () => fetch(`${p.url}/oauth2/par`, { method: 'POST', body });
  assert.equal((await push()).status, 201);
  // as if it had pushed many, and had finished one
  p.store.sql(`CREATE TEMP TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
      WHERE i < 3 * ${PENDING}) SELECT r.*, i FROM pushed_request r, n;
    UPDATE t SET id = ${p.store.bytes("substr(CAST(1000000000000 + i AS TEXT), 2)")},
      spent_s = CASE WHEN i = 1 THEN 1 ELSE 0 END;
    INSERT INTO pushed_request SELECT id, hash, client_id, params, exp_s, spent_s FROM t;`);
  for (let i = 0; i < 40 && rows(p, 'pushed_request') > PENDING + 100; i++)
    await Promise.all(Array.from({ length: 64 }, push));
  assert.ok(rows(p, 'pushed_request') <= PENDING + 500, 'they were evicted');
  assert.equal(rows(p, 'pushed_request WHERE spent_s > 0'), 1, 'the finished one stays known');
});

test('security.md A36: a flood of one table does not keep the others from being swept',
  async (t) => {
    const p = await startPostern();
    t.after(() => p.stop());
    p.store.sql(`BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
        INSERT INTO grants SELECT ${p.store.random(12)}, ${p.store.bytes("'c'")}, 1, 1 FROM n;
      INSERT INTO replay VALUES (${p.store.bytes("'r'")}, 1); COMMIT;`);
    const end = Date.now() + 45000; // a shared store is looked at every 30 s
    while (rows(p, 'replay') > 0 && Date.now() < end) await sleep(50);
    assert.equal(rows(p, 'replay'), 0);
    assert.ok(rows(p, 'grants') > 0, 'the flood is not over yet');
  });
