/* revoked: an open hash table of ids under a reader-writer lock.
 *
 * Ids are hashed with a seed and probed linearly; a deletion moves what follows back, so there are
 * no tombstones. A row names its client by number; clients are counted in a table of their own.
 *
 * The overlap of polls. A row's revoked_s is the time at which the request began that revoked it,
 * by its node's clock; it is seen when its transaction has ended. So a poll at second T of this
 * node's clock may miss a row that says T less
 *     5 s   by which the clock of the other node may be behind (CHANGE_SKEW_S), and
 *    10 s   for the way to the commit (change_way_s): the request's run, its waits in queues and
 *           three tries of the batch, each bounded by db.timeout (0.8 s unless it was changed),
 * and SPARE_S are left over. Commands may wait for their user in between: those are found by what
 * CHANGE_GRANTS says. The first reading takes pages by id, while others write behind it; so the
 * poll after it begins where that reading began.
 *
 * Rows are read in pages, since one statement for all that a node missed while it was cut off would
 * take longer than a call may, again and again. They are read without the lock and put in by
 * hundreds, so that whoever asks waits for microseconds; the doubling of a table of a million rows
 * takes some 20 ms. Each poll looks at a slice of the table for rows that have expired.
 */
#include "store/revoked.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/rand.h"
#include "store/change.h"
#include "store/statements.h"

enum {
    SPARE_S = 5,
    PAGE_ROWS = 5000,
    BATCH_ROWS = 256,
    SLICE_ROWS = 16384,
    FIRST_ROWS = 1024, /* powers of two */
    FIRST_CHAINS = 256,
    NEEDLESS_AFTER_S = REVOKED_GRACE_S / 6
};

enum { PAGE, SINCE };

static const struct sql sql[] = {
    [PAGE] = {"revoked.page", "SELECT id, client_id, exp_s, revoked_s FROM grants "
                              "WHERE id > $1 ORDER BY id LIMIT $2"},
    [SINCE] = {"revoked.since", "SELECT id, client_id, exp_s, revoked_s FROM grants "
                                "WHERE (revoked_s, id) > ($1, $2) "
                                "ORDER BY revoked_s, id LIMIT $3"},
};

const struct sql_set revoked_statements = {sql, sizeof sql / sizeof *sql};

struct row {
    struct id id;
    uint32_t exp_s;  /* seconds since 1970 fit until 2106 */
    uint32_t client; /* its number; 0: an empty place */
};

struct client_rows {
    struct uid id;
    uint32_t rows;
    uint32_t next;    /* number of the next in the chain, or of the next free one; 0: none */
    int64_t forget_s; /* when its rows were told to be of no use; 0: they are of use */
};

/* A row as it comes from the store. */
struct fresh {
    struct id id;
    struct uid client;
    int64_t exp_s;
};

struct revoked {
    pthread_rwlock_t lock;
    uint64_t seed[2];
    struct row *rows;
    size_t n, mask;
    size_t slice;                /* where the search for expired rows goes on */
    struct client_rows *clients; /* by number; 0 is nobody's */
    size_t clients_n, clients_room;
    uint32_t free;    /* the first free number, or 0 */
    uint32_t *chains; /* numbers by the hash of the client's id */
    size_t chains_mask;
    int64_t now_s; /* of the last poll: by it rows grow old */

    pthread_mutex_t polling; /* guards what follows: where polls are */
    bool whole;              /* the whole table has been read once */
    struct id after;         /* how far the first reading got */
    int64_t since_s;
};

static void *make(size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes))
        fatal("%zu times %zu bytes", n, size);
    return heap_get(bytes);
}

struct revoked *revoked_open(void)
{
    struct revoked *r = make(1, sizeof *r);
    pthread_rwlockattr_t attributes;

    pthread_rwlockattr_init(&attributes);
    /* Else polls might wait for ever while somebody always asks. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&r->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&r->polling, NULL);
    rand_bytes(r->seed, sizeof r->seed);
    r->rows = make(FIRST_ROWS, sizeof *r->rows);
    r->mask = FIRST_ROWS - 1;
    r->chains = make(FIRST_CHAINS, sizeof *r->chains);
    r->chains_mask = FIRST_CHAINS - 1;
    r->clients = make(FIRST_CHAINS, sizeof *r->clients);
    r->clients_room = FIRST_CHAINS;
    r->clients_n = 1;
    return r;
}

void revoked_close(struct revoked *r)
{
    if (!r)
        return;
    pthread_rwlock_destroy(&r->lock);
    pthread_mutex_destroy(&r->polling);
    heap_free(r->rows);
    heap_free(r->clients);
    heap_free(r->chains);
    heap_free(r);
}

static uint64_t mix(const struct revoked *r, uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ r->seed[0]) * 0x9e3779b97f4a7c15u;

    h = (h ^ (h >> 29) ^ b ^ r->seed[1]) * 0xbf58476d1ce4e5b9u;
    return h ^ (h >> 32);
}

static size_t home(const struct revoked *r, const struct id *id)
{
    uint64_t a;
    uint32_t b;

    memcpy(&a, id->b, sizeof a);
    memcpy(&b, id->b + sizeof a, sizeof b);
    return mix(r, a, b) & r->mask;
}

/* The id's place, or the empty one where it would go. */
static struct row *place(const struct revoked *r, const struct id *id)
{
    size_t i = home(r, id);

