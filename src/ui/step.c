/* step: next -> a page, or the answer.
 *
 * Whatever page the person comes from, what follows is decided here by interaction_next alone, so
 * tabs, the back button and sessions that ended meanwhile need no cases of their own. An answer
 * leaves by 303 (never 307: RFC 9700 4.12), or as a form that page.js sends off, with a button for
 * browsers without scripts.
 */
#include "ui/step.h"

#include "oauth/authorize/headless.h"

enum err step_form(struct rq *rq, const struct param *table, size_t n, void *bound)
{
    if (!browser_same_origin(rq))
        return fail(rq, ERR_FORBIDDEN, "The form was posted by another site.");
    return params_bind(rq, table, n, bound);
}

str step_target(struct rq *rq, const struct interaction *ix)
{
    const struct relying_party *rp = &ix->ar.client->rp;
    str origins = rp->origins, origin;
    struct buf b;
    buf_init(&b, rq->arena, 256, 4096);
    buf_put(&b, page_origin(rq, ix->ar.redirect_to));
    while (str_next(&origins, '\n', &origin)) { /* where a callback may lead on to */
        if (b.n + origin.n > 2048)
            break;
        buf_char(&b, ' ');
        buf_put(&b, origin);
    }
    return buf_str(&b);
}

static void draw_form_post(struct rq *rq, struct interaction *ix, const struct authorize_answer *a)
{
    struct page p;
    page_begin(rq, ix->ar.ui_locales, &p);
    show_client(&p, ix->ar.client);
    view_text(p.view, "target", a->target);
    for (size_t i = 0; i < a->n; i++) {
        struct view *pair = view_item(p.view, "pairs");
        view_text(pair, "name", a->pairs[i].name);
        view_text(pair, "value", a->pairs[i].value);
    }
    p.form_target = step_target(rq, ix);
    page_send(&p, 200, "form_post");
}

void step_answer(struct rq *rq, struct interaction *ix, const struct authorize_answer *a)
{
    if (a->mode == MODE_FORM_POST)
        draw_form_post(rq, ix, a);
    else
        page_redirect(rq, authorize_answer_url(rq, a));
    browser_write(rq, &ix->browser);
}

void step_deny(struct rq *rq, struct interaction *ix)
{
    struct authorize_answer a;
    interaction_deny(rq, ix, &a);
    step_answer(rq, ix, &a);
}

enum err step_refuse(struct rq *rq, struct interaction *ix, enum err e)
{
    struct authorize_answer a;
    if (e == ERR_SLOW || !interaction_refuse(rq, ix, &a))
        return e;
    effects_refuse(&rq->fx);
    if (a.mode == MODE_FORM_POST)
        draw_form_post(rq, ix, &a);
    else
        page_redirect(rq, authorize_answer_url(rq, &a));
    return OK; /* without cookies: what they would name was not made durable */
}

static enum err own_page(struct rq *rq, struct interaction *ix)
{
    str url;
    enum err e = headless_begin(rq, ix, &url);
    if (e)
        return step_refuse(rq, ix, e);
    page_redirect(rq, url);
    browser_write(rq, &ix->browser);
    return OK;
}

static enum err finish(struct rq *rq, struct interaction *ix)
{
    struct authorize_answer a;
    enum err e = interaction_finish(rq, ix, &a);
    if (e)
        return step_refuse(rq, ix, e);
    step_answer(rq, ix, &a);
    return OK;
}

enum err step_go(struct rq *rq, struct interaction *ix, const char *notice)
{
    enum interaction_step step;
    enum err e = interaction_next(rq, ix, &step);
    if (e)
        return step_refuse(rq, ix, e);
    if (step == STEP_FINISH)
        return finish(rq, ix);
    if (headless_on(rq))
        return own_page(rq, ix);
    if (step == STEP_SIGN_IN)
        ui_sign_in_draw(rq, &(struct sign_in_page){.ix = ix, .notice = notice});
    else if (step == STEP_CHOOSE)
        ui_choose_draw(rq, ix, NULL);
    else
        ui_consent_draw(rq, ix, notice);
    return OK;
}
