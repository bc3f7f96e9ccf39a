/* cmd/explain_remedy: whatever leaves the server with an error has a remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/explain_remedy.h"
#include "oauth/check/checks.h"

#include <cmocka.h> /* last: its fail() is a macro */

static void every_error_has_one(void **state)
{
    (void)state;
    for (int e = OK + 1; e < ERR_COUNT; e++) {
        const struct err_info *info = err_info((enum err)e);
        if (!*info->wire)
            continue;
        if (!explain_remedy(STR(""), str_from(info->id)))
            fail_msg("%s has no remedy", info->id);
        if (!explain_remedy(STR(""), str_from(info->wire)))
            fail_msg("%s has no remedy", info->wire);
    }
}

static void every_rule_has_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < checks_n; i++) {
        const char *remedy = explain_remedy(str_from(checks[i].name), STR("INVALID_REQUEST"));
        if (!remedy || remedy != checks[i].remedy)
            fail_msg("the rule %s has no remedy of its own", checks[i].name);
    }
}

static void unknown_ones(void **state)
{
    (void)state;
    assert_null(explain_remedy(STR(""), STR("")));
    assert_null(explain_remedy(STR("no such rule"), STR("no such error")));
    assert_non_null(explain_remedy(STR("no such rule"), STR("INVALID_REQUEST")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_one),
        cmocka_unit_test(every_rule_has_one),
        cmocka_unit_test(unknown_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
