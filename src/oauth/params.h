/* params: which parameters an operation takes, as a table, and one binder that executes it.
 *
 * An empty value is an absent one; an unknown name is ignored; a name given twice is an error
 * unless the table lets it repeat; a known name in the query of a POST is an error unless the
 * table lets it stand there (security.md 7, 22, A14, A15). A name may have a second spelling; the
 * two may be given together if they say the same.
 *
 * params_bind refuses at the first fault. An authorization request may be told of its faults only
 * once its redirect URI is proven, so params_note keeps a list of them instead.
 */
#ifndef OAUTH_PARAMS_H
#define OAUTH_PARAMS_H

#include "oauth/rq.h"

enum charset {
    CHARS_VSCHAR, /* %x20-7E (RFC 6749 A.1) */
    CHARS_ANY,    /* well-formed UTF-8 */
};

struct param {
    const char *name;
    const char *alias; /* its other spelling; NULL: none */
    bool required;
    bool repeat; /* further values must be equal to the first */
    bool join;   /* further values are added, each behind a space (RFC 8707 2) */
    bool query;  /* may stand in the query, too */
    size_t max;  /* bytes */
    enum charset charset;
    size_t offset; /* of a str in the bound struct */
    const char *spec;
};

/* The body is of the one type that a form may have (RFC 6749 3.2, security.md A15). */
bool params_is_form(const struct rq *rq);
/* At most 64 rows. Reads the form body of a POST (RFC 6749 3.2: only
 * application/x-www-form-urlencoded) into the strs of *bound; absent ones keep p == NULL. */
enum err params_bind(struct rq *rq, const struct param *table, size_t n, void *bound);

/* What was wrong, by row of the table: bit i came twice; was too long or had a bad character. Such
 * a value is as good as absent in the bound struct. */
struct params_faults {
    uint64_t repeated, unfit;
};

/* The query of a GET, or the form of a POST, whose query may have none of the names. `required`
 * is not looked at, aliases only if `aliases`. Fails on broken encoding, media type and placement
 * alone. */
enum err params_note(struct rq *rq, const struct param *table, size_t n, bool aliases, void *bound,
                     struct params_faults *faults);
/* The same from form-encoded text of our own, without aliases. */
enum err params_text(struct rq *rq, const struct param *table, size_t n, str text, void *bound,
                     struct params_faults *faults);
/* The bound values as form-encoded text, in the order of the table. */
str params_write(struct rq *rq, const struct param *table, size_t n, const void *bound);

#endif
