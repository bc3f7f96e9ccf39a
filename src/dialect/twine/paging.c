/* paging: page[number] and page[size], or page[limit] and page[after].
 *
 * The first style skips, the second carries a cursor: the id of the last entry seen, which stays
 * right when entries come or go. Older Twine documents call the cursor page[cursor]; both names
 * are read, page[after] is written. Without any page parameter a list is whole.
 *
 * Links repeat the query of the request with its page replaced. Brackets stay as they are, as in
 * the links that the Twine API gives; everything else that is not plain is percent-encoded.
 */
#include "dialect/twine/paging.h"

#include "codec/json.h"
#include "codec/url.h"
#include "dialect/twine/decode.h"

#define NUMBER_MAX 1000000000

struct parameters {
    str number, size, limit, after, cursor;
};

static enum err read_parameters(struct rq *rq, const struct form *query, struct parameters *p)
{
    const struct {
        str name;
        str *value;
    } known[] = {{STR("page[number]"), &p->number},
                 {STR("page[size]"), &p->size},
                 {STR("page[limit]"), &p->limit},
                 {STR("page[after]"), &p->after},
                 {STR("page[cursor]"), &p->cursor}};
    enum err e;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if ((e = decode_param(rq, query, known[i].name, known[i].value)) != OK)
            return e;
    return OK;
}

static enum err read_number(struct rq *rq, str name, str text, int64_t lo, int64_t hi, int64_t *out)
{
    if (text.p == NULL || str_i64(text, lo, hi, out))
        return OK;
    return fail_at(rq, ERR_INVALID_QUERY, "The value is not a number in range", name);
}

static enum err read_skip(struct rq *rq, const struct parameters *q, struct paging *out)
{
    enum err e;

    out->style = PAGING_SKIP;
    out->number = 1;
    out->size = PAGING_SIZE;
    if ((e = read_number(rq, STR("page[number]"), q->number, 1, NUMBER_MAX, &out->number)) != OK)
        return e;
    return read_number(rq, STR("page[size]"), q->size, 0, PAGING_SIZE_MAX, &out->size);
}

static enum err read_cursor(struct rq *rq, const struct parameters *q, struct paging *out)
{
    str name = q->after.p ? STR("page[after]") : STR("page[cursor]");
    str text = q->after.p ? q->after : q->cursor;
    enum err e;

    out->style = PAGING_CURSOR;
    out->size = PAGING_LIMIT;
    if (q->after.p != NULL && q->cursor.p != NULL)
        return fail_at(rq, ERR_INVALID_QUERY, "The cursor is given twice", STR("page[cursor]"));
    e = read_number(rq, STR("page[limit]"), q->limit, 0, PAGING_LIMIT_MAX, &out->size);
    if (e != OK || text.p == NULL)
        return e;
    if (!id_parse(text, &out->after))
        return fail_at(rq, ERR_INVALID_QUERY, "The cursor is not one of this list", name);
    out->has_after = true;
    return OK;
}

enum err paging_read(struct rq *rq, const struct form *query, struct paging *out)
{
    struct parameters q;
    bool skip, cursor;
    enum err e;

    *out = (struct paging){0};
    if ((e = read_parameters(rq, query, &q)) != OK)
        return e;
    skip = q.number.p != NULL || q.size.p != NULL;
    cursor = q.limit.p != NULL || q.after.p != NULL || q.cursor.p != NULL;
    if (skip && cursor)
        return fail_at(rq, ERR_INVALID_QUERY, "The two ways of paging cannot be mixed",
                       q.number.p ? STR("page[number]") : STR("page[size]"));
    if (skip)
        return read_skip(rq, &q, out);
    return cursor ? read_cursor(rq, &q, out) : OK;
}

static int64_t last_page(const struct paging *p, int64_t count)
{
    return count == 0 ? 1 : (count + p->size - 1) / p->size;
}

enum err paging_check(struct rq *rq, const struct paging *p, int64_t count)
{
    if (p->style != PAGING_SKIP || p->size == 0 || p->number <= last_page(p, count))
        return OK;
    return fail_at(rq, ERR_INVALID_QUERY, "There is no such page", STR("page[number]"));
}

/* A parameter's name: brackets stand as they are. */
static void put_name(struct buf *b, str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '[' || name.p[i] == ']')
            buf_char(b, name.p[i]);
        else
            url_encode(b, str_sub(name, i, i + 1));
}

/* The path and query of the request; without its page parameters unless `whole`. */
static void put_request(struct rq *rq, struct buf *b, const struct form *query, bool whole)
{
    char before = '?';

    buf_put(b, rq->req->path);
    for (size_t i = 0; i < query->n; i++) {
        if (!whole && str_starts(query->pairs[i].name, STR("page[")))
            continue;
        buf_char(b, before);
        before = '&';
        put_name(b, query->pairs[i].name);
        buf_char(b, '=');
        url_encode(b, query->pairs[i].value);
    }
    if (!whole)
        buf_char(b, before);
}

static void link_page(struct rq *rq, struct buf *b, const struct form *query, str name,
                      int64_t number, int64_t size)
{
    json_key(b, name);
    buf_char(b, '"');
    put_request(rq, b, query, false);
    BUF_LIT(b, "page[number]=");
    buf_i64(b, number);
    BUF_LIT(b, "&page[size]=");
    buf_i64(b, size);
    buf_char(b, '"');
}

static void link_pages(struct rq *rq, struct buf *b, const struct form *query,
                       const struct paging *p, int64_t count)
{
    int64_t last = last_page(p, count);

    if (p->number > 1) {
        link_page(rq, b, query, STR("first"), 1, p->size);
        link_page(rq, b, query, STR("prev"), p->number - 1, p->size);
    }
    if (p->number < last)
        link_page(rq, b, query, STR("next"), p->number + 1, p->size);
    link_page(rq, b, query, STR("last"), last, p->size);
}

static void link_next(struct rq *rq, struct buf *b, const struct form *query,
                      const struct paging *p, const struct id *next)
{
    json_key(b, STR("next"));
    buf_char(b, '"');
    put_request(rq, b, query, false);
    BUF_LIT(b, "page[limit]=");
    buf_i64(b, p->size);
    BUF_LIT(b, "&page[after]=");
    id_write(b, next);
    buf_char(b, '"');
}

void paging_links(struct rq *rq, struct buf *b, const struct form *query, const struct paging *p,
                  int64_t count, const struct id *next)
{
    json_open(b, '{');
    json_key(b, STR("self"));
    buf_char(b, '"');
    put_request(rq, b, query, true);
    buf_char(b, '"');
    if (p->style == PAGING_SKIP && p->size > 0)
        link_pages(rq, b, query, p, count);
    else if (p->style == PAGING_CURSOR && next != NULL)
        link_next(rq, b, query, p, next);
    json_close(b, '}');
}
