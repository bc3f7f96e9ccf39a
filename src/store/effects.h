/* effects: what a request wants to have written, recorded now and made durable later.
 *
 * A handler never writes. It records effects through functions of store/, and the committer runs
 * the sets of many requests in one transaction. A DROP effect holds only if the handler returns
 * OK; a KEEP effect also when it refuses. An effect may expect a number of changed rows; if it
 * misses, the whole set is rolled back alone and the handler runs again on fresh data.
 */
#ifndef STORE_EFFECTS_H
#define STORE_EFFECTS_H

#include "db/db.h"
#include "store/change.h"

/* KEEP_SPARE: as KEEP, but the request can do without it (effects_forgo): audit rows of refusals.
 */
enum effect_life { DROP, KEEP, KEEP_SPARE };

#define EXPECT_ANY (-1)

struct effect {
    struct effect *next;
    const struct sql *sql;
    enum effect_life life;
    int64_t expect; /* rows that must change, or EXPECT_ANY */
    size_t n;
    struct db_arg args[]; /* bytes copied into the arena */
};

struct effects {
    struct arena *arena;
    struct effect *first, **end; /* end: NULL while there is none, so that an empty list can move */
    size_t n;
    struct change *changes; /* published after COMMIT, before the answer */
};

void effects_init(struct effects *fx, struct arena *a);
void effects_add(struct effects *fx, enum effect_life life, int64_t expect, const struct sql *sql,
                 const struct db_arg *args, size_t n);
/* Tells every worker and node what changed. */
void effects_change(struct effects *fx, enum effect_life life, enum change_kind kind,
                    const void *subject, size_t n);
/* Tells the threads of this process only: copies elsewhere are as good as before. */
void effects_change_here(struct effects *fx, enum effect_life life, enum change_kind kind,
                         const void *subject, size_t n);
/* Forgets the DROP effects: the handler refused. */
void effects_refuse(struct effects *fx);
/* Forgets the KEEP_SPARE effects: there is no room for them. */
void effects_forgo(struct effects *fx);
/* Some are of that life. */
bool effects_has(const struct effects *fx, enum effect_life life);
static inline bool effects_empty(const struct effects *fx)
{
    return fx->n == 0;
}

#endif
