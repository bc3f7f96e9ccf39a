/* lease: work that one node at a time does for all, such as deleting what has expired.
 *
 * A row per kind of work says who does it and until when. Clocks of nodes differ by LEASE_SKEW_S
 * at most: a holder stops at the end by its own clock, and others wait that much longer before
 * they take the lease over, so there are never two. A node that dies is followed after
 * LEASE_LIFE_S + LEASE_SKEW_S at the latest.
 */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include "store/effects.h"

#define LEASE_SKEW_S  5
#define LEASE_LIFE_S  30
#define LEASE_RENEW_S 10

/* Takes the lease of that name (a literal) if nobody has it, it has run out, or it is one's own:
 * then it is renewed. The set misses when another node holds it. */
void lease_take(struct effects *fx, const char *name, const struct id *holder, int64_t now_s);
/* Gives it back, so that the next one need not wait; harmless when it is another's. */
void lease_drop(struct effects *fx, const char *name, const struct id *holder);

#endif
