/* worker: waits for events, lets each connection go on, posts to the committer, sleeps.
 *
 * A turn: end what the last one closed, have the signer asked what requests want to know, have
 * signed what wants it, hand the outbox to the committer (one lock, one wake-up for all requests of
 * the turn), let the application flush its log, sleep; then the events, the connections that had
 * more bytes than their share, the deadlines.
 *
 * Connections are watched edge-triggered and registered once, so a request on an open connection
 * costs epoll_wait, recv and send. The wake-up eventfd is edge-triggered too and never read: each
 * write to it is an edge.
 *
 * Before a stop there may be a time (net.leaving, delay_ms) in which all goes on but that answers
 * say Connection: close (answer.c). Nothing is closed in it that would not be closed anyway: a
 * balancer that does not know yet may be sending a request on any connection that it holds.
 *
 * A stop (net.stopping): everything in the accept backlog is accepted, and new clients are not
 * answered; when the handshakes that had begun are over (HUSH_MS), what they led to is accepted and
 * the listeners close, else the kernel would reset those connections; idle connections get a moment
 * (DEADLINE_STOP) for a request that was already on its way; each answer carries Connection: close;
 * the loop ends with the last connection. Those that have not
 * ended after drain_ms are cut, except while their request is with the committer or in a pool:
 * its effects are on their way, so its answer is waited for.
 */
#include "net/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/accept.h"
#include "net/conn.h"
#include "net/queue.h"
#include "net/state.h"

enum { EVENTS = 128, TRIM_MS = 1000, HUSH_MS = 50 };

void worker_watch_listeners(struct worker *w, bool on)
{
    for (size_t i = 0; i < w->sources_n; i++) {
        struct source *s = &w->sources[i];
        struct epoll_event e = {.events = EPOLLIN | (s->shared ? EPOLLEXCLUSIVE : 0u),
                                .data.ptr = s};
        epoll_ctl(w->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, s->fd, &e);
    }
}

static void init_lists(struct worker *w)
{
    slot_init(&w->slots);
    deadline_init(&w->deadlines, w->net->deadline_ms);
    list_init(&w->again);
    list_init(&w->dead);
    list_init(&w->asking);
    list_init(&w->signing);
    list_init(&w->outbox);
    list_init(&w->done);
    pthread_mutex_init(&w->lock, NULL);
}

bool worker_open(struct worker *w, struct net *n, int index)
{
    w->net = n;
    w->index = index;
    w->wake = WATCH_WAKE;
    w->date_s = -1;
    init_lists(w);
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    w->sources_n = n->options.listens_n;
    w->sources = calloc(w->sources_n + 1, sizeof(*w->sources));
    if (w->epoll_fd < 0 || w->event_fd < 0 || w->reserve_fd < 0 || !w->sources)
        return false;
    for (size_t i = 0; i < w->sources_n; i++) {
        struct source *s = &w->sources[i];
        s->watch = WATCH_LISTENER;
        s->listener = &n->listeners[i];
        s->fd = listen_fd(s->listener, index, &s->shared);
    }
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = &w->wake};
    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->event_fd, &e) == 0;
}

void worker_wake(struct worker *w)
{
    uint64_t one = 1;
    ssize_t n;
    do
        n = write(w->event_fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR); /* else it fails only when 2^64-1 wake-ups are pending */
}

void worker_post_batch(struct exchange **batch, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!batch[i])
            continue;
        struct worker *w = batch[i]->worker;
        pthread_mutex_lock(&w->lock);
        bool asleep = list_empty(&w->done); /* else a wake-up is pending already */
        for (size_t j = i; j < n; j++) {
            if (batch[j] && batch[j]->worker == w) {
                list_push_back(&w->done, &batch[j]->link);
                batch[j] = NULL;
            }
        }
        pthread_mutex_unlock(&w->lock);
        if (asleep)
            worker_wake(w);
    }
}

/* Takes back what committer and pools are done with. */
static void take_done(struct worker *w)
{
    struct list done, *l;
    list_init(&done);
    pthread_mutex_lock(&w->lock);
    queue_move(&done, &w->done);
    pthread_mutex_unlock(&w->lock);
    while ((l = queue_take(&done)))
        conn_completed(LIST_ENTRY(l, struct exchange, link));
}

