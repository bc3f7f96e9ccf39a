/* claims: single claims that the client asks for (OIDC Core 5.5); what it means is read when tokens
 * are made (oauth/token/claims.h). */
#include "oauth/token/claims.h"

#include "oauth/check/check.h"

enum err claims_rule(struct rq *rq, struct authorize_request *ar)
{
    if (ar->claims.p == NULL || claims_request_ok(rq->arena, ar->claims))
        return OK;
    fail_at(rq, ERR_INVALID_REQUEST, "claims is not well-formed (OIDC Core 5.5).", STR("claims"));
    return fail_rule(rq, STR("{\"id_token\":{...},\"userinfo\":{...}}"), ar->claims);
}
