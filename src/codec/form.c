/* form: splitting at "&" and "=", decoding once.
 *
 * Two passes over the text: the first counts the pairs, so that the array is exact and a flood of
 * parameters costs nothing; the second splits. A component without "%" and "+", which most are,
 * is borrowed as it stands; the others are decoded into the arena.
 */
#include "codec/form.h"

#include "codec/url.h"

enum { CLEAN = 0, DECODE = 1, BAD = 2 };

/* What the bytes of a component ask for; BAD wins (NUL and raw bytes >= 0x80). */
static unsigned look(str s)
{
    unsigned found = CLEAN;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '%' || c == '+')
            found |= DECODE;
        else if (c == 0 || c >= 0x80)
            return BAD;
    }
    return found;
}

enum err form_decode(struct arena *a, str text, str *out)
{
    unsigned found = look(text);
    if (found == BAD)
        return ERR_INVALID_REQUEST;
    if (found == CLEAN) {
        *out = text;
        return OK;
    }
    char *to = arena_alloc(a, text.n);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '%') {
            int high = text.n - i > 2 ? url_hex_digit(text.p[i + 1]) : -1;
            int low = high >= 0 ? url_hex_digit(text.p[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return ERR_INVALID_REQUEST;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        to[n++] = c;
    }
    if (!url_is_utf8(str_make(to, n)))
        return ERR_INVALID_REQUEST;
    *out = str_make(to, n);
    return OK;
}

static size_t count(str text)
{
    size_t n = 0;
    str piece;
    while (n <= LIMIT_PARAMS && str_next(&text, '&', &piece))
        n++;
    return n;
}

static enum err pair(struct arena *a, str piece, struct form_pair *out)
{
    str name, value;
    str_cut(piece, '=', &name, &value);
    enum err e;
    if ((e = form_decode(a, name, &out->name)) != OK ||
        (e = form_decode(a, value, &out->value)) != OK)
        return e;
    if (out->name.n > LIMIT_PARAM_NAME || out->value.n > LIMIT_PARAM_VALUE)
        return ERR_INVALID_REQUEST;
    return OK;
}

enum err form_parse(struct arena *a, str text, struct form *out)
{
    struct form f = {.n = count(text)};
    if (f.n > LIMIT_PARAMS)
        return ERR_INVALID_REQUEST;
    if (f.n > 0)
        f.pairs = ARENA_ARRAY(a, struct form_pair, f.n);
    for (size_t i = 0; i < f.n; i++) {
        str piece;
        enum err e;
        str_next(&text, '&', &piece);
        if ((e = pair(a, piece, &f.pairs[i])) != OK)
            return e;
    }
    *out = f;
    return OK;
}

str form_get(const struct form *f, str name)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->pairs[i].name, name))
            return f->pairs[i].value;
    return str_make(NULL, 0);
}
