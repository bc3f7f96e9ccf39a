/* lease: one holder at a time, renewals, a takeover only when the skew of clocks has passed. */
#include "store_support.h"

#include "store/lease.h"

static enum err take(struct fixture *f, const struct id *who, int64_t now_s)
{
    struct effects fx = fixture_effects(f);

    lease_take(&fx, "housekeeping", who, now_s);
    return fixture_commit(f, &fx);
}

static void one_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct id a = id_next(&f->ids, NOW), b = id_next(&f->ids, NOW);
    int64_t end_s = NOW + 8 + LEASE_LIFE_S;

    assert_int_equal(take(f, &a, NOW), OK);
    assert_int_equal(take(f, &b, NOW), ERR_CONFLICT);
    assert_int_equal(take(f, &a, NOW + 8), OK); /* renewed */
    assert_int_equal(take(f, &b, NOW + LEASE_LIFE_S + LEASE_SKEW_S), ERR_CONFLICT);
    assert_int_equal(take(f, &b, end_s), ERR_CONFLICT);
    assert_int_equal(take(f, &b, end_s + LEASE_SKEW_S - 1), ERR_CONFLICT);
    assert_int_equal(take(f, &b, end_s + LEASE_SKEW_S), OK);
    assert_int_equal(take(f, &a, end_s + LEASE_SKEW_S), ERR_CONFLICT); /* lost for good */
}

static void dropped_is_free_at_once(void **state)
{
    struct fixture *f = *state;
    struct id a = id_next(&f->ids, NOW), b = id_next(&f->ids, NOW);
    struct effects fx = fixture_effects(f);

    assert_int_equal(take(f, &a, NOW), OK);
    lease_drop(&fx, "housekeeping", &b); /* another's: nothing happens */
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(take(f, &b, NOW), ERR_CONFLICT);
    fx = fixture_effects(f);
    lease_drop(&fx, "housekeeping", &a);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(take(f, &b, NOW), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_at_a_time),
        TEST(dropped_is_free_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
