/* base/log, base/clock, base/err, base/id: what is written, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"

static int pipe_ends[2];

static int open_pipe(void **state)
{
    (void)state;
    return pipe(pipe_ends);
}

/* What was logged since the last call, without the time. */
static str logged(char *out, size_t size)
{
    (void)!write(pipe_ends[1], "|", 1);
    size_t n = 0;
    while (n == 0 || out[n - 1] != '|') {
        assert_true(n < size);
        assert_int_equal(read(pipe_ends[0], out + n, 1), 1);
        n++;
    }
    return str_make(out, n - 1);
}

static const size_t TIME_CHARS = sizeof("{\"time\":\"2026-11-21T23:54:57.123Z\",") - 1;

static void lines(void **state)
{
    (void)state;
    char out[8192];
    struct log_line l;
    log_open(pipe_ends[1], LOG_INFO);
    log_begin(&l, LOG_WARN, "request");
    log_str(&l, "path", STR("/a\"b\\c"));
    log_int(&l, "status", -200);
    log_bool(&l, "tls", true);
    log_end(&l);
    str s = logged(out, sizeof(out));
    assert_true(str_starts(s, STR("{\"time\":\"20")));
    assert_true(str_eq(str_sub(s, TIME_CHARS, s.n),
                       STR("\"level\":\"warn\",\"event\":\"request\",\"path\":\"/a\\\"b\\\\c\","
                           "\"status\":-200,\"tls\":true}\n")));
    log_begin(&l, LOG_DEBUG, "quiet");
    log_str(&l, "a", STR("b"));
    log_end(&l);
    log_note(LOG_DEBUG, "quiet", "%d", 1);
    assert_int_equal(logged(out, sizeof(out)).n, 0);
    log_open(pipe_ends[1], LOG_OFF);
    log_note(LOG_ERROR, "quiet", "%d", 1);
    assert_int_equal(logged(out, sizeof(out)).n, 0);
}

/* For people: columns, and quotes only where a value would not end by itself. */
static void text_lines(void **state)
{
    (void)state;
    static const size_t time_chars = sizeof("2026-11-21 23:54:57.123Z ") - 1;
    char out[8192], big[LOG_VALUE_MAX];
    struct log_line l;
    log_open(pipe_ends[1], LOG_INFO);
    log_text(true);
    log_begin(&l, LOG_INFO, "keys");
    log_str(&l, "path", STR("/a"));
    log_str(&l, "why", STR("two words\n x=\"y\""));
    log_str(&l, "forged", STR("a\nb"));
    log_str(&l, "empty", STR(""));
    log_int(&l, "status", 200);
    log_bool(&l, "tls", false);
    log_end(&l);
    str s = logged(out, sizeof(out));
    assert_true(str_starts(s, STR("20")));
    assert_true(s.p[10] == ' ' && s.p[23] == 'Z');
    assert_true(str_eq(str_sub(s, time_chars, s.n),
                       STR("info  keys     path=/a why=\"two words\\u000a x=\\\"y\\\"\" "
                           "forged=a\\u000ab empty=\"\" status=200 tls=false\n")));
    memset(big, 'x', sizeof(big));
    log_begin(&l, LOG_ERROR, "request");
    for (int i = 0; i < 20; i++)
        log_str(&l, "k", str_make(big, sizeof(big)));
    log_end(&l);
    s = logged(out, sizeof(out));
    assert_true(str_ends(s, STR("x cut=true\n")) && s.n <= LOG_LINE_MAX);
    log_text(false);
}

