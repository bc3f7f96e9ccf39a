/* net/origin on real sockets: whose address counts on connections of strangers and of listed
 * proxies, what is left of their fields, and whom failures and connections are counted to
 * (security.md 70, A35, A37). All of 127.0.0.0/8 is loopback, so a client may choose its source. */
#include "net_help.h"

enum { THRESHOLD = 4 };
#define STRANGER "127.0.0.2"
#define PROXY    "127.0.0.3"

/* Answers who asks, through whom, and with how many fields; the path says what it has proven. */
static enum net_next handle(void *thread, struct exchange *x)
{
    x->user = arena_alloc(&x->arena, sizeof(int));
    atomic_fetch_add(&((struct testapp *)thread)->handled, 1);
    buf_printf(&x->res.body, "%.*s %.*s %zu%s%s", STR_ARG(x->req.peer), STR_ARG(x->req.hop),
               x->req.headers_n, x->req.client_cert.n ? " cert" : "",
               x->req.forwarding_bad ? " bad" : "");
    x->proof = at(x, "/good")     ? NET_PROOF_GOOD
               : at(x, "/bad")    ? NET_PROOF_BAD
               : at(x, "/costly") ? NET_PROOF_COSTLY
                                  : NET_PROOF_NONE;
    return NET_ANSWER;
}

static void start(struct server *s, struct net_sources sources)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"},
                                                {.address = "127.0.0.1:0", .admin = true}};
    static struct address_range proxies[2];
    assert_true(address_range_parse(STR(PROXY), &proxies[0]));
    assert_true(address_range_parse(STR("10.0.0.0/8"), &proxies[1]));
    struct net_options o = server_options(listens, 2);
    sources.proxies = proxies;
    sources.proxies_n = 2;
    sources.window_s = 60;
    o.sources = sources;
    server_open(s, &o);
    s->net->app.handle = handle;
    server_run(s);
}

static void open_to(struct client *c, const struct server *s, size_t listen, const char *from)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in own = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    const char *port = strrchr(net_address(s->net, listen), ':') + 1;
    to.sin_port = htons((uint16_t)strtol(port, NULL, 10));
    assert_int_equal(inet_pton(AF_INET, from, &own.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
    client_attach(c, fd);
}

static void open_from(struct client *c, const struct server *s, const char *from)
{
    open_to(c, s, 0, from);
}

static void ask(struct client *c, const char *path, const char *fields)
{
    char text[1024];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, fields);
    say(c, text);
}

static void expect(struct client *c, const char *fields, const char *answer)
{
    ask(c, "/", fields);
    hear(c, 200, answer);
}

/* n times, each answered with that status. */
static void repeat(struct client *c, int n, const char *path, const char *fields, int status)
{
    for (int i = 0; i < n; i++) {
        ask(c, path, fields);
        hear(c, status, NULL);
    }
}

