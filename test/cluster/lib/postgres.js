'use strict';
// A private PostgreSQL, durable as in production, on a port of its own (script/postgres).
//
//     const pg = await startPostgres({ settings: ['max_wal_size=64MB'], room_mb: 300 });
//     await pg.database('name')        makes a database; its URL
//     pg.url('name', [port, ...])      its URL; with ports: those instead, as libpq tries them
//     await pg.sql('name', 'SELECT 1') the rows, each a list of texts
//     await pg.kill9()                 the whole server at once;  pg.start(), pg.stop()
//     await pg.replica()               a streaming replica, another one of these, and from here on
//                                      a commit waits for it
//     await pg.promote()               a replica becomes a server of its own
//     await pg.fill(), pg.free()       uses up the disk (room_mb: a small tmpfs), gives it back
//     await pg.remove()

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ROOT, run, freePort, until } = require('./run.js');

const SCRIPT = path.join(ROOT, 'script', 'postgres');

class Postgres {
  constructor(dir, port, settings) {
    Object.assign(this, { dir, port, settings, replicas: [], mounted: false });
  }

  script(verb, ...args) {
    return run(SCRIPT, [verb, this.dir, ...args]);
  }

  start() {
    return this.script('start', String(this.port), ...this.settings);
  }

  stop() {
    return this.script('stop');
  }

  kill9() {
    return this.script('kill');
  }

  promote() {
    return this.script('promote');
  }

  url(name, ports = [this.port]) {
    return `postgresql://postern@${ports.map((p) => `127.0.0.1:${p}`).join(',')}/${name}`;
  }

  async sql(name, text) {
    const out = await run('psql', ['-XAtq', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-d',
      this.url(name), '-f', '-'], { input: text });
    return out.split('\n').filter((l) => l !== '').map((l) => l.split('\t'));
  }

  async database(name) {
    await this.sql('postgres', `CREATE DATABASE ${name}`);
    return this.url(name);
  }

  async replica() {
    const r = new Postgres(fs.mkdtempSync(path.join(os.tmpdir(), 'postern-pg-')), await freePort(),
      this.settings);
    this.replicas.push(r);
    await r.script('replica', this.dir, String(r.port), ...r.settings);
    const state = async () => (await this.sql('postgres',
      'SELECT sync_state FROM pg_stat_replication')).join();
    await until('the replica streams', async () => (await state()) === 'async');
    // statement by statement: ALTER SYSTEM takes no transaction
    await this.sql('postgres', "ALTER SYSTEM SET synchronous_standby_names = '*'");
    await this.sql('postgres', 'SELECT pg_reload_conf()');
    await until('the replica is synchronous', async () => (await state()) === 'sync');
    return r;
  }

  async fill() {
    const { bsize, bavail } = fs.statfsSync(this.dir);
    await run('fallocate', ['-l', String(bsize * bavail), path.join(this.dir, 'ballast')])
      .catch(() => run('dd', ['if=/dev/zero', `of=${path.join(this.dir, 'ballast')}`, 'bs=64k'])
        .catch(() => {})); // it ends when there is no room
    // what is left over after rounding
    await run('dd', ['if=/dev/zero', `of=${path.join(this.dir, 'ballast2')}`, 'bs=4k']).catch(() => {});
  }

  free() {
    for (const f of ['ballast', 'ballast2']) fs.rmSync(path.join(this.dir, f), { force: true });
  }

  async remove() {
    for (const r of this.replicas) await r.remove();
    await this.stop();
    if (this.mounted) await run('umount', ['-l', this.dir]);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

async function startPostgres({ settings = [], room_mb = 0 } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-pg-'));
  const pg = new Postgres(dir, await freePort(), settings);
  try {
    if (room_mb > 0) {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${room_mb}m`, 'postern-test', dir]);
      pg.mounted = true;
    }
    await pg.start();
  } catch (e) {
    await pg.remove();
    throw e;
  }
  return pg;
}

// Why there can be no small disk here; false when there can.
async function noSmallDisk() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-mount-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'postern-test', dir]);
    await run('umount', [dir]);
    return false;
  } catch (e) {
    return `no tmpfs can be mounted here (${e.message.trim()})`;
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

module.exports = { startPostgres, noSmallDisk };
