/* cmd/serve_keys and serve_notify: what time alone decides, and the word to systemd. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/serve_keys.h"
#include "cmd/serve_notify.h"
#include "cmd/serve_process.h"

enum { NOW = 1800000000, MAX_AGE = 3600, LEAD = MAX_AGE + SERVE_KEYS_MARGIN_S, AGE = 90 * 86400 };

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

static const struct key_rules rules = {
    .max_age_s = MAX_AGE,
    .rotation_age_s = AGE,
};

/* What is due that much later; its key in *which. */
static enum key_step due_by(const struct key_rules *r, struct key *keys, size_t n, int64_t after_s,
                            const struct key **which)
{
    struct keyring ring = {.keys = keys, .n = n};
    enum key_step step = KEY_STEP_NONE;
    const struct key *k = serve_keys_due(&ring, r, NOW + after_s, &step);
    effects_init(&fx, &arena);
    if (k)
        serve_keys_take(&ring, k, step, NOW + after_s, &fx);
    if (which)
        *which = k;
    return step;
}

static enum key_step due(struct key *keys, size_t n, int64_t after_s)
{
    return due_by(&rules, keys, n, after_s, NULL);
}

static void published_becomes_active(void **state)
{
    (void)state;
    const struct key *which;
    struct key keys[] = {key_in(KEY_SIGNING, KEY_ACTIVE), key_in(KEY_SIGNING, KEY_PUBLISHED)};
    assert_int_equal(due(keys, 2, 0), KEY_STEP_NONE);
    assert_int_equal(due(keys, 2, LEAD - 1), KEY_STEP_NONE);
    assert_true(effects_empty(&fx));
    assert_int_equal(due_by(&rules, keys, 2, LEAD, &which), KEY_STEP_ACTIVATE);
    assert_ptr_equal(which, &keys[1]);
    assert_int_equal(fx.n, 2); /* the old one retires in the same set */
    keys[0].alg = JWS_RS256;   /* nobody to replace */
    assert_int_equal(due(keys, 2, LEAD), KEY_STEP_ACTIVATE);
    assert_int_equal(fx.n, 1);
}

static void retired_goes(void **state)
{
    (void)state;
    int64_t last = SERVE_KEYS_LONGEST_TOKEN_S + SERVE_KEYS_MARGIN_S;
    struct key keys[] = {key_in(KEY_SIGNING, KEY_ACTIVE), key_in(KEY_SIGNING, KEY_RETIRED)};
    assert_int_equal(due(keys, 2, last - 1), KEY_STEP_NONE);
    assert_int_equal(due(keys, 2, last), KEY_STEP_DROP);
    assert_int_equal(fx.n, 2); /* expects that it is retired still */
}

/* Published so early that it may sign when the old one has its age; then nothing but to wait. */
static void an_old_key_gets_a_successor(void **state)
{
    (void)state;
    const struct key *which;
    struct key keys[] = {key_in(KEY_SIGNING, KEY_ACTIVE), key_in(KEY_SIGNING, KEY_PUBLISHED)};
    assert_int_equal(due(keys, 1, AGE - LEAD - 1), KEY_STEP_NONE);
    assert_int_equal(due_by(&rules, keys, 1, AGE - LEAD, &which), KEY_STEP_SUCCESSOR);
    assert_ptr_equal(which, &keys[0]);
    keys[1].created_s = NOW + AGE - LEAD;
    assert_int_equal(due(keys, 2, AGE - LEAD), KEY_STEP_NONE);
    assert_int_equal(due(keys, 2, AGE - 1), KEY_STEP_NONE);
    assert_int_equal(due_by(&rules, keys, 2, AGE, &which), KEY_STEP_ACTIVATE);
    assert_ptr_equal(which, &keys[1]);
    keys[1].alg = JWS_EDDSA; /* the successor of another */
    assert_int_equal(due_by(&rules, keys, 2, AGE - LEAD, &which), KEY_STEP_SUCCESSOR);
}

