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

#define VERIFIED_TEXT_MAX 112

/* What a JWT of ours says, once its signature and issuer are known to be right. */
struct jwt_facts {
    struct id id; /* jti */
    int dialect;  /* enum dialect_id: whose profile it is of */
    struct uid client;
    enum spelling spelling;
    int64_t epoch, issued_s, exp_s;
    bool is_user;    /* of a person: */
    struct id grant; /* store/user_grant.h; a machine's: the jti */
    str scope;       /* with audience at most VERIFIED_TEXT_MAX bytes, else it is not cached */
    str audience;    /* separated by spaces */
};

struct verified;

struct verified *verified_open(void);
void verified_close(struct verified *v);
/* By the SHA-256 of the whole token. The strs of *facts live until the next verified_put. */
bool verified_get(const struct verified *v, const struct digest *token, struct jwt_facts *facts);
void verified_put(struct verified *v, const struct digest *token, const struct jwt_facts *facts);
/* The keys have changed. */
void verified_clear(struct verified *v);

#endif
