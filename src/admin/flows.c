/* flows: reads what an authorization asks for, and takes the decision about it.
 *
 * JSON in, strictly: a member that is not known is refused, since a mistyped "remember" would
 * otherwise be one that was never said. What the decision does is oauth/authorize/headless.c's.
 */
#include "admin/flows.h"

#include "base/clock.h"
#include "codec/json.h"
#include "oauth/account_auth.h"
#include "oauth/authorize/headless.h"
#include "oauth/check/check.h"

#define ACR_MAX   100
#define CHALLENGE "Basic realm=\"postern admin\""

static enum err begin(struct rq *rq, struct id *organization)
{
    struct account account;
    enum err e = account_auth_require(rq, CHALLENGE, &account);

    *organization = account.organization;
    return e;
}

/* ---- the flow ---- */

static void put_text(struct buf *b, str name, str value)
{
    json_key(b, name);
    if (value.p != NULL)
        json_str(b, value);
    else
        json_nil(b);
}

static void put_uid(struct buf *b, str name, const struct uid *id, const char *prefix,
                    enum spelling as)
{
    char text[UID_UUID_CHARS];
    struct buf t;

    buf_fixed(&t, text, sizeof text);
    uid_write(&t, id, prefix, as);
    json_key_str(b, name, buf_str(&t));
}

static void put_id(struct buf *b, str name, const struct id *id)
{
    char text[ID_HEX];
    struct buf t;

    buf_fixed(&t, text, sizeof text);
    id_write(&t, id);
    json_key_str(b, name, buf_str(&t));
}

static void put_time(struct buf *b, str name, int64_t at_s)
{
    char text[20];

    clock_rfc3339(at_s, text);
    json_key_str(b, name, str_make(text, sizeof text));
}

static void put_words(struct buf *b, str name, str words)
{
    str word;

    json_key(b, name);
    json_open(b, '[');
    while (str_next(&words, ' ', &word)) {
        json_item(b);
        json_str(b, word);
    }
    json_close(b, ']');
}

/* The empty text of a column is an absent one. */
static str some(str text)
{
    return text.n > 0 ? text : (str){0};
}

static void put_client(struct buf *b, const struct cached_client *c)
{
    json_key(b, STR("client"));
    json_open(b, '{');
    put_uid(b, STR("client_id"), &c->client.id, CLIENT_SID, SPELLING_UUID);
    put_uid(b, STR("client_sid"), &c->client.id, CLIENT_SID, SPELLING_SID);
    json_key_str(b, STR("name"), c->client.name);
    put_text(b, STR("logo_uri"), some(c->rp.logo_uri));
    put_text(b, STR("policy_uri"), some(c->rp.policy_uri));
    put_text(b, STR("tos_uri"), some(c->rp.tos_uri));
    json_key_bool(b, STR("trusted"), c->rp.trusted);
    json_close(b, '}');
    json_key(b, STR("organization"));
    json_open(b, '{');
    put_id(b, STR("id"), &c->organization.id);
    json_key_str(b, STR("name"), c->organization.name);
    json_close(b, '}');
}

/* A pairwise sub names the user who is signed in, or nobody that could be told. */
static void put_hinted(struct rq *rq, struct buf *b, const struct headless *h)
{
    const struct authorize_request *ar = &h->ix.ar;

    if (ar->has_hinted && h->has_user && id_token_hint_names(rq, ar, &h->user.id))
        put_uid(b, STR("hinted_subject"), &h->user.id, USER_SID, SPELLING_UUID);
    else if (ar->has_hinted && ar->hinted_sub.n == 0)
        put_uid(b, STR("hinted_subject"), &ar->hinted, USER_SID, SPELLING_UUID);
    else
        put_text(b, STR("hinted_subject"), (str){0});
}

static void put_request(struct buf *b, const struct authorize_request *ar)
{
    put_words(b, STR("scopes"), ar->granted);
    put_words(b, STR("resources"), ar->resources);
    json_key_str(b, STR("redirect_uri"), ar->redirect_to);
    put_text(b, STR("login_hint"), ar->login_hint);
    put_text(b, STR("ui_locales"), ar->ui_locales);
    put_text(b, STR("acr_values"), ar->acr_values);
    put_text(b, STR("prompt"), ar->prompt);
    put_text(b, STR("display"), ar->display);
    json_key(b, STR("max_age"));
    if (ar->max_age_s >= 0)
        json_i64(b, ar->max_age_s);
    else
        json_nil(b);
}

