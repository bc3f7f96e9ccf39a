/* metrics: counting a request, a batch, and adding up.
 *
 * A cell has one writer, so a counter is loaded and stored, not locked; readers see each counter
 * whole and the set of them a moment apart, which is all that Prometheus asks for. A request
 * costs about ten such steps.
 *
 * Left out on purpose: what can be read where it is (queues, keys, files, the process); see
 * admin/metrics.c.
 */
#include "oauth/metrics.h"

#include <stdlib.h>

#include "oauth/rq.h"

const int metrics_statuses[METRICS_STATUSES] = {
#define X(status) [METRICS_##status] = status,
    METRICS_STATUS_LIST(X)
#undef X
};

static const uint8_t slot_of_status[600] = {
#define X(status) [status] = METRICS_##status,
    METRICS_STATUS_LIST(X)
#undef X
};

const int64_t metrics_bucket_us[METRICS_BUCKETS] = {
    50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000,
};

static inline void add(metrics_counter *c, uint64_t n)
{
    uint64_t old = atomic_load_explicit(c, memory_order_relaxed);

    atomic_store_explicit(c, old + n, memory_order_relaxed);
}

static inline void set(metrics_counter *c, uint64_t n)
{
    atomic_store_explicit(c, n, memory_order_relaxed);
}

static size_t bucket_of(int64_t us)
{
    size_t i = 0;

    while (i < METRICS_BUCKETS && us > metrics_bucket_us[i])
        i++;
    return i;
}

void metrics_open(struct metrics *m, const struct server *s)
{
    static const struct clock system_clock;

    pthread_mutex_init(&m->lock, NULL);
    m->cells = NULL;
    m->routes_n = 1;
    for (const struct dialect *const *d = s->dialects; *d != NULL; d++)
        m->routes_n += (*d)->routes_n;
    m->start_us = clock_now_us(&system_clock);
    m->net = NULL;
    tally_init(&m->tally);
}

void metrics_close(struct metrics *m)
{
    struct metrics_cell *next;

    for (struct metrics_cell *c = m->cells; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    m->cells = NULL;
    pthread_mutex_destroy(&m->lock);
}

static size_t size_of_cell(const struct metrics *m)
{
    return sizeof(struct metrics_cell) + m->routes_n * sizeof(struct metrics_route);
}

struct metrics_cell *metrics_cell_new(struct metrics *m)
{
    struct metrics_cell *c = calloc(1, size_of_cell(m));

    if (c == NULL)
        fatal("out of memory");
    pthread_mutex_lock(&m->lock);
    c->next = m->cells;
    m->cells = c;
    pthread_mutex_unlock(&m->lock);
    return c;
}

size_t metrics_route_at(const struct server *s, const struct dialect *d, const struct route *r)
{
    size_t at = 1;

    for (const struct dialect *const *one = s->dialects; *one != d; one++)
        at += (*one)->routes_n;
    return at + (size_t)(r - d->routes);
}

static void count_cache(struct metrics_cell *c, const struct server_thread *t)
{
    const struct client_cache_stats *stats = client_cache_stats(t->clients);

    set(&c->cache_hits, stats->hits);
    set(&c->cache_misses, stats->misses);
    set(&c->cache_entries, stats->entries);
}

void metrics_request(struct server_thread *t, const struct rq *rq, int64_t duration_us)
{
    struct metrics_cell *c = t->metrics;
    size_t at = rq->route != NULL ? metrics_route_at(rq->server, rq->dialect, rq->route) : 0;
    struct metrics_route *r = &c->routes[at];
    int status = rq->res->status, method = __builtin_ctz((unsigned)rq->req->method | 1u << 7);

    add(&r->answers[method][status < 600 ? slot_of_status[status] : METRICS_OTHER], 1);
    add(&r->buckets[bucket_of(duration_us)], 1);
    add(&r->us, (uint64_t)duration_us);
    if (rq->failure.e != OK)
        add(&c->refusals[rq->failure.e], 1);
    else if (rq->issued_grant != 0)
        add(&c->tokens[rq->issued_grant - 1][rq->dialect->id][rq->issued_jwt], 1);
    count_cache(c, t);
}

void metrics_batch(struct metrics *m, const struct commit_set *sets, size_t n, int64_t duration_us)
{
    struct metrics_commits *c = &m->commits;
    size_t size = 0;

    for (size_t i = 0; i < n; i++) {
        add(&c->missed, sets[i].outcome == COMMIT_MISSED);
        add(&c->failed, sets[i].outcome == COMMIT_FAILED);
    }
    while (size < METRICS_SIZES && n > (size_t)1 << size)
        size++;
    add(&c->sizes[size], 1);
    add(&c->buckets[bucket_of(duration_us)], 1);
    add(&c->us, (uint64_t)duration_us);
    add(&c->sets, n);
    add(&c->batches, 1);
}

void metrics_poll(struct metrics *m, bool heard, int64_t duration_us)
{
    struct metrics_polls *p = &m->polls;

    add(&p->failed, !heard);
    add(&p->buckets[bucket_of(duration_us)], 1);
    add(&p->us, (uint64_t)duration_us);
    if (heard)
        set(&p->last_us, (uint64_t)duration_us);
}

const struct metrics_cell *metrics_sum(struct metrics *m, struct arena *a)
{
    size_t size = size_of_cell(m), first = offsetof(struct metrics_cell, tokens);
    size_t n = (size - first) / sizeof(metrics_counter);
    struct metrics_cell *out = arena_alloc(a, size), *cells;
    metrics_counter *to = (metrics_counter *)((char *)out + first);

    memset(out, 0, size);
    pthread_mutex_lock(&m->lock);
    cells = m->cells;
    pthread_mutex_unlock(&m->lock);
    for (struct metrics_cell *c = cells; c != NULL; c = c->next) {
        metrics_counter *from = (metrics_counter *)((char *)c + first);
        for (size_t i = 0; i < n; i++)
            add(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed));
    }
    return out;
}
