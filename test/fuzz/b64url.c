/* Fuzz target: base64 in both alphabets. One value has one spelling: what decodes, encodes back
 * to the very same text. */
#include <stdlib.h>

#include "base/limits.h"
#include "codec/b64url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf b;
    str text = str_make((const char *)data, size), bytes;
    char exact[64];
    arena_init(&a, LIMIT_REQUEST_ARENA);
    buf_init(&b, &a, size + 4, 2 * size + 64);
    if (b64url_decode(&a, text, &bytes)) {
        b64url_write(&b, bytes.p, bytes.n);
        if (!str_eq(text, buf_str(&b)) ||
            (bytes.n <= sizeof(exact) && !b64url_decode_exact(text, exact, bytes.n)))
            abort();
    }
    b.n = 0;
    if (b64url_decode_plain(&a, text, &bytes)) {
        b64url_write_plain(&b, bytes.p, bytes.n);
        if (!str_eq(text, buf_str(&b)))
            abort();
    }
    arena_free(&a);
    return 0;
}
