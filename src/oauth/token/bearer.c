/* bearer: from a presented token to what it grants.
 *
 * Whatever is wrong with a token, the answer is the same (security.md A33). A token is judged by
 * its own time, its epoch, its client and the state of its grant; an opaque one also by its hash,
 * a JWT by its signature; one of a person also by that person.
 *
 * A token that was asked for another resource is live, as introspection tells that resource, but
 * opens none of ours: else an API could look with it at what userinfo says of its callers.
 *
 * On a shared store a JWT is judged from memory: client, person and what has been revoked are at
 * most a poll behind the store. Opaque tokens are rows of it, and are judged by it.
 */
#include "oauth/token/bearer.h"

#include "codec/json.h"
#include "oauth/check/check.h"
#include "oauth/token/jwt_profile.h"
#include "store/grant.h"

/* The person of out->grant, live and of the grant's epoch, which is that of its tokens. */
static enum err find_person(struct rq *rq, struct bearer *out)
{
    struct person *who = ARENA_NEW(rq->arena, struct person);
    bool in_memory = out->jwt && rq->t->persons != NULL;
    enum err e = in_memory ? person_recall(rq, out->client, &out->grant, who)
                           : person_load(rq, out->client, &out->grant, who);

    out->who = who;
    return e;
}

/* Each audience is the issuer, or what the client may name still (RFC 8707 2). */
static bool audience_is_allowed(struct rq *rq, const struct bearer *b)
{
    str rest = b->audience, one;

    while (str_next(&rest, ' ', &one))
        if (!check_resource_known(rq, b->client, one))
            return false;
    return true;
}

/* The client of the token: known, enabled, of the epoch that the token carries; and its person. */
static enum err find_parties(struct rq *rq, const struct uid *id, bool is_user, int64_t epoch,
                             struct bearer *out)
{
    enum err e = client_cache_get(rq->t->clients, rq->t->db, id, rq->now_s, &out->client);

    if (e != OK)
        return e == ERR_ABSENT ? ERR_INVALID_TOKEN : e;
    if (!out->client->client.enabled || !audience_is_allowed(rq, out))
        return ERR_INVALID_TOKEN;
    if (is_user)
        return find_person(rq, out);
    return out->client->epoch == epoch ? OK : ERR_INVALID_TOKEN;
}

static void set_audience(struct rq *rq, struct bearer *out, str audience)
{
    str issuer = setting_text(rq->server->settings, issuer);

    out->audience = audience.n > 0 ? audience : issuer;
    out->for_issuer = scope_has(out->audience, issuer); /* a list of words, as a scope is */
}

/* Which of the row's two tokens is it, and is that one live? */
static enum err judge_row(struct rq *rq, const struct handle *h, const struct token *row,
                          struct bearer *out)
{
    const struct digest *expected = h->kind == HANDLE_ACCESS ? &row->access : &row->refresh;
    struct digest digest;

    out->is_refresh = h->kind == HANDLE_REFRESH;
    out->exp_s = out->is_refresh ? row->refresh_exp_s : row->access_exp_s;
    out->spent = out->is_refresh && row->spent_s != 0;
    handle_digest(rq->t->hasher, h, &digest);
    if (!token_proves(expected, &digest) || out->exp_s <= rq->now_s || row->revoked)
        return ERR_INVALID_TOKEN;
    return OK;
}

static enum err resolve_handle(struct rq *rq, str token, enum handle_kind kind, struct bearer *out)
{
    struct handle h;
    struct token row;
    enum err e;

    if ((e = handle_parse(token, kind, signer_ring(rq->t->signer), &h)) != OK)
        return e;
    if ((e = token_load(rq->t->db, rq->arena, &h.id, &row)) != OK)
        return e == ERR_ABSENT ? ERR_INVALID_TOKEN : e;
    if ((e = judge_row(rq, &h, &row, out)) != OK)
        return e;
    out->id = row.id;
    out->grant = row.grant;
    out->scope = row.scope;
    out->dialect = row.dialect;
    out->spelling = row.spelling;
    out->issued_s = row.issued_s;
    out->family_exp_s = row.family_exp_s;
    set_audience(rq, out, row.resources);
    return find_parties(rq, &row.client, row.is_user, row.epoch, out);
}

/* The facts of a JWT, whose signature is checked once per thread. */
static enum err read_jwt(struct rq *rq, str token, struct jwt_facts *facts)
{
    struct digest digest;
    enum err e;

