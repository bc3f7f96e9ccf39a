/* refresh_token: new tokens for an old refresh token (RFC 6749 6, RFC 9700 4.14.2).
 *
 * Rotation spends the old token by one conditional statement, so that of two requests one wins
 * and the other, run again, finds it spent. Then, within the grace window, it gets the very answer
 * that the winner got, unless the winner's successor has been used already. A replay after the
 * window means that two parties hold the token: the whole family is revoked.
 */
#include "oauth/check/check.h"
#include "oauth/grant/grant_type.h"
#include "oauth/token/successor.h"
#include "oauth/token/token_pair.h"
#include "store/grant.h"

/* Under ROTATION_AUTO a confidential client's token is replaced past this share of its life. */
#define ROTATE_AFTER_PERCENT 70

enum err refresh_token_need(struct rq *rq, const struct token_request *request)
{
    if (request->refresh_token.n == 0)
        return fail_at(rq, ERR_INVALID_REQUEST, "refresh_token is missing.", STR("refresh_token"));
    return OK;
}

static enum err dead(struct rq *rq)
{
    return fail(rq, ERR_INVALID_GRANT,
                "The refresh token is wrong, used, expired, revoked or another client's.");
}

/* The row of the presented token, proven and of this client; its state is not judged. */
static enum err find(struct rq *rq, str text, struct handle *h, struct token *row)
{
    struct digest digest;
    enum err e;

    if (handle_parse(text, HANDLE_REFRESH, signer_ring(rq->t->signer), h) != OK)
        return dead(rq);
    if ((e = token_load(rq->t->db, rq->arena, &h->id, row)) != OK)
        return e == ERR_ABSENT ? dead(rq) : e;
    handle_digest(rq->t->hasher, h, &digest);
    if (!token_proves(&row->refresh, &digest) || row->refresh_exp_s == 0 ||
        row->dialect != (int)rq->dialect->id)
        return dead(rq);
    if (!uid_eq(&row->client, &rq->client->client.id)) /* RFC 6749 6, security.md 30 */
        return dead(rq);
    return OK;
}

static bool family_is_live(const struct rq *rq, const struct token *row)
{
    return !row->revoked && row->epoch == rq->client->epoch && row->refresh_exp_s > rq->now_s &&
           row->family_exp_s > rq->now_s;
}

enum err refresh_token_hold(struct rq *rq, const struct token_request *request)
{
    struct handle h;
    struct token row;
    enum err e;

    if ((e = find(rq, request->refresh_token, &h, &row)) != OK)
        return e;
    return family_is_live(rq, &row) ? OK : dead(rq);
}

static bool in_grace(const struct rq *rq, const struct token *row)
{
    int64_t grace_s = setting_int(rq->server->settings, refresh_grace_s);

    return grace_s > 0 && rq->now_s - row->spent_s <= grace_s;
}

/* Revoked by its jti; an opaque one has lost its end by that. */
static enum err jwt_is_live(struct rq *rq, const struct token *row)
{
    bool revoked = false;
    enum err e = OK;

    if (!token_is_opaque(row))
        e = grant_is_revoked(rq->t->db, &row->id, &revoked);
    return e == OK && revoked ? dead(rq) : e;
}

/* The same answer again to the same request, if the successor is still waiting for its first use
 * and its access token has not been revoked. */
static enum err replay(struct rq *rq, const struct token_request *request, const struct handle *h,
                       const struct token *old, struct token_issued *out)
{
    struct token next;
    enum err e;

    if ((e = token_load(rq->t->db, rq->arena, &old->successor, &next)) != OK)
        return e == ERR_ABSENT ? dead(rq) : e;
    if (next.spent_s != 0 || !family_is_live(rq, &next) || next.access_exp_s <= rq->now_s)
        return dead(rq);
    if (request->scope.p != NULL && !str_eq(request->scope, next.scope))
        return dead(rq);
    if ((e = jwt_is_live(rq, &next)) != OK)
        return e;
    if ((e = successor_open(rq, h, old, out)) != OK)
        return e;
    return token_pair_again(rq, &next, out);
}

/* A spent token again (security.md 31). */
static enum err spent(struct rq *rq, const struct token_request *request, const struct handle *h,
                      const struct token *row, struct token_issued *out)
{
    if (in_grace(rq, row))
        return replay(rq, request, h, row, out);
    grant_revoke(&rq->fx, KEEP, &row->grant, &row->client, rq->now_s, row->family_exp_s);
    fail_detail(rq, STR("a spent refresh token came again after its grace: family revoked"));
    return dead(rq);
}

/* A client that did not prove itself holds its token like a public client: rotated always. */
static bool shall_rotate(const struct rq *rq, const struct token_request *request,
                         const struct token *row)
{
    int64_t life_s = row->refresh_exp_s - row->issued_s;

    if (request->client_secret.p == NULL)
        return true;
    switch (rq->client->client.rotation) {
    case ROTATION_NEVER:
        return false;
    case ROTATION_AUTO:
        return (rq->now_s - row->issued_s) * 100 > life_s * ROTATE_AFTER_PERCENT;
    case ROTATION_DEFAULT:
    case ROTATION_ALWAYS:
        break;
    }
    return true;
}

/* The presented token stays. One that is never rotated may rest for its idle time again, but not
 * beyond its family's end; under ROTATION_AUTO its life must run, to be rotated late in it. */
static void keep(struct rq *rq, const struct token_request *request, const struct token *row,
                 struct token_issued *out)
{
    int64_t end_s = rq->now_s + rq->client->client.refresh_ttl_s;

    if (end_s > row->family_exp_s)
        end_s = row->family_exp_s;
    out->has_refresh = true;
    out->refresh_text = request->refresh_token;
    out->refresh_exp_s = row->refresh_exp_s;
    if (rq->client->client.rotation != ROTATION_NEVER)
        return;
    token_extend(&rq->fx, &row->id, end_s);
    out->refresh_exp_s = end_s;
}

/* A successor of the row in the same family, with a new access token. */
static enum err begin_next(struct rq *rq, const struct token_request *request,
                           const struct token *row, struct token *next, struct token_issued *out)
{
    enum err e;

    token_pair_begin(rq, request, next);
    next->grant = row->grant;
    next->family_exp_s = row->family_exp_s; /* rotation never extends it, security.md 30 */
    if ((e = check_scope(rq, request->scope, row->scope, &next->scope)) != OK)
        return e;
    if ((e = check_resource(rq, request->resource)) != OK)
        return e;
    return token_pair_access(rq, request->format, next, out);
}

enum err refresh_token_run(struct rq *rq, const struct token_request *request,
                           struct token_issued *out)
{
    struct handle h;
    struct token row, next;
    enum err e;

    if ((e = find(rq, request->refresh_token, &h, &row)) != OK)
        return e;
    if (!family_is_live(rq, &row))
        return dead(rq);
    if (row.spent_s != 0)
        return spent(rq, request, &h, &row, out);
    if ((e = begin_next(rq, request, &row, &next, out)) != OK)
        return e;
    if (shall_rotate(rq, request, &row)) {
        token_pair_refresh(rq, &next, out);
        token_spend(&rq->fx, &row.id, rq->now_s, &next.id, successor_seal(rq, &h, out));
    } else {
        keep(rq, request, &row, out);
    }
    token_pair_put(rq, &next, out);
    return OK;
}
