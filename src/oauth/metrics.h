/* metrics: what a server counts about itself, and where.
 *
 * Each thread counts into a cell of its own, with a relaxed load and store, so counting costs no
 * lock and no shared cache line; whoever asks sums the cells. Cells live as long as the server.
 * What is counted here is written out by admin/metrics.h.
 */
#ifndef OAUTH_METRICS_H
#define OAUTH_METRICS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "oauth/route.h"
#include "store/commit.h"
#include "store/tally.h"

#define METRICS_STATUS_LIST(X)                                                                     \
    X(200)                                                                                         \
    X(201)                                                                                         \
    X(202)                                                                                         \
    X(204)                                                                                         \
    X(302)                                                                                         \
    X(303)                                                                                         \
    X(304)                                                                                         \
    X(400)                                                                                         \
    X(401)                                                                                         \
    X(403)                                                                                         \
    X(404)                                                                                         \
    X(405)                                                                                         \
    X(406)                                                                                         \
    X(408)                                                                                         \
    X(409)                                                                                         \
    X(410)                                                                                         \
    X(413)                                                                                         \
    X(414)                                                                                         \
    X(415)                                                                                         \
    X(417)                                                                                         \
    X(421)                                                                                         \
    X(429)                                                                                         \
    X(431)                                                                                         \
    X(500)                                                                                         \
    X(501)                                                                                         \
    X(503)                                                                                         \
    X(505)

enum metrics_status {
    METRICS_OTHER, /* a status that is not in the list */
#define X(status) METRICS_##status,
    METRICS_STATUS_LIST(X)
#undef X
        METRICS_STATUSES
};
extern const int metrics_statuses[METRICS_STATUSES]; /* 0 for METRICS_OTHER */

#define METRICS_METHODS  8  /* bits of enum http_method */
#define METRICS_BUCKETS  14 /* of durations; one more holds what is longer */
#define METRICS_SIZES    11 /* of batches: 1, 2, 4 ... 1024; one more holds what is larger */
#define METRICS_DIALECTS 10 /* ids of dialects are below */
#define METRICS_GRANTS   16 /* rows of the table of grants, at most */

/* Upper ends of the buckets, in microseconds. */
extern const int64_t metrics_bucket_us[METRICS_BUCKETS];

typedef atomic_uint_fast64_t metrics_counter;

struct metrics_route {
    metrics_counter answers[METRICS_METHODS][METRICS_STATUSES];
    metrics_counter buckets[METRICS_BUCKETS + 1], us;
};

/* Nothing but counters behind `next`: they are summed as one array. */
struct metrics_cell {
    struct metrics_cell *next;
    metrics_counter tokens[METRICS_GRANTS][METRICS_DIALECTS][2]; /* [1]: JWT */
    metrics_counter refusals[ERR_COUNT];
    metrics_counter cache_hits, cache_misses, cache_entries;
    struct metrics_route routes[]; /* [0]: no route matched; then as metrics_route_at() says */
};

/* Written by the thread that commits. */
struct metrics_commits {
    metrics_counter batches, sets, missed, failed, us;
    metrics_counter sizes[METRICS_SIZES + 1], buckets[METRICS_BUCKETS + 1];
};

/* Polls of a shared store. Written by the thread that polls. */
struct metrics_polls {
    metrics_counter failed, us, last_us; /* last_us: of the last one that succeeded */
    metrics_counter buckets[METRICS_BUCKETS + 1];
};

/* What the sockets know; filled by a callback, since this part does not know them. */
struct metrics_net {
    long connections, accepted, refused, queue_commit, queue_pool, queue_read;
    long penalised, penalty_requests, penalty_connections, crowds;
    long shed, memory_max;
};

/* What the supervisor tells of the server's processes. */
enum { METRICS_PROCESSES = 4 };
struct metrics_process {
    const char *name; /* "signer" */
    long long restarts, cpu_us, resident_bytes;
};

struct metrics {
    pthread_mutex_t lock; /* of the list of cells */
    struct metrics_cell *cells;
    size_t routes_n; /* of all dialects, and one */
    struct metrics_commits commits;
    struct metrics_polls polls;
    struct tally tally;
    atomic_bool keeps_house;              /* this process does what one does for all */
    int64_t start_us;                     /* wall clock */
    void (*net)(struct metrics_net *out); /* NULL: there are no sockets */
    /* How many there are; NULL: one process is all. */
    size_t (*processes)(struct metrics_process out[METRICS_PROCESSES]);
};

struct server;
struct server_thread;
struct rq;

void metrics_open(struct metrics *m, const struct server *s);
void metrics_close(struct metrics *m);
/* A new cell, which stays the server's. */
struct metrics_cell *metrics_cell_new(struct metrics *m);
/* The index of a route among those of all dialects, from 1. */
size_t metrics_route_at(const struct server *s, const struct dialect *d, const struct route *r);
/* A finished request. */
void metrics_request(struct server_thread *t, const struct rq *rq, int64_t duration_us);
/* A finished batch. One thread only. */
void metrics_batch(struct metrics *m, const struct commit_set *sets, size_t n, int64_t duration_us);
/* A finished poll of a shared store. One thread only. */
void metrics_poll(struct metrics *m, bool heard, int64_t duration_us);
/* Adds all cells up; in the arena. */
const struct metrics_cell *metrics_sum(struct metrics *m, struct arena *a);

#endif
