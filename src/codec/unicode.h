/* unicode: normal forms and case folding, by utf8proc. */
#ifndef CODEC_UNICODE_H
#define CODEC_UNICODE_H

#include "base/arena.h"

/* NFKC (UAX #15), for passwords. False when s is not UTF-8. */
bool unicode_nfkc(struct arena *a, str s, str *out);
/* NFKC_Casefold without leading and trailing space: the canonical spelling of a login, in which two
 * spellings of a name are one. False when s is not UTF-8, empty, longer than 1,024 bytes, or has
 * control characters. */
bool unicode_login(struct arena *a, str s, str *out);
/* Code points. */
size_t unicode_length(str s);

#endif
