/* commit_bulk: many effect sets in one transaction of a store that is a round trip away.
 *
 * BEGIN and the statements of all sets go out together, then their counts are looked at, then
 * COMMIT. If sets missed, all is rolled back and sent again without them: a savepoint for each set
 * would cost every batch what now only those pay in which somebody lost a race. A set that missed
 * because of another one that then missed, too, runs again needlessly, which is all.
 *
 * Changes come last, their ids made when the statements before them have gone or are about to go,
 * since who polls counts on it that an id is hardly older than its commit (change.c). A handle
 * without patience may wait for a lock however long, so there the statements go first. Of all that
 * was revoked in a batch one row tells.
 *
 * Conflicts (another transaction was in the way) are ordinary with several nodes: the batch runs
 * again after a short random pause, and if that does not help, or took too long, its sets run one
 * by one, so that one that cannot pass takes no other with it. The same for a statement that the
 * engine refuses. All of that ends after twice the patience of the handle.
 */
#include "store/commit_bulk.h"

#include <stdlib.h>
#include <time.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/rand.h"

enum { CALLS = 5000, RETRIES = 3, PAUSE_MS = 10 };

/* Not in a list of statements: a text without parameters. */
static const struct sql begin = {"begin", "BEGIN"};

static enum db_status status_of(const struct db *db, enum err e)
{
    return e == OK ? DB_DONE : db->trouble;
}

#define NOBODY SIZE_MAX

/* What a call was for. */
struct purpose {
    size_t set; /* NOBODY: its count is of no interest */
    int64_t expect;
};

struct row {
    struct id id;
    struct db_arg args[3];
};

struct bulk {
    struct db *db;
    const struct stamp *stamp;
    struct commit_set *sets;
    size_t n;
    struct db_call *calls;
    struct purpose *purposes;
    size_t used, room;
    struct row *rows; /* of the changes */
    bool missed;
    int64_t told_ms; /* when the first id of a change was made; 0: there is none */
    bool late;       /* what commit_bulk returns */
};

static bool in_play(const struct commit_set *set)
{
    return set->outcome == COMMIT_DONE && !effects_empty(set->fx);
}

/* Sends what has gathered and looks whether it did what was expected. */
static enum db_status flush(struct bulk *b)
{
    enum db_status status = DB_DONE;

    if (b->used > 0)
        status = status_of(b->db, db_bulk(b->db, b->calls, b->used));
    for (size_t i = 0; status == DB_DONE && i < b->used; i++) {
        const struct purpose *p = &b->purposes[i];
        if (p->set == NOBODY || p->expect == EXPECT_ANY || b->calls[i].changed == p->expect)
            continue;
        b->sets[p->set].outcome = COMMIT_MISSED;
        b->missed = true;
    }
    b->used = 0;
    return status;
}

static enum db_status put(struct bulk *b, struct purpose purpose, const struct sql *sql,
                          const struct db_arg *args, size_t n)
{
    b->calls[b->used] = (struct db_call){.sql = sql, .args = args, .n = n};
    b->purposes[b->used++] = purpose;
    return b->used == b->room ? flush(b) : DB_DONE;
}

static enum db_status put_set(struct bulk *b, size_t set)
{
    enum db_status status = DB_DONE;

    for (const struct effect *e = b->sets[set].fx->first; e && status == DB_DONE; e = e->next) {
        if (b->sets[set].outcome != COMMIT_DONE)
            break; /* its first part has missed already */
        status = put(b, (struct purpose){set, e->expect}, e->sql, e->args, e->n);
    }
    return status;
}

/* The next row; `subject` stays as it is until it has been sent. */
static enum db_status put_change(struct bulk *b, struct row **row, enum change_kind kind,
                                 const uint8_t subject[16])
{
    struct row *r = (*row)++;

    if (b->told_ms == 0)
        b->told_ms = clock_mono_ms();
    r->id = id_next(b->stamp->ids, clock_now_s(b->stamp->clock));
    r->args[0] = db_bytes(&r->id);
    r->args[1] = db_int(kind);
    r->args[2] = db_blob(subject, 16);
    return put(b, (struct purpose){NOBODY, 1}, change_put(), r->args, 3);
}

static enum db_status put_changes(struct bulk *b)
{
    enum db_status status = DB_DONE;
    struct row *row = b->rows;
    const struct change *grants = NULL; /* the earliest */

    for (size_t i = 0; i < b->n; i++) {
        const struct change *c = in_play(&b->sets[i]) ? b->sets[i].fx->changes : NULL;
        for (; c && status == DB_DONE; c = c->next) {
            if (c->here)
                continue;
            if (c->kind != CHANGE_GRANTS)
                status = put_change(b, &row, c->kind, c->subject);
            else if (!grants || change_grants_s(c->subject) < change_grants_s(grants->subject))
                grants = c;
        }
    }
    if (grants && status == DB_DONE)
        status = put_change(b, &row, CHANGE_GRANTS, grants->subject);
    return status;
}

static enum db_status send_all(struct bulk *b)
{
    enum db_status status = put(b, (struct purpose){NOBODY, 0}, &begin, NO_ARGS);

    for (size_t i = 0; i < b->n && status == DB_DONE; i++)
        if (in_play(&b->sets[i]))
            status = put_set(b, i);
    if (status == DB_DONE && b->db->patience_ms == 0)
        status = flush(b);
    if (status == DB_DONE && !b->missed)
        status = put_changes(b);
    return status == DB_DONE ? flush(b) : status;
}

