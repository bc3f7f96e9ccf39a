'use strict';
// postern backup and postern restore against the real binary: what was issued works on from the
// restored store and what was ended stays ended; a file that is not whole is refused and changes
// nothing; killed in between nothing is left. On PostgreSQL the way goes there and back.

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { startWorld, REDIRECT } = require('../interop/lib/relying_party.js');
const { BINARY, sleep } = require('../interop/lib/postern.js');
const { openStore, onPostgres } = require('../interop/lib/store.js');
const { assertStandardError, basic, form } = require('./lib/shape.js');

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'; // RFC 7636 B
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const SANITIZED = Boolean(process.env.POSTERN_SANITIZED); // script/torture sanitizers
const ROWS = 200000;
const CHUNK = 65536 + 16;

let dir;
before(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-backup-'));
  const secret = (name, text) => fs.writeFileSync(path.join(dir, name), text, { mode: 0o600 });
  secret('key', '00112233445566778899aabbccddeeff'.repeat(2) + '\n');
  secret('other', 'ff112233445566778899aabbccddeeff'.repeat(2) + '\n');
  secret('phrase', 'twelve words are more than one\n');
});
after(() => fs.rmSync(dir, { recursive: true, force: true }));
const at = (name) => path.join(dir, name);
const KEY = () => ['--key-file', at('key')];

// A store that does not exist yet, of the given kind.
let made = 0;
const newSqlite = () => ({ url: `sqlite:${at(`store${made++}.db`)}`, drop() {} });
const newPostgres = () => openStore(dir, `store${made++}.db`);

async function ok(p, args, options) {
  const r = await p.cliRaw(args, options);
  assert.strictEqual(r.code, 0, r.stderr);
  return r;
}
async function saved(p, name, more = []) {
  const r = await ok(p, ['backup', at(name), ...KEY(), '--json', ...more]);
  return JSON.parse(r.stdout);
}
async function refused(p, code, text, args, options) {
  const r = await p.cliRaw(args, options);
  assert.strictEqual(r.code, code, `${args.join(' ')}: ${r.stdout}${r.stderr}`);
  assert.match(r.stderr, text);
  assert.strictEqual(r.stdout, '');
}

const machine = (w, params, c) => form(w.p, '/oauth2/token', params,
  { authorization: basic(c.client_id, c.client_secret) });
const redeem = (w, client, code) => machine(w,
  { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: VERIFIER },
  client);
const refresh = (w, client, token) => machine(w,
  { grant_type: 'refresh_token', refresh_token: token }, client);
const active = async (w, client, token) => {
  const r = await form(w.p, '/oauth2/introspect', { token },
    { authorization: basic(client.client_id, client.client_secret) });
  return r.json.active;
};
const newCode = async (w, client) => (await w.person().authorize(
  `${w.p.url}/oauth2/authorize?${new URLSearchParams({ client_id: client.client_id,
    redirect_uri: REDIRECT, response_type: 'code', scope: 'openid offline_access', state: 'xyz',
    code_challenge: CHALLENGE, code_challenge_method: 'S256' })}`)).code;

function won(r) {
  assert.strictEqual(r.status, 200, r.body);
  return r.json;
}
function dead(r) {
  assert.strictEqual(r.status, 400, r.body);
  assertStandardError(r, 'invalid_grant');
}

// One of each thing that a restore has to bring back as it was.
async function livesOf(w) {
  const client = await w.client('app', ['--refresh-rotation', 'always']);
  const worker = await w.p.cli(['client', 'create', '--org', w.org.id, '--name', 'worker',
    '--grant', 'client_credentials', '--token-format', 'opaque']);
  const spentCode = await newCode(w, client);
  const first = won(await redeem(w, client, spentCode));
  const second = won(await refresh(w, client, first.refresh_token));
  const gone = won(await redeem(w, client, await newCode(w, client)));
  await form(w.p, '/oauth2/revoke', { token: gone.refresh_token },
    { authorization: basic(client.client_id, client.client_secret) });
  const other = won(await redeem(w, client, await newCode(w, client)));
  const pair = won(await machine(w, { grant_type: 'client_credentials' }, worker));
  return { client, worker, first, second, gone, other, pair, code: await newCode(w, client),
    replayed: await reusedCode(w, client) };
}

// A code that was redeemed once and whose tokens stay untouched by the test.
async function reusedCode(w, client) {
  const code = await newCode(w, client);
  return { code, tokens: won(await redeem(w, client, code)) };
}

