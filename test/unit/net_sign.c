/* Answers that wait for signatures, and requests that wait for what is asked for at the end of a
 * turn: every way to them, many in one call, and clients that leave. */
#include "net_help.h"

static void from_everywhere(void **state)
{
    static const struct {
        const char *path, *answer;
    } ways[] = {
        {"/sign", "GET /sign  0 signed"},
        {"/commit/sign", "GET /commit/sign  1 signed"},
        {"/slow/sign", "GET /slow/sign  0 signed"},
        {"/read/sign", "GET /read/sign  0 signed"},
        {"/plain", "GET /plain  0"},
        {"/late/sign", "GET /late/sign  0 signed"},
        {"/ask", "GET /ask  0"},
        {"/ask/again", "GET /ask/again  3"},
        {"/ask/slow", "GET /ask/slow  0"},
        {"/ask/sign", "GET /ask/sign  0 signed"},
        {"/ask/commit/sign", "GET /ask/commit/sign  1 signed"},
    };
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    struct server s;
    struct client c;
    (void)state;
    o.readers = 1;
    o.read_queue_max = 4;
    o.late_ms = 50;
    server_open(&s, &o);
    server_run(&s);
    client_open(&c, &s);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        get(&c, ways[i].path);
        hear(&c, 200, ways[i].answer);
    }
    assert_int_equal(atomic_load(&s.app.signed_n), 7);
    assert_int_equal(atomic_load(&s.app.asks), 7);
    get(&c, "/away/sign"); /* what could not be signed is refused by the application */
    hear(&c, 503, "");
    get(&c, "/a"); /* and the connection goes on */
    hear(&c, 200, "GET /a  0");
    await_count(&s.app.done, 13);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* In order, beside others, each once. */
static void in_a_pipeline(void **state)
{
    static const char *const paths[] = {"/sign", "/a", "/commit/sign", "/slow/sign", "/ask/again"};
    struct server s;
    struct client c;
    char all[16384], expected[64];
    size_t n = 0;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(all + n, sizeof(all) - n,
                              "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d",
                              paths[i % 5], i);
    say_n(&c, all, n);
    for (int i = 0; i < 100; i++) {
        static const int runs[] = {0, 0, 1, 0, 3};
        snprintf(expected, sizeof expected, "POST %s %03d %d%s", paths[i % 5], i, runs[i % 5],
                 i % 5 == 1 || i % 5 == 4 ? "" : " signed");
        hear(&c, 200, expected);
    }
    assert_int_equal(atomic_load(&s.app.signed_n), 60);
    await_count(&s.app.done, 100);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

enum { MANY = 100 };

/* A server of one worker, which naps; meanwhile MANY clients send. */
static void start_many(struct server *s, struct client *napper, struct client *c, const char *path)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    o.workers = 1;
    server_open(s, &o);
    server_run(s);
    client_open(napper, s);
    for (int i = 0; i < MANY; i++) {
        client_open(&c[i], s);
        get(&c[i], "/a"); /* it has been accepted */
        hear(&c[i], 200, "GET /a  0");
    }
    get(napper, "/nap");
    usleep(50000);
    for (int i = 0; i < MANY; i++)
        get(&c[i], path);
}

/* 100 at once, all of one turn: they ask for path and hear that answer. */
static void send_many(struct server *s, const char *path, const char *answer)
{
    static struct client c[MANY];
    struct client napper;
    start_many(s, &napper, c, path);
    for (int i = 0; i < MANY; i++)
        hear(&c[i], 200, answer);
    hear(&napper, 200, "GET /nap  0");
    for (int i = 0; i < MANY; i++)
        client_close(&c[i]);
    client_close(&napper);
}

/* Two calls: 64 and the rest. */
static void one_turn_is_few_calls(void **state)
{
    struct server s;
    (void)state;
    send_many(&s, "/sign", "GET /sign  0 signed");
    assert_int_equal(atomic_load(&s.app.signed_n), MANY);
    assert_int_equal(atomic_load(&s.app.sign_most), NET_CALL_MAX);
    assert_int_equal(atomic_load(&s.app.signs), 2);
    assert_int_equal(server_stop(&s), 0);
}

/* What has come of the answers is signed in the same turn. */
static void one_turn_asks_few_questions(void **state)
{
    struct server s;
    (void)state;
    send_many(&s, "/ask/sign", "GET /ask/sign  0 signed");
    assert_int_equal(atomic_load(&s.app.asks), 2);
    assert_int_equal(atomic_load(&s.app.signs), 2);
    assert_int_equal(server_stop(&s), 0);
}

/* Who has left by then is signed for and reported all the same. */
static void leave_from(const char *path, const char *answer)
{
    static struct client c[MANY];
    const struct linger now = {.l_onoff = 1};
    struct client napper;
    struct server s;
    start_many(&s, &napper, c, path);
    for (int i = 0; i < MANY; i += 2) {
        setsockopt(c[i].fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        client_close(&c[i]);
    }
    for (int i = 1; i < MANY; i += 2) {
        hear(&c[i], 200, answer);
        client_close(&c[i]);
    }
    hear(&napper, 200, "GET /nap  0");
    client_close(&napper);
    assert_int_equal(server_stop(&s), 0);
    assert_int_equal(atomic_load(&s.app.done), atomic_load(&s.app.handled));
}

static void clients_that_leave_harm_nobody(void **state)
{
    (void)state;
    leave_from("/sign", "GET /sign  0 signed");
    leave_from("/ask/sign", "GET /ask/sign  0 signed");
    leave_from("/ask/again", "GET /ask/again  3");
}

/* A stop answers what has been accepted. */
static void stop_while(const char *path, const char *answer)
{
    static struct client c[MANY];
    struct client napper;
    struct server s;
    start_many(&s, &napper, c, path);
    net_stop(s.net);
    for (int i = 0; i < MANY; i++) {
        hear(&c[i], 200, answer);
        client_close(&c[i]);
    }
    hear(&napper, 200, "GET /nap  0");
    client_close(&napper);
    assert_int_equal(server_join(&s), 0);
}

static void a_stop_waits_for_signatures(void **state)
{
    (void)state;
    stop_while("/commit/sign", "GET /commit/sign  1 signed");
    stop_while("/ask/commit/sign", "GET /ask/commit/sign  1 signed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_everywhere),
        cmocka_unit_test(in_a_pipeline),
        cmocka_unit_test(one_turn_is_few_calls),
        cmocka_unit_test(one_turn_asks_few_questions),
        cmocka_unit_test(clients_that_leave_harm_nobody),
        cmocka_unit_test(a_stop_waits_for_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