static void take_time(struct worker *w)
{
    static const struct clock system_clock;
    int64_t now_s = clock_now_s(&system_clock);
    w->now_ms = clock_mono_ms();
    if (now_s != w->date_s) {
        w->date_s = now_s;
        clock_http_date(now_s, w->date);
    }
}

/* A request may be on its way to an idle connection: a moment for it. */
static void end_idle(struct worker *w)
{
    struct list *idle = &w->deadlines.waiting[DEADLINE_IDLE];
    while (!list_empty(idle)) {
        struct deadline_entry *e = LIST_ENTRY(idle->next, struct deadline_entry, link);
        deadline_set(&w->deadlines, e, DEADLINE_STOP, w->now_ms);
    }
}

static void begin_stop(struct worker *w)
{
    bool hushed = false;
    take_time(w);
    if (w->paused_ms == 0)
        worker_watch_listeners(w, false);
    w->paused_ms = 0;
    w->stopping = true;
    for (size_t i = 0; i < w->sources_n; i++) {
        hushed |= listen_hush(w->sources[i].listener, w->index);
        accept_rest(w, &w->sources[i]);
    }
    w->closing_ms = w->now_ms + (hushed ? HUSH_MS : 0);
    w->cut_ms = w->now_ms + w->net->options.drain_ms;
    end_idle(w);
}

/* The handshakes that had begun are over by now. */
static void close_listeners(struct worker *w)
{
    for (size_t i = 0; i < w->sources_n; i++) {
        accept_rest(w, &w->sources[i]);
        listen_leave(w->sources[i].listener, w->index);
    }
    w->sources_n = 0;
    end_idle(w);
}

/* The time for a graceful stop is over. */
static void cut(struct worker *w)
{
    struct pool *pools[] = {&w->net->pool, &w->net->readers};
    for (size_t i = 0; i < sizeof(pools) / sizeof(*pools); i++)
        for (struct exchange *x; (x = pool_cancel(pools[i], w));)
            conn_cancelled(x);
    for (int phase = 0; phase < DEADLINE_QUEUED; phase++) {
        struct list *l = &w->deadlines.waiting[phase];
        while (!list_empty(l)) {
            if (phase == DEADLINE_WRITE || phase == DEADLINE_LATE)
                atomic_fetch_add(&w->net->unanswered, 1);
            conn_close(LIST_ENTRY(l->next, struct conn, deadline.link));
        }
    }
}

static void dispatch(struct worker *w, const struct epoll_event *e)
{
    enum watch *watch = e->data.ptr;
    switch (*watch) {
    case WATCH_LISTENER:
        accept_ready(w, (struct source *)watch);
        break;
    case WATCH_WAKE:
        take_done(w);
        break;
    case WATCH_CONNECTION:
        conn_event((struct conn *)watch, e->events);
        break;
    }
}

static int earlier(int timeout, int64_t at_ms, int64_t now_ms)
{
    int64_t ms = at_ms > now_ms ? at_ms - now_ms : 0;
    return timeout < 0 || ms < timeout ? (int)ms : timeout;
}

/* How long the loop may sleep, in ms; -1: until something happens. */
static int timeout(const struct worker *w)
{
    if (!list_empty(&w->again) || !list_empty(&w->asking) || !list_empty(&w->signing))
        return 0;
    int ms = deadline_timeout(&w->deadlines, w->now_ms);
    if (w->paused_ms)
        ms = earlier(ms, w->paused_ms, w->now_ms);
    if (w->stopping && w->sources_n > 0)
        ms = earlier(ms, w->closing_ms, w->now_ms);
    if (w->stopping && w->now_ms < w->cut_ms)
        ms = earlier(ms, w->cut_ms, w->now_ms);
    if (slot_wants_trim(&w->slots))
        ms = earlier(ms, w->now_ms + TRIM_MS, w->now_ms);
    return ms;
}

void worker_ask_later(struct worker *w, struct exchange *x)
{
    list_push_back(&w->asking, &x->link);
}

void worker_sign_later(struct worker *w, struct exchange *x)
{
    list_push_back(&w->signing, &x->link);
}

