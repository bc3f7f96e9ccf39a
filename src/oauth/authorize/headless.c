/* headless: begin, get, accept, reject, continue (docs/headless.md).
 *
 * The flow's row carries what a built-in page carries in its form: the sealed interaction, bound to
 * its browser. So nothing about checks, sessions or consent is decided here; the company's answer
 * only takes the place of what a person would have typed and clicked. Every step is a conditional
 * statement of store/flow.c: of two that come at once, one runs again and finds the flow decided.
 *
 * Until it is accepted the row names who was signed in at that browser, and since when, so that the
 * page can greet him and ask for consent alone.
 *
 * Left out on purpose: choosing between the sessions of one browser (the company's page knows its
 * people), and partial steps: it accepts or rejects the whole.
 */
#include "oauth/authorize/headless.h"

#include "codec/url.h"
#include "oauth/check/check.h"
#include "oauth/record.h"
#include "store/consent.h"

#define AHEAD_S 60 /* how far another clock may be ahead of ours */

static bool is_nobody(const struct uid *user)
{
    static const struct uid nobody;

    return uid_eq(user, &nobody);
}

bool headless_on(const struct rq *rq)
{
    return setting_text(rq->server->settings, login_url).n > 0;
}

/* base ‖ path ‖ "?flow=" ‖ handle */
static str url_of(struct rq *rq, str base, const char *path, str handle)
{
    if (*path != '\0' && str_ends(base, STR("/")))
        base.n--;
    return arena_printf(rq->arena, "%.*s%s%cflow=%.*s", STR_ARG(base), path,
                        str_find(base, '?', 0) < base.n ? '&' : '?', STR_ARG(handle));
}

static str continue_url(struct rq *rq, str handle)
{
    return url_of(rq, setting_text(rq->server->settings, issuer), "/continue", handle);
}

enum err headless_begin(struct rq *rq, struct interaction *ix, str *url)
{
    struct flow_row row = {
        .id = id_next(&rq->server->ids, rq->now_s),
        .client = ix->ar.client->client.id,
        .sealed = interaction_seal(rq, ix),
        .exp_s = rq->now_s + setting_int(rq->server->settings, flow_ttl_s),
    };
    struct handle h;
    struct buf text;

    if (ix->who != NULL) {
        row.user = ix->who->user.id;
        row.auth_s = ix->who->session.auth_s;
    }
    handle_new(HANDLE_FLOW, SHAPE_HANDLE, NULL, &row.id, &h);
    handle_digest(rq->t->hasher, &h, &row.hash);
    flow_put(&rq->fx, &row);
    rq->stranger = true;
    buf_init(&text, rq->arena, HANDLE_CHARS, HANDLE_CHARS);
    handle_write(&text, &h, SHAPE_HANDLE, NULL);
    *url = url_of(rq, setting_text(rq->server->settings, login_url), "", buf_str(&text));
    return OK;
}

/* The row that the handle opens, whatever its state and time. ERR_ABSENT. */
static enum err find(struct rq *rq, str handle, struct flow_row *out)
{
    struct handle h;
    struct digest hash;
    enum err e;

    if (handle_parse(handle, HANDLE_FLOW, signer_ring(rq->t->signer), &h) != OK)
        return ERR_ABSENT;
    if ((e = flow_load(rq->t->db, rq->arena, &h.id, out)) != OK)
        return e;
    handle_digest(rq->t->hasher, &h, &hash);
    return ct_digest_eq(&hash, &out->hash) ? OK : ERR_ABSENT;
}

/* Is its client one of that organization? */
static enum err check_owner(struct rq *rq, const struct flow_row *row,
                            const struct id *organization)
{
    const struct cached_client *client;
    enum err e = client_cache_get(rq->t->clients, rq->t->db, &row->client, rq->now_s, &client);

    if (e != OK)
        return e;
    return id_eq(&client->client.organization, organization) ? OK : ERR_ABSENT;
}

static enum err find_waiting(struct rq *rq, str handle, const struct id *organization,
                             struct flow_row *out)
{
    enum err e = find(rq, handle, out);

