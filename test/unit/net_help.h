/* What the tests of net/ share: a small application whose paths take every way through net.h, a
 * server around it in a thread of its own, and a client on a raw socket.
 */
#ifndef TEST_NET_HELP_H
#define TEST_NET_HELP_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/state.h"

#define UNUSED __attribute__((unused))

/* ---- the application ---- */

struct testapp {
    atomic_int opened, closed, handled, slow, commits, committed, done, refused, ticks, blocked;
    atomic_int read; /* of slow: by readers */
    atomic_int left, reloads;
    atomic_int commit_us;                  /* how long a commit takes */
    atomic_int signs, signed_n, sign_most; /* calls of sign, exchanges, most in one */
    atomic_int asks;                       /* calls of ask */
    pthread_mutex_t lock;
    pthread_cond_t opened_gate;
    bool gate; /* /block goes on */
};

static _Thread_local char t_kind; /* w(orker), p(ool), r(eader) */

static void *t_open(void *app, const char *name)
{
    t_kind = name[0];
    atomic_fetch_add(&((struct testapp *)app)->opened, 1);
    return app;
}

static void t_close(void *thread)
{
    atomic_fetch_add(&((struct testapp *)thread)->closed, 1);
}

static bool at(const struct exchange *x, const char *path)
{
    return str_eq(x->req.path, str_from(path));
}

/* What has to be signed says so in its path. */
static bool is_signed(const struct exchange *x)
{
    return str_ends(x->req.path, STR("/sign"));
}

/* "POST /x hello 2": method, path, body, and how often it has been committed. */
static enum net_next t_answer(struct exchange *x)
{
    int *runs = x->user;
    http_res_header(&x->res, STR("Content-Type"), STR("text/plain"));
    if (at(x, "/big")) {
        for (int i = 0; i < 3 * 1024; i++)
            buf_printf(&x->res.body, "%01023d\n", i);
        return NET_ANSWER;
    }
    if (at(x, "/huge") && !buf_room(&x->res.body, LIMIT_RESPONSE + 1))
        return NET_ANSWER; /* the flag is set; net refuses */
    x->late = at(x, "/late") || at(x, "/late/sign");
    if (at(x, "/admin") && !x->req.admin)
        x->res.status = 404;
    buf_printf(&x->res.body, "%.*s %.*s %.*s %d", STR_ARG(x->req.method_text), STR_ARG(x->req.path),
               STR_ARG(x->req.body), runs ? *runs : 0);
    return is_signed(x) ? NET_SIGN : NET_ANSWER;
}

static enum net_next t_handle(void *thread, struct exchange *x)
{
    struct testapp *app = thread;
    atomic_fetch_add(&app->handled, 1);
    x->user = arena_alloc(&x->arena, sizeof(int));
    if (at(x, "/nap"))
        usleep(300000); /* the worker itself: what comes meanwhile comes in one turn */
    if (at(x, "/commit") || at(x, "/rerun") || at(x, "/commit/sign"))
        return NET_COMMIT;
    if (at(x, "/commit/half")) { /* what it has written must not leave if the commit fails */
        http_res_header(&x->res, STR("X-Half"), STR("secret"));
        buf_put(&x->res.body, STR("secret"));
        x->res.holes[x->res.holes_n++] = (struct http_hole){0, STR("secret")};
        return NET_COMMIT;
    }
    if (at(x, "/commit/read"))
        return NET_COMMIT;
    if (str_starts(x->req.path, STR("/ask")))
        return NET_ASK;
    if (str_starts(x->req.path, STR("/read")))
        return NET_READ;
    return str_starts(x->req.path, STR("/slow")) ? NET_POOL : t_answer(x);
}

/* Where it runs, at which niceness. */
static enum net_next t_where(struct exchange *x)
{
    buf_printf(&x->res.body, "%c %d", t_kind, getpriority(PRIO_PROCESS, 0));
    return NET_ANSWER;
}

