/* device_authorization: POST /oauth2/device_authorization (RFC 8628 3.1): a device asks for codes.
 *
 * The request is judged by the table of checks, as one that comes by a browser. What a person then
 * does with the user code is in oauth/device.h.
 */
#include "codec/json.h"
#include "oauth/check/checks.h"
#include "oauth/client_auth/client_auth.h"
#include "oauth/device.h"
#include "oauth/endpoint/endpoint.h"

struct device_form {
    struct client_auth_form client;
    str scope, resource;
};

/* `scope` and `resource` are for the documents; the checks read and judge them. */
static const struct param params[] = {
    CLIENT_AUTH_ROWS(struct device_form, client),
    {
        .name = "scope",
        .repeat = true,
        .max = LIMIT_PARAM_VALUE,
        .charset = CHARS_ANY,
        .offset = offsetof(struct device_form, scope),
        .spec = "RFC 8628 3.1",
    },
    {
        .name = "resource",
        .join = true,
        .max = LIMIT_PARAM_VALUE,
        .charset = CHARS_ANY,
        .offset = offsetof(struct device_form, resource),
        .spec = "RFC 8707 2",
    },
};

#define PARAMS (sizeof params / sizeof *params)

/* A public client only says who it is; everybody else authenticates as at the token endpoint. */
static enum err authenticate(struct rq *rq)
{
    struct device_form form = {0};
    enum err e = params_bind(rq, params, PARAMS, &form);

    return e != OK ? e : client_auth_require(rq, &form.client, CLIENT_AUTH_PUBLIC);
}

static void answer(struct rq *rq, const struct device_begun *d)
{
    struct buf *b = &rq->res->body;

    rq_answer(rq, 200, STR("application/json")); /* RFC 8628 3.2 */
    json_open(b, '{');
    json_key_str(b, STR("device_code"), d->device_code);
    json_key_str(b, STR("user_code"), d->user_code);
    json_key_str(b, STR("verification_uri"), d->verification_uri);
    json_key_str(b, STR("verification_uri_complete"), d->verification_uri_complete);
    json_key_i64(b, STR("expires_in"), d->expires_in_s);
    json_key_i64(b, STR("interval"), d->interval_s);
    json_close(b, '}');
}

enum err device_authorization_endpoint(struct rq *rq)
{
    struct authorize_request ar;
    struct device_begun begun;
    enum err e;

    if ((e = authenticate(rq)) != OK)
        return e;
    if ((e = authorize_request_bind(rq, VIA_DEVICE, (int)rq->dialect->id, &ar)) != OK)
        return e;
    if ((e = checks_run(rq, &ar)) != OK)
        return e;
    if ((e = device_begin(rq, &ar, &begun)) != OK)
        return e;
    answer(rq, &begun);
    return OK;
}

static const struct op_answer answers[] = {
    {200, "The codes: one for the device, one for its person.", "application/json", "DeviceCodes"},
    {400, "The request or the scope is refused.", "application/json", "Error"},
    {401, "The client is unknown or its credentials are wrong.", "application/json", "Error"},
    {0},
};

const struct operation device_authorization_operation = {
    .id = "authorizeDevice",
    .tag = "OAuth",
    .summary = "Ask for a person's permission from a device without a browser",
    .auth = OP_AUTH_BASIC | OP_AUTH_FORM,
    .form = params,
    .form_n = PARAMS,
    .answers = answers,
};
