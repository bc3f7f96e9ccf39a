/* unicode: NFKC for passwords and NFKC_Casefold for names (UAX #15, UTS #39 3), by utf8proc.
 *
 * The library works on an array of code points that becomes the text in place; it lies in the
 * request's arena, so a password is wiped with everything else and no copy stays on the heap.
 * Default ignorable code points (zero width space, bidi marks) fall out of a login by the casefold
 * mapping itself; control characters and line separators refuse it, since no name has them.
 * Left out on purpose: confusables. Two names that only look alike are two accounts; the canonical
 * spelling makes those one that a keyboard or a browser might spell differently.
 */
#include "codec/unicode.h"

#include <utf8proc.h>

#include "codec/url.h"

#define LOGIN_MAX 1024 /* bytes; reordering of combining marks is quadratic */
#define ROUNDS    4

/* s mapped by those options; false when it is not UTF-8. */
static bool map(struct arena *a, str s, int options, str *out)
{
    utf8proc_option_t o = (utf8proc_option_t)options;
    if (!url_is_utf8(s))
        return false;
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)s.p;
    utf8proc_ssize_t n = utf8proc_decompose(bytes, (utf8proc_ssize_t)s.n, NULL, 0, o);
    if (n < 0)
        return false;
    utf8proc_int32_t *codes = arena_array(a, (size_t)n + 1, sizeof *codes);
    n = utf8proc_decompose(bytes, (utf8proc_ssize_t)s.n, codes, n, o);
    n = n < 0 ? n : utf8proc_reencode(codes, n, o);
    if (n < 0)
        return false;
    *out = str_make((const char *)codes, (size_t)n);
    return true;
}

bool unicode_nfkc(struct arena *a, str s, str *out)
{
    return map(a, s, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT, out);
}

/* A control character, a line or paragraph separator, or a code point that is none (U+FFFE). */
static bool has_controls(str s)
{
    while (s.n > 0) {
        uint32_t code = 0;
        size_t n = str_utf8(s, &code);
        utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)code);
        if (n == 0 || c == UTF8PROC_CATEGORY_CC || c == UTF8PROC_CATEGORY_ZL ||
            c == UTF8PROC_CATEGORY_ZP || (code & 0xfffe) == 0xfffe)
            return true;
        s = str_sub(s, n, s.n);
    }
    return false;
}

static str trim_spaces(str s)
{
    while (s.n > 0 && s.p[0] == ' ')
        s = str_sub(s, 1, s.n);
    while (s.n > 0 && s.p[s.n - 1] == ' ')
        s = str_sub(s, 0, s.n - 1);
    return s;
}

/* Folding once does not always end: dropping an ignorable may let its neighbours compose. The
 * spelling that stays as it is, is the canonical one. */
bool unicode_login(struct arena *a, str s, str *out)
{
    const int casefold =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    str now = s, next;
    if (s.n > LOGIN_MAX || has_controls(s))
        return false;
    for (int i = 0; i < ROUNDS; i++, now = next) {
        if (!map(a, now, casefold, &next))
            return false;
        next = trim_spaces(next);
        if (str_eq(next, now))
            break;
    }
    *out = now;
    return now.n > 0 && now.n <= LOGIN_MAX && !has_controls(now);
}

size_t unicode_length(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}
