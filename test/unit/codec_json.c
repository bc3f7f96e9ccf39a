/* codec/json: security.md A18, and the writers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "codec/json.h"

static struct arena arena;

static int wipe(void **state)
{
    (void)state;
    arena_reset(&arena);
    return 0;
}

static void accepted(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: the same */
    } T[] = {
        {"{}", NULL},
        {"[]", NULL},
        {"null", NULL},
        {"\"text\"", NULL},
        {" \t\r\n{ \"a\" : 1 } \n", "{\"a\":1}"},
        {"{\"b\":[1,-2,3.5,true,false,null,\"x\",{},[]],\"a\":{\"c\":{}}}", NULL},
        {"\"\\u00fc\\ud83d\\ude00\\n\\/\"", "\"\xc3\xbc\xf0\x9f\x98\x80\\n/\""},
        {"\"\\\\\"", NULL},
        {"[\"-0\",\"//\",\"[[[[[[[[[[[[[[[[[[[[[[\",\"9007199254740993\"]", NULL},
        {"[0,0.5,-0.5,1e3,-1]", "[0,0.5,-0.5,1000.0,-1]"},
        {"[1e16,-1e17,1e20]", "[10000000000000000.0,-1e+17,1e+20]"},
        {"9007199254740992", NULL},
        {"-9007199254740992", NULL},
        {"{\"\":1}", NULL},
        {"{\"__proto__\":1}", NULL},
        {"\"\x7f\"", NULL},
    };
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        struct json *v = NULL;
        struct buf b;
        const char *expected = T[i].out ? T[i].out : T[i].in;
        buf_init(&b, &arena, 256, 4096);
        if (json_parse(&arena, str_from(T[i].in), &v) != OK)
            fail_msg("refused %s", T[i].in);
        json_value(&b, v);
        if (!str_eq(buf_str(&b), str_from(expected)))
            fail_msg("%s -> %.*s", T[i].in, STR_ARG(buf_str(&b)));
    }
}

static const str REFUSED[] = {
    STR_INIT(""),
    STR_INIT(" "),
    STR_INIT("{\"a\":1,\"a\":2}"),
    STR_INIT("{\"a\":1,\"\\u0061\":2}"),
    STR_INIT("{\"x\":{\"a\":1,\"a\":1}}"),
    STR_INIT("/* c */{}"),
    STR_INIT("{}//c"),
    STR_INIT("{\"a\":1,}"),
    STR_INIT("[1,]"),
    STR_INIT("[,1]"),
    STR_INIT("[1 2]"),
    STR_INIT("{a:1}"),
    STR_INIT("{'a':1}"),
    STR_INIT("{\"a\"}"),
    STR_INIT("{1:2}"),
    STR_INIT("NaN"),
    STR_INIT("nan"),
    STR_INIT("[Infinity]"),
    STR_INIT("TRUE"),
    STR_INIT("truex"),
    STR_INIT("01"),
    STR_INIT("-01"),
    STR_INIT("+1"),
    STR_INIT(".5"),
    STR_INIT("5."),
    STR_INIT("1e"),
    STR_INIT("0x10"),
    STR_INIT("1e400"),
    STR_INIT("-1e400"),
    STR_INIT("-0"),
    STR_INIT("[-0]"),
    STR_INIT("-0.0"),
    STR_INIT("-0e1"),
    STR_INIT("-0.0e5"),
    STR_INIT("9007199254740993"),
    STR_INIT("-9007199254740993"),
    STR_INIT("9223372036854775808"),
    STR_INIT("100000000000000000000000000000000000000000"),
    STR_INIT("\xef\xbb\xbf{}"),
    STR_INIT("{\0}\0"),
    STR_INIT("{}x"),
    STR_INIT("{} {}"),
    STR_INIT("{}\0"),
    STR_INIT("{}\v"),
    STR_INIT("{}\xc2\xa0"),
    STR_INIT("\"\xff\""),
    STR_INIT("\"\xc0\xaf\""),
    STR_INIT("\"\xed\xa0\x80\""),
    STR_INIT("\"\xf4\x90\x80\x80\""),
    STR_INIT("\"\\ud800\""),
    STR_INIT("\"\\udc00\""),
    STR_INIT("\"\\ud800\\u0041\""),
    STR_INIT("\"\\u0000\""),
    STR_INIT("{\"\\u0000\":1}"),
    STR_INIT("\"a\0b\""),
    STR_INIT("\"a\nb\""),
    STR_INIT("\"a\tb\""),
    STR_INIT("\"\\x41\""),
    STR_INIT("\"\\u12\""),
    STR_INIT("\"open"),
    STR_INIT("\"open\\"),
    STR_INIT("\"open\\\""),
    STR_INIT("{"),
    STR_INIT("}"),
    STR_INIT("[}"),
    STR_INIT("]["),
    STR_INIT("{\"a\":"),
    STR_INIT("\xff\xfe{\0}\0"), /* UTF-16 */
};

static void refused(void **state)
{
    (void)state;
    struct json *const untouched = (struct json *)&arena;
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        struct json *v = untouched;
        if (json_parse(&arena, REFUSED[i], &v) != ERR_INVALID_BODY || v != untouched)
            fail_msg("row %zu: accepted %.*s", i, STR_ARG(REFUSED[i]));
    }
}

