'use strict';
// `postern move` between the two engines while a server works on the source: whatever it has
// acknowledged holds on the target, and nothing that was used up works again.

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { startPostern, makeTwineClient, sleep, BINARY } = require('../interop/lib/postern.js');
const { basic, form, introspect } = require('./lib/shape.js');
const { openDatabases } = require('./lib/databases.js');

const WORKERS = 8;

async function twine(p, body) {
  const r = await fetch(`${p.url}/pub/oauth/token`, { method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body) });
  return { status: r.status, headers: Object.fromEntries(r.headers), json: await r.json() };
}

const issue = (p, c) =>
  twine(p, { grant_type: 'client_credentials', client_id: c.id, client_secret: c.secret });
const redeem = (p, c, token) =>
  twine(p, { grant_type: 'refresh_token', client_id: c.id, refresh_token: token });

// What was acknowledged, and nothing else: pairs whose last request got no answer are in no list.
class Ledger {
  constructor() {
    this.live = new Set(); // those that are worked with
    this.kept = []; // those that are not
    this.spent = [];
    this.revoked = [];
    this.refused = [];
    this.acknowledged = 0;
  }

  async refuse(r) {
    await sleep(20);
    assert.strictEqual(r.status, 503, JSON.stringify(r.json));
    this.refused.push(r.headers['retry-after']);
  }

  take() {
    const [pair] = this.live;
    if (pair) this.live.delete(pair);
    return pair;
  }

  async issueOne(p, c) {
    const r = await issue(p, c);
    if (r.status >= 300) return this.refuse(r);
    if (this.acknowledged++ % 3) this.kept.push(r.json);
    else this.live.add(r.json);
    return undefined;
  }

  async redeemOne(p, c) {
    const pair = this.take();
    if (!pair) return this.issueOne(p, c);
    const r = await redeem(p, c, pair.refresh_token);
    if (r.status >= 300) return this.refuse(r);
    this.acknowledged++;
    this.spent.push(pair.refresh_token);
    this.live.add(r.json);
    return undefined;
  }

  async revokeOne(p, c) {
    const pair = this.take();
    if (!pair) return this.issueOne(p, c);
    const r = await form(p, '/oauth2/revoke', { token: pair.access_token }, c);
    if (r.status >= 300) return this.refuse(r);
    this.acknowledged++;
    this.revoked.push(pair.access_token);
    return undefined;
  }

  // Works until stop() is called; stop() resolves when the last answer is there.
  load(p, c) {
    let over = false;
    const worker = async () => {
      for (let i = 0; !over; i++) {
        if (i % 7 === 3) await this.revokeOne(p, c);
        else if (i % 2) await this.redeemOne(p, c);
        else await this.issueOne(p, c);
      }
    };
    const all = Promise.all(Array.from({ length: WORKERS }, worker));
    return async () => { over = true; await all; };
  }

  // On a server that has the target.
  async check(p, c) {
    const live = [...this.live, ...this.kept.splice(0).slice(-500)];
    this.live.clear();
    const each = async (list, one) => {
      const rest = [...list];
      const worker = async () => { while (rest.length) await one(rest.pop()); };
      await Promise.all(Array.from({ length: WORKERS }, worker));
    };
    await each(live, async (pair) => {
      assert.strictEqual((await introspect(p, c, pair.access_token)).active, true);
      const r = await redeem(p, c, pair.refresh_token);
      assert.ok(r.status < 300, JSON.stringify(r.json));
      this.live.add(r.json);
    });
    await each(this.revoked.slice(-300), async (token) => {
      assert.strictEqual((await introspect(p, c, token)).active, false);
    });
    await sleep(1100); // the grace of a refresh that was repeated
    await each(this.spent.splice(-100), async (token) => {
      assert.ok((await redeem(p, c, token)).status >= 400, 'a spent refresh token worked');
    });
    this.spent = [];
    this.live.clear(); // a spent token that comes again revokes its family
  }
}