/* What waits in the queue goes to the application by few calls, since one may wait for another
 * process; then each is gone on with. Requests that lie behind one of these on its connection begin
 * now; what they want is for the next turn, or one client's pipeline could hold up all others. */
static void call_for(struct worker *w, struct list *queue,
                     void (*call)(void *thread, struct exchange **batch, size_t n),
                     void (*go_on)(struct exchange *x))
{
    struct exchange *batch[NET_CALL_MAX];
    struct list now, *l;
    list_init(&now);
    queue_move(&now, queue);
    while (!list_empty(&now)) {
        size_t n = 0;
        while (n < NET_CALL_MAX && (l = queue_take(&now)))
            batch[n++] = LIST_ENTRY(l, struct exchange, link);
        call(w->app, batch, n);
        for (size_t i = 0; i < n; i++)
            go_on(batch[i]);
    }
}

static void hand_over(struct worker *w)
{
    if (!list_empty(&w->outbox))
        committer_put(&w->net->committer, &w->outbox);
}

/* The end of a turn: everything that others wait for, then what can wait. */
static void settle(struct worker *w)
{
    struct list *l;
    if (!list_empty(&w->asking)) {
        hand_over(w); /* what is done need not wait for that */
        call_for(w, &w->asking, w->net->app.ask, conn_completed);
    }
    call_for(w, &w->signing, w->net->app.sign, conn_signed);
    hand_over(w);
    w->net->app.idle(w->app);
    while ((l = queue_take(&w->dead)))
        free(LIST_ENTRY(l, struct conn, ready));
}

static void turn(struct worker *w)
{
    struct epoll_event events[EVENTS];
    struct list again, *l;
    int n = epoll_wait(w->epoll_fd, events, EVENTS, timeout(w));
    take_time(w);
    for (int i = 0; i < n; i++)
        dispatch(w, &events[i]);
    list_init(&again);
    queue_move(&again, &w->again);
    while ((l = queue_take(&again)))
        conn_advance(LIST_ENTRY(l, struct conn, ready));
    for (struct deadline_entry *e; (e = deadline_passed(&w->deadlines, w->now_ms));)
        conn_expire(LIST_ENTRY(e, struct conn, deadline));
    if (w->paused_ms && w->now_ms >= w->paused_ms)
        accept_resume(w);
    memory_look(w);
    if (n == 0)
        slot_trim(&w->slots);
}

/* The proof of life that net_pulse looks for. */
static void live(struct worker *w)
{
    unsigned now = atomic_load_explicit(&w->net->pulse, memory_order_relaxed);
    atomic_store_explicit(&w->pulse, now, memory_order_relaxed);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    struct net *net = w->net;
    char name[24];
    snprintf(name, sizeof(name), "worker-%d", w->index);
    w->app = net->app.thread_open(net->app.app, name);
    if (!w->app)
        fatal("%s could not open what it needs", name);
    pthread_barrier_wait(&net->opened);
    pthread_barrier_wait(&net->announced);
    take_time(w);
    worker_watch_listeners(w, true);
    while (!w->stopping || w->connections > 0 || w->sources_n > 0) {
        turn(w);
        live(w);
        w->leaving = atomic_load_explicit(&net->leaving, memory_order_relaxed);
        if (!w->stopping && atomic_load(&net->stopping))
            begin_stop(w);
        if (w->stopping && w->sources_n > 0 && w->now_ms >= w->closing_ms)
            close_listeners(w);
        if (w->stopping && w->now_ms >= w->cut_ms)
            cut(w);
        settle(w);
    }
    atomic_store_explicit(&w->pulse, WORKER_ENDED, memory_order_relaxed);
    net->app.thread_close(w->app);
    return NULL;
}

void worker_start(struct worker *w)
{
    if (pthread_create(&w->thread, NULL, run, w) != 0)
        fatal("no thread for worker %d: too many threads or no memory", w->index);
}

void worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
}

void worker_close(struct worker *w)
{
    int fds[] = {w->epoll_fd, w->event_fd, w->reserve_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    slot_free_all(&w->slots);
    free(w->sources);
    pthread_mutex_destroy(&w->lock);
}
