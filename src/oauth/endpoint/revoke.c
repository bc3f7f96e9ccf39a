/* revoke: POST /oauth2/revoke (RFC 7009): this token shall be nothing from now on.
 *
 * A refresh token takes its family with it (2.1), and so does every token of a person: who gives
 * up one has no use for the others. A machine's access token goes alone. What is unknown or dead
 * already is fine (2.2); another client's token is refused and lives on. A public client need
 * only say who it is (2.1): it holds the token.
 */
#include "oauth/endpoint/endpoint.h"
#include "oauth/endpoint/token_param.h"
#include "oauth/record.h"
#include "oauth/token/bearer.h"
#include "store/grant.h"

static void revoke(struct rq *rq, const struct bearer *t)
{
    const struct client *c = &rq->client->client;

    record_done(rq, AUDIT_TOKEN_REVOKED,
                &(struct record){.subject_user = t->who != NULL ? &t->who->user.id : NULL,
                                 .detail = t->is_refresh ? STR("a refresh token")
                                                         : STR("an access token")});
    if (t->who == NULL && !t->jwt && !t->is_refresh)
        token_end_access(&rq->fx, &t->id);
    else
        grant_revoke(&rq->fx, DROP, &t->grant, &c->id, rq->now_s, t->family_exp_s);
}

enum err revoke_endpoint(struct rq *rq)
{
    struct bearer t;
    str token;
    enum err e;

    if ((e = token_param_read(rq, CLIENT_AUTH_PUBLIC, &token)) != OK)
        return e;
    e = bearer_resolve(rq, token, true, &t);
    if (e != OK && e != ERR_INVALID_TOKEN)
        return e;
    if (e == OK && !uid_eq(&t.client->client.id, &rq->client_id))
        return fail(rq, ERR_INVALID_GRANT, "The token is another client's.");
    if (e == OK)
        revoke(rq, &t);
    rq_answer(rq, 200, STR("application/json"));
    BUF_LIT(&rq->res->body, "{}");
    return OK;
}

static const struct op_answer answers[] = {
    {200, "The token is nothing from now on.", "application/json", "Empty"},
    {400, "The token is another client's.", "application/json", "Error"},
    {401, "The client is unknown or its credentials are wrong.", "application/json", "Error"},
    {0},
};

const struct operation revoke_operation = {
    .id = "revokeToken",
    .tag = "OAuth",
    .summary = "End a token",
    .auth = OP_AUTH_BASIC | OP_AUTH_FORM,
    .form = token_param_table,
    .form_n = TOKEN_PARAM_N,
    .answers = answers,
};
