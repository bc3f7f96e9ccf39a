/* explanation: why requests were refused, for `postern explain ID`.
 *
 * A ring of EXPLANATION_SLOTS rows per process, so that a flood of bad requests takes no more room
 * than that. Written by housekeeping, in batches, from memory (oauth/explain.h): a lost one costs
 * nobody anything.
 */
#ifndef STORE_EXPLANATION_H
#define STORE_EXPLANATION_H

#include "base/id.h"
#include "store/effects.h"

#define EXPLANATION_SLOTS 4096

struct explanation {
    struct uid id; /* the request id, X-Request-Id */
    int64_t at_s;
    str what; /* JSON object (oauth/explain.h says which members) */
};

/* Writes into that slot of the process's ring. */
void explanation_put(struct effects *fx, const uint8_t node[5], int64_t slot,
                     const struct explanation *x);
enum err explanation_find(struct db *db, struct arena *a, const struct uid *id,
                          struct explanation *out);
/* Rows older than a day. */
enum err explanation_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);

#endif
