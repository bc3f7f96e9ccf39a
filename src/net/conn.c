/* conn: bytes in, requests out to the application, answers back; one request at a time.
 *
 * The phase (handshake, idle, head, body, queued, none = being worked on, write, drain) is that of
 * the deadline, which is set when the phase begins. Pipelined requests wait in the buffer and are
 * answered in order; a connection that has many gives way to the others after TURN_REQUESTS.
 *
 * Reads are edge-triggered: `readable` remembers that the socket may have more. A read that
 * returns less than asked for has emptied the socket (epoll(7)), so no second read has to say
 * EAGAIN. TLS reads until OpenSSL says EAGAIN, because it holds records back.
 *
 * An error in the framing ends the connection: the refusal is sent, then our side is shut and
 * what still arrives is thrown away for a moment, since closing with unread bytes would make the
 * kernel send a reset that overtakes the answer (RFC 9112 9.6).
 */
#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ct.h"
#include "base/heap.h"
#include "base/log.h"
#include "net/answer.h"
#include "net/state.h"

enum { TURN_REQUESTS = 32, DRAIN_BYTES = 262144 };

/* A12: beyond options.handshakes_max the oldest gives way, so a flood of halves ends its own, while
 * an honest handshake needs one turn of the line. */
static void begin_handshake(struct conn *c)
{
    struct worker *w = c->worker;
    struct list *l = &w->deadlines.waiting[DEADLINE_HANDSHAKE];
    if (w->handshakes >= w->net->handshakes_max && !list_empty(l)) {
        struct conn *oldest = LIST_ENTRY(l->next, struct conn, deadline.link);
        atomic_fetch_add_explicit(&w->net->refused, 1, memory_order_relaxed);
        origin_fail(oldest);
        conn_close(oldest);
    }
    w->handshakes++;
}

void conn_enter(struct conn *c, enum deadline phase)
{
    if (c->deadline.link.next && c->deadline.phase == DEADLINE_HANDSHAKE)
        c->worker->handshakes--;
    if (phase == DEADLINE_HANDSHAKE)
        begin_handshake(c);
    deadline_set(&c->worker->deadlines, &c->deadline, phase, c->worker->now_ms);
}

/* ---- opening and closing ---- */

static struct conn *create(struct worker *w, int fd)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->watch = WATCH_CONNECTION;
    c->fd = fd;
    c->worker = w;
    list_init(&c->ready);
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) {
        free(c);
        return NULL;
    }
    w->connections++;
    atomic_fetch_add_explicit(&w->net->connections, 1, memory_order_relaxed);
    return c;
}

bool conn_open(struct worker *w, int fd, bool tls, bool admin, const struct origin *origin)
{
    if (heap_is_low())
        return false;
    struct tls_session *session = tls ? tls_accept(w->net->tls, fd) : NULL;
    struct conn *c = tls && !session ? NULL : create(w, fd);
    if (!c) {
        if (session)
            tls_free(session);
        return false;
    }
    c->tls = session;
    c->admin = admin;
    c->origin = *origin;
    c->greets = origin_is_greeted(w, origin, admin);
    conn_enter(c, tls || c->greets ? DEADLINE_HANDSHAKE : DEADLINE_IDLE);
    return true;
}

bool conn_open_refused(struct worker *w, int fd)
{
    struct conn *c = create(w, fd);
    if (!c)
        return false;
    shutdown(fd, SHUT_WR);
    conn_enter(c, DEADLINE_DRAIN);
    return true;
}

static void release_slot(struct conn *c)
{
    if (c->slot) {
        slot_put(&c->worker->slots, c->slot);
        c->slot = NULL;
    }
}

static void report_done(struct conn *c)
{
    if (c->working) {
        c->working = false;
        answer_release(c);
        c->worker->net->app.done(c->worker->app, &c->slot->x);
        origin_judge(c, &c->slot->x);
    }
}

void conn_close(struct conn *c)
{
    struct worker *w = c->worker;
    if (c->dead)
        return;
    report_done(c);
    release_slot(c);
    if (c->tls) {
        tls_free(c->tls);
        c->tls = NULL;
    }
    close(c->fd); /* leaves epoll by that */
    origin_leave(w, &c->origin);
    if (c->deadline.phase == DEADLINE_HANDSHAKE)
        w->handshakes--;
    deadline_remove(&c->deadline);
    list_remove(&c->ready);
    c->dead = true;
    list_push_back(&w->dead, &c->ready);
    w->connections--;
    atomic_fetch_sub_explicit(&w->net->connections, 1, memory_order_relaxed);
}

