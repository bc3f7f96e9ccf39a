'use strict';
// etcd and two PostgreSQL servers that Patroni keeps, synchronous, on private ports and directories.
//
//     const ha = await startPatroni();
//     ha.url('name')                both servers, as libpq tries them
//     await ha.leader(), ha.sync()  the member that leads; true when a replica is synchronous
//     await ha.sql('name', text)    at the leader
//     await member.kill9()          Patroni and its PostgreSQL;  member.start()
//     await ha.remove()

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { run, freePort, until } = require('./run.js');

const BIN = fs.readdirSync('/usr/lib/postgresql').map((v) => `/usr/lib/postgresql/${v}/bin`).at(-1);
const isRoot = process.getuid() === 0;
// PostgreSQL refuses to run as root.
const ordinary = (args) => (isRoot ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups',
  ...args] : args);

const config = (m, etcd) => `
scope: postern
name: ${m.name}
restapi: {listen: "127.0.0.1:${m.rest}", connect_address: "127.0.0.1:${m.rest}"}
etcd3: {host: "127.0.0.1:${etcd}"}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 3
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters: {max_connections: 200, wal_log_hints: "on"}
  initdb: [{encoding: UTF8}, {locale: C}, {auth: trust}]
postgresql:
  listen: 127.0.0.1:${m.port}
  connect_address: 127.0.0.1:${m.port}
  data_dir: ${m.dir}/data
  bin_dir: ${BIN}
  pgpass: ${m.dir}/pgpass
  authentication:
    superuser: {username: postern, password: none}
    replication: {username: replicator, password: none}
    rewind: {username: postern, password: none}
  parameters: {unix_socket_directories: ${m.dir}}
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
tags: {nofailover: false}
`;

// A process in a group of its own, so that it ends with its children.
function daemon(args, log, cwd) {
  const fd = fs.openSync(log, 'a');
  const child = spawn(args[0], args.slice(1), { cwd, detached: true, stdio: ['ignore', fd, fd],
    env: { ...process.env, HOME: cwd } });
  fs.closeSync(fd);
  child.exited = new Promise((done) => child.on('close', done));
  return child;
}

class Member {
  constructor(name, dir, port, rest, etcd) {
    Object.assign(this, { name, dir, port, rest, file: path.join(dir, 'patroni.yml') });
    fs.mkdirSync(dir);
    fs.writeFileSync(this.file, config(this, etcd));
    if (isRoot) fs.chownSync(dir, 65534, 65534);
  }

  start() {
    this.child = daemon(ordinary(['patroni', this.file]), path.join(this.dir, '..', `${this.name}.log`), this.dir);
  }

  // Patroni first, or it would start the server again.
  async kill9() {
    this.child.kill('SIGKILL');
    const file = path.join(this.dir, 'data', 'postmaster.pid');
    const pid = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n')[0] : '';
    if (pid) {
      const children = await run('ps', ['-o', 'pid=', '--ppid', pid]).catch(() => '');
      for (const p of [pid, ...children.split(/\s+/).filter(Boolean)]) {
        try {
          process.kill(Number(p), 'SIGKILL');
        } catch {
          // gone already
        }
      }
    }
    await this.child.exited;
  }

  async leads() {
    try {
      return (await fetch(`http://127.0.0.1:${this.rest}/primary`)).status === 200;
    } catch {
      return false;
    }
  }
}

class Patroni {
  async start() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-patroni-'));
    fs.chmodSync(this.dir, 0o755);
    const [client, peer] = [await freePort(), await freePort()];
    const at = (port) => `http://127.0.0.1:${port}`;
    this.etcd = daemon(['etcd', '--data-dir', path.join(this.dir, 'etcd'), '--listen-client-urls', at(client),
      '--advertise-client-urls', at(client), '--listen-peer-urls', at(peer),
      '--initial-advertise-peer-urls', at(peer), '--initial-cluster', `default=${at(peer)}`],
    path.join(this.dir, 'etcd.log'), this.dir);
    this.members = [];
    for (const name of ['one', 'two']) {
      this.members.push(new Member(name, path.join(this.dir, name), await freePort(), await freePort(), client));
    }
    for (const m of this.members) m.start();
    await until('a leader', () => this.leader(), { ms: 60000, every_ms: 200 });
    await until('a synchronous replica', () => this.sync(), { ms: 90000, every_ms: 200 });
    return this;
  }

  async leader() {
    for (const m of this.members) if (await m.leads()) return m;
    return null;
  }

  async sync() {
    const rows = await this.sql('postgres', 'SELECT sync_state FROM pg_stat_replication').catch(() => []);
    return rows.some(([state]) => state === 'sync' || state === 'quorum');
  }

  url(name) {
    return `postgresql://postern@${this.members.map((m) => `127.0.0.1:${m.port}`).join(',')}/${name}`;
  }

  async sql(name, text) {
    const out = await run('psql', ['-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d',
      `${this.url(name)}?target_session_attrs=read-write`, '-f', '-'], { input: text });
    return out.split('\n').filter((l) => l !== '').map((l) => l.split('\t'));
  }

  async database(name) {
    await this.sql('postgres', `CREATE DATABASE ${name}`);
    return this.url(name);
  }

  async remove() {
    for (const m of this.members || []) await m.kill9();
    this.etcd.kill('SIGKILL');
    await this.etcd.exited;
    if (!process.env.POSTERN_KEEP) fs.rmSync(this.dir, { recursive: true, force: true, maxRetries: 20 });
  }
}

async function startPatroni() {
  const ha = new Patroni();
  try {
    return await ha.start();
  } catch (e) {
    await ha.remove();
    throw e;
  }
}

module.exports = { startPatroni };