async function assertLives(w, l) {
  assert.strictEqual(await active(w, l.client, l.second.access_token), true);
  assert.strictEqual(await active(w, l.worker, l.pair.access_token), true);
  assert.strictEqual(await active(w, l.client, l.gone.access_token), false, 'revoked stays so');
  dead(await refresh(w, l.client, l.gone.refresh_token));
  won(await refresh(w, l.client, l.second.refresh_token));
  dead(await refresh(w, l.client, l.first.refresh_token)); // spent long ago: reuse
  dead(await redeem(w, l.client, l.replayed.code)); // a code stays spent
  won(await redeem(w, l.client, l.code)); // one that was not spent works once
  dead(await redeem(w, l.client, l.code));
  won(await refresh(w, l.client, l.other.refresh_token));
}

// Restores `file` into `store` and serves from there, on the port of before.
async function moveTo(w, file, store, more = []) {
  await w.p.kill9();
  const r = await ok(w.p, ['restore', at(file), ...KEY(), '--db', store.url, '--json',
    '--master-key', w.p.masterKey, ...more]);
  await w.p.restart({ env: { POSTERN_DB: store.url, POSTERN_MASTER_KEY: w.p.masterKey } });
  return JSON.parse(r.stdout);
}

describe('what was issued before the backup works on from the restored store', () => {
  const kinds = { sqlite: newSqlite, ...(onPostgres ? { postgresql: newPostgres } : {}) };
  for (const [kind, make] of Object.entries(kinds)) {
    test(`into a new store of ${kind}`, async () => {
      const w = await startWorld({ settings: { 'refresh.grace': 0 } }), store = make();
      try {
        const lives = await livesOf(w);
        const backup = await saved(w.p, `lives-${kind}`);
        const restored = await moveTo(w, `lives-${kind}`, store);
        assert.deepStrictEqual(restored.tables, backup.tables);
        assert.strictEqual(restored.master_keys_held, true);
        const again = await saved(w.p, `again-${kind}`, ['--db', store.url]);
        for (const [name, t] of Object.entries(backup.tables)) {
          // whoever starts writes nothing into these
          if (name !== 'throttle' && !name.startsWith('audit')) {
            assert.deepStrictEqual(again.tables[name], t, name);
          }
        }
        assert.ok(again.tables.audit.rows > backup.tables.audit.rows); // the chain goes on
        await ok(w.p, ['audit', 'verify', '--db', store.url]);
        const { stdout } = await ok(w.p, ['audit', 'list', '--event', 'store.restored', '--json',
          '--db', store.url]);
        assert.strictEqual(JSON.parse(stdout).length, 1);
        await assertLives(w, lives);
      } finally {
        await w.stop();
        store.drop();
      }
    });
  }

  test('--new-epochs: nothing that was issued before the backup works on', async () => {
    const w = await startWorld({}), store = newSqlite();
    try {
      const lives = await livesOf(w);
      await saved(w.p, 'epochs');
      await moveTo(w, 'epochs', store, ['--new-epochs']);
      assert.strictEqual(await active(w, lives.client, lives.second.access_token), false);
      assert.strictEqual(await active(w, lives.worker, lives.pair.access_token), false);
      dead(await refresh(w, lives.client, lives.second.refresh_token));
      dead(await redeem(w, lives.client, lives.code));
      won(await machine(w, { grant_type: 'client_credentials' }, lives.worker));
      won(await redeem(w, lives.client, await newCode(w, lives.client)));
    } finally {
      await w.stop();
    }
  });

  test('a backup beside a server that issues is of one moment', async () => {
    const w = await startWorld({}), store = newSqlite();
    try {
      const worker = await w.p.cli(['client', 'create', '--org', w.org.id, '--name', 'worker',
        '--grant', 'client_credentials', '--token-format', 'opaque']);
      const issued = [];
      let on = true;
      const load = Promise.all(Array.from({ length: 8 }, async () => {
        while (on) {
          issued.push(won(await machine(w, { grant_type: 'client_credentials' }, worker)));
        }
      }));
      await sleep(300);
      const before_ = issued.length;
      const backup = await saved(w.p, 'busy');
      on = false;
      await load;
      assert.ok(before_ > 20 && backup.tables.token.rows >= before_, `${before_} before`);
      await moveTo(w, 'busy', store);
      let lost = 0;
      for (const [i, t] of issued.entries()) {
        if (await active(w, worker, t.access_token)) continue;
        assert.ok(i >= before_, 'what was acknowledged before the backup began is in it');
        lost++;
      }
      assert.strictEqual(issued.length - lost, backup.tables.token.rows);
    } finally {
      await w.stop();
    }
  });
});

