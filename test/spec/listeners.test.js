'use strict';
// Where the server listens: IPv4, IPv6, Unix sockets, an inherited descriptor, TLS (1.2 with ECDHE
// and AES-GCM, 1.3, nothing older; a new certificate on SIGHUP), and what it says when it cannot.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const path = require('node:path');
const tls = require('node:tls');
const { startPostern, sleep, freePort, BINARY } = require('../interop/lib/postern.js');

// GET over node:http(s): { status, body }.
function get(options, lib = http) {
  return new Promise((done, failed) => {
    lib.get({ path: '/healthz', agent: false, ...options }, (r) => {
      let body = '';
      r.on('data', (d) => { body += d; });
      r.on('end', () => done({ status: r.statusCode, body }));
    }).on('error', failed);
  });
}

test('IPv4, IPv6 and a Unix socket, all at once', async () => {
  const p = await startPostern();
  try {
    const unix = path.join(p.dir, 'postern.sock');
    await p.restart({ settings: {
      listen: `127.0.0.1:${p.port},[::1]:${p.port},unix:${unix}` } });
    const host = { headers: { host: `127.0.0.1:${p.port}` } };
    assert.strictEqual((await get({ host: '127.0.0.1', port: p.port })).status, 200);
    assert.strictEqual((await get({ host: '::1', port: p.port })).status, 200);
    assert.strictEqual((await get({ socketPath: unix, ...host })).status, 200);
    // A socket file that a killed server left behind does not stop the next one.
    await p.kill9();
    assert.ok(fs.existsSync(unix));
    await p.restart();
    assert.strictEqual((await get({ socketPath: unix, ...host })).status, 200);
  } finally {
    await p.stop();
  }
});

test('a balancer may ask for health by any host name, nobody for anything else', async () => {
  const p = await startPostern();
  try {
    const ask = (path, host) => get({ host: '127.0.0.1', port: p.port, path, headers: { host } });
    for (const host of ['10.0.0.11:8080', 'node1']) {
      assert.strictEqual((await ask('/readyz', host)).status, 200, host);
      assert.strictEqual((await ask('/healthz', host)).status, 200, host);
      assert.strictEqual((await ask('/oauth2/jwks', host)).status, 421, host);
    }
  } finally {
    await p.stop();
  }
});

test('a taken port: exit 1, and a message that names the address and what to do', async () => {
  const p = await startPostern();
  try {
    const r = await p.cliRaw(['serve']);
    assert.strictEqual(r.code, 1);
    assert.match(r.stderr, new RegExp(`127\\.0\\.0\\.1:${p.port}`));
    assert.match(r.stderr, /in use|taken|another process listens/);
    assert.strictEqual((await get({ host: '127.0.0.1', port: p.port })).status, 200);
  } finally {
    await p.stop();
  }
});

test('an inherited socket: fd:3', async () => {
  const p = await startPostern();
  await p.kill9();
  const server = net.createServer().listen(p.port, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const child = spawn(BINARY, ['serve', '--listen', 'fd:3'], {
    env: { ...p.commandEnv(), POSTERN_LISTEN: 'fd:3', POSTERN_ISSUER: p.url },
    stdio: ['ignore', 'ignore', 'pipe', server._handle],
  });
  let stderr = '';
  child.stderr.on('data', (d) => { stderr += d; });
  const exited = new Promise((done) => child.on('exit', done));
  // Only the child may accept from here on.
  server._handle.onconnection = (status, handle) => handle && handle.close();
  server.close();
  try {
    let status = 0;
    for (let i = 0; i < 100 && status !== 200; i++) {
      await sleep(50);
      status = await get({ host: '127.0.0.1', port: p.port }).then((r) => r.status, () => 0);
    }
    assert.strictEqual(status, 200, stderr);
  } finally {
    child.kill('SIGTERM');
    assert.strictEqual(await exited, 0, stderr);
    await p.stop();
  }
});

function certificate(dir, name) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1',
    '-keyout', path.join(dir, 'tls.key'), '-out', path.join(dir, 'tls.pem')], { stdio: 'ignore' });
  fs.chmodSync(path.join(dir, 'tls.key'), 0o600);
}

