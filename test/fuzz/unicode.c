/* Fuzz target: normal forms. A canonical login is its own canonical login, NFKC its own NFKC. */
#include <stdlib.h>

#include "codec/unicode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    str s = str_make((const char *)data, size), once, twice;
    arena_init(&a, 64 << 20);
    if (unicode_login(&a, s, &once) && (!unicode_login(&a, once, &twice) || !str_eq(once, twice)))
        abort();
    if (unicode_nfkc(&a, s, &once) && (!unicode_nfkc(&a, once, &twice) || !str_eq(once, twice)))
        abort();
    arena_free(&a);
    return 0;
}
