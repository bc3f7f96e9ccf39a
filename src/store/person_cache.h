/* person_cache: the grants of people whose JWTs this process has met, and those people, bounded.
 *
 * For a shared store, where a worker shall answer what a JWT is worth without asking: grant and
 * user are read once, by whoever may wait. What of them can change comes otherwise: a user's row by
 * CHANGE_USER, the end of a grant by store/revoked.h. Sign-in, codes and refresh tokens are judged
 * by the store.
 */
#ifndef STORE_PERSON_CACHE_H
#define STORE_PERSON_CACHE_H

#include "store/change.h"
#include "store/user.h"
#include "store/user_grant.h"

struct person_cache;

/* At most max grants and as many users. */
struct person_cache *person_cache_open(size_t max, struct change_log *log);
/* A thread's view of the same entries. */
struct person_cache *person_cache_join(struct person_cache *owner);
void person_cache_close(struct person_cache *c); /* the owner last */
/* Between requests: lets go of what was got, and drops what has changed. */
void person_cache_refresh(struct person_cache *c);
/* OK, ERR_ABSENT or ERR_UNAVAILABLE. The texts in *out live until the next refresh, or in the
 * arena. Of the grant only what stays as it is when its code has been spent: `session` and
 * `revoked` tell what was when it was read. The user is without his password. */
enum err person_cache_grant(struct person_cache *c, struct db *db, struct arena *a,
                            const struct id *id, struct user_grant *out);
enum err person_cache_user(struct person_cache *c, struct db *db, struct arena *a,
                           const struct uid *id, struct user *out);

#endif