// One run of `postern move`, killed as soon as its progress shows `when` (`then`: what happens
// instead). Resolves to { code, stdout, stderr }; code null: it was killed.
function move(p, to, { when, then = (child) => child.kill('SIGKILL'), args = [] } = {}) {
  return new Promise((done, failed) => {
    const child = spawn(BINARY, ['move', '--from', p.store.url, '--to', to.url, '--json', ...args],
      { env: p.commandEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    const out = { stdout: '', stderr: '' };
    child.stdout.on('data', (d) => { out.stdout += d; });
    child.stderr.on('data', (d) => {
      out.stderr += d;
      if (!when || !when.test(out.stderr)) return;
      when = null;
      then(child);
    });
    child.on('error', failed);
    child.on('close', (code) => done({ code, ...out }));
  });
}

async function goOn(p, to) {
  p.store = to;
  p.masterKey = to.masterKey;
  await p.restart();
}

async function begin() {
  const p = await startPostern({ settings: { 'refresh.grace': 1 } });
  const c = await makeTwineClient(p);
  c.authorization = basic(c.id, c.secret);
  return { p, c, first: p.store };
}

// Rows that keep a move busy for a while.
const fill = (store) => store.sql('WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i ' +
  "WHERE n < 60000) INSERT INTO throttle (subject, attempts, window_end_s) " +
  "SELECT 'fill' || n, 1, 9999999999 FROM i");

const cancel = (p, args = []) => p.cliRaw(['move', '--cancel', '--from', p.store.url, ...args]);

describe('move', () => {
  let databases, p, c, first;
  before(async () => {
    ({ p, c, first } = await begin());
    databases = openDatabases(p.store.masterKey);
  });
  after(async () => {
    await p.stop();
    first.drop();
    databases.close();
  });

  const underLoad = async (to) => {
    const ledger = new Ledger();
    const stop = ledger.load(p, c);
    await sleep(700);
    const before_ = ledger.acknowledged;
    const r = await move(p, to);
    assert.strictEqual(r.code, 0, r.stderr);
    const result = JSON.parse(r.stdout);
    assert.ok(ledger.acknowledged > before_, 'the server went on meanwhile');
    assert.ok(result.changes > 0, 'there were changes to bring');
    assert.ok(result.pause_ms < 5000, `a pause of ${result.pause_ms} ms`);
    await sleep(200);
    await stop();
    assert.ok(ledger.kept.length > 20 && ledger.spent.length > 5 && ledger.revoked.length > 0);
    assert.ok(ledger.refused.length > 0 && ledger.refused.every((s) => Number(s) > 0));
    const again = await p.cliRaw(['org', 'list']);
    assert.strictEqual(again.code, 1);
    assert.match(again.stderr, /was moved to/);
    await goOn(p, to);
    await ledger.check(p, c);
  };

  test('to PostgreSQL under load', () => underLoad(databases.postgres()));
  test('to SQLite under load', () => underLoad(databases.sqlite()));

  // Each run goes on where the one before was killed.
  const killed = async (to) => {
    const ledger = new Ledger();
    const stop = ledger.load(p, c);
    await sleep(300);
    const steps = ['counting', 'copying', 'making index', 'bringing', 'reading back', 'pause'];
    for (const i of steps.keys()) {
      // The one before may have come further than it was seen to.
      const when = new RegExp(steps.slice(i).join('|'));
      const r = await move(p, to, { when });
      assert.match(r.stderr, when, r.stderr);
      if (r.code !== null) break; // it was faster: only possible at the very end
    }
    const at = ledger.acknowledged;
    await sleep(5500); // a freeze that was left ends by itself
    const wasDone = ledger.acknowledged === at;
    if (!wasDone) {
      const early = await p.cliRaw(['org', 'list'], { env: to.env });
      assert.strictEqual(early.code, 1);
      assert.match(early.stderr, /has not ended/);
    }
    const r = await move(p, to);
    await stop();
    if (r.code === 0) assert.strictEqual(JSON.parse(r.stdout).resumed, true);
    else assert.match(r.stderr, /moved to .* already/);
    await goOn(p, to);
    await ledger.check(p, c);
  };

  test('to PostgreSQL, killed in every step', () => killed(databases.postgres()));
  test('to SQLite, killed in every step', () => killed(databases.sqlite()));

  test('cancelled: the source goes on, the copy is refused', async () => {
    for (const to of [databases.postgres(), databases.sqlite()]) {
      const nothing = await cancel(p);
      assert.strictEqual(nothing.code, 3, nothing.stderr);
      await move(p, to, { when: /reading back/ });
      assert.ok((await issue(p, c)).status < 300);
      assert.strictEqual((await cancel(p)).code, 0);
      assert.ok((await issue(p, c)).status < 300);
      const r = await move(p, to);
      assert.strictEqual(r.code, 4, r.stderr);
      assert.match(r.stderr, /was cancelled/);
    }
  });

  test('a target that holds something is refused', async () => {
    for (const to of [databases.postgres(), databases.sqlite()]) {
      await p.cli(['org', 'create', '--name', 'Other'], { env: to.env });
      const r = await move(p, to);
      assert.strictEqual(r.code, 4);
      assert.match(r.stderr, /not empty/);
      assert.strictEqual((await cancel(p)).code, 3);
    }
  });

  test('a source of another version is refused', async () => {
    const to = databases.sqlite();
    p.store.sql("INSERT INTO schema_version (number, name, applied_s, serves) " +
      "VALUES (9999, 'later', 1, 1)");
    const r = await move(p, to);
    p.store.sql('DELETE FROM schema_version WHERE number = 9999');
    assert.strictEqual(r.code, 4);
    assert.match(r.stderr, /schema version 9999/);
  });

  test('a row that was altered in the target is found', async () => {
    for (const to of [databases.postgres(), databases.sqlite()]) {
      await move(p, to, { when: /making index/ });
      to.sql("UPDATE client SET name = name || 'x'");
      const r = await move(p, to);
      assert.strictEqual(r.code, 1, r.stdout);
      assert.match(r.stderr, /table client of the target is not what was copied/);
      assert.strictEqual((await cancel(p)).code, 0);
      assert.ok((await issue(p, c)).status < 300);
    }
  });

  test('a table that is none of ours is named', async () => {
    for (const to of [databases.postgres(), databases.sqlite()]) {
      to.sql('CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY, paid NUMERIC)');
      const r = await move(p, to);
      assert.strictEqual(r.code, 4);
      assert.match(r.stderr, /table notes is none of postern's/);
    }
    fill(p.store);
  });

  test('Ctrl-C keeps what is there, and is told how to go on', async () => {
    const to = databases.sqlite();
    const r = await move(p, to, { when: /copying/, then: (child) => child.kill('SIGINT') });
    assert.strictEqual(r.code, 1, r.stderr);
    assert.match(r.stderr, /stopped/);
    assert.match(r.stderr, /the same command goes on/);
    assert.match(r.stderr, /postern move --cancel --from/);
    assert.ok((await issue(p, c)).status < 300);
    const again = await move(p, to);
    assert.strictEqual(again.code, 0, again.stderr);
    assert.strictEqual(JSON.parse(again.stdout).resumed, true);
    assert.strictEqual((await cancel(p, ['--force'])).code, 0);
  });

  test('of two at once one ends the move', async () => {
    const to = databases.sqlite();
    let second;
    const r = await move(p, to, { when: /copying/, then: () => { second = move(p, to); } });
    const results = [r, await second];
    assert.strictEqual(results.filter((x) => x.code === 0).length, 1,
      results.map((x) => x.stderr).join('\n'));
    assert.match(results.find((x) => x.code !== 0).stderr,
      /another `postern move` has taken over|was moved to .* already|is locked by another process/);
    assert.strictEqual((await issue(p, c)).status, 503);
    assert.strictEqual((await cancel(p, ['--force'])).code, 0);
  });

  test('a target that dies is gone on with when it is back', async () => {
    const other = openDatabases(p.store.masterKey, { own: true });
    const to = other.postgres();
    const r = await move(p, to, { when: /copying/, then: () => other.kill() });
    assert.strictEqual(r.code, 1, r.stderr);
    assert.match(r.stderr, /the same command goes on/);
    assert.ok((await issue(p, c)).status < 300);
    other.revive();
    const again = await move(p, to);
    assert.strictEqual(again.code, 0, again.stderr);
    assert.strictEqual(JSON.parse(again.stdout).resumed, true);
    assert.strictEqual((await cancel(p, ['--force'])).code, 0);
    other.close();
  });

  test('the bar fits a terminal of 80 columns', async () => {
    const to = databases.sqlite();
    const command = `stty cols 80; exec '${BINARY}' move --from '${p.store.url}' --to '${to.url}'`;
    const shown = await new Promise((done, failed) => {
      const child = spawn('script', ['-qec', command, '/dev/null'],
        { env: p.commandEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
      let text = '';
      child.stdout.on('data', (d) => { text += d; });
      child.on('error', failed);
      child.on('close', (code) => (code === 0 ? done(text) : failed(new Error(text))));
    });
    const lines = shown.split(/[\r\n]+/).filter((l) => l.includes('\x1b[K'))
      .map((l) => l.replaceAll('\x1b[K', ''));
    assert.ok(lines.some((l) => /^copying throttle +(\[[#.]+\])? *\d+ % .* rows, /.test(l)), shown);
    assert.ok(lines.some((l) => /^reading back /.test(l)), shown);
    for (const l of lines) assert.ok(l.length < 80, l);
    assert.strictEqual((await cancel(p, ['--force'])).code, 0);
  });

  test('a moved store comes back only if that is meant', async () => {
    const to = databases.sqlite();
    assert.strictEqual((await move(p, to)).code, 0);
    assert.strictEqual((await issue(p, c)).status, 503);
    assert.strictEqual((await cancel(p)).code, 4);
    assert.strictEqual((await cancel(p, ['--force'])).code, 0);
    assert.ok((await issue(p, c)).status < 300);
  });
});
