/* What logs may have of a path (security.md A31). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "oauth/public_path.h"

#define HANDLE "_1iY7HGEAAAAb2xhbGFsYWxhbGFsYWxhbGFsYWxhbGE"

static void handles_are_cut(void **state)
{
    static const char *const rows[][2] = {
        {"/oauth2/token", "/oauth2/token"},
        {"", ""},
        {"/admin/flows/pstf" HANDLE, "/admin/flows/pstf_..."},
        {"/admin/flows/pstf" HANDLE "/accept", "/admin/flows/pstf_.../accept"},
        {"/pstr" HANDLE "/x/psta" HANDLE, "/pstr_.../x/psta_..."},
        {"/x;pstc" HANDLE "%20", "/x;pstc_...%20"},
        {"/psta_", "/psta_"},
        {"/past_a/pst_a/psTa_b", "/past_a/pst_a/psTa_b"},
        {NULL, NULL},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; rows[i][0]; i++) {
        str got = public_path(&a, str_from(rows[i][0]));
        assert_string_equal(arena_cstr(&a, got), rows[i][1]);
    }
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(handles_are_cut)};

    return cmocka_run_group_tests_name("oauth public_path", tests, NULL, NULL);
}
