/* accept: takes connections, up to the cap and up to what the system gives.
 *
 * Beyond the cap a connection is accepted, told 503 in plain JSON and closed: a client that hears
 * nothing would retry into the same wall. Administrators' listeners have a few more, and are open
 * while memory is short: whoever watches the server must see it then. Out of descriptors (EMFILE)
 * the worker closes its reserve, accepts with it, says 503, closes, and opens the reserve again, so
 * that a level- triggered listener does not spin (security.md A12). When even that fails it stops
 * listening for a moment. One log line a second says so.
 */
#include "net/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/conn.h"
#include "net/state.h"

enum {
    SHARE = 8, /* connections per listener and turn: who is connected already waits for them */
    LINGER_MAX = 64,  /* refused ones that are kept until the client has read the answer */
    ADMIN_SPARE = 64, /* connections beyond the cap that administrators' listeners have */
    PAUSE_MS = 100,
    COMPLAIN_MS = 1000,
};

static void say_busy(int fd)
{
    static const char body[] = "{\"error\":\"temporarily_unavailable\",\"error_description\":"
                               "\"Too many connections are open. Try again in a second.\"}";
    char answer[512];
    int n = snprintf(answer, sizeof(answer),
                     "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\nCache-Control: no-store\r\nRetry-After: 1\r\n"
                     "Connection: close\r\n\r\n%s",
                     sizeof(body) - 1, body);
    ssize_t sent = send(fd, answer, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* a new socket takes it, or its client is gone */
}

static void refuse(struct worker *w, const struct source *s, int fd, long open_n)
{
    atomic_fetch_add_explicit(&w->net->refused, 1, memory_order_relaxed);
    if (!s->listener->tls)
        say_busy(fd);
    if (s->listener->tls || open_n >= w->net->options.connections_max + LINGER_MAX ||
        !conn_open_refused(w, fd))
        close(fd);
}

static void welcome(struct worker *w, const struct source *s, int fd,
                    const struct sockaddr_storage *from)
{
    long open_n = atomic_load_explicit(&w->net->connections, memory_order_relaxed);
    bool admin = s->listener->admin;
    struct origin origin;
    if (!admin && memory_is_tight(w) && !memory_make_way(w)) {
        memory_refused(w);
        refuse(w, s, fd, open_n);
        return;
    }
    if (open_n >= w->net->options.connections_max + (admin ? ADMIN_SPARE : 0)) {
        refuse(w, s, fd, open_n);
        return;
    }
    atomic_fetch_add_explicit(&w->net->accepted, 1, memory_order_relaxed);
    if (!origin_accept(w, from, admin, &origin)) {
        close(fd);
    } else if (!conn_open(w, fd, s->listener->tls, admin, &origin)) {
        origin_leave(w, &origin);
        atomic_fetch_add_explicit(&w->net->refused, 1, memory_order_relaxed);
        close(fd);
    }
}

static void complain(struct worker *w, int e)
{
    if (w->now_ms < w->complain_ms)
        return;
    w->complain_ms = w->now_ms + COMPLAIN_MS;
    log_note(LOG_ERROR, "accept",
             "connections are refused, the system gives no more (%s): raise the limit of open "
             "files (ulimit -n, LimitNOFILE=) or lower connections_max",
             strerror(e));
}

static void pause_listening(struct worker *w)
{
    if (!w->stopping && w->paused_ms == 0) {
        worker_watch_listeners(w, false);
        w->paused_ms = w->now_ms + PAUSE_MS;
    }
}

/* Uses the reserve to refuse one connection. False: there is nothing to accept with. */
static bool spend_reserve(struct worker *w, const struct source *s)
{
    if (w->reserve_fd < 0)
        return false;
    close(w->reserve_fd);
    int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    bool ok = fd >= 0;
    if (ok) {
        atomic_fetch_add_explicit(&w->net->refused, 1, memory_order_relaxed);
        if (!s->listener->tls)
            say_busy(fd);
        close(fd);
    }
    w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return ok && w->reserve_fd >= 0;
}

/* accept4 failed with e. True: try again. */
static bool again(struct worker *w, const struct source *s, int e)
{
    switch (e) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        complain(w, e);
        if (spend_reserve(w, s))
            return true;
        pause_listening(w);
        return false;
    case ENOBUFS:
    case ENOMEM:
        complain(w, e);
        pause_listening(w);
        return false;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
        return false;
    default: /* the connection died in the queue (accept(2): treat like EAGAIN, retry) */
        return true;
    }
}

static void take(struct worker *w, struct source *s, int share)
{
    while (share-- > 0) {
        struct sockaddr_storage from;
        socklen_t n = sizeof(from);
        int fd = accept4(s->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            welcome(w, s, fd, &from);
        else if (!again(w, s, errno))
            return;
    }
}

void accept_ready(struct worker *w, struct source *s)
{
    take(w, s, SHARE);
}

void accept_rest(struct worker *w, struct source *s)
{
    take(w, s, 1 << 16);
}

void accept_resume(struct worker *w)
{
    w->paused_ms = 0;
    if (w->reserve_fd < 0)
        w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    worker_watch_listeners(w, true);
}
