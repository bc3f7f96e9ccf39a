/* replay: what may be used once: the jti of assertions (RFC 7523 3, security.md 39). */
#ifndef STORE_REPLAY_H
#define STORE_REPLAY_H

#include "base/ct.h"
#include "base/id.h"
#include "store/effects.h"

/* digest: SHA-256 over kind, client and jti. */
enum err replay_seen(struct db *db, const struct digest *d, bool *seen);
/* KEEP; expects that it is new, so that of two at once one runs again and finds it. */
void replay_put(struct effects *fx, const struct digest *d, int64_t exp_s);
enum err replay_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);
/* Locks the name of a subject (security.md 16) until the commit, so that of a client and a user who
 * come to have the same chosen id in different organizations at once, the second finds the first.
 */
void replay_lock_subject(struct effects *fx, const struct uid *id);

#endif
