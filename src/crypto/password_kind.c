/* password_kind: how the password hashes of the world spell base64 and numbers, brought to our
 * strict readers.
 */
#include "crypto/password_kind.h"

#include "codec/b64url.h"

#define CHARS_MAX 512

size_t password_kind_base64(str text, uint8_t *out, size_t max)
{
    char chars[CHARS_MAX];
    if (text.n % 4 == 0)
        for (int i = 0; i < 2 && str_ends(text, STR("=")); i++)
            text.n--;
    size_t n = text.n * 3 / 4;
    if (n == 0 || n > max || text.n > sizeof chars)
        return 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '-' || c == '_')
            return 0;
        chars[i] = (char)(c == '+' || c == '.' ? '-' : c == '/' ? '_' : c);
    }
    return b64url_decode_exact(str_make(chars, text.n), out, n) ? n : 0;
}

bool password_kind_number(str *rest, str name, char stop, int64_t max, int64_t *out)
{
    str head, tail;
    if (!str_starts(*rest, name) || !str_cut(*rest, stop, &head, &tail) ||
        !str_i64(str_sub(head, name.n, head.n), 1, max, out))
        return false;
    *rest = tail;
    return true;
}
