'use strict';
// Databases for the bench: one that is empty but for an organization, a group and two clients, and
// one that holds many live token pairs and clients beside them.

const fs = require('node:fs');
const path = require('node:path');
const { randomBytes } = require('node:crypto');
const { run, basic } = require('./measure');
const { REDIRECT, SCOPE } = require('./people');
const { POSTERN, BUILD, cleanEnv } = require('./servers');

const WIPE = ['', '-wal', '-shm'];

class Store {
  constructor(folder, name) {
    this.folder = folder;
    this.name = name;
    this.path = path.join(folder, `${name}.db`);
    this.key = path.join(folder, `${name}.db.key`);
    this.url = `sqlite:${this.path}`;
  }

  async cli(args, input) {
    const env = cleanEnv();
    const text = await run([POSTERN, ...args, '--db', this.url, '--json'], { env, input });
    return JSON.parse(text);
  }

  // A copy of another store that no process has open.
  copyFrom(other) {
    for (const end of WIPE) fs.rmSync(this.path + end, { force: true });
    for (const end of WIPE) {
      if (fs.existsSync(other.path + end)) fs.copyFileSync(other.path + end, this.path + end);
    }
    fs.copyFileSync(other.key, this.key);
    fs.chmodSync(this.key, 0o600);
  }
}

const known = (c) =>
  ({ id: c.client_id, secret: c.client_secret, auth: basic(c.client_id, c.client_secret) });

// For people: JWT access tokens, id_tokens by ES256, refresh tokens.
async function codeClient(store, org) {
  return known(await store.cli(['client', 'create', '--org', org.id, '--name', 'code',
    '--grant', 'authorization_code', '--grant', 'refresh_token', '--redirect-uri', REDIRECT,
    '--scope', SCOPE, '--token-format', 'jwt', '--id-token-alg', 'ES256']));
}

async function person(store, org) {
  const user = { username: 'bench', password: randomBytes(18).toString('base64url') };
  await store.cli(['user', 'create', '--org', org.id, '--username', user.username,
    '--password-stdin'], user.password);
  return user;
}

// { store, jwt, opaque, code, user }: each client { id, secret, auth }.
async function makeBase(folder, store = new Store(folder, 'base')) {
  const org = await store.cli(['org', 'create', '--name', 'Bench']);
  const group = await store.cli(['group', 'create', '--org', org.id, '--name', 'Patients Lead']);
  const client = async (format) => {
    const c = await store.cli(['client', 'create', '--org', org.id, '--name', format,
      '--group', group.id, '--token-format', format]);
    return known(c);
  };
  return { store, jwt: await client('jwt'), opaque: await client('opaque'),
    code: await codeClient(store, org), user: await person(store, org) };
}

// Returns { store, seconds, tokensFile, clientsFile }.
async function makeFull(base, folder, tokens, clients) {
  const store = new Store(folder, 'full');
  store.copyFrom(base.store);
  const start = Date.now();
  const env = cleanEnv();
  await run([path.join(BUILD, 'bench', 'fill'), store.url, store.key, base.opaque.id,
    base.opaque.secret, String(tokens), String(clients), folder], { env });
  return {
    store,
    seconds: (Date.now() - start) / 1000,
    tokensFile: path.join(folder, 'tokens.txt'),
    clientsFile: path.join(folder, 'clients.txt'),
  };
}

module.exports = { Store, makeBase, makeFull };
