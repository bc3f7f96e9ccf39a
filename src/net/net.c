/* net: puts the parts together, starts the threads, waits for the word to stop.
 *
 * The thread that calls net_run does no work of its own: it sleeps on an eventfd that net_stop and
 * net_reload (signal handlers) write to. The threads are started with all signals blocked, so a
 * signal finds the caller's thread. A stop runs from the outside in: workers first (nothing comes
 * in, everything is answered), then the pools, then the committer with an empty queue.
 *
 * With options.delay_ms a stop begins with a time in which the application says that it leaves
 * (/readyz) and is served as before, so that a balancer finds out before anything is closed: one
 * that does not retry loses what it sends to a socket that is closing.
 */
#include "net/net.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/state.h"

/* Hashing takes what the others leave; who waits for the store does not. */
static const struct pool_kind hashes = {"pool", 19}, readers = {"reader", 0};

/* A quarter of all connections may be in their handshakes, but not too few. */
enum { HANDSHAKE_SHARE = 4, HANDSHAKES_MIN = 16 };

static int cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    return 1;
}

static bool open_tls(struct net *n, char *why, size_t why_size)
{
    for (size_t i = 0; i < n->options.listens_n; i++) {
        if (n->options.listens[i].tls) {
            n->tls = tls_open(n->options.tls_certificate, n->options.tls_key, why, why_size);
            return n->tls != NULL;
        }
    }
    return true;
}

struct net_sockets {
    struct listener *listeners; /* one per address */
    size_t n;
};

int net_workers(const struct net_options *options)
{
    return options->workers > 0 ? options->workers : cores();
}

struct net_sockets *net_bind(const struct net_options *options, char *why, size_t why_size)
{
    struct net_sockets *s = calloc(1, sizeof(*s));
    if (s)
        s->listeners = calloc(options->listens_n + 1, sizeof(*s->listeners));
    if (!s || !s->listeners) {
        snprintf(why, why_size, "out of memory");
        free(s);
        return NULL;
    }
    for (; s->n < options->listens_n; s->n++) {
        if (!listen_open(&s->listeners[s->n], &options->listens[s->n], net_workers(options), why,
                         why_size)) {
            for (size_t i = 0; i < s->n; i++)
                listen_close(&s->listeners[i]);
            free(s->listeners);
            free(s);
            return NULL;
        }
    }
    return s;
}

size_t net_bound_fds(const struct net_sockets *s, int *fds, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        for (int k = 0; k < s->listeners[i].fds_n; k++, n++)
            if (n < room)
                fds[n] = s->listeners[i].fds[k];
    return n;
}

void net_unbind(struct net_sockets *s)
{
    for (size_t i = 0; i < s->n; i++)
        listen_abandon(&s->listeners[i]);
}

void net_unlink(struct net_sockets *s)
{
    for (size_t i = 0; i < s->n; i++)
        listen_unlink(&s->listeners[i]);
}

static bool open_listeners(struct net *n, char *why, size_t why_size)
{
    struct net_sockets *s = n->options.sockets;
    if (!s && !(s = net_bind(&n->options, why, why_size)))
        return false;
    n->listeners = s->listeners;
    free(s);
    n->options.sockets = NULL;
    return true;
}

static bool open_workers(struct net *n, char *why, size_t why_size)
{
    struct worker *workers = calloc((size_t)n->workers_n, sizeof(*workers));
    int wanted = n->workers_n;
    n->workers = workers;
    n->workers_n = 0; /* net_close closes those that were opened, also half */
    n->handshakes_max = n->options.connections_max / HANDSHAKE_SHARE / wanted;
    if (n->handshakes_max < HANDSHAKES_MIN)
        n->handshakes_max = HANDSHAKES_MIN;
    for (int i = 0; workers && i < wanted; i++) {
        n->workers_n++;
        if (!worker_open(&workers[i], n, i))
            workers = NULL;
    }
    if (!workers) {
        snprintf(why, why_size, "cannot start %d workers: %s", wanted, strerror(errno));
        return false;
    }
    return true;
}

