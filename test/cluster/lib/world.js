'use strict';
// What the load works with: an organization, clients of each kind, people; and single requests.
//
//     const w = await makeWorld(cluster);
//     w.jwt w.opaque w.twine w.app w.auditor     { id, secret, authorization }
//     await w.token(url, w.jwt)                  client_credentials; what every call here gives:
//                                                { status, json, text, headers, url, at, ms };
//                                                status 0: no whole answer came (in 5 s)
//     await w.pair(url)   w.refreshTwine(url, t)   w.refresh(url, t)   w.revoke(url, client, t)
//     await w.introspect(url, t)                 as the auditor, who sees all of the organization
//     await w.code(person, url), w.redeem(url, code), w.person(url)

const http = require('node:http');
const { Person } = require('../../interop/lib/person.js');

const PASSWORD = 'correct horse battery staple 7';
const REDIRECT = 'https://app.example/cb';
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'; // RFC 7636 B
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const PATIENCE_MS = 5000;

const basic = (id, secret) => 'Basic ' + Buffer.from(`${id}:${secret}`).toString('base64');

function request(agent, method, url, headers, body) {
  const start = performance.now();
  return new Promise((done) => {
    const end = (status, more = {}) => {
      clearTimeout(timer);
      done({ status, text: '', ...more, url: url.origin, at: start,
        ms: performance.now() - start });
    };
    const r = http.request(url, { method, agent, headers: body === undefined ? headers
      : { ...headers, 'content-length': Buffer.byteLength(body) } }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (d) => { text += d; });
      res.on('error', (e) => end(0, { text: e.message }));
      res.on('end', () => {
        let json;
        try {
          json = JSON.parse(text);
        } catch {
          json = undefined;
        }
        end(res.statusCode, { headers: res.headers, text, json });
      });
    });
    const timer = setTimeout(() => r.destroy(new Error('no answer in time')), PATIENCE_MS);
    r.on('error', (e) => end(0, { text: e.message }));
    r.end(body);
  });
}

class World {
  constructor(cluster) {
    this.cluster = cluster;
    this.agent = new http.Agent({ keepAlive: true, maxFreeSockets: 64 });
  }

  async make() {
    this.org = await this.cli('org', 'create', '--name', 'Health Partners');
    this.group = await this.cli('group', 'create', '--org', this.org.id, '--name', 'Patients');
    const machine = ['--grant', 'client_credentials', '--scope', 'read write'];
    this.jwt = await this.client('JWT', ...machine);
    this.opaque = await this.client('Opaque', ...machine, '--token-format', 'opaque');
    this.twine = await this.client('Twine', '--all-groups');
    this.auditor = await this.client('Auditor', ...machine, '--introspect', 'organization');
    this.app = await this.client('App', '--redirect-uri', REDIRECT, '--public',
      '--scope', 'openid profile offline_access', '--trusted', '--grant', 'authorization_code',
      '--grant', 'refresh_token', '--grant', 'device_code');
    this.user = await this.cluster.cli(['user', 'create', '--org', this.org.id, '--username', 'ada',
      '--password-stdin'], { input: PASSWORD });
    return this;
  }

  cli(...args) {
    return this.cluster.cli(args);
  }

  async client(name, ...options) {
    const c = await this.cli('client', 'create', '--org', this.org.id, '--name', name, ...options);
    return { id: c.client_id, secret: c.client_secret,
      authorization: c.client_secret && basic(c.client_id, c.client_secret) };
  }

  get(url, path) {
    return request(this.agent, 'GET', new URL(path, url), {});
  }

  form(url, path, params, client) {
    const all = client.authorization ? params : { ...params, client_id: client.id };
    return request(this.agent, 'POST', new URL(path, url),
      { 'content-type': 'application/x-www-form-urlencoded',
        ...(client.authorization && { authorization: client.authorization }) },
      new URLSearchParams(all).toString());
  }

  twineToken(url, attributes) {
    return request(this.agent, 'POST', new URL('/pub/oauth/token', url),
      { 'content-type': 'application/json', accept: 'application/json' },
      JSON.stringify({ client_id: this.twine.id, ...attributes }));
  }

  token(url, client) {
    return this.form(url, '/oauth2/token', { grant_type: 'client_credentials' }, client);
  }

  pair(url) {
    return this.twineToken(url, { grant_type: 'client_credentials', client_secret: this.twine.secret });
  }

  refreshTwine(url, refresh_token) {
    return this.twineToken(url, { grant_type: 'refresh_token', refresh_token });
  }

  refresh(url, refresh_token) {
    return this.form(url, '/oauth2/token', { grant_type: 'refresh_token', refresh_token }, this.app);
  }

  revoke(url, client, token) {
    return this.form(url, '/oauth2/revoke', { token }, client);
  }

  introspect(url, token) {
    return this.form(url, '/oauth2/introspect', { token }, this.auditor);
  }

  person(url) {
    return new Person({ url }, { login: 'ada', password: PASSWORD });
  }

  authorizeUrl(url, params = { redirect_uri: REDIRECT, response_type: 'code', code_challenge: CHALLENGE,
    scope: 'openid profile offline_access', state: 'xyz', code_challenge_method: 'S256' }) {
    return `${url}/oauth2/authorize?${new URLSearchParams({ client_id: this.app.id, ...params })}`;
  }

  // The browser of that person asks this node; its cookies are good at every node.
  async code(person, url) {
    person.origin = url;
    const end = await person.authorize(this.authorizeUrl(url));
    if (!end.code) throw new Error(`no code: ${end.error}`);
    return end.code;
  }

  redeem(url, code) {
    return this.form(url, '/oauth2/token', { grant_type: 'authorization_code', code,
      redirect_uri: REDIRECT, code_verifier: VERIFIER }, this.app);
  }

  close() {
    this.agent.destroy();
  }
}

const makeWorld = (cluster) => new World(cluster).make();

module.exports = { makeWorld, REDIRECT, CHALLENGE };
