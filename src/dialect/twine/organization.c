/* organization: GET /pub/organization/{id}.
 *
 * A token belongs to one organization, so this is that one, or 403 for every other id.
 */
#include "dialect/twine/decode.h"
#include "dialect/twine/endpoints.h"
#include "dialect/twine/jsonapi.h"
#include "dialect/twine/reach.h"

enum err organization_twine(struct rq *rq)
{
    struct bearer bearer;
    struct id id;
    enum err e;

    if ((e = reach_require(rq, STR("organization"), &bearer)) != OK)
        return e;
    if ((e = decode_path_id(rq, &id)) != OK)
        return e;
    if (!id_eq(&id, &bearer.client->client.organization))
        return fail(rq, ERR_FORBIDDEN, "This organization is not the token's");
    jsonapi_send_organization(rq, &bearer.client->organization);
    return OK;
}
