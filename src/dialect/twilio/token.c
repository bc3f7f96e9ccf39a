/* token: POST /v1/token and POST /v2/token: one operation, two spellings of the answer.
 *
 * Both versions take both spellings of every parameter, GrantType and grant_type: the same path is
 * documented in PascalCase for one Twilio host and in snake_case for another. ClientSid is the
 * legacy name of the client id; with it come the two *_expires_at members of that time. Extra
 * parameters (a Code with client_credentials) are no fault; the documented example sends some.
 *
 * /v1 answers 201 and null for what it does not give, which its helper libraries expect; /v2
 * answers 200 and leaves those members out, since a strict OAuth client refuses nulls.
 *
 * Basic credentials of an account (AC) or an API key (SK) are ignored: the libraries send them
 * with every call. Those of an app (OQ) are client_secret_basic. A public app has none: its code
 * came with a challenge, its refresh token is replaced at each use.
 */
#include "base/clock.h"
#include "base/ct.h"
#include "codec/json.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/codes.h"
#include "dialect/twilio/endpoints.h"
#include "oauth/client_auth/client_auth.h"
#include "oauth/issue.h"
#include "oauth/params.h"
#include "store/account.h"

struct form_token {
    str grant_type, client_id, client_sid, client_secret, refresh_token, scope, audience;
    str account_sid, code, redirect_uri, code_verifier, device_code, device_id;
};

#define PARAM(member, pascal, limit)                                                               \
    {                                                                                              \
        .name = #member, .alias = (pascal), .max = (limit), .charset = CHARS_ANY,                  \
        .offset = offsetof(struct form_token, member), .spec = "Twilio CreateToken"                \
    }

static const struct param params[] = {
    PARAM(grant_type, "GrantType", 128),
    PARAM(client_id, "ClientId", 255),
    PARAM(client_sid, "ClientSid", 255),
    PARAM(client_secret, "ClientSecret", LIMIT_SECRET),
    PARAM(refresh_token, "RefreshToken", LIMIT_JWT),
    PARAM(scope, "Scope", LIMIT_PARAM_VALUE),
    PARAM(audience, "Audience", 2048),
    {
        .name = "account_sid",
        .alias = "AccountSid",
        .query = true,
        .max = 255,
        .charset = CHARS_VSCHAR,
        .offset = offsetof(struct form_token, account_sid),
        .spec = "Twilio CreateToken",
    },
    PARAM(code, "Code", LIMIT_PARAM_VALUE),
    PARAM(redirect_uri, "RedirectUri", 2048),
    PARAM(code_verifier, "CodeVerifier", 128),
    PARAM(device_code, "DeviceCode", 255),
    PARAM(device_id, "DeviceId", 255),
};

static bool is_v2(const struct rq *rq)
{
    return str_starts(rq->req->path, STR("/v2/"));
}

/* A refusal for which /v2 has a number of its own. */
static enum err fail_v2(struct rq *rq, enum err e, const char *text, str where, int code)
{
    if (is_v2(rq))
        rq->failure.code = code;
    return fail_at(rq, e, text, where);
}

static enum err merge_client(struct rq *rq, struct form_token *form)
{
    if (form->client_sid.p == NULL)
        return OK;
    if (form->client_id.p != NULL && !str_eq(form->client_id, form->client_sid))
        return fail_at(rq, ERR_INVALID_REQUEST, "ClientSid and ClientId differ.", STR("client_id"));
    form->client_id = form->client_sid;
    return OK;
}

/* Of an account or an API key: nothing to this endpoint. So is a token, which libraries that have
 * one send with every call. */
static bool is_of_no_client(str user)
{
    return str_starts(user, STR("AC")) || str_starts(user, STR("SK"));
}

static bool sends_bearer(const struct rq *rq)
{
    str scheme, rest;

    str_cut(http_header_get(rq->req, STR("Authorization"), NULL), ' ', &scheme, &rest);
    return str_eq_nocase(scheme, STR("Bearer"));
}

/* The app's credentials from the header, if it has any. */
static enum err read_basic(struct rq *rq, struct credentials *out)
{
    str user, password;
    enum err e;

    *out = (struct credentials){0};
    if (sends_bearer(rq))
        return OK;
    if ((e = basic_split(rq, &out->basic, &user, &password)) != OK || !out->basic)
        return e;
    if (is_of_no_client(user)) {
        out->basic = false;
        return OK;
    }
    return basic_read(rq, &out->basic, &out->client_id, &out->secret);
}

