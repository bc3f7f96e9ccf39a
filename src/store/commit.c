/* commit: many effect sets, one transaction, one durable commit.
 *
 * On SQLite a set of several statements runs under a savepoint; if an expectation misses, the set
 * alone is rolled back and reported COMMIT_MISSED. A set of one statement that expects one row
 * needs no savepoint: when it misses it has changed nothing. A store that is a round trip away has
 * its own way (commit_bulk.c).
 *
 * Any failure of the engine fails the batch as a whole. A full disk inside a savepoint makes
 * SQLite roll the whole transaction back, and what came after would commit on its own; so after
 * a failure nothing more is run and nobody is told that it worked.
 *
 * Late changes. Who polls counts on it that a change is visible soon after its id was made
 * (change.c). COMMIT on PostgreSQL may break that: while a synchronous standby is away its backend
 * waits for it, with the commit in the log and visible to nobody, however long, even when whoever
 * asked has given up and closed the connection. So if the way from the ids to the answer took more
 * than CHANGE_LATE_MS, or no answer came, the other processes are owed CHANGE_ALL:
 *   - After a late answer at once, since an answer says that the rows are visible.
 *   - Without an answer as soon as a later write is answered in time. That one's record lies behind
 *     the old one's in the log, and a standby confirms the log up to a place, so the old backend
 *     was let go before or with ours, and has only to make its rows visible: a matter of
 *     scheduling. After a promotion the log ends before the old one (it never was) or behind it (it
 *     was visible when writes began). But a COMMIT that had not reached the backend when we gave
 *     up is not in the log yet: the kernel goes on sending what a closed connection had left
 *     (tcp_user_timeout, 15 s) and the backend reads that before it sees the end. Hence CHANGE_ALL
 *     once more after a while (serve_house.c: 30 s).
 * A server counts what it owes (change_log.late) and its housekeeping pays; commands pay before
 * they end. A process that is killed in between leaves it owing; the nodes then learn of it by
 * their next CHANGE_ALL, a reload or a restart.
 *
 * Left out on purpose: retries. Whoever asked is told 503 and knows whether it may ask again.
 */
#include "store/commit.h"

#include <time.h>

#include "store/audit.h"
#include "store/commit_bulk.h"
#include "store/revoked.h"

/* Not in a list of statements: texts without parameters that a server does not PREPARE. */
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

/* The time is that of the write, not that at which a request or command began: whoever polls would
 * have passed that already. */
static enum err put_changes(struct db *db, const struct stamp *stamp, const struct effects *fx)
{
    enum err e = OK;

