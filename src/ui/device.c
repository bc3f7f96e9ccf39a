/* device: a person enters the code that a device shows, and allows or refuses (RFC 8628 3.3).
 *
 * GET only draws: a link that brings a code along (verification_uri_complete) fills the field in,
 * and the person still sends it off, sees who asks for what, and decides (RFC 8628 5.4). Codes can
 * be guessed, so each look-up is counted first (oauth/device.h). Under login.url a code is taken
 * from people who are signed in already.
 */
#include "oauth/device.h"

#include "codec/form.h"
#include "ui/authorize.h"
#include "ui/step.h"

#define CODE_MAX 40

struct device_post {
    str device, user_code, action;
};

static const struct param fields[] = {
    STEP_FIELD(device_post, device, LIMIT_PARAM_VALUE),
    STEP_FIELD(device_post, user_code, CODE_MAX),
    STEP_FIELD(device_post, action, 16),
};

/* ---- pages ---- */

void ui_device_draw(struct rq *rq, struct browser *b, int status, const char *problem, str typed)
{
    int retry_s = rq->failure.retry_s;
    struct page p;
    page_begin(rq, (str){0}, &p);
    str wait = page_time(&p, retry_s > 0 ? retry_s : 1);
    view_text(p.view, "user_code", str_sub(typed, 0, typed.n > CODE_MAX ? 0 : typed.n));
    if (problem)
        show_problem(&p, page_fill(&p, problem, "wait", wait), "at_user_code");
    if (retry_s > 0)
        http_res_header(rq->res, STR("Retry-After"), arena_printf(rq->arena, "%d", retry_s));
    page_send(&p, status, "device");
    browser_write(rq, b);
}

void ui_device_confirm(struct rq *rq, struct browser *b, const struct device_asking *d)
{
    struct page p;
    page_begin(rq, (str){0}, &p);
    show_client(&p, d->client);
    show_person(&p, p.view, &d->who->user);
    show_scopes(&p, d->row.scope);
    show_lifetime(&p, d->client, true);
    view_text(p.view, "user_code", d->user_code);
    view_text(p.view, "device", device_seal(rq, b, d));
    page_send(&p, 200, "device_confirm");
    browser_write(rq, b);
}

static enum err done(struct rq *rq, struct browser *b, bool allowed)
{
    struct page p;
    page_begin(rq, (str){0}, &p);
    view_flag(p.view, "allowed", allowed);
    page_send(&p, 200, "device_done");
    browser_write(rq, b);
    return OK;
}

/* ---- requests ---- */

/* ERR_SIGN_IN_FIRST before anything is typed, not behind it. */
static enum err begin(struct rq *rq, struct browser *b)
{
    enum err e = browser_read(rq, b);
    return e || b->n > 0 ? e : ui_sign_in_here(rq);
}

enum err ui_device(struct rq *rq)
{
    struct form query;
    struct browser b;
    enum err e = form_parse(rq->arena, rq->req->query, &query);
    if (e)
        return fail(rq, e, "The query is malformed.");
    if ((e = begin(rq, &b)) != OK)
        return e;
    ui_device_draw(rq, &b, 200, NULL, form_get(&query, STR("user_code")));
    authorize_head(rq);
    return OK;
}

/* The question, to whoever has to answer it. */
static enum err ask(struct rq *rq, struct browser *b, const struct device_asking *d)
{
    enum err e = OK;
    if (d->who)
        ui_device_confirm(rq, b, d);
    else if ((e = ui_sign_in_here(rq)) == OK)
        ui_sign_in_draw(rq, &(struct sign_in_page){.device = d, .browser = b});
    return e;
}

static enum err look_up(struct rq *rq, struct browser *b, str typed)
{
    struct device_asking d;
    enum err e = typed.n > 0 ? device_lookup(rq, b, typed, &d) : ERR_ABSENT;
    if (!e)
        return ask(rq, b, &d);
    if (e == ERR_ABSENT)
        ui_device_draw(rq, b, 200, typed.n > 0 ? "device.wrong" : "device.empty", typed);
    else if (e == ERR_TOO_MANY_REQUESTS)
        ui_device_draw(rq, b, 429, "device.throttled", typed);
    else
        return e;
    effects_refuse(&rq->fx);
    return OK;
}

static enum err decide(struct rq *rq, struct browser *b, const struct device_post *post)
{
    struct device_asking d;
    bool shown;
    enum err e = device_open(rq, b, post->device, &d, &shown);
    if (e == ERR_ABSENT) {
        ui_device_draw(rq, b, 200, "device.wrong", STR(""));
        return OK;
    }
    if (e)
        return e;
    if (str_eq(post->action, STR("deny"))) {
        device_deny(rq, &d);
        return done(rq, b, false);
    }
    if (!shown || !d.who || !str_eq(post->action, STR("allow")))
        return ask(rq, b, &d);
    e = device_approve(rq, &d);
    return e ? e : done(rq, b, true);
}

enum err ui_device_post(struct rq *rq)
{
    struct device_post post = {0};
    struct browser b;
    enum err e = step_form(rq, fields, sizeof fields / sizeof *fields, &post);
    if (e)
        return e;
    if ((e = begin(rq, &b)) != OK)
        return e;
    return post.device.n > 0 ? decide(rq, &b, &post) : look_up(rq, &b, post.user_code);
}