describe('a file that is not whole, and a store that is not empty', () => {
  let w;
  before(async () => {
    w = await startWorld({});
    fill(w.p.store, 3000); // several chunks
    await saved(w.p, 'good');
  });
  after(() => w.stop());
  const url = () => `sqlite:${at('never.db')}`;
  const restore = (name, more = []) => ['restore', at(name), '--db', url(), ...more];
  const damaged = async (text, bytes) => {
    fs.writeFileSync(at('bad'), bytes);
    await refused(w.p, 1, text, restore('bad', KEY()));
    assert.ok(!fs.existsSync(at('never.db')), 'nothing was made');
  };

  test('a byte changed anywhere, cut anywhere, swapped, joined: refused', async () => {
    const good = fs.readFileSync(at('good'));
    const head = good.indexOf('\n', good.indexOf('\n') + 1) + 1;
    assert.ok(good.length > head + 2 * CHUNK);
    for (const i of [head, head + CHUNK, good.length - 1, Math.floor(Math.random() * 99999) + head]) {
      const bytes = Buffer.from(good);
      bytes[i] ^= 1;
      await damaged(/is damaged: .*nothing was changed/, bytes);
    }
    for (const n of [head, head + 1, head + CHUNK, head + 2 * CHUNK, good.length - 1]) {
      await damaged(/is damaged: .*nothing was changed/, good.subarray(0, n));
    }
    const chunk = (i) => good.subarray(head + i * CHUNK, head + (i + 1) * CHUNK);
    await damaged(/is damaged/, Buffer.concat([good.subarray(0, head), chunk(1), chunk(0),
      good.subarray(head + 2 * CHUNK)]));
    await damaged(/is damaged/, Buffer.concat([good, good]));
    await damaged(/is damaged: its head/, good.subarray(0, head - 2));
    const other = Buffer.from(good.toString('latin1').replace('"schema":', '"Schema":'), 'latin1');
    await damaged(/is damaged: its head/, other);
    const text = good.toString('latin1');
    await damaged(/is damaged/, Buffer.from(text.replace(/"created_s":\d/, '"created_s":2'), 'latin1'));
  });

  test('no backup, another format, another secret, a cost beyond bounds', async () => {
    await damaged(/is no backup of postern/, Buffer.from('SQLite format 3\0'));
    await damaged(/is no backup of postern/, Buffer.alloc(0));
    await damaged(/a format that this program does not know/, Buffer.from('postern backup 2\n{}\n'));
    await refused(w.p, 1, /is not sealed with this key/,
      restore('good', ['--key-file', at('other')]));
    await refused(w.p, 1, /is sealed with a key: give --key-file/,
      restore('good', ['--passphrase-file', at('phrase')]));
    const good = fs.readFileSync(at('good'), 'latin1');
    const costly = good.replace('"secret":"key"',
      '"secret":"passphrase","memory_kib":4000000,"passes":1,"lanes":1');
    fs.writeFileSync(at('bad'), costly, 'latin1');
    await refused(w.p, 1, /asks for more memory or time/,
      restore('bad', ['--passphrase-file', at('phrase')]));
    assert.ok(!fs.existsSync(at('never.db')));
  });

  test('a store that holds rows, and options that do not fit', async () => {
    await refused(w.p, 4, /is not empty .*nothing was changed/, ['restore', at('good'), ...KEY()]);
    await refused(w.p, 2, /give one of --passphrase-file/, restore('good'));
    await refused(w.p, 2, /is read twice/, ['restore', '-', ...KEY()]);
    await refused(w.p, 3, /No such file/, restore('none', KEY()));
    await refused(w.p, 2, /shorter than 12/, ['backup', at('x'), '--passphrase-stdin'],
      { input: 'short\n' });
    await refused(w.p, 2, /is no key file/, ['backup', at('x'), '--key-file', at('phrase')]);
    fs.writeFileSync(at('open'), 'a passphrase for all to see', { mode: 0o644 });
    await refused(w.p, 1, /others may read .*chmod 600/,
      ['backup', at('x'), '--passphrase-file', at('open')]);
    assert.ok(!fs.existsSync(at('x')) && !fs.existsSync(at('x.tmp')));
  });

  test('the file: 0600, never overwritten without --force, - is stdout; --inspect and --verify',
    async () => {
      assert.strictEqual(fs.statSync(at('good')).mode & 0o777, 0o600);
      await refused(w.p, 4, /is there already/, ['backup', at('good'), ...KEY()]);
      await saved(w.p, 'good', ['--force']);
      const phrase = ['--passphrase-stdin'], input = 'a phrase of several words';
      await ok(w.p, ['backup', at('phrased'), ...phrase], { input });
      await ok(w.p, ['restore', at('phrased'), ...phrase, '--verify'], { input });
      await refused(w.p, 1, /is not sealed with this passphrase/,
        ['restore', at('phrased'), ...phrase, '--verify'], { input: 'another phrase of words' });
      const said = JSON.parse((await ok(w.p, ['restore', '--inspect', at('good'), '--json'])).stdout);
      assert.strictEqual(said.master_keys.length, 1);
      assert.match(said.master_keys[0], /^[0-9a-f]{16}$/);
      assert.ok(said.schema >= 4 && said.program && said.store === (onPostgres ? 'postgresql' : 'sqlite'));
      const out = await bytesOf(w.p, ['backup', '-', ...KEY()]);
      fs.writeFileSync(at('piped'), out);
      await ok(w.p, ['restore', at('piped'), ...KEY(), '--verify']);
      const text = fs.readFileSync(at('good'), 'latin1');
      assert.ok(!text.includes('Analytical') && !text.includes('argon2'), 'rows are not in clear');
    });

  test('a missing master key is said; the rows are restored', async () => {
    const r = await ok(w.p, ['restore', at('good'), ...KEY(), '--db', newSqlite().url, '--json',
      '--master-key', at('no.key')]);
    assert.match(r.stderr, /need the master key with fingerprint [0-9a-f]{16}/);
    assert.strictEqual(JSON.parse(r.stdout).master_keys_held, false);
  });
});

