/* answer: one send(2) in nearly every case; EPOLLOUT only when the socket would block.
 *
 * The bytes lie in the exchange's arena, so they are wiped with it; a large body is sent from where
 * the handler wrote it. A client that reads slowly has WRITE_MS for the whole answer, not for each
 * piece, and all such clients together hold LIMIT_UNSENT bytes of memory at most: asking for large
 * answers and not reading them is cheap, so what would go beyond that is cut off.
 */
#include "net/answer.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/state.h"

enum { HEAD_ROOM = 256, OUT_MAX = LIMIT_RESPONSE + 65536, COPY_MAX = 16384, SAY_MS = 10000 };

static ssize_t put(struct conn *c, str s, bool more)
{
    return c->tls ? tls_send(c->tls, s.p, s.n)
                  : send(c->fd, s.p, s.n, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}

/* ---- answers that wait ---- */

/* At most once in SAY_MS, whoever comes first: such a flood shall not become one of log lines. */
static void say_unread(struct net *n, int64_t now_ms)
{
    long long said = atomic_load(&n->unread_said_ms);
    if ((said == 0 || now_ms - said >= SAY_MS) &&
        atomic_compare_exchange_strong(&n->unread_said_ms, &said, now_ms)) {
        log_note(LOG_WARN, "unread",
                 "clients do not read their answers, which hold %ld bytes; further connections "
                 "that do not are closed (%ld so far)",
                 atomic_load(&n->unsent), atomic_load(&n->unread));
    }
}

/* Takes what the exchange holds from the budget; false when that is used up. */
static bool reserve(struct conn *c)
{
    struct net *net = c->worker->net;
    struct slot *s = c->slot;
    s->unsent = s->x.arena.total + s->size;
    long held = atomic_fetch_add(&net->unsent, (long)s->unsent) + (long)s->unsent;
    if (held <= net->unsent_max)
        return true;
    answer_release(c);
    atomic_fetch_add(&net->unread, 1);
    say_unread(net, c->worker->now_ms);
    return false;
}

void answer_release(struct conn *c)
{
    if (c->slot->unsent > 0) {
        atomic_fetch_sub(&c->worker->net->unsent, (long)c->slot->unsent);
        c->slot->unsent = 0;
    }
}

/* The socket takes no more now. */
static void wait_for_room(struct conn *c)
{
    if (c->deadline.phase != DEADLINE_WRITE) {
        if (!reserve(c)) {
            conn_close(c);
            return;
        }
        conn_enter(c, DEADLINE_WRITE);
    }
    conn_watch_write(c);
}

/* ---- sending ---- */

/* The piece that comes next and is not empty, without what was sent of it. False: all was sent. */
static bool next_piece(const struct slot *s, str *out, bool *more)
{
    size_t skip = s->x.sent_bytes;
    for (size_t i = 0; i <= s->pieces_n; i++) {
        str piece = i == 0 ? buf_str(&s->out) : s->pieces[i - 1];
        if (skip < piece.n) {
            *out = str_sub(piece, skip, piece.n);
            *more = i < s->pieces_n;
            return true;
        }
        skip -= piece.n;
    }
    return false;
}

void answer_flush(struct conn *c)
{
    struct exchange *x = &c->slot->x;
    str piece;
    bool more;
    while (next_piece(c->slot, &piece, &more)) {
        ssize_t n = put(c, piece, more);
        if (n > 0) {
            x->sent_bytes += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            wait_for_room(c);
            return;
        } else if (n == 0 || errno != EINTR) {
            conn_close(c);
            return;
        }
    }
    conn_answered(c);
}

/* The response as bytes; false when something in it did not fit. */
static bool write_out(struct conn *c, bool keep_alive)
{
    struct slot *s = c->slot;
    const struct http_res *res = &s->x.res;
    bool head_only = s->x.req.method == HTTP_HEAD;
    s->pieces_n = 0;
    size_t n = HEAD_ROOM + res->headers.n, body_n = http_res_length(res);
    if (res->headers.overflow || res->body.overflow || n + body_n > OUT_MAX)
        return false;
    if (body_n > COPY_MAX) {
        buf_init(&s->out, &s->x.arena, n, OUT_MAX);
        http_res_write_head(&s->out, res, keep_alive, c->worker->date);
        s->pieces_n = http_res_pieces(res, head_only, s->pieces);
    } else {
        buf_init(&s->out, &s->x.arena, n + body_n, OUT_MAX);
        http_res_write(&s->out, res, head_only, keep_alive, c->worker->date);
    }
    return !s->out.overflow;
}

/* RFC 9112 9.6: the last answer says that it is.
 *
 * While the server is leaving (net.leaving) each answer is the last one of its connection, unless
 * the next request is at hand already. The client that reads "close" knows before it sends the next
 * one; a connection that it holds idle must be closed without telling, which may cross a request.
 * So as many connections as possible end in this way: those of a balancer whose health checks are
 * slow, and those that a balancer below HTTP or a client without one would keep here. It costs them
 * a new connection for each request until they look elsewhere. */
static bool keeps_alive(const struct conn *c)
{
    const struct slot *s = c->slot;
    bool more = s->start + s->parser.consumed < s->n;
    return s->x.req.keep_alive && !s->x.res.close && !c->worker->stopping &&
           (!c->worker->leaving || more) && c->requests < LIMIT_REQUESTS_PER_CONNECTION;
}

void answer_send(struct conn *c)
{
    struct exchange *x = &c->slot->x;
    bool keep_alive = keeps_alive(c);
    bool ok = write_out(c, keep_alive);
    if (!ok) {
        log_note(LOG_ERROR, "response", "an answer is larger than %d bytes and was not sent",
                 LIMIT_RESPONSE);
        http_res_reset(&x->res);
        c->worker->net->app.refuse(c->worker->app, x, ERR_SERVER_ERROR, "The answer is too large.");
        ok = write_out(c, keep_alive);
    }
    c->closing = !keep_alive;
    c->linger = !keep_alive && (x->req.keep_alive || x->res.close);
    if (!ok) {
        conn_close(c);
        return;
    }
    answer_flush(c);
}

void answer_refuse(struct conn *c, enum err e, const char *reason, bool closing)
{
    struct exchange *x = &c->slot->x;
    if (!c->working) {
        c->working = true;
        x->start_us = clock_mono_us();
        http_res_init(&x->res, &x->arena);
        origin_request(c, x);
    } else {
        http_res_reset(&x->res);
    }
    c->worker->net->app.refuse(c->worker->app, x, e, reason);
    x->res.close |= closing;
    /* The message was malformed, too large or too slow. */
    if (closing && err_info(e)->status < 500)
        x->proof = NET_PROOF_BAD;
    answer_send(c);
}

void answer_refuse_source(struct conn *c, int retry_s, bool closing)
{
    struct exchange *x = &c->slot->x;
    http_res_reset(&x->res);
    c->worker->net->app.refuse(c->worker->app, x, ERR_TOO_MANY_REQUESTS,
                               "Too many failures came from this address.");
    http_res_header(&x->res, STR("Retry-After"), arena_printf(&x->arena, "%d", retry_s));
    x->res.close |= closing;
    answer_send(c);
}

bool answer_continue(struct conn *c)
{
    static const str line = STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    c->slot->continue_sent = true;
    return put(c, line, false) == (ssize_t)line.n;
}
