/* params: executes the parameter tables of the endpoints.
 *
 * Strict where leniency would be a hole (repeats, query copies, types, alphabets), lenient where
 * the specifications ask for it (unknown names, empty values).
 */
#include "oauth/params.h"

#include "codec/form.h"

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

static const struct param *find(const struct param *table, size_t n, str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, str_from(table[i].name)))
            return &table[i];
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

static enum err bind_one(struct rq *rq, const struct param *p, bool again, str value, void *bound)
{
    str *slot = (str *)((char *)bound + p->offset);
    str name = str_from(p->name);

    if (again && !(p->repeat && str_eq(*slot, value)))
        return fail_at(rq, ERR_INVALID_REQUEST, "A parameter is given twice.", name);
    if (value.n == 0)
        return OK;
    if (!is_allowed(p, value))
        return fail_at(rq, ERR_INVALID_REQUEST, "A parameter is too long or has a bad character.",
                       name);
    *slot = value;
    return OK;
}

static enum err refuse_query(struct rq *rq, const struct param *table, size_t n)
{
    struct form query;
    const struct param *p;
    enum err e;

    if ((e = form_parse(rq->arena, rq->req->query, &query)) != OK)
        return fail(rq, e, "The query is malformed.");
    for (size_t i = 0; i < query.n; i++)
        if ((p = find(table, n, query.pairs[i].name)) != NULL)
            return fail_at(rq, ERR_INVALID_REQUEST,
                           "Parameters belong in the body, not in the URL.", str_from(p->name));
    return OK;
}

static enum err bind_form(struct rq *rq, const struct param *table, size_t n, void *bound)
{
    struct form form;
    const struct param *p;
    uint64_t seen = 0; /* an empty value counts: security.md 7 */
    enum err e;

    if ((e = form_parse(rq->arena, rq->req->body, &form)) != OK)
        return fail(rq, e, "The body is malformed.");
    for (size_t i = 0; i < form.n; i++) {
        if ((p = find(table, n, form.pairs[i].name)) == NULL)
            continue;
        uint64_t bit = UINT64_C(1) << (p - table);
        if ((e = bind_one(rq, p, seen & bit, form.pairs[i].value, bound)) != OK)
            return e;
        seen |= bit;
    }
    return OK;
}

enum err params_bind(struct rq *rq, const struct param *table, size_t n, void *bound)
{
    size_t count;
    str type = http_header_get(rq->req, STR("Content-Type"), &count);
    enum err e;

    if (count != 1 || !is_form(type))
        return fail(rq, ERR_UNSUPPORTED_MEDIA_TYPE,
                    "The body must be application/x-www-form-urlencoded.");
    if (rq->req->has_query && (e = refuse_query(rq, table, n)) != OK)
        return e;
    if ((e = bind_form(rq, table, n, bound)) != OK)
        return e;
    for (size_t i = 0; i < n; i++)
        if (table[i].required && ((str *)((char *)bound + table[i].offset))->p == NULL)
            return fail_at(rq, ERR_INVALID_REQUEST, "A required parameter is missing.",
                           str_from(table[i].name));
    return OK;
}
