/* Readers: what runs there, what a full queue, a missing one and a thread that asks in circles do.
 */
#include "net_help.h"

#include <sys/mman.h>

static void start_with(struct server *s, int readers, int queue_max)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    o.readers = readers;
    o.read_queue_max = queue_max;
    server_open(s, &o);
    server_run(s);
}

static void await_read_queue(const struct server *s, long n)
{
    struct net_stats stats = {0};
    for (int i = 0; i < 5000 && stats.queue_read != n; i++) {
        usleep(1000);
        net_stats(s->net, &stats);
    }
    assert_int_equal(stats.queue_read, n);
    assert_int_equal(stats.queue_pool, 0);
}

/* From the worker and after a commit; and on from a reader to the committer and the pool. */
static void every_way_through_a_reader(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    start_with(&s, 2, 8);
    client_open(&c, &s);
    get(&c, "/read/a");
    hear(&c, 200, "GET /read/a  0");
    get(&c, "/read/commit");
    hear(&c, 200, "GET /read/commit  1");
    get(&c, "/commit/read");
    hear(&c, 200, "GET /commit/read  1");
    assert_int_equal(atomic_load(&s.app.read), 3);
    get(&c, "/read/pool");
    hear(&c, 200, "p 19");
    assert_int_equal(atomic_load(&s.app.read), 4);
    get(&c, "/slow/a"); /* and nothing else goes there */
    hear(&c, 200, "GET /slow/a  0");
    assert_int_equal(atomic_load(&s.app.read), 4);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* The pool gives way to everybody, readers are like everybody. */
static void niceness(void **state)
{
    struct server s;
    struct client c;
    char expected[16];
    (void)state;
    start_with(&s, 1, 8);
    client_open(&c, &s);
    snprintf(expected, sizeof(expected), "r %d", getpriority(PRIO_PROCESS, 0));
    get(&c, "/read/where");
    hear(&c, 200, expected);
    get(&c, "/slow/where");
    hear(&c, 200, "p 19");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* With one reader: in the order of their coming. */
static void first_come_first_served(void **state)
{
    enum { MANY = 6 };
    struct server s;
    struct client c[MANY];
    char expected[16];
    (void)state;
    start_with(&s, 1, MANY);
    for (int i = 0; i < MANY; i++) {
        client_open(&c[i], &s);
        get(&c[i], i == 0 ? "/read/block" : "/read/nth");
        if (i == 0)
            await_count(&s.app.blocked, 1);
        else
            await_read_queue(&s, i);
    }
    open_gate(&s);
    hear(&c[0], 200, NULL);
    for (int i = 1; i < MANY; i++) {
        snprintf(expected, sizeof(expected), "%d", i);
        hear(&c[i], 200, expected);
    }
    for (int i = 0; i < MANY; i++)
        client_close(&c[i]);
    assert_int_equal(server_stop(&s), 0);
}

/* Beyond its end: 503 at once, and the connection, the workers and the pool go on. */
static void full_queue_refuses(void **state)
{
    struct server s;
    struct client c[4];
    (void)state;
    start_with(&s, 1, 2);
    for (int i = 0; i < 4; i++)
        client_open(&c[i], &s);
    get(&c[0], "/read/block");
    await_count(&s.app.blocked, 1);
    get(&c[1], "/read/a");
    await_read_queue(&s, 1);
    get(&c[2], "/read/a");
    await_read_queue(&s, 2);
    get(&c[3], "/read/a");
    hear(&c[3], 503, NULL);
    assert_non_null(strstr(c[3].head, "Retry-After: 1\r\n"));
    assert_non_null(strstr(c[3].head, "Connection: keep-alive"));
    get(&c[3], "/slow/a");
    hear(&c[3], 200, "GET /slow/a  0");
    get(&c[3], "/commit");
    hear(&c[3], 200, "GET /commit  1");
    open_gate(&s);
    for (int i = 0; i < 3; i++)
        hear(&c[i], 200, NULL);
    get(&c[3], "/read/a");
    hear(&c[3], 200, "GET /read/a  0");
    for (int i = 0; i < 4; i++)
        client_close(&c[i]);
    assert_int_equal(server_stop(&s), 0);
}

/* What is wrong with the application is refused, said in the log, and goes on. */
static void refused_and_said(const char *path, int readers, int runs, const char *line)
{
    struct server s;
    struct client c;
    char text[1024] = "";
    int file = memfd_create("log", MFD_CLOEXEC);
    assert_true(file >= 0);
    log_open(file, LOG_ERROR);
    start_with(&s, readers, 8);
    client_open(&c, &s);
    get(&c, path);
    hear(&c, 503, NULL);
    assert_non_null(strstr(c.head, "Retry-After: 1\r\n"));
    get(&c, "/a");
    hear(&c, 200, "GET /a  0");
    assert_int_equal(atomic_load(&s.app.slow), runs);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
    log_open(2, LOG_ERROR);
    assert_true(pread(file, text, sizeof(text) - 1, 0) > 0);
    assert_non_null(strstr(text, line));
    close(file);
}

static void wrong_ways(void **state)
{
    (void)state;
    refused_and_said("/read/a", 0, 0, "a reader was asked for, and there is none");
    refused_and_said("/slow/read", 1, 1, "a thread that may wait itself asked for a reader");
    refused_and_said("/read/read", 1, 1, "a thread that may wait itself asked for a reader");
}

/* Nobody waits for it any more: it is not begun. */
static void reset_leaves_the_queue(void **state)
{
    static const struct linger at_once = {.l_onoff = 1};
    struct server s;
    struct client c[3];
    (void)state;
    start_with(&s, 1, 8);
    for (int i = 0; i < 3; i++) {
        client_open(&c[i], &s);
        get(&c[i], i == 0 ? "/read/block" : "/read/a");
        if (i == 0)
            await_count(&s.app.blocked, 1);
    }
    await_read_queue(&s, 2);
    setsockopt(c[1].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    client_close(&c[1]);
    await_read_queue(&s, 1);
    open_gate(&s);
    hear(&c[0], 200, NULL);
    hear(&c[2], 200, NULL);
    assert_int_equal(atomic_load(&s.app.read), 2);
    client_close(&c[0]);
    client_close(&c[2]);
    assert_int_equal(server_stop(&s), 0);
}

/* A stop works the queue off for drain_ms, then refuses what no reader has begun. */
static void stop_refuses_queued_reads(void **state)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    struct client running, queued;
    (void)state;
    o.drain_ms = 100;
    o.readers = 1;
    o.read_queue_max = 2;
    server_open(&s, &o);
    server_run(&s);
    client_open(&running, &s);
    client_open(&queued, &s);
    get(&running, "/read/block");
    await_count(&s.app.blocked, 1);
    get(&queued, "/read/a");
    await_read_queue(&s, 1);
    net_stop(s.net);
    hear(&queued, 503, NULL);
    assert_non_null(strstr(queued.head, "Connection: close"));
    open_gate(&s);
    hear(&running, 200, "GET /read/block  0");
    client_close(&running);
    client_close(&queued);
    assert_int_equal(server_join(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_through_a_reader),
        cmocka_unit_test(niceness),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(full_queue_refuses),
        cmocka_unit_test(wrong_ways),
        cmocka_unit_test(reset_leaves_the_queue),
        cmocka_unit_test(stop_refuses_queued_reads),
    };
    log_open(2, LOG_ERROR);
    return cmocka_run_group_tests_name("net readers", tests, NULL, NULL);
}
