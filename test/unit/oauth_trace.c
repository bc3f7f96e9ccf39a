/* trace: which traceparent is one (W3C Trace Context 3.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oauth/trace.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static bool reads(const char *value, struct trace *out)
{
    struct http_req req = {.headers_n = 2};
    req.headers[0] = (struct http_header){STR("Accept"), STR("*/*")};
    req.headers[1] = (struct http_header){STR("Traceparent"), str_from(value)};
    return trace_read(&req, out);
}

static void good(void **state)
{
    (void)state;
    static const char *const values[] = {
        "00-" TRACE "-" PARENT "-01",
        "00-" TRACE "-" PARENT "-00",
        "cc-" TRACE "-" PARENT "-01",
        "cc-" TRACE "-" PARENT "-01-what-the-future-brings",
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct trace t = {0};
        assert_true(reads(values[i], &t));
        assert_true(str_eq(t.trace_id, STR(TRACE)));
        assert_true(str_eq(t.parent_id, STR(PARENT)));
    }
}

static void bad(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        "00",
        "00-" TRACE "-" PARENT,
        "00-" TRACE "-" PARENT "-0",
        "00-" TRACE "-" PARENT "-0g",
        "00-" TRACE "-" PARENT "-01-x",
        "00-" TRACE "-" PARENT "-011",
        "cc-" TRACE "-" PARENT "-011",
        "ff-" TRACE "-" PARENT "-01",
        "0-" TRACE "-" PARENT "-001",
        "00_" TRACE "-" PARENT "-01",
        "00-" TRACE "_" PARENT "-01",
        "00-" TRACE "-" PARENT "_01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\"-" PARENT "-01",
        " 00-" TRACE "-" PARENT "-01",
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct trace t;
        if (reads(values[i], &t))
            fail_msg("taken: %s", values[i]);
    }
}

/* Two of them: which one is the caller's? */
static void one_only(void **state)
{
    (void)state;
    struct trace t;
    struct http_req req = {.headers_n = 0};
    assert_false(trace_read(&req, &t));
    req.headers_n = 2;
    req.headers[0] = req.headers[1] =
        (struct http_header){STR("traceparent"), STR("00-" TRACE "-" PARENT "-01")};
    assert_false(trace_read(&req, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad),
        cmocka_unit_test(one_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
