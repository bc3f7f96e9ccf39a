/* oauth/sign_in: NIST SP 800-63B-4 3.2.2, security.md 61, 66 to 68, A35. */
#include "oauth_people.h"

#include "oauth/password_rules.h"
#include "oauth/sign_in.h"
#include "store/session.h"
#include "store/throttle.h"

#define RIGHT "correct horse battery staple"

static int hashes; /* pool runs */
static struct uid pepper;

static bool commit_now(struct rq *rq)
{
    struct commit_set set = {.fx = &rq->fx};

    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    server_thread_refresh(rq->t);
    return set.outcome == COMMIT_DONE;
}

static void set_password(struct user *u, str encoded, const struct uid *key)
{
    struct effects fx = effects_now();

    user_set_password(&fx, &u->id, u->password, encoded, key, 1000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    u->password = encoded;
}

static int open_all(void **state)
{
    str encoded;
    char why[256];

    people_open(state);
    w.server.passwords = password_rules_open(STR(""), 15, why, sizeof why);
    assert_int_equal(
        sign_in_hash(w.thread.signer, &w.arena, &alice.id, STR(RIGHT), &encoded, &pepper), OK);
    set_password(&alice, encoded, &pepper);
    return 0;
}

static int close_all(void **state)
{
    password_rules_close(w.server.passwords);
    return people_close(state);
}

/* Begins in a worker, ends in the pool if it must; nothing is durable yet. */
static enum err run(struct call *c, enum err (*handler)(struct rq *rq, void *ctx), void *ctx)
{
    c->rq.commit_now = commit_now;
    hashes = 0;
    server_thread_refresh(&w.thread);
    rq_restart(&c->rq, &w.thread);
    enum err e = handler(&c->rq, ctx);
    if (e == ERR_SLOW) {
        hashes++;
        server_thread_refresh(&w.slow);
        rq_restart(&c->rq, &w.slow);
        e = handler(&c->rq, ctx);
    }
    if (e != OK)
        effects_refuse(&c->rq.fx);
    return e;
}

struct attempt {
    const char *peer;
    str login, password;
    const struct id *organization;
    struct user user;
    int retry_s;
};

static enum err sign_in(struct rq *rq, void *ctx)
{
    struct attempt *a = ctx;

    return sign_in_password(rq, a->login, a->password, a->organization, &a->user);
}

static enum err finish_attempt(struct attempt *a)
{
    struct visitor v = {0};
    struct call *c = visit(&v, HTTP_POST, "/sign-in");

    c->req.peer = str_from(a->peer);
    enum err e = run(c, sign_in, a);
    a->retry_s = c->rq.failure.retry_s;
    assert_int_equal(commit(c), COMMIT_DONE);
    a->user.username = arena_dup(&w.arena, a->user.username);
    a->user.password = arena_dup(&w.arena, a->user.password);
    arena_free(&c->arena);
    visits_n--;
    return e;
}

static enum err try_it(const char *peer, const char *login, const char *password)
{
    struct attempt a = {.peer = peer, .login = str_from(login), .password = str_from(password)};

    return finish_attempt(&a);
}

static void spellings_of_login_and_password(void **state)
{
    (void)state;
    struct attempt a = {.peer = "192.0.2.1", .password = STR(RIGHT)};
    static const char *const logins[] = {"alice", " ALICE ", "Alice@People.Example",
                                         "\xef\xbd\x81lice"};
    for (size_t i = 0; i < 4; i++) {
        a.login = str_from(logins[i]);
        assert_int_equal(finish_attempt(&a), OK);
        assert_true(uid_eq(&a.user.id, &alice.id));
    }
    /* security.md 64: full width letters and a no-break space are the same password */
    assert_int_equal(try_it("192.0.2.1", "alice", "\xef\xbd\x83orrect\xc2\xa0horse battery staple"),
                     OK);
}

/* security.md 66, 68 */
static void all_others_are_wrong(void **state)
{
    struct attempt a = {.peer = "192.0.2.1", .login = STR("alice")};
    struct effects fx;
    static const str wrong[] = {STR_INIT(""), STR_INIT("Correct horse battery staple"),
                                STR_INIT(RIGHT "\0"), STR_INIT(RIGHT " "), STR_INIT("\xff")};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        sleep_s(1000);
        a.password = wrong[i];
        assert_int_equal(finish_attempt(&a), ERR_WRONG_PASSWORD);
        assert_int_equal(hashes, 1);
    }
    char *many = arena_alloc(&w.arena, 2000);
    memset(many, 'x', 2000);
    a = (struct attempt){
        .peer = "192.0.2.2", .login = STR("bob"), .password = str_make(many, 2000)};
    assert_int_equal(finish_attempt(&a), ERR_WRONG_PASSWORD); /* has no password */
    assert_int_equal(try_it("192.0.2.2", "nobody", RIGHT), ERR_WRONG_PASSWORD);
    assert_int_equal(hashes, 1);
    assert_int_equal(try_it("192.0.2.2", "a\nb", RIGHT), ERR_WRONG_PASSWORD);
    assert_int_equal(hashes, 1);
    sleep_s(1000);
    a = (struct attempt){.peer = "192.0.2.2",
                         .login = STR("alice"),
                         .password = STR(RIGHT),
                         .organization = &stranger.organization};
    assert_int_equal(finish_attempt(&a), ERR_WRONG_PASSWORD);
    assert_int_equal(hashes, 1);
    a.organization = &alice.organization;
    sleep_s(1000);
    assert_int_equal(finish_attempt(&a), OK);
    fx = effects_now();
    user_set_enabled(&fx, &alice.id, false, 1000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_int_equal(finish_attempt(&a), ERR_WRONG_PASSWORD);
    assert_int_equal(hashes, 1);
}

/* security.md 67: at most 50 failures per name and window (an account has two names), each later
 * than the one before, whatever the spelling and the source; A35: nothing is confirmed meanwhile.
 */
static void failures_make_the_next_one_wait(void **state)
{
    static const char *const names[] = {"nobody", "NOBODY", " nobody"};
    (void)state;
    for (int person = 0; person < 2; person++) {
        int judged = 0, longest = 0;
        for (int i = 0; i < 600; i++) {
            char peer[32];
            snprintf(peer, sizeof peer, "198.51.%d.%d", person, i % 200);
            struct attempt a = {.peer = peer,
                                .login = str_from(person ? "alice" : names[i % 3]),
                                .password = STR("wrong")};
            enum err e = finish_attempt(&a);
            judged += e == ERR_WRONG_PASSWORD;
            if (e == ERR_WRONG_PASSWORD)
                continue;
            assert_int_equal(e, ERR_TOO_MANY_REQUESTS);
            assert_int_equal(hashes, 0); /* refused before the pool */
            assert_true(a.retry_s > 0);
            if (judged == 50)
                break;
            assert_true(a.retry_s <= 900);
            longest = a.retry_s > longest ? a.retry_s : longest;
            a.password = STR(RIGHT);
            assert_int_equal(finish_attempt(&a), ERR_TOO_MANY_REQUESTS);
            sleep_s(a.retry_s);
        }
        assert_int_equal(judged, 50);
        assert_int_equal(longest, 900);
        sleep_s(43200);
        assert_int_equal(try_it("203.0.113.9", person ? "alice" : "nobody", "wrong"),
                         ERR_WRONG_PASSWORD); /* not for good */
    }
    assert_int_equal(try_it("203.0.113.9", "alice", RIGHT), OK);
}

/* security.md 67: the owner, where he has signed in before, is not locked out by strangers. */
static void a_known_source_is_not_locked_out(void **state)
{
    (void)state;
    assert_int_equal(try_it("2001:db8:1:2::3", "alice", RIGHT), OK);
    for (int i = 0; i < 6; i++)
        try_it("198.51.100.7", "alice", "wrong");
    assert_int_equal(try_it("203.0.113.9", "alice", RIGHT), ERR_TOO_MANY_REQUESTS);
    assert_int_equal(try_it("2001:db8:1:2::ffff", "alice", "wrong"), ERR_WRONG_PASSWORD);
    assert_int_equal(try_it("2001:db8:1:2::ffff", "alice", RIGHT), OK); /* the same /64 */
    assert_int_equal(try_it("2001:db8:1:3::3", "alice", "wrong"), ERR_WRONG_PASSWORD); /* cleared */
    /* ... but it has a counter of its own */
    for (int i = 0; i < 5; i++)
        assert_int_equal(try_it("2001:db8:1:2::3", "alice", "wrong"), ERR_WRONG_PASSWORD);
    assert_int_equal(try_it("2001:db8:1:2::3", "alice", RIGHT), ERR_TOO_MANY_REQUESTS);
    sleep_s(2);
    assert_int_equal(try_it("2001:db8:1:2::3", "alice", RIGHT), OK);
}

/* security.md A35: one source, many accounts; successes do not count. */
static void a_source_may_fail_a_hundred_times(void **state)
{
    int judged = 0;
    (void)state;
    for (int i = 0; i < 100; i++) {
        char login[32];
        snprintf(login, sizeof login, "user%d", i);
        judged += try_it("192.0.2.1", login, "wrong") == ERR_WRONG_PASSWORD;
        if (i == 50)
            assert_int_equal(try_it("192.0.2.1", "alice", RIGHT), OK);
    }
    assert_int_equal(judged, 100);
    assert_int_equal(try_it("192.0.2.1", "other", "wrong"), ERR_TOO_MANY_REQUESTS);
    assert_int_equal(try_it("192.0.2.2", "other", "wrong"), ERR_WRONG_PASSWORD);
    assert_int_equal(try_it("192.0.2.1", "alice", RIGHT), OK); /* known there */
    for (int i = 0; i < 101; i++) {
        char login[32];
        snprintf(login, sizeof login, "person%d", i);
        assert_int_equal(try_it("unix", login, "wrong"), ERR_WRONG_PASSWORD);
    }
}

/* DESIGN.md 1: the count is durable before the hash, even if the rest never becomes so. */
static void an_attempt_counts_before_it_is_judged(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct attempt a = {.peer = "192.0.2.1", .login = STR("alice"), .password = STR(RIGHT)};
        struct call *c = visit(&(struct visitor){0}, HTTP_POST, "/sign-in");
        assert_int_equal(run(c, sign_in, &a), OK); /* never committed */
    }
    assert_int_equal(try_it("192.0.2.1", "alice", RIGHT), ERR_TOO_MANY_REQUESTS);
}

