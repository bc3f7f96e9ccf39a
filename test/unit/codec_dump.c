/* Records of a backup: what is written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/dump.h"

struct fixture {
    struct arena a;
    struct buf b;
    size_t at;
    struct dump_reader r;
    struct dump_record got;
};

static enum err source(void *arg, void *out, size_t n)
{
    struct fixture *f = arg;
    if (n > f->b.n - f->at)
        return ERR_ABSENT;
    memcpy(out, f->b.p + f->at, n);
    f->at += n;
    return OK;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->a, 128 << 20);
    buf_init(&f->b, &f->a, 4096, 1 << 20);
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

static void put(struct fixture *f, struct dump_record record)
{
    assert_true(dump_write(&f->b, &record));
}

static void put_table(struct fixture *f, str name)
{
    put(f, (struct dump_record){
               .kind = DUMP_TABLE,
               .name = name,
               .n = 3,
               .columns = {{STR("a"), DUMP_INT}, {STR("b"), DUMP_TEXT}, {STR("c"), DUMP_BLOB}}});
}

static void put_row(struct fixture *f, int64_t i)
{
    put(f, (struct dump_record){
               .kind = DUMP_ROW,
               .n = 3,
               .values = {{DUMP_INT, i, {0}}, {DUMP_TEXT, 0, STR("")}, {DUMP_NULL, 0, {0}}}});
}

static void put_sum(struct fixture *f, uint64_t rows)
{
    put(f, (struct dump_record){.kind = DUMP_SUM, .rows = rows, .digest = UINT64_MAX});
}

static void put_end(struct fixture *f)
{
    put(f, (struct dump_record){.kind = DUMP_END});
}

/* Reads to the end: OK, or what the first bad record gives. */
static enum err read_all(struct fixture *f)
{
    enum err e;
    f->at = 0;
    dump_reader_init(&f->r, source, f);
    while ((e = dump_next(&f->r, &f->a, &f->got)) == OK && f->got.kind != DUMP_END)
        ;
    return e;
}

static void what_is_written_is_read(void **state)
{
    struct fixture *f = *state;
    put_table(f, STR("one"));
    put_row(f, INT64_MIN);
    put_sum(f, 1);
    put_end(f);
    dump_reader_init(&f->r, source, f);
    assert_int_equal(dump_next(&f->r, &f->a, &f->got), OK);
    assert_true(f->got.kind == DUMP_TABLE && str_eq(f->got.name, STR("one")) && f->got.n == 3);
    assert_true(str_eq(f->got.columns[2].name, STR("c")) && f->got.columns[2].type == DUMP_BLOB);
    assert_int_equal(dump_next(&f->r, &f->a, &f->got), OK);
    assert_true(f->got.kind == DUMP_ROW && f->got.values[0].i == INT64_MIN);
    assert_true(f->got.values[1].type == DUMP_TEXT && f->got.values[1].s.n == 0);
    assert_int_equal(f->got.values[2].type, DUMP_NULL);
    assert_int_equal(dump_next(&f->r, &f->a, &f->got), OK);
    assert_true(f->got.kind == DUMP_SUM && f->got.rows == 1 && f->got.digest == UINT64_MAX);
    assert_int_equal(dump_next(&f->r, &f->a, &f->got), OK);
    assert_int_equal(f->got.kind, DUMP_END);
}

static void a_cut_is_seen(void **state)
{
    struct fixture *f = *state;
    put_table(f, STR("one"));
    put_row(f, 1);
    put_sum(f, 1);
    put_end(f);
    for (size_t whole = f->b.n; f->b.n > 0;) {
        f->b.n--;
        assert_int_equal(read_all(f), ERR_INVALID_REQUEST);
        assert_true(f->b.n < whole);
    }
}

/* Each builds one file that breaks one rule. */
static void row_without_table(struct fixture *f)
{
    put_row(f, 1);
}
static void table_in_table(struct fixture *f)
{
    put_table(f, STR("one"));
    put_table(f, STR("two"));
}
static void tables_out_of_order(struct fixture *f)
{
    put_table(f, STR("two"));
    put_sum(f, 0);
    put_table(f, STR("one"));
}
static void table_twice(struct fixture *f)
{
    put_table(f, STR("one"));
    put_sum(f, 0);
    put_table(f, STR("one"));
}
static void rows_miscounted(struct fixture *f)
{
    put_table(f, STR("one"));
    put_row(f, 1);
    put_sum(f, 2);
}
static void end_in_table(struct fixture *f)
{
    put_table(f, STR("one"));
    put_end(f);
}
static void more_behind_the_end(struct fixture *f)
{
    put_end(f);
    put_end(f);
}
static void value_of_another_type(struct fixture *f)
{
    put_table(f, STR("one"));
    put(f, (struct dump_record){
               .kind = DUMP_ROW,
               .n = 3,
               .values = {{DUMP_TEXT, 0, STR("1")}, {DUMP_TEXT, 0, STR("")}, {DUMP_NULL, 0, {0}}}});
}
static void value_too_few(struct fixture *f)
{
    put_table(f, STR("one"));
    put(f, (struct dump_record){.kind = DUMP_ROW, .n = 2, .values = {{DUMP_INT, 1, {0}}}});
}
static void value_too_many(struct fixture *f)
{
    put_table(f, STR("one"));
    put(f, (struct dump_record){.kind = DUMP_ROW, .n = 4, .values = {{DUMP_INT, 1, {0}}}});
}
static void name_that_is_sql(struct fixture *f)
{
    put_table(f, STR("a\"; DROP TABLE client; --"));
}
static void columns_out_of_order(struct fixture *f)
{
    put(f, (struct dump_record){.kind = DUMP_TABLE,
                                .name = STR("one"),
                                .n = 2,
                                .columns = {{STR("b"), DUMP_INT}, {STR("a"), DUMP_INT}}});
}
static void no_columns(struct fixture *f)
{
    put(f, (struct dump_record){.kind = DUMP_TABLE, .name = STR("one"), .n = 0});
}
static void too_long(struct fixture *f)
{
    buf_put(&f->b, STR("\002\377\377\377\377"));
}
static void unknown_kind(struct fixture *f)
{
    buf_put(&f->b, STR("\011\0\0\0\0"));
}

static void what_breaks_a_rule_is_refused(void **state)
{
    static void (*const files[])(struct fixture *) = {
        row_without_table, table_in_table, tables_out_of_order, table_twice,
        rows_miscounted,   end_in_table,   more_behind_the_end, value_of_another_type,
        value_too_few,     value_too_many, name_that_is_sql,    columns_out_of_order,
        no_columns,        too_long,       unknown_kind,
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        f->b.n = 0;
        files[i](f);
        if (read_all(f) != ERR_INVALID_REQUEST)
            fail_msg("file %zu was taken", i);
    }
}

static void a_record_that_is_too_long_is_not_written(void **state)
{
    struct fixture *f = *state;
    struct dump_record row = {.kind = DUMP_ROW, .n = 1};
    row.values[0] = (struct dump_value){DUMP_BLOB, 0, {arena_alloc(&f->a, 2 << 20), 2 << 20}};
    assert_false(dump_write(&f->b, &row));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(a_cut_is_seen),
        TEST(what_breaks_a_rule_is_refused),
        TEST(a_record_that_is_too_long_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
