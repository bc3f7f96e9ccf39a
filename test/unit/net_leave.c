/* A stop with a delay: the server says that it leaves and goes on, so that a balancer which does
 * not retry loses nothing. The races that it is there for:
 *
 * - a request on a kept-alive connection that the server closes at the same moment: in the delay no
 *   idle connection is closed, and each answer ends its connection in the open;
 * - a new connection while the listeners close: in the delay they stay.
 *
 * At its end idle connections get a moment for a request that is on its way, and the listeners
 * close in an order that resets nobody who is in their queues.
 */
#include "net_help.h"

#include <poll.h>

static void start_with(struct server *s, int delay_ms)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    o.delay_ms = delay_ms;
    server_open(s, &o);
    server_run(s);
}

static void begin_leaving(struct server *s)
{
    net_stop(s->net);
    await_count(&s->app.left, 1);
    for (int i = 0; i < 5000 && !atomic_load(&s->net->leaving); i++)
        usleep(1000);
    /* The workers know with their next turn, which each has made between two pulses. */
    net_pulse(s->net);
    for (int i = 0; i < 5000 && !net_pulse(s->net); i++)
        usleep(1000);
}

static bool is_silent(const struct client *c, int ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLRDHUP};
    return poll(&p, 1, ms) == 0;
}

static void hear_last(struct client *c, const char *body)
{
    hear(c, 200, body);
    assert_non_null(strstr(c->head, "Connection: close\r\n"));
    hear_end(c);
}

/* New ones and kept-alive ones are served, and know that they end; idle ones stay open. */
static void served_while_leaving(void **state)
{
    static const char *const paths[] = {"/a", "/commit", "/slow/a", "/rerun"};
    enum { DELAY_MS = 1000 };
    struct server s;
    struct client kept, idle, fresh;
    (void)state;
    start_with(&s, DELAY_MS);
    client_open(&kept, &s);
    client_open(&idle, &s);
    get(&kept, "/a");
    hear(&kept, 200, NULL);
    get(&idle, "/a");
    hear(&idle, 200, NULL);
    int64_t start_ms = clock_mono_ms();
    begin_leaving(&s);
    assert_true(is_silent(&kept, DELAY_MS / 3)); /* longer than a stop gives idle ones */
    get(&kept, "/a");
    hear_last(&kept, "GET /a  0");
    for (int i = 0; i < 4; i++) {
        client_open(&fresh, &s);
        get(&fresh, paths[i]);
        hear_last(&fresh, NULL);
        client_close(&fresh);
    }
    assert_true(clock_mono_ms() - start_ms < DELAY_MS);
    assert_true(is_silent(&idle, 0));
    hear_end(&idle);
    assert_true(clock_mono_ms() - start_ms >= DELAY_MS);
    assert_int_equal(dial(net_address(s.net, 0)), -1);
    client_close(&kept);
    client_close(&idle);
    assert_int_equal(server_join(&s), 0);
    assert_int_equal(atomic_load(&s.app.left), 1);
}

