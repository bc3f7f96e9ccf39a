/* Listeners of every kind, the connection cap, running out of descriptors. */
#include "net_help.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void start_on(struct server *s, const struct net_listen *where)
{
    struct net_options o = server_options(where, 1);
    server_open(s, &o);
    server_run(s);
}

static void answers_at(const char *address)
{
    struct client c;
    int fd = dial(address);
    assert_true(fd >= 0);
    client_attach(&c, fd);
    get(&c, "/a");
    hear(&c, 200, "GET /a  0");
    client_close(&c);
}

/* Why net_open fails for the address. */
static void refused_with(const char *address, const char *part)
{
    struct net_listen where = {.address = address};
    struct net_options o = server_options(&where, 1);
    char why[512] = "";
    assert_null(net_open(&o, &test_app, why, sizeof(why)));
    if (!strstr(why, part))
        fail_msg("\"%s\" is not in: %s", part, why);
}

static void ipv4(void **state)
{
    struct net_listen where = {.address = "127.0.0.1:0"};
    struct server s;
    (void)state;
    start_on(&s, &where);
    assert_memory_equal(net_address(s.net, 0), "127.0.0.1:", 10);
    assert_string_not_equal(net_address(s.net, 0), "127.0.0.1:0");
    for (int i = 0; i < 20; i++)
        answers_at(net_address(s.net, 0));
    assert_int_equal(server_stop(&s), 0);
}

static void ipv6(void **state)
{
    struct net_listen where = {.address = "[::1]:0"};
    struct server s;
    (void)state;
    start_on(&s, &where);
    assert_memory_equal(net_address(s.net, 0), "[::1]:", 6);
    answers_at(net_address(s.net, 0));
    char v4[32];
    snprintf(v4, sizeof(v4), "127.0.0.1%s", strrchr(net_address(s.net, 0), ':'));
    assert_int_equal(dial(v4), -1); /* it is IPv6 only */
    assert_int_equal(server_stop(&s), 0);
}

static void both_families(void **state)
{
    struct net_listen where = {.address = ":0"};
    struct server s;
    char at[64];
    (void)state;
    start_on(&s, &where);
    const char *port = strrchr(net_address(s.net, 0), ':');
    snprintf(at, sizeof(at), "127.0.0.1%s", port);
    answers_at(at);
    snprintf(at, sizeof(at), "[::1]%s", port);
    answers_at(at);
    assert_int_equal(server_stop(&s), 0);
}

static void port_taken(void **state)
{
    struct net_listen where = {.address = "127.0.0.1:0"};
    struct server s;
    char why[256];
    (void)state;
    start_on(&s, &where);
    snprintf(why, sizeof(why), "cannot listen on %s: another process listens there",
             net_address(s.net, 0));
    refused_with(net_address(s.net, 0), why);
    answers_at(net_address(s.net, 0)); /* nothing was taken from the one that was there */
    assert_int_equal(server_stop(&s), 0);
}

static void bad_addresses(void **state)
{
    (void)state;
    refused_with("8080", "write 127.0.0.1:8080");
    refused_with("127.0.0.1:80x", "write 127.0.0.1:8080");
    refused_with("127.0.0.1:65536", "write 127.0.0.1:8080");
    refused_with("::1:8080", "write 127.0.0.1:8080");
    refused_with("192.0.2.1:8080", "this machine has no such address");
    refused_with("unix:relative", "absolute path");
    refused_with("unix:/nonexistent/x.sock", "No such file or directory");
    refused_with("fd:x", "fd:3 for the first");
    refused_with("fd:999", "not a listening socket");
}

static void unix_socket(void **state)
{
    char dir[] = "/tmp/net_sockets.XXXXXX", path[64], address[120];
    struct net_listen where = {.address = address};
    struct server s;
    struct stat st;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    snprintf(address, sizeof(address), "unix:%s", path);
    start_on(&s, &where);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    answers_at(address);
    refused_with(address, "something is there already");
    answers_at(address); /* and its file is still there */
    assert_int_equal(server_stop(&s), 0);
    assert_int_equal(stat(path, &st), -1);
    rmdir(dir);
}

/* A file left over from a crash is replaced; a file that is no socket is not. */
static void stale_unix_socket(void **state)
{
    char dir[] = "/tmp/net_sockets.XXXXXX", address[120];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct net_listen where = {.address = address};
    struct server s;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
    snprintf(address, sizeof(address), "unix:%s", at.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd);
    start_on(&s, &where);
    answers_at(address);
    assert_int_equal(server_stop(&s), 0);
    fd = open(at.sun_path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    refused_with(address, "something is there already");
    assert_int_equal(unlink(at.sun_path), 0); /* it was not touched */
    rmdir(dir);
}

/* A socket that a service manager opened: all workers wait on the one. */
static void inherited(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char address[16];
    struct net_listen where = {.address = address};
    struct server s;
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 16), 0);
    snprintf(address, sizeof(address), "fd:%d", fd);
    start_on(&s, &where);
    for (int i = 0; i < 50; i++)
        answers_at(net_address(s.net, 0));
    char bound[64];
    snprintf(bound, sizeof(bound), "%s", net_address(s.net, 0));
    assert_int_equal(server_stop(&s), 0);
    assert_int_equal(dial(bound), -1); /* the last worker closed it */
}

static void activation_names_what_was_passed(void **state)
{
    char pid[16];
    (void)state;
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    refused_with("fd:900", "the service manager passed 1, from fd:3");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
}