/* A rerun hashes and counts nothing twice, but judges a password that has changed meanwhile. */
static void a_rerun_finds_its_results(void **state)
{
    struct attempt a = {.peer = "192.0.2.1", .login = STR("alice"), .password = STR(RIGHT)};
    struct call *c = visit(&(struct visitor){0}, HTTP_POST, "/sign-in");
    int64_t attempts, end_s;
    str encoded;
    (void)state;
    assert_int_equal(run(c, sign_in, &a), OK);
    rq_restart(&c->rq, &w.thread);
    assert_int_equal(sign_in(&c->rq, &a), OK); /* a worker: no hash is possible here */
    server_thread_refresh(&w.thread);
    assert_int_equal(throttle_load(w.thread.db, STR("source:test"), c->rq.now_s, &attempts, &end_s),
                     OK);
    assert_int_equal(attempts, 1);
    assert_int_equal(password_hash(&w.arena, STR("another one"), &encoded), OK);
    set_password(&alice, encoded, NULL);
    assert_int_equal(commit(c), COMMIT_MISSED); /* what was proven holds no longer */
    assert_int_equal(run(c, sign_in, &a), ERR_WRONG_PASSWORD);
}

/* Imported and outdated hashes give way to ours, keyed with the active pepper. */
static void hashes_are_renewed(void **state)
{
    struct user u;
    struct effects fx;
    (void)state;
    set_password(&alice, STR("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), NULL);
    assert_int_equal(try_it("192.0.2.1", "alice", "U*V"), ERR_WRONG_PASSWORD);
    assert_int_equal(user_load(w.thread.db, &w.arena, &alice.id, &u), OK);
    assert_false(u.has_pepper);
    assert_int_equal(try_it("192.0.2.1", "alice", "U*U"), OK);
    server_thread_refresh(&w.thread);
    assert_int_equal(user_load(w.thread.db, &w.arena, &alice.id, &u), OK);
    assert_true(u.has_pepper && uid_eq(&u.pepper, &pepper) && password_is_ours(u.password));
    assert_int_equal(password_verify(&w.arena, u.password, STR("U*U")), ERR_INVALID_CLIENT);
    assert_int_equal(try_it("192.0.2.1", "alice", "U*U"), OK);
    assert_int_equal(try_it("192.0.2.1", "alice", "U*V"), ERR_WRONG_PASSWORD);
    /* the hash in another's row is nothing */
    fx = effects_now();
    user_set_password(&fx, &bob.id, STR(""), u.password, &pepper, 1000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_int_equal(try_it("192.0.2.1", "bob", "U*U"), ERR_WRONG_PASSWORD);
}

struct exchange_of {
    const char *present, *fresh;
    const char *text;
};

static enum err change(struct rq *rq, void *ctx)
{
    struct exchange_of *x = ctx;
    static const struct id keep;

    enum err e =
        sign_in_change_password(rq, &alice, str_from(x->present), str_from(x->fresh), &keep);
    x->text = rq->failure.text;
    return e;
}

static enum err change_it(struct exchange_of x, const char *text)
{
    struct call *c = visit(&(struct visitor){0}, HTTP_POST, "/account");
    enum err e = run(c, change, &x);

    assert_int_equal(commit(c), COMMIT_DONE);
    if (text)
        assert_string_equal(x.text, text);
    return e;
}

/* security.md 61, 65 */
static void a_change_needs_the_present_password_and_a_good_one(void **state)
{
    struct visitor v = {0};
    struct browser b;
    (void)state;
    sign_in_as(&v, &alice);
    b = look(&v);
    assert_int_equal(b.n, 1);
    assert_int_equal(
        change_it((struct exchange_of){.present = RIGHT, .fresh = "too short"}, "password.short"),
        ERR_INVALID_REQUEST);
    assert_int_equal(hashes, 0);
    assert_int_equal(
        change_it((struct exchange_of){.present = RIGHT, .fresh = "alice@people.example"},
                  "password.context"),
        ERR_INVALID_REQUEST);
    assert_int_equal(
        change_it((struct exchange_of){.present = "wrong", .fresh = "a fresh horse battery"}, NULL),
        ERR_WRONG_PASSWORD);
    b = look(&v);
    assert_int_equal(b.n, 1);
    assert_int_equal(
        change_it((struct exchange_of){.present = RIGHT, .fresh = "a fresh horse battery"}, NULL),
        OK);
    assert_int_equal(hashes, 1);
    b = look(&v);
    assert_int_equal(b.n, 0); /* other sessions have ended */
    assert_int_equal(try_it("192.0.2.1", "alice", RIGHT), ERR_WRONG_PASSWORD);
    assert_int_equal(try_it("192.0.2.1", "alice", "a fresh horse battery"), OK);
    password_rules_close(w.server.passwords);
    w.server.passwords = NULL;
    assert_int_equal(change_it((struct exchange_of){.present = "x", .fresh = "y"}, NULL),
                     ERR_UNAVAILABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(spellings_of_login_and_password),
        TEST(all_others_are_wrong),
        TEST(failures_make_the_next_one_wait),
        TEST(a_known_source_is_not_locked_out),
        TEST(a_source_may_fail_a_hundred_times),
        TEST(an_attempt_counts_before_it_is_judged),
        TEST(a_rerun_finds_its_results),
        TEST(hashes_are_renewed),
        TEST(a_change_needs_the_present_password_and_a_good_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