static str repeat(const char *front, const char *piece, const char *between, const char *back,
                  size_t n)
{
    struct buf b;
    buf_init(&b, &arena, 1024, 1 << 20);
    buf_put(&b, str_from(front));
    for (size_t i = 0; i < n; i++) {
        buf_put(&b, i > 0 ? str_from(between) : STR(""));
        buf_printf(&b, piece, (int)i);
    }
    buf_put(&b, str_from(back));
    return buf_str(&b);
}

static void limits(void **state)
{
    (void)state;
    const struct {
        str text;
        enum err expected;
    } T[] = {
        {repeat("{", "\"k%d\":1", ",", "}", LIMIT_JSON_MEMBERS), OK},
        {repeat("{", "\"k%d\":1", ",", "}", LIMIT_JSON_MEMBERS + 1), ERR_INVALID_BODY},
        {repeat("{\"a\":{", "\"k%d\":1", ",", "}}", LIMIT_JSON_MEMBERS - 1), OK},
        {repeat("{\"a\":{", "\"k%d\":1", ",", "}}", LIMIT_JSON_MEMBERS), ERR_INVALID_BODY},
        {repeat("[", "%d", ",", "]", LIMIT_JSON_MEMBERS), OK},
        {repeat("[", "%d", ",", "]", LIMIT_JSON_MEMBERS + 1), ERR_INVALID_BODY},
        {repeat("[", "{\"a\":%d}", ",", "]", LIMIT_JSON_MEMBERS / 2), OK},
        {repeat("[", "{\"a\":%d}", ",", "]", LIMIT_JSON_MEMBERS / 2 + 1), ERR_INVALID_BODY},
        {repeat("\"", "x", "", "\"", LIMIT_BODY - 2), OK},
        {repeat("\"", "x", "", "\"", LIMIT_BODY - 1), ERR_INVALID_BODY},
        {repeat("", "[", "", "", 60000), ERR_INVALID_BODY},
        {repeat("", "{\"a\":", "", "", 10000), ERR_INVALID_BODY},
    };
    struct json *v;
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++)
        if (json_parse(&arena, T[i].text, &v) != T[i].expected)
            fail_msg("row %zu", i);
    char deep[2 * (LIMIT_JSON_DEPTH + 1)];
    for (size_t d = LIMIT_JSON_DEPTH; d <= LIMIT_JSON_DEPTH + 1; d++) {
        memset(deep, '[', d);
        memset(deep + d, ']', d);
        assert_int_equal(json_parse(&arena, str_make(deep, 2 * d), &v),
                         d == LIMIT_JSON_DEPTH ? OK : ERR_INVALID_BODY);
    }
}

static void lookup(void **state)
{
    (void)state;
    struct json *v;
    str text = STR("{\"a\":\"x\",\"n\":7,\"o\":{\"a\":null}}");
    assert_int_equal(json_parse(&arena, text, &v), OK);
    assert_true(str_eq(json_get_str(v, STR("a")), STR("x")));
    assert_null(json_get_str(v, STR("n")).p);
    assert_null(json_get_str(v, STR("z")).p);
    assert_null(json_get(v, STR("z")));
    assert_null(json_get(NULL, STR("a")));
    assert_null(json_get(json_get(v, STR("n")), STR("a")));
    assert_true(json_is(json_get(json_get(v, STR("o")), STR("a")), JSON_NULL_T));
    assert_int_equal(json_get(v, STR("n"))->i, 7);
    assert_false(json_is(NULL, JSON_NULL_T));
}

static void writers(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, &arena, 16, 4096);
    json_open(&b, '{');
    json_key_str(&b, STR("s"), STR("a\"b\\c\n\x01\x1f\xff\xc3\xbc\xc3{"));
    json_key_i64(&b, STR("i"), -5);
    json_key_bool(&b, STR("t"), true);
    json_key(&b, STR("a"));
    json_open(&b, '[');
    json_item(&b);
    json_str(&b, STR("["));
    json_item(&b);
    json_nil(&b);
    json_close(&b, ']');
    json_key_str(&b, STR("e"), str_make(NULL, 0));
    json_close(&b, '}');
    assert_true(str_eq(
        buf_str(&b), STR("{\"s\":\"a\\\"b\\\\c\\n\\u0001\\u001f\xef\xbf\xbd\xc3\xbc\xef\xbf\xbd{\","
                         "\"i\":-5,\"t\":true,\"a\":[\"[\",null],\"e\":\"\"}")));
    /* What we write, we read. */
    struct json *v;
    assert_int_equal(json_parse(&arena, buf_str(&b), &v), OK);
    char storage[3];
    buf_fixed(&b, storage, sizeof(storage));
    json_key(&b, STR("abc"));
    assert_true(b.overflow);
}

/* Also a real beyond the integers that are read: claims of a user are stored as they were written.
 */
static void writes_what_was_read(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,-2,0.5,10000000000000000.0,1e+20,\"x\\\"\",null,true,"
                               "false,{},[]],\"b\\\"\":{\"c\":{}}}";
    struct buf b;
    struct json *v;
    assert_int_equal(json_parse(&arena, str_from(text), &v), OK);
    buf_init(&b, &arena, 16, 4096);
    json_value(&b, v);
    assert_true(str_eq(buf_str(&b), str_from(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(accepted, wipe),
        cmocka_unit_test_teardown(refused, wipe),
        cmocka_unit_test_teardown(limits, wipe),
        cmocka_unit_test_teardown(lookup, wipe),
        cmocka_unit_test_teardown(writers, wipe),
        cmocka_unit_test_teardown(writes_what_was_read, wipe),
    };
    arena_init(&arena, 1 << 24);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
