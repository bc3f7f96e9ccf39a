/* groups: GET and POST /pub/group: the groups that a token may see, and a new one.
 *
 * A new group joins the token's organization, under an id of ours whatever id was sent. Clients
 * with all groups of the organization see it at once; a client that was given groups by name does
 * not, even if it made it: who may see what is for the administrator to say.
 */
#include "dialect/twine/decode.h"
#include "dialect/twine/endpoints.h"
#include "dialect/twine/jsonapi.h"
#include "dialect/twine/paging.h"
#include "dialect/twine/reach.h"
#include "oauth/record.h"

#define FILTER_ORGANIZATION "filter[organization]"
#define FILTER_NAME         "filter[name]"

/* What the longest list takes: every byte of a text escaped, and the syntax around it. */
_Static_assert(LIMIT_GROUPS *(2 * (LIMIT_NAME + LIMIT_BIO) + 200) < LIMIT_RESPONSE * 9LL / 10,
               "the list without pages must fit an answer");

/* What the request asks for, and what was found. */
struct list {
    struct form query;
    struct group_query groups;
    struct paging paging;
    struct group *found;
    size_t n;
    int64_t count;
    bool more;
};

static enum err read_filters(struct rq *rq, const struct bearer *b, struct list *l)
{
    str organization, name;
    struct id id;
    enum err e;

    if ((e = decode_param(rq, &l->query, STR(FILTER_ORGANIZATION), &organization)) != OK)
        return e;
    if ((e = decode_param(rq, &l->query, STR(FILTER_NAME), &name)) != OK)
        return e;
    if ((e = paging_read(rq, &l->query, &l->paging)) != OK)
        return e;
    if (organization.p == NULL)
        return fail_at(rq, ERR_INVALID_QUERY, "The parameter is required",
                       STR(FILTER_ORGANIZATION));
    if (!id_parse(organization, &id))
        return fail_at(rq, ERR_INVALID_QUERY, "The value is not an id", STR(FILTER_ORGANIZATION));
    if (!id_eq(&id, &b->client->client.organization))
        return fail(rq, ERR_FORBIDDEN, "This organization is not the token's");
    l->groups = reach_groups(b->client);
    l->groups.name = name;
    return OK;
}

/* One more than the page holds shows whether a cursor page is the last. */
static enum err read_page(struct rq *rq, struct list *l)
{
    const struct paging *p = &l->paging;
    enum err e;

    l->groups.limit = p->style == PAGING_CURSOR ? p->size + 1 : p->size;
    l->groups.offset = p->style == PAGING_SKIP ? (p->number - 1) * p->size : 0;
    l->groups.after = p->has_after ? &p->after : NULL;
    if ((e = group_list(rq->t->db, rq->arena, &l->groups, &l->found, &l->n)) != OK)
        return e;
    l->more = p->style == PAGING_CURSOR && l->n > (size_t)p->size;
    if (l->more)
        l->n--;
    return OK;
}

static enum err read_groups(struct rq *rq, struct list *l)
{
    enum err e;

    if (l->paging.style == PAGING_NONE) {
        e = group_list(rq->t->db, rq->arena, &l->groups, &l->found, &l->n);
        l->count = (int64_t)l->n;
        return e;
    }
    if ((e = group_count(rq->t->db, &l->groups, &l->count)) != OK)
        return e;
    if ((e = paging_check(rq, &l->paging, l->count)) != OK)
        return e;
    return l->paging.size == 0 ? OK : read_page(rq, l);
}

static void send(struct rq *rq, const struct list *l)
{
    struct buf *b = &rq->res->body;

    jsonapi_answer(rq, 200);
    jsonapi_meta(b, &rq->request_id, l->count);
    BUF_LIT(b, ",\"links\":");
    paging_links(rq, b, &l->query, &l->paging, l->count, l->more ? &l->found[l->n - 1].id : NULL);
    BUF_LIT(b, ",\"data\":[");
    for (size_t i = 0; i < l->n; i++) {
        if (i > 0)
            buf_char(b, ',');
        jsonapi_group(b, &l->found[i]);
    }
    BUF_LIT(b, "]}");
}

