/* form: application/x-www-form-urlencoded bodies and queries -> name/value pairs.
 *
 * Decodes exactly once (security.md A13, A14): a bad escape, NUL, a raw byte >= 0x80 and anything
 * that is not UTF-8 are errors; "+" is a space in both; ";" is no separator. Duplicates are kept:
 * whether a name may repeat is for the parameter tables to say (oauth/params).
 */
#ifndef CODEC_FORM_H
#define CODEC_FORM_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"

struct form_pair {
    str name, value; /* decoded; borrowed from the input where nothing had to be decoded */
};

struct form {
    struct form_pair *pairs; /* in the arena, in order of appearance */
    size_t n;
};

/* ERR_INVALID_REQUEST beyond LIMIT_PARAMS, LIMIT_PARAM_NAME or LIMIT_PARAM_VALUE and on bad
 * encoding. The empty text gives no pairs; so does an empty piece between two "&". */
enum err form_parse(struct arena *a, str text, struct form *out);
/* The first value of that name, or the empty str with p == NULL. */
str form_get(const struct form *f, str name);
/* Decodes one component as above, e.g. a half of Basic credentials (RFC 6749 2.3.1). */
enum err form_decode(struct arena *a, str text, str *out);

#endif
