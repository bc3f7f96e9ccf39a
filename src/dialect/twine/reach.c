/* reach: what a Twine token gives access to.
 *
 * A client has either all groups of its organization, now and later, or those that it was given
 * by name. A token sees what its client sees at the time of the request. Nothing crosses
 * organizations. What is not to be seen and what is not there get the same 403, so ids cannot be
 * probed.
 */
#include "dialect/twine/reach.h"

#include "dialect/twine/decode.h"

enum err reach_require(struct rq *rq, str scope, struct bearer *out)
{
    enum err e;

    if ((e = bearer_require(rq, out)) != OK)
        return e;
    return bearer_need_scope(rq, out, scope);
}

static bool is_live(const struct rq *rq, const struct bearer *b, const struct token *t)
{
    return uid_eq(&t->client, &b->client->client.id) && t->dialect == (int)rq->dialect->id &&
           t->epoch == b->client->epoch && !t->revoked && token_is_opaque(t) &&
           t->access_exp_s > rq->now_s;
}

enum err reach_token(struct rq *rq, const struct bearer *b, struct id *id)
{
    struct token t;
    enum err e;

    if ((e = decode_path_id(rq, id)) != OK)
        return e;
    if (id_eq(id, &b->id))
        return OK;
    e = token_load(rq->t->db, rq->arena, id, &t);
    if (e == OK && is_live(rq, b, &t))
        return OK;
    if (e != OK && e != ERR_ABSENT)
        return e;
    return fail(rq, ERR_FORBIDDEN, "This token is not within reach of the bearer token");
}

struct group_query reach_groups(const struct cached_client *c)
{
    return (struct group_query){
        .organization = c->client.organization,
        .client = c->client.all_groups ? NULL : &c->client.id,
        .limit = -1,
    };
}

enum err reach_group_ids(struct rq *rq, const struct cached_client *c, const struct id **ids,
                         size_t *n)
{
    struct id *out;
    enum err e;

    if (!c->client.all_groups && c->groups_n >= 0) {
        *ids = c->groups;
        *n = (size_t)c->groups_n;
        return OK;
    }
    if (c->client.all_groups)
        e = group_ids(rq->t->db, rq->arena, &c->client.organization, -1, &out, n);
    else
        e = client_groups(rq->t->db, rq->arena, &c->client.id, &out, n);
    *ids = out;
    return e;
}

enum err reach_group(struct rq *rq, const struct cached_client *c, const struct group *g, bool *yes)
{
    *yes = false;
    if (!id_eq(&g->organization, &c->client.organization))
        return OK;
    if (!c->client.all_groups && c->groups_n < 0)
        return group_is_of_client(rq->t->db, &g->id, &c->client.id, yes);
    *yes = c->client.all_groups;
    for (int64_t i = 0; i < c->groups_n && !*yes; i++)
        *yes = id_eq(&c->groups[i], &g->id);
    return OK;
}
