/* logout: RP-Initiated Logout 1.0: read, ask, end.
 *
 * Left out on purpose: redirecting on the strength of client_id alone (2, "other means of
 * confirming"): anybody can write one; and telling other applications, which is another matter.
 */
#include "oauth/logout.h"

#include "codec/url.h"
#include "oauth/params.h"
#include "oauth/record.h"
#include "oauth/sealed.h"
#include "oauth/token/id_token.h"
#include "oauth/token/subject.h"

#define PURPOSE STR("logout")

#define PARAM(member, limit, set)                                                                  \
    {                                                                                              \
        .name = #member, .max = (limit), .charset = (set),                                         \
        .offset = offsetof(struct logout, member), .spec = "RP-Initiated Logout 2"                 \
    }

static const struct param params[] = {
    PARAM(id_token_hint, LIMIT_JWT, CHARS_VSCHAR),
    PARAM(post_logout_redirect_uri, 2048, CHARS_ANY),
    PARAM(state, 4096, CHARS_VSCHAR),
    PARAM(client_id, 255, CHARS_VSCHAR),
    PARAM(logout_hint, 255, CHARS_ANY),
    PARAM(ui_locales, 255, CHARS_VSCHAR),
};

#define PARAMS (sizeof params / sizeof *params)

/* ---- the hint ---- */

static bool names_client(str client_id, const struct uid *id)
{
    enum spelling spelling;
    struct uid named;

    return client_id.p == NULL ||
           (uid_parse(client_id, CLIENT_SID, &named, &spelling) && uid_eq(&named, id));
}

/* Is that what the client is told the user is called, in one spelling or the other? */
static bool is_subject(struct rq *rq, const struct logout *l, const struct uid *user, str sub)
{
    return str_eq(sub, subject_of(rq, l->client, user, SPELLING_UUID)) ||
           str_eq(sub, subject_of(rq, l->client, user, SPELLING_SID));
}

/* By sid, or by sub: he may have signed in again since. */
static void find_session(struct rq *rq, struct logout *l, const struct id_token_facts *facts)
{
    for (size_t i = 0; i < l->browser.n && !l->has_session; i++) {
        const struct signed_in *in = &l->browser.in[i];
        if (!(facts->has_session && id_eq(&in->session.id, &facts->session)) &&
            !is_subject(rq, l, &in->user.id, facts->sub))
            continue;
        l->session = in->session.id;
        l->has_session = true;
    }
}

static enum err judge_hint(struct rq *rq, struct logout *l)
{
    struct id_token_facts facts;
    enum err e;

    if (l->id_token_hint.p == NULL)
        return OK;
    l->hint_is_wrong = true;
    e = id_token_read(rq, l->id_token_hint, &facts);
    if (e == OK && !names_client(l->client_id, &facts.client))
        e = ERR_INVALID_TOKEN;
    if (e == OK)
        e = client_cache_get(rq->t->clients, rq->t->db, &facts.client, rq->now_s, &l->client);
    if (e == ERR_UNAVAILABLE)
        return e;
    if (e != OK) {
        l->client = NULL; /* the person is asked instead */
        return OK;
    }
    l->hint_is_wrong = false;
    find_session(rq, l, &facts);
    return OK;
}

/* ---- where to ---- */

static bool is_registered(str list, str uri)
{
    str one;

    while (str_next(&list, '\n', &one))
        if (str_eq(one, uri))
            return true;
    return false;
}

static void find_redirect(struct rq *rq, struct logout *l)
{
    str uri = l->post_logout_redirect_uri;
    struct buf b;

    if (l->client == NULL || uri.p == NULL || !l->client->client.enabled ||
        !is_registered(l->client->rp.post_logout_redirect_uris, uri))
        return;
    l->redirect = uri;
    if (l->state.p == NULL)
        return;
    buf_init(&b, rq->arena, 512, LIMIT_PARAM_VALUE);
    buf_put(&b, uri);
    BUF_LIT(&b, "?state=");
    if (str_find(uri, '?', 0) < uri.n)
        b.p[uri.n] = '&';
    url_encode(&b, l->state);
    l->redirect = buf_str(&b);
}

/* ---- the request ---- */

static enum err judge(struct rq *rq, struct logout *l)
{
    enum err e;

    if ((e = judge_hint(rq, l)) != OK)
        return e;
    find_redirect(rq, l);
    l->confirm = l->browser.n > 0 && !l->has_session; /* security.md 62 */
    return OK;
}

static enum err refuse_faults(struct rq *rq, const struct params_faults *faults)
{
    for (size_t i = 0; i < PARAMS; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if (faults->repeated & bit)
            return fail_at(rq, ERR_INVALID_REQUEST, "A parameter is given twice.",
                           str_from(params[i].name));
        if (faults->unfit & bit)
            return fail_at(rq, ERR_INVALID_REQUEST,
                           "A parameter is too long or has a bad character.",
                           str_from(params[i].name));
    }
    return OK;
}

enum err logout_read(struct rq *rq, struct logout *out)
{
    struct params_faults faults;
    enum err e;

    *out = (struct logout){0};
    if ((e = params_note(rq, params, PARAMS, false, out, &faults)) != OK)
        return e;
    if ((e = refuse_faults(rq, &faults)) != OK)
        return e;
    if ((e = browser_read(rq, &out->browser)) != OK)
        return e;
    return judge(rq, out);
}

/* ---- the confirmation ---- */

/* A token for this browser and the session in use, then the parameters. */
str logout_seal(struct rq *rq, struct logout *l)
{
    str token = browser_csrf(rq, &l->browser, PURPOSE);
    str text = params_write(rq, params, PARAMS, l);

    return sealed_put(rq, PURPOSE,
                      arena_printf(rq->arena, "%.*s %.*s", STR_ARG(token), STR_ARG(text)));
}

enum err logout_open(struct rq *rq, str sealed, struct logout *out)
{
    struct params_faults faults;
    str plain, token, text;
    enum err e;

    *out = (struct logout){0};
    if ((e = browser_read(rq, &out->browser)) != OK)
        return e;
    if (!sealed_open(rq, PURPOSE, sealed, &plain) || !str_cut(plain, ' ', &token, &text) ||
        !browser_csrf_ok(rq, &out->browser, PURPOSE, token))
        return fail(rq, ERR_FORBIDDEN,
                    "This page does not belong to this browser any more. Sign out again.");
    if ((e = params_text(rq, params, PARAMS, text, out, &faults)) != OK)
        return e;
    return judge(rq, out);
}

void logout_end(struct rq *rq, struct logout *l)
{
    for (size_t i = 0; i < l->browser.n; i++)
        if (!l->has_session || id_eq(&l->browser.in[i].session.id, &l->session))
            record_done(rq, AUDIT_SIGN_OUT,
                        &(struct record){.user = &l->browser.in[i].user.id,
                                         .organization = &l->browser.in[i].user.organization});
    if (l->has_session)
        browser_sign_out(rq, &l->browser, &l->session);
    else
        browser_sign_out_all(rq, &l->browser);
}
