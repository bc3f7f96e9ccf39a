/* account: what a person can do himself: change the password, end sessions, take consents back
 * (security.md 15, 61).
 *
 * Each form carries a token bound to the browser and its session, so one for somebody else who has
 * signed in meanwhile is refused. The page after a change is drawn before the change is durable, so
 * it leaves out what the change takes away.
 *
 * Under login.url passwords are the company's business: no form for one, and a refusal of what an
 * older form posts.
 *
 * Left out on purpose: changing name or address, which belongs to whoever runs the server.
 */
#include "oauth/authorize/headless.h"
#include "oauth/record.h"
#include "oauth/sign_in.h"
#include "store/consent.h"
#include "ui/authorize.h"
#include "ui/step.h"

#define PURPOSE      STR("account")
#define PASSWORD_MAX 4096 /* bytes of a field; the rules say what may be a password */

struct account_post {
    str csrf, action, present, fresh, session, client;
};

static const struct param fields[] = {
    STEP_FIELD(account_post, csrf, LIMIT_PARAM_VALUE),
    STEP_FIELD(account_post, action, 16),
    STEP_FIELD(account_post, present, PASSWORD_MAX),
    STEP_FIELD(account_post, fresh, PASSWORD_MAX),
    STEP_FIELD(account_post, session, ID_HEX),
    STEP_FIELD(account_post, client, 64),
};

/* What has just happened, for the page behind it. */
struct account {
    struct browser browser;
    const struct signed_in *who; /* the first of the browser */
    const char *notice;          /* key of a message */
    str text;                    /* or a text */
    const char *problem;
    bool at_fresh, at_present; /* the field of the problem */
    bool others_gone;          /* all other sessions */
    struct id gone;            /* that session */
    struct uid revoked;        /* that client */
    int status;
};

/* ---- the page ---- */

/* "2026-11-22T03:17:00Z" and "2026-11-22 03:17 UTC", which page.js makes local. */
static void show_time(struct rq *rq, struct view *v, int64_t at_s)
{
    char iso[20];
    clock_rfc3339(at_s, iso);
    view_text(v, "since_iso", arena_dup(rq->arena, str_make(iso, sizeof iso)));
    view_text(v, "since", arena_printf(rq->arena, "%.10s %.5s UTC", iso, iso + 11));
}

static str session_text(struct rq *rq, const struct id *id)
{
    struct buf b;
    buf_init(&b, rq->arena, ID_HEX, ID_HEX);
    id_write(&b, id);
    return buf_str(&b);
}

/* "Firefox on Linux" from what browsers say of themselves; the rest as it came. */
static str agent_name(struct rq *rq, str agent)
{
    static const char *const browsers[][2] = {{"Edg", "Edge"},
                                              {"OPR/", "Opera"},
                                              {"Firefox/", "Firefox"},
                                              {"Chrome/", "Chrome"},
                                              {"Safari/", "Safari"}};
    static const char *const systems[][2] = {
        {"iPhone", "iPhone"},  {"iPad", "iPad"},     {"Android", "Android"}, {"Windows", "Windows"},
        {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}};
    const char *browser = NULL, *system = NULL;
    const char *z = arena_cstr(rq->arena, agent);
    for (size_t i = 0; !browser && i < sizeof browsers / sizeof *browsers; i++)
        if (strstr(z, browsers[i][0]))
            browser = browsers[i][1];
    for (size_t i = 0; !system && i < sizeof systems / sizeof *systems; i++)
        if (strstr(z, systems[i][0]))
            system = systems[i][1];
    if (!browser)
        return agent;
    return system ? arena_printf(rq->arena, "%s · %s", browser, system) : str_from(browser);
}

static enum err show_sessions(struct page *p, const struct account *a)
{
    struct rq *rq = p->rq;
    struct session *sessions;
    size_t n;
    bool others = false;
    enum err e = session_list(rq->t->db, rq->arena, &a->who->user.id, rq->now_s, &sessions, &n);
    for (size_t i = 0; !e && i < n; i++) {
        const struct session *s = &sessions[i];
        bool current = id_eq(&s->id, &a->who->session.id);
        if (!current && (a->others_gone || id_eq(&s->id, &a->gone)))
            continue;
        struct view *v = view_item(p->view, "sessions");
        str agent = agent_name(rq, s->agent);
        view_text(v, "agent", agent.n > 0 ? agent : page_message(p, "account.unknown_agent"));
        view_text(v, "peer", s->peer);
        view_flag(v, "current", current);
        view_text(v, "session", session_text(rq, &s->id));
        show_time(rq, v, s->auth_s);
        others = others || !current;
    }
    view_flag(p->view, "has_others", others);
    return e;
}

