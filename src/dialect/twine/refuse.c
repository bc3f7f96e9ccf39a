/* refuse: the error document of the Twine dialect.
 *
 *     {"meta":{"req_id":"..."},"errors":[{"code":"Unauthorized","detail":"...","status":"401"}]}
 *
 * The Twine API documents seven codes and says that these are all; a client generated from its
 * description fails on an eighth. So refusals that Twine does not document (405, 413, 503, ...)
 * carry the nearest of the seven, and say in `title` what they are; the status is HTTP's own.
 * Its habit of 409 where OAuth says 400 is kept: 400 stands for broken HTTP only.
 */
#include "codec/json.h"
#include "dialect/twine/endpoints.h"
#include "dialect/twine/jsonapi.h"

enum code {
    CODE_NONE,
    UNAUTHORIZED,
    INVALID_CREDENTIALS,
    INVALID_GRANT_TYPE,
    INVALID_BODY_PARAMETER,
    INVALID_PARAMETER,
    FORBIDDEN,
    RESOURCE_NOT_FOUND
};

static const struct {
    const char *name;
    int status; /* the documented one */
} codes[] = {
    [UNAUTHORIZED] = {"Unauthorized", 401},
    [INVALID_CREDENTIALS] = {"InvalidCredentials", 401},
    [INVALID_GRANT_TYPE] = {"InvalidGrantType", 409},
    [INVALID_BODY_PARAMETER] = {"InvalidBodyParameter", 409},
    [INVALID_PARAMETER] = {"InvalidParameter", 409},
    [FORBIDDEN] = {"Forbidden", 403},
    [RESOURCE_NOT_FOUND] = {"ResourceNotFound", 404},
};

/* One sentence: a refresh needs no secret, and must not tell which clients exist (A34). */
#define CREDENTIALS_TEXT "The client credentials or the refresh token are not valid"

/* `own` keeps the status of base/err.h and adds a title. `text` stands for the engine's sentence,
 * where the Twine documents give one or where several refusals must look the same. */
static const struct mapping {
    enum code code;
    bool own;
    const char *text;
} mappings[ERR_COUNT] = {
    [ERR_INVALID_TOKEN] = {UNAUTHORIZED, false, "A valid bearer token is required"},
    [ERR_INVALID_CLIENT] = {INVALID_CREDENTIALS, false, CREDENTIALS_TEXT},
    [ERR_INVALID_GRANT] = {INVALID_CREDENTIALS, false, CREDENTIALS_TEXT},
    [ERR_UNSUPPORTED_GRANT_TYPE] = {INVALID_GRANT_TYPE, false,
                                    "grant_type must be client_credentials or refresh_token"},
    [ERR_UNAUTHORIZED_CLIENT] = {INVALID_GRANT_TYPE, false,
                                 "This client may not use this grant_type"},
    [ERR_INVALID_BODY] = {INVALID_BODY_PARAMETER, false, NULL},
    [ERR_INVALID_REQUEST] = {INVALID_BODY_PARAMETER, false, NULL},
    [ERR_INVALID_SCOPE] = {INVALID_BODY_PARAMETER, false, NULL},
    [ERR_INVALID_TARGET] = {INVALID_BODY_PARAMETER, false, NULL},
    [ERR_UNSUPPORTED_TOKEN_TYPE] = {INVALID_BODY_PARAMETER, false, NULL},
    [ERR_INVALID_QUERY] = {INVALID_PARAMETER, false, NULL},
    [ERR_FORBIDDEN] = {FORBIDDEN, false, NULL},
    [ERR_SIGN_IN_FIRST] = {FORBIDDEN, false, NULL},
    [ERR_INSUFFICIENT_SCOPE] = {FORBIDDEN, false, NULL},
    [ERR_CLIENT_DISABLED] = {FORBIDDEN, false, "This client is disabled"},
    [ERR_UNSUPPORTED_MEDIA_TYPE] = {FORBIDDEN, false, NULL},
    [ERR_NOT_FOUND] = {RESOURCE_NOT_FOUND, false, NULL},
    [ERR_METHOD_NOT_ALLOWED] = {RESOURCE_NOT_FOUND, true, NULL},
    [ERR_REQUEST_TIMEOUT] = {INVALID_PARAMETER, true, NULL},
    [ERR_BODY_TOO_LARGE] = {INVALID_BODY_PARAMETER, true, NULL},
    [ERR_URI_TOO_LONG] = {INVALID_PARAMETER, true, NULL},
    [ERR_EXPECTATION_FAILED] = {INVALID_PARAMETER, true, NULL},
    [ERR_MISDIRECTED] = {RESOURCE_NOT_FOUND, true, NULL},
    [ERR_TOO_MANY_REQUESTS] = {FORBIDDEN, true, NULL},
    [ERR_HEADERS_TOO_LARGE] = {INVALID_PARAMETER, true, NULL},
    [ERR_BAD_REQUEST] = {INVALID_PARAMETER, true, NULL},
    [ERR_NOT_IMPLEMENTED] = {INVALID_PARAMETER, true, NULL},
    [ERR_VERSION_NOT_SUPPORTED] = {INVALID_PARAMETER, true, NULL},
    [ERR_SERVER_ERROR] = {FORBIDDEN, true, NULL},
    [ERR_UNAVAILABLE] = {FORBIDDEN, true, NULL},
};

