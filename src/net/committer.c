/* committer: takes everything that is queued as one batch, commits it, posts it back.
 *
 * While a commit runs (a sync to disk) the next batch gathers by itself, so there is no waiting
 * for company and no timer: alone a request is committed at once, under load a batch is what came
 * in during the commit before. Workers queue once per turn of their loop, and are woken once per
 * batch at most. After a full batch the thread yields for 50 us so that a writer outside (the
 * command line on the same SQLite file) gets its turn.
 *
 * The queue is bounded, and what waits in it too long is taken out by its worker (conn.c) or its
 * pool thread, not by this thread: this one may be stuck in a commit while the store hangs, and
 * that is when it matters. What was taken out has not begun, so its refusal is certain.
 *
 * Left out on purpose: whatever a commit is. That is the application's.
 */
#include "net/committer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/queue.h"
#include "net/slot.h"
#include "net/worker.h"

enum { TICK_MS = 200, YIELD_NS = 50000 };

void committer_init(struct committer *c, const struct net_app *app, const struct net_options *o)
{
    pthread_condattr_t monotonic;
    c->app = app;
    c->batch_max = o->batch_max > 0 ? o->batch_max : 1;
    c->queue_max = o->commit_queue_max;
    c->patience_ms = o->patience_ms;
    c->running = false;
    c->stop = c->tick_soon = false;
    list_init(&c->queue);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &monotonic);
    pthread_cond_init(&c->durable, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool committer_admit(struct committer *c, struct exchange *x)
{
    long before = atomic_fetch_add_explicit(&c->queued, 1, memory_order_relaxed);
    if (c->queue_max > 0 && before >= c->queue_max) {
        atomic_fetch_sub_explicit(&c->queued, 1, memory_order_relaxed);
        return false;
    }
    slot_of(x)->queued = true;
    return true;
}

void committer_put(struct committer *c, struct list *exchanges)
{
    pthread_mutex_lock(&c->lock);
    queue_move(&c->queue, exchanges);
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

/* Under the lock. False: its commit has begun, or is over. */
static bool leave(struct committer *c, struct slot *slot)
{
    if (!slot->queued)
        return false;
    slot->queued = false;
    list_remove(&slot->x.link);
    atomic_fetch_sub_explicit(&c->queued, 1, memory_order_relaxed);
    return true;
}

bool committer_drop(struct committer *c, struct exchange *x)
{
    pthread_mutex_lock(&c->lock);
    bool left = leave(c, slot_of(x));
    pthread_mutex_unlock(&c->lock);
    return left;
}

static struct timespec at(int64_t ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

/* Under the lock: until the commit is over, or patience is and the commit has not begun (false). */
static bool await(struct committer *c, struct slot *slot)
{
    struct timespec until = at(clock_mono_ms() + c->patience_ms);
    bool patient = c->patience_ms <= 0, late = patient;
    while (!slot->committed && !late)
        late = pthread_cond_timedwait(&c->durable, &c->lock, &until) == ETIMEDOUT;
    if (!patient && leave(c, slot))
        return false;
    while (!slot->committed)
        pthread_cond_wait(&c->durable, &c->lock);
    return true;
}

bool committer_put_wait(struct committer *c, struct exchange *x)
{
    struct slot *slot = slot_of(x);
    if (!committer_admit(c, x))
        return false;
    pthread_mutex_lock(&c->lock);
    slot->synchronous = true;
    slot->committed = false;
    list_push_back(&c->queue, &x->link);
    pthread_cond_signal(&c->wake);
    bool over = await(c, slot);
    slot->synchronous = false;
    pthread_mutex_unlock(&c->lock);
    return over;
}

void committer_tick_soon(struct committer *c)
{
    pthread_mutex_lock(&c->lock);
    c->tick_soon = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

/* Waits for work until tick_ms; takes up to batch_max exchanges. False when all is done. */
static bool take(struct committer *c, int64_t tick_ms, struct exchange **batch, size_t *n)
{
    struct timespec until = at(tick_ms);
    int timed_out = 0;
    pthread_mutex_lock(&c->lock);
    while (list_empty(&c->queue) && !c->stop && !c->tick_soon && !timed_out)
        timed_out = pthread_cond_timedwait(&c->wake, &c->lock, &until);
    *n = 0;
    while (*n < (size_t)c->batch_max && !list_empty(&c->queue)) {
        batch[*n] = LIST_ENTRY(queue_take(&c->queue), struct exchange, link);
        slot_of(batch[(*n)++])->queued = false;
    }
    atomic_fetch_sub_explicit(&c->queued, (long)*n, memory_order_relaxed);
    bool more = *n > 0 || !c->stop;
    pthread_mutex_unlock(&c->lock);
    return more;
}

/* Lets the pool threads of synchronous exchanges go on; the others go back to their workers. */
static void post(struct committer *c, struct exchange **batch, size_t n)
{
    bool waiting = false;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < n; i++) {
        struct slot *slot = slot_of(batch[i]);
        batch[i]->next = NET_DURABLE;
        if (slot->synchronous) {
            slot->committed = waiting = true;
            batch[i] = NULL;
        }
    }
    if (waiting)
        pthread_cond_broadcast(&c->durable);
    pthread_mutex_unlock(&c->lock);
    worker_post_batch(batch, n);
}

static bool take_tick(struct committer *c)
{
    pthread_mutex_lock(&c->lock);
    bool soon = c->tick_soon;
    c->tick_soon = false;
    pthread_mutex_unlock(&c->lock);
    return soon;
}

static void *run(void *arg)
{
    struct committer *c = arg;
    struct exchange **batch = calloc((size_t)c->batch_max, sizeof(struct exchange *));
    int64_t tick_ms = clock_mono_ms() + TICK_MS;
    size_t n;
    if (!batch)
        fatal("out of memory");
    while (take(c, tick_ms, batch, &n)) {
        if (n > 0) {
            c->app->commit(c->app->app, batch, n);
            atomic_fetch_add_explicit(&c->batches, 1, memory_order_relaxed);
            post(c, batch, n);
        }
        if (n == (size_t)c->batch_max)
            nanosleep(&(struct timespec){.tv_nsec = YIELD_NS}, NULL);
        bool soon = take_tick(c);
        if (soon || clock_mono_ms() >= tick_ms) {
            c->app->tick(c->app->app);
            tick_ms = clock_mono_ms() + TICK_MS;
        }
    }
    free(batch);
    return NULL;
}

void committer_start(struct committer *c)
{
    if (pthread_create(&c->thread, NULL, run, c) != 0)
        fatal("no thread for the committer: too many threads or no memory");
    c->running = true;
}

void committer_stop(struct committer *c)
{
    if (!c->running)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    c->running = false;
}

void committer_free(struct committer *c)
{
    pthread_cond_destroy(&c->wake);
    pthread_cond_destroy(&c->durable);
    pthread_mutex_destroy(&c->lock);
}