static str client_name(const struct page *p, const struct uid *id)
{
    const struct cached_client *c;
    struct rq *rq = p->rq;
    if (client_cache_get(rq->t->clients, rq->t->db, id, rq->now_s, &c))
        return page_message(p, "account.unknown_app");
    return arena_dup(rq->arena, c->client.name);
}

static str client_text(struct rq *rq, const struct uid *id)
{
    struct buf b;
    buf_init(&b, rq->arena, UID_UUID_CHARS, UID_UUID_CHARS);
    uid_write(&b, id, CLIENT_SID, SPELLING_UUID);
    return buf_str(&b);
}

static enum err show_apps(struct page *p, const struct account *a)
{
    struct rq *rq = p->rq;
    struct consent *consents;
    size_t n;
    bool any = false;
    enum err e = consent_list(rq->t->db, rq->arena, &a->who->user.id, &consents, &n);
    for (size_t i = 0; !e && i < n; i++) {
        const struct consent *c = &consents[i];
        if (uid_eq(&c->client, &a->revoked))
            continue;
        struct view *v = view_item(p->view, "apps");
        view_text(v, "app", client_name(p, &c->client));
        view_text(v, "allowed", show_scopes_line(p, c->scopes));
        view_text(v, "client_id", client_text(rq, &c->client));
        show_time(rq, v, c->updated_s);
        any = true;
    }
    view_flag(p->view, "has_apps", any);
    return e;
}

static void show_outcome(struct page *p, const struct account *a)
{
    struct rq *rq = p->rq;
    int retry_s = rq->failure.retry_s;
    str wait = page_time(p, retry_s > 0 ? retry_s : 1);
    str min =
        arena_printf(rq->arena, "%lld", (long long)setting_int(rq->server->settings, password_min));
    view_text(p->view, "min", min);
    if (a->notice && a->text.n > 0)
        view_text(p->view, "notice", page_fill(p, a->notice, "app", a->text));
    else if (a->notice)
        page_say(p, "notice", a->notice);
    if (!a->problem)
        return;
    show_problem(
        p,
        page_fill(p, a->problem, a->status == 200 ? "min" : "wait", a->status == 200 ? min : wait),
        a->at_fresh     ? "at_fresh"
        : a->at_present ? "at_present"
                        : NULL);
    view_flag(p->view, "bad_fresh", a->at_fresh);
    view_flag(p->view, "bad_present", a->at_present);
    if (retry_s > 0)
        http_res_header(rq->res, STR("Retry-After"), arena_printf(rq->arena, "%d", retry_s));
}

static enum err draw(struct rq *rq, struct account *a)
{
    struct page p;
    enum err e;
    page_begin(rq, (str){0}, &p);
    show_person(&p, p.view, &a->who->user);
    view_text(p.view, "username", a->who->user.username);
    view_text(p.view, "csrf", browser_csrf(rq, &a->browser, PURPOSE));
    view_flag(p.view, "has_password", !headless_on(rq));
    show_outcome(&p, a);
    if ((e = show_sessions(&p, a)) != OK || (e = show_apps(&p, a)) != OK)
        return e;
    page_send(&p, a->status, "account");
    browser_write(rq, &a->browser);
    return OK;
}

/* ---- what can be done ---- */

/* By key: the rules name messages. */
static enum err wrong_password(struct rq *rq, struct account *a, enum err e)
{
    effects_refuse(&rq->fx);
    if (e == ERR_WRONG_PASSWORD || e == ERR_TOO_MANY_REQUESTS)
        record_refused(
            rq, AUDIT_PASSWORD_CHANGED, e,
            &(struct record){.user = &a->who->user.id, .organization = &a->who->user.organization});
    a->at_present = e == ERR_WRONG_PASSWORD;
    a->at_fresh = e == ERR_INVALID_REQUEST;
    a->problem = a->at_fresh ? rq->failure.text : "account.wrong";
    if (!a->at_present && !a->at_fresh) {
        a->problem = e == ERR_TOO_MANY_REQUESTS ? "account.throttled" : "account.busy";
        a->status = err_info(e)->status;
    }
    return draw(rq, a);
}

static void note(struct rq *rq, const struct account *a, enum audit_event event, const char *detail)
{
    record_done(rq, event,
                &(struct record){.user = &a->who->user.id,
                                 .organization = &a->who->user.organization,
                                 .detail = str_from(detail)});
}

