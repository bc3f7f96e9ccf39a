'use strict';
// The audit log on the real binary and either store: what is recorded and what never is, a flood,
// kill -9 before the links, damage found, exports, pruning (docs/audit.md; security.md A31).

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { startWorld, PASSWORD, REDIRECT } = require('../interop/lib/relying_party.js');
const { startPostern } = require('../interop/lib/postern.js');
const { onPostgres } = require('../interop/lib/store.js');
const { faketime } = require('../interop/lib/faketime.js');
const { basic } = require('./lib/shape.js');
const { askFrom } = require('./lib/source.js');

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'; // RFC 7636 B
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const NOBODY = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';
const SETTINGS = { node: 'one', 'audit.checkpoint': 1, penalties: false };

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const rowsOf = (p, ...more) => p.cli(['audit', 'list', '--limit', '10000', ...more]);

// Every row linked, and every chain of servers proven.
async function settled(p) {
  for (let i = 0; i < 100; i++) {
    const rows = await rowsOf(p);
    const { stdout } = await p.cliRaw(['audit', 'verify', '--json']);
    const one = JSON.parse(stdout).find((c) => c.node === 'one');
    if (rows.every((r) => r.seq > 0) && one && one.not_covered === 0) return rows;
    await sleep(100);
  }
  throw new Error('rows are not linked, or not proven');
}

function token(p, user, password, fields = {}) {
  return fetch(p.url + '/oauth2/token', {
    method: 'POST',
    headers: { authorization: basic(user, password), 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...fields }),
  });
}

