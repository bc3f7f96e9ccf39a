/* committer: the one thread that makes effects durable, many requests at a time. */
#ifndef NET_COMMITTER_H
#define NET_COMMITTER_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/net.h"

struct committer {
    const struct net_app *app;
    int batch_max;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t wake;    /* for the committer: something is queued, or stop, or tick */
    pthread_cond_t durable; /* for pool threads: a synchronous exchange is committed */
    struct list queue;
    bool stop, tick_soon;
    atomic_long queued, batches;
};

void committer_init(struct committer *c, const struct net_app *app, int batch_max);
void committer_start(struct committer *c);
/* Queues all exchanges of the list (n of them) and leaves it empty. They are posted to their
 * workers with next == NET_COMMIT when the commit is over. */
void committer_put(struct committer *c, struct list *exchanges, long n);
/* Queues one and returns when its commit is over. Pool threads only. */
void committer_put_wait(struct committer *c, struct exchange *x);
/* app.tick at the next opportunity. */
void committer_tick_soon(struct committer *c);
/* Empties the queue, then ends the thread. */
void committer_stop(struct committer *c);
void committer_free(struct committer *c);

#endif
