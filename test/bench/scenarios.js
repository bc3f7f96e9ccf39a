'use strict';
// What is asked of the servers: every request of the bench, and how its answer must look.

const FORM = 'application/x-www-form-urlencoded';
const JSONAPI = 'application/vnd.api+json';

const has = (status, ...parts) => (text, got) =>
  got === status && parts.every((p) => text.includes(p));

const twineBody = (id, secret) => JSON.stringify({
  data: { type: 'token', attributes: {
    grant_type: 'client_credentials', client_id: id, client_secret: secret } },
});

// As Twilio's helper libraries ask: the credentials are in the form.
const twilioForm = ({ id, secret }) => new URLSearchParams({ grant_type: 'client_credentials',
  client_id: id, client_secret: secret, scope: 'group organization' }).toString();

const clientCredentials = (auth, start) => ({
  method: 'POST', path: '/oauth2/token', type: FORM, auth,
  body: 'grant_type=client_credentials&scope=group%20organization',
  looks: has(200, `"access_token":"${start}`, '"token_type":"Bearer"'),
});

// Requests to Postern by name. `files`: { tokens, jwts, clients }, a token or id a line.
function requests(base, files) {
  const { jwt, opaque } = base;
  return {
    http: { method: 'GET', path: '/bench/http', looks: has(200, '"access_token":"xxx') },
    sign: { method: 'GET', path: '/bench/sign', looks: has(200, '"access_token":"eyJ') },
    cc_jwt: clientCredentials(jwt.auth, 'eyJ'),
    v2_token: {
      method: 'POST', path: '/v2/token', type: FORM, body: twilioForm(jwt),
      looks: has(200, '"access_token":"eyJ', '"token_type":"Bearer"'),
    },
    cc_opaque: clientCredentials(opaque.auth, 'psta_'),
    twine_pair: {
      method: 'POST', path: '/pub/oauth/token', type: JSONAPI,
      body: twineBody(opaque.id, opaque.secret),
      looks: has(201, '"access_token":"psta_', '"refresh_token":"pstr_'),
    },
    // The same by 100,000 clients in turn: none is in the cache when it comes again.
    twine_spread: {
      method: 'POST', path: '/pub/oauth/token', type: JSONAPI,
      body: twineBody('@', opaque.secret), lines: files.clients,
      looks: has(201, '"access_token":"psta_', '"refresh_token":"pstr_'),
    },
    introspect_opaque: {
      method: 'POST', path: '/oauth2/introspect', type: FORM, auth: opaque.auth,
      body: 'token=@', lines: files.tokens, looks: has(200, '"active":true'),
    },
    introspect_jwt: {
      method: 'POST', path: '/oauth2/introspect', type: FORM, auth: jwt.auth,
      body: 'token=@', lines: files.jwts, looks: has(200, '"active":true'),
    },
  };
}

// One token of 10,000 over and over, for the comparison with the store that has no others.
const introspectOne = (request, token) =>
  ({ ...request, body: `token=${token}`, lines: undefined });

const oidcSecret = (name) => `secret-${name}-0123456789abcdefghijklmnopqr`;
const oidcAuth = (name) =>
  'Basic ' + Buffer.from(`${name}:${oidcSecret(name)}`).toString('base64');

// The same requests to oidc-provider.
const oidcRequests = {
  oidc_jwt: { ...clientCredentials(oidcAuth('jwt'), 'eyJ'), path: '/token' },
  oidc_opaque: { ...clientCredentials(oidcAuth('opaque'), ''), path: '/token' },
};

const loopRequest = { method: 'GET', path: '/bench/http', looks: has(200, '"access_token":"xxx') };

module.exports = { requests, introspectOne, oidcRequests, oidcAuth, loopRequest };