/* security.md A31 */
static void hostile_values(void **state)
{
    (void)state;
    static const struct {
        str in;
        const char *out;
    } T[] = {
        {STR_INIT("a\r\nb"), "a\\u000d\\u000ab"},
        {STR_INIT("\x1b[31m"), "\\u001b[31m"},
        {STR_INIT("a\0b"), "a\\u0000b"},
        {STR_INIT("\x7f"), "\\u007f"},
        {STR_INIT("\xe2\x80\xae"), "\\u202e"}, /* right-to-left override */
        {STR_INIT("\xe2\x81\xa6"), "\\u2066"},
        {STR_INIT("\xe2\x80\xa8"), "\\u2028"},
        {STR_INIT("\xc2\x85"), "\\u0085"}, /* C1 */
        {STR_INIT("\xff\xfe"), "\\ufffd\\ufffd"},
        {STR_INIT("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd"},
        {STR_INIT("%n${jndi:x}"), "%n${jndi:x}"},
        {STR_INIT("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f"},
    };
    char out[8192];
    log_open(pipe_ends[1], LOG_INFO);
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        struct log_line l;
        char expected[256];
        log_begin(&l, LOG_INFO, "x");
        log_str(&l, "v", T[i].in);
        log_end(&l);
        str s = logged(out, sizeof(out));
        int n = snprintf(expected, sizeof(expected),
                         "\"level\":\"info\",\"event\":\"x\",\"v\":\"%s\"}\n", T[i].out);
        if (!str_eq(str_sub(s, TIME_CHARS, s.n), str_make(expected, (size_t)n)))
            fail_msg("row %zu: %.*s", i, STR_ARG(s));
    }
}

static void values_and_lines_are_cut(void **state)
{
    (void)state;
    static char large[1 << 20];
    char out[8192];
    struct log_line l;
    log_open(pipe_ends[1], LOG_INFO);
    memset(large, 'a', sizeof(large));
    memcpy(large + 255, "\xc3\xbc", 2); /* straddles the limit: left out, not split */
    log_begin(&l, LOG_INFO, "x");
    log_str(&l, "v", str_make(large, sizeof(large)));
    log_end(&l);
    str s = logged(out, sizeof(out));
    assert_int_equal(str_find(s, '\xc3', 0), s.n);
    assert_true(s.n > 255 && s.n < 255 + 100);

    memset(large, 1, sizeof(large));
    log_begin(&l, LOG_INFO, "x");
    log_str(&l, "first", str_make(large, 100));
    log_str(&l, "second", str_make(large, sizeof(large)));
    log_int(&l, "third", 3);
    log_end(&l);
    s = logged(out, sizeof(out));
    assert_true(s.n <= LOG_LINE_MAX);
    assert_true(str_ends(s, STR("\\u0001\",\"cut\":true}\n")));
}

static void batches(void **state)
{
    (void)state;
    static struct log_batch batch;
    char out[40000];
    size_t lines_n = 0;
    log_open(pipe_ends[1], LOG_INFO);
    for (int i = 0; i < 300; i++) {
        struct log_line l;
        log_begin(&l, LOG_INFO, "x");
        log_int(&l, "i", i);
        log_end_batch(&l, &batch);
    }
    log_flush(&batch);
    assert_int_equal(batch.n, 0);
    str s = logged(out, sizeof(out)), line;
    while (str_next(&s, '\n', &line)) {
        assert_true(str_starts(line, STR("{\"time\"")) && str_ends(line, STR("}")));
        lines_n++;
    }
    assert_int_equal(lines_n, 300);
}

/* Every day from 1970 to 2400, compared with the C library. */
static void dates(void **state)
{
    (void)state;
    for (int64_t t = 3661; t < INT64_C(13569465600); t += 86399) {
        char ours[29], theirs[64];
        struct tm tm;
        time_t when = (time_t)t;
        gmtime_r(&when, &tm);
        clock_http_date(t, ours);
        strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_memory_equal(ours, theirs, 29);
        clock_rfc3339(t, ours);
        strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm);
        assert_memory_equal(ours, theirs, 20);
    }
    char ms[24];
    clock_rfc3339_ms(INT64_C(1700000000007999), ms);
    assert_memory_equal(ms, "2023-11-14T22:13:20.007Z", 24);
    clock_rfc3339_ms(INT64_MAX, ms);
    assert_memory_equal(ms, "9999-12-31T23:59:59", 19);
    clock_rfc3339_ms(-5, ms);
    assert_memory_equal(ms, "1970-01-01T00:00:00.000Z", 24);
    struct clock fixed = {.fixed_us = 1700000000500000}, real = {0};
    assert_int_equal(clock_now_s(&fixed), 1700000000);
    assert_true(clock_now_s(&real) >= 1700000000);
    int64_t before = clock_mono_us();
    assert_true(clock_mono_us() >= before);
    assert_true(clock_mono_ms() - before / 1000 < 1000);
}

static void errors(void **state)
{
    (void)state;
    for (unsigned e = 1; e < ERR_COUNT; e++) {
        const struct err_info *info = err_info((enum err)e);
        assert_non_null(info->id);
        assert_true(info->status >= 400 && info->status < 600);
        assert_true(strlen(info->meaning) > 10);
    }
    assert_string_equal(err_info(ERR_INVALID_GRANT)->wire, "invalid_grant");
    assert_int_equal(err_info(ERR_INVALID_CLIENT)->status, 401);
}

