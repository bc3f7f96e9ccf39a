/* Fuzz target: URLs. The parts, put together again, are the input. */
#include <stdlib.h>

#include "codec/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct buf *b, bool there, const char *before, str s, const char *behind)
{
    if (there) {
        buf_put(b, str_from(before));
        buf_put(b, s);
        buf_put(b, str_from(behind));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf b;
    struct url u;
    str text = str_make((const char *)data, size);
    arena_init(&a, 1 << 24);
    if (url_parse(text, &u) == OK) {
        buf_init(&b, &a, size, size);
        put(&b, true, "", u.scheme, "://");
        put(&b, u.has_userinfo, "", u.userinfo, "@");
        put(&b, true, "", u.host, "");
        put(&b, u.has_port, ":", u.port, "");
        put(&b, true, "", u.path, "");
        put(&b, u.has_query, "?", u.query, "");
        put(&b, u.has_fragment, "#", u.fragment, "");
        if (!str_eq(text, buf_str(&b)) || u.host.n == 0)
            abort();
        (void)url_is_loopback(&u);
    }
    arena_free(&a);
    return 0;
}
