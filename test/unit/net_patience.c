/* Waiting has an end: what readers or the committer do not begin in time, or have no place for, is
 * refused without having been run, also while they are stuck.
 */
#include "net_help.h"

enum { PATIENCE_MS = 200, A_LITTLE_MS = 400, HANG_MS = 1500 };

static void start_with(struct server *s, int patience_ms, int commit_queue_max)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    o.readers = 1;
    o.read_queue_max = 100;
    o.pool_queue_max = 100;
    o.patience_ms = patience_ms;
    o.commit_queue_max = commit_queue_max;
    server_open(s, &o);
    server_run(s);
}

static void await_commit_queue(const struct server *s, long n)
{
    struct net_stats stats = {.queue_commit = -1};
    for (int i = 0; i < 5000 && stats.queue_commit != n; i++) {
        usleep(1000);
        net_stats(s->net, &stats);
    }
    assert_int_equal(stats.queue_commit, n);
}

/* One commit that takes HANG_MS has begun, the next ones take no time. */
static void hang(struct server *s, struct client *c)
{
    atomic_store(&s->app.commit_us, HANG_MS * 1000);
    client_open(c, s);
    get(c, "/commit");
    await_count(&s->app.handled, 1);
    await_commit_queue(s, 0);
    atomic_store(&s->app.commit_us, 0);
}

static void hear_refusal(struct client *c)
{
    hear(c, 503, NULL);
    assert_non_null(strstr(c->head, "Retry-After: 1\r\n"));
    assert_non_null(strstr(c->head, "Connection: keep-alive"));
}

static void a_stuck_reader(void **state)
{
    enum { MANY = 20 };
    struct server s;
    struct client stuck, c[MANY];
    struct net_stats stats;
    (void)state;
    start_with(&s, PATIENCE_MS, 0);
    client_open(&stuck, &s);
    get(&stuck, "/read/block");
    await_count(&s.app.blocked, 1);
    for (int i = 0; i < MANY; i++)
        client_open(&c[i], &s);
    int64_t start_ms = clock_mono_ms();
    for (int i = 0; i < MANY; i++)
        get(&c[i], "/read/a");
    for (int i = 0; i < MANY; i++) {
        hear_refusal(&c[i]);
        assert_in_range(clock_mono_ms() - start_ms, PATIENCE_MS - 10, PATIENCE_MS + A_LITTLE_MS);
    }
    net_stats(s.net, &stats);
    assert_int_equal(stats.queue_read, 0);
    open_gate(&s);
    hear(&stuck, 200, "GET /read/block  0"); /* what has begun is finished */
    for (int i = 0; i < MANY; i++) {
        get(&c[i], "/read/a");
        hear(&c[i], 200, "GET /read/a  0");
        client_close(&c[i]);
    }
    assert_int_equal(atomic_load(&s.app.read), 1 + MANY); /* the refused ones never ran */
    client_close(&stuck);
    assert_int_equal(server_stop(&s), 0);
}

/* The pool's queue is bounded by its length alone: a hash takes as long as it takes. */
static void the_pool_is_patient(void **state)
{
    struct server s;
    struct client c[3];
    (void)state;
    start_with(&s, PATIENCE_MS, 0);
    for (int i = 0; i < 3; i++) {
        client_open(&c[i], &s);
        get(&c[i], "/slow/block");
    }
    await_count(&s.app.blocked, 2);
    usleep((PATIENCE_MS + A_LITTLE_MS) * 1000);
    open_gate(&s);
    for (int i = 0; i < 3; i++) {
        hear(&c[i], 200, "GET /slow/block  0");
        client_close(&c[i]);
    }
    assert_int_equal(server_stop(&s), 0);
}

/* From a worker, from a reader, from the pool; also behind another request of the connection. */
static void a_stuck_committer(void **state)
{
    static const char *const paths[] = {"/commit", "/read/commit", "/slow/commit", "/commit/half"};
    enum { MANY = 20 };
    struct server s;
    struct client stuck, c[MANY];
    (void)state;
    start_with(&s, PATIENCE_MS, 0);
    hang(&s, &stuck);
    for (int i = 0; i < MANY; i++)
        client_open(&c[i], &s);
    int64_t start_ms = clock_mono_ms();
    for (int i = 0; i < MANY; i++) {
        get(&c[i], paths[i % 4]);
        get(&c[i], "/a");
    }
    for (int i = 0; i < MANY; i++) {
        hear_refusal(&c[i]);
        assert_null(strstr(c[i].head, "X-Half"));
        assert_null(memmem(c[i].body, c[i].body_n, "secret", 6));
        hear(&c[i], 200, "GET /a  0");
        assert_in_range(clock_mono_ms() - start_ms, PATIENCE_MS - 10, PATIENCE_MS + A_LITTLE_MS);
    }
    await_commit_queue(&s, 0);
    hear(&stuck, 200, "GET /commit  1");
    assert_true(clock_mono_ms() - start_ms > PATIENCE_MS + A_LITTLE_MS);
    for (int i = 0; i < MANY; i++) {
        get(&c[i], "/commit/half");
        hear(&c[i], 200, "secretsecret");
        client_close(&c[i]);
    }
    assert_int_equal(atomic_load(&s.app.committed), 1 + MANY);
    client_close(&stuck);
    assert_int_equal(server_stop(&s), 0);
}

/* A pool thread that waits for its commit hears that it was not run; one whose commit has begun
 * waits for its end, however long that takes. */