static void strangers_say_nothing(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    start(&s, (struct net_sources){.header = FORWARDED_X, .client_cert = true});
    open_from(&c, &s, STRANGER);
    expect(&c,
           "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"
           "Client-Cert: :MAA=:\r\nX-Forwarded-Proto: https\r\nA: b\r\n",
           STRANGER "  2");
    expect(&c, "X-Forwarded-For: nonsense\r\nClient-Cert: nonsense\r\n", STRANGER "  1");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* A kept connection of a proxy carries many clients: nothing of one is left for the next. */
static void each_request_has_its_client(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    start(&s, (struct net_sources){.header = FORWARDED_X, .client_cert = true});
    open_from(&c, &s, PROXY);
    expect(&c, "X-Forwarded-For: 8.8.8.8, 192.0.2.1\r\nClient-Cert: :MAA=:\r\n",
           "192.0.2.1 " PROXY " 1 cert");
    expect(&c, "X-Forwarded-For: 192.0.2.2\r\n", "192.0.2.2 " PROXY " 1");
    expect(&c, "", PROXY "  1"); /* it forgot the field: itself, not the last client */
    expect(&c, "X-Forwarded-For: 192.0.2.3, 10.0.0.1\r\nClient-Cert: MAA=\r\n",
           "192.0.2.3 " PROXY " 1 bad");
    /* pipelined */
    say(&c, "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.4\r\n\r\n"
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
            "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 2001:db8::1\r\n\r\n");
    hear(&c, 200, "192.0.2.4 " PROXY " 1");
    hear(&c, 200, PROXY "  1");
    hear(&c, 200, "2001:db8::1 " PROXY " 1");
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

static void preambles_in_pieces(void **state)
{
    static const char v1[] = "PROXY TCP4 192.0.2.9 127.0.0.1 5000 443\r\n";
    struct server s;
    struct client c;
    (void)state;
    start(&s, (struct net_sources){.header = FORWARDED_X, .protocol = true});
    for (size_t at = 1; at < sizeof v1 - 1; at += 7) {
        open_from(&c, &s, PROXY);
        say_n(&c, v1, at);
        usleep(3000);
        say(&c, v1 + at);
        expect(&c, "X-Forwarded-For: 8.8.8.8\r\n", "192.0.2.9 " PROXY " 1");
        expect(&c, "", "192.0.2.9 " PROXY " 1"); /* it holds for the connection */
        client_close(&c);
    }
    open_from(&c, &s, PROXY); /* with the request in the same bytes */
    say(&c, "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 8.8.8.8\r\n\r\n");
    hear(&c, 200, PROXY "  1");
    client_close(&c);
    open_from(&c, &s, PROXY); /* twice: the second is the client's, and no request */
    say(&c, v1);
    say(&c, v1);
    say(&c, "Host: x\r\n\r\n");
    hear(&c, 400, NULL);
    client_close(&c);
    open_from(&c, &s, PROXY); /* half of one, then the end */
    say(&c, "PROXY TCP4");
    shutdown(c.fd, SHUT_WR);
    assert_true(recv(c.fd, c.p, 1, 0) <= 0);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* A proxy stands for many: one client's failures are not another's, nor is what one has proven. */
static void failures_behind_a_proxy(void **state)
{
    static const char guesser[] = "X-Forwarded-For: 192.0.2.1\r\n",
                      other[] = "X-Forwarded-For: 192.0.2.2\r\n",
                      spoof[] = "X-Forwarded-For: 192.0.2.2, 192.0.2.3\r\n";
    struct server s;
    struct client c;
    (void)state;
    start(&s, (struct net_sources){.header = FORWARDED_X, .threshold = THRESHOLD});
    open_from(&c, &s, PROXY);
    repeat(&c, THRESHOLD + 1, "/bad", guesser, 200);
    repeat(&c, 1, "/", guesser, 429);
    repeat(&c, 3, "/good", other, 200);
    repeat(&c, 1, "/", guesser, 429);
    repeat(&c, THRESHOLD + 1, "/bad", spoof, 200); /* his own word does not blame the other */
    repeat(&c, 1, "/", spoof, 429);
    repeat(&c, 1, "/", other, 200);
    repeat(&c, 3 * THRESHOLD, "/bad", "", 200); /* the proxy itself is nobody to blame */
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* Of a hundred successes on one connection all are credited, so one in five may fail. */
static void crowds(void **state)
{
    struct server s;
    struct client c;
    (void)state;
    for (int proxied = 0; proxied < 2; proxied++) {
        const char *fields = proxied ? "X-Forwarded-For: 192.0.2.1\r\n" : "";
        start(&s, (struct net_sources){.header = FORWARDED_X, .threshold = 2 * THRESHOLD});
        open_from(&c, &s, proxied ? PROXY : STRANGER);
        for (int i = 0; i < 30; i++) {
            repeat(&c, 4, "/good", fields, 200);
            repeat(&c, 1, "/bad", fields, 200);
        }
        repeat(&c, 1, "/", fields, 200);
        client_close(&c);
        assert_int_equal(server_stop(&s), 0);
    }
}

static void failures_of_a_stranger(void **state)
{
    struct server s;
    struct client proven, c, admin;
    (void)state;
    start(&s, (struct net_sources){.threshold = THRESHOLD});
    open_from(&proven, &s, STRANGER);
    repeat(&proven, 1, "/good", "", 200);
    open_from(&c, &s, STRANGER);
    repeat(&c, 8 * THRESHOLD, "/costly", "", 200); /* an eighth each; and half a credit */
    repeat(&c, 1, "/bad", "", 200);
    repeat(&c, 1, "/", "", 429);
    repeat(&proven, 2, "/", "", 200);
    repeat(&proven, 1, "/bad", "", 200); /* who guesses is no longer proven */
    repeat(&proven, 1, "/", "", 429);
    open_to(&admin, &s, 1, STRANGER);
    repeat(&admin, 3 * THRESHOLD, "/bad", "", 200);
    client_close(&c);
    client_close(&proven);
    client_close(&admin);
    assert_int_equal(server_stop(&s), 0);
}

/* Places of connections are given back, also of those that a preamble brought in. */
static void places_are_given_back(void **state)
{
    struct server s;
    struct client c, more;
    (void)state;
    start(&s, (struct net_sources){.protocol = true, .connections_max = 1});
    for (int i = 0; i < 40; i++) {
        open_from(&c, &s, i % 2 ? PROXY : STRANGER);
        if (i % 2)
            say(&c, "PROXY TCP4 192.0.2.9 127.0.0.1 5000 443\r\n");
        repeat(&c, 1, "/", "", 200);
        if (i % 4 < 2) { /* the second of this source is closed, and takes no place away */
            char byte;
            open_from(&more, &s, i % 2 ? PROXY : STRANGER);
            if (i % 2)
                say(&more, "PROXY TCP4 192.0.2.9 127.0.0.1 5000 443\r\n");
            assert_true(recv(more.fd, &byte, 1, 0) <= 0);
            client_close(&more);
            repeat(&c, 1, "/", "", 200);
        }
        client_close(&c);
        for (int k = 0; k < 5000 && atomic_load(&s.net->connections) > 0; k++)
            usleep(1000);
    }
    assert_int_equal(server_stop(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_say_nothing),
        cmocka_unit_test(each_request_has_its_client),
        cmocka_unit_test(preambles_in_pieces),
        cmocka_unit_test(failures_behind_a_proxy),
        cmocka_unit_test(crowds),
        cmocka_unit_test(failures_of_a_stranger),
        cmocka_unit_test(places_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