    while (r->rows[i].client && !id_eq(&r->rows[i].id, id))
        i = (i + 1) & r->mask;
    return &r->rows[i];
}

static uint32_t *chain_of(struct revoked *r, const struct uid *client)
{
    uint64_t w[2];

    memcpy(w, client->b, sizeof w);
    return &r->chains[mix(r, w[0], w[1]) & r->chains_mask];
}

/* Where the client's number stands in its chain, or the 0 at the end. */
static uint32_t *link_to(struct revoked *r, const struct uid *client)
{
    uint32_t *at = chain_of(r, client);

    while (*at && !uid_eq(&r->clients[*at].id, client))
        at = &r->clients[*at].next;
    return at;
}

static void rechain(struct revoked *r)
{
    size_t n = (r->chains_mask + 1) * 2;
    uint32_t *old = r->chains;
    size_t old_n = n / 2;

    r->chains = make(n, sizeof *r->chains);
    r->chains_mask = n - 1;
    for (size_t i = 0; i < old_n; i++) {
        for (uint32_t k = old[i], next; k; k = next) {
            uint32_t *at = chain_of(r, &r->clients[k].id);
            next = r->clients[k].next;
            r->clients[k].next = *at;
            *at = k;
        }
    }
    heap_free(old);
}

static uint32_t new_number(struct revoked *r)
{
    uint32_t k = r->free;

    if (k) {
        r->free = r->clients[k].next;
        return k;
    }
    if (r->clients_n == r->clients_room) {
        r->clients_room *= 2;
        r->clients = heap_resize(r->clients, r->clients_room * sizeof *r->clients);
        if (!r->clients)
            fatal("out of memory");
        rechain(r);
    }
    return (uint32_t)r->clients_n++;
}

static uint32_t number_of(struct revoked *r, const struct uid *client)
{
    uint32_t k = *link_to(r, client), *at;

    if (k)
        return k;
    k = new_number(r);
    at = chain_of(r, client);
    r->clients[k] = (struct client_rows){.id = *client, .next = *at};
    *at = k;
    return k;
}

/* A client without rows; a forgotten one is in no chain any more. */
static void free_number(struct revoked *r, uint32_t k)
{
    struct client_rows *c = &r->clients[k];

    if (!c->forget_s)
        *link_to(r, &c->id) = c->next;
    *c = (struct client_rows){.next = r->free};
    r->free = k;
}

static void grow(struct revoked *r)
{
    struct row *old = r->rows;
    size_t old_n = r->mask + 1;

    r->rows = make(old_n * 2, sizeof *r->rows);
    r->mask = old_n * 2 - 1;
    for (size_t i = 0; i < old_n; i++)
        if (old[i].client)
            *place(r, &old[i].id) = old[i];
    heap_free(old);
}

static void put(struct revoked *r, const struct fresh *f)
{
    uint32_t exp_s = f->exp_s < UINT32_MAX ? (uint32_t)f->exp_s : UINT32_MAX;
    struct row *row = place(r, &f->id);

    if (row->client) {
        row->exp_s = row->exp_s > exp_s ? row->exp_s : exp_s;
        return;
    }
    if ((r->n + 1) * 4 > (r->mask + 1) * 3) {
        grow(r);
        row = place(r, &f->id);
    }
    *row = (struct row){.id = f->id, .exp_s = exp_s, .client = number_of(r, &f->client)};
    r->clients[row->client].rows++;
    r->n++;
}

/* Empties the place i, and moves back what would not be found any more. */
static void take_out(struct revoked *r, size_t i)
{
    uint32_t client = r->rows[i].client;
    size_t hole = i;

    for (size_t k = (i + 1) & r->mask; r->rows[k].client; k = (k + 1) & r->mask) {
        size_t from_home = (k - home(r, &r->rows[k].id)) & r->mask;
        if (from_home < ((k - hole) & r->mask))
            continue;
        r->rows[hole] = r->rows[k];
        hole = k;
    }
    r->rows[hole].client = 0;
    r->n--;
    if (--r->clients[client].rows == 0)
        free_number(r, client);
}

static bool is_forgotten(const struct revoked *r, const struct row *row, int64_t for_s)
{
    int64_t forget_s = r->clients[row->client].forget_s;

    return forget_s && r->now_s - forget_s >= for_s;
}

/* A place that is filled anew from behind is looked at again. */
static void drop_slice(struct revoked *r, int64_t now_s)
{
    pthread_rwlock_wrlock(&r->lock);
    r->now_s = now_s;
    for (size_t looks = 0; looks < SLICE_ROWS && looks <= r->mask; looks++) {
        struct row *row = &r->rows[r->slice & r->mask];
        if (row->client && (row->exp_s <= now_s || is_forgotten(r, row, REVOKED_GRACE_S)))
            take_out(r, r->slice & r->mask);
        else
            r->slice = (r->slice + 1) & r->mask;
    }
    pthread_rwlock_unlock(&r->lock);
}

static void put_all(struct revoked *r, const struct fresh *batch, size_t n)
{
    pthread_rwlock_wrlock(&r->lock);
    for (size_t i = 0; i < n; i++)
        put(r, &batch[i]);
    pthread_rwlock_unlock(&r->lock);
}

/* Where the last row of a page was. */
struct spot {
    int64_t revoked_s;
    struct id id;
};

/* Takes in what the query gives. *n: how many rows; *last stays when there are none. */
static enum err take_rows(struct revoked *r, struct rows *rows, size_t *n, struct spot *last)
{
    struct fresh batch[BATCH_ROWS];
    size_t at = 0;

