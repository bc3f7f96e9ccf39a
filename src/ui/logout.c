/* logout: the end of a session (OpenID Connect RP-Initiated Logout 1.0, security.md 62).
 *
 * What may happen without asking, and where the browser may go, oauth/logout.h decides; here stand
 * the question and the page at the end.
 */
#include "oauth/logout.h"

#include "ui/authorize.h"
#include "ui/step.h"

struct logout_post {
    str logout, action;
};

static const struct param fields[] = {
    STEP_FIELD(logout_post, logout, LIMIT_PARAM_VALUE),
    STEP_FIELD(logout_post, action, 16),
};

static void ask(struct rq *rq, struct logout *l)
{
    const struct browser *b = &l->browser;
    struct page p;
    page_begin(rq, l->ui_locales, &p);
    if (l->client)
        show_client(&p, l->client);
    for (size_t i = 0; i < b->n; i++)
        show_person(&p, view_item(p.view, "accounts"), &b->in[i].user);
    view_text(p.view, "logout", logout_seal(rq, l));
    if (l->redirect.p)
        p.form_target = page_origin(rq, l->redirect);
    page_send(&p, 200, "sign_out");
    browser_write(rq, b);
}

static void signed_out(struct rq *rq, const struct browser *b, str locales, bool stayed)
{
    struct page p;
    page_begin(rq, locales, &p);
    view_flag(p.view, "stayed", stayed);
    page_send(&p, 200, "signed_out");
    browser_write(rq, b);
}

void ui_logout_done(struct rq *rq, const struct browser *b)
{
    signed_out(rq, b, (str){0}, false);
}

static void end(struct rq *rq, struct logout *l)
{
    logout_end(rq, l);
    if (!l->redirect.p) {
        signed_out(rq, &l->browser, l->ui_locales, false);
        return;
    }
    page_redirect(rq, l->redirect);
    browser_write(rq, &l->browser);
}

enum err ui_logout(struct rq *rq)
{
    struct logout l;
    bool done;
    enum err e = authorize_again_by_get(rq, &done);
    if (e || done)
        return e;
    if ((e = logout_read(rq, &l)) != OK)
        return e;
    if (l.confirm && l.browser.n > 0)
        ask(rq, &l);
    else
        end(rq, &l);
    authorize_head(rq);
    return OK;
}

enum err ui_logout_post(struct rq *rq)
{
    struct logout_post post = {0};
    struct logout l;
    enum err e = step_form(rq, fields, sizeof fields / sizeof *fields, &post);
    if (e)
        return e;
    if ((e = logout_open(rq, post.logout, &l)) != OK)
        return e;
    if (str_eq(post.action, STR("sign_out")))
        end(rq, &l);
    else
        signed_out(rq, &l.browser, l.ui_locales, true);
    return OK;
}
