/* fault: a driver around another that fails the Nth call of a kind. For tests only.
 *
 *     struct db *db = fault_open(inner);          takes the inner handle over
 *     fault_arm(db, FAULT_STEP, 3, DB_FULL, FAULT_LOST);
 *
 * Once it has fired it is harmless until armed again.
 */
#ifndef DB_FAULT_H
#define DB_FAULT_H

#include "db/db.h"

enum fault_call {
    FAULT_PREPARE,
    FAULT_BIND,
    FAULT_STEP,
    FAULT_BEGIN,
    FAULT_COMMIT,
    FAULT_ROLLBACK,
    FAULT_EXEC, /* every other text */
    FAULT_BULK,
    FAULT_CALLS,
    FAULT_ANY = FAULT_CALLS
};

enum fault_how {
    FAULT_BEFORE, /* the call is not made */
    FAULT_AFTER,  /* the call is made and its success is not told */
    FAULT_LOST    /* not made, and the engine rolls the transaction back by itself */
};

/* Owns `inner` and closes it. */
struct db *fault_open(struct db *inner);
/* The nth call (from 1) of that kind, counted from now, fails with that status. */
void fault_arm(struct db *db, enum fault_call call, int64_t nth, enum db_status status,
               enum fault_how how);
/* Calls of that kind since the last fault_arm. */
int64_t fault_calls(const struct db *db, enum fault_call call);
bool fault_fired(const struct db *db);

#endif