enum err groups_twine_list(struct rq *rq)
{
    struct list l = {0};
    struct bearer bearer;
    enum err e;

    if ((e = reach_require(rq, STR("group"), &bearer)) != OK)
        return e;
    if ((e = decode_query(rq, &l.query)) != OK)
        return e;
    if ((e = read_filters(rq, &bearer, &l)) != OK)
        return e;
    if ((e = read_groups(rq, &l)) != OK)
        return e;
    send(rq, &l);
    return OK;
}

/* Control characters would take six bytes each in JSON (docs/limits.md); they and bidi marks belong
 * in no name. */
static enum err check_texts(struct rq *rq, const struct decode_body *body, const struct group *g)
{
    str name = decode_pointer(rq, body, STR("name")), bio = decode_pointer(rq, body, STR("bio"));

    if (g->name.n == 0 || g->name.n > LIMIT_NAME)
        return fail_at(rq, ERR_INVALID_BODY, "The name must have 1 to 200 bytes", name);
    if (str_has_marks(g->name, ""))
        return fail_at(rq, ERR_INVALID_BODY,
                       "The name must hold no control characters or bidi marks", name);
    if (g->bio.n > LIMIT_BIO)
        return fail_at(rq, ERR_INVALID_BODY, "The bio must have at most 1,500 bytes", bio);
    if (str_has_marks(g->bio, "\n\t\r"))
        return fail_at(rq, ERR_INVALID_BODY,
                       "The bio must hold no bidi marks, and no control characters but tabs and "
                       "line ends",
                       bio);
    return OK;
}

static enum err read_group(struct rq *rq, struct group *g)
{
    static const str types[] = {STR_INIT("group")};
    struct decode_body body;
    enum err e;

    if ((e = decode_json(rq, &body)) != OK)
        return e;
    if ((e = decode_shape(rq, false, types, 1, &body)) != OK)
        return e;
    if ((e = decode_text(rq, &body, "name", true, &g->name)) != OK)
        return e;
    if ((e = decode_text(rq, &body, "bio", false, &g->bio)) != OK)
        return e;
    return check_texts(rq, &body, g);
}

/* The insert counts again: whoever loses a race for the last place comes back here. */
static enum err check_room(struct rq *rq, const struct id *organization)
{
    struct group_query all = {.organization = *organization};
    int64_t n;
    enum err e;

    if ((e = group_count(rq->t->db, &all, &n)) != OK)
        return e;
    if (n >= LIMIT_GROUPS)
        return fail(rq, ERR_FORBIDDEN,
                    "The organization has 1,000 groups, which is the most that one can have");
    return OK;
}

/* JSON:API 1.0 "201 Created": the same as links.self. */
static void write_location(struct rq *rq, const struct id *id)
{
    char text[64];
    struct buf b;

    buf_fixed(&b, text, sizeof text);
    BUF_LIT(&b, "/pub/group/");
    id_write(&b, id);
    http_res_header(rq->res, STR("Location"), buf_str(&b));
}

static str id_text(struct rq *rq, const struct id *id)
{
    struct buf b;

    buf_init(&b, rq->arena, ID_HEX, ID_HEX);
    id_write(&b, id);
    return buf_str(&b);
}

enum err groups_twine_create(struct rq *rq)
{
    struct group g = {0};
    struct bearer bearer;
    enum err e;

    if ((e = reach_require(rq, STR("group"), &bearer)) != OK)
        return e;
    if ((e = read_group(rq, &g)) != OK)
        return e;
    g.organization = bearer.client->client.organization;
    if ((e = check_room(rq, &g.organization)) != OK)
        return e;
    g.id = id_next(&rq->server->ids, rq->now_s);
    g.created_s = rq->now_s;
    group_put(&rq->fx, &g);
    record_done(rq, AUDIT_GROUP_CREATED, &(struct record){.subject = id_text(rq, &g.id)});
    jsonapi_send_group(rq, 201, &g);
    write_location(rq, &g.id);
    return OK;
}
