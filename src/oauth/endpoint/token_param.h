/* token_param: the parameters that introspection and revocation share (RFC 7662 2.1, RFC 7009
 * 2.1): one token, a hint that we do not need, and the client's credentials.
 */
#ifndef OAUTH_ENDPOINT_TOKEN_PARAM_H
#define OAUTH_ENDPOINT_TOKEN_PARAM_H

#include "oauth/client_auth/client_auth.h"

/* Binds the form and authenticates the client, or (need) takes a public one's word; *token is the
 * token to look at. */
enum err token_param_read(struct rq *rq, enum client_auth_need need, str *token);

#define TOKEN_PARAM_N (2 + CLIENT_AUTH_ROWS_N)
extern const struct param token_param_table[TOKEN_PARAM_N];

#endif
