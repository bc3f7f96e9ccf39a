/* grant_type: the table of grants (RFC 6749 4). One file per grant; no grant includes another. */
#ifndef OAUTH_GRANT_GRANT_TYPE_H
#define OAUTH_GRANT_GRANT_TYPE_H

#include "oauth/issue.h"

struct grant_type {
    const char *name;
    enum client_grant bit; /* in client.grants */
    uint32_t dialects;     /* mask of 1 << enum dialect_id that offer it */
    const char *spec;
    /* Are its own parameters there? Runs before the client is known. */
    enum err (*need)(struct rq *rq, const struct token_request *request);
    /* The client did not prove itself: does it hold what it presents? NULL: it must prove itself,
     * or it is a public client and `run` finds out. */
    enum err (*hold)(struct rq *rq, const struct token_request *request);
    /* The client is proven, enabled and allowed. */
    enum err (*run)(struct rq *rq, const struct token_request *request, struct token_issued *out);
};

#define GRANT_TYPES 4
extern const struct grant_type grant_types[GRANT_TYPES];

/* By its exact name; NULL when it is none of the table. */
const struct grant_type *grant_type_find(str name);

/* RFC 6749 4.4 */
enum err client_credentials_need(struct rq *rq, const struct token_request *request);
enum err client_credentials_run(struct rq *rq, const struct token_request *request,
                                struct token_issued *out);
/* RFC 6749 4.1.3 */
enum err authorization_code_need(struct rq *rq, const struct token_request *request);
enum err authorization_code_run(struct rq *rq, const struct token_request *request,
                                struct token_issued *out);
/* RFC 8628 3.4 */
enum err device_code_need(struct rq *rq, const struct token_request *request);
enum err device_code_run(struct rq *rq, const struct token_request *request,
                         struct token_issued *out);
/* RFC 6749 6 */
enum err refresh_token_need(struct rq *rq, const struct token_request *request);
enum err refresh_token_hold(struct rq *rq, const struct token_request *request);
enum err refresh_token_run(struct rq *rq, const struct token_request *request,
                           struct token_issued *out);

#endif