/* What is to be sent: statements and changes of the sets in play. */
static size_t count(const struct commit_set *sets, size_t n, size_t *changes)
{
    size_t statements = 0;

    *changes = 0;
    for (size_t i = 0; i < n; i++) {
        if (!in_play(&sets[i]))
            continue;
        statements += sets[i].fx->n;
        for (const struct change *c = sets[i].fx->changes; c; c = c->next)
            *changes += !c->here;
    }
    return statements;
}

/* A statement that is alone and changes nothing when it misses needs no transaction around it. */
static enum db_status run_alone(struct db *db, struct commit_set *set)
{
    const struct effect *e = set->fx->first;
    struct db_call call = {.sql = e->sql, .args = e->args, .n = e->n};
    enum db_status status = status_of(db, db_bulk(db, &call, 1));

    if (status == DB_DONE && e->expect == 1 && call.changed != 1)
        set->outcome = COMMIT_MISSED;
    return status;
}

static struct commit_set *only_one(struct commit_set *sets, size_t n)
{
    size_t i = 0;

    while (!in_play(&sets[i]))
        i++;
    for (size_t k = i + 1; k < n; k++)
        if (in_play(&sets[k]))
            return NULL;
    const struct effects *fx = sets[i].fx;
    return fx->n == 1 && (fx->first->expect == EXPECT_ANY || fx->first->expect == 1) ? &sets[i]
                                                                                     : NULL;
}

/* Did others perhaps look for the changes in vain by now? Of a COMMIT without an answer nobody
 * knows; one that lost to another transaction is over. */
static bool is_late(const struct bulk *b, enum db_status status)
{
    if (b->told_ms == 0 || status == DB_CONFLICT)
        return false;
    return status != DB_DONE || clock_mono_ms() - b->told_ms > CHANGE_LATE_MS;
}

/* The sets in play, until none of them misses. Anything but DB_DONE: nothing of them is durable,
 * unless *committing. */
static enum db_status attempt(struct bulk *b, bool *committing)
{
    enum db_status status;
    size_t changes;

    *committing = false;
    for (;;) {
        size_t statements = count(b->sets, b->n, &changes);
        if (statements == 0)
            return DB_DONE;
        struct commit_set *one = statements + changes == 1 ? only_one(b->sets, b->n) : NULL;
        if (one)
            return run_alone(b->db, one);
        b->used = 0;
        b->missed = false;
        b->told_ms = 0;
        db_rollback(b->db); /* of what a rollback that failed has left */
        status = send_all(b);
        if (status != DB_DONE || b->missed)
            db_rollback(b->db);
        else
            *committing = true;
        if (status != DB_DONE)
            return status;
        if (b->missed)
            continue;
        status = status_of(b->db, db_commit(b->db));
        b->late = b->late || is_late(b, status);
        return status;
    }
}

static void fail_rest(struct commit_set *sets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (in_play(&sets[i]))
            sets[i].outcome = COMMIT_FAILED;
}

/* Is there still a point in trying again? */
static bool is_over(const struct db *db, int64_t began_ms, int times)
{
    return db->patience_ms > 0 && clock_mono_ms() - began_ms >= (int64_t)db->patience_ms * times;
}

/* Nodes that were in each other's way shall not meet again. */
static void pause_a_little(void)
{
    uint8_t byte;

    rand_bytes(&byte, 1);
    nanosleep(&(struct timespec){.tv_nsec = (1 + byte % PAUSE_MS) * 1000000L}, NULL);
}

/* Can those who were in play be tried apart? Not when the engine is gone or full, nor when what was
 * asked may have been done. */
static bool may_go_on(enum db_status status, bool committing)
{
    return status == DB_CONFLICT || ((status == DB_ERROR || status == DB_REFUSED) && !committing);
}

static void one_by_one(struct bulk *b, int64_t began_ms)
{
    struct bulk one = *b;
    bool committing;

    for (size_t i = 0; i < b->n; i++) {
        if (!in_play(&b->sets[i]))
            continue;
        one.sets = &b->sets[i];
        one.n = 1;
        enum db_status status = attempt(&one, &committing);
        b->late = b->late || one.late;
        if (status == DB_DONE)
            continue;
        b->sets[i].outcome = COMMIT_FAILED;
        if (!may_go_on(status, committing) || is_over(b->db, began_ms, 2)) {
            fail_rest(b->sets + i, b->n - i); /* those before it are done */
            return;
        }
    }
}

/* Returns the last status; the sets that are in play then failed, or were told apart. */
static void run(struct bulk *b)
{
    int64_t began_ms = clock_mono_ms();
    enum db_status status;
    bool committing;

    status = attempt(b, &committing);
    for (int i = 0; i < RETRIES && status == DB_CONFLICT && !is_over(b->db, began_ms, 1); i++) {
        pause_a_little();
        status = attempt(b, &committing);
    }
    if (status == DB_DONE)
        return;
    if (b->n > 1 && may_go_on(status, committing))
        one_by_one(b, began_ms);
    else
        fail_rest(b->sets, b->n);
}

bool commit_bulk(struct db *db, const struct stamp *stamp, struct commit_set *sets, size_t n)
{
    struct bulk b = {.db = db, .stamp = stamp, .sets = sets, .n = n};
    size_t changes;

    for (size_t i = 0; i < n; i++)
        sets[i].outcome = COMMIT_DONE;
    b.room = count(sets, n, &changes) + changes + 1; /* and BEGIN */
    b.room = b.room < CALLS ? b.room : CALLS;
    b.calls = heap_get(b.room * sizeof *b.calls);
    b.purposes = heap_get(b.room * sizeof *b.purposes);
    b.rows = heap_get((changes + 1) * sizeof *b.rows);
    run(&b);
    heap_free(b.calls);
    heap_free(b.purposes);
    heap_free(b.rows);
    return b.late;
}
