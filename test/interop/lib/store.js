'use strict';
// The stores of black-box tests: a SQLite file, or, when POSTERN_TEST_PG names the directory of a
// running script/postgres, a database of its own there. Tests are written for both.
//
//     const s = openStore(dir, 'postern.db');
//     s.url  s.masterKey  s.env     the POSTERN_DB of it, its master key file, both as environment
//     s.sql(text)                   runs it beside the server; what it gives, rows as lines, columns
//                                   with | between
//     s.hex('id')                   an expression for the hex digits of a BLOB column
//     s.bytes("'text'")             an expression for the bytes of a text
//     s.random(16)                  an expression for as many as 16 random bytes
//     s.contents()                  [[name, Buffer]]: everything that rests in it
//     await s.locked(run)           what another process that keeps writers out holds up meanwhile
//     s.drop()                      its files are the caller's to remove, with their directory
//     onPostgres                    for { skip: onPostgres && 'why' }

const { execFileSync, spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const PG = process.env.POSTERN_TEST_PG || '';
const onPostgres = PG !== '';
const SCRIPT = path.join(__dirname, '..', '..', '..', 'script', 'postgres');
const BIG = 1 << 28;

// The programs beside initdb: /usr/bin/psql is a slow wrapper.
function tool(name) {
  const all = '/usr/lib/postgresql';
  const versions = fs.readdirSync(all).sort((a, b) => Number(b) - Number(a));
  const dirs = [process.env.POSTGRES_BIN, ...versions.map((v) => path.join(all, v, 'bin'))];
  return dirs.filter(Boolean).map((d) => path.join(d, name)).find((f) => fs.existsSync(f)) || name;
}

function run(program, args) {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: BIG });
}

// Keeps a shell that has taken a lock open for as long as `work` takes.
async function holding(program, args, lock, work) {
  const shell = spawn(program, args, { stdio: ['pipe', 'pipe', 2] });
  const closed = new Promise((done) => { shell.on('close', done); });
  shell.stdin.write(`${lock}\nSELECT 'locked';\n`);
  await new Promise((done) => { shell.stdout.once('data', done); });
  try {
    return await work();
  } finally {
    shell.stdin.end('ROLLBACK;\n');
    await closed;
  }
}

class SqliteStore {
  constructor(dir, file) {
    this.file = path.join(dir, file);
    this.url = `sqlite:${this.file}`;
    this.masterKey = `${this.file}.key`;
    this.env = { POSTERN_DB: this.url };
  }

  sql(text) {
    return run('sqlite3', ['-cmd', '.timeout 5000', this.file, text]).trimEnd();
  }

  hex(column) { return `lower(hex(${column}))`; }

  bytes(text) { return `CAST(${text} AS BLOB)`; }

  random(n) { return `randomblob(${n})`; }

  contents() { return filesOf(this.file); }

  locked(work) {
    return holding('sqlite3', [this.file], 'BEGIN IMMEDIATE;', work);
  }

  drop() {}
}

// What rests in a file of SQLite and those beside it.
function filesOf(file) {
  const dir = path.dirname(file), name = path.basename(file);
  return fs.readdirSync(dir).filter((f) => f.startsWith(name) && !f.endsWith('.key'))
    .map((f) => [f, fs.readFileSync(path.join(dir, f))]);
}

// A database as a dump has it, and every BYTEA in it as bytes.
function dumpOf(url) {
  const dump = run(tool('pg_dump'), ['--data-only', '-d', url]);
  const binary = [...dump.matchAll(/\\\\x([0-9a-f]+)/g)].map((m) => Buffer.from(m[1], 'hex'));
  return [['dump', Buffer.from(dump)], ['BYTEA', Buffer.concat(binary)]];
}

// A shell is a slow way to ask for more than one.
let adminUrl;
function urlOf(name) {
  adminUrl = adminUrl || run(SCRIPT, ['url', PG]).trim();
  return adminUrl.replace(/\/postgres(?=\?|$)/, `/${name}`);
}

class PostgresStore {
  constructor(dir, file) {
    this.name = `t_${crypto.randomBytes(8).toString('hex')}`;
    this.admin = urlOf('postgres');
    this.url = urlOf(this.name);
    this.masterKey = path.join(dir, `${file}.key`);
    this.env = { POSTERN_DB: this.url, POSTERN_MASTER_KEY: this.masterKey };
    this.psql(this.admin, `CREATE DATABASE ${this.name}`);
  }

  psql(url, text) {
    return run(tool('psql'), ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', text]).trimEnd();
  }

  sql(text) { return this.psql(this.url, text); }

  hex(column) { return `encode(${column}, 'hex')`; }

  bytes(text) { return `convert_to(${text}, 'UTF8')`; }

  random(n) { return `substr(sha256(convert_to(random()::text, 'UTF8')), 1, ${n})`; }

  contents() { return dumpOf(this.url); }

  locked(work) {
    const tables = this.sql("SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables " +
      "WHERE schemaname = 'public'");
    return holding(tool('psql'), ['-XqAt', '-d', this.url],
      `BEGIN; LOCK TABLE ${tables} IN EXCLUSIVE MODE;`, work);
  }

  drop() {
    this.psql(this.admin, `DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
  }
}

function openStore(dir, file = 'postern.db') {
  return onPostgres ? new PostgresStore(dir, file) : new SqliteStore(dir, file);
}

module.exports = { openStore, onPostgres, filesOf, dumpOf };
