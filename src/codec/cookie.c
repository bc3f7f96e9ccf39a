/* cookie: one cookie out of a Cookie field, and Set-Cookie values (RFC 6265 4.1, 4.2).
 *
 * Cookies of other applications on the host are none of our business, so only the one that is asked
 * for is judged. A name that comes twice means that somebody else has set it too (a neighbour's
 * Domain cookie, another path): which of the two is ours cannot be told, so neither is (A27).
 * Left out on purpose: quoted values and the attributes $Version, $Path; we never write them.
 */
#include "codec/cookie.h"

#include "base/log.h"

#define VALUE_MAX 4096 /* RFC 6265 6.1: what browsers keep */

/* RFC 6265 4.1.1: cookie-octet. */
static bool is_octets(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\')
            return false;
    }
    return true;
}

str cookie_get(str header, str name)
{
    const str none = {0};
    str found = {0}, pair, key, value;
    while (str_next(&header, ';', &pair)) {
        if (!str_cut(str_trim(pair), '=', &key, &value) || !str_eq(key, name))
            continue;
        if (found.p)
            return none;
        found = value;
    }
    return found.n <= VALUE_MAX && is_octets(found) ? found : none;
}

void cookie_write(struct buf *out, str name, str value, int64_t max_age_s, bool secure)
{
    if (!is_octets(value))
        fatal("cookie %.*s: its value has bytes that a cookie cannot have", STR_ARG(name));
    buf_put(out, name);
    buf_char(out, '=');
    buf_put(out, value);
    BUF_LIT(out, "; Path=/; HttpOnly; SameSite=Lax");
    if (secure)
        BUF_LIT(out, "; Secure");
    if (max_age_s >= 0) {
        BUF_LIT(out, "; Max-Age=");
        buf_i64(out, max_age_s);
    }
}
