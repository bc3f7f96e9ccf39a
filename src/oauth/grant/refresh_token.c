/* refresh_token: new tokens for an old refresh token (RFC 6749 6, RFC 9700 4.14.2).
 *
 * Rotation spends the old token by one conditional statement, so that of two requests one wins
 * and the other, run again, finds it spent. Then, within the grace window, it gets the very answer
 * that the winner got, unless the winner's successor has been used already. A replay after the
 * window means that two parties hold the token: the whole family is revoked.
 *
 * New tokens carry no more than the client may have now: an operator who narrows a client means the
 * grants that it holds, too. Without offline_access such a family ends with its session.
 *
 * Tokens of a person die with that person's grant, and come with an id_token again (OIDC
 * Core 12.2).
 */
#include "oauth/check/check.h"
#include "oauth/grant/grant_type.h"
#include "oauth/record.h"
#include "oauth/token/id_token.h"
#include "oauth/token/successor.h"
#include "oauth/token/token_pair.h"
#include "oauth/token/user_tokens.h"
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

/* The row alone: not revoked, in its time. */
static bool row_is_live(const struct rq *rq, const struct token *row)
{
    return !row->revoked && row->refresh_exp_s > rq->now_s && row->family_exp_s > rq->now_s;
}

enum err refresh_token_hold(struct rq *rq, const struct token_request *request)
{
    struct handle h;
    struct token row;
    enum err e;

    if ((e = find(rq, request->refresh_token, &h, &row)) != OK)
        return e;
    return row_is_live(rq, &row) ? OK : dead(rq);
}

/* The row, its epoch, and the person if there is one: *who stays NULL for a machine. What has been
 * taken from the client since is taken from the row and from the person's grant. */
static enum err check_family(struct rq *rq, struct token *row, struct person *room,
                             const struct person **who)
{
    enum err e;

    *who = NULL;
    if (!row_is_live(rq, row))
        return dead(rq);
    if (!row->is_user)
        return row->epoch == rq->client->epoch ? check_scope_left(rq, &row->scope) : dead(rq);
    if ((e = person_load(rq, rq->client, &row->grant, room)) != OK)
        return e == ERR_INVALID_TOKEN ? dead(rq) : e;
    *who = room;
    return row->epoch == room->epoch ? user_tokens_narrow(rq, room) : dead(rq);
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

static bool is_same_request(const struct rq *rq, const struct token_request *request,
                            const struct token *next)
{
    str issuer = setting_text(rq->server->settings, issuer);
    str audience = next->resources.n > 0 ? next->resources : issuer;

    return (request->scope.p == NULL || str_eq(request->scope, next->scope)) &&
           (request->resource.p == NULL || str_eq(request->resource, audience));
}

/* The same answer again to the same request, if the successor is still waiting for its first use
 * and its access token has not been revoked. */
static enum err replay(struct rq *rq, const struct token_request *request, const struct handle *h,
                       const struct token *old, const struct person *who, struct token_issued *out)
{
    struct token next;
    enum err e;

    if ((e = token_load(rq->t->db, rq->arena, &old->successor, &next)) != OK)
        return e == ERR_ABSENT ? dead(rq) : e;
    if (next.spent_s != 0 || !row_is_live(rq, &next) || next.epoch != old->epoch ||
        next.access_exp_s <= rq->now_s || !is_same_request(rq, request, &next))
        return dead(rq);
    if (scope_without(rq->arena, next.scope, rq->client->client.scopes).n > 0)
        return dead(rq); /* the client has been narrowed since */
    if ((e = jwt_is_live(rq, &next)) != OK)
        return e;
    if ((e = successor_open(rq, h, old, out)) != OK)
        return e;
    if ((e = token_pair_again(rq, &next, who, out)) != OK || who == NULL)
        return e;
    return id_token_prepare(rq, &who->grant, &who->user, &next, (str){0}, out);
}

/* A spent token again (security.md 31). */
static enum err spent(struct rq *rq, const struct token_request *request, const struct handle *h,
                      const struct token *row, const struct person *who, struct token_issued *out)
{
    if (in_grace(rq, row))
        return replay(rq, request, h, row, who, out);
    record_always(rq, AUDIT_REFRESH_REPLAYED, ERR_INVALID_GRANT,
                  &(struct record){.subject_user = who != NULL ? &who->user.id : NULL,
                                   .detail = STR("the family was revoked")});
    grant_revoke(&rq->fx, KEEP, &row->grant, &row->client, rq->now_s, row->family_exp_s);
    fail_detail(rq, STR("a spent refresh token came again after its grace: family revoked"));
    return dead(rq);
}

/* By default a proven client of the standard dialect keeps its token for most of its life. */
static enum client_rotation rotation_of(const struct rq *rq)
{
    enum client_rotation rotation = rq->client->client.rotation;

    if (rotation != ROTATION_DEFAULT)
        return rotation;
    return rq->dialect->id == DIALECT_RFC ? ROTATION_AUTO : ROTATION_ALWAYS;
}

/* What a client that proves nothing holds is rotated always (RFC 9700 4.14.2). */
static bool shall_rotate(const struct rq *rq, const struct token_request *request,
                         const struct token *row)
{
    int64_t life_s = row->refresh_exp_s - row->issued_s;

    if (!request->proven)
        return true;
    switch (rotation_of(rq)) {
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
    if (rotation_of(rq) != ROTATION_NEVER)
        return;
    token_extend(&rq->fx, &row->id, end_s);
    out->refresh_exp_s = end_s;
}

/* A machine's row is all that its grant has. A person's grant has a scope of its own, so a request
 * for less narrows only what it gets (RFC 6749 6). */
static enum err begin(struct rq *rq, const struct token_request *request, const struct token *row,
                      const struct person *who, struct token *next)
{
    enum err e;

    if (who != NULL) {
        if ((e = token_pair_begin_user(rq, request, who, next)) != OK)
            return e;
        return check_scope(rq, request->scope, who->grant.scope, &next->scope);
    }
    token_pair_begin(rq, request, next);
    next->grant = row->grant;
    if ((e = check_scope(rq, request->scope, row->scope, &next->scope)) != OK)
        return e;
    return check_resource(rq, request->resource);
}

/* A successor of the row in the same family, with a new access token, and a new id_token. */
static enum err begin_next(struct rq *rq, const struct token_request *request,
                           const struct token *row, const struct person *who, struct token *next,
                           struct token_issued *out)
{
    enum err e;

    if ((e = begin(rq, request, row, who, next)) != OK)
        return e;
    if (next->family_exp_s > row->family_exp_s) /* rotation never extends it, security.md 30 */
        next->family_exp_s = row->family_exp_s;
    if (next->family_exp_s <= rq->now_s) /* offline access was taken, and the session is over */
        return dead(rq);
    if ((e = token_pair_access(rq, token_pair_format(rq, request), next, who, out)) != OK)
        return e;
    if (who == NULL)
        return OK;
    return id_token_prepare(rq, &who->grant, &who->user, next, (str){0}, out);
}

enum err refresh_token_run(struct rq *rq, const struct token_request *request,
                           struct token_issued *out)
{
    const struct person *who;
    struct person room;
    struct handle h;
    struct token row, next;
    enum err e;

    if ((e = find(rq, request->refresh_token, &h, &row)) != OK)
        return e;
    if ((e = check_family(rq, &row, &room, &who)) != OK)
        return e;
    if (row.spent_s != 0)
        return spent(rq, request, &h, &row, who, out);
    if ((e = begin_next(rq, request, &row, who, &next, out)) != OK)
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
