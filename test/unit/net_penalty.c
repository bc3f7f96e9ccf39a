/* The table of sources: debts, credit, decay, eviction, connections (security.md A35). */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#include "base/limits.h"
#include "net/penalty.h"

enum { T0 = 1000000, THRESHOLD = 10, WINDOW_S = 60 };

static struct penalties *table(int connections_max)
{
    const struct penalty_options o = {THRESHOLD, WINDOW_S, connections_max, NULL, NULL};
    struct penalties *p = penalty_open(&o);
    assert_non_null(p);
    return p;
}

static struct address at(const char *text)
{
    struct address a;
    assert_true(address_parse(str_from(text), &a));
    return a;
}

static void fail_often(struct penalties *p, const struct address *a, int n, int64_t now_ms)
{
    for (int i = 0; i < n; i++)
        penalty_fail(p, a, 1, now_ms);
}

static int wait_s(struct penalties *p, const struct address *a, int64_t now_ms)
{
    bool goes_on;
    return penalty_wait_s(p, a, now_ms, &goes_on);
}

static void threshold_and_decay(void **state)
{
    struct penalties *p = table(0);
    struct address a = at("192.0.2.1"), b = at("192.0.2.2");
    struct penalty_counts n;
    (void)state;
    fail_often(p, &a, THRESHOLD, T0);
    assert_int_equal(wait_s(p, &a, T0), 0);
    fail_often(p, &a, 1, T0);
    int first = wait_s(p, &a, T0);
    assert_in_range(first, WINDOW_S / 2, WINDOW_S);
    assert_int_equal(wait_s(p, &b, T0), 0);
    penalty_count(p, T0, &n);
    assert_int_equal(n.sources, 1);
    assert_int_equal(n.requests, 1);
    assert_int_equal(wait_s(p, &a, T0 + first * 1000), 0);
    penalty_count(p, T0 + first * 1000, &n);
    assert_int_equal(n.sources, 0);
    penalty_close(p);
}

/* Who goes on is closed at accept, and let in again at last, however long it went on. */
static void going_on(void **state)
{
    struct penalties *p = table(0);
    struct address a = at("192.0.2.1");
    bool goes_on;
    (void)state;
    fail_often(p, &a, 2 * THRESHOLD, T0);
    assert_int_equal(penalty_enter(p, &a, T0), PENALTY_ENTERED);
    assert_true(penalty_wait_s(p, &a, T0, &goes_on) > 0);
    assert_false(goes_on);
    for (int i = 0; i < 4 * (THRESHOLD + 1); i++) /* refusals count a quarter */
        penalty_wait_s(p, &a, T0, &goes_on);
    assert_true(goes_on);
    assert_int_equal(penalty_enter(p, &a, T0), PENALTY_GOES_ON);
    fail_often(p, &a, 100000, T0);
    assert_int_equal(penalty_enter(p, &a, T0 + 8 * WINDOW_S * 1000), PENALTY_ENTERED);
    assert_int_equal(wait_s(p, &a, T0 + 9 * WINDOW_S * 1000 + 10), 0);
    penalty_close(p);
}

static void credit(void **state)
{
    struct penalties *p = table(0);
    struct address a = at("192.0.2.1");
    (void)state;
    for (int i = 0; i < 1000; i++)
        penalty_credit(p, &a, 1, T0);
    fail_often(p, &a, 2 * THRESHOLD, T0); /* credit of one threshold at most */
    assert_int_equal(wait_s(p, &a, T0), 0);
    fail_often(p, &a, 1, T0);
    assert_true(wait_s(p, &a, T0) > 0);
    /* a stranger who fails twice for each success ends up penalised */
    struct address b = at("192.0.2.2");
    for (int i = 0; i < 40; i++) {
        fail_often(p, &b, 2, T0);
        penalty_credit(p, &b, 1, T0);
    }
    assert_true(wait_s(p, &b, T0) > 0);
    penalty_close(p);
}

static void ipv6_is_counted_by_64(void **state)
{
    struct penalties *p = table(0);
    struct address a = at("2001:db8:0:1::1"), same = at("2001:db8:0:1:ffff::9"),
                   other = at("2001:db8:0:2::1"), four = at("192.0.2.1"), near = at("192.0.2.0");
    (void)state;
    fail_often(p, &a, THRESHOLD + 1, T0);
    assert_true(wait_s(p, &same, T0) > 0);
    assert_int_equal(wait_s(p, &other, T0), 0);
    fail_often(p, &four, THRESHOLD + 1, T0);
    assert_int_equal(wait_s(p, &near, T0), 0);
    penalty_close(p);
}

/* A flood of other sources, each failing a little, does not clear what one owes. */
static void eviction_is_not_cheap(void **state)
{
    struct penalties *p = table(0);
    struct address a = at("192.0.2.1");
    (void)state;
    fail_often(p, &a, 2 * THRESHOLD, T0);
    for (int i = 0; i < 20 * LIMIT_SOURCES; i++) {
        struct address other = at("10.0.0.0");
        memcpy(other.b + 13, &i, 3);
        if (i % 3 == 0)
            (void)penalty_enter(p, &other, T0);
        penalty_fail(p, &other, 0.1, T0);
    }
    assert_true(wait_s(p, &a, T0) > 0);
    /* nor are the innocent refused because the table is full */
    struct address fresh = at("198.51.100.1");
    penalty_fail(p, &fresh, 1, T0);
    assert_int_equal(wait_s(p, &fresh, T0), 0);
    penalty_close(p);
}

