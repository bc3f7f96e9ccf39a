'use strict';
// Floods: sockets that never finish, guesses, requests that are dear to judge, and an honest client
// at a fixed rate beside them (honest.c), whose p99 may at most double.
//
//     node test/torture/floods.js [--only head,jti] [--sockets N] [--store S]
//
// Machines are noisy, and noise only ever adds: windows without and with the flood take turns, and
// what is compared are the quietest windows of each (of many, the one behind the quietest quarter).
// Where the first ones say "too slow", more are added; a server that is too slow stays so. The flood
// comes from addresses of its own, each socket from another, and stands back behind the server and
// the honest client (nice): they share the machine, which they would not in earnest. Each kind has a
// rate; that it was really reached is checked, too.

const { spawn, execFileSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { Part, ROOT } = require('./lib/part.js');

const BUILD = path.resolve(ROOT, process.env.TORTURE_BUILD || 'build/release', 'torture');
const RATIO = 2;
const WINDOWS_MOST = 24; // of each
const ISSUER = 'http://127.0.0.1';
const MIB = 1 << 20;
const CEILING_MB = 256; // memory.max
const ASSERTIONS = 400; // a second
const HANDSHAKES = 5000; // a quarter of connections_max
const HONEST = { rate: 500, connections: 32, address: '127.0.0.1' };

const part = new Part('floods', { rounds: 5, quick: 3 });
const SECONDS = part.quick ? 1.5 : 4;
const SOCKETS = Number(part.options.sockets || (part.quick ? 3000 : 10000));

let p;
let world;
let lib;

const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

// ---- who is measured ----

// Ahead of everybody, or its own waiting for a core would be measured.
const first = process.getuid() === 0 ? ['nice', '-n', '-10'] : [];

function honest() {
  const command = [...first, path.join(BUILD, 'honest'), String(p.port), String(HONEST.rate),
    String(SECONDS), String(HONEST.connections), HONEST.address, path.join(part.dir, 'honest')];
  return new Promise((done, failed) => {
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (d) => { text += d; });
    child.on('close', (code) => (code === 0 ? done(JSON.parse(text))
      : failed(new Error(`honest ended with ${code}`))));
  });
}