    hash_sha256(rq->t->hasher, &token, 1, &digest);
    if (verified_get(rq->t->verified, &digest, facts)) {
        facts->scope = arena_dup(rq->arena, facts->scope);
        facts->audience = arena_dup(rq->arena, facts->audience);
        return OK;
    }
    if ((e = jwt_profile_read(rq, token, facts)) != OK)
        return e;
    verified_put(rq->t->verified, &digest, facts);
    return OK;
}

/* Of a person's JWT the store has told about the grant already (find_person); memory has not. */
static enum err judge_revoked(struct rq *rq, const struct bearer *t)
{
    struct revoked *memory = rq->server->changes.revoked;
    bool revoked;
    enum err e;

    if (memory != NULL) {
        revoked = revoked_has(memory, &t->id) || revoked_has(memory, &t->grant);
        return revoked ? ERR_INVALID_TOKEN : OK;
    }
    if ((e = grant_is_revoked(rq->t->db, &t->id, &revoked)) != OK)
        return e;
    return revoked ? ERR_INVALID_TOKEN : OK;
}

static enum err resolve_jwt(struct rq *rq, str token, struct bearer *out)
{
    struct jwt_facts facts;
    enum err e;

    if ((e = read_jwt(rq, token, &facts)) != OK)
        return e;
    if (facts.exp_s <= rq->now_s)
        return ERR_INVALID_TOKEN;
    *out = (struct bearer){
        .id = facts.id,
        .grant = facts.grant,
        .scope = facts.scope,
        .dialect = facts.dialect,
        .spelling = facts.spelling,
        .jwt = true,
        .issued_s = facts.issued_s,
        .exp_s = facts.exp_s,
        .family_exp_s = facts.exp_s,
    };
    set_audience(rq, out, facts.audience);
    if ((e = find_parties(rq, &facts.client, facts.is_user, facts.epoch, out)) != OK)
        return e;
    if (out->who != NULL)
        out->family_exp_s = out->who->grant.exp_s;
    return judge_revoked(rq, out);
}

enum err bearer_resolve(struct rq *rq, str token, bool refresh, struct bearer *out)
{
    enum err e;

    *out = (struct bearer){0};
    if (str_find(token, '.', 0) < token.n)
        return resolve_jwt(rq, token, out);
    e = resolve_handle(rq, token, HANDLE_ACCESS, out);
    if (e == ERR_INVALID_TOKEN && refresh)
        e = resolve_handle(rq, token, HANDLE_REFRESH, out);
    return e;
}

/* RFC 6750 3: a challenge; the error code only if a token was sent. */
static enum err invalid(struct rq *rq, bool sent)
{
    str challenge = arena_printf(rq->arena, "Bearer realm=\"%s\"%s", rq->dialect->name,
                                 sent ? ", error=\"invalid_token\"" : "");

    rq->failure.challenge = arena_cstr(rq->arena, challenge);
    rq->failure.silent = !sent;
    return fail(rq, ERR_INVALID_TOKEN, "A valid bearer token is required");
}

enum err bearer_require(struct rq *rq, struct bearer *out)
{
    size_t count;
    str value = http_header_get(rq->req, STR("Authorization"), &count);
    str scheme, token;
    enum err e;

    if (count != 1 || !str_cut(value, ' ', &scheme, &token) ||
        !str_eq_nocase(scheme, STR("Bearer"))) /* RFC 6750 2.1 */
        return invalid(rq, value.n > 0);
    e = bearer_resolve(rq, str_trim(token), false, out);
    if (e == ERR_INVALID_TOKEN ||
        (e == OK && (out->dialect != (int)rq->dialect->id || !out->for_issuer)))
        return invalid(rq, true);
    if (e == OK)
        rq_client(rq, out->client);
    return e;
}

void bearer_put_client(struct buf *b, str name, const struct bearer *t)
{
    json_key(b, name);
    buf_char(b, '"');
    uid_write(b, &t->client->client.id, CLIENT_SID, t->spelling);
    buf_char(b, '"');
}

enum err bearer_need_scope(struct rq *rq, const struct bearer *b, str word)
{
    if (scope_has(b->scope, word))
        return OK;
    return fail_at(rq, ERR_INSUFFICIENT_SCOPE, "The token does not have the scope for this.", word);
}
