/* issue: the operation behind every token endpoint, in canonical terms.
 *
 * A dialect decodes its request into a token_request, calls token_issue, and encodes the
 * token_issued. Client authentication, grants, checks and effects are the same for all.
 */
#ifndef OAUTH_TOKEN_ISSUE_H
#define OAUTH_TOKEN_ISSUE_H

#include "oauth/rq.h"
#include "store/token.h"

struct token_request {
    str grant_type;
    str scope;         /* p == NULL: not sent */
    str refresh_token; /* refresh_token grant */
    str resource;      /* RFC 8707: aud; p == NULL: the issuer */
    /* Client credentials, whichever way they came. */
    str client_id;
    str client_secret;      /* p == NULL: not sent */
    bool basic;             /* came by the Authorization header */
    enum spelling spelling; /* filled by client authentication */
    /* What the dialect decides. */
    bool secret_optional_on_refresh; /* Twine: verified only if sent */
    bool with_refresh;               /* Twine: a refresh token even for client_credentials */
    enum token_format format;        /* Twine: always opaque */
    bool format_from_client;         /* standard dialect: the client's setting */
    enum handle_shape shape;
};

struct token_issued {
    struct id id; /* the token's row, or the jti */
    bool jwt;     /* access token is a JWT: leave a hole by token_write_access */
    struct handle access, refresh;
    bool has_refresh;
    enum handle_shape shape;
    int64_t expires_in_s;
    str scope;
    bool scope_differs;    /* from what was asked: the answer must say it (RFC 6749 3.3) */
    struct uid request_id; /* for the answer: a grace replay repeats the first one */
    bool replayed;
    const struct key *key; /* JWT: who signs */
    str claims;            /* JWT */
};

/* OK or a failure set on rq (in canonical terms). Order of checks: grant known, its parameters
 * there, client known and proven, enabled, grant allowed to it, then the grant's own. */
enum err token_issue(struct rq *rq, struct token_request *request, struct token_issued *out);
/* Writes the access token into the response body: the handle, or the hole for the JWT. */
void token_write_access(struct rq *rq, const struct token_issued *t);
void token_write_refresh(struct rq *rq, const struct token_issued *t);

#endif
