/* crypto_vectors: what the tests of crypto/ share: the published vectors and keys from them.
 */
#ifndef TEST_CRYPTO_VECTORS_H
#define TEST_CRYPTO_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "codec/b64url.h"
#include "codec/json.h"
#include "codec/url.h"

/* A file of test/vectors/; the tests run in the root of the repository. */
static inline struct json *vectors_read(struct arena *a, const char *path)
{
    struct json *out = NULL;
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s: run the tests in the root of the repository", path);
    char *text = arena_alloc(a, 65536);
    size_t n = fread(text, 1, 65536, f);
    fclose(f);
    assert_int_equal(json_parse(a, str_make(text, n), &out), OK);
    return out;
}

static inline str vectors_hex(struct arena *a, str hex)
{
    char *out = arena_alloc(a, hex.n / 2 + 1);
    for (size_t i = 0; i + 1 < hex.n; i += 2)
        out[i / 2] = (char)(url_hex_digit(hex.p[i]) * 16 + url_hex_digit(hex.p[i + 1]));
    return str_make(out, hex.n / 2);
}

static inline void assert_str(str got, str want)
{
    if (!str_eq(got, want))
        fail_msg("got \"%.*s\", want \"%.*s\"", STR_ARG(got), STR_ARG(want));
}

/* Every member of an array, with the name of its vector for messages. */
#define VECTORS_EACH(v, file, name)                                                                \
    for (const struct json *v = json_get((file), STR(name))->first; v; v = v->next)

#endif
