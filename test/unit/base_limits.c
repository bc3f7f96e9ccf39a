/* docs/limits.md says what base/limits.h says: every row, in order, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"

static const struct {
    const char *name;
    long value;
    const char *unit;
    const char *beyond;
} LIMITS[] = {
#define X(name, value, unit, beyond) {#name, value, unit, beyond},
    LIMIT_LIST(X)
#undef X
};

/* The rows of the table in the page, each "| `NAME` | VALUE UNIT | BEYOND |". */
static void the_page_has_every_limit(void **state)
{
    (void)state;
    char line[1024], expected[512];
    size_t row = 0;
    FILE *f = fopen("docs/limits.md", "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (strncmp(line, "| `", 3) != 0)
            continue;
        assert_true(row < sizeof(LIMITS) / sizeof(LIMITS[0]));
        snprintf(expected, sizeof(expected), "| `%s` | %ld %s | %s |", LIMITS[row].name,
                 LIMITS[row].value, LIMITS[row].unit, LIMITS[row].beyond);
        if (strncmp(line, expected, strlen(expected)) != 0)
            fail_msg("docs/limits.md has\n%sbase/limits.h wants\n%s", line, expected);
        row++;
    }
    fclose(f);
    assert_int_equal(row, sizeof(LIMITS) / sizeof(LIMITS[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_page_has_every_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
