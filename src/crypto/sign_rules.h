/* sign_rules: what may be signed at all. Whoever holds the keys checks each set of claims against
 * this table, however much the asker is trusted otherwise.
 *
 * A profile names a typ, whether exp must be there, and the longest life. iss must be the server's
 * own, once; iat must be about now. So who owns the process that asks can get tokens of today, but
 * none for another issuer, none that outlives the longest life, and none of a type that is not in
 * the table.
 */
#ifndef CRYPTO_SIGN_RULES_H
#define CRYPTO_SIGN_RULES_H

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

/* X(name, typ, longest life in seconds; 0: it has no exp, so nobody takes it for a token) */
#define SIGN_PROFILE_LIST(X)                                                                       \
    X(SIGN_ACCESS, "at+jwt", 2592000)             /* RFC 9068; the longest --access-ttl */         \
    X(SIGN_ACCESS_TWILIO, "JWT", 2592000)         /* the same */                                   \
    X(SIGN_ID_TOKEN, "JWT", 3600)                 /* oauth/token/id_token.c */                     \
    X(SIGN_USERINFO, "JWT", 0)                    /* OIDC Core 5.3.2 */                            \
    X(SIGN_CHECKPOINT, "audit-checkpoint+jwt", 0) /* store/audit.h */

enum sign_profile {
#define X(name, typ, life_s) name,
    SIGN_PROFILE_LIST(X)
#undef X
        SIGN_PROFILES
};

/* How old iat (and nbf) may be: the longest refresh.grace, in which an answer is given again with
 * the times that it had, and as much for waiting in queues and for a commit. And how far ahead:
 * clocks of nodes differ a little. */
#define SIGN_BACK_S  600
#define SIGN_AHEAD_S 60

struct sign_rules {
    str issuer;                /* must outlive the rules */
    const struct clock *clock; /* NULL: the system's */
};

/* The typ of its JWTs. */
str sign_rules_typ(enum sign_profile p);
/* May these claims be signed? A JSON object; `open`: its closing brace is still to come, behind one
 * more member. One pass, no memory: the members of the object itself are looked at, nothing inside
 * them is but its grammar. Refuses a repeated iss, exp, iat, nbf or at_hash, any member whose name
 * is written with an escape, nesting beyond 32 levels, and what is not JSON. ERR_FORBIDDEN. */
enum err sign_rules_check(const struct sign_rules *rules, enum sign_profile p, str claims,
                          bool open, int64_t now_s);

#endif
