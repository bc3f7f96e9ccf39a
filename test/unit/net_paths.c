/* The ways of an exchange: committer, pool, rerun, refusal of a full queue, graceful stop. */
#include "net_help.h"

static void commit_then_answer(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    get(&c, "/commit");
    hear(&c, 200, "GET /commit  1");
    get(&c, "/rerun");
    hear(&c, 200, "GET /rerun  3");
    client_close(&c);
    await_count(&s.app.done, 2);
    assert_int_equal(server_stop(&s), 0);
}

static void pool_then_answer(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    get(&c, "/slow/a");
    hear(&c, 200, "GET /slow/a  0");
    get(&c, "/slow/commit");
    hear(&c, 200, "GET /slow/commit  1");
    get(&c, "/slow/now");
    hear(&c, 200, "GET /slow/now  2");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* While one commit runs the others gather: far fewer commits than requests. */
static void commits_gather(void **state)
{
    enum { CLIENTS = 50 };
    struct server s;
    struct client c[CLIENTS];
    (void)state;
    server_start(&s);
    atomic_store(&s.app.commit_us, 20000);
    for (int i = 0; i < CLIENTS; i++) {
        client_open(&c[i], &s);
        get(&c[i], "/commit");
    }
    for (int i = 0; i < CLIENTS; i++) {
        hear(&c[i], 200, "GET /commit  1");
        client_close(&c[i]);
    }
    assert_int_equal(atomic_load(&s.app.committed), CLIENTS);
    assert_true(atomic_load(&s.app.commits) <= CLIENTS / 4);
    struct net_stats stats;
    net_stats(s.net, &stats);
    assert_int_equal(stats.queue_commit, 0);
    assert_in_range(stats.batches, 1, CLIENTS / 4);
    assert_int_equal(server_stop(&s), 0);
}

/* A batch is never larger than batch_max. */
static void batches_are_bounded(void **state)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    struct client c[8];
    (void)state;
    o.batch_max = 1;
    server_open(&s, &o);
    server_run(&s);
    for (int i = 0; i < 8; i++) {
        client_open(&c[i], &s);
        get(&c[i], "/commit");
    }
    for (int i = 0; i < 8; i++) {
        hear(&c[i], 200, "GET /commit  1");
        client_close(&c[i]);
    }
    assert_int_equal(atomic_load(&s.app.commits), 8);
    assert_int_equal(server_stop(&s), 0);
}

/* Two threads and two places in the queue: the fifth is refused at once and may come again. */
static void full_pool_refuses(void **state)
{
    struct server s;
    struct client c[5];
    (void)state;
    server_start(&s);
    for (int i = 0; i < 5; i++)
        client_open(&c[i], &s);
    get(&c[0], "/slow/block");
    get(&c[1], "/slow/block");
    await_count(&s.app.blocked, 2);
    get(&c[2], "/slow/block");
    get(&c[3], "/slow/block");
    struct net_stats stats = {0};
    for (int i = 0; i < 5000 && stats.queue_pool < 2; i++) {
        usleep(1000);
        net_stats(s.net, &stats);
    }
    assert_int_equal(stats.queue_pool, 2);
    get(&c[4], "/slow/a");
    hear(&c[4], 503, NULL);
    assert_non_null(strstr(c[4].head, "Retry-After: 1\r\n"));
    assert_non_null(strstr(c[4].head, "Connection: keep-alive"));
    get(&c[4], "/a"); /* the workers are free */
    hear(&c[4], 200, "GET /a  0");
    open_gate(&s);
    for (int i = 0; i < 4; i++)
        hear(&c[i], 200, "GET /slow/block  0");
    get(&c[4], "/slow/a");
    hear(&c[4], 200, "GET /slow/a  0");
    for (int i = 0; i < 5; i++)
        client_close(&c[i]);
    assert_int_equal(server_stop(&s), 0);
}

/* A client that resets its connection while it waits for the pool costs the pool nothing; one that
 * has only shut its own side still gets its answer. */
