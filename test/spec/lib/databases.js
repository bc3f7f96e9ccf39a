'use strict';
// Empty databases of both engines for one test, whichever store the suite runs on.
//
//     const d = openDatabases(dir);     a PostgreSQL of its own, unless POSTERN_TEST_PG names one
//     const s = d.postgres(); const s = d.sqlite();
//     s.url  s.sql(text)  s.drop()      and what test/interop/lib/postern.js needs of p.store
//     d.kill()  d.revive()              kill -9 of the server, and its start; only of one of its own:
//                                       openDatabases(dir, { own: true })
//     d.close()

const { execFileSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { filesOf, dumpOf } = require('../../interop/lib/store.js');

const SCRIPT = path.join(__dirname, '..', '..', '..', 'script', 'postgres');
const run = (program, args) => execFileSync(program, args, { encoding: 'utf8' }).trim();

function openDatabases(masterKey, { own = !process.env.POSTERN_TEST_PG } = {}) {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-pg-'));
  const dir = own ? path.join(base, 'pg') : process.env.POSTERN_TEST_PG;
  let admin = null;
  const psql = (url, text) => run('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', text]);
  const store = (url, contents, sql, drop) => ({ url, masterKey, contents, sql, drop,
    env: { POSTERN_DB: url, POSTERN_MASTER_KEY: masterKey } });
  return {
    postgres() {
      if (!admin) {
        fs.chmodSync(base, 0o755);
        admin = own ? run(SCRIPT, ['start', dir, '0', 'fsync=off']) : run(SCRIPT, ['url', dir]);
      }
      const name = `m_${crypto.randomBytes(8).toString('hex')}`;
      const url = run(SCRIPT, ['url', dir, name]);
      psql(admin, `CREATE DATABASE ${name}`);
      return store(url, () => dumpOf(url), (text) => psql(url, text),
        () => psql(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
    sqlite() {
      const file = path.join(base, `${crypto.randomBytes(8).toString('hex')}.db`);
      return store(`sqlite:${file}`, () => filesOf(file),
        (text) => run('sqlite3', ['-cmd', '.timeout 5000', file, text]), () => {});
    },
    kill: () => run(SCRIPT, ['kill', dir]),
    revive: () => run(SCRIPT, ['start', dir, '0', 'fsync=off']),
    close() {
      if (own && admin) run(SCRIPT, ['remove', dir]);
      fs.rmSync(base, { recursive: true, force: true });
    },
  };
}

module.exports = { openDatabases };
