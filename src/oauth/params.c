/* params: executes the parameter tables of the endpoints.
 *
 * Strict where leniency would be a hole (repeats, query copies, types, alphabets), lenient where
 * the specifications ask for it (unknown names, empty values). One binder serves both callers:
 * those for whom a fault is the answer, and those who note it and go on.
 */
#include "oauth/params.h"

#include "codec/form.h"
#include "codec/url.h"

/* "application/x-www-form-urlencoded", perhaps with charset=utf-8 (security.md A15). */
static bool is_form(str content_type)
{
    str type, rest, name, value;

    str_cut(content_type, ';', &type, &rest);
    if (!str_eq_nocase(str_trim(type), STR("application/x-www-form-urlencoded")))
        return false;
    if (rest.n == 0)
        return true;
    return str_cut(str_trim(rest), '=', &name, &value) && str_eq_nocase(name, STR("charset")) &&
           (str_eq_nocase(value, STR("utf-8")) || str_eq_nocase(value, STR("\"utf-8\"")));
}

/* Where a value was found: each place takes a name once. */
enum place { BY_NAME, BY_ALIAS, IN_QUERY, PLACES };

struct binder {
    const struct param *table;
    size_t n;
    void *bound;
    uint64_t seen[PLACES]; /* an empty value counts: security.md 7 */
    bool no_aliases;
    struct params_faults *faults; /* NULL: the first fault is the answer */
};

static bool is_named(const char *z, str name)
{
    return z != NULL && name.n > 0 && *z == *name.p && str_eq(name, str_from(z));
}

static const struct param *find(const struct binder *b, str name, enum place *place)
{
    for (size_t i = 0; i < b->n; i++) {
        bool alias = !b->no_aliases && is_named(b->table[i].alias, name);
        if (!alias && !is_named(b->table[i].name, name))
            continue;
        *place = alias ? BY_ALIAS : BY_NAME;
        return &b->table[i];
    }
    return NULL;
}

static bool is_allowed(const struct param *p, str value)
{
    if (value.n > p->max)
        return false;
    for (size_t i = 0; p->charset == CHARS_VSCHAR && i < value.n; i++)
        if (value.p[i] < 0x20 || value.p[i] > 0x7e)
            return false;
    return true;
}

/* A fault of that row: noted, or the answer. */
static enum err fault(struct rq *rq, struct binder *b, const struct param *p, uint64_t *noted,
                      const char *text)
{
    if (b->faults == NULL)
        return fail_at(rq, ERR_INVALID_REQUEST, text, str_from(p->name));
    *noted |= UINT64_C(1) << (p - b->table);
    *(str *)((char *)b->bound + p->offset) = (str){0};
    return OK;
}

static enum err bind_one(struct rq *rq, struct binder *b, const struct param *p, enum place place,
                         str value)
{
    struct params_faults none = {0}, *noted = b->faults != NULL ? b->faults : &none;
    str *slot = (str *)((char *)b->bound + p->offset);
    uint64_t bit = UINT64_C(1) << (p - b->table);
    bool again = b->seen[place] & bit;

    b->seen[place] |= bit;
    if (again && !p->join && !(p->repeat && str_eq(*slot, value)))
        return fault(rq, b, p, &noted->repeated, "A parameter is given twice.");
    if (value.n == 0 || ((noted->repeated | noted->unfit) & bit))
        return OK;
    if (p->join && slot->p != NULL)
        value = arena_printf(rq->arena, "%.*s %.*s", STR_ARG(*slot), STR_ARG(value));
    if (!is_allowed(p, value))
        return fault(rq, b, p, &noted->unfit, "A parameter is too long or has a bad character.");
    if (slot->p != NULL && !p->join && !str_eq(*slot, value))
        return fault(rq, b, p, &noted->repeated, "A parameter is given with two values.");
    *slot = value;
    return OK;
}

static enum err bind_query(struct rq *rq, struct binder *b)
{
    struct form query;
    const struct param *p;
    enum place place;
    enum err e;

    if ((e = form_parse(rq->arena, rq->req->query, &query)) != OK)
        return fail(rq, e, "The query is malformed.");
    for (size_t i = 0; i < query.n; i++) {
        if ((p = find(b, query.pairs[i].name, &place)) == NULL)
            continue;
        if (!p->query)
            return fail_at(rq, ERR_INVALID_REQUEST,
                           "Parameters belong in the body, not in the URL.", str_from(p->name));
        if ((e = bind_one(rq, b, p, IN_QUERY, query.pairs[i].value)) != OK)
            return e;
    }
    return OK;
}

static enum err bind_text(struct rq *rq, struct binder *b, str text, const char *malformed)
{
    struct form form;
    const struct param *p;
    enum place place;
    enum err e;

    if ((e = form_parse(rq->arena, text, &form)) != OK)
        return fail(rq, e, malformed);
    for (size_t i = 0; i < form.n; i++) {
        if ((p = find(b, form.pairs[i].name, &place)) == NULL)
            continue;
        if ((e = bind_one(rq, b, p, place, form.pairs[i].value)) != OK)
            return e;
    }
    return OK;
}

bool params_is_form(const struct rq *rq)
{
    size_t count;
    str type = http_header_get(rq->req, STR("Content-Type"), &count);

    return count == 1 && is_form(type);
}

static enum err bind_form(struct rq *rq, struct binder *b)
{
    enum err e;

    if (!params_is_form(rq))
        return fail(rq, ERR_UNSUPPORTED_MEDIA_TYPE,
                    "The body must be application/x-www-form-urlencoded.");
    if (rq->req->has_query && (e = bind_query(rq, b)) != OK)
        return e;
    return bind_text(rq, b, rq->req->body, "The body is malformed.");
}

enum err params_bind(struct rq *rq, const struct param *table, size_t n, void *bound)
{
    struct binder b = {.table = table, .n = n, .bound = bound};
    enum err e;

    if ((e = bind_form(rq, &b)) != OK)
        return e;
    for (size_t i = 0; i < n; i++)
        if (table[i].required && ((str *)((char *)bound + table[i].offset))->p == NULL)
            return fail_at(rq, ERR_INVALID_REQUEST, "A required parameter is missing.",
                           str_from(table[i].name));
    return OK;
}

enum err params_note(struct rq *rq, const struct param *table, size_t n, bool aliases, void *bound,
                     struct params_faults *faults)
{
    struct binder b = {table, n, bound, {0}, !aliases, faults};

    *faults = (struct params_faults){0};
    if (rq->req->method == HTTP_POST)
        return bind_form(rq, &b);
    return bind_text(rq, &b, rq->req->query, "The query is malformed.");
}

enum err params_text(struct rq *rq, const struct param *table, size_t n, str text, void *bound,
                     struct params_faults *faults)
{
    struct binder b = {table, n, bound, {0}, true, faults};

    *faults = (struct params_faults){0};
    return bind_text(rq, &b, text, "The text is malformed.");
}

str params_write(struct rq *rq, const struct param *table, size_t n, const void *bound)
{
    struct buf b;

    buf_init(&b, rq->arena, 1024, 4 * LIMIT_BODY);
    for (size_t i = 0; i < n; i++) {
        const str *value = (const str *)((const char *)bound + table[i].offset);
        if (value->p == NULL)
            continue;
        if (b.n > 0)
            buf_char(&b, '&');
        buf_put(&b, str_from(table[i].name));
        buf_char(&b, '=');
        url_encode(&b, *value);
    }
    return buf_str(&b);
}
