/* id_token: what tells the client who signed in (OIDC Core 2).
 *
 * A signing job like the access token's (oauth/sign.h): at_hash is filled in when the access token
 * exists. typ is JWT, aud the client's id, so it is nothing to a resource (security.md 46).
 */
#ifndef OAUTH_TOKEN_ID_TOKEN_H
#define OAUTH_TOKEN_ID_TOKEN_H

#include "oauth/issue.h"
#include "store/user.h"
#include "store/user_grant.h"

/* Fills has_id_token, id_key and id_claims of *out if the grant has openid. `code`: what was
 * redeemed, for c_hash; p == NULL: none. `nonce` only at redemption. */
enum err id_token_prepare(struct rq *rq, const struct user_grant *g, const struct user *u,
                          const struct token *row, str code, struct token_issued *out);

struct id_token_facts {
    struct uid client; /* aud */
    str sub;
    struct id session; /* sid, */
    bool has_session;  /* unless it is pairwise */
    int64_t exp_s;
};

/* An id_token of ours as a hint: signature, issuer; its time is not judged (RP-Initiated Logout 2).
 * ERR_INVALID_TOKEN. */
enum err id_token_read(struct rq *rq, str token, struct id_token_facts *out);

#endif
