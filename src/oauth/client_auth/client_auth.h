/* client_auth: who is the client, and can it prove that (RFC 6749 2.3).
 *
 * Credentials come by HTTP Basic (client_secret_basic) or in the body (client_secret_post); both
 * end in one check of the secret. The methods are a table, from which metadata is derived.
 */
#ifndef OAUTH_CLIENT_AUTH_CLIENT_AUTH_H
#define OAUTH_CLIENT_AUTH_CLIENT_AUTH_H

#include "oauth/rq.h"

struct client_auth_info {
    const char *name; /* "client_secret_basic" */
    enum client_auth_method method;
    const char *spec;
};

#define CLIENT_AUTH_METHODS 2
extern const struct client_auth_info client_auth_methods[CLIENT_AUTH_METHODS];

/* The challenge to a client that tried Basic (RFC 6749 5.2). */
#define BASIC_CHALLENGE "Basic realm=\"postern\""

struct credentials {
    str client_id;
    str secret; /* p == NULL: none sent */
    bool basic;
    str assertion_type, assertion; /* p == NULL: none sent */
    enum spelling spelling;        /* out */
};

/* Finds the credentials in the Authorization header or takes those of the body. Two methods in
 * one request: ERR_INVALID_REQUEST. A header that is no well-formed Basic: ERR_INVALID_CLIENT. */
enum err client_auth_collect(struct rq *rq, str body_id, str body_secret, struct credentials *out);
/* Proves them: rq->client on OK. Without a secret only if `secret_optional`. Does not look at
 * client.enabled. ERR_INVALID_CLIENT with one text for every reason. */
enum err client_auth_prove(struct rq *rq, struct credentials *c, bool secret_optional);
/* Collects, proves and demands an enabled client: introspection, revocation. */
enum err client_auth_require(struct rq *rq, str body_id, str body_secret);

/* The Basic header alone (RFC 7617, RFC 6749 2.3.1). *present: there is an Authorization header. */
enum err basic_read(struct rq *rq, bool *present, str *id, str *secret);
/* The same without the form decoding of OAuth: plain RFC 7617. */
enum err basic_split(struct rq *rq, bool *present, str *user, str *password);
/* Judges a secret of at most LIMIT_SECRET bytes against the client's live ones; may be slow
 * (ERR_SLOW). */
enum err secret_check(struct rq *rq, const struct cached_client *client, const struct uid *id,
                      str secret);

#endif
