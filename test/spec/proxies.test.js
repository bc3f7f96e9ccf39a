'use strict';
// Whose word counts (security.md 70, A37): listed proxies name their clients by X-Forwarded-For,
// Forwarded, the PROXY protocol and Client-Cert; everybody else's are nothing.

const { test } = require('node:test');
const assert = require('node:assert');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { execFileSync, spawn } = require('node:child_process');
const { setTimeout: sleep } = require('node:timers/promises');
const { startPostern, freePort } = require('../interop/lib/postern.js');
const { Source, askFrom, lineOf } = require('./lib/source.js');

const STRANGER = '127.0.0.2';
const PROXY = '127.0.0.3';
const LISTED = '127.0.0.3, 10.0.0.0/8';

let n = 0;
const fresh = () => `/nothing/${++n}`; // a path of its own, so that its log line is found

// The log line of one request.
async function logged(p, from, fields, options = {}) {
  const at = fresh();
  const r = await askFrom(p, from, at, { fields, ...options });
  assert.strictEqual(r.status, 404, r.body);
  return lineOf(p, at);
}

const cert = (dir) => {
  const [key, pem, der] = ['key', 'pem', 'der'].map((x) => path.join(dir, `proxy.${x}`));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-days', '2', '-subj', '/CN=client', '-keyout', key, '-out', pem], { stdio: 'ignore' });
  fs.chmodSync(key, 0o600);
  execFileSync('openssl', ['x509', '-in', pem, '-outform', 'der', '-out', der]);
  return { key, pem, der: fs.readFileSync(der) };
};

test('security.md A37: forwarding fields of a stranger are ignored for the log', async (t) => {
  const p = await startPostern({ settings: { proxies: LISTED, 'proxies.header': 'x-forwarded-for',
    'proxies.client_cert': true } });
  t.after(() => p.stop());
  const c = cert(p.dir);
  const line = await logged(p, STRANGER, ['X-Forwarded-For: 192.0.2.1', 'Forwarded: for=192.0.2.1',
    'X-Real-IP: 192.0.2.1', `Client-Cert: :${c.der.toString('base64')}:`]);
  assert.strictEqual(line.peer, STRANGER);
  assert.strictEqual(line.hop, undefined);
  assert.strictEqual(line.client_cert_sha256, undefined);
  assert.strictEqual(line.forwarding_malformed, undefined);
});

test('security.md 70: the right-most address that is no proxy counts', async (t) => {
  const p = await startPostern({ settings: { proxies: LISTED, 'proxies.header': 'x-forwarded-for' } });
  t.after(() => p.stop());
  const rows = [
    [['X-Forwarded-For: 192.0.2.1'], '192.0.2.1', PROXY],
    [['X-Forwarded-For: 8.8.8.8, 192.0.2.1'], '192.0.2.1', PROXY],
    [['X-Forwarded-For: 8.8.8.8, 192.0.2.1, 10.1.2.3'], '192.0.2.1', PROXY],
    [['X-Forwarded-For: 8.8.8.8', 'X-Forwarded-For: 2001:db8::1'], '2001:db8::1', PROXY],
    [['X-Forwarded-For: 8.8.8.8, nonsense'], PROXY, undefined, true],
    [['X-Forwarded-For: 8.8.8.8, nonsense, 10.1.2.3'], '10.1.2.3', PROXY, true],
    [[], PROXY, undefined],
    [['Forwarded: for=192.0.2.1'], PROXY, undefined],
    [['X_Forwarded_For: 192.0.2.1'], PROXY, undefined], // security.md A7
  ];
  for (const [fields, peer, hop, malformed] of rows) {
    const line = await logged(p, PROXY, fields);
    assert.deepStrictEqual([line.peer, line.hop, line.forwarding_malformed], [peer, hop, malformed],
      String(fields));
  }
  await p.restart({ settings: { 'proxies.header': 'forwarded' } });
  assert.strictEqual((await logged(p, PROXY, ['Forwarded: for="[2001:db8::1]:80";proto=http'])).peer,
    '2001:db8::1');
  assert.strictEqual((await logged(p, PROXY, ['X-Forwarded-For: 192.0.2.1'])).peer, PROXY);
});

test('security.md 70: host and scheme of forwarding fields change nothing, from nobody', async (t) => {
  const p = await startPostern({ settings: { proxies: LISTED, 'proxies.header': 'x-forwarded-for' } });
  t.after(() => p.stop());
  const meta = '/.well-known/oauth-authorization-server';
  const plain = await askFrom(p, STRANGER, meta);
  for (const from of [STRANGER, PROXY]) {
    const r = await askFrom(p, from, meta, { fields: ['X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: https', 'X-Forwarded-Port: 1'] });
    assert.strictEqual(r.body, plain.body);
    // security.md A5: Host must be ours, whoever sends it
    const other = await askFrom(p, from, meta, { host: 'evil.example',
      fields: [`X-Forwarded-Host: 127.0.0.1:${p.port}`] });
    assert.strictEqual(other.status, 421);
  }
});

