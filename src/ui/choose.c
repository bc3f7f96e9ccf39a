/* choose: several people are signed in at this browser; which one is meant? */
#include "oauth/authorize/headless.h"
#include "ui/step.h"

struct choose_post {
    str flow, session;
};

static const struct param fields[] = {
    STEP_FIELD(choose_post, flow, LIMIT_PARAM_VALUE),
    STEP_FIELD(choose_post, session, ID_HEX),
};

static str id_text(struct rq *rq, const struct id *id)
{
    struct buf b;
    buf_init(&b, rq->arena, ID_HEX, ID_HEX);
    id_write(&b, id);
    return buf_str(&b);
}

void ui_choose_draw(struct rq *rq, struct interaction *ix, const char *problem)
{
    const struct browser *b = &ix->browser;
    struct page p;
    page_begin(rq, ix->ar.ui_locales, &p);
    show_client(&p, ix->ar.client);
    for (size_t i = 0; i < b->n; i++) {
        if (!id_eq(&b->in[i].user.organization, &ix->ar.client->client.organization))
            continue;
        struct view *item = view_item(p.view, "accounts");
        show_person(&p, item, &b->in[i].user);
        view_text(item, "session", id_text(rq, &b->in[i].session.id));
    }
    view_text(p.view, "flow", interaction_seal(rq, ix));
    if (problem)
        show_problem(&p, page_message(&p, problem), NULL);
    p.form_target = step_target(rq, ix);
    page_send(&p, 200, "choose");
    browser_write(rq, b);
}

enum err ui_choose(struct rq *rq)
{
    struct choose_post post = {0};
    struct interaction ix;
    struct id session;
    enum err e = step_form(rq, fields, sizeof fields / sizeof *fields, &post);
    if (e)
        return e;
    if ((e = interaction_open(rq, post.flow, true, &ix)) != OK)
        return step_refuse(rq, &ix, e);
    if (str_eq(post.session, STR("other"))) {
        if (headless_on(rq))
            return step_go(rq, &ix, NULL); /* a form from before login.url was set */
        ui_sign_in_draw(rq, &(struct sign_in_page){.ix = &ix, .login = STR("")});
        return OK;
    }
    if (ix.expired)
        return step_go(rq, &ix, "sign_in.expired");
    if (!id_parse(post.session, &session) || !browser_find(&ix.browser, &session)) {
        ui_choose_draw(rq, &ix, "choose.gone");
        return OK;
    }
    interaction_choose(&ix, &session);
    return step_go(rq, &ix, NULL);
}
