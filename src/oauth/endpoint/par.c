/* par: POST /oauth2/par (RFC 9126): an authorization request from the client itself, in advance.
 *
 * The request is judged by the same table as at the authorization endpoint, so what is wrong with
 * it is told to the client and not to a person. What is kept is what holds after the checks: of a
 * request object, what was inside. The answer is a handle of which only the hash is stored.
 * The row outlives par.ttl by flow.ttl: a page that was opened in time may be finished later.
 */
#include "codec/json.h"
#include "oauth/authorize/request.h"
#include "oauth/check/checks.h"
#include "oauth/client_auth/client_auth.h"
#include "oauth/endpoint/endpoint.h"

struct par_form {
    struct client_auth_form client;
};

static const struct param client_params[] = {CLIENT_AUTH_ROWS(struct par_form, client)};

/* A public client only says who it is; everybody else authenticates as at the token endpoint. */
static enum err authenticate(struct rq *rq)
{
    struct par_form form = {0};
    enum err e;

    e = params_bind(rq, client_params, sizeof client_params / sizeof *client_params, &form);
    if (e != OK)
        return e;
    return client_auth_require(rq, &form.client, CLIENT_AUTH_PUBLIC);
}

static void keep(struct rq *rq, const struct authorize_request *ar, struct handle *out)
{
    int64_t open_s = setting_int(rq->server->settings, par_ttl_s);
    struct pushed_request row = {
        .id = id_next(&rq->server->ids, rq->now_s),
        .client = rq->client_id,
        .params = ar->text,
        .exp_s = rq->now_s + open_s + setting_int(rq->server->settings, flow_ttl_s),
    };

    handle_new(HANDLE_PUSHED, SHAPE_HANDLE, NULL, &row.id, out);
    handle_digest(rq->t->hasher, out, &row.hash);
    pushed_request_put(&rq->fx, &row);
    rq->stranger = rq->client->client.auth_method == CLIENT_AUTH_NONE;
}

static void answer(struct rq *rq, const struct handle *handle)
{
    struct buf *b = &rq->res->body;

    rq_answer(rq, 201, STR("application/json")); /* RFC 9126 2.2 */
    BUF_LIT(b, "{\"request_uri\":\"" AUTHORIZE_PUSHED_URN);
    handle_write(b, handle, SHAPE_HANDLE, NULL);
    buf_char(b, '"');
    json_key_i64(b, STR("expires_in"), setting_int(rq->server->settings, par_ttl_s));
    json_close(b, '}');
}

enum err par_endpoint(struct rq *rq)
{
    struct authorize_request ar;
    struct handle handle;
    enum err e;

    if ((e = authenticate(rq)) != OK)
        return e;
    if ((e = authorize_request_bind(rq, VIA_PAR, (int)rq->dialect->id, &ar)) != OK)
        return e;
    if ((e = checks_run(rq, &ar)) != OK)
        return e;
    keep(rq, &ar, &handle);
    answer(rq, &handle);
    return OK;
}

static const struct op_answer answers[] = {
    {201, "The request_uri to send the browser with.", "application/json", "Pushed"},
    {400, "The request is refused, as it would be in the browser.", "application/json", "Error"},
    {401, "The client is unknown or its credentials are wrong.", "application/json", "Error"},
    {0},
};

const struct operation par_operation = {
    .id = "pushAuthorizationRequest",
    .tag = "OAuth",
    .summary = "Say what a person is to be asked, in advance",
    .auth = OP_AUTH_BASIC | OP_AUTH_FORM,
    .form = authorize_params,
    .form_n = AUTHORIZE_PARAMS_N,
    .answers = answers,
};