// Memory of the server, all its processes: what is shared counts once.
function memory() {
  const kb = {};
  for (const pid of processes(p.pid)) {
    try {
      kb[pid] = Number(/^Pss: *(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
    } catch {
      // it ended, or nobody may look
    }
  }
  return Object.values(kb).reduce((a, b) => a + b, 0) / 1024;
}

function processes(pid) {
  let children = [];
  try {
    for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
      children.push(...fs.readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '));
    }
  } catch {
    return [pid];
  }
  children = children.filter(Boolean);
  return [pid, ...children.flatMap((c) => processes(Number(c)))];
}

// ---- the flood ----

class Flood {
  constructor(args) {
    this.child = spawn('nice', ['-n', '19', path.join(BUILD, 'attack'), ...args.map(String)],
      { stdio: ['pipe', 'pipe', 'inherit'] });
    this.text = '';
    this.ended = new Promise((done) => { this.child.on('close', done); });
    this.ready = new Promise((done) => {
      this.child.stdout.on('data', (d) => {
        this.text += d;
        if (this.text.includes('ready')) done();
      });
      this.ended.then(done);
    });
  }

  async stop() {
    this.child.stdin.end();
    await this.ended;
    return JSON.parse(this.text.split('\n').find((l) => l.startsWith('{')));
  }
}

// One pair of windows.
async function pair(makeArgs, out) {
  out.idle.push(await honest());
  const flood = new Flood(makeArgs());
  await flood.ready;
  await sleep(200); // what came with the opening is over
  out.flood.push(await honest());
  out.memory = Math.max(out.memory, memory());
  out.attack.push(await flood.stop());
  await sleep(300);
}

const p99 = (list) => list.map((w) => w.p99).sort((a, b) => a - b)[list.length >> 2] / 1000;
const sum = (list, key) => list.reduce((n, w) => n + w[key], 0);

async function measure(makeArgs) {
  const out = { idle: [], flood: [], attack: [], memory: 0 };
  for (let i = 0; i < part.rounds || (out.ratio > RATIO && i < WINDOWS_MOST); i++) {
    await pair(makeArgs, out);
    out.ratio = p99(out.flood) / p99(out.idle);
  }
  return out;
}

function judge(name, words, out, there) {
  const idle = p99(out.idle), flood = p99(out.flood);
  const windows = out.flood.length;
  part.check(out.ratio <= RATIO, `${name}: the honest p99 at most doubles`,
    `${idle.toFixed(2)} ms, then ${flood.toFixed(2)} ms in ${windows} windows`);
  part.check(sum(out.flood, 'bad') === 0, `${name}: every honest request is served`,
    JSON.stringify(out.flood));
  part.check(out.memory <= world.ceiling, `${name}: memory stays below ${world.ceiling} MB`,
    `${out.memory.toFixed(1)} MB`);
  const absent = out.attack.filter((a) => !there(a));
  part.check(absent.length === 0, `${name}: the flood was there`,
    `${absent.length} of ${windows} windows without, the first: ${JSON.stringify(absent[0])}`);
  part.figure(`${name} (${words}): honest p99 idle, flooded; ratio; memory`,
    `${idle.toFixed(2)} ms, ${flood.toFixed(2)} ms; ${out.ratio.toFixed(2)}; ${out.memory.toFixed(0)} MB`,
    '', { name, idle, flood, ratio: out.ratio, memory: out.memory });
}

// `may`: so many the server keeps; beyond that the oldest gives way.
async function slow(name, kind, port, may = SOCKETS) {
  const out = await measure(() => [kind, port, SOCKETS]);
  judge(name, `${SOCKETS} sockets`, out, (a) => a.open_most >= Math.min(SOCKETS, may) * 0.95);
}

// `make` gives the requests, new ones for each window.
async function repeat(name, rate, sockets, make, expected) {
  const file = path.join(part.dir, 'requests');
  const out = await measure(() => {
    fs.writeFileSync(file, Buffer.concat(make().map((r) => {
      const bytes = Buffer.from(r, 'latin1');
      return Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]);
    })));
    return ['repeat', p.port, sockets, rate, file];
  });
  const asked = (a) => a.s2xx + a.s3xx + a.s4xx + a.s5xx;
  judge(name, `${rate} a second`, out, (a) => a.asked >= rate * SECONDS * 0.5 && expected(a));
  part.say(`${name}: ${sum(out.attack, 'asked')} asked, answers 2xx ${sum(out.attack, 's2xx')} ` +
    `3xx ${sum(out.attack, 's3xx')} 4xx ${sum(out.attack, 's4xx')} 5xx ${sum(out.attack, 's5xx')}, ` +
    `${sum(out.attack, 'asked') - out.attack.reduce((n, a) => n + asked(a), 0)} without one`);
}

// ---- what is sent ----

const times = (n, make) => Array.from({ length: n }, (_, i) => make(i));
const basic = (id, secret) => ({ authorization: 'Basic ' + Buffer.from(`${id}:${secret}`).toString('base64') });
const form = (target, params, headers) => lib.formBytes(p.port, target, params, headers);
const CC = { grant_type: 'client_credentials' };

function wrongSecrets() {
  return times(500, (i) => form('/oauth2/token', CC,
    basic(i % 2 ? world.client.client_id : crypto.randomUUID(), crypto.randomBytes(32).toString('base64url'))));
}

function dots() {
  const many = '.'.repeat(MIB);
  const bearer = (n) => lib.getBytes(p.port, '/oauth2/userinfo', { authorization: `Bearer ${'.'.repeat(n)}` });
  return [bearer(MIB), bearer(15000), form('/oauth2/token', { ...CC, ...lib.withAssertion(many) }),
    form('/oauth2/token', { ...CC, ...lib.withAssertion('.'.repeat(16000)) }),
    form('/oauth2/introspect', { token: '.'.repeat(16000) }, basic(world.client.client_id, 'x'))];
}

