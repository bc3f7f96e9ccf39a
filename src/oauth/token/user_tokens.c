/* user_tokens: which tokens a person's authorization gives.
 *
 * A refresh token is given to a client that may refresh, for offline_access; and to one that did
 * not speak OpenID Connect, where offline_access is not defined: such a family ends with the
 * session. Twilio gives one for offline_access alone (wire.md B2).
 */
#include "oauth/token/user_tokens.h"

#include "oauth/check/check.h"
#include "oauth/token/id_token.h"

static bool refresh_is_due(const struct rq *rq, const struct user_grant *g)
{
    if (!(rq->client->client.grants & GRANT_REFRESH_TOKEN))
        return false;
    return g->offline || (rq->dialect->id == DIALECT_RFC && !scope_has(g->scope, STR("openid")));
}

enum err user_tokens_narrow(struct rq *rq, struct person *who)
{
    enum err e = check_scope_left(rq, &who->grant.scope);

    who->grant.offline = who->grant.offline && scope_has(who->grant.scope, STR("offline_access"));
    return e;
}

enum err user_tokens_first(struct rq *rq, const struct token_request *request, struct person *who,
                           str code, struct token_issued *out, int64_t *end_s)
{
    struct token row;
    enum err e;

    if ((e = user_tokens_narrow(rq, who)) != OK)
        return e;
    if ((e = token_pair_begin_user(rq, request, who, &row)) != OK)
        return e;
    if ((e = token_pair_access(rq, token_pair_format(rq, request), &row, who, out)) != OK)
        return e;
    if (refresh_is_due(rq, &who->grant))
        token_pair_refresh(rq, &row, out);
    if ((e = id_token_prepare(rq, &who->grant, &who->user, &row, code, out)) != OK)
        return e;
    token_pair_put(rq, &row, out);
    *end_s = out->has_refresh ? row.family_exp_s : row.access_exp_s;
    return OK;
}
