/* claims: what id_token, userinfo and access token say about a user (OIDC Core 5).
 *
 * Scopes give the standard claims (5.4) at userinfo; the claims parameter (5.5) asks for single
 * ones, each where it says; the client's mapping adds custom ones.
 *
 * Mapping, one per line: NAME=SOURCE[@TARGET,...] with SOURCE one of user.id, user.username,
 * user.email, user.roles, user.claims.NAME, organization.id, organization.name, "literal"; TARGET
 * one of id_token, userinfo, access_token (default: id_token and userinfo).
 */
#ifndef OAUTH_TOKEN_CLAIMS_H
#define OAUTH_TOKEN_CLAIMS_H

#include "codec/json.h"
#include "oauth/rq.h"
#include "store/user.h"
#include "store/user_grant.h"

enum claims_target { CLAIMS_ID_TOKEN = 1, CLAIMS_USERINFO = 2, CLAIMS_ACCESS_TOKEN = 4 };

/* Appends ,"name":value for every claim due at that target, into an object that is open in b. */
void claims_put(struct rq *rq, struct buf *b, enum claims_target target,
                const struct cached_client *client, const struct user *u,
                const struct user_grant *g);
/* The claims parameter: well-formed? (OIDC Core 5.5) */
bool claims_request_ok(struct arena *a, str claims);
/* The scopes (profile, email, address, phone) whose claims the claims parameter asks for, separated
 * by spaces: what a person who consents must be told of beside the scope. */
str claims_scopes(struct arena *a, str claims);
/* A line of the mapping; false and *why (a sentence) when it is none. */
bool claims_mapping_ok(str line, const char **why);
/* Names of the standard claims, for metadata. Ends with NULL. */
extern const char *const claims_standard[];

#endif