    if (e == OK)
        e = check_owner(rq, out, organization);
    if (e == ERR_ABSENT || (e == OK && out->exp_s <= rq->now_s))
        return fail(rq, ERR_NOT_FOUND, "There is no such flow, or it is over.");
    if (e == OK && out->state != FLOW_WAITING)
        return fail(rq, ERR_DECIDED, "The flow has been accepted or rejected already.");
    return e;
}

/* What of the granted scopes this person, if it is anybody, has not allowed yet. */
static enum err find_new_scopes(struct rq *rq, const struct headless *h, str *out)
{
    const struct cached_client *client = h->ix.ar.client;
    struct consent consent = {0};
    enum err e = OK;

    if (h->has_user)
        e = consent_load(rq->t->db, rq->arena, &h->user.id, &client->client.id, &consent);
    if (e != OK && e != ERR_ABSENT)
        return e;
    *out = client->rp.trusted ? STR("")
                              : scope_without(rq->arena, h->ix.ar.to_allow,
                                              h->has_user && e == OK ? consent.scopes : STR(""));
    return OK;
}

enum err headless_get(struct rq *rq, str handle, const struct id *organization,
                      struct headless *out)
{
    enum err e;

    *out = (struct headless){0};
    if ((e = find_waiting(rq, handle, organization, &out->row)) != OK)
        return e;
    if ((e = interaction_open(rq, out->row.sealed, false, &out->ix)) != OK)
        return e;
    if (!is_nobody(&out->row.user)) {
        e = user_load(rq->t->db, rq->arena, &out->row.user, &out->user);
        if (e != OK && e != ERR_ABSENT)
            return e;
        out->has_user = e == OK && out->user.enabled;
    }
    return find_new_scopes(rq, out, &out->new_scopes);
}

static enum err bad(struct rq *rq, const char *text, str member)
{
    return fail_at(rq, ERR_INVALID_BODY, text, member);
}

static enum err read_subject(struct rq *rq, const struct headless *h, str subject, struct user *out)
{
    const struct id *organization = &h->ix.ar.client->client.organization;
    enum spelling spelling;
    struct uid id;
    enum err e = ERR_ABSENT;

    if (uid_parse(subject, USER_SID, &id, &spelling))
        e = user_load(rq->t->db, rq->arena, &id, out);
    if (e != OK && e != ERR_ABSENT)
        return e;
    if (e == ERR_ABSENT || !id_eq(&out->organization, organization) || !out->enabled)
        return bad(rq, "subject must be an enabled user of the client's organization.",
                   STR("subject"));
    if (h->ix.ar.has_hinted && !id_token_hint_names(rq, &h->ix.ar, &id))
        return bad(rq, "The application asked for another person (id_token_hint).", STR("subject"));
    return OK;
}

static enum err read_scope(struct rq *rq, const struct headless *h, str scope, str *out)
{
    str rest = scope, word;

    *out = h->ix.ar.granted;
    if (scope.p == NULL)
        return OK;
    while (str_next(&rest, ' ', &word))
        if (!scope_has(h->ix.ar.granted, word))
            return bad(rq, "scope must be some of what was asked for.", STR("scope"));
    *out = scope;
    return OK;
}

/* Did the application ask for a sign-in newer than this one? As interaction_next judges it. */
static bool is_too_old(const struct rq *rq, const struct headless *h, int64_t auth_s)
{
    const struct authorize_request *ar = &h->ix.ar;
    int64_t max_s = ar->max_age_s;
    bool asked =
        ar->prompts & PROMPT_LOGIN || max_s == 0 || (max_s > 0 && rq->now_s - auth_s > max_s);

    return asked && auth_s < h->ix.began_s;
}

/* The session goes on if nothing says that the person has proven himself anew, and none was asked:
 * then no amr is stored. */
static enum err read_proof(struct rq *rq, const struct headless *h, const struct headless_accept *a,
                           struct flow_row *row)
{
    bool told = a->amr.n > 0 || a->acr.n > 0 || a->at_s != 0;
    bool same = h->has_user && uid_eq(&row->user, &h->row.user);

