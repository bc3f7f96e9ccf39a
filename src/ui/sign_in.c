/* sign_in: the form for name and password, and what it posts.
 *
 * Unknown name, wrong password, disabled user: one text, one status (200), one form (security.md
 * 68). What was typed as name stays; the password never does. A form that stood open for too long
 * is drawn anew with its authorization begun again; one of another browser changes nothing (A26).
 *
 * Three things lie behind a sign-in: an authorization (field flow), a device (field device), or
 * the account page (field csrf). Under login.url there is no form for the latter two, and an
 * authorization whose form is from before goes on at the company's page.
 */
#include "oauth/sign_in.h"

#include "oauth/authorize/headless.h"
#include "oauth/record.h"
#include "ui/step.h"

struct sign_in_post {
    str flow, device, csrf, login, password, action;
};

static const struct param fields[] = {
    STEP_FIELD(sign_in_post, flow, LIMIT_PARAM_VALUE),
    STEP_FIELD(sign_in_post, device, LIMIT_PARAM_VALUE),
    STEP_FIELD(sign_in_post, csrf, LIMIT_PARAM_VALUE),
    STEP_FIELD(sign_in_post, login, LIMIT_PARAM_VALUE),
    STEP_FIELD(sign_in_post, password, LIMIT_PARAM_VALUE),
    STEP_FIELD(sign_in_post, action, 16),
};

/* ---- the page ---- */

static void show_way(struct page *p, const struct sign_in_page *s)
{
    struct rq *rq = p->rq;
    if (s->ix) {
        show_client(p, s->ix->ar.client);
        view_text(p->view, "flow", interaction_seal(rq, s->ix));
        p->form_target = step_target(rq, s->ix);
    } else if (s->device) {
        view_flag(p->view, "to_device", true);
        view_text(p->view, "device", device_seal(rq, s->browser, s->device));
    } else {
        view_flag(p->view, "to_account", true);
        view_text(p->view, "csrf", browser_csrf(rq, s->browser, STR("sign_in")));
    }
}

/* Status of the page; the password is asked again unless the name is missing. */
static int show_trouble(struct page *p, const struct sign_in_page *s)
{
    str wait = page_time(p, p->rq->failure.retry_s > 0 ? p->rq->failure.retry_s : 1);
    const char *at = s->login.n > 0 ? "at_password" : "at_login";
    if (s->problem == ERR_TOO_MANY_REQUESTS || s->problem == ERR_UNAVAILABLE) {
        bool many = s->problem == ERR_TOO_MANY_REQUESTS;
        show_problem(p, page_fill(p, many ? "sign_in.throttled" : "sign_in.busy", "wait", wait),
                     NULL);
        http_res_header(p->rq->res, STR("Retry-After"),
                        arena_printf(p->rq->arena, "%d", p->rq->failure.retry_s));
        return err_info(s->problem)->status;
    }
    if (s->empty || s->problem) {
        show_problem(p, page_message(p, s->empty ? "sign_in.empty" : "sign_in.wrong"), at);
        view_flag(p->view, "bad", true);
    } else if (s->notice) {
        page_say(p, "notice", s->notice);
    }
    return 200;
}

void ui_sign_in_draw(struct rq *rq, const struct sign_in_page *s)
{
    str hint = s->ix && s->login.p == NULL ? s->ix->ar.login_hint : s->login;
    struct page p;
    page_begin(rq, s->ix ? s->ix->ar.ui_locales : (str){0}, &p);
    show_way(&p, s);
    int status = show_trouble(&p, s);
    view_text(p.view, "login", hint);
    view_flag(p.view, hint.n > 0 ? "focus_password" : "focus_login", true);
    page_send(&p, status, "sign_in");
    browser_write(rq, s->ix ? &s->ix->browser : s->browser);
}

enum err ui_sign_in_here(struct rq *rq)
{
    return headless_on(rq)
               ? fail(rq, ERR_SIGN_IN_FIRST, "Sign in at the application first, by this browser.")
               : OK;
}

/* ---- what it posts ---- */

/* Never what was typed: people type passwords into the other field, too. */
static void note(struct rq *rq, const struct sign_in_page *s, enum err e, const struct user *u)
{
    const struct cached_client *client = s->ix ? s->ix->ar.client : NULL;
    struct record r = {.client = client ? &client->client.id : NULL};
    if (u->username.n == 0) { /* nobody, or not asked for */
        record_refused(rq, AUDIT_SIGN_IN, e, &r);
        return;
    }
    r.organization = &u->organization;
    if (e) {
        r.subject_user = &u->id;
        record_refused(rq, AUDIT_SIGN_IN, e, &r);
    } else {
        r.user = &u->id;
        record_done(rq, AUDIT_SIGN_IN, &r);
    }
}