static struct net *create(const struct net_options *options, const struct net_app *app)
{
    struct net *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->app = *app;
    n->options = *options;
    deadline_defaults(n->deadline_ms);
    n->unsent_max = LIMIT_UNSENT;
    n->deadline_ms[DEADLINE_LATE] = options->late_ms;
    n->deadline_ms[DEADLINE_QUEUED] = options->patience_ms;
    committer_init(&n->committer, &n->app, options);
    pool_init(&n->pool, &n->app, &hashes, options->pool_threads, options->pool_queue_max);
    pool_init(&n->readers, &n->app, &readers, options->readers, options->read_queue_max);
    n->control_fd = eventfd(0, EFD_CLOEXEC);
    const struct penalty_options penalties = {options->sources.threshold, options->sources.window_s,
                                              options->sources.connections_max, app->penalised,
                                              app->app};
    memory_open(&n->memory, options->memory_max);
    n->penalties = penalty_open(&penalties);
    return n;
}

struct net *net_open(const struct net_options *options, const struct net_app *app, char *why,
                     size_t why_size)
{
    struct net *n = create(options, app);
    if (!n || n->control_fd < 0 || !n->penalties) {
        snprintf(why, why_size, "cannot start: %s", strerror(errno));
        if (n)
            net_close(n);
        return NULL;
    }
    n->workers_n = net_workers(options);
    if (!open_tls(n, why, why_size) || !open_listeners(n, why, why_size) ||
        !open_workers(n, why, why_size)) {
        if (!n->workers)
            n->workers_n = 0;
        net_close(n);
        return NULL;
    }
    return n;
}

const char *net_address(const struct net *n, size_t listen)
{
    return n->listeners[listen].address;
}

