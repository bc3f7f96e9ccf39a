/* request: the parameters of an authorization request, as one table, and the ways they come in.
 *
 * From a query, a form, a pushed request, a request object or our own seal: always the same rows
 * (RFC 6749 4.1.1, OIDC Core 3.1.2.1, RFC 7636, RFC 8707, RFC 9101, RFC 9126). What is wrong with a
 * value is noted, not refused: until the redirect URI is proven nobody but the person in front of
 * the browser may be told, and which fault is told first is for the table of checks.
 * Left out on purpose: `registration` and the parameters of flows that we do not have.
 */
#include "oauth/authorize/request.h"

#include "base/log.h"

/* The name in the Twilio dialect; NULL: it has none of its own. */
#define PARAM(member, pascal, limit, set, where)                                                   \
    {                                                                                              \
        .name = #member, .alias = (pascal), .max = (limit), .charset = (set),                      \
        .offset = offsetof(struct authorize_request, member), .spec = (where)                      \
    }

const struct param authorize_params[AUTHORIZE_PARAMS_N] = {
    PARAM(client_id, "ClientId", 255, CHARS_VSCHAR, "RFC 6749 A.1"),
    PARAM(redirect_uri, "RedirectUri", 2048 + 6, CHARS_ANY, "RFC 6749 A.6"),
    PARAM(response_type, "ResponseType", 128, CHARS_VSCHAR, "RFC 6749 A.3"),
    PARAM(response_mode, NULL, 64, CHARS_VSCHAR, "OAuth 2.0 Multiple Response Types 2.1"),
    PARAM(scope, "Scope", LIMIT_SCOPE, CHARS_VSCHAR, "RFC 6749 A.4"),
    PARAM(state, "State", AUTHORIZE_STATE_MAX, CHARS_VSCHAR, "RFC 6749 A.5"),
    PARAM(code_challenge, "CodeChallenge", 128, CHARS_VSCHAR, "RFC 7636 4.3"),
    PARAM(code_challenge_method, "CodeChallengeMethod", 16, CHARS_VSCHAR, "RFC 7636 4.3"),
    PARAM(nonce, NULL, AUTHORIZE_NONCE_MAX, CHARS_VSCHAR, "OIDC Core 3.1.2.1"),
    PARAM(prompt, NULL, 128, CHARS_VSCHAR, "OIDC Core 3.1.2.1"),
    PARAM(max_age, NULL, 16, CHARS_VSCHAR, "OIDC Core 3.1.2.1"),
    PARAM(login_hint, NULL, 255, CHARS_ANY, "OIDC Core 3.1.2.1"),
    PARAM(id_token_hint, NULL, LIMIT_JWT, CHARS_VSCHAR, "OIDC Core 3.1.2.1"),
    PARAM(acr_values, NULL, 1024, CHARS_ANY, "OIDC Core 3.1.2.1"),
    PARAM(claims, NULL, 8192, CHARS_ANY, "OIDC Core 5.5"),
    PARAM(ui_locales, NULL, 255, CHARS_VSCHAR, "OIDC Core 3.1.2.1"),
    PARAM(claims_locales, NULL, 255, CHARS_VSCHAR, "OIDC Core 5.2"),
    PARAM(display, NULL, 64, CHARS_VSCHAR, "OIDC Core 3.1.2.1"),
    PARAM(request, NULL, LIMIT_JWT, CHARS_VSCHAR, "RFC 9101 5.1"),
    PARAM(request_uri, NULL, 2048, CHARS_ANY, "RFC 9126 4"),
    {
        .name = "resource",
        .join = true,
        .max = 4096,
        .charset = CHARS_ANY,
        .offset = offsetof(struct authorize_request, resource),
        .spec = "RFC 8707 2",
    },
};

#define ROWS AUTHORIZE_PARAMS_N

const size_t authorize_params_n = ROWS;

uint64_t authorize_request_bit(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(authorize_params[i].name, name) == 0)
            return UINT64_C(1) << i;
    fatal("an authorization request has no parameter called %s", name);
}

static void begin(struct authorize_request *ar, enum via via, int dialect)
{
    *ar = (struct authorize_request){
        .via = via, .dialect = dialect, .mode = MODE_QUERY, .max_age_s = -1};
}

static void finish(struct rq *rq, const struct params_faults *faults, struct authorize_request *ar)
{
    ar->repeated = faults->repeated;
    ar->unfit = faults->unfit;
    ar->text = params_write(rq, authorize_params, ROWS, ar);
}

/* Twilio's legacy name of client_id, which may stand beside it if it says the same. */
struct legacy {
    str client_sid;
};

static enum err merge_legacy(struct rq *rq, struct params_faults *faults,
                             struct authorize_request *out)
{
    static const struct param row = {
        .name = "client_sid",
        .alias = "ClientSid",
        .max = 255,
        .charset = CHARS_VSCHAR,
        .offset = offsetof(struct legacy, client_sid),
    };
    struct params_faults wrong;
    struct legacy legacy = {0};
    enum err e;

    if ((e = params_note(rq, &row, 1, true, &legacy, &wrong)) != OK)
        return e;
    if (legacy.client_sid.p == NULL && wrong.repeated == 0)
        return OK;
    if (out->client_id.p == NULL && wrong.repeated == 0)
        out->client_id = legacy.client_sid;
    else if (wrong.repeated != 0 || !str_eq(out->client_id, legacy.client_sid))
        faults->repeated |= authorize_request_bit("client_id");
    return OK;
}

enum err authorize_request_bind(struct rq *rq, enum via via, int dialect,
                                struct authorize_request *out)
{
    struct params_faults faults;
    enum err e;

    begin(out, via, dialect);
    e = params_note(rq, authorize_params, ROWS, dialect == DIALECT_TWILIO, out, &faults);
    if (e == OK && dialect == DIALECT_TWILIO)
        e = merge_legacy(rq, &faults, out);
    if (e != OK)
        return e;
    finish(rq, &faults, out);
    return OK;
}

enum err authorize_request_read(struct rq *rq, str text, enum via via, int dialect,
                                struct authorize_request *out)
{
    struct params_faults faults;
    enum err e;

    begin(out, via, dialect);
    if ((e = params_text(rq, authorize_params, ROWS, text, out, &faults)) != OK)
        return e;
    finish(rq, &faults, out);
    out->reopened = true;
    return OK;
}

static str *slot(struct authorize_request *ar, size_t row)
{
    return (str *)((char *)ar + authorize_params[row].offset);
}

enum err authorize_request_replace(struct rq *rq, str text, struct authorize_request *ar)
{
    struct params_faults faults;
    str client_id = ar->client_id, request_uri = ar->request_uri;
    enum err e;

    for (size_t i = 0; i < ROWS; i++)
        *slot(ar, i) = (str){0};
    if ((e = params_text(rq, authorize_params, ROWS, text, ar, &faults)) != OK)
        return e;
    ar->client_id = client_id;
    ar->request_uri = request_uri;
    finish(rq, &faults, ar);
    return OK;
}
