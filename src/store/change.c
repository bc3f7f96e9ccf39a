/* change: the log of a process and the poll of the table that all processes share.
 *
 * The log is a ring under a lock; readers look at one atomic number first, so a request that finds
 * nothing new pays for one load. The poll reads again what the last seconds before the one before
 * brought, since a row with a smaller id may commit later, and leaves out what it published before.
 * Of SQLite it leaves out what this process wrote, too: that was published at its commit. Rows are
 * told apart by the node bytes of their ids; after a commit of unknown outcome the process takes
 * new ones (commit.c), so that it hears of what it did not publish. On a shared store two threads
 * write, so own rows are simply published again.
 *
 * How many seconds: let a row's id be made at s and its transaction be over at v, in true time, and
 * let clocks be wrong by w at the writer and r at the reader. The first poll after v must ask for
 * the row. The poll before it began at p < v and left p + r to count from; the row carries s + w.
 * So the overlap must be at least p + r - (s + w), which is less than (v - s) + (r - w). Clocks
 * differ by 5 s at most (r - w <= 5). Ids are made last (commit_bulk.c), so that v - s is what the
 * last statements and COMMIT take: each is given up after db.timeout, two of them in all. Seconds
 * are cut off, which costs one more. On one machine CHANGE_OVERLAP_S is plenty.
 *
 * A COMMIT that waits for a dead synchronous standby breaks that rule: what was given up here goes
 * on waiting there, and is visible minutes later. commit.c notices, and CHANGE_ALL follows.
 */
#include "store/change.h"

#include <endian.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "store/revoked.h"
#include "store/statements.h"

#define CHANGE_OVERLAP_S 10 /* at least */
#define CHANGE_WAY_S     10 /* at least */
#define CHANGE_CALLS     10 /* on the way, the waits in queues as long as a call among them */
#define CHANGE_CUT_S     1
/* Rows stay for processes that sleep; whoever slept longer starts with empty copies. */
#define CHANGE_KEEP_S 3600

enum { PUT, SINCE, SWEEP };

static const struct sql sql[] = {
    [PUT] = {"change.put", "INSERT INTO change (id, kind, subject) VALUES ($1, $2, $3)"},
    [SINCE] = {"change.since", "SELECT id, kind, subject FROM change WHERE id >= $1 ORDER BY id"},
    [SWEEP] = {"change.sweep", "DELETE FROM change WHERE id IN "
                               "(SELECT id FROM change WHERE id < $1 ORDER BY id LIMIT $2)"},
};

const struct sql_set change_statements = {sql, sizeof sql / sizeof *sql};

const struct sql *change_put(void)
{
    return &sql[PUT];
}

void change_log_init(struct change_log *log)
{
    memset(log->ring, 0, sizeof log->ring);
    id_source_init(&log->ids);
    log->revoked = NULL;
    atomic_init(&log->seq, 0);
    atomic_init(&log->late, 0);
    pthread_mutex_init(&log->lock, NULL);
}

void change_grants_subject(int64_t revoked_s, uint8_t out[16])
{
    uint64_t n = htobe64((uint64_t)revoked_s);

    memset(out, 0, 16);
    memcpy(out, &n, sizeof n);
}

int64_t change_grants_s(const uint8_t subject[16])
{
    uint64_t n;

    memcpy(&n, subject, sizeof n);
    return (int64_t)be64toh(n);
}

void change_publish(struct change_log *log, enum change_kind kind, const uint8_t subject[16])
{
    uint64_t seq;

    pthread_mutex_lock(&log->lock);
    seq = atomic_load_explicit(&log->seq, memory_order_relaxed);
    struct change *c = &log->ring[seq % CHANGE_LOG_SIZE];
    *c = (struct change){.kind = kind};
    memcpy(c->subject, subject, sizeof c->subject);
    atomic_store_explicit(&log->seq, seq + 1, memory_order_release);
    pthread_mutex_unlock(&log->lock);
    if (kind == CHANGE_EXCESS && log->revoked) {
        struct uid client;
        memcpy(client.b, subject, sizeof client.b);
        revoked_forget(log->revoked, &client);
    }
}

size_t change_take(struct change_log *log, uint64_t *seen, struct change *out, size_t max,
                   bool *lost)
{
    uint64_t seq = atomic_load_explicit(&log->seq, memory_order_acquire);
    size_t n = 0;

    *lost = false;
    if (seq == *seen)
        return 0;
    pthread_mutex_lock(&log->lock);
    seq = atomic_load_explicit(&log->seq, memory_order_relaxed);
    if (seq - *seen > CHANGE_LOG_SIZE) {
        *lost = true;
        *seen = seq;
    }
    while (*seen < seq && n < max)
        out[n++] = log->ring[(*seen)++ % CHANGE_LOG_SIZE];
    pthread_mutex_unlock(&log->lock);
    return n;
}

