/* token_groups: GET /pub/oauth/token/{id}/groups: the groups that a token gives access to.
 *
 * All of them; the Twine documents give this list no paging. They are the client's groups of
 * this moment.
 */
#include "dialect/twine/endpoints.h"
#include "dialect/twine/jsonapi.h"
#include "dialect/twine/reach.h"

static void send(struct rq *rq, const struct id *token, const struct group *groups, size_t n)
{
    struct buf *b = &rq->res->body;

    jsonapi_answer(rq, 200);
    jsonapi_meta(b, &rq->request_id, (int64_t)n);
    BUF_LIT(b, ",\"links\":{\"self\":\"/pub/oauth/token/");
    id_write(b, token);
    BUF_LIT(b, "/groups\"},\"data\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ',');
        jsonapi_group(b, &groups[i]);
    }
    BUF_LIT(b, "]}");
}

enum err token_groups_twine(struct rq *rq)
{
    struct bearer bearer;
    struct group_query q;
    struct group *groups;
    struct id token;
    size_t n;
    enum err e;

    if ((e = reach_require(rq, STR("group"), &bearer)) != OK)
        return e;
    if ((e = reach_token(rq, &bearer, &token)) != OK)
        return e;
    q = reach_groups(bearer.client);
    if ((e = group_list(rq->t->db, rq->arena, &q, &groups, &n)) != OK)
        return e;
    send(rq, &token, groups, n);
    return OK;
}
