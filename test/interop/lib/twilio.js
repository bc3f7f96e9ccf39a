'use strict';
// The published Twilio packages, aimed at a Postern in the three ways that they allow.
//
//     baseUrl(twilio, p, user, password)     client.oauth.baseUrl
//     rewriting(twilio, p, user, password)   an httpClient that sends every product host to Postern
//     startTwilioHosts(p) + runChild()       nothing changed: a CONNECT proxy and TLS (twilio_child.js)

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const path = require('node:path');

const PACKAGES = { twilio: require('twilio'), twilio5: require('twilio5'),
  twilio4: require('twilio4') };
const HOSTS = ['oauth.twilio.com', 'iam.twilio.com', 'preview-iam.twilio.com'];
const DOCS = 'https://www.twilio.com/docs/errors/';

// An app with its account: { organization, app, id: 'OQ...', secret, account: 'AC...' }.
async function makeApp(p, extra = []) {
  const organization = await p.cli(['org', 'create', '--name', 'Health Partners']);
  const app = await p.cli(['client', 'create', '--org', organization.id, '--name', 'App',
    '--grant', 'client_credentials', '--scope', 'messages voice', ...extra]);
  return { organization, app, id: app.client_sid, secret: app.client_secret };
}

// The account of an app, as its tokens name it.
async function accountOf(p, app) {
  const client = baseUrl(PACKAGES.twilio, p);
  const { accessToken } = await client.oauth.v2.token.create(credentials(app));
  const { act } = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url'));
  return /^trn:us1:iam:account:(AC[0-9a-f]{32})$/.exec(act.sub)[1];
}

// What the packages call the parameters of a token request.
const credentials = (app, more) => ({ grantType: 'client_credentials', clientId: app.id,
  clientSecret: app.secret, ...more });

const AUTH_TOKEN = 'f'.repeat(32);

function baseUrl(twilio, p, user = `AC${'0'.repeat(32)}`, password = AUTH_TOKEN, options) {
  const client = twilio(user, password, options);
  client.oauth.baseUrl = p.url;
  if (client.iam) client.iam.baseUrl = p.url;
  if (client.previewIam) client.previewIam.baseUrl = p.url;
  return client;
}

function rewriting(name, p, user = `AC${'0'.repeat(32)}`, password = AUTH_TOKEN) {
  const RequestClient = require(`${name}/lib/base/RequestClient`);
  class Local extends (RequestClient.default || RequestClient) {
    request(options) {
      const uri = new URL(options.uri);
      assert.match(uri.hostname, /\.twilio\.com$/);
      return super.request({ ...options, uri: p.url + uri.pathname + uri.search });
    }
  }
  return PACKAGES[name](user, password, { httpClient: new Local() });
}

// The exception that the package makes of a refusal of ours.
async function refused(promise, status, code, message) {
  const e = await promise.then(() => assert.fail('it was not refused'), (x) => x);
  assert.equal(e.constructor.name, 'RestException', String(e.stack));
  assert.equal(e.status, status, e.message);
  assert.equal(e.code, code, e.message);
  assert.equal(e.moreInfo, DOCS + code);
  assert.equal(typeof e.message, 'string');
  if (message) assert.match(e.message, message);
  return e;
}

// ---- way 3: the hosts of Twilio, on this machine ----

// A CA, and a certificate for *.twilio.com: { ca, cert, key } (paths).
function makeCertificates(dir) {
  const file = (name) => path.join(dir, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  fs.writeFileSync(file('ext'), 'subjectAltName=DNS:*.twilio.com\nbasicConstraints=CA:FALSE\n');
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-days', '2', '-subj', '/CN=Test CA', '-keyout', file('ca.key'), '-out', file('ca.pem'));
  openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-subj', '/CN=twilio.com', '-keyout', file('host.key'), '-out', file('host.csr'));
  openssl('x509', '-req', '-in', file('host.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'),
    '-CAcreateserial', '-days', '2', '-extfile', file('ext'), '-out', file('host.pem'));
  fs.chmodSync(file('host.key'), 0o600);
  return { ca: file('ca.pem'), cert: file('host.pem'), key: file('host.key') };
}

const listen = (server) => new Promise((done) => {
  server.listen(0, '127.0.0.1', () => done(server.address().port));
});

// Sends CONNECT oauth.twilio.com:443 to a local port. `seen` collects the hosts that were asked for.
async function startProxy(portOf) {
  const server = http.createServer((req, res) => res.writeHead(405).end());
  const seen = [];
  const sockets = new Set();
  server.on('connect', (req, client, head) => {
    const [host] = req.url.split(':');
    const port = portOf(host);
    seen.push(host);
    sockets.add(client);
    client.on('error', () => {});
    if (!port) {
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const upstream = net.connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, seen, stop: () => {
    for (const s of sockets) s.destroy();
    server.close();
  } };
}

// Stands for api.twilio.com: `judge(token)` throws when it does not take the Bearer token.
async function startApi(certificates, judge) {
  const calls = [];
  const server = https.createServer({ cert: fs.readFileSync(certificates.cert),
    key: fs.readFileSync(certificates.key) }, async (req, res) => {
    const call = { path: req.url, authorization: req.headers.authorization };
    calls.push(call);
    try {
      call.claims = await judge(/^Bearer (.+)$/.exec(call.authorization)[1]);
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ sid: 'AC1', friendly_name: 'stub', status: 'active' }));
    } catch (e) {
      call.error = e;
      res.writeHead(401, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ code: 20003, message: 'Authenticate', status: 401,
        more_info: `${DOCS}20003` }));
    }
  });
  const port = await listen(server);
  return { port, calls, stop: () => {
    server.closeAllConnections();
    server.close();
  } };
}

// Runs twilio_child.js with the environment of somebody behind that proxy; its last line, parsed.
function runChild(input, env) {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [path.join(__dirname, 'twilio_child.js')],
      { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '', err = '';
    child.stdout.on('data', (d) => { out += d; });
    child.stderr.on('data', (d) => { err += d; });
    child.on('error', failed);
    child.on('close', (code) => (code === 0 ? done(JSON.parse(out)) : failed(new Error(err))));
    child.stdin.end(JSON.stringify(input));
  });
}

module.exports = { PACKAGES, HOSTS, AUTH_TOKEN, makeApp, accountOf, credentials, baseUrl, rewriting, refused,
  makeCertificates, startProxy, startApi, runChild };
