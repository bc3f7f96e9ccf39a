/* The head of a backup: what was written is read, and each member is judged. */
#include "crypto_vectors.h"

#include <string.h>

#include "base/buf.h"
#include "crypto/backup_head.h"

struct fixture {
    struct arena a;
    struct backup_head head;
    char why[256];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->a, 4 << 20);
    f->head = (struct backup_head){.program = STR("1.2.3"),
                                   .schema = 5,
                                   .created_s = 1795331916,
                                   .store = STR("sqlite"),
                                   .seal = {STREAM_PASSPHRASE, 65536, 3, 4, {1, 2}, {3, 4}},
                                   .masters_n = 2,
                                   .masters = {{0xab, 1}, {0xcd, 2}}};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(&f->a);
    free(f);
    return 0;
}

static str written(struct fixture *f)
{
    struct buf b;
    buf_init(&b, &f->a, 1024, BACKUP_HEAD_MAX);
    backup_head_write(&b, &f->head);
    assert_false(b.overflow);
    return buf_str(&b);
}

static enum err parse(struct fixture *f, str front, struct backup_head *out)
{
    size_t n = 0;
    enum err e = backup_head_parse(&f->a, front, out, &n, f->why, sizeof f->why);
    if (e == OK)
        assert_true(n > 0 && n <= front.n && front.p[n - 1] == '\n');
    return e;
}

static void what_was_written_is_read(void **state)
{
    struct fixture *f = *state;
    static const struct stream_seal seals[] = {{STREAM_PASSPHRASE, 65536, 3, 4, {1, 2}, {3, 4}},
                                               {STREAM_KEY, 0, 0, 0, {5, 6}, {7, 8}}};
    for (size_t i = 0; i < 2; i++) {
        struct backup_head got;
        f->head.seal = seals[i];
        f->head.masters_n = i == 0 ? 2 : 0;
        str head = written(f), file = arena_printf(&f->a, "%.*ssealed\nrows", STR_ARG(head));
        assert_int_equal(parse(f, file, &got), OK);
        assert_str(got.program, f->head.program);
        assert_str(got.store, f->head.store);
        assert_int_equal(got.schema, 5);
        assert_int_equal(got.created_s, 1795331916);
        assert_memory_equal(&got.seal, &seals[i], sizeof seals[i]);
        assert_int_equal(got.masters_n, f->head.masters_n);
        assert_memory_equal(got.masters, f->head.masters, got.masters_n * sizeof got.masters[0]);
    }
}

static void what_is_no_backup_is_called_so(void **state)
{
    struct fixture *f = *state;
    struct backup_head got;
    static const char *const fronts[] = {"", "\n", "SQLite format 3", "postern backup 1",
                                         "Postern backup 1\n{}\n"};
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
        assert_int_equal(parse(f, str_from(fronts[i]), &got), ERR_INVALID_REQUEST);
        assert_string_equal(f->why, "is no backup of postern");
    }
    assert_int_equal(parse(f, STR("postern backup 2\n{}\n"), &got), ERR_INVALID_REQUEST);
    assert_non_null(strstr(f->why, "a format that this program does not know"));
}

/* The text with one place changed; fails the test when the place is not there. */
static str changed(struct fixture *f, const char *from, const char *to)
{
    char *text = arena_cstr(&f->a, written(f)), *at = strstr(text, from);
    if (!at)
        fail_msg("no %s in %s", from, text);
    return arena_printf(&f->a, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void each_member_is_judged(void **state)
{
    struct fixture *f = *state;
    static const char *const changes[][2] = {
        {"{\"program\"", "\"program\""},
        {"]}\n", "]}"}, /* the line has no end */
        {"\"program\":\"1.2.3\"", "\"program\":\"\""},
        {"\"program\":\"1.2.3\"", "\"program\":7"},
        {"\"program\":\"1.2.3\"", "\"program\":\"\\u001b[2J\""},
        {"1.2.3", "0123456789012345678901234567890123456789012345678901234567890123x"},
        {"\"program\"", "\"x\""},
        {"\"schema\":5", "\"schema\":0"},
        {"\"schema\":5", "\"schema\":-1"},
        {"\"schema\":5", "\"schema\":2147483648"},
        {"\"schema\":5", "\"schema\":\"5\""},
        {"\"created_s\":1795331916", "\"created_s\":-1"},
        {"\"created_s\":1795331916", "\"created_s\":2147483647001"},
        {"\"created_s\"", "\"x\""},
        {"\"store\":\"sqlite\"", "\"store\":null"},
        {"\"secret\":\"passphrase\"", "\"secret\":\"word\""},
        {"\"secret\":\"passphrase\"", "\"secret\":1"},
        {"\"seal\"", "\"x\""},
        {"\"memory_kib\":65536", "\"memory_kib\":-1"},
        {"\"passes\":3", "\"passes\":1.5"},
        {"\"lanes\":4", "\"lanes\":null"},
        {"\"salt\":\"AQ", "\"salt\":\"A"},
        {"\"salt\":\"AQ", "\"salt\":\"=Q"},
        {"\"check\":\"Aw", "\"check\":\"AwA"},
        {"\"check\"", "\"x\""},
        {"\"master_keys\":[", "\"master_keys\":[1,"},
        {"\"master_keys\":[\"ab", "\"master_keys\":[\"a"},
        {"\"master_keys\":[\"ab", "\"master_keys\":[\"xy"},
        {"\"master_keys\"", "\"x\""},
        {"\"master_keys\":[", "\"master_keys\":[[],"},
        {"\"master_keys\":", "\"master_keys\":{},\"x\":"},
    };
    struct backup_head got;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        str front = changed(f, changes[i][0], changes[i][1]);
        if (parse(f, front, &got) != ERR_INVALID_REQUEST)
            fail_msg("%s passed as %s", changes[i][0], changes[i][1]);
        assert_string_equal(f->why, "is damaged: its head cannot be read");
    }
    assert_int_equal(parse(f, changed(f, "\"seal\"", "\"later\":[1],\"seal\""), &got), OK);
}

/* Bounds of types are no way around the bounds of stream.c. */
static void a_cost_beyond_its_type_is_beyond_every_bound(void **state)
{
    struct fixture *f = *state;
    struct backup_head got;
    struct secret key;
    str front =
        changed(f, "\"memory_kib\":65536", "\"memory_kib\":4295032832"); /* 65536 mod 2^32 */
    assert_int_equal(parse(f, front, &got), OK);
    assert_int_equal(got.seal.memory_kib, UINT32_MAX);
    assert_int_equal(stream_seal_open(&got.seal, STR("secret"), &key), ERR_INVALID_REQUEST);
}

static void more_master_keys_than_there_is_room_are_refused(void **state)
{
    struct fixture *f = *state;
    struct backup_head got;
    f->head.masters_n = BACKUP_MASTERS;
    assert_int_equal(parse(f, written(f), &got), OK);
    assert_int_equal(got.masters_n, BACKUP_MASTERS);
    str front = changed(f, "\"master_keys\":[", "\"master_keys\":[\"0011223344556677\",");
    assert_int_equal(parse(f, front, &got), ERR_INVALID_REQUEST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_read),
        TEST(what_is_no_backup_is_called_so),
        TEST(each_member_is_judged),
        TEST(a_cost_beyond_its_type_is_beyond_every_bound),
        TEST(more_master_keys_than_there_is_room_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