test('security.md 70: the client certificate of a listed proxy, and its thumbprint', async (t) => {
  const p = await startPostern({ settings: { proxies: LISTED, 'proxies.client_cert': true } });
  t.after(() => p.stop());
  const { der } = cert(p.dir);
  const value = `:${der.toString('base64')}:`;
  const sha = crypto.createHash('sha256').update(der).digest('hex');
  let line = await logged(p, PROXY, [`Client-Cert: ${value}`, `Client-Cert-Chain: ${value}, ${value}`]);
  assert.strictEqual(line.client_cert_sha256, sha);
  for (const fields of [[`Client-Cert: ${der.toString('base64')}`], [`Client-Cert: ${value};a`],
    [`Client-Cert: ${value}`, `Client-Cert: ${value}`], [`Client-Cert-Chain: ${value}`],
    [`Client-Cert: :${Buffer.concat([der, Buffer.from('x')]).toString('base64')}:`]]) {
    line = await logged(p, PROXY, fields);
    assert.deepStrictEqual([line.client_cert_sha256, line.forwarding_malformed], [undefined, true]);
  }
  await p.restart({ settings: { 'proxies.client_cert': false } });
  line = await logged(p, PROXY, [`Client-Cert: ${value}`]);
  assert.strictEqual(line.client_cert_sha256, undefined);
});

const v2 = (address, command = 0x21) => Buffer.concat([
  Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([command, 0x11, 0, 12]),
  Buffer.from([...address.split('.').map(Number), 127, 0, 0, 1, 0x10, 0, 0x20, 0])]);

test('security.md 70: the PROXY protocol, from listed peers only, and always from them', async (t) => {
  const p = await startPostern({ settings: { proxies: LISTED, 'proxies.protocol': true,
    'proxies.header': 'x-forwarded-for' } });
  t.after(() => p.stop());
  const v1 = 'PROXY TCP4 192.0.2.9 127.0.0.1 5000 443\r\n';
  for (const preamble of [v1, v2('192.0.2.9')]) {
    const line = await logged(p, PROXY, [], { preamble });
    assert.deepStrictEqual([line.peer, line.hop], ['192.0.2.9', PROXY]);
  }
  // what a client writes behind the preamble of a TCP proxy is still a stranger's
  let line = await logged(p, PROXY, ['X-Forwarded-For: 8.8.8.8'], { preamble: v1 });
  assert.strictEqual(line.peer, '192.0.2.9');
  // but a listed proxy behind it may go on
  line = await logged(p, PROXY, ['X-Forwarded-For: 8.8.8.8, 192.0.2.8'], { preamble: v2('10.0.0.9') });
  assert.deepStrictEqual([line.peer, line.hop], ['192.0.2.8', PROXY]);
  // the proxy's own connections, and those of clients without address
  for (const preamble of [v2('192.0.2.9', 0x20), 'PROXY UNKNOWN\r\n']) {
    line = await logged(p, PROXY, ['X-Forwarded-For: 8.8.8.8'], { preamble });
    assert.strictEqual(line.peer, PROXY);
  }
  const s = new Source(p, PROXY); // byte by byte
  for (const c of v1) {
    s.socket.write(c);
    await sleep(2);
  }
  const at = fresh();
  assert.strictEqual((await s.ask(at)).status, 404);
  assert.strictEqual((await lineOf(p, at)).peer, '192.0.2.9');
  s.end();
  // a listed peer without it, or with a bad one, is closed without an answer
  for (const preamble of ['', 'PROXY TCP4 1 2 3 4\r\n', v2('192.0.2.9', 0x22)])
    assert.deepStrictEqual(await askFrom(p, PROXY, fresh(), { preamble }), { closed: true });
  // a stranger's is a malformed request
  assert.strictEqual((await askFrom(p, STRANGER, fresh(), { preamble: v1 })).status, 400);
  assert.strictEqual((await logged(p, STRANGER, [])).peer, STRANGER);
});

test('the PROXY protocol before TLS', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const c = cert(p.dir);
  const port = await freePort();
  await p.restart({ settings: { issuer: p.url, proxies: LISTED, 'proxies.protocol': true,
    'tls.listen': `127.0.0.1:${port}`, 'tls.certificate': c.pem, 'tls.key': c.key } });
  const line = await logged(p, PROXY, [], { preamble: v2('192.0.2.9'), secure: true, port });
  assert.strictEqual(line.peer, '192.0.2.9');
  assert.deepStrictEqual(await askFrom(p, PROXY, fresh(), { secure: true, port }), { closed: true });
});

// Runs a proxy until the test ends.
function inFront(t, command, args) {
  const child = spawn(command, args, { stdio: 'ignore' });
  t.after(() => child.kill());
}

async function patiently(what) {
  for (let i = 0; i < 100; i++) {
    const found = await what().catch(() => undefined);
    if (found) return found;
    await sleep(50);
  }
  return what();
}

const HAPROXY = `defaults
  timeout connect 5s
  timeout client 5s
  timeout server 5s
`;

