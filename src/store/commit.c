/* commit: many effect sets, one transaction, one durable commit.
 *
 * A set of several statements runs under a savepoint; if an expectation misses, the set alone is
 * rolled back and reported COMMIT_MISSED. A set of one statement that expects one row needs no
 * savepoint: when it misses it has changed nothing.
 *
 * Any failure of the engine fails the batch as a whole. A full disk inside a savepoint makes
 * SQLite roll the whole transaction back, and what came after would commit on its own; so after
 * a failure nothing more is run and nobody is told that it worked.
 *
 * Left out on purpose: retries. Whoever asked is told 503 and knows whether it may ask again.
 */
#include "store/commit.h"

#include "store/statements.h"

enum { PUT_CHANGE };

static const struct sql sql[] = {
    [PUT_CHANGE] = {"change.put", "INSERT INTO change (id, kind, subject) VALUES ($1, $2, $3)"},
};

const struct sql_set commit_statements = {sql, sizeof sql / sizeof *sql};

/* Not in commit_statements: texts without parameters that a server does not PREPARE. */
enum { SAVEPOINT, RELEASE, ROLLBACK_TO };

static const struct sql control[] = {
    [SAVEPOINT] = {"savepoint", "SAVEPOINT one"},
    [RELEASE] = {"release", "RELEASE SAVEPOINT one"},
    [ROLLBACK_TO] = {"rollback to", "ROLLBACK TO SAVEPOINT one"},
};

static enum err run_effect(struct db *db, const struct effect *e, bool *missed)
{
    int64_t changed = 0;
    enum err err = db_run(db, e->sql, e->args, e->n, &changed);

    *missed = err == OK && e->expect != EXPECT_ANY && changed != e->expect;
    return err;
}

/* Where the ids of changes come from. */
struct stamp {
    struct id_source *ids;
    const struct clock *clock;
};

/* The time is that of the write, not that at which a request or command began: whoever polls would
 * have passed that already. */
static enum err put_changes(struct db *db, const struct stamp *stamp, const struct effects *fx)
{
    enum err e = OK;

    for (const struct change *c = fx->changes; e == OK && c; c = c->next) {
        struct id id;
        if (c->here)
            continue;
        id = id_next(stamp->ids, clock_now_s(stamp->clock));
        e = db_run(db, &sql[PUT_CHANGE],
                   ARGS(db_bytes(&id), db_int(c->kind), db_blob(c->subject, sizeof c->subject)),
                   NULL);
    }
    return e;
}

static enum err run_list(struct db *db, const struct stamp *stamp, const struct effects *fx,
                         bool *missed)
{
    *missed = false;
    for (const struct effect *one = fx->first; one; one = one->next) {
        enum err e = run_effect(db, one, missed);
        if (e != OK || *missed)
            return e;
    }
    return put_changes(db, stamp, fx);
}

/* Can it miss without having changed anything? Expecting one row of a single statement that can
 * change at most one (all of ours that expect 1 name a primary key). */
static bool needs_savepoint(const struct effects *fx)
{
    return fx->n > 1 || fx->changes || (fx->first->expect != EXPECT_ANY && fx->first->expect != 1);
}

/* One set inside the transaction. Anything but OK: the batch is lost. */
static enum err run_set(struct db *db, const struct stamp *stamp, struct commit_set *set)
{
    const struct effects *fx = set->fx;
    bool missed = false, savepoint;
    enum err e = OK;

    set->outcome = COMMIT_DONE;
    if (effects_empty(fx))
        return OK;
    savepoint = needs_savepoint(fx);
    if (savepoint)
        e = db_run(db, &control[SAVEPOINT], NO_ARGS, NULL);
    if (e == OK)
        e = run_list(db, stamp, fx, &missed);
    if (e == OK && missed && savepoint)
        e = db_run(db, &control[ROLLBACK_TO], NO_ARGS, NULL);
    if (e == OK && savepoint)
        e = db_run(db, &control[RELEASE], NO_ARGS, NULL);
    if (e == OK && db->ops->lost_transaction(db))
        e = ERR_UNAVAILABLE;
    if (missed)
        set->outcome = COMMIT_MISSED;
    return e;
}

static enum err run_batch(struct db *db, const struct stamp *stamp, struct commit_set *sets,
                          size_t n)
{
    enum err e = db_begin(db);

    for (size_t i = 0; e == OK && i < n; i++)
        e = run_set(db, stamp, &sets[i]);
    if (e == OK)
        e = db_commit(db);
    if (e != OK)
        db_rollback(db);
    for (size_t i = 0; e != OK && i < n; i++)
        sets[i].outcome = COMMIT_FAILED;
    return e;
}

/* Their order says nothing: each only drops copies. */
static void publish(struct change_log *log, const struct change *c)
{
    for (; c; c = c->next)
        change_publish(log, c->kind, c->subject);
}

void commit_run(struct db *db, struct change_log *log, const struct clock *clock,
                struct commit_set *sets, size_t n)
{
    struct stamp stamp = {&log->ids, clock};
    enum err e = run_batch(db, &stamp, sets, n);

    atomic_fetch_add(&log->commits, 1); /* failed or not: the outcome may be unknown */
    if (e != OK) {
        /* What was written after all is published by the poll, as if it were another process's. */
        id_source_init(&log->ids);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (sets[i].outcome == COMMIT_DONE && !effects_empty(sets[i].fx))
            publish(log, sets[i].fx->changes);
}

enum err commit_one(struct db *db, struct id_source *ids, const struct clock *clock,
                    struct effects *fx)
{
    struct stamp stamp = {ids, clock};
    struct commit_set set = {.fx = fx};

    run_batch(db, &stamp, &set, 1);
    switch (set.outcome) {
    case COMMIT_DONE:
        return OK;
    case COMMIT_MISSED:
        return ERR_CONFLICT;
    case COMMIT_FAILED:
        break;
    }
    return ERR_UNAVAILABLE;
}
