/* cmd/serve_keys and serve_notify: what time alone decides, and the word to systemd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/serve_keys.h"
#include "cmd/serve_notify.h"

enum { NOW = 1800000000, MAX_AGE = 3600 };

static struct arena arena;
static struct effects fx;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    effects_init(&fx, &arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct key key_in(enum key_use use, enum key_state state)
{
    return (struct key){
        .id = uid_new(),
        .use = use,
        .state = state,
        .alg = JWS_ES256,
        .created_s = NOW,
        .activated_s = state == KEY_PUBLISHED ? 0 : NOW,
        .retired_s = state == KEY_RETIRED ? NOW : 0,
    };
}

static bool due(struct key *keys, size_t n, int64_t after_s)
{
    struct keyring ring = {.keys = keys, .n = n};
    effects_init(&fx, &arena);
    return serve_keys_due(&ring, NOW + after_s, MAX_AGE, &fx);
}

static void published_becomes_active(void **state)
{
    (void)state;
    struct key keys[] = {key_in(KEY_SIGNING, KEY_ACTIVE), key_in(KEY_SIGNING, KEY_PUBLISHED)};
    assert_false(due(keys, 2, 0));
    assert_false(due(keys, 2, MAX_AGE + SERVE_KEYS_MARGIN_S - 1));
    assert_true(effects_empty(&fx));
    assert_true(due(keys, 2, MAX_AGE + SERVE_KEYS_MARGIN_S));
    assert_int_equal(fx.n, 2); /* the old one retires in the same set */
    keys[0].alg = JWS_RS256;   /* nobody to replace */
    assert_true(due(keys, 2, MAX_AGE + SERVE_KEYS_MARGIN_S));
    assert_int_equal(fx.n, 1);
}

static void retired_goes(void **state)
{
    (void)state;
    int64_t last = SERVE_KEYS_LONGEST_TOKEN_S + MAX_AGE;
    struct key keys[] = {key_in(KEY_SIGNING, KEY_ACTIVE), key_in(KEY_SIGNING, KEY_RETIRED)};
    assert_false(due(keys, 2, last - 1));
    assert_true(due(keys, 2, last));
    assert_int_equal(fx.n, 2); /* expects that it is retired still */
}

static void others_stay(void **state)
{
    (void)state;
    struct key keys[] = {key_in(KEY_PEPPER, KEY_RETIRED), key_in(KEY_SHAPE, KEY_RETIRED),
                         key_in(KEY_PEPPER, KEY_PUBLISHED), key_in(KEY_SIGNING, KEY_ACTIVE)};
    assert_false(due(keys, 4, (int64_t)10 * SERVE_KEYS_LONGEST_TOKEN_S));
    assert_true(effects_empty(&fx));
}

static int listen_at(struct sockaddr_un *at, socklen_t size)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)at, size), 0);
    return fd;
}

static void assert_told(int fd)
{
    char got[64];
    serve_notify("READY=1");
    assert_int_equal(recv(fd, got, sizeof got, 0), 7);
    assert_memory_equal(got, "READY=1", 7);
    assert_true(recv(fd, got, sizeof got, 0) < 0);
    close(fd);
}

static void notifies(void **state)
{
    (void)state;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int n = snprintf(at.sun_path, sizeof at.sun_path, "/tmp/postern-notify-%d", getpid());
    unlink(at.sun_path);
    int fd = listen_at(&at, sizeof at);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    assert_told(fd);
    unlink(at.sun_path);

    at.sun_path[0] = 0; /* an abstract address, spelt with @ */
    fd = listen_at(&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
    at.sun_path[0] = '@';
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    assert_told(fd);

    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    serve_notify("READY=1"); /* nobody there: harmless */
    unsetenv("NOTIFY_SOCKET");
    serve_notify("READY=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(published_becomes_active, begin, end),
        cmocka_unit_test_setup_teardown(retired_goes, begin, end),
        cmocka_unit_test_setup_teardown(others_stay, begin, end),
        cmocka_unit_test(notifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