/* OK: *in has signed in. Else the form again (*drawn), or an error that is none of the form's. */
static enum err prove(struct rq *rq, const struct sign_in_post *post, struct sign_in_page *s,
                      const struct id *organization, struct signed_in **in, bool *drawn)
{
    struct browser *b = s->ix ? &s->ix->browser : s->browser;
    struct user user = {0};
    enum err e = OK;
    s->login = post->login.p ? post->login : STR("");
    s->empty = post->login.n == 0 || post->password.n == 0;
    *drawn = s->empty;
    if (!s->empty)
        e = sign_in_password(rq, post->login, post->password, organization, &user);
    if (!s->empty && !e) {
        int64_t auth_s = s->ix ? interaction_auth_s(rq, s->ix) : rq->now_s;
        *in = browser_sign_in(rq, b, &user, STR("pwd"), STR("pwd"), auth_s);
        note(rq, s, OK, &user);
        return OK;
    }
    *drawn = s->empty || e == ERR_WRONG_PASSWORD || e == ERR_TOO_MANY_REQUESTS ||
             (e == ERR_UNAVAILABLE && rq->failure.retry_s > 0);
    if (!*drawn)
        return e;
    effects_refuse(&rq->fx);
    if (e == ERR_WRONG_PASSWORD || e == ERR_TOO_MANY_REQUESTS)
        note(rq, s, e, &user);
    s->problem = e;
    ui_sign_in_draw(rq, s);
    return OK;
}

static enum err to_client(struct rq *rq, const struct sign_in_post *post)
{
    struct interaction ix;
    struct signed_in *in;
    bool drawn;
    enum err e = interaction_open(rq, post->flow, true, &ix);
    if (e)
        return step_refuse(rq, &ix, e);
    struct sign_in_page s = {.ix = &ix, .login = post->login, .notice = "sign_in.expired"};
    if (ix.expired && !headless_on(rq)) {
        ui_sign_in_draw(rq, &s);
        return OK;
    }
    if (str_eq(post->action, STR("cancel"))) {
        step_deny(rq, &ix);
        return OK;
    }
    if (headless_on(rq))
        return step_go(rq, &ix, NULL);
    e = prove(rq, post, &s, &ix.ar.client->client.organization, &in, &drawn);
    if (e || drawn)
        return e == ERR_SLOW ? e : e ? step_refuse(rq, &ix, e) : OK;
    interaction_choose(&ix, &in->session.id);
    return step_go(rq, &ix, NULL);
}

static enum err to_device(struct rq *rq, const struct sign_in_post *post)
{
    struct browser b;
    struct device_asking d;
    struct signed_in *in;
    bool shown, drawn;
    enum err e = browser_read(rq, &b);
    if (!e)
        e = device_open(rq, &b, post->device, &d, &shown);
    if (e == ERR_ABSENT) {
        ui_device_draw(rq, &b, 200, "device.wrong", STR(""));
        return OK;
    }
    if (e)
        return e;
    struct sign_in_page s = {.device = &d, .browser = &b};
    e = prove(rq, post, &s, &d.client->client.organization, &in, &drawn);
    if (e || drawn)
        return e;
    d.who = in;
    ui_device_confirm(rq, &b, &d);
    return OK;
}

static enum err to_account(struct rq *rq, const struct sign_in_post *post)
{
    struct browser b;
    struct signed_in *in;
    bool drawn;
    enum err e = browser_read(rq, &b);
    if (e)
        return e;
    if (!browser_csrf_ok(rq, &b, STR("sign_in"), post->csrf))
        return fail(rq, ERR_FORBIDDEN, "The form is not of this browser, or too old.");
    struct sign_in_page s = {.browser = &b};
    e = prove(rq, post, &s, NULL, &in, &drawn);
    if (e || drawn)
        return e;
    page_redirect(rq, STR("/account"));
    browser_write(rq, &b);
    return OK;
}

enum err ui_sign_in(struct rq *rq)
{
    struct sign_in_post post = {0};
    enum err e = step_form(rq, fields, sizeof fields / sizeof *fields, &post);
    if (e)
        return e;
    if (post.flow.n > 0)
        return to_client(rq, &post);
    if ((e = ui_sign_in_here(rq)) != OK)
        return e;
    return post.device.n > 0 ? to_device(rq, &post) : to_account(rq, &post);
}
