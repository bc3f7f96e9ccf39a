/* answer: one send(2) in nearly every case; EPOLLOUT only when the socket would block.
 *
 * The bytes lie in the exchange's arena, so they are wiped with it. A client that reads slowly
 * has WRITE_MS for the whole answer, not for each piece.
 */
#include "net/answer.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/state.h"

enum { HEAD_ROOM = 256, OUT_MAX = LIMIT_RESPONSE + 65536 };

static ssize_t put(struct conn *c, const void *p, size_t n)
{
    return c->tls ? tls_send(c->tls, p, n) : send(c->fd, p, n, MSG_NOSIGNAL);
}

void answer_flush(struct conn *c)
{
    struct exchange *x = &c->slot->x;
    const struct buf *out = &c->slot->out;
    while (x->sent_bytes < out->n) {
        ssize_t n = put(c, out->p + x->sent_bytes, out->n - x->sent_bytes);
        if (n > 0) {
            x->sent_bytes += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (c->deadline.phase != DEADLINE_WRITE) {
                conn_enter(c, DEADLINE_WRITE);
            }
            conn_watch_write(c);
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
    size_t n = HEAD_ROOM + res->headers.n + res->body.n;
    for (size_t i = 0; i < res->holes_n; i++) {
        n += res->holes[i].text.n;
    }
    if (res->headers.overflow || res->body.overflow || n > OUT_MAX) {
        return false;
    }
    buf_init(&s->out, &s->x.arena, n, OUT_MAX);
    http_res_write(&s->out, res, s->x.req.method == HTTP_HEAD, keep_alive, c->worker->date);
    return !s->out.overflow;
}

void answer_send(struct conn *c)
{
    struct exchange *x = &c->slot->x;
    /* RFC 9112 9.6: the last answer says that it is. */
    bool keep_alive = x->req.keep_alive && !x->res.close && !c->worker->stopping &&
                      c->requests < LIMIT_REQUESTS_PER_CONNECTION;
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
        x->req.peer = str_from(c->peer);
        x->req.tls = c->tls != NULL;
        x->req.admin = c->admin;
    } else {
        http_res_reset(&x->res);
    }
    c->worker->net->app.refuse(c->worker->app, x, e, reason);
    x->res.close |= closing;
    answer_send(c);
}

bool answer_continue(struct conn *c)
{
    static const str line = STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    c->slot->continue_sent = true;
    return put(c, line.p, line.n) == (ssize_t)line.n;
}
