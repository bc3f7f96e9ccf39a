/* authorize: the authorization endpoint of the standard dialect (RFC 6749 3.1, GET and POST).
 *
 * A form that another site posts comes without our SameSite=Lax cookies, so whoever is signed in
 * would seem not to be; such a POST is answered with a 303 to the same request by GET.
 */
#include "ui/authorize.h"

#include "ui/step.h"

/* The browser may have cookies of ours that it did not send. */
static enum err lacks_cookies(struct rq *rq, bool *out)
{
    struct browser b;
    enum err e = browser_read(rq, &b);
    *out = b.n == 0 && !b.has_binding && !browser_same_origin(rq);
    return e;
}

enum err authorize_again_by_get(struct rq *rq, bool *done)
{
    bool lacks = false;
    str url;
    enum err e = OK;
    *done = false;
    if (rq->req->method == HTTP_POST && (e = lacks_cookies(rq, &lacks)) != OK)
        return e;
    if (!lacks || (url = browser_as_get(rq)).p == NULL)
        return OK;
    page_redirect(rq, url);
    *done = true;
    return OK;
}

/* HEAD answers as GET does, and nothing happens (security.md A29). */
void authorize_head(struct rq *rq)
{
    if (rq->req->method == HTTP_HEAD)
        effects_init(&rq->fx, rq->arena);
}

enum err authorize_run(struct rq *rq, enum dialect_id dialect)
{
    struct interaction ix;
    enum err e = interaction_begin(rq, dialect, &ix);
    e = e ? step_refuse(rq, &ix, e) : step_go(rq, &ix, NULL);
    authorize_head(rq);
    return e;
}

enum err ui_authorize(struct rq *rq)
{
    bool done;
    enum err e = authorize_again_by_get(rq, &done);
    return e || done ? e : authorize_run(rq, DIALECT_RFC);
}
