/* Fuzz target: JSON. What is accepted is written by our writers and must be accepted again, with
 * the same result. */
#include <stdlib.h>

#include "base/limits.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(struct buf *b, const struct json *v)
{
    switch (v->type) {
    case JSON_NULL_T:
        json_nil(b);
        break;
    case JSON_BOOL_T:
        json_bool(b, v->i != 0);
        break;
    case JSON_INT_T:
        json_i64(b, v->i);
        break;
    case JSON_REAL_T:
        buf_printf(b, "%.17e", v->real);
        break;
    case JSON_STR_T:
        json_str(b, v->s);
        break;
    case JSON_ARRAY_T:
    case JSON_OBJECT_T:
        json_open(b, v->type == JSON_ARRAY_T ? '[' : '{');
        for (const struct json *c = v->first; c; c = c->next) {
            json_item(b);
            if (v->type == JSON_OBJECT_T) {
                json_str(b, c->name);
                buf_char(b, ':');
            }
            show(b, c);
        }
        json_close(b, v->type == JSON_ARRAY_T ? ']' : '}');
    }
}

static str written(struct arena *a, const struct json *v)
{
    struct buf b;
    buf_init(&b, a, 256, 1 << 20);
    show(&b, v);
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
