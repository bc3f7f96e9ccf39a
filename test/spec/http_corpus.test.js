'use strict';
// Our reader of HTTP beside two that the world runs: Node's and nginx's. Each gets every request
// of http_corpus/requests.js. Refusing what others accept is our policy; accepting what one of
// them refuses, or reading something else out of it, needs a sentence in http_corpus/explained.js,
// and a sentence that is no longer needed has to go.

const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { freePort } = require('../interop/lib/postern.js');
const requests = require('./http_corpus/requests.js');
const explained = require('./http_corpus/explained.js');

const ROOT = path.join(__dirname, '..', '..');
const BUILD = process.env.POSTERN_BUILD || 'build/release';
// How long a reader that has not answered is given before it counts as waiting for more.
const PATIENCE_MS = 1500;

let dir;
let nodeServer;
let nginx;
let nginxPort;

// Answers every request with what was read: "METHOD TARGET BODY-LENGTH". Node leaves taking the
// authority off an absolute target to its user.
function answer(req, res) {
  const target = req.url.replace(/^https?:\/\/[^/?]*/i, '');
  const pathAndQuery = /^[/*]/.test(target) ? target : `/${target}`;
  let n = 0;
  req.on('data', (piece) => { n += piece.length; });
  req.on('end', () => {
    res.setHeader('X-Read', `${req.method} ${pathAndQuery} ${n}`);
    res.end();
  });
}

function listen(server) {
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));
}

// nginx hands on to Node what it has read, so the answer shows how it read it.
function nginxConfig(port, upstream) {
  return `
daemon off; master_process off; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
  large_client_header_buffers 8 16k; client_max_body_size 65536;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_http_version 1.1;
      proxy_buffer_size 32k;
      proxy_buffers 4 32k;
      proxy_set_header Host upstream;
    }
  }
}`;
}

async function startNginx(upstream) {
  nginxPort = await freePort();
  fs.writeFileSync(path.join(dir, 'nginx.conf'), nginxConfig(nginxPort, upstream));
  nginx = spawn('nginx', ['-p', dir, '-c', path.join(dir, 'nginx.conf'), '-e', `${dir}/error.log`],
    { stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
  nginx.on('error', () => { nginx = null; });
  for (let i = 0; i < 100; i++) {
    await new Promise((done) => setTimeout(done, 50));
    if (!nginx || nginx.exitCode !== null) break;
    const up = await new Promise((done) => {
      const s = net.connect(nginxPort, '127.0.0.1', () => { s.destroy(); done(true); });
      s.on('error', () => done(false));
    });
    if (up) return;
  }
  throw new Error('nginx does not start (script/setup installs it): ' +
    (fs.existsSync(`${dir}/error.log`) ? fs.readFileSync(`${dir}/error.log`, 'utf8') : ''));
}

before(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-corpus-'));
  execFileSync('make', ['-s', `BUILD=${BUILD}`, `${BUILD}/http_read`], { cwd: ROOT });
  nodeServer = http.createServer({ maxHeaderSize: 32768 }, answer);
  // The default would hand an expectation or an upgrade to handlers of their own.
  nodeServer.on('checkContinue', (req, res) => { res.writeContinue(); answer(req, res); });
  await listen(nodeServer);
  await startNginx(nodeServer.address().port);
});

after(async () => {
  if (nginx) {
    nginx.kill('SIGTERM');
    await new Promise((done) => nginx.on('exit', done));
  }
  nodeServer.closeAllConnections();
  await new Promise((done) => nodeServer.close(done));
  fs.rmSync(dir, { recursive: true, force: true });
});

// The requests that a server read, in order, and how it ended: 'end', 'refuse STATUS' or 'wait'.
function digest(text, expected) {
  const read = [];
  for (const head of text.split(/(?=HTTP\/1\.[01] \d{3})/)) {
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
    const seen = /^x-read: (.*)\r$/im.exec(head)?.[1];
    if (seen) read.push(seen);
    else if (status >= 200) return { read, last: `refuse ${status}` };
  }
  return { read, last: read.length >= expected ? 'end' : 'wait' };
}

// `expected`: how many requests our reader found; a server that answers as many is done.
function ask(port, bytes, expected) {
  return new Promise((done) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')));
    const finish = (closed) => {
      clearTimeout(timer);
      socket.destroy();
      const d = digest(text, Math.max(expected, 1));
      done(closed && d.last === 'wait' ? { ...d, last: 'refuse by closing' } : d);
    };
    let timer = setTimeout(finish, PATIENCE_MS, false);
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      // A short wait, in case the server reads a request more out of the bytes than we did.
      if (digest(text, Math.max(expected, 1)).last !== 'wait') {
        clearTimeout(timer);
        timer = setTimeout(finish, 30, false);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => finish(true));
  });
}

// Our reader's results, all at once.
function readAll() {
  const input = Buffer.concat(requests.flatMap(([, bytes]) =>
    [Buffer.from(`${bytes.length}\n`), Buffer.from(bytes, 'latin1')]));
  const out = execFileSync(path.join(ROOT, BUILD, 'http_read'), { input }).toString('latin1');
  return out.trimEnd().split('\n').map((text) => {
    const parts = text.split('\t');
    return { read: parts.slice(0, -1).map((s) => s.replace('accept ', '')), last: parts.at(-1) };
  });
}

// Runs f over the items, a few at a time, results in order.
async function mapSome(items, width, f) {
  const results = [];
  let next = 0;
  await Promise.all(Array.from({ length: width }, async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await f(items[i], i);
    }
  }));
  return results;
}

const show = (r) => [...r.read, r.last].join(', ').replace(/a{50,}/g, 'a...a');

test('what we accept, Node and nginx accept too, or it is explained', async (t) => {
  const ours = readAll();
  assert.strictEqual(ours.length, requests.length);
  assert.strictEqual(new Set(requests.map(([name]) => name)).size, requests.length);
  const theirs = await mapSome(requests, 24, async ([, bytes], i) => ({
    node: await ask(nodeServer.address().port, bytes, ours[i].read.length),
    nginx: await ask(nginxPort, bytes, ours[i].read.length),
  }));
  const problems = [];
  const used = new Set();
  let refusedByUsAlone = 0;
  requests.forEach(([name], i) => {
    t.diagnostic(`${name}: we ${show(ours[i])}; Node ${show(theirs[i].node)}; ` +
      `nginx ${show(theirs[i].nginx)}`);
    if (ours[i].read.length === 0) {
      const others = [theirs[i].node, theirs[i].nginx];
      refusedByUsAlone += others.some((r) => r.read.length > 0);
      return;
    }
    for (const reader of ['node', 'nginx']) {
      if (show(ours[i]) === show(theirs[i][reader])) continue;
      used.add(`${name}/${reader}`);
      if (!explained[name]?.[reader]) {
        problems.push(`${name}: we read ${show(ours[i])}, ${reader} ${show(theirs[i][reader])}`);
      }
    }
  });
  for (const [name, readers] of Object.entries(explained)) {
    for (const reader of Object.keys(readers)) {
      if (!used.has(`${name}/${reader}`)) problems.push(`${name}: nothing to explain for ${reader}`);
    }
  }
  t.diagnostic(`${requests.length} requests; ${refusedByUsAlone} that we refuse and another accepts`);
  assert.deepStrictEqual(problems, []);
});

test('the corpus holds both kinds', () => {
  const ours = readAll();
  assert.ok(ours.filter((r) => r.last === 'end').length > 40);
  assert.ok(ours.filter((r) => r.last.startsWith('refuse')).length > 100);
});
