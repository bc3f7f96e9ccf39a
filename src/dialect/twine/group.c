/* group: GET /pub/group/{id}.
 *
 * A group that the token may not see and one that is not there get the same 403.
 */
#include "dialect/twine/decode.h"
#include "dialect/twine/endpoints.h"
#include "dialect/twine/jsonapi.h"
#include "dialect/twine/reach.h"

enum err group_twine(struct rq *rq)
{
    struct bearer bearer;
    struct group group;
    struct id id;
    bool visible = false;
    enum err e;

    if ((e = reach_require(rq, STR("group"), &bearer)) != OK)
        return e;
    if ((e = decode_path_id(rq, &id)) != OK)
        return e;
    e = group_load(rq->t->db, rq->arena, &id, &group);
    if (e == OK)
        e = reach_group(rq, bearer.client, &group, &visible);
    if (e != OK && e != ERR_ABSENT)
        return e;
    if (!visible)
        return fail(rq, ERR_FORBIDDEN, "This group is not within reach of the token");
    jsonapi_send_group(rq, 200, &group);
    return OK;
}
