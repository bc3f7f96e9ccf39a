'use strict';
// Races: 64 clients use at once what is good once. Every answer is recorded; the history of a round
// must be one that a server without threads could have given: at most one success, the right error
// for everybody else, and afterwards exactly what security.md 23, 31, 32 and 39 leave alive.
//
//     node test/torture/races.js [--rounds 1000] [--store S] [--nodes 2] [--only code,jti]
//
// The control is a server built without expectations (no_expectation.c): what is single use there is
// not, and this test must say so (--control BINARY).

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { Part } = require('./lib/part.js');

const CLIENTS = 64;
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'; // RFC 7636 B

const part = new Part('races', { rounds: 1000, quick: 60 });
const nodes = Number(part.options.nodes || 1);
let world;
let cluster;
let shot;
let keys;
let signer;

const port = () => cluster.nodes[0].port;
const ports = () => cluster.nodes.map((n) => n.port);
const url = (i = 0) => cluster.nodes[i % nodes].url;
const public_ = (params) => formBytes('/oauth2/token', { ...params, client_id: world.app.id });
const formBytes = (...args) => shot.formBytes(port(), ...args);

function expectAll(list, status, error, wrong) {
  for (const a of list) {
    const code = a.json?.error || a.json?.errors?.[0]?.code;
    if (a.status !== status || (error && code !== error)) wrong.push(`${a.status} ${code || a.text}`);
  }
}

// A loser is answered only when the winner has begun: nothing is refused for a success to come that
// nobody had asked for yet. (With one shot all begin together; this is about broken clocks in here.)
function inOrder(winner, losers, wrong) {
  if (losers.some((l) => l.came_ms < winner.sent_ms)) wrong.push('refused before the winner asked');
}

function oneWins(answers, isWin, status, error, wrong) {
  const winners = answers.filter(isWin);
  const losers = answers.filter((a) => !isWin(a));
  if (winners.length !== 1) wrong.push(`${winners.length} successes`);
  expectAll(losers, status, error, wrong);
  if (winners.length === 1) inOrder(winners[0], losers, wrong);
  return winners;
}

const isOk = (a) => a.status === 200;

// Nothing of these tokens is alive at any node.
async function dead(tokens, wrong) {
  if (nodes > 1) await new Promise((done) => { setTimeout(done, 1000); }); // all nodes hear of it
  for (const t of tokens) {
    const r = await world.refresh(url(), t.refresh_token);
    if (r.status !== 400 || r.json?.error !== 'invalid_grant') wrong.push(`refresh: ${r.status} ${r.text}`);
    for (let i = 0; i < nodes; i++) {
      const seen = await world.introspect(url(i), t.access_token);
      if (seen.json?.active !== false) wrong.push(`the access token lives: ${seen.text}`);
    }
  }
}

const signedIn = async (i) => {
  const r = await world.redeem(url(i), await world.code(person(), url(i)));
  if (r.status !== 200) throw new Error(`redeem: ${r.status} ${r.text}`);
  return r.json;
};
let someone;
const person = () => (someone ??= world.person(url()));

