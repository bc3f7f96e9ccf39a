/* interaction_next: who is meant, has he proven himself as was asked, has he allowed it?
 *
 * Who (OIDC Core 3.1.2.1): the one chosen within this flow; else the one whom id_token_hint or
 * login_hint names; else the one in use, if he is of the client's organization; else the only one
 * who is. prompt=select_account, and several who fit while the one in use does not: the person
 * chooses. Users of other organizations are as good as not signed in.
 *
 * Consent (security.md 13): what was allowed once is not asked again, unless the request wants it
 * (prompt=consent) or anybody can pose as the client, as with a public one that is reached by a
 * loopback or private-scheme address. Clients of the house are not asked for; that is their
 * operator's consent to offline_access, too (OIDC Core 11).
 *
 * A login_hint that names nobody who is signed in decides nothing: it is a hint (openid.md 3.2).
 */
#include "codec/unicode.h"
#include "oauth/authorize/interaction.h"
#include "oauth/check/check.h"

/* ---- who ---- */

static bool fits(const struct interaction *ix, const struct signed_in *in)
{
    return id_eq(&in->user.organization, &ix->ar.client->client.organization);
}

static struct signed_in *find_hinted(struct rq *rq, struct interaction *ix)
{
    for (size_t i = 0; i < ix->browser.n; i++)
        if (fits(ix, &ix->browser.in[i]) &&
            id_token_hint_names(rq, &ix->ar, &ix->browser.in[i].user.id))
            return &ix->browser.in[i];
    return NULL;
}

static struct signed_in *find_user(struct interaction *ix, const struct uid *user)
{
    for (size_t i = 0; i < ix->browser.n; i++)
        if (uid_eq(&ix->browser.in[i].user.id, user) && fits(ix, &ix->browser.in[i]))
            return &ix->browser.in[i];
    return NULL;
}

static bool is_called(struct rq *rq, str name, str canonical)
{
    str own;

    return name.n > 0 && unicode_login(rq->arena, name, &own) && str_eq(own, canonical);
}

static struct signed_in *find_login(struct rq *rq, struct interaction *ix)
{
    str canonical;

    if (ix->ar.login_hint.n == 0 || !unicode_login(rq->arena, ix->ar.login_hint, &canonical))
        return NULL;
    for (size_t i = 0; i < ix->browser.n; i++) {
        struct signed_in *in = &ix->browser.in[i];
        if (fits(ix, in) && (is_called(rq, in->user.username, canonical) ||
                             is_called(rq, in->user.email, canonical)))
            return in;
    }
    return NULL;
}

/* The first who fits, and how many do. */
static struct signed_in *first_fit(struct interaction *ix, size_t *fitting)
{
    struct signed_in *first = NULL;

    *fitting = 0;
    for (size_t i = 0; i < ix->browser.n; i++) {
        if (!fits(ix, &ix->browser.in[i]))
            continue;
        first = first != NULL ? first : &ix->browser.in[i];
        ++*fitting;
    }
    return first;
}

static enum interaction_step pick(struct rq *rq, struct interaction *ix)
{
    struct signed_in *in;
    size_t fitting;

    if (ix->has_chosen)
        in = find_user(ix, &ix->chosen_user);
    else if (ix->ar.has_hinted)
        in = find_hinted(rq, ix);
    else if ((in = first_fit(ix, &fitting)) != NULL && ix->ar.prompts & PROMPT_SELECT_ACCOUNT)
        return STEP_CHOOSE;
    else if (in != NULL && (ix->who = find_login(rq, ix)) != NULL)
        return STEP_FINISH;
    else if (fitting > 1 && in != ix->browser.in)
        return STEP_CHOOSE;
    ix->who = in;
    return in != NULL ? STEP_FINISH : STEP_SIGN_IN;
}

/* ---- proven as asked? ---- */

static bool must_sign_in_again(const struct rq *rq, const struct interaction *ix)
{
    int64_t max_s = ix->ar.max_age_s, auth_s = ix->who->session.auth_s;
    bool asked =
        ix->ar.prompts & PROMPT_LOGIN || max_s == 0 || (max_s > 0 && rq->now_s - auth_s > max_s);

    return asked && !(ix->has_chosen && auth_s >= ix->began_s);
}

/* ---- allowed? ---- */

/* RFC 8252 8.6: whoever listens there may call himself this client. */
static bool can_be_posed_as(const struct authorize_request *ar)
{
    return ar->client->rp.is_public && !str_starts(ar->redirect_to, STR("https://"));
}

static enum err check_consent(struct rq *rq, struct interaction *ix, enum interaction_step *out)
{
    const struct cached_client *client = ix->ar.client;
    bool wanted = ix->ar.prompts & PROMPT_CONSENT;
    enum err e =
        consent_load(rq->t->db, rq->arena, &ix->who->user.id, &client->client.id, &ix->before);

    if (e != OK && e != ERR_ABSENT)
        return e;
    ix->has_before = e == OK;
    ix->new_scopes =
        scope_without(rq->arena, ix->ar.to_allow, ix->has_before ? ix->before.scopes : STR(""));
    if (client->rp.trusted)
        ix->has_before = ix->has_before && wanted; /* nothing relies on it */
    else
        wanted = wanted || !ix->has_before || ix->new_scopes.n > 0 || can_be_posed_as(&ix->ar);
    *out = wanted && !ix->consented ? STEP_CONSENT : STEP_FINISH;
    return OK;
}

static enum err decide(struct rq *rq, struct interaction *ix, enum interaction_step *out)
{
    ix->who = NULL;
    if ((*out = pick(rq, ix)) != STEP_FINISH)
        return OK;
    if (must_sign_in_again(rq, ix)) {
        *out = STEP_SIGN_IN;
        return OK;
    }
    return check_consent(rq, ix, out);
}

/* ---- the step ---- */

/* prompt=none: nothing may be shown (OIDC Core 3.1.2.6). */
static enum err refuse_silently(struct rq *rq, enum interaction_step step)
{
    switch (step) {
    case STEP_SIGN_IN:
        return fail(rq, ERR_LOGIN_REQUIRED, "Nobody suitable is signed in.");
    case STEP_CHOOSE:
        return fail(rq, ERR_ACCOUNT_SELECTION_REQUIRED,
                    "Several people are signed in, and the request does not say who is meant.");
    case STEP_CONSENT:
        return fail(rq, ERR_CONSENT_REQUIRED, "The person has not allowed this yet.");
    case STEP_FINISH:
        break;
    }
    return OK;
}

enum err interaction_next(struct rq *rq, struct interaction *ix, enum interaction_step *out)
{
    enum err e;

    if ((e = decide(rq, ix, out)) != OK)
        return e;
    if (ix->ar.prompts & PROMPT_NONE)
        return refuse_silently(rq, *out);
    if (ix->has_chosen && ix->ar.has_hinted && ix->who != NULL &&
        !id_token_hint_names(rq, &ix->ar, &ix->who->user.id)) /* OIDC Core 3.1.2.1 */
        return fail(rq, ERR_LOGIN_REQUIRED,
                    "Another person signed in than the one whom the application asked for.");
    if (*out == STEP_CONSENT && !ix->has_chosen) {
        /* whoever is shown the page is the one whose answer it takes */
        ix->chosen = ix->who->session.id;
        ix->chosen_user = ix->who->user.id;
        ix->has_chosen = true;
    }
    return OK;
}
