/* pool: a bounded queue and a few threads at nice 19, so that a flood of sign-ins (argon2) or of
 * slow reads takes what the workers leave, and never the other way round.
 *
 * The queue is bounded because work that waits longer than its client is wasted: a full queue is
 * answered with 503 and Retry-After (security.md A35).
 */
#include "net/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "net/committer.h"
#include "net/queue.h"
#include "net/worker.h"

enum { NICE = 19 };

void pool_init(struct pool *p, const struct net_app *app, struct committer *c, int threads_n,
               int queue_max)
{
    p->app = app;
    p->committer = c;
    p->threads_n = threads_n > 0 ? threads_n : 0;
    p->queue_max = queue_max > 0 ? queue_max : 0;
    p->threads = NULL;
    p->started = 0;
    p->stop = false;
    list_init(&p->queue);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
}

bool pool_put(struct pool *p, struct exchange *x)
{
    pthread_mutex_lock(&p->lock);
    bool room =
        p->started > 0 && atomic_load_explicit(&p->queued, memory_order_relaxed) < p->queue_max;
    if (room) {
        list_push_back(&p->queue, &x->link);
        atomic_fetch_add_explicit(&p->queued, 1, memory_order_relaxed);
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

/* The first in the queue that is x, or of the worker w; removed. */
static struct exchange *remove_from(struct pool *p, const struct exchange *x,
                                    const struct worker *w)
{
    struct exchange *found = NULL;
    pthread_mutex_lock(&p->lock);
    for (struct list *l = p->queue.next; l != &p->queue && !found; l = l->next) {
        struct exchange *queued = LIST_ENTRY(l, struct exchange, link);
        if (queued == x || queued->worker == w)
            found = queued;
    }
    if (found) {
        list_remove(&found->link);
        atomic_fetch_sub_explicit(&p->queued, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

struct exchange *pool_cancel(struct pool *p, const struct worker *w)
{
    return remove_from(p, NULL, w);
}

bool pool_drop(struct pool *p, const struct exchange *x)
{
    return remove_from(p, x, NULL) != NULL;
}

/* The next exchange; NULL when the pool stops. */
static struct exchange *take(struct pool *p)
{
    struct exchange *x = NULL;
    pthread_mutex_lock(&p->lock);
    while (list_empty(&p->queue) && !p->stop)
        pthread_cond_wait(&p->wake, &p->lock);
    if (!list_empty(&p->queue)) {
        x = LIST_ENTRY(queue_take(&p->queue), struct exchange, link);
        atomic_fetch_sub_explicit(&p->queued, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&p->lock);
    return x;
}

static void *run(void *arg)
{
    struct pool *p = arg;
    char name[24];
    snprintf(name, sizeof(name), "pool-%d", atomic_fetch_add(&p->named, 1));
    /* Linux: niceness is a thread's own. Failing is harmless. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
    void *thread = p->app->thread_open(p->app->app, name);
    if (!thread)
        fatal("%s could not open what it needs", name);
    pthread_barrier_wait(p->opened);
    for (struct exchange *x; (x = take(p));) {
        x->next = p->app->handle_slow(thread, x);
        if (x->next == NET_COMMIT) {
            struct list one;
            list_init(&one);
            list_push_back(&one, &x->link);
            committer_put(p->committer, &one, 1);
        } else {
            worker_post_batch(&x, 1);
        }
    }
    p->app->thread_close(thread);
    return NULL;
}

void pool_start(struct pool *p, pthread_barrier_t *opened)
{
    p->opened = opened;
    p->threads = calloc((size_t)p->threads_n + 1, sizeof(pthread_t));
    if (!p->threads)
        fatal("out of memory");
    for (int i = 0; i < p->threads_n; i++) {
        if (pthread_create(&p->threads[i], NULL, run, p) != 0)
            fatal("no thread for the pool: too many threads or no memory");
        p->started++;
    }
}

void pool_stop(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->started; i++)
        pthread_join(p->threads[i], NULL);
    p->started = 0;
}

void pool_free(struct pool *p)
{
    free(p->threads);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
}
