/* asset: style, script, logo and what a theme brings (GET /assets/{id}).
 *
 * Under the name with the hash a browser keeps it for a year; under the plain name it asks each
 * time whether its copy is still good.
 */
#include "ui/page.h"

static bool has_it(const struct rq *rq, const struct asset *a)
{
    str etags = http_header_get(rq->req, STR("If-None-Match"), NULL), etag;
    while (str_next(&etags, ',', &etag)) {
        etag = str_trim(etag);
        if (str_starts(etag, STR("W/")))
            etag = str_sub(etag, 2, etag.n);
        if (str_eq(etag, a->etag))
            return true;
    }
    return false;
}

enum err ui_asset(struct rq *rq)
{
    struct http_res *res = rq->res;
    bool hashed;
    const struct asset *a;
    if (!rq->server->ui || !(a = theme_asset(ui_theme(rq->server->ui), rq->path_id, &hashed)))
        return fail(rq, ERR_NOT_FOUND, "There is nothing at this path.");
    http_res_header(res, STR("Cache-Control"),
                    hashed ? STR("public, max-age=31536000, immutable") : STR("no-cache"));
    http_res_header(res, STR("ETag"), a->etag);
    page_guard(rq);
    rq_request_id(rq);
    if (has_it(rq, a)) {
        res->status = 304;
        return OK;
    }
    http_res_header(res, STR("Content-Type"), a->type);
    buf_put(&res->body, a->bytes);
    return OK;
}