static void put_signed_in(struct buf *b, const struct headless *h)
{
    json_key(b, STR("signed_in"));
    if (!h->has_user) {
        json_nil(b);
        return;
    }
    json_open(b, '{');
    put_uid(b, STR("subject"), &h->user.id, USER_SID, SPELLING_UUID);
    json_key_str(b, STR("username"), h->user.username);
    json_key_i64(b, STR("auth_time"), h->row.auth_s);
    json_close(b, '}');
}

enum err flows_get(struct rq *rq)
{
    struct buf *b = &rq->res->body;
    struct id organization;
    struct headless h;
    enum err e;

    if ((e = begin(rq, &organization)) != OK)
        return e;
    if ((e = headless_get(rq, rq->path_id, &organization, &h)) != OK)
        return e;
    rq_answer(rq, 200, STR("application/json"));
    json_open(b, '{');
    put_client(b, h.ix.ar.client);
    put_request(b, &h.ix.ar);
    put_hinted(rq, b, &h);
    put_words(b, STR("new_scopes"), h.new_scopes);
    put_signed_in(b, &h);
    put_time(b, STR("expires_at"), h.row.exp_s);
    json_close(b, '}');
    return OK;
}

/* ---- the decision ---- */

static enum err bad(struct rq *rq, const char *text, str member)
{
    return fail_at(rq, ERR_INVALID_BODY, text, member);
}

static bool is_json(const struct http_req *req)
{
    size_t count;
    str type, rest;

    str_cut(http_header_get(req, STR("Content-Type"), &count), ';', &type, &rest);
    return count == 1 && str_eq_nocase(str_trim(type), STR("application/json"));
}

/* What a member of the body must be, and where it goes. */
struct member {
    const char *name;
    enum json_type type;
    const struct json **out;
    const char *wrong;
};

static enum err read_member(struct rq *rq, const struct member *table, size_t n,
                            const struct json *v)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(v->name, str_from(table[i].name)))
            continue;
        if (v->type == JSON_NULL_T)
            return OK;
        if (v->type != table[i].type)
            return bad(rq, table[i].wrong, v->name);
        *table[i].out = v;
        return OK;
    }
    return bad(rq, "A member of the body is not one that is known here.", v->name);
}

/* An object with no members but these; null is absent. */
static enum err read_body(struct rq *rq, const struct member *table, size_t n)
{
    struct json *body;
    enum err e;

    if (!is_json(rq->req))
        return fail(rq, ERR_UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.");
    if (json_parse(rq->arena, rq->req->body, &body) != OK || !json_is(body, JSON_OBJECT_T))
        return fail(rq, ERR_INVALID_BODY, "The body must be a JSON object.");
    for (const struct json *v = body->first; v != NULL; v = v->next)
        if ((e = read_member(rq, table, n, v)) != OK)
            return e;
    return OK;
}

static bool is_amr(const struct json *v)
{
    if (v->type != JSON_STR_T || v->s.n == 0 || v->s.n > 32)
        return false;
    for (size_t i = 0; i < v->s.n; i++)
        if (v->s.p[i] < 0x21 || v->s.p[i] > 0x7e || v->s.p[i] == '"' || v->s.p[i] == '\\')
            return false;
    return true;
}

static enum err read_amr(struct rq *rq, const struct json *list, str *out)
{
    struct buf b;

    buf_init(&b, rq->arena, 64, LIMIT_NAME);
    for (const struct json *v = list != NULL ? list->first : NULL; v != NULL; v = v->next) {
        if (!is_amr(v))
            return bad(rq, "amr must be an array of words, as [\"pwd\", \"otp\"] (RFC 8176).",
                       STR("amr"));
        if (b.n > 0)
            buf_char(&b, ' ');
        buf_put(&b, v->s);
    }
    if (b.overflow)
        return bad(rq, "amr is too long.", STR("amr"));
    *out = buf_str(&b);
    return OK;
}

/* VSCHAR (RFC 6749 appendix A): what an acr_values parameter could ask for, a space apart. */
static enum err read_acr(struct rq *rq, const struct json *v, str *out)
{
    if (v == NULL)
        return OK;
    for (size_t i = 0; i < v->s.n; i++)
        if (v->s.p[i] < 0x20 || v->s.p[i] > 0x7e)
            return bad(rq, "acr must be printable ASCII.", STR("acr"));
    if (v->s.n == 0 || v->s.n > ACR_MAX)
        return bad(rq, "acr must have 1 to 100 characters.", STR("acr"));
    *out = v->s;
    return OK;
}

static enum err read_accept(struct rq *rq, struct headless_accept *out)
{
    const struct json *subject = NULL, *scope = NULL, *amr = NULL, *acr = NULL, *at = NULL,
                      *remember = NULL;
    const struct member table[] = {
        {"subject", JSON_STR_T, &subject, "subject must be the id of a user."},
        {"scope", JSON_STR_T, &scope, "scope must be a string."},
        {"amr", JSON_ARRAY_T, &amr, "amr must be an array of words."},
        {"acr", JSON_STR_T, &acr, "acr must be a string."},
        {"auth_time", JSON_INT_T, &at, "auth_time must be seconds since 1970."},
        {"remember", JSON_BOOL_T, &remember, "remember must be true or false."},
    };
    enum err e;