    if (same && !told && !is_too_old(rq, h, h->row.auth_s))
        return OK;
    row->auth_s = a->at_s != 0 ? a->at_s : interaction_auth_s(rq, &h->ix);
    if (row->auth_s > rq->now_s + AHEAD_S)
        return bad(rq, "auth_time is in the future.", STR("auth_time"));
    if (is_too_old(rq, h, row->auth_s))
        return bad(rq, "auth_time is older than the application asked for (max_age, prompt=login).",
                   STR("auth_time"));
    row->amr = a->amr.n > 0 ? a->amr : STR("pwd");
    row->acr = a->acr.n > 0 ? a->acr : STR("pwd");
    return OK;
}

enum err headless_accept(struct rq *rq, str handle, const struct id *organization,
                         const struct headless_accept *a, str *url)
{
    struct headless h;
    struct flow_row row;
    struct user user;
    enum err e;

    if ((e = headless_get(rq, handle, organization, &h)) != OK)
        return e;
    row = h.row;
    row.remember = a->remember;
    if ((e = read_subject(rq, &h, a->subject, &user)) != OK)
        return e;
    row.user = user.id;
    row.epoch = user.epoch;
    if ((e = read_scope(rq, &h, a->scope, &row.scope)) != OK)
        return e;
    if ((e = read_proof(rq, &h, a, &row)) != OK)
        return e;
    flow_accept(&rq->fx, &row);
    *url = continue_url(rq, handle);
    return OK;
}

/* The error of that name that a client may be told by redirect; OK: there is none. */
static enum err redirectable(str wire)
{
    for (enum err e = OK + 1; e < ERR_COUNT; e++)
        if (err_info(e)->redirectable && str_eq(wire, str_from(err_info(e)->wire)))
            return e;
    return OK;
}

/* %x20-21 / %x23-5B / %x5D-7E (RFC 6749 4.1.2.1) */
static bool is_description(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return s.n <= LIMIT_NAME;
}

enum err headless_reject(struct rq *rq, str handle, const struct id *organization, str error,
                         str description, str *url)
{
    struct flow_row row;
    enum err e;

    if ((e = find_waiting(rq, handle, organization, &row)) != OK)
        return e;
    if (error.p == NULL)
        error = STR("access_denied");
    if (redirectable(error) == OK)
        return bad(rq, "error must be one that an application may be told, as access_denied.",
                   STR("error"));
    if (!is_description(description))
        return bad(rq, "error_description must be at most 200 ASCII characters without \" and \\.",
                   STR("error_description"));
    if (description.n > 0)
        error = arena_printf(rq->arena, "%.*s %.*s", STR_ARG(error), STR_ARG(description));
    flow_reject(&rq->fx, &row.id, error);
    *url = continue_url(rq, handle);
    return OK;
}

/* ---- the browser is back ---- */

/* The failure goes to the client if it may, else to the person. */
static enum err tell(struct rq *rq, struct headless_end *out, enum err e)
{
    return interaction_refuse(rq, &out->ix, &out->answer) ? OK : e;
}

static enum err finish_rejected(struct rq *rq, const struct flow_row *row, struct headless_end *out)
{
    str wire, description;
    enum err e;

    str_cut(row->error, ' ', &wire, &description);
    e = redirectable(wire);
    if (e == OK)
        e = ERR_ACCESS_DENIED;
    flow_finish(&rq->fx, &row->id);
    fail(rq, e, description.n > 0 ? arena_cstr(rq->arena, description) : err_info(e)->meaning);
    interaction_deny(rq, &out->ix, &out->answer);
    return OK;
}

/* What was allowed, where that is less than what was asked. The claims parameter asked for more
 * than the scopes say, so nothing of it is left then. */
static void narrow(struct authorize_request *ar, str scope)
{
    if (str_eq(ar->granted, scope))
        return;
    ar->claims = (str){0};
    ar->granted = ar->to_allow = scope;
    ar->openid = ar->openid && scope_has(scope, STR("openid"));
    ar->offline = ar->offline && scope_has(scope, STR("offline_access"));
}

/* His session at this browser; NULL: none. */
static struct signed_in *session_of(struct browser *b, const struct uid *user)
{
    for (size_t i = 0; i < b->n; i++)
        if (uid_eq(&b->in[i].user.id, user))
            return &b->in[i];
    return NULL;
}

