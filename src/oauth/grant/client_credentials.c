/* client_credentials: a machine asks for itself (RFC 6749 4.4).
 *
 * The standard dialect gives no refresh token with it (4.4.3); Twine always does.
 */
#include "oauth/check/check.h"
#include "oauth/grant/grant_type.h"
#include "oauth/token/token_pair.h"

enum err client_credentials_need(struct rq *rq, const struct token_request *request)
{
    if (request->client_secret.p == NULL && request->assertion.p == NULL)
        return fail_at(rq, ERR_INVALID_REQUEST, "client_secret is missing.", STR("client_secret"));
    return OK;
}

enum err client_credentials_run(struct rq *rq, const struct token_request *request,
                                struct token_issued *out)
{
    const struct client *c = &rq->client->client;
    struct token row;
    enum err e;

    token_pair_begin(rq, request, &row);
    if ((e = check_scope(rq, request->scope, c->scopes, &row.scope)) != OK)
        return e;
    if ((e = check_resource(rq, request->resource)) != OK)
        return e;
    row.resources = str_trim(request->resource);
    if ((e = token_pair_access(rq, token_pair_format(rq, request), &row, NULL, out)) != OK)
        return e;
    if (request->with_refresh)
        token_pair_refresh(rq, &row, out);
    token_pair_put(rq, &row, out);
    return OK;
}
