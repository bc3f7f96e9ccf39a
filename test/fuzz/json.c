/* Fuzz target: JSON. What is accepted is written by our writers and must be accepted again, with
 * the same result. */
#include <stdlib.h>

#include "base/limits.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static str written(struct arena *a, const struct json *v)
{
    struct buf b;
    buf_init(&b, a, 256, 1 << 20);
    json_value(&b, v);
    return buf_str(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct json *v, *again;
    arena_init(&a, LIMIT_REQUEST_ARENA);
    if (json_parse(&a, str_make((const char *)data, size), &v) == OK) {
        str once = written(&a, v);
        /* Writing may lengthen (reals, escapes) beyond what is read. */
        if (once.n <= LIMIT_BODY &&
            (json_parse(&a, once, &again) != OK || !str_eq(once, written(&a, again))))
            abort();
    }
    arena_free(&a);
    return 0;
}