    for (const struct change *c = fx->changes; e == OK && c; c = c->next) {
        struct id id;
        if (c->here || (c->kind == CHANGE_GRANTS && !db->ops->shared))
            continue;
        id = id_next(stamp->ids, clock_now_s(stamp->clock));
        e = db_run(db, change_put(),
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

static void run_savepoints(struct db *db, const struct stamp *stamp, struct commit_set *sets,
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
}

static bool has_written(const struct commit_set *set)
{
    return set->outcome == COMMIT_DONE && !effects_empty(set->fx);
}

/* A hint for other processes, which would find out by themselves a moment later. */
static void notify(struct db *db, const struct commit_set *sets, size_t n)
{
    bool any = false;

    for (size_t i = 0; i < n && !any; i++)
        for (const struct change *c = has_written(&sets[i]) ? sets[i].fx->changes : NULL; c;
             c = c->next)
            any = any || !c->here;
    if (any && db->ops->notify)
        db->ops->notify(db);
}

/* As commit_bulk. */
static bool run_batch(struct db *db, const struct stamp *stamp, struct commit_set *sets, size_t n)
{
    bool late;

    if (!db->ops->bulk) {
        run_savepoints(db, stamp, sets, n);
        return false;
    }
    late = commit_bulk(db, stamp, sets, n);
    notify(db, sets, n);
    return late;
}

/* The earliest time at which the set revoked grants; INT64_MAX: it did not. */
static int64_t revoked_at(const struct commit_set *set)
{
    int64_t first_s = INT64_MAX;

    for (const struct change *c = set->fx->changes; c; c = c->next)
        if (c->kind == CHANGE_GRANTS && change_grants_s(c->subject) < first_s)
            first_s = change_grants_s(c->subject);
    return first_s;
}

/* What was revoked is refused here from now on, before anybody is told that it is: a set whose
 * revocations could not be read back is not said to be done. */
static void take_revoked(struct db *db, struct change_log *log, struct commit_set *sets, size_t n)
{
    int64_t first_s = INT64_MAX;

    for (size_t i = 0; i < n; i++) {
        int64_t at_s = has_written(&sets[i]) ? revoked_at(&sets[i]) : INT64_MAX;
        first_s = at_s < first_s ? at_s : first_s;
    }
    if (first_s == INT64_MAX || revoked_take(log->revoked, db, first_s) == OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (has_written(&sets[i]) && revoked_at(&sets[i]) < INT64_MAX)
            sets[i].outcome = COMMIT_FAILED;
}

/* Their order says nothing: each only drops copies. */
static void publish(struct change_log *log, const struct change *c)
{
    for (; c; c = c->next)
        change_publish(log, c->kind, c->subject);
}

static void run_and_tell(struct db *db, struct change_log *log, const struct stamp *stamp,
                         struct commit_set *sets, size_t n)
{
    bool failed = false;
    size_t audited = 0;

    if (run_batch(db, stamp, sets, n))
        atomic_fetch_add(&log->late, 1);
    if (log->revoked)
        take_revoked(db, log, sets, n);
    atomic_fetch_add(&log->commits, 1); /* failed or not: the outcome may be unknown */
    for (size_t i = 0; i < n; i++) {
        failed = failed || sets[i].outcome == COMMIT_FAILED;
        if (!has_written(&sets[i]))
            continue;
        publish(log, sets[i].fx->changes);
        audited += audit_count(sets[i].fx);
    }
    if (audited > 0)
        atomic_fetch_add(&log->audited, audited);
    /* What was written after all is published by the poll, as if it were another process's. */
    if (failed)
        id_source_init(stamp->ids);
}

void commit_run(struct db *db, struct change_log *log, const struct clock *clock,
                struct commit_set *sets, size_t n)
{
    run_and_tell(db, log, &(struct stamp){&log->ids, clock}, sets, n);
}

enum commit_outcome commit_apart(struct db *db, struct change_log *log, struct id_source *ids,
                                 const struct clock *clock, struct effects *fx)
{
    struct commit_set set = {.fx = fx, .outcome = COMMIT_FAILED};

    run_and_tell(db, log, &(struct stamp){ids, clock}, &set, 1);
    return set.outcome;
}

/* OK: the other processes know that they have to look again. */
static enum err tell_all(struct db *db, struct id_source *ids, const struct clock *clock)
{
    int64_t end_ms = clock_mono_ms() + COMMIT_TELL_MS;
    enum err e = change_tell_all(db, ids, clock_now_s(clock));

    while (e != OK && clock_mono_ms() < end_ms) {
        nanosleep(&(struct timespec){.tv_nsec = 200 * 1000000L}, NULL);
        e = change_tell_all(db, ids, clock_now_s(clock));
    }
    return e;
}

enum err commit_one(struct db *db, struct id_source *ids, const struct clock *clock,
                    struct effects *fx)
{
    struct stamp stamp = {ids, clock};
    struct commit_set set = {.fx = fx};
    bool told = true;

    if (run_batch(db, &stamp, &set, 1))
        told = tell_all(db, ids, clock) == OK;
    switch (set.outcome) {
    case COMMIT_DONE:
        return told ? OK : ERR_SLOW;
    case COMMIT_MISSED:
        return ERR_CONFLICT;
    case COMMIT_FAILED:
        break;
    }
    return ERR_UNAVAILABLE;
}
