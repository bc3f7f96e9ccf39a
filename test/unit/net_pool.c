/* The pool and the readers among sources: whose turn it is, and who leaves a full queue
 * (security.md A35). */
#include "net_help.h"

/* From another address of the loopback network. */
static void open_from(struct client *c, const struct server *s, const char *from)
{
    str host, port;
    struct sockaddr_in at = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int64_t number;
    assert_true(str_cut(str_from(net_address(s->net, 0)), ':', &host, &port));
    assert_true(str_i64(port, 1, 65535, &number));
    to.sin_port = htons((uint16_t)number);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    inet_pton(AF_INET, from, &at.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    client_attach(c, fd);
}

static void await_queue(const struct server *s, long n)
{
    struct net_stats stats = {0};
    for (int i = 0; i < 5000; i++) {
        net_stats(s->net, &stats);
        if (stats.queue_pool + stats.queue_read == n)
            return;
        usleep(1000);
    }
    fail_msg("%ld and %ld wait, not %ld", stats.queue_pool, stats.queue_read, n);
}

static void start(struct server *s, int queue_max)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0"}};
    struct net_options o = server_options(listens, 1);
    o.pool_threads = o.readers = 1;
    o.pool_queue_max = o.read_queue_max = queue_max;
    server_open(s, &o);
    server_run(s);
}

/* A full queue: whoever has most makes room, its newest first, until the shares are equal. */
static void flood(const char *path)
{
    struct server s;
    struct client a[5], b[3];
    char answer[64];
    snprintf(answer, sizeof answer, "GET %s  0", path);
    start(&s, 4);
    for (int i = 0; i < 5; i++) {
        open_from(&a[i], &s, i % 2 ? "127.0.2.2" : "127.0.2.77"); /* one network */
        get(&a[i], path);
        if (i == 0)
            await_count(&s.app.blocked, 1);
        else
            await_queue(&s, i);
    }
    for (int i = 0; i < 3; i++)
        open_from(&b[i], &s, "127.0.3.3");
    get(&b[0], path);
    hear(&a[4], 503, NULL);
    assert_non_null(strstr(a[4].head, "Retry-After: 1\r\n"));
    get(&b[1], path);
    hear(&a[3], 503, NULL);
    get(&b[2], path);
    hear(&b[2], 503, NULL);
    get(&a[4], path);
    hear(&a[4], 503, NULL);
    await_queue(&s, 4);
    get(&a[3], "/a"); /* the connection goes on */
    hear(&a[3], 200, "GET /a  0");
    open_gate(&s);
    for (int i = 0; i < 3; i++)
        hear(&a[i], 200, answer);
    for (int i = 0; i < 2; i++)
        hear(&b[i], 200, answer);
    for (int i = 0; i < 5; i++)
        client_close(&a[i]);
    for (int i = 0; i < 3; i++)
        client_close(&b[i]);
    assert_int_equal(server_stop(&s), 0);
}

static void a_flood_makes_room(void **state)
{
    (void)state;
    flood("/slow/block");
    flood("/read/block");
}

/* One that comes late from elsewhere is served next but one, not last. */
static void turns(const char *path, const char *answer)
{
    enum { MANY = 30 };
    struct server s;
    struct client a[MANY], b[2];
    start(&s, 64);
    atomic_store(&s.app.commit_us, 10000);
    for (int i = 0; i < MANY; i++) {
        open_from(&a[i], &s, i % 2 ? "127.0.2.2" : "127.0.2.77"); /* one network */
        get(&a[i], path);
    }
    for (int i = 0; i < 2; i++) {
        open_from(&b[i], &s, "127.0.3.3");
        get(&b[i], path);
    }
    hear(&b[0], 200, answer);
    hear(&b[1], 200, answer);
    struct net_stats stats;
    net_stats(s.net, &stats);
    assert_true(stats.queue_pool + stats.queue_read >= MANY / 3);
    for (int i = 0; i < MANY; i++)
        hear(&a[i], 200, answer);
    for (int i = 0; i < MANY; i++)
        client_close(&a[i]);
    for (int i = 0; i < 2; i++)
        client_close(&b[i]);
    assert_int_equal(server_stop(&s), 0);
}

static void sources_are_served_in_turn(void **state)
{
    (void)state;
    turns("/slow/now", "GET /slow/now  2");
    turns("/read/nap", "GET /read/nap  0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_makes_room),
        cmocka_unit_test(sources_are_served_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
