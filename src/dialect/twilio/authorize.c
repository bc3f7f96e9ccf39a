/* authorize: GET /v1/authorize and GET /v2/authorize: is this an authorization request, and where
 * is the page for it?
 *
 * Helper libraries call this from a server and never follow the redirect; browsers are sent here
 * directly. So the answer is 302 with the URL in the JSON body and in Location. The URL is that of
 * our own page with the parameters in snake_case, which runs the same checks again (ui_start).
 *
 * The request has been checked before anybody is sent on: while client and redirect URI are not
 * proven, the answer is 400 and leads nowhere; any other fault goes to the client's redirect URI.
 * Authorization headers are ignored: the libraries send their account's with every call.
 */
#include "codec/json.h"
#include "codec/url.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/codes.h"
#include "dialect/twilio/endpoints.h"
#include "oauth/authorize/interaction.h"
#include "oauth/check/checks.h"

/* In the order of the documented example; what else there is comes behind. */
static const char *const first[] = {"response_type", "client_id", "redirect_uri", "scope", "state"};

static bool is_first(const char *name)
{
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (strcmp(first[i], name) == 0)
            return true;
    return false;
}

static void put_param(struct buf *b, const struct param *p, const struct authorize_request *ar)
{
    const str *value = (const str *)((const char *)ar + p->offset);

    if (value->p == NULL)
        return;
    buf_char(b, str_find(buf_str(b), '?', 0) < b->n ? '&' : '?');
    buf_put(b, str_from(p->name));
    buf_char(b, '=');
    url_encode(b, *value);
}

static str page_url(struct rq *rq, const struct authorize_request *asked)
{
    str issuer = setting_text(rq->server->settings, issuer);
    struct buf b;

    if (str_ends(issuer, STR("/")))
        issuer.n--;
    buf_init(&b, rq->arena, 512, 4 * LIMIT_PARAM_VALUE);
    buf_put(&b, issuer);
    BUF_LIT(&b, "/sign-in");
    for (size_t f = 0; f < sizeof first / sizeof *first; f++)
        for (size_t i = 0; i < authorize_params_n; i++)
            if (strcmp(authorize_params[i].name, first[f]) == 0)
                put_param(&b, &authorize_params[i], asked);
    for (size_t i = 0; i < authorize_params_n; i++)
        if (!is_first(authorize_params[i].name))
            put_param(&b, &authorize_params[i], asked);
    return buf_str(&b);
}

/* The fault as a URL of the client; false: nobody but the caller may be told. A page would be
 * needed to post it (form_post), and this API has none. */
static bool callback_url(struct rq *rq, const struct authorize_request *ar, str *out)
{
    struct interaction ix = {.ar = *ar};
    struct authorize_answer answer;

    if (ar->redirect_to.p == NULL || ar->mode != MODE_QUERY)
        return false;
    if (!interaction_refuse(rq, &ix, &answer))
        return false;
    *out = authorize_answer_url(rq, &answer);
    return true;
}

static void answer(struct rq *rq, str url)
{
    answer_twilio(rq, 302);
    http_res_header(rq->res, STR("Location"), url);
    json_open(&rq->res->body, '{');
    json_key_str(&rq->res->body, STR("redirect_to"), url);
    json_close(&rq->res->body, '}');
}

enum err authorize_twilio(struct rq *rq)
{
    struct authorize_request asked, ar;
    enum err e;
    str url;

    if ((e = authorize_request_bind(rq, VIA_AUTHORIZE, DIALECT_TWILIO, &asked)) != OK)
        return e;
    ar = asked;
    if ((e = checks_run(rq, &ar)) == OK) {
        answer(rq, page_url(rq, &asked));
        return OK;
    }
    if (!callback_url(rq, &ar, &url)) {
        rq->failure.code = e == ERR_INVALID_REQUEST ? CODE_PARAMETER : 0;
        return e;
    }
    answer(rq, url);
    return OK;
}

static const struct op_answer answers[] = {
    {302, "Where the browser goes: the page, or the client with an error.", "application/json",
     "oauth.v1.authorize"},
    {400, "The client is unknown, or the redirect URI is not one of its own.", "application/json",
     "Error"},
    {0},
};

#define TEXT "{\"type\":\"string\"}"

static const struct op_param params_v1[] = {
    {"query", "ResponseType", false, "{\"type\":\"string\",\"enum\":[\"code\"]}", "What is asked."},
    {"query", "ClientId", false, TEXT, "The app."},
    {"query", "RedirectUri", false, TEXT, "One that is registered; may be absent if it is alone."},
    {"query", "Scope", false, TEXT, "Words separated by spaces."},
    {"query", "State", false, TEXT, "Comes back untouched."},
    {"query", "CodeChallenge", false, TEXT, "PKCE (RFC 7636)."},
    {"query", "CodeChallengeMethod", false, "{\"type\":\"string\",\"enum\":[\"S256\"]}", "S256."},
    {0},
};

static const struct op_param params_v2[] = {
    {"query", "response_type", false, "{\"type\":\"string\",\"enum\":[\"code\"]}",
     "What is asked."},
    {"query", "client_id", false, TEXT, "The app."},
    {"query", "redirect_uri", false, TEXT, "One that is registered; may be absent if it is alone."},
    {"query", "scope", false, TEXT, "Words separated by spaces."},
    {"query", "state", false, TEXT, "Comes back untouched."},
    {"query", "code_challenge", false, TEXT, "PKCE (RFC 7636)."},
    {"query", "code_challenge_method", false, "{\"type\":\"string\",\"enum\":[\"S256\"]}", "S256."},
    {0},
};

const struct operation authorize_twilio_operation_v1 = {
    .id = "FetchAuthorize",
    .tag = "OauthV1Authorize",
    .summary = "Begin an authorization by a person",
    .params = params_v1,
    .answers = answers,
};

const struct operation authorize_twilio_operation_v2 = {
    .id = "FetchAuthorizeV2",
    .tag = "OauthV2Authorize",
    .summary = "Begin an authorization by a person",
    .params = params_v2,
    .answers = answers,
};
