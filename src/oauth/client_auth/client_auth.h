/* client_auth: who is the client, and can it prove that (RFC 6749 2.3).
 *
 * A secret comes by HTTP Basic (client_secret_basic) or in the body (client_secret_post); both end
 * in one check. Or the client signs an assertion (private_key_jwt, RFC 7523). A public client only
 * says who it is. The methods are a table, from which metadata is derived.
 */
#ifndef OAUTH_CLIENT_AUTH_CLIENT_AUTH_H
#define OAUTH_CLIENT_AUTH_CLIENT_AUTH_H

#include "oauth/params.h"

/* Where a method is taken: bits of client_auth_info.at. */
enum client_auth_at { AT_TOKEN = 1, AT_INTROSPECTION = 2, AT_REVOCATION = 4 };

struct client_auth_info {
    const char *name; /* "client_secret_basic" */
    enum client_auth_method method;
    unsigned at;
    bool is_signed; /* metadata then says with which algorithms */
    const char *spec;
};

#define CLIENT_AUTH_METHODS 4
extern const struct client_auth_info client_auth_methods[CLIENT_AUTH_METHODS];

/* The challenge to a client that tried Basic (RFC 6749 5.2). */
#define BASIC_CHALLENGE "Basic realm=\"postern\""

#define CLIENT_AUTH_ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* What a body says of its client; p == NULL: absent. */
struct client_auth_form {
    str client_id, client_secret, client_assertion, client_assertion_type;
};

/* Its rows in the parameter table of an endpoint whose struct has it as `member`. */
#define CLIENT_AUTH_ROW(type, member, row, limit, where)                                           \
    {                                                                                              \
        .name = #row, .max = (limit), .charset = CHARS_VSCHAR,                                     \
        .offset = offsetof(type, member.row), .spec = (where)                                      \
    }
#define CLIENT_AUTH_ROWS(type, member)                                                             \
    CLIENT_AUTH_ROW(type, member, client_id, 255, "RFC 6749 A.1"),                                 \
        CLIENT_AUTH_ROW(type, member, client_secret, LIMIT_SECRET, "RFC 6749 A.2"),                \
        CLIENT_AUTH_ROW(type, member, client_assertion, LIMIT_JWT, "RFC 7521 4.2"),                \
        CLIENT_AUTH_ROW(type, member, client_assertion_type, 128, "RFC 7521 4.2")
#define CLIENT_AUTH_ROWS_N 4

struct credentials {
    str client_id;
    str secret; /* p == NULL: none sent */
    bool basic;
    str assertion_type, assertion; /* p == NULL: none sent */
    enum spelling spelling;        /* out */
    bool proven;                   /* out: a secret or an assertion was right */
};

/* Who may pass. */
enum client_auth_need {
    CLIENT_AUTH_PROOF,  /* whoever proves to be the client */
    CLIENT_AUTH_PUBLIC, /* and public clients, that only say who they are */
    CLIENT_AUTH_NAMED,  /* and whoever sends no secret; one that is sent must be right */
};

/* Finds the credentials in the Authorization header or takes those of the body. Two methods in
 * one request, or half of one: ERR_INVALID_REQUEST. A header that is no well-formed Basic:
 * ERR_INVALID_CLIENT. */
enum err client_auth_collect(struct rq *rq, const struct client_auth_form *f,
                             struct credentials *out);
/* Nothing was shown at all, not even a name. */
bool client_auth_is_silent(const struct credentials *c);
/* Judges them: rq->client on OK. Does not look at client.enabled. ERR_INVALID_CLIENT with one text
 * for every reason. */
enum err client_auth_prove(struct rq *rq, struct credentials *c, enum client_auth_need need);
/* Collects, proves and demands an enabled client: introspection, revocation, PAR and the like. */
enum err client_auth_require(struct rq *rq, const struct client_auth_form *f,
                             enum client_auth_need need);

/* The client of that id from the cache, or (`again`) as the store has it now; NULL with OK when
 * there is none. */
enum err client_auth_find(struct rq *rq, const struct uid *id, bool again,
                          const struct cached_client **out);

/* The Basic header alone (RFC 7617, RFC 6749 2.3.1). *present: there is an Authorization header. */
enum err basic_read(struct rq *rq, bool *present, str *id, str *secret);
/* The same without the form decoding of OAuth: plain RFC 7617. */
enum err basic_split(struct rq *rq, bool *present, str *user, str *password);
/* Has the hashes of a secret, before anything is known of whose it is: see secret_hashes_get. */
enum err secret_prepare(struct rq *rq, const struct uid *id, str secret);
/* Judges a secret of at most LIMIT_SECRET bytes against the client's live ones; may be slow
 * (ERR_SLOW). */
enum err secret_check(struct rq *rq, const struct cached_client *client, const struct uid *id,
                      str secret);
/* Judges an assertion (RFC 7523 3) and records that it has been used; *out is its client.
 * ERR_INVALID_CLIENT with the reason as detail for the log. */
enum err private_key_jwt_check(struct rq *rq, struct credentials *c,
                               const struct cached_client **out);

#endif