// Rows of no meaning, several megabytes of them.
function fill(store, rows) {
  store.sql('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n ' +
    `WHERE i < ${rows}) INSERT INTO replay (digest, exp_s) SELECT ` +
    `${store.bytes("'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' || CAST(i AS TEXT)")}, ` +
    '4000000000 FROM n');
}

function bytesOf(p, args) {
  return new Promise((done) => {
    const child = spawn(BINARY, args, { env: p.commandEnv(), stdio: ['ignore', 'pipe', 'ignore'] });
    const parts = [];
    child.stdout.on('data', (d) => parts.push(d));
    child.on('close', () => done(Buffer.concat(parts)));
  });
}

// Runs it; { code, peak_kb }. `until`: kills it as soon as that holds.
function watched(p, args, until = () => false) {
  return new Promise((done) => {
    const child = spawn(BINARY, args, { env: p.commandEnv(), stdio: 'ignore' });
    let peak_kb = 0;
    const look = setInterval(() => {
      try {
        const m = /VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'));
        if (m) peak_kb = Number(m[1]);
      } catch {
        // it has ended
      }
      if (until()) child.kill('SIGKILL');
    }, 2);
    child.on('close', (code) => {
      clearInterval(look);
      done({ code, peak_kb });
    });
  });
}

const sizeOf = (file) => (fs.existsSync(file) ? fs.statSync(file).size : 0);

describe(`${ROWS} rows`, () => {
  let w, small;
  before(async () => {
    w = await startWorld({});
    small = await watched(w.p, ['backup', at('small'), ...KEY()]);
    fill(w.p.store, ROWS);
  });
  after(() => w.stop());

  // A sanitizer keeps what was freed for a while.
  test('memory does not grow with them, in neither direction', { skip: SANITIZED }, async () => {
    const out = await watched(w.p, ['backup', at('large'), ...KEY()]);
    assert.strictEqual(out.code, 0);
    assert.ok(sizeOf(at('large')) > 12e6);
    assert.ok(out.peak_kb < small.peak_kb + 12000, `${out.peak_kb} kB after ${small.peak_kb} kB`);
    const back = await watched(w.p, ['restore', at('large'), ...KEY(), '--db', newSqlite().url]);
    assert.strictEqual(back.code, 0);
    assert.ok(back.peak_kb < small.peak_kb + 16000, `${back.peak_kb} kB after ${small.peak_kb} kB`);
  });

  test('killed while it saves: no file; the next one takes away what is left', async () => {
    const r = await watched(w.p, ['backup', at('killed'), ...KEY()],
      () => sizeOf(at('killed.tmp')) > 1e6);
    assert.strictEqual(r.code, null);
    assert.ok(!fs.existsSync(at('killed')));
    await saved(w.p, 'killed');
    assert.ok(!fs.existsSync(at('killed.tmp')));
  });

  test('killed while it restores: the store is as empty as before', async () => {
    const file = at('half.db'), db = ['--db', `sqlite:${file}`];
    await ok(w.p, ['restore', at('killed'), ...KEY(), '--verify']);
    const r = await watched(w.p, ['restore', at('killed'), ...KEY(), ...db],
      () => sizeOf(`${file}-wal`) > 4e6);
    assert.strictEqual(r.code, null);
    const again = await ok(w.p, ['restore', at('killed'), ...KEY(), ...db, '--json']);
    assert.ok(JSON.parse(again.stdout).tables.replay.rows >= ROWS);
  });
});