static void start(struct net *n)
{
    sigset_t all, before;
    unsigned threads = (unsigned)(n->workers_n + n->pool.threads_n + n->readers.threads_n);
    if (pthread_barrier_init(&n->opened, NULL, threads + 1) != 0 ||
        pthread_barrier_init(&n->announced, NULL, (unsigned)n->workers_n + 1) != 0)
        fatal("out of memory");
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    committer_start(&n->committer);
    pool_start(&n->pool, &n->opened);
    pool_start(&n->readers, &n->opened);
    for (int i = 0; i < n->workers_n; i++)
        worker_start(&n->workers[i]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_barrier_wait(&n->opened);
    if (n->app.ready)
        n->app.ready(n->app.app);
    pthread_barrier_wait(&n->announced);
}

static void reload(struct net *n)
{
    char why[512];
    if (n->app.reload)
        n->app.reload(n->app.app);
    if (n->tls) {
        if (tls_reload(n->tls, why, sizeof(why)))
            log_note(LOG_INFO, "tls", "the certificate was read again");
        else
            log_note(LOG_ERROR, "tls", "the old certificate goes on: %s", why);
    }
    committer_tick_soon(&n->committer);
}

/* Reloads when told to, until a stop is asked for, or for ms (-1: however long that takes). */
static void await_stop(struct net *n, int ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    struct pollfd control = {.fd = n->control_fd, .events = POLLIN};
    uint64_t wakes;
    while (!atomic_exchange(&n->stop, false)) {
        int64_t left_ms = until_ms - clock_mono_ms();
        if (ms >= 0 && left_ms <= 0)
            return;
        /* EINTR: look again. */
        if (poll(&control, 1, ms < 0 ? -1 : (int)left_ms) > 0) {
            ssize_t got = read(n->control_fd, &wakes, sizeof(wakes));
            (void)got;
        }
        if (atomic_exchange(&n->reload, false))
            reload(n);
    }
}

/* The workers see it before they sleep again. */
static void tell_workers(struct net *n, atomic_bool *flag)
{
    atomic_store(flag, true);
    for (int i = 0; i < n->workers_n; i++)
        worker_wake(&n->workers[i]);
}

static void leave(struct net *n)
{
    if (n->options.delay_ms <= 0)
        return;
    if (n->app.leaving)
        n->app.leaving(n->app.app);
    tell_workers(n, &n->leaving);
    await_stop(n, n->options.delay_ms);
}

int net_run(struct net *n)
{
    start(n);
    await_stop(n, -1);
    leave(n);
    for (size_t i = 0; i < n->options.listens_n; i++)
        listen_unlink(&n->listeners[i]);
    tell_workers(n, &n->stopping);
    for (int i = 0; i < n->workers_n; i++)
        worker_join(&n->workers[i]);
    pool_stop(&n->pool);
    pool_stop(&n->readers);
    committer_stop(&n->committer);
    pthread_barrier_destroy(&n->opened);
    pthread_barrier_destroy(&n->announced);
    return atomic_load(&n->unanswered) == 0 ? 0 : 1;
}

/* For signal handlers: atomics and write(2) only, errno kept. */
static void poke(struct net *n, atomic_bool *flag)
{
    int saved = errno;
    uint64_t one = 1;
    atomic_store(flag, true);
    ssize_t put = write(n->control_fd, &one, sizeof(one));
    (void)put;
    errno = saved;
}

void net_stop(struct net *n)
{
    poke(n, &n->stop);
}

void net_reload(struct net *n)
{
    poke(n, &n->reload);
}

bool net_pulse(struct net *n)
{
    unsigned last = atomic_fetch_add_explicit(&n->pulse, 1, memory_order_relaxed);
    bool alive = true;
    for (int i = 0; i < n->workers_n; i++) {
        unsigned seen = atomic_load_explicit(&n->workers[i].pulse, memory_order_relaxed);
        alive = alive && (seen == last || seen == WORKER_ENDED);
        worker_wake(&n->workers[i]);
    }
    return alive;
}

void net_close(struct net *n)
{
    for (int i = 0; i < n->workers_n; i++)
        worker_close(&n->workers[i]);
    for (size_t i = 0; n->listeners && i < n->options.listens_n; i++)
        listen_close(&n->listeners[i]);
    committer_free(&n->committer);
    pool_free(&n->pool);
    pool_free(&n->readers);
    tls_close(n->tls);
    penalty_close(n->penalties);
    memory_close(&n->memory);
    if (n->control_fd >= 0)
        close(n->control_fd);
    free(n->workers);
    free(n->listeners);
    free(n);
}

void net_stats(const struct net *n, struct net_stats *out)
{
    struct penalty_counts penalties;
    penalty_count(n->penalties, clock_mono_ms(), &penalties);
    out->penalised = penalties.sources;
    out->penalty_requests = penalties.requests;
    out->penalty_connections = penalties.connections;
    out->shed = atomic_load_explicit(&n->memory.shed, memory_order_relaxed);
    out->memory_max = n->memory.max;
    out->crowds = penalties.crowds;
    out->connections = atomic_load_explicit(&n->connections, memory_order_relaxed);
    out->accepted = atomic_load_explicit(&n->accepted, memory_order_relaxed);
    out->refused = atomic_load_explicit(&n->refused, memory_order_relaxed);
    out->unsent = atomic_load_explicit(&n->unsent, memory_order_relaxed);
    out->unread = atomic_load_explicit(&n->unread, memory_order_relaxed);
    out->queue_commit = atomic_load_explicit(&n->committer.queued, memory_order_relaxed);
    out->queue_pool = atomic_load_explicit(&n->pool.queued, memory_order_relaxed);
    out->queue_read = atomic_load_explicit(&n->readers.queued, memory_order_relaxed);
    out->batches = atomic_load_explicit(&n->committer.batches, memory_order_relaxed);
}

bool net_commit_now(struct exchange *x)
{
    return committer_put_wait(&x->worker->net->committer, x);
}