/* A crowd whose one member was the reason goes on asking: it is let in all the same. */
static void a_busy_crowd_is_let_in_again(void **state)
{
    struct penalties *p = table(0);
    struct address a = at("192.0.2.1");
    int64_t now_ms = T0;
    (void)state;
    fail_often(p, &a, THRESHOLD + 1, now_ms);
    while (now_ms < T0 + 5 * WINDOW_S * 1000 && wait_s(p, &a, now_ms) > 0)
        now_ms += 10; /* 100 questions a second */
    assert_in_range(now_ms - T0, WINDOW_S * 1000, 4 * WINDOW_S * 1000);
    for (int i = 0; i < 1000; i++) { /* connections that are closed at once, likewise */
        fail_often(p, &a, i < 4 * THRESHOLD, now_ms);
        penalty_leave(p, &a);
        now_ms += 5 * WINDOW_S;
        (void)penalty_enter(p, &a, now_ms);
    }
    assert_int_equal(penalty_enter(p, &a, now_ms), PENALTY_ENTERED);
    penalty_close(p);
}

static struct address nth_64(const char *text, unsigned i)
{
    struct address a = at(text);
    a.b[6] = (uint8_t)(i >> 8);
    a.b[7] = (uint8_t)i;
    return a;
}

/* Who has a /48 may fail as much as 64 sources, not as 65,536; one /64 alone shuts nobody out. */
static void a_network_of_64s(void **state)
{
    struct penalties *p = table(0);
    struct address one = nth_64("2001:db8:1::1", 1), neighbour = nth_64("2001:db8:1::1", 9999),
                   elsewhere = at("2001:db8:2::1");
    int failures = 0;
    (void)state;
    fail_often(p, &one, 100 * THRESHOLD, T0);
    assert_true(wait_s(p, &one, T0) > 0);
    assert_int_equal(wait_s(p, &neighbour, T0), 0);
    for (unsigned i = 2; i < 9000; i++) {
        struct address a = nth_64("2001:db8:1::7", i);
        for (int k = 0; k < THRESHOLD && wait_s(p, &a, T0) == 0; k++, failures++)
            penalty_fail(p, &a, 1, T0);
    }
    assert_in_range(failures, 60 * THRESHOLD, 66 * THRESHOLD);
    int wait = wait_s(p, &neighbour, T0);
    assert_in_range(wait, 1, WINDOW_S);
    assert_int_equal(wait_s(p, &elsewhere, T0), 0);
    assert_int_equal(wait_s(p, &neighbour, T0 + 1000 * wait), 0);
    /* and one whose members mostly succeed may fail more often */
    struct address a = at("2001:db8:3::1");
    for (unsigned i = 0; i < 200 * THRESHOLD; i++) {
        struct address b = nth_64("2001:db8:3::1", i % 200);
        penalty_fail(p, &b, 1, T0);
        penalty_credit(p, &b, 2, T0);
    }
    assert_int_equal(wait_s(p, &a, T0), 0);
    penalty_close(p);
}

/* RFC 6052: the clients of a translator share 64 bits, and nothing else. */
static void translated_ipv4(void **state)
{
    struct penalties *p = table(0);
    struct address a = at("64:ff9b::192.0.2.1"), b = at("64:ff9b::192.0.2.2");
    (void)state;
    for (int i = 0; i < 100; i++)
        fail_often(p, &a, THRESHOLD, T0);
    assert_true(wait_s(p, &a, T0) > 0);
    assert_int_equal(wait_s(p, &b, T0), 0);
    penalty_close(p);
}

static void connections(void **state)
{
    struct penalties *p = table(2);
    struct address a = at("192.0.2.1"), b = at("192.0.2.2");
    struct penalty_counts n;
    (void)state;
    assert_int_equal(penalty_enter(p, &a, T0), PENALTY_ENTERED);
    assert_int_equal(penalty_enter(p, &a, T0), PENALTY_ENTERED);
    assert_int_equal(penalty_enter(p, &a, T0), PENALTY_CROWD);
    assert_int_equal(penalty_enter(p, &b, T0), PENALTY_ENTERED);
    penalty_leave(p, &a);
    assert_int_equal(penalty_enter(p, &a, T0), PENALTY_ENTERED);
    penalty_count(p, T0, &n);
    assert_int_equal(n.crowds, 1);
    penalty_close(p);
}

/* More sources with connections than places: they are let in, and nothing is counted twice. */
static void more_than_places(void **state)
{
    struct penalties *p = table(1);
    int uncounted = 0;
    (void)state;
    for (int i = 0; i < 2 * LIMIT_SOURCES; i++) {
        struct address a = at("10.0.0.0");
        memcpy(a.b + 13, &i, 3);
        enum penalty_entry e = penalty_enter(p, &a, T0);
        assert_true(e == PENALTY_ENTERED || e == PENALTY_UNCOUNTED);
        uncounted += e == PENALTY_UNCOUNTED;
    }
    assert_in_range(uncounted, LIMIT_SOURCES, LIMIT_SOURCES * 5 / 4);
    penalty_close(p);
}

static void switched_off(void **state)
{
    const struct penalty_options o = {0, 60, 0, NULL, NULL};
    struct penalties *p = penalty_open(&o);
    struct address a = at("192.0.2.1");
    (void)state;
    fail_often(p, &a, 100000, T0);
    assert_int_equal(wait_s(p, &a, T0), 0);
    assert_int_equal(penalty_enter(p, &a, T0), PENALTY_ENTERED);
    penalty_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threshold_and_decay),
        cmocka_unit_test(going_on),
        cmocka_unit_test(credit),
        cmocka_unit_test(ipv6_is_counted_by_64),
        cmocka_unit_test(eviction_is_not_cheap),
        cmocka_unit_test(a_busy_crowd_is_let_in_again),
        cmocka_unit_test(a_network_of_64s),
        cmocka_unit_test(translated_ipv4),
        cmocka_unit_test(connections),
        cmocka_unit_test(more_than_places),
        cmocka_unit_test(switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