    *out = (struct headless_accept){0};
    if ((e = read_body(rq, table, sizeof table / sizeof *table)) != OK)
        return e;
    if (subject == NULL)
        return bad(rq, "subject is missing.", STR("subject"));
    if (at != NULL && at->i <= 0)
        return bad(rq, "auth_time must be seconds since 1970.", STR("auth_time"));
    out->subject = subject->s;
    if (scope != NULL)
        out->scope = scope->s.p != NULL ? scope->s : STR("");
    out->at_s = at != NULL ? at->i : 0;
    if ((e = read_acr(rq, acr, &out->acr)) != OK)
        return e;
    out->remember = remember != NULL && remember->i != 0;
    return read_amr(rq, amr, &out->amr);
}

static void answer_url(struct rq *rq, str url)
{
    rq_answer(rq, 200, STR("application/json"));
    json_open(&rq->res->body, '{');
    json_key_str(&rq->res->body, STR("redirect_to"), url);
    json_close(&rq->res->body, '}');
}

enum err flows_accept(struct rq *rq)
{
    struct headless_accept a;
    struct id organization;
    enum err e;
    str url;

    if ((e = begin(rq, &organization)) != OK)
        return e;
    if ((e = read_accept(rq, &a)) != OK)
        return e;
    if ((e = headless_accept(rq, rq->path_id, &organization, &a, &url)) != OK)
        return e;
    answer_url(rq, url);
    return OK;
}

enum err flows_reject(struct rq *rq)
{
    const struct json *error = NULL, *description = NULL;
    const struct member table[] = {
        {"error", JSON_STR_T, &error, "error must be a string."},
        {"error_description", JSON_STR_T, &description, "error_description must be a string."},
    };
    struct id organization;
    enum err e;
    str url;

    if ((e = begin(rq, &organization)) != OK)
        return e;
    if ((e = read_body(rq, table, sizeof table / sizeof *table)) != OK)
        return e;
    e = headless_reject(rq, rq->path_id, &organization, error != NULL ? error->s : (str){0},
                        description != NULL ? description->s : (str){0}, &url);
    if (e != OK)
        return e;
    answer_url(rq, url);
    return OK;
}

/* ---- for the documents ---- */

#define JSON "application/json"
#define REFUSED                                                                                    \
    {401, "The account is unknown or its auth token is wrong.", JSON, "Error"},                    \
        {404, "No such flow of this organization, or it is over.", JSON, "Error"},                 \
    {                                                                                              \
        409, "It has been accepted or rejected already.", JSON, "Error"                            \
    }

static const struct op_param params[] = {
    {"path", "id", true, "{\"type\":\"string\"}", "The handle that the browser brought (flow=)."},
    {0},
};

static const struct op_answer get_answers[] = {
    {200, "What is asked, and by whom.", JSON, "Flow"},
    REFUSED,
    {0},
};

const struct operation flows_get_operation = {
    .id = "fetchFlow",
    .tag = "Headless login",
    .summary = "What an authorization asks for",
    .auth = OP_AUTH_BASIC,
    .params = params,
    .answers = get_answers,
};

static const struct op_answer decided_answers[] = {
    {200, "Where to send the browser.", JSON, "FlowDecided"},
    {400, "A member is missing or wrong.", JSON, "Error"},
    REFUSED,
    {0},
};

static const struct op_body accept_bodies[] = {{JSON, "FlowAccept"}, {0}};

const struct operation flows_accept_operation = {
    .id = "acceptFlow",
    .tag = "Headless login",
    .summary = "This person has signed in and allows it",
    .auth = OP_AUTH_BASIC,
    .bodies = accept_bodies,
    .params = params,
    .answers = decided_answers,
};

static const struct op_body reject_bodies[] = {{JSON, "FlowReject"}, {0}};

const struct operation flows_reject_operation = {
    .id = "rejectFlow",
    .tag = "Headless login",
    .summary = "Nobody signs in",
    .auth = OP_AUTH_BASIC,
    .bodies = reject_bodies,
    .params = params,
    .answers = decided_answers,
};
