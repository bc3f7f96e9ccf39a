/* claims: single claims that the client asks for (OIDC Core 5.5); what it means is read when tokens
 * are made (oauth/token/claims.h). */
#include "oauth/token/claims.h"

#include "oauth/check/check.h"

/* A person who has allowed openid alone has not allowed his address, whichever way it is asked. */
static void add_scopes(struct rq *rq, struct authorize_request *ar)
{
    str scopes = claims_scopes(rq->arena, ar->claims), scope;

    while (str_next(&scopes, ' ', &scope))
        if (scope_has(ar->client->client.scopes, scope)) /* else claims_put leaves them out */
            ar->to_allow = scope_join(rq->arena, ar->to_allow, scope);
}

enum err claims_rule(struct rq *rq, struct authorize_request *ar)
{
    ar->to_allow = ar->granted;
    if (ar->claims.p == NULL)
        return OK;
    if (claims_request_ok(rq->arena, ar->claims)) {
        add_scopes(rq, ar);
        return OK;
    }
    fail_at(rq, ERR_INVALID_REQUEST, "claims is not well-formed (OIDC Core 5.5).", STR("claims"));
    return fail_rule(rq, STR("{\"id_token\":{...},\"userinfo\":{...}}"), ar->claims);
}
