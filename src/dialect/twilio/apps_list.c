/* apps_list: the OAuth apps of an account: registered and listed.
 *
 *     POST, GET /v1/Account/OAuthApps
 *
 * Lists are paged as Twilio's: PageSize and PageToken, the token being the last SID of the page
 * before. It stays right when apps come and go; Page only counts along in the links.
 */
#include "codec/form.h"
#include "codec/url.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/apps.h"
#include "dialect/twilio/endpoints.h"

#define PATH          "/v1/Account/OAuthApps"
#define PAGE_SIZE     50
#define PAGE_SIZE_MAX 1000
#define PAGE_WRITTEN  100 /* a page of longest apps is within LIMIT_RESPONSE */
#define PAGE_MAX      1000000000

#define ACCESS_TTL_S  3600
#define REFRESH_TTL_S (30 * 86400)
#define FAMILY_TTL_S  (365 * 86400)

enum err apps_list_create(struct rq *rq)
{
    struct client c = {
        .id = uid_new(),
        .grants = GRANT_CLIENT_CREDENTIALS,
        .scopes = STR(""),
        .enabled = true,
        .access_ttl_s = ACCESS_TTL_S,
        .refresh_ttl_s = REFRESH_TTL_S,
        .family_ttl_s = FAMILY_TTL_S,
        .epoch = client_first_epoch(), /* tokens of one that had this SID before stay dead */
        .created_s = rq->now_s,
        .updated_s = rq->now_s,
    };
    struct client_secret row;
    struct apps_caller who;
    const struct json *body;
    str secret;
    enum err e;

    if ((e = apps_caller(rq, "create", &who)) != OK)
        return e;
    if ((e = apps_body_read(rq, &body)) != OK)
        return e;
    if ((e = apps_body_members(rq, body, true, &c)) != OK)
        return e;
    if ((e = apps_caller_may_hold(rq, &who, &c)) != OK)
        return e;
    c.organization = who.organization;
    c.created_by = who.sid;
    if ((e = apps_new_secret(rq, &c.id, &secret, &row)) != OK)
        return e;
    client_put(&rq->fx, &c);
    client_put_secret(&rq->fx, &c.id, &row, rq->now_s);
    apps_caller_record(rq, &who, AUDIT_CLIENT_CREATED, &c);
    answer_twilio(rq, 201);
    apps_write(&rq->res->body, &c, secret);
    return OK;
}

struct page {
    int64_t size, number;
    struct uid after;
    bool has_after;
};

/* The value of a parameter in either spelling; p == NULL: none. */
static str value_of(const struct form *query, str pascal, str snake)
{
    str value = form_get(query, pascal);

    return value.n > 0 ? value : form_get(query, snake);
}

static enum err read_number(struct rq *rq, str text, int64_t lo, int64_t hi, const char *name,
                            int64_t *out)
{
    if (text.n == 0 || str_i64(text, lo, hi, out))
        return OK;
    return fail_at(rq, ERR_INVALID_QUERY, "A page parameter is not a number in range.",
                   str_from(name));
}

static enum err read_page(struct rq *rq, struct page *p)
{
    struct form query;
    enum spelling spelling;
    str after;
    enum err e;

    *p = (struct page){.size = PAGE_SIZE};
    if (form_parse(rq->arena, rq->req->query, &query) != OK)
        return fail(rq, ERR_INVALID_QUERY, "The query is malformed.");
    if ((e = read_number(rq, value_of(&query, STR("PageSize"), STR("page_size")), 1, PAGE_SIZE_MAX,
                         "PageSize", &p->size)) != OK)
        return e;
    if (p->size > PAGE_WRITTEN)
        p->size = PAGE_WRITTEN;
    if ((e = read_number(rq, value_of(&query, STR("Page"), STR("page")), 0, PAGE_MAX, "Page",
                         &p->number)) != OK)
        return e;
    after = value_of(&query, STR("PageToken"), STR("page_token"));
    if (after.n == 0)
        return OK;
    p->has_after = uid_parse(after, CLIENT_SID, &p->after, &spelling);
    if (!p->has_after)
        return fail_at(rq, ERR_INVALID_QUERY, "The PageToken is not one of this list.",
                       STR("PageToken"));
    return OK;
}

/* "NAME":"ISSUER/v1/Account/OAuthApps?PageSize=..&Page=..&PageToken=.." */
static void put_link(struct rq *rq, str name, const struct page *p, int64_t number,
                     const struct uid *after)
{
    struct buf *b = &rq->res->body;
    str issuer = setting_text(rq->server->settings, issuer);

    if (str_ends(issuer, STR("/")))
        issuer.n--;
    json_key(b, name);
    buf_char(b, '"');
    buf_put(b, issuer);
    BUF_LIT(b, PATH "?PageSize=");
    buf_i64(b, p->size);
    BUF_LIT(b, "&Page=");
    buf_i64(b, number);
    if (after != NULL) {
        BUF_LIT(b, "&PageToken=");
        uid_write(b, after, CLIENT_SID, SPELLING_SID);
    }
    buf_char(b, '"');
}

static void write_meta(struct rq *rq, const struct page *p, const struct uid *next)
{
    struct buf *b = &rq->res->body;

    json_key(b, STR("meta"));
    json_open(b, '{');
    json_key_i64(b, STR("page"), p->number);
    json_key_i64(b, STR("page_size"), p->size);
    put_link(rq, STR("first_page_url"), p, 0, NULL);
    BUF_LIT(b, ",\"previous_page_url\":null");
    put_link(rq, STR("url"), p, p->number, p->has_after ? &p->after : NULL);
    if (next != NULL)
        put_link(rq, STR("next_page_url"), p, p->number + 1, next);
    else
        BUF_LIT(b, ",\"next_page_url\":null");
    json_key_str(b, STR("key"), STR("oauth_apps"));
    json_close(b, '}');
}

enum err apps_list_all(struct rq *rq)
{
    struct apps_caller who;
    struct client *clients;
    struct page p;
    size_t n, shown;
    enum err e;

    if ((e = apps_caller(rq, "list", &who)) != OK)
        return e;
    if ((e = read_page(rq, &p)) != OK)
        return e;
    if ((e = client_list(rq->t->db, rq->arena, &who.organization, p.has_after ? &p.after : NULL,
                         p.size + 1, &clients, &n)) != OK)
        return e;
    shown = n > (size_t)p.size ? (size_t)p.size : n;
    answer_twilio(rq, 200);
    BUF_LIT(&rq->res->body, "{\"oauth_apps\":[");
    for (size_t i = 0; i < shown; i++) {
        json_item(&rq->res->body);
        apps_write(&rq->res->body, &clients[i], (str){0});
    }
    buf_char(&rq->res->body, ']');
    write_meta(rq, &p, n > shown ? &clients[shown - 1].id : NULL);
    json_close(&rq->res->body, '}');
    return OK;
}