static void several_listeners(void **state)
{
    struct net_listen listens[] = {{.address = "127.0.0.1:0"},
                                   {.address = "[::1]:0", .admin = true}};
    struct net_options o = server_options(listens, 2);
    struct server s;
    (void)state;
    server_open(&s, &o);
    server_run(&s);
    answers_at(net_address(s.net, 0));
    answers_at(net_address(s.net, 1));
    for (size_t i = 0; i < 2; i++) { /* a request knows which kind it came by */
        struct client c;
        client_attach(&c, dial(net_address(s.net, i)));
        get(&c, "/admin");
        hear(&c, i == 1 ? 200 : 404, NULL);
        client_close(&c);
    }
    assert_int_equal(server_stop(&s), 0);
}

static void connection_cap(void **state)
{
    struct net_listen where = {.address = "127.0.0.1:0"};
    struct net_options o = server_options(&where, 1);
    struct server s;
    struct client c[4], over;
    (void)state;
    o.connections_max = 4;
    server_open(&s, &o);
    server_run(&s);
    for (int i = 0; i < 4; i++) {
        client_open(&c[i], &s);
        get(&c[i], "/a");
        hear(&c[i], 200, NULL);
    }
    client_open(&over, &s);
    get(&over, "/a");
    hear(&over, 503, NULL);
    assert_non_null(strstr(over.head, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(over.head, "Retry-After: 1\r\n"));
    assert_memory_equal(over.body, "{\"error\":\"temporarily_unavailable\"", 34);
    hear_end(&over);
    client_close(&over);
    get(&c[0], "/a"); /* those inside are served */
    hear(&c[0], 200, NULL);
    client_close(&c[0]);
    struct net_stats stats;
    do {
        usleep(1000);
        net_stats(s.net, &stats);
    } while (stats.connections > 3);
    assert_int_equal(stats.refused, 1);
    client_open(&c[0], &s);
    get(&c[0], "/a");
    hear(&c[0], 200, NULL);
    for (int i = 0; i < 4; i++)
        client_close(&c[i]);
    assert_int_equal(server_stop(&s), 0);
}

static int64_t cpu_ms(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* No descriptor left: a new connection is refused, the old ones are served, nothing spins. */
static void out_of_descriptors(void **state)
{
    struct net_listen where = {.address = "127.0.0.1:0"};
    struct server s;
    struct client inside, outside;
    struct rlimit old, none;
    (void)state;
    log_open(2, LOG_OFF);
    start_on(&s, &where);
    client_open(&inside, &s);
    get(&inside, "/a");
    hear(&inside, 200, NULL);
    client_attach(&outside, socket(AF_INET, SOCK_STREAM, 0));
    getrlimit(RLIMIT_NOFILE, &old);
    /* The next descriptor would be this one; every one below it is in use but the reserves'. */
    int next = dup(0);
    close(next);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    at.sin_port = htons((uint16_t)strtol(strrchr(net_address(s.net, 0), ':') + 1, NULL, 10));
    int64_t cpu_before = cpu_ms();
    assert_int_equal(connect(outside.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    hear(&outside, 503, NULL);
    for (int i = 0; i < 20; i++) {
        get(&inside, "/a");
        hear(&inside, 200, NULL);
        usleep(10000);
    }
    assert_true(cpu_ms() - cpu_before < 100);
    setrlimit(RLIMIT_NOFILE, &old);
    client_close(&outside);
    client_open(&outside, &s);
    get(&outside, "/a");
    hear(&outside, 200, NULL);
    client_close(&outside);
    client_close(&inside);
    assert_int_equal(server_stop(&s), 0);
    log_open(2, LOG_ERROR);
}

/* Even the reserve is lost to somebody else: the worker stops listening for a moment and comes
 * back by itself. */
static void reserve_lost(void **state)
{
    struct net_listen where = {.address = "127.0.0.1:0"};
    struct net_options o = server_options(&where, 1);
    struct server s;
    struct client c;
    struct rlimit old, none;
    (void)state;
    log_open(2, LOG_OFF);
    o.workers = 1;
    server_open(&s, &o);
    close(s.net->workers[0].reserve_fd);
    s.net->workers[0].reserve_fd = -1;
    server_run(&s);
    await_count(&s.app.opened, 3);
    client_attach(&c, socket(AF_INET, SOCK_STREAM, 0));
    getrlimit(RLIMIT_NOFILE, &old);
    int next = dup(0);
    close(next);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    at.sin_port = htons((uint16_t)strtol(strrchr(net_address(s.net, 0), ':') + 1, NULL, 10));
    int64_t cpu_before = cpu_ms();
    assert_int_equal(connect(c.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    get(&c, "/a");
    usleep(300000);
    assert_true(cpu_ms() - cpu_before < 100);
    setrlimit(RLIMIT_NOFILE, &old);
    hear(&c, 200, NULL); /* it waited in the backlog */
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
    log_open(2, LOG_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(both_families),
        cmocka_unit_test(port_taken),
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(unix_socket),
        cmocka_unit_test(stale_unix_socket),
        cmocka_unit_test(inherited),
        cmocka_unit_test(activation_names_what_was_passed),
        cmocka_unit_test(several_listeners),
        cmocka_unit_test(connection_cap),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(reserve_lost),
    };
    log_open(2, LOG_ERROR);
    return cmocka_run_group_tests_name("net sockets", tests, NULL, NULL);
}
