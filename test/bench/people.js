'use strict';
// People who sign in: by the pages of the real server, as a browser without scripts would. Used
// once before a measurement (a live session, a remembered consent), and by the flood of sign-ins.

const http = require('node:http');

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'; // RFC 7636 B
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const REDIRECT = 'https://app.example/cb';

const query = (clientId, scope, more = {}) => new URLSearchParams({ client_id: clientId,
  response_type: 'code', redirect_uri: REDIRECT, scope, state: 'bench', code_challenge: CHALLENGE,
  code_challenge_method: 'S256', ...more }).toString();

// One browser: cookies, an address to come from, and no redirects followed by itself.
class Browser {
  constructor(port, localAddress = '127.0.0.1') {
    this.port = port;
    this.cookies = new Map();
    this.agent = new http.Agent({ keepAlive: true, localAddress, maxSockets: 1 });
  }

  get cookie() {
    return [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
  }

  ask(method, path, form) {
    const body = form && new URLSearchParams(form).toString();
    const headers = { host: `127.0.0.1:${this.port}` };
    if (this.cookies.size > 0) headers.cookie = this.cookie;
    if (body !== undefined) {
      headers['content-type'] = 'application/x-www-form-urlencoded';
      headers['content-length'] = Buffer.byteLength(body);
    }
    return new Promise((done, failed) => {
      const r = http.request({ host: '127.0.0.1', port: this.port, agent: this.agent, method, path,
        headers }, (res) => {
        for (const c of res.headers['set-cookie'] || []) {
          const [, name, value] = /^([^=]+)=([^;]*)/.exec(c);
          this.cookies.set(name, value);
        }
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (d) => { text += d; });
        res.on('end', () => done({ status: res.statusCode, headers: res.headers, text,
          location: res.headers.location }));
        res.on('error', failed);
      });
      r.on('error', failed);
      r.end(body);
    });
  }

  // The hidden fields of the page's form with that action.
  static fields(page, action) {
    const form = new RegExp(`<form[^>]*action="${action}"[^>]*>([\\s\\S]*?)</form>`).exec(page.text);
    if (!form) throw new Error(`no form ${action}: ${page.status} ${page.text.slice(0, 300)}`);
    const all = {};
    for (const [tag] of form[1].matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      const value = /value="([^"]*)"/.exec(tag)[1];
      all[/name="([^"]*)"/.exec(tag)[1]] = value.replace(/&amp;/g, '&').replace(/&quot;/g, '"');
    }
    return all;
  }

  close() {
    this.agent.destroy();
  }
}

// Signs in at Postern and allows what is asked; the last answer, which leads to the client.
async function signIn(browser, path, login, password) {
  const page = await browser.ask('GET', path);
  const signedIn = await browser.ask('POST', '/sign-in',
    { ...Browser.fields(page, '/sign-in'), login, password });
  if (signedIn.status !== 200 || !signedIn.text.includes('action="/consent"')) return signedIn;
  return browser.ask('POST', '/consent',
    { ...Browser.fields(signedIn, '/consent'), action: 'allow' });
}

const tokenBody = `grant_type=authorization_code&code=@&code_verifier=${VERIFIER}&` +
  `redirect_uri=${encodeURIComponent(REDIRECT)}`;

// What test/bench/flow.lua needs; `looks` is of the token's answer.
function flow(path, tokenPath, auth, cookie) {
  return { method: 'POST', path: tokenPath, type: 'application/x-www-form-urlencoded', auth, cookie,
    authorize: path, body: tokenBody,
    looks: (text, status) => status === 200 && ['"id_token":"eyJ', '"access_token":"eyJ',
      '"refresh_token":"'].every((part) => text.includes(part)) };
}

// Goes through one flow by hand: is it silent, and does the token's answer look as it must?
async function checkFlow(port, f) {
  const browser = new Browser(port);
  const silent = await new Promise((done, failed) => http.get({ host: '127.0.0.1', port,
    path: f.authorize, headers: { cookie: f.cookie } }, (r) => {
    r.resume();
    done(r.headers.location || '');
  }).on('error', failed));
  const code = /[?&]code=([^&]+)/.exec(silent);
  browser.close();
  if (!code) throw new Error(`${f.authorize} did not lead to a code but to ${silent}`);
  const r = await fetch(`http://127.0.0.1:${port}${f.path}`, { method: 'POST',
    headers: { 'content-type': f.type, authorization: f.auth }, body: f.body.replace('@', code[1]) });
  const text = await r.text();
  if (!f.looks(text, r.status)) throw new Error(`${f.path} answered ${r.status}: ${text}`);
}

const SCOPE = 'openid offline_access group';

// A person signed in at Postern, with that client allowed.
async function posternFlow(server, client, user) {
  const browser = new Browser(server.port);
  const path = `/oauth2/authorize?${query(client.id, SCOPE)}`;
  const end = await signIn(browser, path, user.username, user.password);
  if (!String(end.location).startsWith(REDIRECT)) {
    throw new Error(`the sign-in ended with ${end.status}: ${end.text.slice(0, 500)}`);
  }
  const f = flow(path, '/oauth2/token', client.auth, browser.cookie);
  browser.close();
  await checkFlow(server.port, f);
  return f;
}

// The same at oidc-provider, whose sign-in page asks nothing.
async function oidcFlow(server, auth) {
  const browser = new Browser(server.port);
  const path = `/auth?${query('code', SCOPE)}`;
  let next = `/auth?${query('code', SCOPE, { prompt: 'consent' })}`;
  for (let i = 0; i < 9 && !next.startsWith(REDIRECT); i++) {
    const r = await browser.ask('GET', next);
    if (!r.location) throw new Error(`oidc-provider answered ${r.status}: ${r.text.slice(0, 500)}`);
    next = r.location.replace(`http://127.0.0.1:${server.port}`, '');
  }
  const f = flow(path, '/token', auth, browser.cookie);
  browser.close();
  await checkFlow(server.port, f);
  return f;
}

module.exports = { Browser, signIn, query, posternFlow, oidcFlow, checkFlow, REDIRECT, SCOPE };
