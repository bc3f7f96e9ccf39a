/* Requests on a connection: keep-alive, pipelining, pieces, chunks, Expect, HEAD, refusals. */
#include "net_help.h"

static void keep_alive(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    for (int i = 0; i < 10; i++) {
        get(&c, "/a");
        hear(&c, 200, "GET /a  0");
        assert_non_null(strstr(c.head, "Connection: keep-alive"));
    }
    await_count(&s.app.done, 10);
    struct net_stats stats;
    net_stats(s.net, &stats);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.connections, 1);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

static void connection_close_is_obeyed(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    say(&c, "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    hear(&c, 200, "GET /a  0");
    assert_non_null(strstr(c.head, "Connection: close"));
    hear_end(&c);
    client_close(&c);
    client_open(&c, &s);
    say(&c, "GET /a HTTP/1.0\r\nHost: x\r\n\r\n");
    hear(&c, 200, "GET /a  0");
    hear_end(&c);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* 100 requests in one write, inline and through the committer, with bodies, in order. */
static void pipelining(void **state)
{
    struct server s;
    struct client c;
    char all[16384], expected[64];
    size_t n = 0;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    for (int i = 0; i < 100; i++) {
        n += (size_t)snprintf(all + n, sizeof(all) - n,
                              "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d",
                              i % 3 == 0   ? "/commit"
                              : i % 3 == 1 ? "/a"
                                           : "/slow/a",
                              i);
    }
    say_n(&c, all, n);
    for (int i = 0; i < 100; i++) {
        snprintf(expected, sizeof(expected), "POST %s %03d %d",
                 i % 3 == 0   ? "/commit"
                 : i % 3 == 1 ? "/a"
                              : "/slow/a",
                 i, i % 3 == 0);
        hear(&c, 200, expected);
    }
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* A connection with many requests at hand gives way, and loses none of them. */
static void long_pipeline(void **state)
{
    struct server s;
    struct client c;
    char one[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    for (int i = 0; i < 900; i++)
        say(&c, one);
    for (int i = 0; i < 900; i++)
        hear(&c, 200, "GET /a  0");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

static void requests_per_connection(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    for (int i = 1; i <= LIMIT_REQUESTS_PER_CONNECTION; i++) {
        get(&c, "/a");
        hear(&c, 200, NULL);
        bool last = i == LIMIT_REQUESTS_PER_CONNECTION;
        assert_true((strstr(c.head, "Connection: close") != NULL) == last);
    }
    hear_end(&c);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

static void one_byte_at_a_time(void **state)
{
    struct server s;
    struct client c;
    const char *text = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    int one = 1;
    setsockopt(c.fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
    for (size_t i = 0; text[i]; i++) {
        say_n(&c, text + i, 1);
        usleep(200);
    }
    hear(&c, 200, "POST /a hello 0");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

static void chunked(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    say(&c, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    usleep(20000);
    say(&c, "1;x=y\r\n \r\n5\r\nworld\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&c, 200, "POST /a hello world 0");
    hear(&c, 200, "GET /next  0");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* Larger than the slot's own buffer, up to the limit; the request behind it is intact. */
static void large_bodies(void **state)
{
    struct server s;
    struct client c;
    char *body = malloc(LIMIT_BODY + 1), head[128];
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    memset(body, 'a', LIMIT_BODY + 1);
    for (size_t n = 3000; n <= LIMIT_BODY; n += (LIMIT_BODY - 3000) / 2) {
        snprintf(head, sizeof(head), "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                 n);
        say(&c, head);
        say_n(&c, body, n);
        get(&c, "/next");
        hear(&c, 200, NULL);
        assert_int_equal(c.body_n, n + 10);
        hear(&c, 200, "GET /next  0");
    }
    for (int i = 0; i < 300; i++) { /* 200 bytes of data each, many reads, one growing buffer */
        if (i == 0)
            say(&c, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        say(&c, "c8\r\n");
        say_n(&c, body, 200);
        say(&c, i == 299 ? "\r\n0\r\n\r\n" : "\r\n");
    }
    hear(&c, 200, NULL);
    assert_int_equal(c.body_n, 60000 + 10);
    free(body);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

static void expect_continue(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    say(&c, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    hear(&c, 100, NULL);
    say(&c, "ok");
    hear(&c, 200, "POST /a ok 0");
    /* refused by length before a byte of the body has been sent */
    say(&c,
        "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n");
    hear(&c, 413, NULL);
    hear_end(&c);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

static void head_has_no_body(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    say(&c, "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(hear_any(&c, false));
    assert_non_null(strstr(c.head, "Content-Length: 10\r\n"));
    get(&c, "/a");
    hear(&c, 200, "GET /a  0");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* The refusal arrives although more bytes than the server reads are under way. */
static void framing_errors(void **state)
{
    static const struct {
        const char *request;
        int status;
    } cases[] = {
        {"GET /a HTTP/1.1\nHost: x\n\n", 400},
        {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400},
        {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", 413},
        {"GET /a HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417},
        {"GET /a HTTP/2.0\r\nHost: x\r\n\r\n", 505},
    };
    struct server s;
    struct client c;
    char junk[60000];
    (void)state;
    memset(junk, 'x', sizeof(junk));
    server_start(&s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        client_open(&c, &s);
        get(&c, "/before");
        say(&c, cases[i].request);
        send(c.fd, junk, sizeof(junk), MSG_NOSIGNAL);
        hear(&c, 200, "GET /before  0");
        hear(&c, cases[i].status, NULL);
        assert_non_null(strstr(c.head, "Connection: close"));
        hear_end(&c);
        client_close(&c);
    }
    await_count(&s.app.refused, (int)(sizeof(cases) / sizeof(*cases)));
    assert_int_equal(server_stop(&s), 0);
}

static void refusal_names_the_path(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    say(&c, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
    hear(&c, 413, "BODY_TOO_LARGE at /small: The body is too large.");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* Answers that the socket does not take at once: more than its buffers hold. */
static void large_answer(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    for (int i = 0; i < 4; i++) {
        get(&c, "/big");
        get(&c, "/a");
    }
    usleep(50000); /* they have to wait for us */
    assert_true(atomic_load(&s.app.handled) < 8);
    for (int i = 0; i < 4; i++) {
        hear(&c, 200, NULL);
        assert_int_equal(c.body_n, 3 << 20);
        assert_memory_equal(c.body + (3 << 20) - 5, "3071\n", 5);
        hear(&c, 200, "GET /a  0");
    }
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* More than LIMIT_RESPONSE: the client hears of it, and the connection goes on. */
static void answer_that_does_not_fit(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    log_open(2, LOG_OFF);
    server_start(&s);
    client_open(&c, &s);
    get(&c, "/huge");
    hear(&c, 500, "SERVER_ERROR at /huge: The answer is too large.");
    get(&c, "/a");
    hear(&c, 200, "GET /a  0");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
    log_open(2, LOG_ERROR);
}

/* Clients that go away in every phase leave nothing behind. */
static void vanishing_clients(void **state)
{
    struct server s;
    struct client c;
    static const char *const parts[] = {
        "",
        "GET",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
        "GET /commit HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /slow/now HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    (void)state;
    server_start(&s);
    for (int i = 0; i < 60; i++) {
        struct linger reset = {.l_onoff = i % 2};
        client_open(&c, &s);
        say(&c, parts[i % 6]);
        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        client_close(&c);
    }
    client_open(&c, &s);
    get(&c, "/a");
    hear(&c, 200, "GET /a  0");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* A client that has said all it will (half-closed) still gets its answers. */
static void half_closed_client(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    server_start(&s);
    client_open(&c, &s);
    get(&c, "/commit");
    get(&c, "/a");
    shutdown(c.fd, SHUT_WR);
    hear(&c, 200, "GET /commit  1");
    hear(&c, 200, "GET /a  0");
    hear_end(&c);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* Late answers hold up neither each other nor anybody else, and keep their order. */
static void late_answers(void **state)
{
    struct server s;
    struct client late[8], c;
    (void)state;
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    o.late_ms = 300;
    server_open(&s, &o);
    server_run(&s);
    int64_t start_ms = clock_mono_ms();
    for (int i = 0; i < 8; i++) {
        client_open(&late[i], &s);
        get(&late[i], "/late");
        get(&late[i], "/a"); /* pipelined behind it */
    }
    client_open(&c, &s);
    get(&c, "/a");
    hear(&c, 200, "GET /a  0");
    assert_true(clock_mono_ms() - start_ms < 250);
    for (int i = 0; i < 8; i++) {
        hear(&late[i], 200, "GET /late  0");
        assert_in_range(clock_mono_ms() - start_ms, 290, 1500);
        hear(&late[i], 200, "GET /a  0");
        client_close(&late[i]);
    }
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* A graceful stop waits for them; one that is cut off counts as unanswered. */
static void late_answers_at_a_stop(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    for (int i = 0; i < 2; i++) {
        o.late_ms = i == 0 ? 300 : 60000;
        o.drain_ms = i == 0 ? 5000 : 100;
        server_open(&s, &o);
        server_run(&s);
        client_open(&c, &s);
        get(&c, "/late");
        await_count(&s.app.handled, 1);
        net_stop(s.net);
        if (i == 0) {
            hear(&c, 200, "GET /late  0");
            assert_non_null(strstr(c.head, "Connection: close"));
        }
        hear_end(&c);
        client_close(&c);
        assert_true((server_join(&s) != 0) == (i == 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keep_alive),
        cmocka_unit_test(connection_close_is_obeyed),
        cmocka_unit_test(pipelining),
        cmocka_unit_test(long_pipeline),
        cmocka_unit_test(requests_per_connection),
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(chunked),
        cmocka_unit_test(large_bodies),
        cmocka_unit_test(expect_continue),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(framing_errors),
        cmocka_unit_test(refusal_names_the_path),
        cmocka_unit_test(large_answer),
        cmocka_unit_test(answer_that_does_not_fit),
        cmocka_unit_test(vanishing_clients),
        cmocka_unit_test(half_closed_client),
        cmocka_unit_test(late_answers),
        cmocka_unit_test(late_answers_at_a_stop),
    };
    log_open(2, LOG_ERROR);
    return cmocka_run_group_tests_name("net requests", tests, NULL, NULL);
}
