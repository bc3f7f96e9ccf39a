/* Fuzz target: may the answer go to this address? (RFC 9700 4.1.3, RFC 8252 7.3, security.md
 * A21-A23)
 *
 * The input is the registered address, a line feed, and the one that was sent. Equal bytes match,
 * and nothing else does but another port behind a loopback address: judged here by cutting the port
 * out of both texts, not by a reader of URLs. */
#include <stdlib.h>

#include "base/arena.h"
#include "oauth/check/uri_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text without the port of a loopback address; the same text when it is none. */
static str without_port(struct arena *a, str uri)
{
    static const str fronts[] = {STR_INIT("http://127.0.0.1"), STR_INIT("http://[::1]")};
    for (int i = 0; i < 2; i++) {
        if (!str_starts(uri, fronts[i]))
            continue;
        size_t from = fronts[i].n, to = from;
        if (from < uri.n && uri.p[from] == ':')
            for (to = from + 1; to < uri.n && uri.p[to] >= '0' && uri.p[to] <= '9';)
                to++;
        return arena_printf(a, "%.*s%.*s", (int)from, uri.p, (int)(uri.n - to), uri.p + to);
    }
    return uri;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    str registered, sent;
    str_cut(str_make((const char *)data, size), '\n', &registered, &sent);
    if (registered.n == 0 || memchr(data, 0, size) != NULL)
        return 0;
    arena_init(&a, 16 << 20);
    bool found = uri_rules_find(registered, sent);
    if (found && !str_eq(without_port(&a, registered), without_port(&a, sent)))
        abort();
    if (!found && str_eq(registered, sent))
        abort();
    arena_free(&a);
    return 0;
}