function deepJson() {
  const post = (body) => `POST /pub/oauth/token HTTP/1.1\r\nHost: 127.0.0.1:${p.port}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  return [post('['.repeat(30000)), post('{"a":'.repeat(6000)), post(`${'['.repeat(15000)}${']'.repeat(15000)}`),
    post(`{${times(2000, (i) => `"k${i}":${i}`).join()}}`)];
}

// Half of them good ones, each with a jti that must be remembered, half with a forged signature.
function assertions() {
  const now = Math.floor(Date.now() / 1000);
  const one = (keys) => form('/oauth2/token', { ...CC, ...lib.withAssertion(lib.sign(keys, {},
    { iss: world.signer.id, sub: world.signer.id, aud: ISSUER, jti: crypto.randomUUID(), iat: now,
      exp: now + 290 })) });
  const stranger = lib.pair('ES256', world.signer.keys.kid);
  return times(ASSERTIONS * (SECONDS + 2), (i) => one(i % 2 ? world.signer.keys : stranger));
}

const pushed = () => times(50, (i) => form('/oauth2/par', { client_id: world.open.client_id,
  redirect_uri: 'https://app.example/cb', response_type: 'code', scope: 'openid', state: `s${i}`,
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' }));
const devices = () => [form('/oauth2/device_authorization', { client_id: world.open.client_id,
  scope: 'openid' })];

async function guesses() {
  const { Browser, query } = require('../bench/people.js');
  const browser = new Browser(p.port, '127.3.0.1');
  const page = await browser.ask('GET', `/oauth2/authorize?${query(world.open.client_id, 'openid')}`);
  const fields = Browser.fields(page, '/sign-in');
  const { cookie } = browser;
  browser.close();
  return () => times(300, (i) => form('/sign-in', { ...fields, login: `nobody-${i}`, password: `wrong ${i}` },
    { cookie }));
}

// ---- the world ----

async function makeWorld() {
  const { freePort, startPostern } = require('../interop/lib/postern.js');
  lib = { ...require('./lib/shot.js'), ...require('../spec/lib/signing.js') };
  const pem = path.join(part.dir, 'tls.pem'), key = path.join(part.dir, 'tls.key');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-days', '2', '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', pem], { stdio: 'ignore' });
  fs.chmodSync(key, 0o600);
  const tls = await freePort();
  p = await startPostern({ settings: { 'tls.listen': `127.0.0.1:${tls}`, 'tls.certificate': pem,
    'tls.key': key, issuer: ISSUER, 'memory.max': CEILING_MB } });
  part.later(async () => {
    if (!p.running) part.check(false, 'the server lives', JSON.stringify([await p.exited, p.logLines().slice(-5)]));
    return p.stop();
  });
  const org = await p.cli(['org', 'create', '--name', 'Flooded']);
  const make = (name, ...more) => p.cli(['client', 'create', '--org', org.id, '--name', name, ...more]);
  const client = await make('Honest', '--grant', 'client_credentials', '--scope', 'read');
  const open = await make('Open', '--public', '--redirect-uri', 'https://app.example/cb', '--grant',
    'authorization_code', '--grant', 'device_code', '--scope', 'openid');
  const keys = lib.pair('ES256');
  const jwks = path.join(part.dir, 'jwks.json');
  fs.writeFileSync(jwks, JSON.stringify({ keys: [keys.jwk] }));
  const signer = await make('Signs', '--grant', 'client_credentials', '--scope', 'read', '--auth-method',
    'private_key_jwt', '--jwks-file', jwks);
  world = { tls, client, open, signer: { id: signer.client_id, keys }, ceiling: CEILING_MB };
  fs.writeFileSync(path.join(part.dir, 'honest'), form('/oauth2/token', CC,
    basic(client.client_id, client.client_secret)));
  await honest(); // caches are warm
}

const FLOODS = {
  head: () => slow('slow heads', 'head', p.port),
  body: () => slow('slow bodies', 'body', p.port),
  tls: () => slow('slow TLS handshakes', 'tls', world.tls, HANDSHAKES),
  passwords: async () => repeat('wrong passwords', 1000, 200, await guesses(), (a) => a.s2xx + a.s4xx + a.s5xx > 0),
  secrets: () => repeat('wrong client secrets', 2000, 500, wrongSecrets, (a) => a.s4xx > 0 && a.s2xx === 0),
  dots: () => repeat('dots as a JWT', 200, 100, dots, (a) => a.s4xx > 0 && a.s2xx + a.s5xx === 0),
  json: () => repeat('deep JSON', 1000, 200, deepJson, (a) => a.s4xx > 0 && a.s2xx + a.s5xx === 0),
  jti: () => repeat('client assertions', ASSERTIONS, 200, assertions, (a) => a.s2xx > 0 && a.s4xx > 0),
  par: () => repeat('pushed requests', 500, 200, pushed, (a) => a.s2xx > 0 && a.s5xx === 0),
  device: () => repeat('device codes', 500, 200, devices, (a) => a.s2xx > 0 && a.s5xx === 0),
};

part.run(async () => {
  await part.open();
  await makeWorld();
  const wanted = part.options.only ? part.options.only.split(',') : Object.keys(FLOODS);
  for (const name of wanted) await FLOODS[name]();
  const idle = memory();
  part.figure('memory after all of them', Math.round(idle), 'MB');
});
