/* store_change: the change log of a process, and the poll between processes. */
#include "store_support.h"

#include "store/client.h"

static void publish(struct change_log *log, uint8_t first)
{
    uint8_t subject[16] = {first};

    change_publish(log, CHANGE_CLIENT, subject);
}

static void readers_take_what_is_new(void **state)
{
    struct change_log *log = calloc(1, sizeof *log);
    struct change out[3];
    uint64_t a = 0, b = 0;
    bool lost;

    (void)state;
    change_log_init(log);
    assert_int_equal(change_take(log, &a, out, 3, &lost), 0);
    for (uint8_t i = 0; i < 4; i++)
        publish(log, i);
    assert_int_equal(change_take(log, &a, out, 3, &lost), 3);
    assert_false(lost);
    assert_int_equal(out[2].subject[0], 2);
    assert_int_equal(out[2].kind, CHANGE_CLIENT);
    assert_int_equal(change_take(log, &a, out, 3, &lost), 1);
    assert_int_equal(out[0].subject[0], 3);
    assert_int_equal(change_take(log, &a, out, 3, &lost), 0);
    assert_int_equal(change_take(log, &b, out, 1, &lost), 1); /* each reader for itself */
    free(log);
}

static void who_falls_behind_is_told(void **state)
{
    struct change_log *log = calloc(1, sizeof *log);
    struct change out[4];
    uint64_t seen = 0;
    bool lost;

    (void)state;
    change_log_init(log);
    for (int i = 0; i < CHANGE_LOG_SIZE; i++)
        publish(log, (uint8_t)i);
    assert_int_equal(change_take(log, &seen, out, 1, &lost), 1); /* a full ring is not too late */
    assert_false(lost);
    publish(log, 1);
    publish(log, 2);
    assert_int_equal(change_take(log, &seen, out, 4, &lost), 0);
    assert_true(lost);
    assert_int_equal(change_take(log, &seen, out, 4, &lost), 0);
    assert_false(lost);
    publish(log, 3);
    assert_int_equal(change_take(log, &seen, out, 4, &lost), 1);
    assert_int_equal(out[0].subject[0], 3);
    free(log);
}

static void tell(struct fixture *f, int64_t now_s, const struct uid *client)
{
    struct effects fx = fixture_effects(f);
    struct organization o = {.id = id_next(&f->ids, now_s), .name = STR("x")};

    organization_put(&fx, &o);
    effects_change(&fx, DROP, CHANGE_CLIENT, client->b, sizeof client->b);
    assert_int_equal(commit_one(f->db, &f->ids, now_s, &fx), OK);
}

static void another_process_hears_of_it_once(void **state)
{
    struct fixture *f = *state;
    struct db *other = fixture_handle(f->url, true);
    struct change_log *log = calloc(1, sizeof *log);
    struct change_poll poll = {0};
    struct change out[8];
    struct uid a = uid_new(), b = uid_new();
    uint64_t seen = 0;
    bool lost;

    change_log_init(log);
    assert_int_equal(change_poll(other, &poll, log, NOW), OK);
    tell(f, NOW, &a);
    assert_int_equal(change_poll(other, &poll, log, NOW), OK);
    assert_int_equal(change_take(log, &seen, out, 8, &lost), 1);
    assert_int_equal(out[0].kind, CHANGE_CLIENT);
    assert_memory_equal(out[0].subject, a.b, sizeof a.b);
    assert_int_equal(change_poll(other, &poll, log, NOW + 1), OK);
    assert_int_equal(change_take(log, &seen, out, 8, &lost), 0);
    tell(f, NOW - 5, &b); /* a slow writer, or one whose clock is behind */
    assert_int_equal(change_poll(other, &poll, log, NOW + 2), OK);
    assert_int_equal(change_take(log, &seen, out, 8, &lost), 1);
    assert_memory_equal(out[0].subject, b.b, sizeof b.b);
    assert_int_equal(change_poll(other, &poll, log, NOW + 60), OK);
    assert_int_equal(change_take(log, &seen, out, 8, &lost), 0);
    db_close(other);
    free(log);
}

static void more_than_the_poll_remembers(void **state)
{
    struct fixture *f = *state;
    struct change_log *log = calloc(1, sizeof *log);
    struct change_poll poll = {0};
    struct change out[16];
    struct uid client = uid_new();
    uint64_t seen = 0;
    size_t n, total = 0;
    bool lost;

    change_log_init(log);
    for (int i = 0; i < 300; i++)
        tell(f, NOW, &client);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(change_poll(f->db, &poll, log, NOW), OK);
        while ((n = change_take(log, &seen, out, 16, &lost)) > 0)
            total += n;
        assert_false(lost);
    }
    assert_true(total >= 300); /* twice is harmless, never is not */
    free(log);
}

static void old_rows_go(void **state)
{
    struct fixture *f = *state;
    struct uid client = uid_new();
    int64_t deleted;

    for (int i = 0; i < 5; i++)
        tell(f, NOW, &client);
    assert_int_equal(change_sweep(f->db, NOW + 3600, 10, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(change_sweep(f->db, NOW + 3601, 3, &deleted), OK);
    assert_int_equal(deleted, 3);
    assert_int_equal(change_sweep(f->db, NOW + 3601, 3, &deleted), OK);
    assert_int_equal(deleted, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_take_what_is_new),
        cmocka_unit_test(who_falls_behind_is_told),
        TEST(another_process_hears_of_it_once),
        TEST(more_than_the_poll_remembers),
        TEST(old_rows_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
