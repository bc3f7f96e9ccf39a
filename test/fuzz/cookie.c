/* Fuzz target: cookies. What is found stands in the header and can be written and found again. */
#include <stdlib.h>

#include "codec/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char storage[8192];
    struct buf b;
    str header = str_make((const char *)data, size);
    str value = cookie_get(header, STR("p"));
    if (!value.p)
        return 0;
    if (value.p < header.p || value.p + value.n > header.p + header.n || value.n > 4096)
        abort();
    buf_fixed(&b, storage, sizeof storage);
    cookie_write(&b, STR("p"), value, 60, true);
    if (b.overflow || !str_eq(cookie_get(buf_str(&b), STR("p")), value))
        abort();
    return 0;
}
