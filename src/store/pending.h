/* pending: how many rows that wait for somebody one client may have (security.md A36).
 *
 * Whoever knows a client_id can push requests, begin flows and ask for device codes; each is a row
 * until its time is over. Beyond LIMIT_PENDING of a client's in one table the oldest that still
 * wait are deleted. Rows that were decided or spent stay: they say that something comes again.
 *
 * Finding the oldest means passing LIMIT_PENDING entries of an index, so only one put in
 * PENDING_TURN does it, on average: which one, the digest of its handle says, which nobody
 * chooses. So a client may have somewhat more, and nothing has to be counted or shared.
 *
 * Left out on purpose: telling a flood from a crowd. That is for whoever counts sources.
 */
#ifndef STORE_PENDING_H
#define STORE_PENDING_H

#include "base/limits.h"
#include "store/effects.h"

#define PENDING_TURN 64

/* $1: the client, $2: how many stay. `waits` is the condition of the index TABLE_pending. */
#define PENDING_EVICT(table, waits)                                                                \
    "DELETE FROM " table " WHERE id IN (SELECT id FROM " table " WHERE client_id = $1 AND " waits  \
    " ORDER BY id DESC LIMIT 1000 OFFSET $2)"

/* With each put, before it. */
static inline void pending_evict(struct effects *fx, const struct sql *evict,
                                 const struct uid *client, const struct digest *hash)
{
    if (hash->b[0] % PENDING_TURN == 0)
        effects_add(fx, DROP, EXPECT_ANY, evict, ARGS(db_bytes(client), db_int(LIMIT_PENDING)));
}

#endif