void conn_watch_write(struct conn *c)
{
    if (c->watching_write)
        return;
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(c->worker->epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
    c->watching_write = true;
}

/* ---- after the last answer ---- */

static void drain(struct conn *c)
{
    char scratch[4096];
    while (c->drained < DRAIN_BYTES) {
        ssize_t n = recv(c->fd, scratch, sizeof(scratch), 0);
        if (n > 0)
            c->drained += (unsigned)n;
        else if (n < 0 && errno == EAGAIN)
            return;
        else if (n == 0 || errno != EINTR)
            break;
    }
    conn_close(c);
}

static void finish(struct conn *c)
{
    bool unread = c->readable || c->slot->start + c->slot->parser.consumed < c->slot->n;
    if (c->tls)
        tls_goodbye(c->tls);
    if (!c->linger && !unread) {
        conn_close(c);
        return;
    }
    release_slot(c);
    shutdown(c->fd, SHUT_WR);
    conn_enter(c, DEADLINE_DRAIN);
    drain(c);
}

void conn_answered(struct conn *c)
{
    struct slot *s = c->slot;
    report_done(c);
    if (c->closing) {
        finish(c);
        return;
    }
    if (s->start + s->parser.consumed == s->n)
        release_slot(c);
    else
        slot_next(s);
    conn_enter(c, DEADLINE_IDLE);
}

/* ---- requests ---- */

static void refuse_busy(struct conn *c)
{
    answer_refuse(c, ERR_UNAVAILABLE, "The server is busy. Try again in a moment.", false);
}

/* The exchange waits for the committer or a reader, and not longer than options.patience_ms: a
 * deadline of its connection like the others, so it passes also while the thread it waits for is
 * stuck, and costs the request no look at the clock. */
static void enter_queue(struct conn *c)
{
    bool patience = c->worker->net->deadline_ms[DEADLINE_QUEUED] > 0;
    conn_enter(c, patience ? DEADLINE_QUEUED : DEADLINE_NONE);
}

static void put_to_committer(struct conn *c)
{
    struct worker *w = c->worker;
    struct exchange *x = &c->slot->x;
    if (!committer_admit(&w->net->committer, x)) {
        refuse_busy(c);
        return;
    }
    enter_queue(c);
    list_push_back(&w->outbox, &x->link);
}

static void put_to_pool(struct conn *c, struct pool *p)
{
    ct_wipe_stack(); /* the handler ran here in vain, and left what it had read */
    if (c->reset)
        conn_close(c); /* nobody would hear the answer */
    else if (!pool_put(p, &c->slot->x))
        refuse_busy(c);
}

static void put_to_readers(struct conn *c)
{
    struct net *net = c->worker->net;
    if (net->options.readers <= 0)
        log_note(LOG_ERROR, "read", "a reader was asked for, and there is none: refused");
    enter_queue(c);
    put_to_pool(c, &net->readers);
}

/* Does with the exchange what the application said. */
static void dispatch(struct conn *c, enum net_next next)
{
    switch (next) {
    case NET_ANSWER:
        if (c->slot->x.late)
            conn_enter(c, DEADLINE_LATE);
        else
            answer_send(c);
        break;
    case NET_ASK:
        conn_enter(c, DEADLINE_NONE);
        worker_ask_later(c->worker, &c->slot->x);
        break;
    case NET_SIGN:
        conn_enter(c, DEADLINE_NONE);
        worker_sign_later(c->worker, &c->slot->x);
        break;
    case NET_COMMIT:
        put_to_committer(c);
        break;
    case NET_READ:
        put_to_readers(c);
        break;
    case NET_POOL:
        conn_enter(c, DEADLINE_NONE);
        put_to_pool(c, &c->worker->net->pool);
        break;
    case NET_DURABLE: /* conn_completed has asked what is next */
    case NET_BUSY:
        refuse_busy(c);
        break;
    }
}

void conn_completed(struct exchange *x)
{
    struct conn *c = x->conn;
    struct worker *w = c->worker;
    dispatch(c, x->next == NET_DURABLE ? w->net->app.resume(w->app, x) : x->next);
    conn_advance(c);
}

void conn_signed(struct exchange *x)
{
    struct conn *c = x->conn;
    dispatch(c, NET_ANSWER);
    conn_advance(c);
}

void conn_cancelled(struct exchange *x)
{
    answer_refuse(x->conn, ERR_UNAVAILABLE, "The server is stopping.", true);
}

static void begin(struct conn *c)
{
    struct worker *w = c->worker;
    struct exchange *x = &c->slot->x;
    x->start_us = clock_mono_us();
    origin_request(c, x);
    x->late = false;
    http_res_init(&x->res, &x->arena);
    c->working = true;
    c->requests++;
    bool closing;
    int wait_s = origin_wait_s(c, x, &closing);
    if (wait_s > 0)
        answer_refuse_source(c, wait_s, closing);
    else
        dispatch(c, w->net->app.handle(w->app, x));
}

static enum http_parse_state look(struct conn *c)
{
    struct slot *s = c->slot;
    s->parsed_n = s->n;
    return http_parse(&s->parser, s->bytes + s->start, s->n - s->start, &s->x.req,
                      c->worker->net->app.body_limit);
}

/* More has to come; the deadline of a phase is set once (security.md A9). */
static void await(struct conn *c, enum deadline phase)
{
    if (c->deadline.phase != phase)
        conn_enter(c, phase);
    const struct http_parser *p = &c->slot->parser;
    if (phase == DEADLINE_BODY && p->expect_continue && !c->slot->continue_sent &&
        !answer_continue(c))
        conn_close(c);
}

static void parse(struct conn *c)
{
    switch (look(c)) {
    case HTTP_PARSE_HEAD:
        await(c, DEADLINE_HEAD);
        break;
    case HTTP_PARSE_BODY:
        await(c, DEADLINE_BODY);
        break;
    case HTTP_PARSE_DONE:
        begin(c);
        break;
    case HTTP_PARSE_ERROR:
        answer_refuse(c, c->slot->parser.error, c->slot->parser.reason, true);
        break;
    }
}

/* Refuses a request that is not complete. Its slices may be old: the buffer may have moved. */
static void refuse_partial(struct conn *c, enum err e, const char *reason)
{
    struct slot *s = c->slot;
    if (s->parser.state == HTTP_PARSE_HEAD)
        http_parse_guess(s->bytes + s->start, s->n - s->start, &s->x.req);
    else
        look(c);
    answer_refuse(c, e, reason, true);
}

static bool is_reading(const struct conn *c)
{
    switch (c->deadline.phase) {
    case DEADLINE_IDLE:
    case DEADLINE_STOP:
    case DEADLINE_HEAD:
    case DEADLINE_BODY:
        return !c->dead;
    case DEADLINE_HANDSHAKE:
    case DEADLINE_WRITE:
    case DEADLINE_LATE:
    case DEADLINE_DRAIN:
    case DEADLINE_QUEUED:
    case DEADLINE_NONE:
    case DEADLINES:
        break;
    }
    return false;
}

/* False: there is no memory for a request, and the connection is closed. */
static bool take_slot(struct conn *c)
{
    if (!c->admin && memory_is_full(c->worker)) {
        memory_refused(c->worker);
        conn_close(c);
        return false;
    }
    c->slot = slot_get(&c->worker->slots);
    if (!c->slot) {
        conn_close(c);
        return false;
    }
    c->slot->x.conn = c;
    c->slot->x.worker = c->worker;
    return true;
}

/* The request needs a larger buffer than it has. */
static void refuse_large(struct conn *c, bool short_of_memory)
{
    if (short_of_memory)
        refuse_partial(c, ERR_UNAVAILABLE, "The server is short of memory. Try again in a moment.");
    else
        refuse_partial(c, ERR_BODY_TOO_LARGE, "The request is too large.");
}

/* Reads once. False: nothing more to do now (no bytes yet, refused, or closed). */
static bool fill(struct conn *c)
{
    if (!c->slot && !take_slot(c))
        return false;
    struct slot *s = c->slot;
    uint64_t lacked = heap_shortages();
    if (s->n == s->size && s->start == 0 && memory_is_tight(c->worker)) {
        memory_refused(c->worker);
        refuse_large(c, true);
        return false;
    }
    size_t room = slot_room(s);
    if (room == 0) {
        refuse_large(c, heap_shortages() != lacked);
        return false;
    }
    char *to = s->bytes + s->n;
    ssize_t n = c->tls ? tls_recv(c->tls, to, room) : recv(c->fd, to, room, 0);
    if (n > 0) {
        s->n += (size_t)n;
        s->dirty = s->n > s->dirty ? s->n : s->dirty;
        c->readable = c->tls || c->hung_up || (size_t)n == room;
        return true;
    }
    if (n < 0 && errno == EINTR)
        return fill(c);
    if (n == 0 || errno != EAGAIN) {
        conn_close(c);
        return false;
    }
    c->readable = false;
    if (s->start == s->n)
        release_slot(c);
    return false;
}

void conn_advance(struct conn *c)
{
    for (int budget = TURN_REQUESTS; is_reading(c); budget--) {
        bool unseen = c->slot && c->slot->parsed_n < c->slot->n;
        if (budget == 0 && (unseen || c->readable)) {
            list_remove(&c->ready); /* it may be there already */
            list_push_back(&c->worker->again, &c->ready);
            return;
        }
        if (!unseen && (!c->readable || !fill(c)))
            return;
        parse(c);
    }
}

/* ---- events ---- */

/* Requests may come. */
static void welcome(struct conn *c)
{
    conn_enter(c, c->worker->stopping ? DEADLINE_STOP : DEADLINE_IDLE);
    conn_advance(c);
}

static void handshake(struct conn *c)
{
    switch (tls_handshake(c->tls)) {
    case TLS_DONE:
        welcome(c);
        break;
    case TLS_WANT_READ:
        break;
    case TLS_WANT_WRITE:
        conn_watch_write(c);
        break;
    case TLS_FAILED:
        origin_fail(c);
        conn_close(c);
        break;
    }
}

/* What comes before the first request: a proxy's preamble, a handshake. */
static void greet(struct conn *c)
{
    switch (c->greets ? origin_greet(c->worker, c->fd, &c->origin) : ORIGIN_GREETED) {
    case ORIGIN_WAIT:
        if (!c->hung_up)
            return;
        break;
    case ORIGIN_GREETED:
        c->greets = false;
        if (c->tls)
            handshake(c);
        else
            welcome(c);
        return;
    case ORIGIN_REFUSED:
        break;
    }
    conn_close(c);
}

void conn_event(struct conn *c, uint32_t events)
{
    if (c->dead)
        return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->readable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->hung_up = true;
    /* Both ways are shut. A client that has only shut its own (EPOLLRDHUP) waits for the answer. */
    if (events & (EPOLLHUP | EPOLLERR))
        c->reset = true;
    switch (c->deadline.phase) {
    case DEADLINE_HANDSHAKE:
        greet(c);
        break;
    case DEADLINE_WRITE:
        answer_flush(c);
        conn_advance(c);
        break;
    case DEADLINE_DRAIN:
        drain(c);
        break;
    case DEADLINE_QUEUED:
    case DEADLINE_NONE:
        /* Slow work that nobody waits for is not begun; what has begun is finished. */
        if (c->reset && pool_drop(&c->slot->x))
            conn_close(c);
        break;
    case DEADLINE_LATE: /* it waits for us */
    case DEADLINES:
        break;
    case DEADLINE_IDLE:
    case DEADLINE_STOP:
    case DEADLINE_HEAD:
    case DEADLINE_BODY:
        conn_advance(c);
        break;
    }
}

/* It has waited too long. Nothing of it has run in the queue that it leaves, so the refusal is
 * certain; what has begun is waited for. */
static void leave_queue(struct conn *c)
{
    struct exchange *x = &c->slot->x;
    if (!pool_drop(x) && !committer_drop(&c->worker->net->committer, x)) {
        conn_enter(c, DEADLINE_NONE);
        return;
    }
    refuse_busy(c);
    conn_advance(c);
}

void conn_expire(struct conn *c)
{
    if (c->deadline.phase == DEADLINE_HEAD || c->deadline.phase == DEADLINE_BODY) {
        refuse_partial(c, ERR_REQUEST_TIMEOUT, "The request did not arrive in time.");
    } else if (c->deadline.phase == DEADLINE_LATE) {
        answer_send(c);
        conn_advance(c);
    } else if (c->deadline.phase == DEADLINE_QUEUED) {
        leave_queue(c);
    } else {
        /* A9: who is slow in a handshake or at taking its answer has failed, too. */
        if (c->deadline.phase == DEADLINE_HANDSHAKE || c->deadline.phase == DEADLINE_WRITE)
            origin_fail(c);
        conn_close(c);
    }
}
