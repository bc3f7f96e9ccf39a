/* paging: the two ways in which Twine collections are cut into pages, and their links. */
#ifndef DIALECT_TWINE_PAGING_H
#define DIALECT_TWINE_PAGING_H

#include "codec/form.h"
#include "oauth/rq.h"

#define PAGING_SIZE      10 /* default of page[size] */
#define PAGING_SIZE_MAX  50
#define PAGING_LIMIT     50 /* default of page[limit] */
#define PAGING_LIMIT_MAX 1000

enum paging_style { PAGING_NONE, PAGING_SKIP, PAGING_CURSOR };

struct paging {
    enum paging_style style;
    int64_t number; /* page[number], from 1 */
    int64_t size;   /* page[size] or page[limit]; 0: only the count is wanted */
    struct id after;
    bool has_after;
};

/* What the query asks for. 409 InvalidParameter: not a number, out of range, repeated, or both
 * styles at once. */
enum err paging_read(struct rq *rq, const struct form *query, struct paging *out);
/* A page behind the last one of `count` entries is out of range (409). */
enum err paging_check(struct rq *rq, const struct paging *p, int64_t count);
/* "{"self":...,...}": self is the request itself; the others are as the style has them. `next` is
 * the last id of a cursor page behind which there is more; NULL: there is none. */
void paging_links(struct rq *rq, struct buf *b, const struct form *query, const struct paging *p,
                  int64_t count, const struct id *next);

#endif
