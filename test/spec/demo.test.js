'use strict';
// script/server, as the first lines of the README promise it: a server, an app that signs in with
// it, credentials in a file of one's own, curl lines that work, and one Ctrl-C that ends it all.
//
// It runs with ports and a directory of its own (POSTERN_VAR), so it leaves a developer's alone.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { freePort } = require('../interop/lib/postern.js');
const { Person } = require('../interop/lib/person.js');

const ROOT = path.join(__dirname, '..', '..');
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
let dir, port, appPort, demo, developers;

// Those of the developer who runs this test.
const keptFile = () => (fs.existsSync(path.join(ROOT, 'var', 'demo.env'))
  ? fs.readFileSync(path.join(ROOT, 'var', 'demo.env'), 'utf8') : null);

function listens(at) {
  return new Promise((done) => {
    const s = net.connect(at, '127.0.0.1', () => { s.destroy(); done(true); });
    s.on('error', () => done(false));
  });
}

async function eventually(what, is, seconds = 20) {
  for (let i = 0; i < seconds * 20; i++) {
    if (await is()) return;
    await sleep(50);
  }
  assert.fail(`${what}; it said:\n${demo.said}${demo.warned}`);
}

// As in a terminal: a process group of its own, which gets the Ctrl-C.
async function start() {
  const env = Object.fromEntries(Object.entries(process.env)
    .filter(([name]) => !/^(POSTERN|MAKE|NODE_TEST)/.test(name)));
  const child = spawn('script/server', ['--listen', `127.0.0.1:${port}`], { cwd: ROOT,
    detached: true, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, POSTERN_VAR: dir, POSTERN_DEMO_PORT: String(appPort) } });
  demo = { child, said: '', warned: '', ended: new Promise((done) => { child.on('exit', done); }) };
  child.stdout.setEncoding('utf8').on('data', (text) => { demo.said += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { demo.warned += text; });
  demo.ended.then(() => { demo.over = true; });
  await eventually('the server did not come up', async () => {
    assert.ok(!demo.over, demo.said + demo.warned);
    return demo.said.includes('Ctrl-C') && listens(port);
  }, 300); // where nothing is built yet
}

async function pressCtrlC() {
  process.kill(-demo.child.pid, 'SIGINT');
  await eventually('the server did not end', async () => demo.over);
}

const readEnv = () => Object.fromEntries(fs.readFileSync(path.join(dir, 'demo.env'), 'utf8')
  .trim().split('\n').map((line) => [line.slice(0, line.indexOf('=')),
    line.slice(line.indexOf('=') + 1)]));

before(async () => {
  developers = keptFile();
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-demo-'));
  [port, appPort] = [await freePort(), await freePort()];
  await start();
});

after(() => {
  try {
    if (demo) process.kill(-demo.child.pid, 'SIGKILL'); // what a failed test has left
  } catch {
    // nothing
  }
  fs.rmSync(dir, { recursive: true, force: true });
});

test('it says where to go and as whom, and the credentials are kept for their owner alone', () => {
  const kept = readEnv();
  assert.deepEqual(Object.keys(kept).sort(), ['DEMO_APP_ID', 'DEMO_APP_SECRET', 'DEMO_CLIENT_ID',
    'DEMO_CLIENT_SECRET', 'DEMO_GROUP', 'DEMO_ORGANIZATION', 'DEMO_PASSWORD', 'DEMO_USER']);
  for (const [name, value] of Object.entries(kept)) assert.notEqual(value, '', name);
  assert.ok(demo.said.startsWith(`Open http://127.0.0.1:${appPort} and sign in as demo / ` +
    `${kept.DEMO_PASSWORD}\n`), demo.said);
  assert.match(kept.DEMO_PASSWORD, /^[a-km-z2-9]{4}(-[a-km-z2-9]{4}){3}$/);
  assert.ok(demo.said.includes(`The credentials are kept in ${dir}/demo.env; stop the server with ` +
    'Ctrl-C.\n'), demo.said);
  assert.equal(fs.statSync(path.join(dir, 'demo.env')).mode & 0o777, 0o600);
  assert.equal(keptFile(), developers, 'var/ is left alone');
});

test('the curl lines that it prints work as they stand', () => {
  const lines = demo.said.split('\n').filter((line) => /^ {2}curl /.test(line));
  assert.equal(lines.length, 3, demo.said);
  for (const line of lines) {
    const answer = execFileSync('sh', ['-c', `${line} -s`], { encoding: 'utf8' });
    assert.match(answer, /"access_token"/, `${line}: ${answer}`);
  }
});

// The browser keeps the app's cookie, too.
async function ofApp(url, cookie) {
  const r = await fetch(url, { redirect: 'manual', headers: cookie ? { cookie } : {} });
  const set = r.headers.getSetCookie()[0];
  return { status: r.status, location: r.headers.get('location'), text: await r.text(),
    cookie: set ? set.split(';')[0] : cookie };
}

async function signIn() {
  const app = `http://127.0.0.1:${appPort}`;
  const { DEMO_USER: login, DEMO_PASSWORD: password } = readEnv();
  assert.match((await ofApp(`${app}/`)).text, /Sign in with Postern/);
  const begun = await ofApp(`${app}/sign-in`);
  assert.equal(begun.status, 302, begun.text);
  assert.ok(begun.location.startsWith(`http://127.0.0.1:${port}/oauth2/authorize?`));
  const dana = new Person({ url: `http://127.0.0.1:${port}` }, { login, password });
  const page = await dana.open(begun.location);
  assert.equal(page.kind, 'sign_in', page.text);
  assert.match(page.text, /Express Demo/);
  const end = await dana.authorize(begun.location);
  assert.equal(end.url.origin, app);
  const back = await ofApp(end.url, begun.cookie);
  assert.equal(back.status, 302, back.text);
  return (await ofApp(new URL(back.location, app), back.cookie)).text;
}

test('the app leads to the sign-in page, and the demo user signs in to it', async () => {
  const page = await signIn();
  assert.match(page, /Hello, Dana Demo/);
  assert.match(page, /demo@example\.com/);
});

test('Ctrl-C stops the server and the app; the next start keeps the credentials', async () => {
  const kept = fs.readFileSync(path.join(dir, 'demo.env'), 'utf8');
  await pressCtrlC();
  await eventually('the app still listens', async () => !await listens(appPort));
  assert.equal(await listens(port), false);
  const first = demo.said.slice(0, demo.said.indexOf('\n'));
  await start();
  assert.equal(demo.said.slice(0, demo.said.indexOf('\n')), first);
  assert.equal(fs.readFileSync(path.join(dir, 'demo.env'), 'utf8'), kept);
  assert.match(await signIn(), /Hello, Dana Demo/);
  await pressCtrlC();
  await eventually('something still listens',
    async () => !await listens(appPort) && !await listens(port));
});
