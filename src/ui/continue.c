/* continue: back from a company's own page (GET /continue, docs/headless.md). */
#include "oauth/authorize/headless.h"

#include "codec/form.h"
#include "ui/authorize.h"
#include "ui/step.h"

enum err ui_continue(struct rq *rq)
{
    struct headless_end end;
    struct form query;
    enum err e = form_parse(rq->arena, rq->req->query, &query);
    if (e)
        return fail(rq, e, "The query is malformed.");
    if ((e = headless_continue(rq, form_get(&query, STR("flow")), &end)) != OK)
        return e;
    if (end.again.n > 0) {
        page_redirect(rq, end.again);
        browser_write(rq, &end.ix.browser);
    } else {
        step_answer(rq, &end.ix, &end.answer);
    }
    authorize_head(rq);
    return OK;
}
