/* docs: /docs, a page that needs nothing from elsewhere.
 *
 * The list of operations is written here from the route tables, so the page is whole without
 * JavaScript; with it, docs.js reads the OpenAPI documents and opens each operation to what it
 * takes and gives. The files lie in src/admin/docs/ and are embedded by the build; the marks
 * {{list}}, {{issuer}} and {{version}} are filled in.
 *
 * Left out on purpose: calling the API from the page. It would have to hold a client's secret.
 */
#include "admin/docs.h"

#include "oauth/operation.h"

static void put_html(struct buf *b, str text)
{
    for (size_t i = 0; i < text.n; i++) {
        switch (text.p[i]) {
        case '<':
            BUF_LIT(b, "&lt;");
            break;
        case '>':
            BUF_LIT(b, "&gt;");
            break;
        case '&':
            BUF_LIT(b, "&amp;");
            break;
        case '"':
            BUF_LIT(b, "&quot;");
            break;
        default:
            buf_char(b, text.p[i]);
        }
    }
}

static void answer(struct rq *rq, str type)
{
    struct http_res *res = rq->res;

    http_res_header(res, STR("Content-Type"), type);
    http_res_header(res, STR("Cache-Control"), STR("no-cache"));
    http_res_header(res, STR("X-Content-Type-Options"), STR("nosniff"));
    rq_request_id(rq);
}

static str method_of(const struct route *r)
{
    return str_from(http_method_name((enum http_method)(r->methods & -r->methods)));
}

static void put_operation(struct buf *b, const struct dialect *d, const struct route *r)
{
    str method = method_of(r);

    buf_printf(b, "<li class=\"op\" data-document=\"%s\" data-id=\"%s\"><div class=\"line\">",
               d->api->document, r->op->id);
    buf_printf(b, "<span class=\"method %.*s\">%.*s</span> <code class=\"path\">", STR_ARG(method),
               STR_ARG(method));
    put_html(b, str_from(r->path));
    BUF_LIT(b, "</code> <span class=\"summary\">");
    put_html(b, str_from(r->op->summary));
    BUF_LIT(b, "</span> <span class=\"spec\">");
    put_html(b, str_from(r->spec));
    BUF_LIT(b, "</span></div></li>\n");
}

static void put_dialect(struct buf *b, const struct dialect *d)
{
    buf_printf(b, "<section id=\"%s\"><h2>", d->name);
    put_html(b, str_from(d->api->title));
    BUF_LIT(b, "</h2>\n<p>");
    put_html(b, str_from(d->api->description));
    buf_printf(b, " <a class=\"document\" href=\"%s\">OpenAPI document</a></p>\n<ul>\n",
               d->api->document);
    for (size_t i = 0; i < d->routes_n; i++)
        if (d->routes[i].op != NULL)
            put_operation(b, d, &d->routes[i]);
    BUF_LIT(b, "</ul></section>\n");
}

/* The standard dialect first, though it claims paths last. */
static void put_list(struct rq *rq)
{
    const struct dialect *const *all = rq->server->dialects;

    put_dialect(&rq->res->body, rq->dialect);
    for (const struct dialect *const *d = all; *d != NULL; d++)
        if (*d != rq->dialect && (*d)->api != NULL)
            put_dialect(&rq->res->body, *d);
}

static void put_mark(struct rq *rq, str mark)
{
    if (str_eq(mark, STR("list")))
        put_list(rq);
    else if (str_eq(mark, STR("issuer")))
        put_html(&rq->res->body, setting_text(rq->server->settings, issuer));
    else
        BUF_LIT(&rq->res->body, POSTERN_VERSION);
}

enum err docs_page(struct rq *rq)
{
    str rest = str_from(docs_html);

    answer(rq, STR("text/html; charset=utf-8"));
    http_res_header(rq->res, STR("Content-Security-Policy"),
                    STR("default-src 'none'; style-src 'self'; script-src 'self'; "
                        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
                        "frame-ancestors 'none'"));
    http_res_header(rq->res, STR("Referrer-Policy"), STR("no-referrer"));
    while (rest.n > 0) {
        size_t at = str_find(rest, '{', 0);
        while (at + 1 < rest.n && rest.p[at + 1] != '{')
            at = str_find(rest, '{', at + 1);
        buf_put(&rq->res->body, str_sub(rest, 0, at));
        if (at + 1 >= rest.n)
            break;
        size_t end = str_find(rest, '}', at);
        put_mark(rq, str_sub(rest, at + 2, end));
        rest = str_sub(rest, end + 2, rest.n);
    }
    return OK;
}

enum err docs_style(struct rq *rq)
{
    answer(rq, STR("text/css; charset=utf-8"));
    buf_put(&rq->res->body, str_from(docs_css));
    return OK;
}

enum err docs_script(struct rq *rq)
{
    answer(rq, STR("text/javascript; charset=utf-8"));
    buf_put(&rq->res->body, str_from(docs_js));
    return OK;
}