static void reset_leaves_the_pool_queue(void **state)
{
    static const struct linger at_once = {.l_onoff = 1};
    struct server s;
    struct client c[4];
    (void)state;
    server_start(&s);
    for (int i = 0; i < 4; i++) {
        client_open(&c[i], &s);
        get(&c[i], i < 2 ? "/slow/block" : "/slow/a");
        if (i < 2)
            await_count(&s.app.blocked, i + 1);
    }
    await_count(&s.app.handled, 4);
    shutdown(c[3].fd, SHUT_WR);
    setsockopt(c[2].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    client_close(&c[2]);
    await_count(&s.app.done, 1);
    struct net_stats stats;
    net_stats(s.net, &stats);
    assert_int_equal(stats.queue_pool, 1);
    open_gate(&s);
    hear(&c[0], 200, NULL);
    hear(&c[1], 200, NULL);
    hear(&c[3], 200, "GET /slow/a  0");
    assert_int_equal(atomic_load(&s.app.slow), 3);
    client_close(&c[0]);
    client_close(&c[1]);
    client_close(&c[3]);
    assert_int_equal(server_stop(&s), 0);
}

/* Those who ask for large answers and do not read them hold a bounded amount of memory: the first
 * ones wait, the others are cut off, and who reads is served all the time. */
static void unread_answers_are_bounded(void **state)
{
    enum { CLIENTS = 12, EACH = 3, MAX = 16 << 20 }; /* the kernel takes one answer, not three */
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    struct client c[CLIENTS], reader;
    struct net_stats stats = {0};
    int whole = 0;
    (void)state;
    server_open(&s, &o);
    s.net->unsent_max = MAX;
    server_run(&s);
    for (int i = 0; i < CLIENTS; i++) {
        client_open(&c[i], &s);
        for (int k = 0; k < EACH; k++)
            get(&c[i], "/big");
    }
    for (int i = 0; i < 5000 && stats.unread == 0; i++) {
        usleep(1000);
        net_stats(s.net, &stats);
    }
    assert_in_range(stats.unread, 1, CLIENTS - 1);
    assert_in_range(stats.unsent, 3 * 1024 * 1024, MAX);
    client_open(&reader, &s);
    get(&reader, "/a");
    hear(&reader, 200, "GET /a  0");
    for (int i = 0; i < CLIENTS; i++) {
        int got = 0;
        while (got < EACH && hear_any(&c[i], true)) {
            assert_int_equal(c[i].body_n, 3 * 1024 * 1024);
            got++;
        }
        whole += got == EACH;
        client_close(&c[i]);
    }
    assert_true(whole > 0);
    net_stats(s.net, &stats);
    assert_int_equal(whole + stats.unread, CLIENTS);
    get(&reader, "/big"); /* the budget is free again */
    hear(&reader, 200, NULL);
    client_close(&reader);
    assert_int_equal(server_stop(&s), 0);
}

static void no_pool_refuses(void **state)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    struct client c;
    (void)state;
    o.pool_threads = 0;
    server_open(&s, &o);
    server_run(&s);
    client_open(&c, &s);
    get(&c, "/slow/a");
    hear(&c, 503, NULL);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* What was sent before the stop is answered, wherever it is: committer, pool, its queue, the
 * accept backlog. Idle connections end. */
static void stop_answers_everything(void **state)
{
    enum { CLIENTS = 40 };
    static const char *const paths[] = {"/commit", "/slow/now", "/rerun", "/a"};
    struct server s;
    struct client c[CLIENTS], idle;
    (void)state;
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    o.pool_queue_max = CLIENTS;
    server_open(&s, &o);
    server_run(&s);
    atomic_store(&s.app.commit_us, 20000);
    client_open(&idle, &s);
    get(&idle, "/a");
    hear(&idle, 200, NULL);
    for (int i = 0; i < CLIENTS; i++) {
        client_open(&c[i], &s);
        get(&c[i], paths[i % 4]);
    }
    net_stop(s.net);
    for (int i = 0; i < CLIENTS; i++) {
        hear(&c[i], 200, NULL);
        client_close(&c[i]);
    }
    hear_end(&idle);
    client_close(&idle);
    assert_int_equal(server_join(&s), 0);
}

/* Clients that go on and on: each request that was sent is answered, the last one with close. */
static void *hammer(void *arg)
{
    struct client *c = arg;
    for (;;) {
        get(c, "/commit");
        if (!hear_any(c, true))
            return "a request was not answered";
        if (strstr(c->head, "Connection: close"))
            return NULL;
    }
}

static void stop_under_load(void **state)
{
    struct server s;
    struct client c[4];
    pthread_t threads[4];
    (void)state;
    server_start(&s);
    for (int i = 0; i < 4; i++) {
        client_open(&c[i], &s);
        pthread_create(&threads[i], NULL, hammer, &c[i]);
    }
    usleep(50000);
    net_stop(s.net);
    for (int i = 0; i < 4; i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        if (complaint)
            fail_msg("%s", (char *)complaint);
        client_close(&c[i]);
    }
    assert_int_equal(server_join(&s), 0);
}

/* A client that does not read holds the stop for drain_ms and not longer; net_run tells. */
static void stop_cuts_after_drain_ms(void **state)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    struct client c;
    (void)state;
    o.drain_ms = 100;
    server_open(&s, &o);
    server_run(&s);
    client_open(&c, &s);
    for (int i = 0; i < 4; i++)
        get(&c, "/big"); /* more than the buffers of the socket hold */
    usleep(50000);
    assert_in_range(atomic_load(&s.app.handled), 1, 3);
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(server_stop(&s), 1);
    assert_in_range(clock_mono_ms() - start_ms, 90, 1500);
    client_close(&c);
}

