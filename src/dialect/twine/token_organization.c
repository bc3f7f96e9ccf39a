/* token_organization: GET /pub/oauth/token/{id}/organization: the organization of a token.
 *
 * The Twine description forgot to say that this call needs a bearer token; its text says that
 * every call does, and so does this one.
 */
#include "dialect/twine/endpoints.h"
#include "dialect/twine/jsonapi.h"
#include "dialect/twine/reach.h"

enum err token_organization_twine(struct rq *rq)
{
    struct bearer bearer;
    struct id token;
    enum err e;

    if ((e = reach_require(rq, STR("organization"), &bearer)) != OK)
        return e;
    if ((e = reach_token(rq, &bearer, &token)) != OK)
        return e;
    jsonapi_send_organization(rq, &bearer.client->organization);
    return OK;
}