static const struct mapping *mapping_of(enum err e)
{
    return &mappings[mappings[e].code != CODE_NONE ? e : ERR_SERVER_ERROR];
}

static bool sent_a_token(const struct http_req *req)
{
    str value = http_header_get(req, STR("Authorization"), NULL), scheme, token;

    return str_cut(value, ' ', &scheme, &token) && str_eq_nocase(scheme, STR("Bearer")) &&
           str_trim(token).n > 0;
}

/* RFC 9110 15.5.2 wants a challenge in every 401; RFC 6750 3 says which. */
static void challenge(struct rq *rq, int status)
{
    str value = STR("Bearer realm=\"twine\"");

    if (rq->failure.e == ERR_INSUFFICIENT_SCOPE)
        value = STR("Bearer realm=\"twine\", error=\"insufficient_scope\"");
    else if (status != 401)
        return;
    else if (rq->failure.e == ERR_INVALID_TOKEN && sent_a_token(rq->req))
        value = STR("Bearer realm=\"twine\", error=\"invalid_token\"");
    http_res_header(rq->res, STR("WWW-Authenticate"), value);
}

static void write_source(struct buf *b, enum code code, str where)
{
    if (where.p == NULL || (code != INVALID_BODY_PARAMETER && code != INVALID_PARAMETER))
        return;
    BUF_LIT(b, ",\"source\":{\"");
    if (code == INVALID_PARAMETER)
        BUF_LIT(b, "parameter");
    else
        BUF_LIT(b, "pointer");
    BUF_LIT(b, "\":");
    json_str(b, where);
    buf_char(b, '}');
}

static str text_of(const struct rq *rq, const struct mapping *m)
{
    if (m->text != NULL)
        return str_from(m->text);
    return str_from(rq->failure.text ? rq->failure.text : err_info(rq->failure.e)->meaning);
}

void refuse_twine(struct rq *rq)
{
    const struct mapping *m = mapping_of(rq->failure.e);
    int status = m->own ? err_info(rq->failure.e)->status : codes[m->code].status;
    struct buf *b = &rq->res->body;

    jsonapi_answer(rq, status);
    challenge(rq, status);
    jsonapi_meta(b, &rq->request_id, JSONAPI_NO_COUNT);
    BUF_LIT(b, ",\"errors\":[{\"code\":");
    json_str(b, str_from(codes[m->code].name));
    if (m->own) {
        BUF_LIT(b, ",\"title\":");
        json_str(b, str_from(http_reason(status)));
    }
    BUF_LIT(b, ",\"detail\":");
    json_str(b, text_of(rq, m));
    BUF_LIT(b, ",\"status\":\"");
    buf_i64(b, status);
    buf_char(b, '"');
    write_source(b, m->code, rq->failure.where);
    BUF_LIT(b, "}]}");
}
