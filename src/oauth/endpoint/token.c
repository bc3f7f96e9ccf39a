/* token: POST /oauth2/token (RFC 6749 3.2): form in, JSON out (5.1). */
#include "codec/json.h"
#include "oauth/client_auth/client_auth.h"
#include "oauth/endpoint/endpoint.h"
#include "oauth/issue.h"
#include "oauth/params.h"

struct token_form {
    str grant_type, scope, refresh_token, resource;
    str code, redirect_uri, code_verifier, device_code;
    struct client_auth_form client;
};

#define PARAM(member, limit, set, where)                                                           \
    {                                                                                              \
        .name = #member, .max = (limit), .charset = (set),                                         \
        .offset = offsetof(struct token_form, member), .spec = (where)                             \
    }

static const struct param params[] = {
    PARAM(grant_type, 128, CHARS_VSCHAR, "RFC 6749 A.10"),
    PARAM(scope, LIMIT_PARAM_VALUE, CHARS_ANY, "RFC 6749 A.4"),
    PARAM(refresh_token, LIMIT_JWT, CHARS_VSCHAR, "RFC 6749 A.17"),
    {
        .name = "resource",
        .join = true,
        .max = 4096,
        .charset = CHARS_ANY,
        .offset = offsetof(struct token_form, resource),
        .spec = "RFC 8707 2",
    },
    PARAM(code, LIMIT_PARAM_VALUE, CHARS_VSCHAR, "RFC 6749 A.11"),
    PARAM(redirect_uri, 2048, CHARS_ANY, "RFC 6749 A.6"),
    PARAM(code_verifier, 1024, CHARS_VSCHAR, "RFC 7636 4.5"),
    PARAM(device_code, 255, CHARS_VSCHAR, "RFC 8628 3.4"),
    CLIENT_AUTH_ROWS(struct token_form, client),
};

/* Before the grant asks for its own parameters: 401 whatever else is wrong. */
static bool did_not_authenticate(const struct token_form *form, const struct credentials *c)
{
    if (c->secret.p != NULL || c->assertion.p != NULL)
        return false;
    return c->client_id.p == NULL || str_eq(form->grant_type, STR("client_credentials"));
}

static enum err read(struct rq *rq, struct token_request *out)
{
    struct token_form form = {0};
    struct credentials c;
    enum err e;

    if ((e = params_bind(rq, params, sizeof params / sizeof *params, &form)) != OK)
        return e;
    if (form.grant_type.p == NULL)
        return fail_at(rq, ERR_INVALID_REQUEST, "grant_type is missing.", STR("grant_type"));
    if ((e = client_auth_collect(rq, &form.client, &c)) != OK)
        return e;
    if (did_not_authenticate(&form, &c)) {
        rq->failure.silent = client_auth_is_silent(&c);
        return fail(rq, ERR_INVALID_CLIENT, "The client did not authenticate.");
    }
    *out = (struct token_request){
        .grant_type = form.grant_type,
        .scope = form.scope,
        .refresh_token = form.refresh_token,
        .resource = form.resource,
        .code = form.code,
        .redirect_uri = form.redirect_uri,
        .code_verifier = form.code_verifier,
        .device_code = form.device_code,
        .client_id = c.client_id,
        .client_secret = c.secret,
        .basic = c.basic,
        .assertion_type = c.assertion_type,
        .assertion = c.assertion,
        .format_from_client = true,
    };
    return OK;
}

static void answer(struct rq *rq, const struct token_issued *t)
{
    struct buf *b = &rq->res->body;

    rq_answer(rq, 200, STR("application/json"));
    BUF_LIT(b, "{\"access_token\":\"");
    issue_write_access(rq, t);
    BUF_LIT(b, "\",\"token_type\":\"Bearer\",\"expires_in\":");
    buf_i64(b, t->expires_in_s);
    if (t->has_refresh) {
        BUF_LIT(b, ",\"refresh_token\":\"");
        issue_write_refresh(rq, t);
        buf_char(b, '"');
    }
    if (t->has_id_token) {
        BUF_LIT(b, ",\"id_token\":\"");
        issue_write_id_token(rq, t);
        buf_char(b, '"');
    }
    if (t->scope.n > 0)
        json_key_str(b, STR("scope"), t->scope);
    json_close(b, '}');
}

enum err token_endpoint(struct rq *rq)
{
    struct token_request request;
    struct token_issued issued;
    enum err e;

    if ((e = read(rq, &request)) != OK)
        return e;
    if ((e = issue_token(rq, &request, &issued)) != OK)
        return e;
    answer(rq, &issued);
    return OK;
}

static const struct op_answer answers[] = {
    {200, "The access token.", "application/json", "Token"},
    {400, "The request, the grant or the scope is refused.", "application/json", "Error"},
    {401, "The client is unknown or its credentials are wrong.", "application/json", "Error"},
    {0},
};

const struct operation token_operation = {
    .id = "createToken",
    .tag = "OAuth",
    .summary = "Issue an access token",
    .auth = OP_AUTH_BASIC | OP_AUTH_FORM,
    .form = params,
    .form_n = sizeof params / sizeof *params,
    .answers = answers,
};
