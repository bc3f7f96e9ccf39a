/* cmd/json_items and id_map: the pieces under `client import`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/id_map.h"
#include "cmd/json_items.h"

/* The items joined by "|"; "!" at the end when the text is broken. */
static const char *split(const char *text)
{
    static char out[512];
    struct json_items it;
    struct buf b;
    str item;
    buf_fixed(&b, out, sizeof out - 1);
    json_items_init(&it, str_from(text));
    while (json_items_next(&it, &item)) {
        buf_put(&b, item);
        buf_char(&b, '|');
    }
    if (it.broken)
        buf_char(&b, '!');
    out[b.n] = 0;
    return out;
}

static void splits(void **state)
{
    (void)state;
    assert_string_equal(split("[]"), "");
    assert_string_equal(split(" [ ] \n"), "");
    assert_string_equal(split("[{\"a\":[1,2]},{}]"), "{\"a\":[1,2]}|{}|");
    assert_string_equal(split("[\"],[\",\"\\\"],\"]"), "\"],[\"|\"\\\"],\"|");
    assert_string_equal(split("{\"a\":1}"), "{\"a\":1}|");
    assert_string_equal(split("[1,2"), "1|2|!");
    assert_string_equal(split("[1,"), "1|!");
    assert_string_equal(split("[1,,2]"), "1|!");
    assert_string_equal(split("[,1]"), "!");
    assert_string_equal(split("[1]]"), "1|!");
    assert_string_equal(split("[1}"), "1|!");
    assert_string_equal(split("["), "!");
    assert_string_equal(split("[\"\\"), "\"\\|!");
}

static void follows_lines(void **state)
{
    (void)state;
    assert_string_equal(split("{\"a\":1}\n{\"b\":\"}\"}\r\n\n {\n} \n"),
                        "{\"a\":1}|{\"b\":\"}\"}|{\n}|");
    assert_string_equal(split("{}{}"), "{}{}|"); /* for the strict reader to refuse */
    assert_string_equal(split("{} x\n{}"), "{} x\n{}|");
    assert_string_equal(split("{}\nx"), "{}|x|");
    assert_string_equal(split("{}\n["), "{}|[|");
    assert_string_equal(split("{\"a\":"), "{\"a\":|");
}

static void counts_lines(void **state)
{
    (void)state;
    struct json_items it;
    str item;
    json_items_init(&it, STR("\n[\n{\n},\n\n{}\n]"));
    assert_true(json_items_next(&it, &item));
    assert_int_equal(it.line, 3);
    assert_true(json_items_next(&it, &item));
    assert_int_equal(it.line, 6);
    assert_false(json_items_next(&it, &item));
    assert_false(it.broken);
}

static void maps(void **state)
{
    (void)state;
    struct arena a;
    struct id_map m;
    arena_init(&a, 1 << 24);
    id_map_init(&m, &a);
    for (uint32_t i = 0; i < 5000; i++) {
        struct id value = {{0}};
        memcpy(value.b, &i, sizeof i);
        assert_null(id_map_get(&m, (uint8_t *)&i, sizeof i));
        id_map_put(&m, (uint8_t *)&i, sizeof i, &value);
        id_map_put(&m, (uint8_t *)&i, sizeof i, &value);
    }
    assert_int_equal(m.n, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        const struct id *found = id_map_get(&m, (uint8_t *)&i, sizeof i);
        assert_non_null(found);
        assert_memory_equal(found->b, &i, sizeof i);
    }
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),
        cmocka_unit_test(follows_lines),
        cmocka_unit_test(counts_lines),
        cmocka_unit_test(maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
