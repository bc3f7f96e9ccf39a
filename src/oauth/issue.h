/* issue: the operation behind every token endpoint, in canonical terms.
 *
 * A dialect decodes its request into a token_request, calls issue_token, and encodes the
 * token_issued. Client authentication, grants, checks and effects are the same for all.
 */
#ifndef OAUTH_ISSUE_H
#define OAUTH_ISSUE_H

#include "oauth/rq.h"
#include "store/token.h"

struct token_request {
    str grant_type;
    str scope;                             /* p == NULL: not sent */
    str refresh_token;                     /* refresh_token grant */
    str resource;                          /* RFC 8707, separated by spaces; p == NULL: not sent */
    str code, redirect_uri, code_verifier; /* authorization_code */
    str device_code;                       /* device_code */
    /* Client credentials, whichever way they came. */
    str client_id;
    str client_secret;             /* p == NULL: not sent */
    bool basic;                    /* came by the Authorization header */
    str assertion_type, assertion; /* private_key_jwt (RFC 7523); p == NULL: not sent */
    enum spelling spelling;        /* filled by client authentication, as is: */
    bool proven;                   /* false: a public client, or Twine's refresh without a secret */
    /* What the dialect decides. */
    bool secret_optional_on_refresh; /* Twine: verified only if sent */
    bool with_refresh;               /* Twine: a refresh token even for client_credentials */
    enum token_format format;        /* unless the client's setting decides */
    bool format_from_client;         /* standard dialect: the client's setting decides */
    enum handle_shape shape;
};

struct token_issued {
    struct id id; /* the token's row, or the jti */
    bool jwt;     /* the access token is a JWT: `key` and `claims`, else `access` */
    const struct key *key;
    str claims;
    struct handle access, refresh;
    bool has_refresh;
    str refresh_text; /* not rotated: the refresh token that was presented; else p == NULL */
    enum handle_shape shape;
    int64_t expires_in_s;
    int64_t refresh_exp_s; /* when the refresh token ends; 0: there is none */
    str scope;             /* answers always name it (RFC 6749 3.3) */
    bool has_id_token;     /* `id_key`, `id_claims`: an object still open, for at_hash */
    const struct key *id_key;
    str id_claims;
    struct uid request_id; /* for the answer: a grace replay repeats the first one */
};

/* OK, or a failure set on rq in canonical terms. Order of checks: grant known to this dialect,
 * its parameters there, client known and proven, enabled, grant allowed to it, the grant's own. */
enum err issue_token(struct rq *rq, struct token_request *request, struct token_issued *out);
/* The first of these checks alone, for a dialect that judges between them: the grant is known to
 * this dialect, and its parameters are not asked for yet. */
enum err issue_known_grant(struct rq *rq, str grant_type);
/* Writes the access token into the answer's body: the handle, or the hole for the JWT. No quotes.
 */
void issue_write_access(struct rq *rq, const struct token_issued *t);
void issue_write_refresh(struct rq *rq, const struct token_issued *t);
/* The hole for the id_token; call after issue_write_access. */
void issue_write_id_token(struct rq *rq, const struct token_issued *t);

#endif
