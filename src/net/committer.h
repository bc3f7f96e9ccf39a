/* committer: the one thread that makes effects durable, many requests at a time. */
#ifndef NET_COMMITTER_H
#define NET_COMMITTER_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/net.h"

struct committer {
    const struct net_app *app;
    int batch_max, queue_max, patience_ms;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t wake;    /* for the committer: something is queued, or stop, or tick */
    pthread_cond_t durable; /* for pool threads: a synchronous exchange is committed */
    struct list queue;
    bool stop, tick_soon;
    atomic_long queued, batches;
};

/* Takes batch_max, commit_queue_max and patience_ms from the options. */
void committer_init(struct committer *c, const struct net_app *app, const struct net_options *o);
void committer_start(struct committer *c);
/* Takes a place in the queue for the exchange, which its worker then hands over with committer_put;
 * false: there is none (commit_queue_max), the worker refuses it. Takes no lock. */
bool committer_admit(struct committer *c, struct exchange *x);
/* Queues all exchanges of the list, which have been admitted, and leaves it empty. They are posted
 * to their workers with NET_DURABLE when the commit is over. */
void committer_put(struct committer *c, struct list *exchanges);
/* Takes an exchange out of the queue; false when it is not there (its commit has begun, or it never
 * was). */
bool committer_drop(struct committer *c, struct exchange *x);
/* Admits and queues one and returns when its commit is over. False: it was not begun, for want of a
 * place or after patience_ms. Pool threads only. */
bool committer_put_wait(struct committer *c, struct exchange *x);
/* app.tick at the next opportunity. */
void committer_tick_soon(struct committer *c);
/* Empties the queue, then ends the thread. */
void committer_stop(struct committer *c);
void committer_free(struct committer *c);

#endif