static void row_ids(void **state)
{
    (void)state;
    struct id_source src;
    struct id last, next, read;
    char text[ID_HEX];
    struct buf b;
    id_source_init(&src);
    last = id_next(&src, 1700000000);
    assert_int_equal(id_time_s(&last), 1700000000);
    for (int i = 0; i < 1000; i++) {
        next = id_next(&src, 1700000000);
        assert_true(memcmp(last.b, next.b, ID_BYTES) < 0);
        last = next;
    }
    struct id floor = id_floor(1700000000), above = id_floor(1700000001);
    assert_true(memcmp(floor.b, last.b, ID_BYTES) < 0);
    assert_true(memcmp(above.b, last.b, ID_BYTES) > 0);
    buf_fixed(&b, text, sizeof(text));
    id_write(&b, &last);
    assert_int_equal(b.n, ID_HEX);
    assert_true(id_parse(buf_str(&b), &read) && id_eq(&read, &last));
    assert_false(id_parse(str_sub(buf_str(&b), 0, 23), &read));
    assert_false(id_parse(STR("0123456789ABCDEF01234567"), &read));
    assert_false(id_parse(STR("0123456789abcdefg1234567"), &read));
    struct id late = id_floor(INT64_C(4294967295));
    assert_int_equal(id_time_s(&late), INT64_C(4294967295));
}

static void party_ids(void **state)
{
    (void)state;
    static const char *const GOOD[] = {
        "0123abcd-4567-89ab-cdef-0123456789ab",
        "0123ABCD-4567-89AB-CDEF-0123456789AB",
        "OQ0123abcd456789abcdef0123456789ab",
        "OQ0123ABCD456789abcdef0123456789ab",
    };
    static const char *const BAD[] = {
        "",
        "0123abcd456789abcdef0123456789ab",
        "US0123abcd456789abcdef0123456789ab",
        "oq0123abcd456789abcdef0123456789ab",
        "OQ0123abcd456789abcdef0123456789a",
        "OQ0123abcd456789abcdef0123456789abc",
        "0123abcd-4567-89ab-cdef_0123456789ab",
        "0123abcd-4567-89ab-cdef-0123456789ag",
        "0123abcd-4567-89ab-cdef-0123456789ab ",
        "0123abcd4-567-89ab-cdef-0123456789ab",
    };
    struct uid id, first;
    enum spelling as;
    char text[UID_UUID_CHARS];
    struct buf b;
    assert_true(uid_parse(str_from(GOOD[0]), "OQ", &first, &as));
    for (size_t i = 0; i < 4; i++) {
        assert_true(uid_parse(str_from(GOOD[i]), "OQ", &id, &as) && uid_eq(&id, &first));
        assert_int_equal(as, i < 2 ? SPELLING_UUID : SPELLING_SID);
        buf_fixed(&b, text, sizeof(text));
        uid_write(&b, &id, "OQ", as);
        assert_true(str_eq(buf_str(&b), str_from(GOOD[i / 2 * 2]))); /* written in lower case */
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        if (uid_parse(str_from(BAD[i]), "OQ", &id, &as))
            fail_msg("accepted \"%s\"", BAD[i]);
    id = uid_new();
    first = uid_new();
    assert_false(uid_eq(&id, &first));
    assert_int_equal(id.b[6] >> 4, 4);
    assert_int_equal(id.b[8] >> 6, 2);
}

/* Nobody reads: the writer goes on, the lines are counted, and what arrived is whole. */
static void a_full_pipe_stops_nothing(void **state)
{
    enum { LINES = 2000 };
    struct log_batch batch = {.n = 0};
    char seen[1 << 17];
    int full[2];
    long arrived = 0;
    (void)state;
    assert_int_equal(pipe(full), 0);
    log_open(full[1], LOG_INFO);
    for (int i = 0; i < LINES; i++) {
        struct log_line l;
        log_begin(&l, LOG_INFO, "request");
        log_int(&l, "number", i);
        log_end_batch(&l, &batch);
    }
    log_flush(&batch);
    ssize_t n = read(full[0], seen, sizeof(seen));
    assert_true(n > 0);
    assert_int_equal(seen[n - 1], '\n');
    for (ssize_t i = 0; i < n; i++)
        arrived += seen[i] == '\n';
    assert_int_equal(log_lost(), LINES - arrived);
    assert_int_equal(log_lost(), 0);
    assert_true(arrived < LINES);
    close(full[0]);
    close(full[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(text_lines),
        cmocka_unit_test(hostile_values),
        cmocka_unit_test(batches),
        cmocka_unit_test(a_full_pipe_stops_nothing),
        cmocka_unit_test(values_and_lines_are_cut),
        cmocka_unit_test(dates),
        cmocka_unit_test(errors),
        cmocka_unit_test(row_ids),
        cmocka_unit_test(party_ids),
    };
    return cmocka_run_group_tests(tests, open_pipe, NULL);
}