static enum net_next t_try(struct exchange *x)
{
    bool first = net_commit_now(x), second = net_commit_now(x);
    buf_printf(&x->res.body, "%d %d %d", first, second, *(int *)x->user);
    return NET_ANSWER;
}

static enum net_next t_slow(void *thread, struct exchange *x)
{
    struct testapp *app = thread;
    atomic_fetch_add(&app->slow, 1);
    int nth = t_kind == 'r' ? atomic_fetch_add(&app->read, 1) : 0;
    if (at(x, "/slow/commit") || at(x, "/read/commit"))
        return NET_COMMIT;
    if (at(x, "/slow/read") || at(x, "/read/read"))
        return NET_READ;
    if (at(x, "/read/pool") && t_kind == 'r')
        return NET_POOL;
    if (at(x, "/slow/where") || at(x, "/read/where") || at(x, "/read/pool"))
        return t_where(x);
    if (at(x, "/slow/try"))
        return t_try(x);
    if (at(x, "/read/nap"))
        usleep(20000);
    if (at(x, "/read/nth")) {
        buf_printf(&x->res.body, "%d", nth);
        return NET_ANSWER;
    }
    if (at(x, "/slow/now")) {
        net_commit_now(x);
        assert_int_equal(*(int *)x->user, 1);
        net_commit_now(x);
    }
    if (at(x, "/slow/block") || at(x, "/read/block")) {
        pthread_mutex_lock(&app->lock);
        atomic_fetch_add(&app->blocked, 1);
        while (!app->gate)
            pthread_cond_wait(&app->opened_gate, &app->lock);
        pthread_mutex_unlock(&app->lock);
    }
    return t_answer(x);
}

static void t_commit(void *arg, struct exchange **batch, size_t n)
{
    struct testapp *app = arg;
    if (atomic_load(&app->commit_us))
        usleep((useconds_t)atomic_load(&app->commit_us));
    atomic_fetch_add(&app->commits, 1);
    for (size_t i = 0; i < n; i++) {
        ++*(int *)batch[i]->user;
        atomic_fetch_add(&app->committed, 1);
    }
}

static enum net_next t_resume(void *thread, struct exchange *x)
{
    (void)thread;
    if (at(x, "/commit/half"))
        return NET_ANSWER;
    if (at(x, "/commit/read"))
        return NET_READ;
    return at(x, "/rerun") && *(int *)x->user < 3 ? NET_COMMIT : t_answer(x);
}

/* Some go on, one asks again, some are for the committer or the pool. */
static void t_ask(void *thread, struct exchange **batch, size_t n)
{
    struct testapp *app = thread;
    assert_int_equal(t_kind, 'w');
    assert_in_range(n, 1, NET_CALL_MAX);
    atomic_fetch_add(&app->asks, 1);
    for (size_t i = 0; i < n; i++) {
        struct exchange *x = batch[i];
        int *runs = x->user;
        if (at(x, "/ask/again") && ++*runs < 3)
            x->next = NET_ASK;
        else if (at(x, "/ask/commit/sign"))
            x->next = NET_COMMIT;
        else if (at(x, "/ask/slow"))
            x->next = NET_POOL;
        else
            x->next = t_answer(x);
    }
}

static void t_sign(void *thread, struct exchange **batch, size_t n)
{
    struct testapp *app = thread;
    assert_int_equal(t_kind, 'w');
    assert_in_range(n, 1, NET_CALL_MAX);
    atomic_fetch_add(&app->signs, 1);
    atomic_fetch_add(&app->signed_n, (int)n);
    if ((int)n > atomic_load(&app->sign_most))
        atomic_store(&app->sign_most, (int)n);
    for (size_t i = 0; i < n; i++) {
        if (at(batch[i], "/away/sign")) {
            http_res_reset(&batch[i]->res);
            batch[i]->res.status = 503;
        } else {
            buf_put(&batch[i]->res.body, STR(" signed"));
        }
    }
}