/* The pool's queue is not worked off beyond drain_ms; those in it are told. */
static void stop_refuses_queued_pool_work(void **state)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    struct client running, queued;
    (void)state;
    o.drain_ms = 100;
    o.pool_threads = 1;
    server_open(&s, &o);
    server_run(&s);
    client_open(&running, &s);
    client_open(&queued, &s);
    get(&running, "/slow/block");
    await_count(&s.app.blocked, 1);
    get(&queued, "/slow/a");
    await_count(&s.app.handled, 2);
    net_stop(s.net);
    hear(&queued, 503, NULL);
    open_gate(&s);
    hear(&running, 200, "GET /slow/block  0");
    client_close(&running);
    client_close(&queued);
    assert_int_equal(server_join(&s), 0);
}

/* Connected and asked, but not accepted yet, and more of them than one turn accepts. */
static void stop_answers_the_backlog(void **state)
{
    enum { CLIENTS = 150 };
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    struct client *c = calloc(CLIENTS, sizeof(*c));
    (void)state;
    o.workers = 1;
    server_open(&s, &o);
    for (int i = 0; i < CLIENTS; i++) {
        client_open(&c[i], &s);
        get(&c[i], "/a");
    }
    net_stop(s.net);
    server_run(&s);
    for (int i = 0; i < CLIENTS; i++) {
        hear(&c[i], 200, "GET /a  0");
        client_close(&c[i]);
    }
    assert_int_equal(server_join(&s), 0);
    free(c);
}

static void stop_before_run(void **state)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    (void)state;
    server_open(&s, &o);
    net_stop(s.net);
    server_run(&s);
    assert_int_equal(server_join(&s), 0);
}

static void ticks_come(void **state)
{
    struct server s;
    (void)state;
    server_start(&s);
    usleep(500000);
    int before = atomic_load(&s.app.ticks);
    assert_in_range(before, 1, 5);
    net_reload(s.net);
    usleep(50000);
    assert_true(atomic_load(&s.app.ticks) > before);
    assert_int_equal(server_stop(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commit_then_answer),
        cmocka_unit_test(pool_then_answer),
        cmocka_unit_test(commits_gather),
        cmocka_unit_test(batches_are_bounded),
        cmocka_unit_test(full_pool_refuses),
        cmocka_unit_test(reset_leaves_the_pool_queue),
        cmocka_unit_test(unread_answers_are_bounded),
        cmocka_unit_test(no_pool_refuses),
        cmocka_unit_test(stop_answers_everything),
        cmocka_unit_test(stop_under_load),
        cmocka_unit_test(stop_cuts_after_drain_ms),
        cmocka_unit_test(stop_refuses_queued_pool_work),
        cmocka_unit_test(stop_answers_the_backlog),
        cmocka_unit_test(stop_before_run),
        cmocka_unit_test(ticks_come),
    };
    log_open(2, LOG_ERROR);
    return cmocka_run_group_tests_name("net paths", tests, NULL, NULL);
}