static enum err change_password(struct rq *rq, struct account *a, const struct account_post *post)
{
    if (headless_on(rq)) {
        a->problem = "account.elsewhere";
        a->status = err_info(ERR_FORBIDDEN)->status;
        return draw(rq, a);
    }
    if (post->present.n == 0 || post->fresh.n == 0) {
        a->problem = "password.empty";
        a->at_present = post->present.n == 0;
        a->at_fresh = !a->at_present;
        return draw(rq, a);
    }
    enum err e =
        sign_in_change_password(rq, &a->who->user, post->present, post->fresh, &a->who->session.id);
    if (e == ERR_WRONG_PASSWORD || e == ERR_INVALID_REQUEST || e == ERR_TOO_MANY_REQUESTS ||
        (e == ERR_UNAVAILABLE && rq->failure.retry_s > 0))
        return wrong_password(rq, a, e);
    if (e)
        return e;
    note(rq, a, AUDIT_PASSWORD_CHANGED, "by its owner");
    a->others_gone = true;
    a->notice = "account.changed";
    return draw(rq, a);
}

/* One of this person's own; another's is as good as none. */
static enum err end_session(struct rq *rq, struct account *a, const struct account_post *post)
{
    struct session s;
    enum err e = ERR_ABSENT;
    if (id_parse(post->session, &a->gone))
        e = session_load(rq->t->db, rq->arena, &a->gone, &s);
    if (e && e != ERR_ABSENT)
        return e;
    if (!e && uid_eq(&s.user, &a->who->user.id)) {
        session_end(&rq->fx, &a->gone, rq->now_s);
        note(rq, a, AUDIT_SESSION_ENDED, "one");
    }
    a->notice = "account.session_ended";
    return draw(rq, a);
}

static enum err end_others(struct rq *rq, struct account *a)
{
    session_end_all(&rq->fx, &a->who->user.id, &a->who->session.id, false, rq->now_s);
    note(rq, a, AUDIT_SESSION_ENDED, "all others");
    a->others_gone = true;
    a->notice = "account.others_ended";
    return draw(rq, a);
}

static enum err revoke(struct rq *rq, struct account *a, const struct account_post *post)
{
    enum spelling spelling;
    struct page p;
    if (!uid_parse(post->client, CLIENT_SID, &a->revoked, &spelling))
        return fail_at(rq, ERR_INVALID_REQUEST, "That is no client.", STR("client"));
    consent_revoke(&rq->fx, &a->who->user.id, &a->revoked, rq->now_s);
    record_done(rq, AUDIT_CONSENT_REVOKED,
                &(struct record){.user = &a->who->user.id, .client = &a->revoked});
    page_begin(rq, (str){0}, &p);
    a->text = client_name(&p, &a->revoked);
    a->notice = "account.revoked";
    return draw(rq, a);
}

static enum err sign_out(struct rq *rq, struct account *a)
{
    struct id session = a->who->session.id; /* the sessions move */
    note(rq, a, AUDIT_SIGN_OUT, "");
    browser_sign_out(rq, &a->browser, &session);
    ui_logout_done(rq, &a->browser);
    return OK;
}

static enum err act(struct rq *rq, struct account *a, const struct account_post *post)
{
    if (str_eq(post->action, STR("password")))
        return change_password(rq, a, post);
    browser_hold(rq, a->who);
    if (str_eq(post->action, STR("end_session")))
        return end_session(rq, a, post);
    if (str_eq(post->action, STR("end_others")))
        return end_others(rq, a);
    if (str_eq(post->action, STR("revoke")))
        return revoke(rq, a, post);
    return str_eq(post->action, STR("sign_out")) ? sign_out(rq, a) : draw(rq, a);
}

/* ---- requests ---- */

static enum err begin(struct rq *rq, struct account *a, bool *drawn)
{
    *a = (struct account){.status = 200};
    enum err e = browser_read(rq, &a->browser);
    if (e)
        return e;
    a->who = a->browser.in;
    *drawn = a->browser.n == 0;
    if (!*drawn)
        return OK;
    if ((e = ui_sign_in_here(rq)) == OK)
        ui_sign_in_draw(rq, &(struct sign_in_page){.browser = &a->browser});
    return e;
}

enum err ui_account(struct rq *rq)
{
    struct account a;
    bool drawn;
    enum err e = begin(rq, &a, &drawn);
    if (!e && !drawn)
        e = draw(rq, &a);
    authorize_head(rq);
    return e;
}

enum err ui_account_post(struct rq *rq)
{
    struct account_post post = {0};
    struct account a;
    bool drawn;
    enum err e = step_form(rq, fields, sizeof fields / sizeof *fields, &post);
    if (e)
        return e;
    if ((e = begin(rq, &a, &drawn)) != OK || drawn)
        return e;
    if (!browser_csrf_ok(rq, &a.browser, PURPOSE, post.csrf))
        return fail(rq, ERR_FORBIDDEN, "The form is not of this browser, or too old.");
    return act(rq, &a, &post);
}
