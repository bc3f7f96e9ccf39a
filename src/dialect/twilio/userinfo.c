/* userinfo: GET /v1/userinfo, who the person is, in the words of the legacy API.
 *
 * With a token of this dialect that somebody signed in for: that person, as far as the token's
 * scope goes (profile: the names, email: the address); what it does not reach is null, and so is
 * user_sid for an app with pairwise subjects, which shall not know it (OIDC Core 8). With the
 * account's own credentials, which is what the libraries send: the person whom an operator has put
 * behind the account (`postern account owner`), whole; 404 if there is none.
 */
#include "codec/json.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/codes.h"
#include "dialect/twilio/endpoints.h"
#include "dialect/twilio/token_fault.h"
#include "oauth/account_auth.h"
#include "oauth/check/check.h"
#include "oauth/token/bearer.h"
#include "oauth/token/person.h"

/* Who, and what of him may be shown. */
struct shown {
    struct user user;
    bool sid, profile, email;
};

static enum err by_account(struct rq *rq, struct shown *out)
{
    struct account account;
    enum err e;

    if ((e = account_auth_require(rq, ACCOUNT_CHALLENGE, &account)) != OK)
        return e;
    e = ERR_ABSENT;
    if (account.has_owner)
        e = user_load(rq->t->db, rq->arena, &account.owner, &out->user);
    if (e == ERR_ABSENT || (e == OK && !out->user.enabled))
        return fail(rq, ERR_NOT_FOUND, "Nobody stands behind this account.");
    out->sid = out->profile = out->email = true;
    return e;
}

static enum err by_token(struct rq *rq, str token, struct shown *out)
{
    struct bearer b;
    enum err e;

    if ((e = bearer_require(rq, &b)) != OK) {
        if (e == ERR_INVALID_TOKEN)
            rq->failure.code = token_fault(rq, token);
        return e;
    }
    if ((e = bearer_need_scope(rq, &b, STR("openid"))) != OK)
        return e;
    if (b.who == NULL)
        return fail(rq, ERR_FORBIDDEN, "Nobody signed in for this token.");
    out->user = b.who->user;
    out->sid = !b.client->rp.pairwise;
    out->profile = scope_has(b.scope, STR("profile"));
    out->email = scope_has(b.scope, STR("email"));
    return OK;
}

static void put(struct buf *b, const char *name, bool may, str value)
{
    json_key(b, str_from(name));
    if (may && value.n > 0)
        json_str(b, value);
    else
        json_nil(b);
}

/* His name as one: as he has it, else of its parts, else the one he signs in with. */
static str friendly_name(struct rq *rq, const struct user *u, const struct json *claims)
{
    str name = json_get_str(claims, STR("name"));
    str given = json_get_str(claims, STR("given_name"));
    str family = json_get_str(claims, STR("family_name"));

    if (name.n > 0)
        return name;
    if (given.n > 0 && family.n > 0)
        return arena_printf(rq->arena, "%.*s %.*s", STR_ARG(given), STR_ARG(family));
    return given.n > 0 ? given : u->username;
}

static str sid_of(struct rq *rq, const struct user *u)
{
    struct buf b;

    buf_init(&b, rq->arena, UID_SID_CHARS, UID_SID_CHARS);
    uid_write(&b, &u->id, USER_SID, SPELLING_SID);
    return buf_str(&b);
}

static void answer(struct rq *rq, const struct shown *s)
{
    str issuer = setting_text(rq->server->settings, issuer);
    struct buf *b = &rq->res->body;
    struct json *claims = NULL;

    if (s->user.claims.n > 0 && json_parse(rq->arena, s->user.claims, &claims) != OK)
        claims = NULL;
    if (str_ends(issuer, STR("/")))
        issuer.n--;
    answer_twilio(rq, 200);
    json_open(b, '{');
    put(b, "user_sid", s->sid, sid_of(rq, &s->user));
    put(b, "first_name", s->profile, json_get_str(claims, STR("given_name")));
    put(b, "last_name", s->profile, json_get_str(claims, STR("family_name")));
    put(b, "friendly_name", s->profile, friendly_name(rq, &s->user, claims));
    put(b, "email", s->email, s->user.email);
    json_key_str(b, STR("url"), arena_printf(rq->arena, "%.*s/v1/userinfo", STR_ARG(issuer)));
    json_close(b, '}');
}

enum err userinfo_twilio(struct rq *rq)
{
    str value = http_header_get(rq->req, STR("Authorization"), NULL), scheme, token;
    struct shown s = {0};
    enum err e;

    str_cut(value, ' ', &scheme, &token);
    if (str_eq_nocase(scheme, STR("Bearer")))
        e = by_token(rq, str_trim(token), &s);
    else
        e = by_account(rq, &s);
    if (e != OK)
        return e;
    answer(rq, &s);
    return OK;
}

static const struct op_answer answers[] = {
    {200, "The person.", "application/json", "oauth.v1.user_info"},
    {401, "Neither an account nor a token of a person.", "application/json", "Error"},
    {403, "The token does not have the scope openid.", "application/json", "Error"},
    {404, "Nobody stands behind this account.", "application/json", "Error"},
    {0},
};

const struct operation userinfo_twilio_operation = {
    .id = "FetchUserInfo",
    .tag = "OauthV1UserInfo",
    .summary = "Who the person is",
    .auth = OP_AUTH_BASIC | OP_AUTH_BEARER,
    .answers = answers,
};
