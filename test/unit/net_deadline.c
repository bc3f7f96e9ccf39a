/* Deadlines (security.md A9), shortened: slow heads, bodies and readers, idle connections. */
#include "net_help.h"

#include "net/conn.h"

/* IN_TIME: a busy machine may be late, but not by as much as the other deadlines are long. */
enum { SHORT_MS = 150, IN_TIME_MS = 1900, LONG_MS = 60000 };

static void open_with(struct server *s, enum deadline phase)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    server_open(s, &o);
    for (int i = 0; i < DEADLINE_STOP; i++)
        s->net->deadline_ms[i] = i == (int)phase ? SHORT_MS : LONG_MS;
    s->net->deadline_ms[DEADLINE_DRAIN] = SHORT_MS;
}

static void start_with(struct server *s, enum deadline phase)
{
    open_with(s, phase);
    server_run(s);
}

/* Sends a byte every 20 ms until the server says something or closes; ms it took. */
static int64_t trickle(struct client *c, const char *first)
{
    int64_t start_ms = clock_mono_ms();
    char byte;
    say(c, first);
    while (clock_mono_ms() - start_ms < 2000 &&
           recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN) {
        send(c->fd, "a", 1, MSG_NOSIGNAL);
        usleep(20000);
    }
    return clock_mono_ms() - start_ms;
}

static void product_values(void **state)
{
    int ms[DEADLINES];
    (void)state;
    deadline_defaults(ms);
    assert_int_equal(ms[DEADLINE_HANDSHAKE], 10000);
    assert_int_equal(ms[DEADLINE_HEAD], 10000);
    assert_int_equal(ms[DEADLINE_BODY], 20000);
    assert_int_equal(ms[DEADLINE_WRITE], 20000);
    assert_int_equal(ms[DEADLINE_IDLE], 30000);
}

static void slow_head(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    start_with(&s, DEADLINE_HEAD);
    client_open(&c, &s);
    assert_in_range(trickle(&c, "GET /a HTTP/1.1\r\nHost: x\r\nX: "), SHORT_MS, IN_TIME_MS);
    hear(&c, 408, NULL);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

static void slow_body(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    start_with(&s, DEADLINE_BODY);
    client_open(&c, &s);
    assert_in_range(trickle(&c, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"),
                    SHORT_MS, IN_TIME_MS);
    hear(&c, 408, "REQUEST_TIMEOUT at /a: The request did not arrive in time.");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* Each request has its own time: a client that is slow but in time for each is served. */
static void deadline_is_per_request(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    start_with(&s, DEADLINE_HEAD);
    client_open(&c, &s);
    for (int i = 0; i < 4; i++) {
        say(&c, "GET /a HTTP/1.1\r\n");
        usleep(SHORT_MS * 1000 / 2);
        say(&c, "Host: x\r\n\r\n");
        hear(&c, 200, NULL);
    }
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

static void idle(void **state)
{
    struct server s;
    struct client fresh, used;
    (void)state;
    start_with(&s, DEADLINE_IDLE);
    int64_t start_ms = clock_mono_ms();
    client_open(&fresh, &s);
    client_open(&used, &s);
    usleep(SHORT_MS * 1000 / 2);
    get(&used, "/a");
    hear(&used, 200, NULL);
    hear_end(&fresh);
    assert_in_range(clock_mono_ms() - start_ms, SHORT_MS, IN_TIME_MS);
    get(&used, "/a"); /* its time began anew */
    hear(&used, 200, NULL);
    start_ms = clock_mono_ms();
    hear_end(&used);
    assert_in_range(clock_mono_ms() - start_ms, SHORT_MS - 5, IN_TIME_MS);
    client_close(&fresh);
    client_close(&used);
    assert_int_equal(server_stop(&s), 0);
}

/* A reader that takes a little now and then does not extend its time, although the server writes
 * a piece whenever it does. */
static void slow_reader(void **state)
{
    struct server s;
    struct client c;
    struct net_stats stats;
    char some[16384];
    int small = 16384;
    (void)state;
    open_with(&s, DEADLINE_WRITE);
    for (int i = 0; i < s.net->listeners[0].fds_n; i++) /* what is accepted inherits it */
        setsockopt(s.net->listeners[0].fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    server_run(&s);
    client_open(&c, &s);
    int64_t start_ms = clock_mono_ms();
    for (int i = 0; i < 4; i++)
        get(&c, "/big"); /* more than the buffers of the socket hold */
    do {
        recv(c.fd, some, sizeof(some), MSG_DONTWAIT);
        usleep(5000);
        net_stats(s.net, &stats);
    } while (clock_mono_ms() - start_ms < 2000 && (stats.accepted == 0 || stats.connections == 1));
    assert_in_range(clock_mono_ms() - start_ms, SHORT_MS, IN_TIME_MS);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* After a refusal the connection is drained for a moment only. */
static void endless_sender(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    start_with(&s, DEADLINE_NONE);
    client_open(&c, &s);
    say(&c, "BAD\n");
    hear(&c, 400, NULL);
    int64_t start_ms = clock_mono_ms();
    while (clock_mono_ms() - start_ms < 2000 && send(c.fd, "a", 1, MSG_NOSIGNAL) == 1)
        usleep(5000);
    assert_in_range(clock_mono_ms() - start_ms, SHORT_MS / 2, IN_TIME_MS);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* An idle connection holds no slot; nor does one whose request was answered. */
static void idle_holds_nothing(void **state)
{
    enum { CLIENTS = 300 };
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    struct client *c = calloc(CLIENTS, sizeof(*c));
    (void)state;
    o.workers = 1;
    server_open(&s, &o);
    server_run(&s);
    for (int i = 0; i < CLIENTS; i++) {
        client_open(&c[i], &s);
        get(&c[i], i % 2 ? "/a" : "/commit");
        hear(&c[i], 200, NULL);
        free(c[i].p);
    }
    assert_int_equal(s.net->connections, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(c[i].fd);
    net_stop(s.net);
    pthread_join(s.thread, NULL);
    struct slots *slots = &s.net->workers[0].slots;
    assert_int_equal(slots->used_n, 0);
    assert_int_equal(slots->free_n, 1); /* one at a time was enough for all */
    assert_true(sizeof(struct conn) <= 256);
    net_close(s.net);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_values), cmocka_unit_test(slow_head),
        cmocka_unit_test(slow_body),      cmocka_unit_test(deadline_is_per_request),
        cmocka_unit_test(idle),           cmocka_unit_test(slow_reader),
        cmocka_unit_test(endless_sender), cmocka_unit_test(idle_holds_nothing),
    };
    log_open(2, LOG_ERROR);
    return cmocka_run_group_tests_name("net deadlines", tests, NULL, NULL);
}