static bool is_own(const struct change_log *log, const struct id *id)
{
    return memcmp(id->b + 4, log->ids.node, sizeof log->ids.node) == 0;
}

/* What a poll finds, and how far it is in what the one before it found. Both are in order. */
struct reading {
    struct id *found;
    size_t n, room, at;
};

static void keep(struct reading *r, const struct id *id)
{
    if (r->n == r->room) {
        r->room = r->room * 2 + 64;
        r->found = heap_resize(r->found, r->room * sizeof *r->found);
        if (!r->found)
            fatal("out of memory");
    }
    r->found[r->n++] = *id;
}

static bool was_seen(struct reading *r, const struct change_poll *poll, const struct id *id)
{
    while (r->at < poll->n && memcmp(poll->seen[r->at].b, id->b, ID_BYTES) < 0)
        r->at++;
    return r->at < poll->n && id_eq(&poll->seen[r->at], id);
}

int64_t change_overlap_s(int64_t call_ms)
{
    int64_t s = CHANGE_SKEW_S + (2 * call_ms + 999) / 1000 + CHANGE_CUT_S;

    return s > CHANGE_OVERLAP_S ? s : CHANGE_OVERLAP_S;
}

int64_t change_way_s(int64_t call_ms)
{
    int64_t s = (CHANGE_CALLS * call_ms + 999) / 1000;

    return s > CHANGE_WAY_S ? s : CHANGE_WAY_S;
}

/* Where a poll begins to read; a clock that was set back counts from where it is now. */
static int64_t begin_s(const struct change_poll *poll, int64_t now_s)
{
    int64_t from_s = poll->since_s && poll->since_s < now_s ? poll->since_s : now_s;

    return from_s - (poll->overlap_s ? poll->overlap_s : CHANGE_OVERLAP_S);
}

/* What a row says that the poll had not seen. */
static void take(struct change_poll *poll, struct change_log *log, struct rows *r)
{
    uint8_t subject[16] = {0};
    enum change_kind kind = (enum change_kind)row_int(r, 1);

    row_bytes(r, 2, subject, sizeof subject);
    poll->all = poll->all || kind == CHANGE_ALL;
    if (kind != CHANGE_GRANTS) /* which may be many, and only the poll's caller cares for */
        change_publish(log, kind, subject);
    else if (change_grants_s(subject) < poll->grants_s)
        poll->grants_s = change_grants_s(subject);
}

enum err change_poll(struct db *db, struct change_poll *poll, struct change_log *log, int64_t now_s)
{
    struct id from = id_floor(begin_s(poll, now_s));
    struct rows r = db_query(db, &sql[SINCE], ARGS(db_bytes(&from)));
    struct reading reading = {0};
    struct id id;
    enum err e;

    poll->grants_s = INT64_MAX;
    poll->all = false;
    while (rows_next(&r)) {
        if (!row_bytes(&r, 0, id.b, sizeof id.b) || (!db->ops->shared && is_own(log, &id)))
            continue;
        keep(&reading, &id);
        if (!was_seen(&reading, poll, &id))
            take(poll, log, &r);
    }
    e = rows_end(&r);
    if (e != OK) { /* the next poll reads all of it again */
        heap_free(reading.found);
        return e;
    }
    heap_free(poll->seen);
    poll->since_s = now_s;
    poll->seen = reading.found;
    poll->n = reading.n;
    return OK;
}

void change_poll_free(struct change_poll *poll)
{
    heap_free(poll->seen);
    *poll = (struct change_poll){0};
}

enum err change_tell_all(struct db *db, struct id_source *ids, int64_t now_s)
{
    static const uint8_t nothing[16];
    int64_t began_ms = clock_mono_ms();
    struct id id = id_next(ids, now_s);
    enum err e =
        db_run(db, &sql[PUT],
               ARGS(db_bytes(&id), db_int(CHANGE_ALL), db_blob(nothing, sizeof nothing)), NULL);

    return e == OK && clock_mono_ms() - began_ms > CHANGE_LATE_MS ? ERR_UNAVAILABLE : e;
}

enum err change_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    struct id before = id_floor(now_s - CHANGE_KEEP_S);

    return db_run(db, &sql[SWEEP], ARGS(db_bytes(&before), db_int(limit)), deleted);
}
