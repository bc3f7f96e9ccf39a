/* commit: makes the effect sets of many requests durable in one transaction. No threads here. */
#ifndef STORE_COMMIT_H
#define STORE_COMMIT_H

#include "base/clock.h"
#include "store/effects.h"

enum commit_outcome {
    COMMIT_DONE,   /* durable */
    COMMIT_MISSED, /* an expectation missed; nothing of this set was written; run again */
    COMMIT_FAILED, /* the store refused; outcome unknown: 503 */
};

struct commit_set {
    struct effects *fx;
    enum commit_outcome outcome;
};

/* Runs all sets in one transaction. A set of more than one statement runs under a savepoint. After
 * any error of the engine that ended the transaction, all sets fail. Publishes the changes of the
 * sets that became durable. */
void commit_run(struct db *db, struct change_log *log, const struct clock *clock,
                struct commit_set *sets, size_t n);
/* One set by another thread than the one that calls commit_run, with a handle and a source of ids
 * of its own; publishes likewise. */
enum commit_outcome commit_apart(struct db *db, struct change_log *log, struct id_source *ids,
                                 const struct clock *clock, struct effects *fx);
/* For how long a command tries to tell the others. */
#define COMMIT_TELL_MS 30000
/* One set, for commands: OK, ERR_CONFLICT (an expectation missed), ERR_UNAVAILABLE (also when the
 * outcome is unknown), ERR_SLOW: it is durable, but running servers may not have heard of it, since
 * the store was so slow and did not take CHANGE_ALL within COMMIT_TELL_MS. */
enum err commit_one(struct db *db, struct id_source *ids, const struct clock *clock,
                    struct effects *fx);

#endif