static bool same_secret(str a, str b)
{
    return a.n == b.n && (a.n == 0 || ct_eq(a.p, b.p, a.n));
}

/* RFC 6749 2.3: one method. The same pair in both places is one method, said twice. */
static enum err read_credentials(struct rq *rq, const struct form_token *form,
                                 struct credentials *out)
{
    enum err e;

    if ((e = read_basic(rq, out)) != OK)
        return e;
    if (!out->basic) {
        out->client_id = form->client_id;
        out->secret = form->client_secret;
        return OK;
    }
    if ((form->client_id.p == NULL || str_eq(form->client_id, out->client_id)) &&
        (form->client_secret.p == NULL || same_secret(form->client_secret, out->secret)))
        return OK;
    return fail_at(rq, ERR_INVALID_REQUEST,
                   "The credentials in the body are not those of the Authorization header.",
                   STR("client_id"));
}

static enum err need(struct rq *rq, const struct form_token *form, const struct credentials *c)
{
    if (form->grant_type.p == NULL)
        return fail_v2(rq, ERR_INVALID_REQUEST, "grant_type is missing.", STR("grant_type"),
                       CODE_GRANT_TYPE);
    if (c->client_id.n == 0 && !c->basic)
        return fail_v2(rq, ERR_INVALID_REQUEST, "client_id is missing.", STR("client_id"),
                       CODE_NO_CLIENT);
    return OK;
}

/* Grants are known before secrets are asked for, so this comes after issue_token knows the grant;
 * an absent secret is then a credential that is wrong. For the other grants a public app has none,
 * and whether it is one, issue_token finds out. */
static enum err need_secret(struct rq *rq, const struct form_token *form,
                            const struct credentials *c)
{
    if (c->secret.n > 0 || !str_eq(form->grant_type, STR("client_credentials")))
        return OK;
    if (c->basic)
        rq->failure.challenge = BASIC_CHALLENGE;
    return fail_v2(rq, ERR_INVALID_CLIENT, "The client did not authenticate.", (str){0},
                   CODE_NO_CREDENTIALS);
}

static enum err read(struct rq *rq, struct form_token *form, struct token_request *out)
{
    struct credentials c;
    enum err e;

    if ((e = params_bind(rq, params, sizeof params / sizeof *params, form)) != OK)
        return e;
    if ((e = merge_client(rq, form)) != OK)
        return e;
    if ((e = read_credentials(rq, form, &c)) != OK)
        return e;
    if ((e = need(rq, form, &c)) != OK)
        return e;
    if ((e = issue_known_grant(rq, form->grant_type)) != OK)
        return e;
    if ((e = need_secret(rq, form, &c)) != OK)
        return e;
    *out = (struct token_request){
        .grant_type = form->grant_type,
        .scope = form->scope,
        .refresh_token = form->refresh_token,
        .resource = form->audience,
        .code = form->code,
        .redirect_uri = form->redirect_uri,
        .code_verifier = form->code_verifier,
        .device_code = form->device_code,
        .client_id = c.client_id,
        .client_secret = c.secret,
        .basic = c.basic,
        .format = TOKEN_JWT,
    };
    return OK;
}

/* account_sid is only ever the account of the client that has proven itself, so it tells nobody
 * else's existence. */
static enum err check_account(struct rq *rq, str text)
{
    enum spelling spelling;
    struct uid account;

    if (text.p == NULL)
        return OK;
    if (!uid_parse(text, ACCOUNT_SID, &account, &spelling))
        return fail_at(rq, ERR_INVALID_REQUEST, "account_sid is not the SID of an account.",
                       STR("account_sid"));
    if (!uid_eq(&account, &rq->client->organization.account))
        return fail_at(rq, ERR_FORBIDDEN, "The account is not the one of this client.",
                       STR("account_sid"));
    return OK;
}

static enum err issue(struct rq *rq, struct form_token *form, struct token_issued *out)
{
    struct token_request request;
    enum err e;