describe('what is recorded', () => {
  let w;
  let client;
  const secrets = [PASSWORD, VERIFIER];

  const authorize = (c = client) => `${w.p.url}/oauth2/authorize?${new URLSearchParams({
    client_id: c.client_id, redirect_uri: REDIRECT, response_type: 'code', state: 'xyz',
    scope: 'openid profile offline_access', code_challenge: CHALLENGE, code_challenge_method: 'S256' })}`;

  const redeem = (fields) => token(w.p, client.client_id, client.client_secret, fields);

  const find = (rows, event, result) => {
    const found = rows.filter((r) => r.event === event && (!result || r.result === result));
    assert.ok(found.length > 0, `${event} ${result || ''}`);
    return found[0];
  };

  before(async () => {
    w = await startWorld({ settings: SETTINGS });
    client = await w.client('app', ['--grant', 'refresh_token']);
    secrets.push(client.client_secret);
  });
  after(() => w.stop());

  test('a sign-in, consent, a replayed code, a sign-out, each with who and where', async () => {
    const ada = w.person();
    const page = await ada.open(authorize());
    await ada.submit(page, { login: 'ada', password: 'typed-into-the-wrong-field' });
    const { code } = await ada.authorize(authorize());
    const spend = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: VERIFIER };
    const first = await redeem(spend);
    const tokens = await first.json();
    assert.strictEqual(first.status, 200, JSON.stringify(tokens));
    secrets.push(code, tokens.access_token, tokens.refresh_token, tokens.id_token, ...ada.cookies.values());
    assert.strictEqual((await redeem(spend)).status, 400);
    const rows = await settled(w.p);
    const wrong = find(rows, 'sign_in', 'refused WRONG_PASSWORD');
    const signIn = find(rows, 'sign_in', 'ok');
    assert.match(signIn.actor, /^user:[0-9a-f-]{36}$/);
    assert.strictEqual(`user:${wrong.subject}`, signIn.actor);
    assert.strictEqual(signIn.client, client.client_id);
    assert.strictEqual(signIn.source, '127.0.0.1');
    assert.ok(w.p.logLines().some((l) => l.request_id === signIn.request), 'the log line of the request');
    assert.strictEqual(find(rows, 'consent.given').actor, signIn.actor);
    const replay = find(rows, 'code.replayed', 'refused INVALID_GRANT');
    assert.strictEqual(replay.actor, `client:${client.client_id}`);
    assert.strictEqual(replay.subject, signIn.actor.slice('user:'.length));
  });

  test('a code again and again: the first is recorded in any case, the rest within the bound', async () => {
    const { code } = await w.person().authorize(authorize());
    const spend = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: VERIFIER };
    secrets.push(code);
    assert.strictEqual((await redeem(spend)).status, 200);
    const replays = async () => (await rowsOf(w.p, '--event', 'code.replayed')).filter((r) => !/more of/.test(r.detail));
    const before = (await replays()).length;
    for (let i = 0; i < 12; i++) {
      const all = await Promise.all(Array.from({ length: 25 }, () => redeem(spend)));
      for (const r of all) assert.strictEqual(r.status, 400);
    }
    const after = await replays();
    assert.ok(after.length - before < 250, `${after.length - before} rows of 300 replays`);
    const first = after.slice(0, after.length - before).filter((r) => /what the code led to was revoked/.test(r.detail));
    assert.ok(first.length >= 1 && first.length <= 25, `${first.length} that revoked something`);
  });

  test('a wrong secret, of a client that there is and of one that there is not', async () => {
    for (const id of [client.client_id, NOBODY]) {
      assert.strictEqual((await token(w.p, id, 'a-wrong-secret-that-somebody-typed')).status, 401);
      const [row] = await rowsOf(w.p, '--event', 'client.auth', '--client', id);
      assert.strictEqual(row.result, 'refused INVALID_CLIENT');
      assert.strictEqual(row.detail, 'by secret');
      assert.strictEqual(row.actor, '');
    }
    secrets.push('a-wrong-secret-that-somebody-typed');
  });

  test('security.md A31: hostile names end in one escaped line, in the log and here', async () => {
    const hostile = 'x\r\n{"event":"forged"}\u001b[2J\u202e%n${jndi:ldap://x}' + 'y'.repeat(3000);
    const before = (await rowsOf(w.p)).length;
    await token(w.p, hostile, 'no');
    const ada = w.person();
    const page = await ada.open(authorize());
    await ada.submit(page, { login: hostile.slice(0, 150), password: 'no' });
    await fetch(w.p.url + '/' + encodeURIComponent(hostile), { headers: { 'user-agent': 'a\t${jndi:x}' } });
    const rows = await rowsOf(w.p);
    assert.ok(rows.length > before);
    assert.doesNotMatch(JSON.stringify(rows), /forged|jndi|yyy/);
    await sleep(300);
    const text = fs.readFileSync(w.p.log);
    assert.ok(!text.includes('\u001b') && !text.includes(Buffer.from('\u202e')));
    for (const line of text.toString().split('\n').filter((l) => l.startsWith('{'))) {
      assert.notStrictEqual(JSON.parse(line).event, 'forged');
      assert.ok(line.length <= 2048, 'a capped line');
    }
  });

  test('a hostile row of somebody who can write to the store is shown escaped', async () => {
    const { bytes } = w.p.store;
    const marks = onPostgres ? 'chr(27) || chr(10) || chr(8238)' : 'char(27, 10, 8238)';
    w.p.store.sql(`INSERT INTO audit (id, node, at_s, event, actor, client, subject, organization,
      result, source, request, detail) VALUES (${bytes("'zhostile-row'")}, 'other', 1, 'sign_in',
      'a' || ${marks}, '', '', '', 'ok', '', '', '')`);
    const { stdout } = await w.p.cliRaw(['audit', 'list', '--limit', '10000']);
    assert.match(stdout, /other|sign_in/);
    assert.doesNotMatch(stdout, /\u001b|\u202e/);
    w.p.store.sql("DELETE FROM audit WHERE node = 'other'");
  });

  test('what operators do, by whom, one row a run', async () => {
    const made = await w.p.cli(['client', 'create', '--org', w.org.id, '--name', 'N']);
    secrets.push(made.client_secret);
    const anew = await w.p.cli(['client', 'secret', made.client_id]);
    secrets.push(anew.client_secret);
    await w.p.cli(['client', 'disable', made.client_id]);
    await w.p.cli(['client', 'delete', made.client_id]);
    const rows = await rowsOf(w.p, '--node', 'cli', '--client', made.client_id);
    assert.deepStrictEqual(rows.map((r) => r.event).sort(), // ids of one second have no order
      ['client.changed', 'client.created', 'client.deleted', 'client.secret']);
    for (const r of rows) assert.match(r.actor, /^operator:./);
  });

  test('a token of a machine is no event', async () => {
    const machine = await w.p.cli(['client', 'create', '--org', w.org.id, '--name', 'M',
      '--grant', 'client_credentials']);
    const before = (await settled(w.p)).length;
    for (let i = 0; i < 20; i++) {
      assert.strictEqual((await token(w.p, machine.client_id, machine.client_secret)).status, 200);
    }
    await sleep(1500);
    assert.strictEqual((await rowsOf(w.p)).length, before);
  });

  test('no secret is in it, raw or in hex', async () => {
    const rows = await settled(w.p);
    const { stdout } = await w.p.cliRaw(['audit', 'export']);
    const text = JSON.stringify(rows) + stdout;
    assert.ok(secrets.length >= 8);
    for (const s of secrets.filter(Boolean)) {
      assert.ok(!text.includes(s), s);
      assert.ok(!text.includes(Buffer.from(s).toString('hex')), s);
    }
    assert.ok(text.includes(client.client_id), 'control: what is there is found');
  });

  test('too many attempts of one person name the person', async () => {
    const eve = w.person();
    const page = await eve.open(authorize());
    for (let i = 0; i < 12; i++) await eve.submit(page, { login: 'ada', password: `wrong ${i}` });
    const rows = await settled(w.p);
    const throttled = find(rows, 'sign_in', 'refused TOO_MANY_REQUESTS');
    assert.strictEqual(throttled.subject, find(rows, 'sign_in', 'refused WRONG_PASSWORD').subject);
    assert.match(throttled.subject, /^[0-9a-f-]{36}$/);
  });
});

