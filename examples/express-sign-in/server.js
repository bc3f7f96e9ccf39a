// An Express app whose users sign in with Postern, by OpenID Connect.
//
//   ISSUER=http://127.0.0.1:8080 CLIENT_ID=... CLIENT_SECRET=... node server.js
//
// All that OpenID Connect asks of an application is in the functions marked 1 to 5: begin, come
// back, ask who it is, refresh, sign out. The rest is an ordinary Express app.

import { randomBytes } from 'node:crypto';

import express from 'express';
import session from 'express-session';
import * as oidc from 'openid-client';

import { page, claimsTable } from './page.js';

const { ISSUER = 'http://127.0.0.1:8080', CLIENT_ID, CLIENT_SECRET, PORT = '8081' } = process.env;
const APP = process.env.APP_URL ?? `http://127.0.0.1:${PORT}`;
const SCOPE = 'openid profile email offline_access';

if (!CLIENT_ID || !CLIENT_SECRET) {
  console.error(`Set CLIENT_ID and CLIENT_SECRET. To get them:
  postern client create --org ID --name "Express Demo" --scope "${SCOPE}" \\
    --redirect-uri ${APP}/callback --post-logout-redirect-uri ${APP}/signed-out`);
  process.exit(2);
}

// What the server can do, read from its metadata at the first sign-in and kept. http is for a
// server on this machine only.
let configuration;
async function server() {
  const options = ISSUER.startsWith('http://') ? { execute: [oidc.allowInsecureRequests] } : {};
  configuration ??= await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined,
    options);
  return configuration;
}

const app = express();
app.disable('x-powered-by');
app.use(express.static(new URL('public', import.meta.url).pathname));
app.use(session({
  name: 'express-demo', // cookies know no ports: not the name of another app on this host
  secret: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
  resave: false,
  saveUninitialized: false,
  cookie: { httpOnly: true, sameSite: 'lax', secure: APP.startsWith('https://') },
}));

app.get('/', (req, res) => {
  const { user } = req.session;
  if (!user) {
    res.send(page('Welcome', `
      <p>This app keeps no passwords. Its users sign in with Postern.</p>
      <p><a class="button" href="/sign-in">Sign in with Postern</a></p>`));
    return;
  }
  res.send(page(`Hello, ${user.name ?? user.preferred_username ?? user.sub}`, `
    <p>You are signed in. This is what the app knows of you.</p>`, `
    ${claimsTable(user)}
    <div class="actions">
      <form method="post" action="/refresh"><button>Refresh</button></form>
      <form method="post" action="/sign-out"><button class="quiet">Sign out</button></form>
    </div>
    <p class="note">The access token is good until ${new Date(req.session.until).toLocaleTimeString()};
      it was refreshed ${req.session.refreshed} times.</p>`));
});

// 1. Begin: remember what the answer must fit to, and send the browser to the server.
app.get('/sign-in', async (req, res) => {
  const verifier = oidc.randomPKCECodeVerifier();
  const pending = { verifier, state: oidc.randomState(), nonce: oidc.randomNonce() };
  const url = oidc.buildAuthorizationUrl(await server(), {
    redirect_uri: `${APP}/callback`,
    scope: SCOPE,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  req.session.pending = pending;
  res.redirect(url.href);
});

// 2. Come back: the library compares state and issuer, redeems the code with the verifier, and
// verifies the id_token with its nonce.
app.get('/callback', async (req, res) => {
  const { pending } = req.session;
  if (!pending) {
    res.redirect('/'); // an old tab, or the back button
    return;
  }
  delete req.session.pending;
  const tokens = await oidc.authorizationCodeGrant(await server(), new URL(req.originalUrl, APP), {
    pkceCodeVerifier: pending.verifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    idTokenExpected: true,
  });
  const user = await whoIsIt(tokens);
  await new Promise((done, failed) => { // signed in: a session of another id
    req.session.regenerate((error) => (error ? failed(error) : done()));
  });
  Object.assign(req.session, { user, idToken: tokens.id_token, refreshed: 0 });
  keep(req.session, tokens);
  res.redirect('/');
});

// 3. Ask who it is: the id_token names the person (sub), userinfo tells what the scopes allow.
async function whoIsIt(tokens) {
  const { sub } = tokens.claims();
  return oidc.fetchUserInfo(await server(), tokens.access_token, sub);
}

function keep(kept, tokens) {
  kept.accessToken = tokens.access_token;
  kept.refreshToken = tokens.refresh_token ?? kept.refreshToken;
  kept.until = Date.now() + (tokens.expiresIn() ?? 0) * 1000;
}

// 4. Refresh: a new access token without the person; the newest refresh token replaces the old one.
app.post('/refresh', async (req, res) => {
  if (req.session.refreshToken) {
    const tokens = await oidc.refreshTokenGrant(await server(), req.session.refreshToken);
    keep(req.session, tokens);
    req.session.refreshed += 1;
  }
  res.redirect(303, '/');
});

// 5. Sign out: here, and at the server, which sends the browser back to /signed-out.
app.post('/sign-out', async (req, res) => {
  const { idToken } = req.session;
  await new Promise((done) => { req.session.destroy(done); });
  res.clearCookie('express-demo');
  const url = oidc.buildEndSessionUrl(await server(), {
    post_logout_redirect_uri: `${APP}/signed-out`,
    ...(idToken && { id_token_hint: idToken }),
  });
  res.redirect(303, url.href);
});

app.get('/signed-out', (req, res) => {
  res.send(page('You are signed out', `
    <p>Of this app, and of Postern.</p>
    <p><a class="button" href="/sign-in">Sign in again</a></p>`));
});

// What goes wrong comes here. error and error_description are the server's words for developers;
// with the error id in them, `postern explain ID` says more.
app.use((error, req, res, next) => {
  if (res.headersSent) {
    next(error);
    return;
  }
  console.error(error.error_description ?? error.message);
  const said = error.error_description ?? error.message;
  res.status(error.error === 'access_denied' ? 403 : 502);
  res.send(page(error.error === 'access_denied' ? 'You were not signed in' : 'That did not work',
    `<p><a class="button" href="/">Back to the start</a></p>`, '', said));
});

app.listen(Number(PORT), '127.0.0.1', (error) => {
  if (error) {
    console.error(error.message);
    process.exit(1);
  }
  console.log(`${APP} signs people in at ${ISSUER}`);
});