/* Without amr the session that is there goes on. */
static void sign_in(struct rq *rq, const struct flow_row *row, const struct user *user,
                    struct interaction *ix)
{
    struct signed_in *in = row->amr.n == 0 ? session_of(&ix->browser, &user->id) : NULL;

    if (in == NULL) {
        in = browser_sign_in(rq, &ix->browser, user, row->amr, row->acr, row->auth_s);
        record_done(rq, AUDIT_SIGN_IN,
                    &(struct record){.user = &user->id,
                                     .client = &ix->ar.client->client.id,
                                     .organization = &user->organization,
                                     .detail = STR("by the page of login.url")});
    }
    interaction_choose(ix, &in->session.id);
}

/* Has the accept been ended since: were all his sessions revoked, or that which was to go on? */
static bool is_over(const struct flow_row *row, const struct user *user, struct browser *b)
{
    return row->epoch != user->epoch || (row->amr.n == 0 && session_of(b, &user->id) == NULL);
}

/* Asks what is left to do until nothing is: consent was given by the accept. */
static enum err settle(struct rq *rq, const struct flow_row *row, struct interaction *ix)
{
    enum interaction_step step;
    enum err e;

    if ((e = interaction_next(rq, ix, &step)) != OK)
        return e;
    if (step == STEP_CONSENT) {
        if (row->remember)
            interaction_consent(rq, ix);
        ix->consented = true;
        if ((e = interaction_next(rq, ix, &step)) != OK)
            return e;
    }
    if (step != STEP_FINISH)
        return fail(rq, ERR_INTERACTION_REQUIRED, "The sign-in could not be completed as asked.");
    return OK;
}

/* The same request from its beginning, with whatever pages there are now. */
static enum err begin_anew(struct rq *rq, struct headless_end *out)
{
    if (!headless_on(rq))
        return fail(rq, ERR_INVALID_REQUEST,
                    "This sign-in took too long. Go back to the application and begin again.");
    return headless_begin(rq, &out->ix, &out->again);
}

static enum err finish_accepted(struct rq *rq, const struct flow_row *row, struct headless_end *out)
{
    struct interaction *ix = &out->ix;
    struct user user;
    enum err e = user_load(rq->t->db, rq->arena, &row->user, &user);

    if (e != OK && e != ERR_ABSENT)
        return e;
    flow_finish(&rq->fx, &row->id);
    if (e == ERR_ABSENT || !user.enabled) {
        e = fail(rq, ERR_ACCESS_DENIED, "The account may not sign in.");
        return tell(rq, out, e);
    }
    if (is_over(row, &user, &ix->browser))
        return begin_anew(rq, out);
    narrow(&ix->ar, row->scope);
    sign_in(rq, row, &user, ix);
    if ((e = settle(rq, row, ix)) != OK)
        return tell(rq, out, e);
    if ((e = interaction_finish(rq, ix, &out->answer)) != OK)
        return tell(rq, out, e);
    return OK;
}

enum err headless_continue(struct rq *rq, str handle, struct headless_end *out)
{
    struct flow_row row;
    enum err e = find(rq, handle, &row);

    *out = (struct headless_end){0};
    if (e == ERR_ABSENT)
        return fail(rq, ERR_INVALID_REQUEST,
                    "This sign-in is over. Go back to the application and begin again.");
    if (e != OK)
        return e;
    if ((e = interaction_open(rq, row.sealed, true, &out->ix)) != OK)
        return tell(rq, out, e);
    if (row.state == FLOW_FINISHED)
        return fail(rq, ERR_INVALID_REQUEST,
                    "This sign-in is finished already. Go back to the application.");
    if (out->ix.expired || row.exp_s <= rq->now_s)
        return begin_anew(rq, out);
    if (row.state == FLOW_REJECTED)
        return finish_rejected(rq, &row, out);
    if (row.state == FLOW_ACCEPTED)
        return finish_accepted(rq, &row, out);
    return fail(rq, ERR_INVALID_REQUEST, "The page for this sign-in has not decided it yet.");
}
