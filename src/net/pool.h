/* pool: threads for requests that block or burn the processor. */
#ifndef NET_POOL_H
#define NET_POOL_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/net.h"

/* Whose requests wait: the /24 of an IPv4 address, the /64 of an IPv6 one, or everybody behind a
 * unix socket. */
struct pool_source {
    struct list link;  /* in pool.sources, or in pool.unused */
    struct list queue; /* its exchanges, the oldest first */
    int n;
    char key[16];
};

struct pool_kind {
    const char *name; /* of its threads: "pool", so "pool-0" */
    int nice;
};

struct pool {
    const struct net_app *app;
    const struct pool_kind *kind;
    int threads_n, queue_max;
    pthread_t *threads;
    int started;               /* threads that run */
    pthread_barrier_t *opened; /* where threads wait until all have what they need */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list sources, unused; /* sources: those that wait, the next one to be served first */
    struct pool_source *store;   /* as many as may wait */
    bool stop;
    atomic_int named; /* gives each thread its number */
    atomic_long queued;
};

void pool_init(struct pool *p, const struct net_app *app, const struct pool_kind *kind,
               int threads_n, int queue_max);
void pool_start(struct pool *p, pthread_barrier_t *opened);
/* False when the queue is full (or there is no pool): the caller refuses the exchange. In a full
 * queue a source that has less than another makes that one give up its newest place: that exchange
 * goes back to its worker with NET_BUSY. */
bool pool_put(struct pool *p, struct exchange *x);
/* Takes an exchange that no thread has begun yet out of the queue; NULL when there is none that
 * belongs to this worker. */
struct exchange *pool_cancel(struct pool *p, const struct worker *w);
/* Takes one exchange out of the queue, whichever pool's that is, on its worker; false when it is in
 * none (begun, or never was). */
bool pool_drop(struct exchange *x);
/* Ends the threads once the queue is empty. */
void pool_stop(struct pool *p);
void pool_free(struct pool *p);

#endif
