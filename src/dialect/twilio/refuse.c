/* refuse: the error document of the Twilio dialect.
 *
 *     {"code":20003,"message":"Authenticate","more_info":"https://...","status":401,
 *      "error":"invalid_client","error_description":"..."}
 *
 * /v1 speaks the older dictionary (20001, 20003, ...), /v2 the one of the Token API (32xxxx) with
 * the older for what it has no word for. `error` and `error_description` are RFC 6749's, so that
 * a plain OAuth client understands the same document. There is no `type` beside `title`: newer
 * helper libraries would take the document for another kind of error.
 */
#include "codec/json.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/codes.h"
#include "dialect/twilio/endpoints.h"

/* 0 in `v2` is the code of `v1`, 0 in `status` the status of base/err.h, NULL in `error` the wire
 * name there, in `message` the failure's own sentence. */
static const struct entry {
    int v1, v2;
    int status;
    const char *error;
    const char *message;
} entries[ERR_COUNT] = {
    [ERR_INVALID_REQUEST] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_INVALID_CLIENT] = {CODE_AUTHENTICATE, CODE_CREDENTIALS, 0, NULL, NULL},
    [ERR_INVALID_GRANT] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_UNAUTHORIZED_CLIENT] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_UNSUPPORTED_GRANT_TYPE] = {CODE_PARAMETER, CODE_GRANT_TYPE, 0, NULL, NULL},
    [ERR_INVALID_SCOPE] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_INVALID_TARGET] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_UNSUPPORTED_RESPONSE_TYPE] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_ACCESS_DENIED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_LOGIN_REQUIRED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_CONSENT_REQUIRED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_INTERACTION_REQUIRED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_ACCOUNT_SELECTION_REQUIRED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_INVALID_REQUEST_OBJECT] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_INVALID_REQUEST_URI] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_REQUEST_URI_NOT_SUPPORTED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_AUTHORIZATION_PENDING] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_SLOW_DOWN] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_EXPIRED_TOKEN] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_UNSUPPORTED_TOKEN_TYPE] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_INVALID_TOKEN] = {CODE_TOKEN_INVALID, 0, 0, NULL, NULL},
    [ERR_INSUFFICIENT_SCOPE] = {CODE_PERMISSION, 0, 0, NULL, NULL},
    [ERR_CLIENT_DISABLED] = {CODE_FORBIDDEN, 0, 403, "access_denied", NULL},
    [ERR_INVALID_BODY] = {CODE_PARAMETER, CODE_BAD_REQUEST, 0, NULL, NULL},
    [ERR_INVALID_QUERY] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_FORBIDDEN] = {CODE_FORBIDDEN, 0, 0, NULL, NULL},
    [ERR_SIGN_IN_FIRST] = {CODE_FORBIDDEN, 0, 0, NULL, NULL},
    [ERR_NOT_FOUND] = {CODE_NOT_FOUND, 0, 0, NULL, NULL},
    [ERR_METHOD_NOT_ALLOWED] = {CODE_METHOD, 0, 0, NULL, NULL},
    [ERR_UNSUPPORTED_MEDIA_TYPE] = {CODE_PARAMETER, CODE_BAD_REQUEST, 400, NULL, NULL},
    [ERR_TOO_MANY_REQUESTS] = {CODE_TOO_MANY, 0, 0, NULL, "Too Many Requests"},
    [ERR_DECIDED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_REQUEST_TIMEOUT] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_BODY_TOO_LARGE] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_URI_TOO_LONG] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_EXPECTATION_FAILED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_MISDIRECTED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_HEADERS_TOO_LARGE] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_BAD_REQUEST] = {CODE_PARAMETER, CODE_BAD_REQUEST, 0, NULL, NULL},
    [ERR_NOT_IMPLEMENTED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_VERSION_NOT_SUPPORTED] = {CODE_PARAMETER, 0, 0, NULL, NULL},
    [ERR_SERVER_ERROR] = {CODE_INTERNAL, 0, 0, NULL, "Internal server error"},
    [ERR_UNAVAILABLE] = {CODE_UNAVAILABLE, 0, 0, NULL, "Service unavailable"},
};

static bool is_v2(const struct rq *rq)
{
    return str_starts(rq->req->path, STR("/v2/"));
}

static int code_of(const struct rq *rq, const struct entry *entry)
{
    const struct failure *f = &rq->failure;

    if (f->code != 0)
        return f->code;
    /* What has no name is the request as a whole: a body or a query that cannot be read. */
    if (is_v2(rq) && f->e == ERR_INVALID_REQUEST && f->where.n == 0)
        return CODE_BAD_REQUEST;
    return is_v2(rq) && entry->v2 != 0 ? entry->v2 : entry->v1;
}

/* The sentences that the Twilio documents give; of the others, ours. */
static str message_of(struct rq *rq, const struct entry *entry, int code)
{
    switch (code) {
    case CODE_AUTHENTICATE:
        return STR("Authenticate");
    case CODE_NO_CREDENTIALS:
    case CODE_CREDENTIALS:
        return STR("Invalid credentials");
    case CODE_NOT_FOUND:
        return arena_printf(rq->arena, "The requested resource %.*s was not found",
                            STR_ARG(rq->req->path));
    default:
        break;
    }
    if (entry->message != NULL)
        return str_from(entry->message);
    return str_from(rq->failure.text ? rq->failure.text : err_info(rq->failure.e)->meaning);
}

static void write_members(struct rq *rq, const struct entry *entry, int status)
{
    const struct failure *f = &rq->failure;
    struct buf *b = &rq->res->body;
    int code = code_of(rq, entry);

    json_open(b, '{');
    json_key_i64(b, STR("code"), code);
    json_key_str(b, STR("message"), message_of(rq, entry, code));
    BUF_LIT(b, ",\"more_info\":\"https://www.twilio.com/docs/errors/");
    buf_i64(b, code);
    BUF_LIT(b, "\",\"status\":");
    buf_i64(b, status);
    json_key_str(b, STR("error"), str_from(entry->error ? entry->error : err_info(f->e)->wire));
    json_key_str(b, STR("error_description"),
                 str_from(f->text ? f->text : err_info(f->e)->meaning));
    json_close(b, '}');
}

void refuse_twilio(struct rq *rq)
{
    enum err e = entries[rq->failure.e].v1 != 0 ? rq->failure.e : ERR_SERVER_ERROR;
    const struct entry *entry = &entries[e];
    int status = entry->status != 0 ? entry->status : err_info(e)->status;

    answer_twilio(rq, status);
    if (rq->failure.challenge != NULL)
        http_res_header(rq->res, STR("WWW-Authenticate"), str_from(rq->failure.challenge));
    write_members(rq, entry, status);
}