describe('the chain', () => {
  let p;

  const verify = async (...more) => {
    const r = await p.cliRaw(['audit', 'verify', '--json', ...more]);
    return { code: r.code, stderr: r.stderr, chains: JSON.parse(r.stdout) };
  };

  before(async () => {
    p = await startPostern({ settings: SETTINGS });
  });
  after(() => p.stop());

  test('a file that is no export is none', async () => {
    const { code, stderr } = await p.cliRaw(['audit', 'verify', '--file', '/dev/null']);
    assert.strictEqual(code, 1);
    assert.match(stderr, /holds no chain/);
  });

  test('an export since a time when nothing was written has no rows, and verifies', async () => {
    await settled(p);
    const file = path.join(p.dir, 'nothing');
    const { stdout } = await p.cliRaw(['audit', 'export', '--since', '2100-01-01']);
    assert.doesNotMatch(stdout, /"type":"row"/);
    fs.writeFileSync(file, stdout);
    assert.strictEqual((await verify('--file', file)).code, 0);
  });

  test('kill -9 before the links loses no row, and the chain goes on', async () => {
    const before = (await settled(p)).length;
    for (let i = 0; i < 30; i++) assert.strictEqual((await token(p, NOBODY, 'wrong')).status, 401);
    await p.kill9();
    assert.strictEqual((await rowsOf(p)).length, before + 30);
    await p.restart();
    const rows = await settled(p);
    assert.strictEqual(rows.filter((r) => r.event === 'server.started').length, 2);
    assert.strictEqual(rows.length, before + 31);
    const { code, chains } = await verify();
    assert.strictEqual(code, 0);
    assert.deepStrictEqual([chains[0].node, chains[0].result, chains[0].rows], ['one', 'whole', before + 31]);
  });

  test('a flood of wrong secrets is bounded, counted and told in one row', async () => {
    const before = (await settled(p)).length;
    for (let i = 0; i < 40; i++) {
      const all = await Promise.all(Array.from({ length: 50 }, () => token(p, NOBODY, 'wrong')));
      for (const r of all) assert.strictEqual(r.status, 401);
    }
    await sleep(500);
    const { length } = await rowsOf(p);
    assert.ok(length - before < 100 + 10 * 60, `${length - before} rows of 2000 refusals`);
    const metrics = await (await fetch(p.url + '/metrics')).text();
    const number = (name) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(metrics)[1]);
    assert.ok(number('postern_audit_summarised_total') > 0);
    assert.ok(number('postern_audit_rows_total') >= length - before);
    for (let i = 0; i < 120; i++) {
      const told = (await rowsOf(p)).filter((r) => /more of this kind/.test(r.detail));
      const sum = told.reduce((n, r) => n + Number(/^\d+/.exec(r.detail)[0]), 0);
      if (sum === number('postern_audit_summarised_total')) return;
      await sleep(100);
    }
    assert.fail('the rest was not told');
  });

  test('an export verifies without the store, a changed one does not', async () => {
    await settled(p);
    const file = path.join(p.dir, 'export');
    const { stdout } = await p.cliRaw(['audit', 'export']);
    fs.writeFileSync(file, stdout);
    const whole = await verify('--file', file);
    assert.strictEqual(whole.code, 0, whole.stderr);
    assert.ok(whole.chains.find((c) => c.node === 'one').checkpoints > 0);
    fs.writeFileSync(file, stdout.replace('"source":"127.0.0.1"', '"source":"127.0.0.2"'));
    const broken = await verify('--file', file);
    assert.strictEqual(broken.code, 1);
    assert.match(broken.stderr, /chain one is broken at row \d+: a row was changed/);
    const lines = stdout.split('\n');
    fs.writeFileSync(file, lines.filter((l) => !l.includes('"seq":5,')).join('\n'));
    assert.match((await verify('--file', file)).stderr, /broken at row 5/);
    const other = path.join(p.dir, 'jwks');
    fs.writeFileSync(file, stdout);
    fs.writeFileSync(other, '{"keys":[]}');
    assert.match((await verify('--file', file, '--jwks', other)).stderr, /not signed by a key/);
    fs.writeFileSync(other, await (await fetch(p.url + '/oauth2/jwks')).text());
    assert.strictEqual((await verify('--file', file, '--jwks', other)).code, 0);
  });

  test('pruned, it verifies from the cut on', async () => {
    const rows = await settled(p);
    const [cut] = await p.cli(['audit', 'prune', '--before', '0s']);
    assert.strictEqual(cut.node, 'one');
    assert.ok(cut.deleted > 0 && cut.deleted <= rows.length);
    const { code, chains } = await verify();
    assert.strictEqual(code, 0);
    assert.ok(chains.find((c) => c.node === 'one').rows < rows.length);
    assert.strictEqual((await rowsOf(p, '--event', 'audit.pruned')).length, 1);
    const ok = await token(p, NOBODY, 'wrong');
    assert.strictEqual(ok.status, 401);
    await settled(p);
    assert.strictEqual((await verify()).code, 0);
  });

  test('a log that grows meanwhile verifies, and so does its export', async () => {
    let on = true;
    const load = Promise.all(Array.from({ length: 4 }, async () => {
      while (on) await token(p, NOBODY, 'wrong').then(() => sleep(20));
    }));
    try {
      for (let i = 0; i < 12; i++) {
        const { code, stderr } = await verify();
        assert.strictEqual(code, 0, stderr);
        const file = path.join(p.dir, 'live');
        fs.writeFileSync(file, (await p.cliRaw(['audit', 'export'])).stdout);
        const of = await verify('--file', file);
        assert.strictEqual(of.code, 0, of.stderr);
      }
    } finally {
      on = false;
      await load;
    }
    assert.strictEqual((await rowsOf(p, '--event', 'audit.broken')).length, 0);
  });

  test('damage in the store is found, named, and recorded', async () => {
    await settled(p);
    p.store.sql("UPDATE audit SET source = '192.0.2.1' WHERE node = 'one' AND seq = " +
      "(SELECT MAX(seq) FROM audit WHERE node = 'one')");
    const { code, stderr } = await verify();
    assert.strictEqual(code, 1);
    assert.match(stderr, /chain one is broken at row \d+: a row was changed/);
    assert.strictEqual((await rowsOf(p, '--event', 'audit.broken')).length, 1);
  });

  test('more chains than one page hide none', async () => {
    const many = '(SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)';
    p.store.sql(`INSERT INTO audit_head (node, seq, hash, proven_seq, proven_s) SELECT
      '!' || a.n || b.n || c.n || d.n || e.n || f.n, 0, ${onPostgres ? "decode(repeat('00', 32), 'hex')" : 'zeroblob(32)'}, 0, 0
      FROM ${many} a, ${many} b, ${many} c, ${many} d, ${many} e, ${many} f`);
    const { chains } = await verify();
    assert.ok(chains.length > 4096, String(chains.length));
    assert.ok(chains.some((c) => c.node === 'one' && c.rows > 0));
    p.store.sql("DELETE FROM audit_head WHERE node LIKE '!%'");
  });
});

