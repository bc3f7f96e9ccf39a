// The npm package oidc-provider as yardstick, in memory, one process.
//
//     node oidc.mjs PORT        prints "ready"
//
// Client "jwt" gets JWT access tokens (ES256, through the resource indicators feature), client
// "opaque" opaque ones. Client "code" signs people in: whoever comes to its sign-in page is signed
// in and has consented at once, and is remembered. Secrets are "secret-" and the name.

import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const port = Number(process.argv[2]);
const resource = 'urn:bench:api';
const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const client = (name) => ({
  client_id: name,
  client_secret: `secret-${name}-0123456789abcdefghijklmnopqr`,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'client_secret_basic',
  id_token_signed_response_alg: 'ES256',
});

const codeClient = {
  ...client('code'),
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: ['https://app.example/cb'],
  response_types: ['code'],
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client('jwt'), client('opaque'), codeClient],
  jwks: { keys: [{ ...jwk, alg: 'ES256', use: 'sig', kid: 'bench' }] },
  scopes: ['openid', 'offline_access', 'group', 'organization'],
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  issueRefreshToken: () => true,
  cookies: { keys: ['bench'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, c) => (c.clientId === 'opaque' ? undefined : resource),
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'group organization',
        audience: resource,
        accessTokenTTL: 3600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

// The sign-in page: signs in and consents without asking.
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const { prompt, params, session, grantId } = await provider.interactionDetails(ctx.req, ctx.res);
  if (prompt.name === 'login') {
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: 'bench' } });
  } else {
    const grant = grantId ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope('openid offline_access group organization');
    grant.addResourceScope(resource, 'group organization');
    await provider.interactionFinished(ctx.req, ctx.res, { consent: { grantId: await grant.save() } },
      { mergeWithLastSubmission: true });
  }
  ctx.respond = false;
});

provider.listen(port, '127.0.0.1', () => console.log('ready'));
