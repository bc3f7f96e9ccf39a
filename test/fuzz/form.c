/* Fuzz target: forms. Names and values are UTF-8 within their limits, and what is encoded again
 * decodes to the same. */
#include <stdlib.h>

#include "codec/form.h"
#include "codec/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_component(struct arena *a, str s, size_t most)
{
    struct buf b;
    str back;
    check(s.n <= most && url_is_utf8(s) && (s.n == 0 || !memchr(s.p, '\0', s.n)));
    buf_init(&b, a, 64, 3 * most);
    url_encode(&b, s);
    check(!b.overflow && form_decode(a, buf_str(&b), &back) == OK && str_eq(s, back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct form f;
    arena_init(&a, LIMIT_REQUEST_ARENA);
    if (form_parse(&a, str_make((const char *)data, size), &f) == OK) {
        check(f.n <= LIMIT_PARAMS);
        for (size_t i = 0; i < f.n; i++) {
            check_component(&a, f.pairs[i].name, LIMIT_PARAM_NAME);
            check_component(&a, f.pairs[i].value, LIMIT_PARAM_VALUE);
        }
    }
    arena_free(&a);
    return 0;
}