describe('what the server tells of itself', () => {
  const eventually = async (what, look) => {
    for (let i = 0; i < 150; i++) {
      const found = await look();
      if (found) return found;
      await sleep(100);
    }
    throw new Error(`not seen: ${what}`);
  };

  test('a source that is shut out, once a window; processes that died', async (t) => {
    const p = await startPostern({ settings: { node: 'one', 'penalties.threshold': 10, processes: 'separate' } });
    t.after(() => p.stop());
    const form = { grant_type: 'client_credentials', client_id: NOBODY, client_secret: 'x'.repeat(43) };
    for (let i = 0; i < 30; i++) await askFrom(p, '127.0.0.2', '/oauth2/token', { form });
    const begun = () => rowsOf(p, '--event', 'penalty.begun');
    await eventually('penalty.begun', async () => (await begun()).length > 0);
    await sleep(1000);
    assert.deepStrictEqual((await begun()).map((r) => r.source), ['127.0.0.2']);
    const restarted = () => rowsOf(p, '--event', 'process.restarted');
    assert.strictEqual((await restarted()).length, 0, 'the first start is none');
    process.kill(p.processes().outbound, 'SIGKILL');
    await eventually('outbound', async () => (await restarted()).some((r) => r.detail === 'outbound'));
    process.kill(p.processes().signer, 'SIGKILL');
    await eventually('signer', async () => (await restarted()).some((r) => r.detail === 'signer'));
    assert.strictEqual((await restarted()).length, 2);
    process.kill(p.processes().network, 'SIGKILL');
    await eventually('network', async () => (await restarted()).some((r) => r.detail === 'network'));
  });

  test('audit.keep: what is older is taken away, behind a signed cut', async (t) => {
    const dir = fs.mkdtempSync('/tmp/postern-time-');
    const file = path.join(dir, 'offset');
    const set = (offset_s) => {
      fs.writeFileSync(`${file}.new`, `+${offset_s}\n`);
      fs.renameSync(`${file}.new`, file);
    };
    set(0);
    // libfaketime reads that file inside the server, whose sandbox does not know it.
    const env = { ...faketime(''), FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', POSTERN_SANDBOX: 'off' };
    delete env.FAKETIME;
    const p = await startPostern({ settings: { ...SETTINGS, 'audit.keep': '30d' }, env });
    t.after(() => p.stop().finally(() => fs.rmSync(dir, { recursive: true })));
    for (let i = 0; i < 5; i++) await token(p, NOBODY, 'wrong');
    const old = (await settled(p)).length;
    assert.ok(old >= 6);
    set(10 * 86400);
    for (let i = 0; i < 3; i++) await token(p, NOBODY, 'wrong');
    await sleep(3000);
    const kept = await rowsOf(p);
    assert.ok(kept.length >= old + 3 && kept.every((r) => r.event !== 'audit.pruned'), 'nothing is that old');
    set(35 * 86400);
    await token(p, NOBODY, 'wrong');
    const rows = await eventually('audit.pruned', async () => {
      const all = await rowsOf(p);
      return all.some((r) => r.event === 'audit.pruned') && all.length < kept.length && all;
    });
    const end = Math.floor(Date.now() / 1000) + 5 * 86400 - 60;
    for (const r of rows) assert.ok(Date.parse(r.time) / 1000 >= end, `${r.time} ${r.event}`);
    assert.strictEqual(rows.filter((r) => r.event === 'client.auth').length, 4);
    const { code, stderr } = await p.cliRaw(['audit', 'verify']);
    assert.strictEqual(code, 0, stderr);
  });
});