static void successors_follow_the_settings(void **state)
{
    (void)state;
    struct key keys[] = {key_in(KEY_SIGNING, KEY_ACTIVE)};
    struct key_rules r = rules;
    r.rotation_age_s = 0;
    assert_int_equal(due_by(&r, keys, 1, (int64_t)100 * AGE, NULL), KEY_STEP_NONE);
    r.rotation_age_s = LEAD / 2; /* as soon as can be */
    assert_int_equal(due_by(&r, keys, 1, -1, NULL), KEY_STEP_NONE);
    assert_int_equal(due_by(&r, keys, 1, 0, NULL), KEY_STEP_SUCCESSOR);
    r = rules;
    r.deaf_s = 600; /* nodes that may not hear of the new key for so long */
    assert_int_equal(due_by(&r, keys, 1, AGE - LEAD - 601, NULL), KEY_STEP_NONE);
    assert_int_equal(due_by(&r, keys, 1, AGE - LEAD - 600, NULL), KEY_STEP_SUCCESSOR);
    r.rotation_age_s = LEAD / 2;
    keys[0].alg = JWS_RS256; /* it signs id_tokens */
    assert_int_equal(due_by(&r, keys, 1, 0, NULL), KEY_STEP_SUCCESSOR);
}

static void others_stay(void **state)
{
    (void)state;
    int64_t late = (int64_t)10 * SERVE_KEYS_LONGEST_TOKEN_S;
    struct key keys[] = {key_in(KEY_PEPPER, KEY_RETIRED), key_in(KEY_SHAPE, KEY_RETIRED),
                         key_in(KEY_PEPPER, KEY_PUBLISHED), key_in(KEY_PEPPER, KEY_ACTIVE)};
    assert_int_equal(due(keys, 4, late), KEY_STEP_NONE);
    assert_true(effects_empty(&fx));
}

/* What `key list` says. */
static void next_is_told(void **state)
{
    (void)state;
    struct key keys[] = {key_in(KEY_SIGNING, KEY_ACTIVE), key_in(KEY_SIGNING, KEY_PUBLISHED),
                         key_in(KEY_SIGNING, KEY_RETIRED), key_in(KEY_PEPPER, KEY_ACTIVE)};
    struct keyring ring = {.keys = keys, .n = 4};
    struct key_next next[4];
    for (size_t i = 0; i < 4; i++)
        next[i] = serve_keys_next(&ring, &keys[i], &rules);
    assert_string_equal(serve_keys_word(next[0].step), "retired");
    assert_int_equal(next[0].at_s, NOW + LEAD);
    assert_string_equal(serve_keys_word(next[1].step), "active");
    assert_int_equal(next[1].at_s, NOW + LEAD);
    assert_string_equal(serve_keys_word(next[2].step), "dropped");
    assert_int_equal(next[2].at_s, NOW + SERVE_KEYS_LONGEST_TOKEN_S + SERVE_KEYS_MARGIN_S);
    assert_null(serve_keys_word(next[3].step));
    ring.n = 1;
    next[0] = serve_keys_next(&ring, &keys[0], &rules);
    assert_string_equal(serve_keys_word(next[0].step), "successor");
    assert_int_equal(next[0].at_s, NOW + AGE - LEAD);
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

static volatile sig_atomic_t told;

static void on_told(int signal_number)
{
    (void)signal_number;
    told = 1;
}

/* 0: what the parent said was heard. It may say it late, too: one that was dropped never comes. */
static int hear(void)
{
    struct sigaction heed = {.sa_handler = on_told};
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    usleep(2000);
    sigaction(SIGUSR1, &heed, NULL);
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    for (int ms = 0; ms < 10000 && !told; ms++)
        usleep(1000);
    return told ? 0 : 1;
}

/* It is told in the moment of the fork, before it has done anything. */
static void a_child_hears_what_it_is_told_too_early(void **state)
{
    const int keep = STDERR_FILENO;
    sigset_t usr1, before;
    (void)state;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, &before);
    for (int i = 0; i < 20; i++) {
        int status;
        pid_t pid = serve_process_fork("child", &keep, 1);
        if (pid == 0)
            _exit(hear());
        assert_true(pid > 0);
        kill(pid, SIGUSR1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(published_becomes_active, begin, end),
        cmocka_unit_test_setup_teardown(retired_goes, begin, end),
        cmocka_unit_test_setup_teardown(an_old_key_gets_a_successor, begin, end),
        cmocka_unit_test_setup_teardown(successors_follow_the_settings, begin, end),
        cmocka_unit_test_setup_teardown(next_is_told, begin, end),
        cmocka_unit_test_setup_teardown(others_stay, begin, end),
        cmocka_unit_test(notifies),
        cmocka_unit_test(a_child_hears_what_it_is_told_too_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