// Each runs one round and returns what was wrong with it.
const kinds = {
  // security.md 23: one 200, the replays end what it got
  async code(i, wrong) {
    const code = await world.code(person(), url(i));
    const answers = await shot.shoot(ports(), public_({ grant_type: 'authorization_code', code,
      redirect_uri: 'https://app.example/cb', code_verifier: VERIFIER }), CLIENTS);
    const won = oneWins(answers, isOk, 400, 'invalid_grant', wrong);
    await dead(won.map((a) => a.json), wrong);
  },
  // security.md 31, 32: one successor, and its line ends since the old one was used again
  async refresh(i, wrong) {
    const { refresh_token } = await signedIn(i);
    const answers = await shot.shoot(ports(),
      public_({ grant_type: 'refresh_token', refresh_token }), CLIENTS);
    const won = oneWins(answers, isOk, 400, 'invalid_grant', wrong);
    await dead(won.map((a) => a.json), wrong);
  },
  // security.md 18: two who open it, one code
  async request_uri(i, wrong) {
    if (!someone) await world.code(person(), url());
    const pushed = await world.form(url(i), '/oauth2/par', { redirect_uri: 'https://app.example/cb',
      response_type: 'code', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      scope: 'openid', code_challenge_method: 'S256' }, world.app);
    if (pushed.status !== 201) throw new Error(`PAR: ${pushed.status} ${pushed.text}`);
    const target = world.authorizeUrl(url(), { request_uri: pushed.json.request_uri }).slice(url().length);
    const cookie = [...someone.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
    const answers = await shot.shoot(ports(), shot.getBytes(port(), target, { cookie }), CLIENTS);
    oneWins(answers, (a) => a.status === 303 && /[?&]code=/.test(a.headers.location || ''), 400, null,
      wrong);
  },
  async device_code(i, wrong) {
    const d = await world.form(url(i), '/oauth2/device_authorization', { scope: 'openid' }, world.app);
    if (d.status !== 200) throw new Error(`device: ${d.status} ${d.text}`);
    person().origin = url(i);
    await person().device(`${url(i)}/device?user_code=${d.json.user_code}`);
    const answers = await shot.shoot(ports(),
      public_({ grant_type: DEVICE, device_code: d.json.device_code }), CLIENTS);
    oneWins(answers, isOk, 400, 'invalid_grant', wrong);
  },
  // security.md 39
  async jti(i, wrong) {
    const now = Math.floor(Date.now() / 1000);
    const text = keys.sign(signer.keys, {}, { iss: signer.id, sub: signer.id, aud: cluster.issuer,
      jti: crypto.randomUUID(), iat: now, exp: now + 60 });
    const answers = await shot.shoot(ports(), formBytes('/oauth2/token',
      { grant_type: 'client_credentials', ...keys.withAssertion(text) }), CLIENTS);
    oneWins(answers, isOk, 401, 'invalid_client', wrong);
  },
};

// With a grace all are told of the same successor, and the line lives on with it alone.
async function grace(i, wrong) {
  const { refresh_token } = await signedIn(i);
  const answers = await shot.shoot(ports(),
    public_({ grant_type: 'refresh_token', refresh_token }), CLIENTS);
  expectAll(answers, 200, null, wrong);
  const successors = new Set(answers.map((a) => a.json?.refresh_token));
  if (successors.size !== 1) wrong.push(`${successors.size} successors`);
  const next = await world.refresh(url(), answers[0].json?.refresh_token);
  if (next.status !== 200) wrong.push(`the successor: ${next.status} ${next.text}`);
  const old = await world.refresh(url(i), refresh_token);
  if (old.status !== 400) wrong.push(`the old one: ${old.status} ${old.text}`);
}

async function makeSigner() {
  const pair = keys.pair('ES256');
  const file = path.join(part.dir, 'jwks.json');
  fs.writeFileSync(file, JSON.stringify({ keys: [pair.jwk] }));
  const c = await cluster.cli(['client', 'create', '--org', world.org.id, '--name', 'Signs', '--grant',
    'client_credentials', '--scope', 'read', '--auth-method', 'private_key_jwt', '--jwks-file', file]);
  return { id: c.client_id, keys: pair };
}

async function start(settings) {
  const { startCluster } = require('../cluster/lib/nodes.js');
  const { makeWorld } = require('../cluster/lib/world.js');
  const { openStore } = require('../interop/lib/store.js');
  shot = require('./lib/shot.js');
  keys = require('../spec/lib/signing.js');
  const store = openStore(part.dir, `races-${crypto.randomUUID()}.db`);
  someone = undefined;
  cluster = await startCluster({ nodes, db: store.url, settings: { 'log.level': 'warn', ...settings } });
  world = await makeWorld(cluster);
  signer = await makeSigner();
  return async () => {
    world.close();
    await cluster.stop();
    store.drop();
  };
}

// Each round comes from somewhere else: what goes wrong is counted by source, and here much does.
function move() {
  world.agent.destroy();
  world.agent = new http.Agent({ keepAlive: true, localAddress: shot.nextAddress() });
  person().localAddress = shot.nextAddress();
}

async function race(name, round, rounds) {
  const violations = [];
  let requests = 0;
  const began = performance.now();
  for (let i = 0; i < rounds; i++) {
    const wrong = [];
    move();
    await round(i, wrong);
    requests += CLIENTS;
    if (wrong.length > 0) violations.push(`round ${i}: ${[...new Set(wrong)].slice(0, 4).join('; ')}`);
    if (i % 100 === 99) part.say(`${name}: ${i + 1} rounds`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  part.check(violations.length === 0, `${CLIENTS} clients with one ${name}, ${rounds} rounds, ` +
    `${nodes} node${nodes > 1 ? 's' : ''} (${seconds} s)`, violations.slice(0, 5).join('\n'));
  part.figure(`${name}: rounds, requests, violations`, `${rounds}, ${requests}, ${violations.length}`);
  return violations.length;
}

async function races() {
  const wanted = part.options.only?.split(',') || [...Object.keys(kinds), 'grace'];
  const strict = Object.keys(kinds).filter((k) => wanted.includes(k));
  if (strict.length > 0) {
    const stop = await start({ 'refresh.grace': 0 });
    for (const name of strict) await race(name, kinds[name], part.rounds);
    await stop();
  }
  if (wanted.includes('grace')) {
    const stop = await start({ 'refresh.grace': 300 });
    await race('refresh token with a grace', grace, part.rounds);
    await stop();
  }
}

// The server whose single use is none: each race must be seen to fail.
function control(binary) {
  for (const only of Object.keys(kinds)) {
    const r = spawnSync(process.execPath, [__filename, '--rounds', '4', '--store', part.store, '--only',
      only], { env: { ...process.env, POSTERN: binary, POSTERN_TEST_PG: '' }, encoding: 'utf8' });
    part.check(r.status === 1 && /\d+ successes/.test(r.stdout),
      `control: without expectations the race for one ${only} is seen`, r.stdout + r.stderr);
  }
}

part.run(async () => {
  await part.open();
  await races();
  if (part.options.control) control(path.resolve(part.options.control));
});
