/* resource: where the token is to be used (RFC 8707). The issuer is the only resource so far. */
#include "oauth/check/check.h"

enum err check_resource(struct rq *rq, str resource)
{
    if (resource.p == NULL || str_eq(resource, setting_text(rq->server->settings, issuer)))
        return OK;
    return fail_at(rq, ERR_INVALID_TARGET, "The resource is unknown.", STR("resource"));
}
