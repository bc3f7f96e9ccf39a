/* params: which parameters an operation takes, as a table, and one binder that executes it.
 *
 * An empty value is an absent one; an unknown name is ignored; a name given twice is an error
 * unless the table lets it repeat; a known name in the query of a POST is an error unless the
 * table lets it stand there (security.md 7, 22, A14, A15). A name may have a second spelling; the
 * two may be given together if they say the same.
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
    bool query;  /* may stand in the query, too */
    size_t max;  /* bytes */
    enum charset charset;
    size_t offset; /* of a str in the bound struct */
    const char *spec;
};

/* At most 64 rows. Reads the form body of a POST (RFC 6749 3.2: only
 * application/x-www-form-urlencoded) into the strs of *bound; absent ones keep p == NULL. */
enum err params_bind(struct rq *rq, const struct param *table, size_t n, void *bound);

#endif
