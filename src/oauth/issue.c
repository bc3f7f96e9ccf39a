/* issue: the checks that every grant shares, in one order, and the tokens' text. */
#include "oauth/issue.h"

#include "oauth/client_auth/client_auth.h"
#include "oauth/grant/grant_type.h"
#include "oauth/token/jwt_profile.h"

static enum err find_grant(struct rq *rq, str name, const struct grant_type **out)
{
    const struct grant_type *g = grant_type_find(name);

    if (name.n == 0)
        return fail_at(rq, ERR_INVALID_REQUEST, "grant_type is missing.", STR("grant_type"));
    if (g == NULL || !(g->dialects & (1u << rq->dialect->id)))
        return fail_at(rq, ERR_UNSUPPORTED_GRANT_TYPE, "This grant_type is not supported here.",
                       STR("grant_type"));
    rq->grant_type = str_from(g->name);
    *out = g;
    return OK;
}

enum err issue_known_grant(struct rq *rq, str grant_type)
{
    const struct grant_type *grant;

    return find_grant(rq, grant_type, &grant);
}

/* RFC 6749 4.4: a machine must prove itself. For a person's tokens a public client need not, since
 * the code or token that it presents was given to it. */
static enum client_auth_need need_of(const struct token_request *request,
                                     const struct grant_type *grant)
{
    if (grant->bit == GRANT_CLIENT_CREDENTIALS)
        return CLIENT_AUTH_PROOF;
    if (request->secret_optional_on_refresh && grant->hold != NULL)
        return CLIENT_AUTH_NAMED;
    return CLIENT_AUTH_PUBLIC;
}

static enum err authenticate(struct rq *rq, struct token_request *request,
                             const struct grant_type *grant)
{
    struct credentials c = {
        .client_id = request->client_id,
        .secret = request->client_secret,
        .basic = request->basic,
        .assertion_type = request->assertion_type,
        .assertion = request->assertion,
    };
    enum err e = client_auth_prove(rq, &c, need_of(request, grant));

    request->spelling = c.spelling;
    request->proven = c.proven;
    return e;
}

/* May this client have what it asks for? Whoever neither proved to be the client nor holds a token
 * of it learns nothing about it (security.md A34). */
static enum err check_client(struct rq *rq, const struct token_request *request,
                             const struct grant_type *grant)
{
    const struct client *c = &rq->client->client;
    enum err e;

    if (!request->proven && grant->hold != NULL && (e = grant->hold(rq, request)) != OK)
        return e;
    if (!c->enabled)
        return fail(rq, ERR_CLIENT_DISABLED, "The client has been disabled.");
    if (!(c->grants & grant->bit))
        return fail_at(rq, ERR_UNAUTHORIZED_CLIENT, "This client may not use this grant_type.",
                       STR("grant_type"));
    return OK;
}

enum err issue_token(struct rq *rq, struct token_request *request, struct token_issued *out)
{
    const struct grant_type *grant = NULL;
    enum err e;

    *out = (struct token_issued){.request_id = rq->request_id, .shape = request->shape};
    if ((e = find_grant(rq, request->grant_type, &grant)) != OK)
        return e;
    if ((e = grant->need(rq, request)) != OK)
        return e;
    if ((e = authenticate(rq, request, grant)) != OK)
        return e;
    if ((e = check_client(rq, request, grant)) != OK)
        return e;
    if ((e = grant->run(rq, request, out)) != OK)
        return e;
    rq->issued_grant = 1 + (int)(grant - grant_types);
    rq->issued_jwt = out->jwt;
    return OK;
}

static void put_handle(struct rq *rq, struct buf *b, const struct token_issued *t,
                       const struct handle *h)
{
    const struct keyring *ring = signer_ring(rq->t->signer);

    handle_write(b, h, t->shape, keyring_active(ring, KEY_SHAPE, 0));
}

void issue_write_access(struct rq *rq, const struct token_issued *t)
{
    if (t->jwt)
        sign_leave_hole(rq, t->key, rq->dialect->jwt->profile, t->claims);
    else
        put_handle(rq, &rq->res->body, t, &t->access);
}

void issue_write_id_token(struct rq *rq, const struct token_issued *t)
{
    struct buf access;

    if (t->jwt) {
        sign_leave_id_token(rq, t->id_key, t->id_claims, (str){0});
        return;
    }
    buf_init(&access, rq->arena, HANDLE_CHARS, HANDLE_CHARS);
    put_handle(rq, &access, t, &t->access);
    sign_leave_id_token(rq, t->id_key, t->id_claims, buf_str(&access));
}

void issue_write_refresh(struct rq *rq, const struct token_issued *t)
{
    if (t->refresh_text.p != NULL)
        buf_put(&rq->res->body, t->refresh_text); /* proven a moment ago: its alphabet is ours */
    else
        put_handle(rq, &rq->res->body, t, &t->refresh);
}
