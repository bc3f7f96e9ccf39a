/* verified: the JWTs whose signature this thread has checked, so that it need not do so again.
 *
 * A resource server asks about the same token with every request that it gets; the signature of
 * those bytes cannot become wrong. What can change is asked anew each time: the clock, the client,
 * its epoch, revocation. A thread's cache is emptied when its keys change.
 */
#ifndef OAUTH_TOKEN_VERIFIED_H
#define OAUTH_TOKEN_VERIFIED_H

#include "base/ct.h"
#include "base/id.h"

#define VERIFIED_SCOPE_MAX 64

/* What a JWT of ours says, once its signature, issuer and audience are known to be right. */
struct jwt_facts {
    struct id id; /* jti */
    int dialect;  /* enum dialect_id: whose profile it is of */
    struct uid client;
    enum spelling spelling;
    int64_t epoch, issued_s, exp_s;
    str scope; /* kept if at most VERIFIED_SCOPE_MAX bytes, else the token is not cached */
};

struct verified;

struct verified *verified_open(void);
void verified_close(struct verified *v);
/* By the SHA-256 of the whole token. facts->scope lives until the next verified_put. */
bool verified_get(const struct verified *v, const struct digest *token, struct jwt_facts *facts);
void verified_put(struct verified *v, const struct digest *token, const struct jwt_facts *facts);
/* The keys have changed. */
void verified_clear(struct verified *v);

#endif