static void synchronous_commits(void **state)
{
    struct server s;
    struct client begun, late;
    (void)state;
    start_with(&s, PATIENCE_MS, 0);
    atomic_store(&s.app.commit_us, HANG_MS * 1000);
    client_open(&begun, &s);
    client_open(&late, &s);
    get(&begun, "/slow/try");
    await_count(&s.app.slow, 1);
    await_commit_queue(&s, 0);
    atomic_store(&s.app.commit_us, 0);
    int64_t start_ms = clock_mono_ms();
    get(&late, "/slow/try");
    hear(&late, 200, "0 0 0");
    assert_in_range(clock_mono_ms() - start_ms, 2 * PATIENCE_MS - 20,
                    2 * PATIENCE_MS + A_LITTLE_MS);
    hear(&begun, 200, "1 1 2");
    get(&late, "/slow/try");
    hear(&late, 200, "1 1 2");
    assert_int_equal(atomic_load(&s.app.committed), 4);
    client_close(&begun);
    client_close(&late);
    assert_int_equal(server_stop(&s), 0);
}

/* Beyond its end the newest are refused at once, and the others have their turn. */
static void full_committer_queue(void **state)
{
    enum { MAX = 3, MANY = 8 };
    struct server s;
    struct client stuck, c[MANY], pool;
    (void)state;
    start_with(&s, 0, MAX);
    hang(&s, &stuck);
    int64_t start_ms = clock_mono_ms();
    for (int i = 0; i < MANY; i++) {
        client_open(&c[i], &s);
        get(&c[i], i % 2 ? "/commit" : "/read/commit");
        await_count(&s.app.handled, 2 + i);
        if (i < MAX)
            await_commit_queue(&s, i + 1);
        else
            hear_refusal(&c[i]);
    }
    client_open(&pool, &s);
    get(&pool, "/slow/try");
    hear(&pool, 200, "0 0 0");
    assert_true(clock_mono_ms() - start_ms < HANG_MS / 2);
    hear(&stuck, 200, "GET /commit  1");
    for (int i = 0; i < MAX; i++)
        hear(&c[i], 200, NULL);
    get(&pool, "/slow/try");
    hear(&pool, 200, "1 1 2");
    assert_int_equal(atomic_load(&s.app.committed), 1 + MAX + 2);
    for (int i = 0; i < MANY; i++)
        client_close(&c[i]);
    client_close(&pool);
    client_close(&stuck);
    assert_int_equal(server_stop(&s), 0);
}

/* Many at once on both workers: the bound is exact, and each one is answered. */
static void a_rush_on_the_committer(void **state)
{
    enum { MAX = 10, MANY = 100 };
    struct server s;
    struct client stuck, c[MANY];
    int good = 0;
    (void)state;
    start_with(&s, 0, MAX);
    hang(&s, &stuck);
    for (int i = 0; i < MANY; i++)
        client_open(&c[i], &s);
    for (int i = 0; i < MANY; i++)
        get(&c[i], "/commit");
    for (int i = 0; i < MANY; i++) {
        assert_true(hear_any(&c[i], true));
        assert_true(c[i].status == 200 || c[i].status == 503);
        good += c[i].status == 200;
        client_close(&c[i]);
    }
    assert_int_equal(good, MAX);
    assert_int_equal(atomic_load(&s.app.committed), 1 + MAX);
    hear(&stuck, 200, NULL);
    client_close(&stuck);
    assert_int_equal(server_stop(&s), 0);
}

/* A reset does not take back what is about to be written; patience does, and then ends it. */
static void clients_that_vanish(void **state)
{
    static const struct linger at_once = {.l_onoff = 1};
    struct server s;
    struct client stuck, c;
    (void)state;
    start_with(&s, 4 * PATIENCE_MS, 0);
    hang(&s, &stuck);
    client_open(&c, &s);
    get(&c, "/commit");
    await_commit_queue(&s, 1);
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    client_close(&c);
    usleep(PATIENCE_MS * 1000);
    await_commit_queue(&s, 1);
    await_count(&s.app.done, 1);
    await_commit_queue(&s, 0);
    hear(&stuck, 200, NULL);
    client_close(&stuck);
    assert_int_equal(server_stop(&s), 0);
    assert_int_equal(atomic_load(&s.app.committed), 1);
}

/* A stop beside a committer that is stuck: all are answered, in the same times. */
static void stop_while_stuck(void **state)
{
    struct server s;
    struct client stuck, c;
    (void)state;
    start_with(&s, PATIENCE_MS, 0);
    hang(&s, &stuck);
    client_open(&c, &s);
    get(&c, "/commit");
    await_commit_queue(&s, 1);
    int64_t start_ms = clock_mono_ms();
    net_stop(s.net);
    hear(&c, 503, NULL);
    assert_true(clock_mono_ms() - start_ms < PATIENCE_MS + A_LITTLE_MS);
    hear(&stuck, 200, "GET /commit  1");
    client_close(&c);
    client_close(&stuck);
    assert_int_equal(server_join(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stuck_reader),       cmocka_unit_test(the_pool_is_patient),
        cmocka_unit_test(a_stuck_committer),    cmocka_unit_test(synchronous_commits),
        cmocka_unit_test(full_committer_queue), cmocka_unit_test(a_rush_on_the_committer),
        cmocka_unit_test(clients_that_vanish),  cmocka_unit_test(stop_while_stuck),
    };
    log_open(2, LOG_ERROR);
    return cmocka_run_group_tests_name("net patience", tests, NULL, NULL);
}