/* Requests that were sent before the answer that says "close" are not left behind. */
static void pipelined_while_leaving(void **state)
{
    enum { MANY = 10 };
    struct server s;
    struct client c;
    (void)state;
    start_with(&s, 60000);
    begin_leaving(&s);
    client_open(&c, &s);
    char all[1024];
    size_t n = 0;
    for (int i = 0; i < MANY; i++)
        n += (size_t)snprintf(all + n, sizeof(all) - n, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
                              i % 2 ? "/a" : "/commit");
    say_n(&c, all, n);
    for (int i = 0; i < MANY - 1; i++) {
        hear(&c, 200, NULL);
        assert_non_null(strstr(c.head, "Connection: keep-alive\r\n"));
    }
    hear_last(&c, "GET /a  0");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* Whoever asks twice means it. In the delay a reload is still a reload. */
static void second_stop_ends_the_delay(void **state)
{
    struct server s;
    struct client idle;
    (void)state;
    start_with(&s, 60000);
    client_open(&idle, &s);
    begin_leaving(&s);
    net_reload(s.net);
    await_count(&s.app.reloads, 1);
    assert_true(is_silent(&idle, 300));
    int64_t start_ms = clock_mono_ms();
    net_stop(s.net);
    hear_end(&idle);
    client_close(&idle);
    assert_int_equal(server_join(&s), 0);
    assert_true(clock_mono_ms() - start_ms < 5000);
    assert_int_equal(atomic_load(&s.app.left), 1);
}

static void no_delay_no_leaving(void **state)
{
    struct server s;
    (void)state;
    start_with(&s, 0);
    assert_int_equal(server_stop(&s), 0);
    assert_int_equal(atomic_load(&s.app.left), 0);
}

/* What a balancer does: a pool of kept-alive connections, each used now and then, a new one when
 * one has ended; no retry; and it looks elsewhere some time after the server began to leave. */
struct balancer {
    struct server *s;
    pthread_t thread;
    unsigned seed;
    atomic_bool *elsewhere;
    long sent;
    const char *complaint;
};

static const char *ask(struct client *c, const char *path)
{
    char text[128];
    int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        return "a request could not be sent";
    if (!hear_any(c, true))
        return "a request was not answered";
    if (c->status != 200)
        return "a request was refused";
    if (strstr(c->head, "Connection: close\r\n"))
        client_close(c);
    return NULL;
}

static void *balance(void *arg)
{
    static const char *const paths[] = {"/a", "/commit", "/read/a", "/slow/a"};
    enum { POOL = 4 };
    struct balancer *b = arg;
    struct client pool[POOL] = {0};
    while (!b->complaint && !atomic_load(b->elsewhere)) {
        struct client *c = &pool[rand_r(&b->seed) % POOL];
        if (!c->p) {
            int fd = dial(net_address(b->s->net, 0));
            if (fd < 0) {
                b->complaint = "a connection was refused";
                break;
            }
            client_attach(c, fd);
        }
        b->complaint = ask(c, paths[b->sent++ % 4]);
        usleep((useconds_t)(rand_r(&b->seed) % 2000));
    }
    for (int i = 0; i < POOL; i++)
        if (pool[i].p)
            client_close(&pool[i]);
    return NULL;
}

static void a_balancer_loses_nothing(void **state)
{
    enum { BALANCERS = 4, DELAY_MS = 600, NOTICED_MS = 300, ROUNDS = 5 };
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    (void)state;
    o.delay_ms = DELAY_MS;
    o.readers = 2;
    o.read_queue_max = o.pool_queue_max = 100;
    for (int round = 0; round < ROUNDS; round++) {
        struct server s;
        struct balancer b[BALANCERS];
        atomic_bool elsewhere = false;
        server_open(&s, &o);
        server_run(&s);
        for (int i = 0; i < BALANCERS; i++) {
            b[i] = (struct balancer){
                .s = &s, .seed = (unsigned)(round * BALANCERS + i), .elsewhere = &elsewhere};
            pthread_create(&b[i].thread, NULL, balance, &b[i]);
        }
        usleep(100000);
        net_stop(s.net);
        usleep(NOTICED_MS * 1000);
        atomic_store(&elsewhere, true);
        for (int i = 0; i < BALANCERS; i++) {
            pthread_join(b[i].thread, NULL);
            if (b[i].complaint)
                fail_msg("round %d, after %ld requests: %s", round, b[i].sent, b[i].complaint);
            assert_true(b[i].sent > 20);
        }
        assert_int_equal(server_join(&s), 0);
    }
}

/* Connected, or turned away: refused, or not answered for a while (listen_hush). */
static int knock(const struct server *s)
{
    const struct timeval limit = {.tv_usec = 100000};
    struct sockaddr_in to = {.sin_family = AF_INET};
    int64_t port;
    str host, number;
    assert_true(str_cut(str_from(net_address(s->net, 0)), ':', &host, &number));
    assert_true(str_i64(number, 1, 65535, &port));
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void *newcomer(void *arg)
{
    static const char request[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    struct balancer *b = arg;
    char answer[512];
    for (int fd; !b->complaint && (fd = knock(b->s)) >= 0; b->sent++) {
        if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != sizeof(request) - 1 ||
            recv(fd, answer, sizeof(answer), 0) <= 0)
            b->complaint = "a connection was taken and its request lost";
        close(fd);
    }
    return NULL;
}

/* Who comes while the listeners close, without any delay, is answered or turned away: no connection
 * is reset in their queues. */
static void newcomers_at_the_end(void **state)
{
    enum { NEWCOMERS = 8, ROUNDS = 30 };
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct server s;
        struct balancer b[NEWCOMERS];
        start_with(&s, 0);
        for (int i = 0; i < NEWCOMERS; i++) {
            b[i] = (struct balancer){.s = &s};
            pthread_create(&b[i].thread, NULL, newcomer, &b[i]);
        }
        usleep(10000);
        net_stop(s.net);
        for (int i = 0; i < NEWCOMERS; i++) {
            pthread_join(b[i].thread, NULL);
            if (b[i].complaint)
                fail_msg("round %d, after %ld requests: %s", round, b[i].sent, b[i].complaint);
        }
        assert_int_equal(server_join(&s), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(served_while_leaving),       cmocka_unit_test(pipelined_while_leaving),
        cmocka_unit_test(second_stop_ends_the_delay), cmocka_unit_test(no_delay_no_leaving),
        cmocka_unit_test(a_balancer_loses_nothing),   cmocka_unit_test(newcomers_at_the_end),
    };
    log_open(2, LOG_ERROR);
    return cmocka_run_group_tests_name("net leave", tests, NULL, NULL);
}