    *n = 0;
    while (rows_next(rows)) {
        struct fresh *f = &batch[at++];
        row_bytes(rows, 0, f->id.b, sizeof f->id.b);
        row_bytes(rows, 1, f->client.b, sizeof f->client.b);
        f->exp_s = row_int(rows, 2);
        *last = (struct spot){row_int(rows, 3), f->id};
        ++*n;
        if (at == BATCH_ROWS) {
            put_all(r, batch, at);
            at = 0;
        }
    }
    put_all(r, batch, at);
    return rows_end(rows);
}

enum err revoked_take(struct revoked *r, struct db *db, int64_t since_s)
{
    struct spot last = {.revoked_s = since_s};
    size_t n = PAGE_ROWS;
    enum err e = OK;

    while (e == OK && n == PAGE_ROWS) {
        struct spot from = last;
        struct rows rows = db_query(
            db, &sql[SINCE], ARGS(db_int(from.revoked_s), db_bytes(&from.id), db_int(PAGE_ROWS)));
        e = take_rows(r, &rows, &n, &last);
    }
    return e;
}

static enum err read_whole(struct revoked *r, struct db *db)
{
    struct spot last = {.id = r->after};
    size_t n = PAGE_ROWS;
    enum err e = OK;

    while (e == OK && n == PAGE_ROWS) {
        struct rows rows = db_query(db, &sql[PAGE], ARGS(db_bytes(&r->after), db_int(PAGE_ROWS)));
        e = take_rows(r, &rows, &n, &last);
        r->after = last.id;
    }
    r->whole = e == OK;
    return e;
}

void revoked_again(struct revoked *r)
{
    pthread_mutex_lock(&r->polling);
    r->whole = false;
    r->after = (struct id){0};
    r->since_s = 0;
    pthread_mutex_unlock(&r->polling);
}

enum err revoked_poll(struct revoked *r, struct db *db, int64_t now_s)
{
    enum err e;

    pthread_mutex_lock(&r->polling);
    if (r->since_s == 0)
        r->since_s = now_s;
    if (r->whole) {
        e = revoked_take(r, db,
                         r->since_s - CHANGE_SKEW_S - change_way_s(db->patience_ms) - SPARE_S);
        if (e == OK)
            r->since_s = now_s;
    } else {
        e = read_whole(r, db);
    }
    drop_slice(r, now_s);
    pthread_mutex_unlock(&r->polling);
    return e;
}

bool revoked_has(struct revoked *r, const struct id *grant)
{
    bool has;

    pthread_rwlock_rdlock(&r->lock);
    has = place(r, grant)->client != 0;
    pthread_rwlock_unlock(&r->lock);
    return has;
}

size_t revoked_count(struct revoked *r)
{
    size_t n;

    pthread_rwlock_rdlock(&r->lock);
    n = r->n;
    pthread_rwlock_unlock(&r->lock);
    return n;
}

size_t revoked_excess(struct revoked *r, struct uid *out, size_t max)
{
    size_t n = 0;

    pthread_rwlock_rdlock(&r->lock);
    for (size_t k = 1; k < r->clients_n && n < max; k++)
        if (r->clients[k].rows > REVOKED_PER_CLIENT && !r->clients[k].forget_s)
            out[n++] = r->clients[k].id;
    pthread_rwlock_unlock(&r->lock);
    return n;
}

void revoked_forget(struct revoked *r, const struct uid *client)
{
    uint32_t *at, k;

    pthread_rwlock_wrlock(&r->lock);
    at = link_to(r, client);
    k = *at;
    if (k) {
        *at = r->clients[k].next;
        r->clients[k].forget_s = r->now_s;
    }
    pthread_rwlock_unlock(&r->lock);
}

size_t revoked_needless(struct revoked *r, struct id *out, size_t max)
{
    size_t n = 0;

    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i <= r->mask && n < max; i++)
        if (r->rows[i].client && is_forgotten(r, &r->rows[i], NEEDLESS_AFTER_S))
            out[n++] = r->rows[i].id;
    pthread_rwlock_unlock(&r->lock);
    return n;
}

void revoked_drop(struct revoked *r, const struct id *ids, size_t n)
{
    pthread_rwlock_wrlock(&r->lock);
    for (size_t i = 0; i < n; i++) {
        struct row *row = place(r, &ids[i]);
        if (row->client)
            take_out(r, (size_t)(row - r->rows));
    }
    pthread_rwlock_unlock(&r->lock);
}
