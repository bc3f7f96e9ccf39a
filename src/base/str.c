/* str: the parts of str.h that are more than a line.
 *
 * Everything works on bytes; only ASCII letters have a case. Nothing allocates, nothing looks
 * behind the end, and an empty str may have a NULL pointer (so memcmp is never called for it:
 * passing NULL to it is undefined even for no bytes).
 */
#include "base/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_eq_nocase(str a, str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(str a, str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    if (order != 0)
        return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

bool str_starts(str s, str prefix)
{
    return s.n >= prefix.n && str_eq(str_make(s.p, prefix.n), prefix);
}

bool str_ends(str s, str suffix)
{
    return s.n >= suffix.n && str_eq(str_sub(s, s.n - suffix.n, s.n), suffix);
}

size_t str_find(str s, char c, size_t from)
{
    if (from >= s.n)
        return s.n;
    const char *hit = memchr(s.p + from, c, s.n - from);
    return hit ? (size_t)(hit - s.p) : s.n;
}

bool str_cut(str s, char sep, str *head, str *tail)
{
    size_t at = str_find(s, sep, 0);
    *head = str_sub(s, 0, at);
    *tail = at < s.n ? str_sub(s, at + 1, s.n) : str_sub(s, s.n, s.n);
    return at < s.n;
}

bool str_next(str *rest, char sep, str *word)
{
    size_t from = 0;
    while (from < rest->n && rest->p[from] == sep)
        from++;
    if (from == rest->n) {
        *rest = str_sub(*rest, from, from);
        return false;
    }
    size_t to = str_find(*rest, sep, from);
    *word = str_sub(*rest, from, to);
    *rest = str_sub(*rest, to, rest->n);
    return true;
}

str str_trim(str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

str str_sub(str s, size_t from, size_t to)
{
    to = to < s.n ? to : s.n;
    from = from < to ? from : to;
    return s.p ? str_make(s.p + from, to - from) : s;
}

bool str_i64(str s, int64_t lo, int64_t hi, int64_t *out)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t v = 0;
    if (i == s.n)
        return false;
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        int64_t digit = s.p[i] - '0';
        /* Counting down for negative numbers reaches INT64_MIN without overflow. */
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -digit : digit, &v))
            return false;
    }
    if (v < lo || v > hi)
        return false;
    *out = v;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool str_hex(str s, void *out, size_t n)
{
    uint8_t *bytes = out;

    if (s.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(s.p[2 * i]), low = hex_digit(s.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

size_t str_utf8(str s, uint32_t *code)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)s.p[0];
    size_t n = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (n == 0 || n > s.n || lead > 0xf4)
        return 0;
    uint32_t c = n == 1 ? lead : lead & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s.p[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (next & 0x3f);
    }
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    *code = c;
    return c < LEAST[n] || c > 0x10ffff || surrogate ? 0 : n;
}

size_t str_mark(str s, size_t at)
{
    unsigned char a = (unsigned char)s.p[at];
    unsigned char b = at + 1 < s.n ? (unsigned char)s.p[at + 1] : 0;
    unsigned char c = at + 2 < s.n ? (unsigned char)s.p[at + 2] : 0;
    if (a < 0x20 || a == 0x7f)
        return 1;
    if (a == 0xc2 && b >= 0x80 && b < 0xa0)
        return 2;
    bool bidi = a == 0xe2 && ((b == 0x80 && (c == 0x8e || c == 0x8f || (c >= 0xaa && c <= 0xae))) ||
                              (b == 0x81 && c >= 0xa6 && c <= 0xa9));
    return bidi ? 3 : 0;
}

bool str_has_marks(str s, const char *allowed)
{
    for (size_t i = 0; i < s.n; i++)
        if (str_mark(s, i) && (s.p[i] == 0 || !strchr(allowed, s.p[i])))
            return true;
    return false;
}