static void t_refuse(void *thread, struct exchange *x, enum err e, const char *reason)
{
    struct testapp *app = thread;
    atomic_fetch_add(&app->refused, 1);
    x->res.status = err_info(e)->status;
    if (e == ERR_UNAVAILABLE)
        http_res_header(&x->res, STR("Retry-After"), STR("1"));
    buf_printf(&x->res.body, "%s at %.*s: %s", err_info(e)->id, STR_ARG(x->req.path), reason);
}

static void t_done(void *thread, struct exchange *x)
{
    atomic_fetch_add(&((struct testapp *)thread)->done, 1);
    assert_true(x->start_us > 0);
}

static void t_idle(void *thread)
{
    (void)thread;
}

static void t_tick(void *app)
{
    atomic_fetch_add(&((struct testapp *)app)->ticks, 1);
}

static void t_leaving(void *app)
{
    atomic_fetch_add(&((struct testapp *)app)->left, 1);
}

static void t_reload(void *app)
{
    atomic_fetch_add(&((struct testapp *)app)->reloads, 1);
}

static size_t t_limit(str path)
{
    return str_eq(path, STR("/small")) ? 100 : LIMIT_BODY;
}

/* ---- the server ---- */

struct server {
    struct testapp app;
    struct net *net;
    pthread_t thread;
    int result;
};

static void *server_thread(void *arg)
{
    struct server *s = arg;
    s->result = net_run(s->net);
    return NULL;
}

UNUSED static struct net_options server_options(const struct net_listen *listens, size_t n)
{
    return (struct net_options){.listens = listens,
                                .listens_n = n,
                                .workers = 2,
                                .connections_max = 1000,
                                .pool_threads = 2,
                                .pool_queue_max = 2,
                                .batch_max = 64,
                                .drain_ms = 2000};
}

static const struct net_app test_app = {.thread_open = t_open,
                                        .thread_close = t_close,
                                        .handle = t_handle,
                                        .handle_slow = t_slow,
                                        .commit = t_commit,
                                        .resume = t_resume,
                                        .ask = t_ask,
                                        .sign = t_sign,
                                        .refuse = t_refuse,
                                        .done = t_done,
                                        .idle = t_idle,
                                        .tick = t_tick,
                                        .leaving = t_leaving,
                                        .reload = t_reload,
                                        .body_limit = t_limit};

/* Opens without running, so that a test can change deadlines. */
UNUSED static void server_open(struct server *s, const struct net_options *options)
{
    char why[512] = "";
    struct net_app app = test_app;
    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->app.lock, NULL);
    pthread_cond_init(&s->app.opened_gate, NULL);
    app.app = &s->app;
    s->net = net_open(options, &app, why, sizeof(why));
    if (!s->net)
        fail_msg("net_open: %s", why);
}

UNUSED static void server_run(struct server *s)
{
    assert_int_equal(pthread_create(&s->thread, NULL, server_thread, s), 0);
}

UNUSED static void server_start(struct server *s)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    server_open(s, &o);
    server_run(s);
}

UNUSED static int server_join(struct server *s)
{
    pthread_join(s->thread, NULL);
    assert_int_equal(atomic_load(&s->app.opened), atomic_load(&s->app.closed));
    assert_int_equal(s->net->connections, 0);
    assert_int_equal(s->net->unsent, 0);
    net_close(s->net);
    return s->result;
}

UNUSED static int server_stop(struct server *s)
{
    net_stop(s->net);
    return server_join(s);
}

UNUSED static void open_gate(struct server *s)
{
    pthread_mutex_lock(&s->app.lock);
    s->app.gate = true;
    pthread_cond_broadcast(&s->app.opened_gate);
    pthread_mutex_unlock(&s->app.lock);
}

/* Waits until the counter has the value, for at most 5 s. */
UNUSED static void await_count(atomic_int *counter, int value)
{
    for (int i = 0; i < 5000 && atomic_load(counter) < value; i++)
        usleep(1000);
    assert_int_equal(atomic_load(counter), value);
}

/* ---- the client ---- */

struct client {
    int fd;
    size_t n; /* bytes in p */
    int status;
    char head[4096]; /* of the last answer */
    char *body;      /* in p */
    size_t body_n;
    char *p;
};

