/* device: POST /v1/device/code, the legacy way for a device without a browser (RFC 8628 3.1).
 *
 * The account proves itself, not the app; the app is named by ClientSid and must be the account's.
 * Scopes and Audiences repeat. The verification addresses are absolute here, where the documented
 * example has a path. The device then polls POST /v1/token with DeviceCode.
 */
#include "oauth/device.h"

#include "codec/json.h"
#include "codec/url.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/codes.h"
#include "dialect/twilio/endpoints.h"
#include "oauth/account_auth.h"
#include "oauth/check/checks.h"
#include "oauth/client_auth/client_auth.h"

struct form_device {
    str client_sid, scopes, audiences;
};

#define LIST(member, pascal, limit)                                                                \
    {                                                                                              \
        .name = #member, .alias = (pascal), .join = true, .max = (limit), .charset = CHARS_VSCHAR, \
        .offset = offsetof(struct form_device, member), .spec = "Twilio CreateDeviceCode"          \
    }

static const struct param params[] = {
    {
        .name = "client_sid",
        .alias = "ClientSid",
        .required = true,
        .max = 255,
        .charset = CHARS_VSCHAR,
        .offset = offsetof(struct form_device, client_sid),
        .spec = "Twilio CreateDeviceCode",
    },
    LIST(scopes, "Scopes", LIMIT_SCOPE),
    LIST(audiences, "Audiences", 4096),
};

/* The account's own app; any other is as good as none. */
static enum err find_app(struct rq *rq, const struct account *account, str sid)
{
    const struct cached_client *client = NULL;
    enum spelling spelling;
    struct uid id;
    enum err e;

    if (uid_parse(sid, CLIENT_SID, &id, &spelling) &&
        (e = client_auth_find(rq, &id, false, &client)) != OK)
        return e;
    if (client == NULL || !id_eq(&client->client.organization, &account->organization) ||
        !client->client.enabled)
        return fail_at(rq, ERR_INVALID_REQUEST, "ClientSid is not an app of this account.",
                       STR("client_sid"));
    rq_client(rq, client);
    return OK;
}

static void put(struct buf *b, const char *name, str value)
{
    if (value.p == NULL)
        return;
    buf_put(b, str_from(name));
    url_encode(b, value);
}

static enum err check(struct rq *rq, const struct form_device *form, struct authorize_request *ar)
{
    struct buf b;
    enum err e;

    buf_init(&b, rq->arena, 512, LIMIT_BODY);
    put(&b, "client_id=", form->client_sid);
    put(&b, "&scope=", form->scopes);
    put(&b, "&resource=", form->audiences);
    if ((e = authorize_request_read(rq, buf_str(&b), VIA_DEVICE, DIALECT_TWILIO, ar)) != OK)
        return e;
    return checks_run(rq, ar);
}

enum err device_twilio(struct rq *rq)
{
    struct form_device form = {0};
    struct authorize_request ar;
    struct device_begun d;
    struct account account;
    enum err e;

    if ((e = account_auth_require(rq, ACCOUNT_CHALLENGE, &account)) != OK)
        return e;
    if ((e = params_bind(rq, params, sizeof params / sizeof *params, &form)) != OK)
        return e;
    if ((e = find_app(rq, &account, form.client_sid)) != OK)
        return e;
    if ((e = check(rq, &form, &ar)) != OK)
        return e;
    if ((e = device_begin(rq, &ar, &d)) != OK)
        return e;
    answer_twilio(rq, 201);
    json_open(&rq->res->body, '{');
    json_key_str(&rq->res->body, STR("device_code"), d.device_code);
    json_key_str(&rq->res->body, STR("user_code"), d.user_code);
    json_key_str(&rq->res->body, STR("verification_uri"), d.verification_uri);
    json_key_str(&rq->res->body, STR("verification_uri_complete"), d.verification_uri_complete);
    json_key_i64(&rq->res->body, STR("expires_in"), d.expires_in_s);
    json_key_i64(&rq->res->body, STR("interval"), d.interval_s);
    json_close(&rq->res->body, '}');
    return OK;
}

static const struct op_answer answers[] = {
    {201, "What the device shows, and what it polls with.", "application/json",
     "oauth.v1.device_code"},
    {400, "The app is not the account's, or may not do this.", "application/json", "Error"},
    {401, "The account is unknown or its auth token is wrong.", "application/json", "Error"},
    {0},
};

const struct operation device_twilio_operation = {
    .id = "CreateDeviceCode",
    .tag = "OauthV1DeviceCode",
    .summary = "Let a device without a browser ask",
    .auth = OP_AUTH_BASIC,
    .form = params,
    .form_n = sizeof params / sizeof *params,
    .form_alias = true,
    .answers = answers,
};
