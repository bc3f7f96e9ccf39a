/* str: a borrowed run of bytes, passed by value.
 *
 * A str never owns its bytes and is never assumed to end in NUL. Who owns them is said where a
 * str is handed out; most live in the request's arena or in the connection's read buffer.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct str {
    const char *p;
    size_t n;
} str;

/* A str of a string literal. */
#define STR(lit) ((str){(lit), sizeof(lit) - 1})
/* The same as an initializer of static objects. */
#define STR_INIT(lit)                                                                              \
    {                                                                                              \
        (lit), sizeof(lit) - 1                                                                     \
    }
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p

static inline str str_make(const char *p, size_t n)
{
    return (str){p, n};
}

/* The bytes of a NUL-terminated string; NULL gives the empty str. */
static inline str str_from(const char *z)
{
    return (str){z, z ? strlen(z) : 0};
}

/* Not for secrets: see base/ct.h. */
static inline bool str_eq(str a, str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII letters compare without case. */
bool str_eq_nocase(str a, str b);
int str_cmp(str a, str b);
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);
/* Position of c at or after `from`, or s.n when there is none. */
size_t str_find(str s, char c, size_t from);
/* Splits s at the first sep: *head before it, *tail behind it. Without one: false, *head = s,
 * *tail empty. */
bool str_cut(str s, char sep, str *head, str *tail);
/* Takes the next word of a list separated by single characters `sep`, skipping empty words:
 * while (str_next(&rest, ' ', &word)) ... */
bool str_next(str *rest, char sep, str *word);
/* s without leading and trailing spaces and tabs (OWS, RFC 9110 5.6.3). */
str str_trim(str s);
str str_sub(str s, size_t from, size_t to);
/* Decimal digits only, no sign but a leading '-', no spaces; false outside lo..hi. */
bool str_i64(str s, int64_t lo, int64_t hi, int64_t *out);
/* Exactly n bytes as 2 n hex digits of either case; else false, and out is of no use. */
bool str_hex(str s, void *out, size_t n);
/* Length of the UTF-8 character (RFC 3629) at the front of s, which is not empty, and its code
 * point; 0 if there is none: overlong forms, surrogates and all above U+10FFFF are none. */
size_t str_utf8(str s, uint32_t *code);

/* Bytes of the control character (C0, DEL, C1) or bidi mark (U+200E, U+200F, U+202A-E, U+2066-9) at
 * `at`; 0 if there is none. Both make a terminal or a page show another text than the one that is
 * there. */
size_t str_mark(str s, size_t at);
/* Some are in s, beside the characters of `allowed`. */
bool str_has_marks(str s, const char *allowed);

#endif