describe('TLS', () => {
  let p;
  let port;
  before(async () => {
    p = await startPostern();
    port = await freePort();
    certificate(p.dir, 'first');
    await p.restart({ settings: { issuer: p.url, 'tls.listen': `127.0.0.1:${port}`,
      'tls.certificate': path.join(p.dir, 'tls.pem'), 'tls.key': path.join(p.dir, 'tls.key') } });
  });
  after(() => p.stop());

  const connect = (options = {}) => new Promise((done, failed) => {
    const s = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
    s.once('secureConnect', () => done(s));
    s.once('error', failed);
  });
  const use = async (options) => {
    const s = await connect(options);
    const facts = { protocol: s.getProtocol(), cipher: s.getCipher().name,
      subject: s.getPeerCertificate().subject.CN };
    s.destroy();
    return facts;
  };

  test('serves over 1.3', async () => {
    assert.strictEqual((await use()).protocol, 'TLSv1.3');
    const r = await get({ host: '127.0.0.1', port, rejectUnauthorized: false }, https);
    assert.strictEqual(r.status, 200);
  });
  test('1.2 with ECDHE and AES-GCM', async () => {
    for (const cipher of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384']) {
      const facts = await use({ maxVersion: 'TLSv1.2', ciphers: cipher });
      assert.deepStrictEqual([facts.protocol, facts.cipher], ['TLSv1.2', cipher]);
    }
  });
  for (const cipher of ['ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES128-SHA',
    'ECDHE-ECDSA-CHACHA20-POLY1305']) {
    test(`1.2 with ${cipher} is refused`, async () => {
      await assert.rejects(use({ maxVersion: 'TLSv1.2', ciphers: `${cipher}:@SECLEVEL=0` }));
    });
  }
  for (const version of ['TLSv1', 'TLSv1.1']) {
    test(`${version} is refused`, async () => {
      await assert.rejects(use({ minVersion: version, maxVersion: version,
        ciphers: 'ALL:@SECLEVEL=0' }));
    });
  }
  test('no renegotiation', async () => {
    const s = await connect({ maxVersion: 'TLSv1.2' });
    s.on('error', () => {});
    await assert.rejects(new Promise((done, failed) => {
      s.renegotiate({ rejectUnauthorized: false }, (e) => (e ? failed(e) : done()));
      s.once('close', () => failed(new Error('closed')));
    }));
    s.destroy();
  });
  test('plain HTTP on the TLS port is not answered in clear, and harms nobody', async () => {
    await assert.rejects(get({ host: '127.0.0.1', port }));
    assert.strictEqual((await use()).protocol, 'TLSv1.3');
  });
  test('a token over TLS', async () => {
    const org = await p.cli(['org', 'create', '--name', 'O']);
    const c = await p.cli(['client', 'create', '--org', org.id, '--name', 'C',
      '--grant', 'client_credentials']);
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: c.client_id,
      client_secret: c.client_secret }).toString();
    const answer = await new Promise((done, failed) => {
      const r = https.request({ host: '127.0.0.1', port, rejectUnauthorized: false, method: 'POST',
        path: '/oauth2/token', headers: { 'content-type': 'application/x-www-form-urlencoded',
          'content-length': body.length } }, (res) => {
        let text = '';
        res.on('data', (d) => { text += d; }).on('end', () => done({ status: res.statusCode, text }));
      });
      r.on('error', failed).end(body);
    });
    assert.strictEqual(answer.status, 200, answer.text);
  });
  test('SIGHUP takes a new certificate; open connections live on', async () => {
    assert.strictEqual((await use()).subject, 'first');
    const old = await connect();
    let text = '';
    old.setEncoding('latin1').on('data', (d) => { text += d; });
    certificate(p.dir, 'second');
    process.kill(p.pid, 'SIGHUP');
    let facts = await use();
    for (let i = 0; i < 50 && facts.subject !== 'second'; i++) {
      await sleep(50);
      facts = await use();
    }
    assert.strictEqual(facts.subject, 'second');
    old.write(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    for (let i = 0; i < 50 && text === ''; i++) await sleep(20);
    assert.match(text, /^HTTP\/1\.1 200 /);
    old.destroy();
  });
  test('SIGHUP with a broken certificate keeps the one in use', async () => {
    fs.writeFileSync(path.join(p.dir, 'tls.pem'), 'no certificate\n');
    process.kill(p.pid, 'SIGHUP');
    await sleep(500);
    assert.strictEqual((await use()).subject, 'second');
    assert.ok(p.running);
  });
  test('half handshakes are closed after 10 s', async () => {
    const start = Date.now();
    const s = net.connect(port, '127.0.0.1');
    s.on('error', () => {}).resume();
    s.write(Buffer.from([0x16, 0x03, 0x01, 0x02]));
    await new Promise((done) => s.once('close', done));
    const seconds = (Date.now() - start) / 1000;
    assert.ok(seconds > 9 && seconds < 13, `closed after ${seconds} s`);
  });
});