enum { CLIENT_BUFFER = 4 << 20 };

UNUSED static void client_attach(struct client *c, int fd)
{
    struct timeval five = {.tv_sec = 5};
    memset(c, 0, sizeof(*c));
    c->fd = fd;
    c->p = malloc(CLIENT_BUFFER);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &five, sizeof(five));
}

/* A socket connected to "127.0.0.1:1", "[::1]:1" or "unix:/x"; -1 with errno. */
UNUSED static int dial(const char *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un un;
    } to;
    memset(&to, 0, sizeof(to));
    socklen_t n;
    uint16_t port = (uint16_t)strtol(strrchr(address, ':') + 1, NULL, 10);
    if (strncmp(address, "unix:", 5) == 0) {
        to.un.sun_family = AF_UNIX;
        snprintf(to.un.sun_path, sizeof(to.un.sun_path), "%s", address + 5);
        n = sizeof(to.un);
    } else if (address[0] == '[') {
        to.v6.sin6_family = AF_INET6;
        to.v6.sin6_addr = in6addr_loopback;
        to.v6.sin6_port = htons(port);
        n = sizeof(to.v6);
    } else {
        to.v4.sin_family = AF_INET;
        to.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        to.v4.sin_port = htons(port);
        n = sizeof(to.v4);
    }
    int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, &to.any, n) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

UNUSED static void client_open(struct client *c, const struct server *s)
{
    int fd = dial(net_address(s->net, 0));
    assert_true(fd >= 0);
    client_attach(c, fd);
}

UNUSED static void client_close(struct client *c)
{
    close(c->fd);
    free(c->p);
    c->p = NULL;
}

UNUSED static void say_n(struct client *c, const char *p, size_t n)
{
    assert_int_equal(send(c->fd, p, n, MSG_NOSIGNAL), n);
}

UNUSED static void say(struct client *c, const char *text)
{
    say_n(c, text, strlen(text));
}

UNUSED static void get(struct client *c, const char *path)
{
    char text[256];
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    say(c, text);
}

/* Forgets the last answer; what came behind it moves to the front. */
static void client_next(struct client *c)
{
    if (c->body) {
        size_t used = (size_t)(c->body - c->p) + c->body_n;
        memmove(c->p, c->p + used, c->n - used);
        c->n -= used;
        c->body = NULL;
    }
}

/* One answer. False at the end of the stream (or a reset, or 5 s of silence). */
UNUSED static bool hear_any(struct client *c, bool with_body)
{
    client_next(c);
    for (;;) {
        char *end = c->n ? memmem(c->p, c->n, "\r\n\r\n", 4) : NULL;
        if (end) {
            size_t head_n = (size_t)(end + 4 - c->p);
            assert_true(head_n < sizeof(c->head));
            memcpy(c->head, c->p, head_n);
            c->head[head_n] = '\0';
            const char *length = strstr(c->head, "Content-Length: ");
            c->status = (int)strtol(c->head + 9, NULL, 10);
            c->body_n = with_body && length ? strtoul(length + 16, NULL, 10) : 0;
            if (c->n >= head_n + c->body_n) {
                c->body = c->p + head_n;
                return true;
            }
        }
        ssize_t n = recv(c->fd, c->p + c->n, CLIENT_BUFFER - c->n, 0);
        if (n <= 0)
            return false;
        c->n += (size_t)n;
    }
}

UNUSED static void hear(struct client *c, int status, const char *body)
{
    assert_true(hear_any(c, true));
    assert_int_equal(c->status, status);
    if (body) {
        assert_int_equal(c->body_n, strlen(body));
        assert_memory_equal(c->body, body, c->body_n);
    }
}

/* The server has closed, in order: end of stream, no reset. */
UNUSED static void hear_end(struct client *c)
{
    client_next(c);
    assert_int_equal(c->n, 0);
    assert_int_equal(recv(c->fd, c->p, 1, 0), 0);
}

#endif
