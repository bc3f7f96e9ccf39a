/* consent: may this application have what it asks for? (security.md 15)
 *
 * The page names the application, the host to which the browser returns, each scope in plain words
 * and how long the permission lasts. What it was drawn for is bound to who was asked: the session
 * is sealed into the form, so an answer never counts for somebody who signed in meanwhile.
 */
#include "ui/step.h"

#include "codec/url.h"

struct consent_post {
    str flow, action;
};

static const struct param fields[] = {
    STEP_FIELD(consent_post, flow, LIMIT_PARAM_VALUE),
    STEP_FIELD(consent_post, action, 16),
};

/* The host, or the scheme of an app on this device. */
static str host_of(str uri)
{
    struct url u;
    if (url_parse(uri, &u))
        return str_sub(uri, 0, str_find(uri, ':', 0));
    return u.host;
}

/* Of what is asked, what was allowed before. */
static str allowed_before(struct rq *rq, const struct interaction *ix)
{
    str asked = ix->ar.to_allow, word;
    struct buf b;
    buf_init(&b, rq->arena, asked.n + 1, asked.n + 1);
    while (str_next(&asked, ' ', &word)) {
        str fresh = ix->new_scopes, w = {0};
        while (str_next(&fresh, ' ', &w) && !str_eq(w, word))
            w = (str){0};
        if (str_eq(w, word))
            continue;
        buf_put(&b, word);
        buf_char(&b, ' ');
    }
    return buf_str(&b);
}

void ui_consent_draw(struct rq *rq, struct interaction *ix, const char *notice)
{
    const struct signed_in *who = ix->who;
    struct id session = who->session.id;   /* the sessions move when one is chosen */
    bool all_anew = ix->new_scopes.n == 0; /* prompt=consent, or anybody can pose as the client */
    str before = all_anew ? STR("") : allowed_before(rq, ix);
    struct page p;
    page_begin(rq, ix->ar.ui_locales, &p);
    show_client(&p, ix->ar.client);
    show_person(&p, p.view, &who->user);
    show_scopes(&p, all_anew ? ix->ar.to_allow : ix->new_scopes);
    show_lifetime(&p, ix->ar.client, ix->ar.offline);
    view_flag(p.view, "has_allowed", before.n > 0);
    view_text(p.view, "allowed", show_scopes_line(&p, before));
    view_text(p.view, "redirect_host", host_of(ix->ar.redirect_to));
    if (notice)
        page_say(&p, "notice", notice);
    interaction_choose(ix, &session); /* whoever is asked shall answer */
    view_text(p.view, "flow", interaction_seal(rq, ix));
    p.form_target = step_target(rq, ix);
    page_send(&p, 200, "consent");
    browser_write(rq, &ix->browser);
}

enum err ui_consent(struct rq *rq)
{
    struct consent_post post = {0};
    struct interaction ix;
    enum interaction_step step;
    enum err e = step_form(rq, fields, sizeof fields / sizeof *fields, &post);
    if (e)
        return e;
    if ((e = interaction_open(rq, post.flow, true, &ix)) != OK)
        return step_refuse(rq, &ix, e);
    if (ix.expired)
        return step_go(rq, &ix, "consent.expired");
    if (str_eq(post.action, STR("deny"))) {
        step_deny(rq, &ix);
        return OK;
    }
    if (!str_eq(post.action, STR("allow")))
        return step_go(rq, &ix, NULL);
    if ((e = interaction_next(rq, &ix, &step)) != OK)
        return step_refuse(rq, &ix, e);
    if (step == STEP_CONSENT)
        interaction_consent(rq, &ix);
    return step_go(rq, &ix, "sign_in.again");
}
