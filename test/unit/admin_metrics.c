/* metrics: the table, the page made from it, and the text format. Run from the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* before cmocka.h, which makes a macro of fail() */
#include "admin/scrape.h"

#include <cmocka.h>

enum { PAGE = 1 << 16 };

static void page_is_current(void **state)
{
    (void)state;
    static char storage[PAGE], page[PAGE];
    struct buf b;
    buf_fixed(&b, storage, sizeof storage);
    metrics_reference(&b);
    assert_false(b.overflow);
    FILE *file = fopen("docs/metrics.md", "r");
    assert_non_null(file);
    size_t n = fread(page, 1, sizeof page, file);
    fclose(file);
    if (!str_eq(str_make(page, n), buf_str(&b))) {
        fail_msg("docs/metrics.md is old; run: "
                 "build/release/postern list metrics --markdown >docs/metrics.md");
    }
}

/* What promtool demands of names, and that no name is taken twice. */
static void names_follow_the_custom(void **state)
{
    (void)state;
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric *m = &metrics_table[i];
        assert_non_null(m->name);
        assert_int_equal(str_ends(str_from(m->name), STR("_total")), m->type == METRICS_COUNTER);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(m->name, metrics_table[j].name);
    }
}

static void samples_have_the_labels_of_the_table(void **state)
{
    (void)state;
    static const struct metric two = {"m_total", METRICS_COUNTER, "a,b", "", NULL};
    static const struct metric none = {"n", METRICS_GAUGE, "", "", NULL};
    char storage[512];
    struct buf b;
    buf_fixed(&b, storage, sizeof storage);
    struct scrape s = {.b = &b, .metric = &two};
    scrape_int(&s, VALUES(STR("x"), STR("q\"\\\n")), 7);
    s.metric = &none;
    scrape_micro(&s, NO_VALUES, 1500000);
    scrape_micro(&s, NO_VALUES, -20);
    scrape_micro(&s, NO_VALUES, 3000000);
    assert_true(str_eq(buf_str(&b), STR("m_total{a=\"x\",b=\"q\\\"\\\\\\n\"} 7\n"
                                        "n 1.5\nn -0.00002\nn 3\n")));
}

static void buckets_add_up(void **state)
{
    (void)state;
    static const struct metric h = {"h", METRICS_HISTOGRAM, "r", "", NULL};
    static const int64_t ends[2] = {50, 1000000};
    metrics_counter counts[3] = {2, 0, 5};
    char storage[512];
    struct buf b;
    buf_fixed(&b, storage, sizeof storage);
    struct scrape s = {.b = &b, .metric = &h};
    scrape_histogram(&s, VALUES(STR("t")), ends, 2, counts, 10000001);
    assert_true(str_eq(buf_str(&b), STR("h_bucket{r=\"t\",le=\"0.00005\"} 2\n"
                                        "h_bucket{r=\"t\",le=\"1\"} 2\n"
                                        "h_bucket{r=\"t\",le=\"+Inf\"} 7\n"
                                        "h_sum{r=\"t\"} 10.000001\n"
                                        "h_count{r=\"t\"} 7\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_is_current),
        cmocka_unit_test(names_follow_the_custom),
        cmocka_unit_test(samples_have_the_labels_of_the_table),
        cmocka_unit_test(buckets_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