    *form = (struct form_token){0};
    if ((e = read(rq, form, &request)) != OK)
        return e;
    if ((e = issue_token(rq, &request, out)) != OK) {
        if (e == ERR_INVALID_CLIENT && request.client_secret.n == 0 && is_v2(rq))
            rq->failure.code = CODE_NO_CREDENTIALS;
        return e;
    }
    return check_account(rq, form->account_sid);
}

static void begin(struct rq *rq, int status, const struct token_issued *t)
{
    answer_twilio(rq, status);
    BUF_LIT(&rq->res->body, "{\"access_token\":\"");
    issue_write_access(rq, t);
    BUF_LIT(&rq->res->body, "\",\"token_type\":\"Bearer\",\"expires_in\":");
    buf_i64(&rq->res->body, t->expires_in_s);
}

static void write_refresh(struct rq *rq, const struct token_issued *t)
{
    BUF_LIT(&rq->res->body, ",\"refresh_token\":\"");
    issue_write_refresh(rq, t);
    buf_char(&rq->res->body, '"');
}

static void write_id_token(struct rq *rq, const struct token_issued *t)
{
    BUF_LIT(&rq->res->body, ",\"id_token\":\"");
    issue_write_id_token(rq, t);
    buf_char(&rq->res->body, '"');
}

static void write_time(struct buf *b, str name, int64_t at_s)
{
    char text[20];

    clock_rfc3339(at_s, text);
    json_key_str(b, name, str_make(text, sizeof text));
}

/* When the tokens end, as the legacy API says it. */
static void write_legacy(struct rq *rq, const struct token_issued *t)
{
    struct buf *b = &rq->res->body;

    write_time(b, STR("access_token_expires_at"), rq->now_s + t->expires_in_s);
    if (t->has_refresh)
        write_time(b, STR("refresh_token_expires_at"), t->refresh_exp_s);
    else
        BUF_LIT(b, ",\"refresh_token_expires_at\":null");
}

enum err token_twilio_v1(struct rq *rq)
{
    struct form_token form;
    struct token_issued t;
    enum err e;

    if ((e = issue(rq, &form, &t)) != OK)
        return e;
    begin(rq, 201, &t);
    if (t.has_refresh)
        write_refresh(rq, &t);
    else
        BUF_LIT(&rq->res->body, ",\"refresh_token\":null");
    if (t.has_id_token)
        write_id_token(rq, &t);
    else
        BUF_LIT(&rq->res->body, ",\"id_token\":null");
    if (form.client_sid.p != NULL)
        write_legacy(rq, &t);
    json_close(&rq->res->body, '}');
    return OK;
}

enum err token_twilio_v2(struct rq *rq)
{
    struct form_token form;
    struct token_issued t;
    enum err e;

    if ((e = issue(rq, &form, &t)) != OK)
        return e;
    begin(rq, 200, &t);
    if (t.has_refresh)
        write_refresh(rq, &t);
    if (t.has_id_token)
        write_id_token(rq, &t);
    if (t.scope.n > 0)
        json_key_str(&rq->res->body, STR("scope"), t.scope); /* RFC 6749 5.1 */
    json_close(&rq->res->body, '}');
    return OK;
}

static const struct op_answer answers_v1[] = {
    {201, "The token.", "application/json", "oauth.v1.token"},
    {400, "The request or the grant is refused.", "application/json", "Error"},
    {401, "Wrong credentials.", "application/json", "Error"},
    {0},
};

/* The body in PascalCase, as Twilio documents this version; snake_case is taken as well. */
const struct operation token_twilio_operation_v1 = {
    .id = "CreateToken",
    .tag = "OauthV1Token",
    .summary = "Issue an access token",
    .auth = OP_AUTH_BASIC | OP_AUTH_FORM,
    .form = params,
    .form_n = sizeof params / sizeof *params,
    .form_alias = true,
    .answers = answers_v1,
};

static const struct op_answer answers_v2[] = {
    {200, "The token.", "application/json", "oauth.v2.token"},
    {400, "The request or the grant is refused.", "application/json", "Error"},
    {401, "Wrong credentials.", "application/json", "Error"},
    {0},
};

const struct operation token_twilio_operation_v2 = {
    .id = "CreateTokenV2",
    .tag = "OauthV2Token",
    .summary = "Issue an access token",
    .auth = OP_AUTH_BASIC | OP_AUTH_FORM,
    .form = params,
    .form_n = sizeof params / sizeof *params,
    .answers = answers_v2,
};