test('HAProxy in front speaks the PROXY protocol, version 2', async (t) => {
  const p = await startPostern({ settings: { proxies: LISTED, 'proxies.protocol': true } });
  t.after(() => p.stop());
  const port = await freePort();
  const file = path.join(p.dir, 'haproxy.cfg');
  fs.writeFileSync(file, `${HAPROXY}
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  source ${PROXY}
  server s 127.0.0.1:${p.port} send-proxy-v2
`);
  inFront(t, 'haproxy', ['-f', file, '-db']);
  const line = await patiently(() => logged(p, '127.0.0.7', [], { port }));
  assert.deepStrictEqual([line.peer, line.hop], ['127.0.0.7', PROXY]);
});

// The lines of docs/operations.md.
test('HAProxy in front ends TLS and names the certificate of the client', async (t) => {
  const p = await startPostern({ settings: { proxies: LISTED, 'proxies.header': 'x-forwarded-for',
    'proxies.client_cert': true } });
  t.after(() => p.stop());
  const c = cert(p.dir);
  const port = await freePort();
  const file = path.join(p.dir, 'haproxy.cfg');
  const pair = path.join(p.dir, 'pair.pem');
  fs.writeFileSync(pair, fs.readFileSync(c.pem, 'utf8') + fs.readFileSync(c.key, 'utf8'));
  fs.writeFileSync(file, `${HAPROXY}  mode http
frontend f
  bind 127.0.0.1:${port} ssl crt ${pair} ca-file ${c.pem} verify optional
  http-request del-header Client-Cert -m beg
  http-request set-header Client-Cert :%[ssl_c_der,base64]: if { ssl_c_used }
  option forwardfor
  default_backend b
backend b
  source ${PROXY}
  server s 127.0.0.1:${p.port}
`);
  inFront(t, 'haproxy', ['-f', file, '-db']);
  const sha = crypto.createHash('sha256').update(c.der).digest('hex');
  const options = { port, secure: true, fields: ['X-Forwarded-For: 8.8.8.8',
    `Client-Cert: :${c.der.toString('base64')}:`] };
  let line = await patiently(() => logged(p, '127.0.0.7', options.fields, options));
  assert.deepStrictEqual([line.peer, line.hop, line.client_cert_sha256],
    ['127.0.0.7', PROXY, undefined], 'the field of the client itself is not believed');
  line = await logged(p, '127.0.0.7', [], { ...options,
    tls: { key: fs.readFileSync(c.key), cert: fs.readFileSync(c.pem) } });
  assert.strictEqual(line.client_cert_sha256, sha);
});

test('nginx in front names the client', async (t) => {
  const p = await startPostern({ settings: { proxies: LISTED, 'proxies.header': 'x-forwarded-for' } });
  t.after(() => p.stop());
  const port = await freePort();
  const file = path.join(p.dir, 'nginx.conf');
  fs.writeFileSync(file, `daemon off; pid ${p.dir}/nginx.pid; error_log ${p.dir}/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path ${p.dir}; proxy_temp_path ${p.dir}; fastcgi_temp_path ${p.dir};
  uwsgi_temp_path ${p.dir}; scgi_temp_path ${p.dir};
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${p.port};
      proxy_bind ${PROXY};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Client-Cert "";
      proxy_set_header Client-Cert-Chain "";
    }
  }
}
`);
  inFront(t, 'nginx', ['-p', p.dir, '-c', file]);
  const line = await patiently(() => logged(p, '127.0.0.7', ['X-Forwarded-For: 8.8.8.8'], { port }));
  assert.deepStrictEqual([line.peer, line.hop], ['127.0.0.7', PROXY]);
});

test('settings of proxies are checked, and postern check warns of dangerous ones', async (t) => {
  const p = await startPostern();
  t.after(() => p.stop());
  const check = async (settings) => {
    const env = Object.fromEntries(Object.entries(settings)
      .map(([k, v]) => ['POSTERN_' + k.replace('.', '_').toUpperCase(), v]));
    return p.cliRaw(['check'], { env });
  };
  for (const proxies of ['10.0.0.1/8', '10.0.0.0/33', 'proxy.example', '1.2.3.4:80']) {
    const r = await check({ proxies });
    assert.notStrictEqual(r.code, 0);
    assert.match(r.stdout + r.stderr, /`proxies` takes addresses and ranges .*not/);
  }
  for (const proxies of ['0.0.0.0/0', '::/0', '8.0.0.0/7']) {
    const r = await check({ proxies, 'proxies.header': 'forwarded' });
    assert.match(r.stdout, /warn +proxies +.*can claim any address/);
  }
  assert.match((await check({ proxies: '10.0.0.0/8, unix' })).stdout, /warn +proxies +.*`proxies.header`/);
  assert.match((await check({ 'proxies.header': 'forwarded' })).stdout, /warn +proxies +.*lists nobody/);
  assert.match((await check({ proxies: '10.0.0.0/8, unix', 'proxies.header': 'forwarded' })).stdout,
    /ok +proxies +2 listed/);
  assert.match((await check({ penalties: 'false' })).stdout, /warn +penalties/);
});
