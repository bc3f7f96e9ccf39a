/* docs/settings.md is what `postern config --reference --markdown` writes. Run from the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config/settings.h"

enum { PAGE = 1 << 18 };

static void page_is_current(void **state)
{
    (void)state;
    static char storage[PAGE], page[PAGE];
    struct buf b;
    buf_fixed(&b, storage, sizeof storage);
    settings_reference(&b, true);
    assert_false(b.overflow);
    FILE *file = fopen("docs/settings.md", "r");
    assert_non_null(file);
    size_t n = fread(page, 1, sizeof page, file);
    fclose(file);
    if (!str_eq(str_make(page, n), buf_str(&b))) {
        fail_msg("docs/settings.md is old; run: "
                 "build/release/postern config --reference --markdown >docs/settings.md");
    }
}

/* The commented YAML names every setting once, and reads back as nothing but comments. */
static void yaml_names_all(void **state)
{
    (void)state;
    static char storage[PAGE];
    struct buf b;
    buf_fixed(&b, storage, sizeof storage - 1);
    settings_reference(&b, false);
    assert_false(b.overflow);
    storage[b.n] = 0;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char line[128];
        snprintf(line, sizeof line, "\n#%s: ", setting_infos[i].name);
        assert_non_null(strstr(storage, line));
    }
    str rest = buf_str(&b), line;
    while (str_cut(rest, '\n', &line, &rest))
        assert_true(line.n == 0 || line.p[0] == '#');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_is_current),
        cmocka_unit_test(yaml_names_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
