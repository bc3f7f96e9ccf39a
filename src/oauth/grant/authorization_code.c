/* authorization_code: tokens for the code that the browser brought (RFC 6749 4.1.3, 7636).
 *
 * The code is found by its handle and proven by its hash. Whatever is wrong with it, the answer is
 * one (security.md A33), and somebody else's attempt neither burns it nor tells anything. Who has
 * client and verifier right and comes a second time shows that the code has leaked, or was sent
 * twice: what it led to is revoked (RFC 6749 4.1.2, security.md 23). Of requests at once, one
 * spends the code, by a conditional statement; the others run again and find it spent.
 */
#include "codec/b64url.h"
#include "oauth/grant/grant_type.h"
#include "oauth/record.h"
#include "oauth/token/user_tokens.h"
#include "store/grant.h"

enum err authorization_code_need(struct rq *rq, const struct token_request *request)
{
    if (request->code.n == 0)
        return fail_at(rq, ERR_INVALID_REQUEST, "code is missing.", STR("code"));
    return OK;
}

static enum err dead(struct rq *rq, const char *detail)
{
    fail_detail(rq, str_from(detail));
    return fail(rq, ERR_INVALID_GRANT,
                "The code is wrong, used, expired, revoked or another client's.");
}

/* The grant of a code that is ours and this client's; its state is not judged. */
static enum err find(struct rq *rq, str text, struct user_grant *g)
{
    struct digest digest;
    struct handle h;
    enum err e;

    if (handle_parse(text, HANDLE_CODE, signer_ring(rq->t->signer), &h) != OK)
        return dead(rq, "the code is none of ours");
    if ((e = user_grant_load(rq->t->db, rq->arena, &h.id, g)) != OK)
        return e == ERR_ABSENT ? dead(rq, "there is no such code") : e;
    handle_digest(rq->t->hasher, &h, &digest);
    if (!g->has_code || !token_proves(&g->code, &digest))
        return dead(rq, "there is no such code");
    if (!uid_eq(&g->client, &rq->client->client.id)) /* security.md 24 */
        return dead(rq, "the code is another client's");
    if (g->dialect != (int)rq->dialect->id)
        return dead(rq, "the code belongs to the token endpoint of another API");
    return OK;
}

/* RFC 6749 4.1.3: the same as in the authorization request. One that was left out there is the only
 * one that the client has. Under PKCE it may be left out here, as clients of OAuth 2.1 do: it is
 * there to show that the code went to whom it was meant for, and the verifier shows more, for an
 * address is known to everybody. One that is sent must be right all the same (security.md 26). */
static enum err check_redirect_uri(struct rq *rq, const struct user_grant *g, str sent)
{
    str expected = g->redirect_uri.p != NULL ? g->redirect_uri : rq->client->rp.redirect_uris;

    if (sent.p == NULL && (g->redirect_uri.p == NULL || g->challenge.p != NULL))
        return OK;
    if (sent.p != NULL && str_eq(sent, expected))
        return OK;
    fail_at(rq, ERR_INVALID_GRANT, "redirect_uri is not the one of the authorization request.",
            STR("redirect_uri"));
    return fail_rule(rq, expected, sent);
}

/* RFC 7636 4.1 */
static bool is_verifier(str v)
{
    if (v.n < 43 || v.n > 128)
        return false;
    for (size_t i = 0; i < v.n; i++) {
        char c = v.p[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
            c != '-' && c != '.' && c != '_' && c != '~')
            return false;
    }
    return true;
}

/* RFC 7636 4.6, S256 */
static bool fits(struct rq *rq, str challenge, str verifier)
{
    char text[B64URL_CHARS(sizeof(struct digest))];
    struct digest digest;

    if (!is_verifier(verifier) || challenge.n != sizeof text)
        return false;
    hash_sha256(rq->t->hasher, &verifier, 1, &digest);
    b64url_encode(digest.b, sizeof digest.b, text);
    return ct_eq(text, challenge.p, sizeof text);
}

static enum err check_pkce(struct rq *rq, const struct user_grant *g, str verifier)
{
    if (g->challenge.p == NULL && verifier.p == NULL)
        return OK;
    if (g->challenge.p == NULL) /* security.md 25: somebody took the challenge away */
        return fail_at(rq, ERR_INVALID_REQUEST,
                       "There was no code_challenge in the authorization request.",
                       STR("code_verifier"));
    if (fits(rq, g->challenge, verifier))
        return OK;
    return fail_at(rq, ERR_INVALID_GRANT, "code_verifier does not fit the code_challenge.",
                   STR("code_verifier"));
}

/* The code again, by whoever could have redeemed it. Once more and again, it revokes nothing and is
 * recorded as refusals are, within a bound. */
static enum err replayed(struct rq *rq, const struct user_grant *g)
{
    bool revoked = false;
    enum err e = grant_is_revoked(rq->t->db, &g->id, &revoked);

    if (e != OK)
        return e;
    if (revoked)
        record_refused(
            rq, AUDIT_CODE_REPLAYED, ERR_INVALID_GRANT,
            &(struct record){.subject_user = &g->user, .detail = STR("it was revoked before")});
    else
        record_always(rq, AUDIT_CODE_REPLAYED, ERR_INVALID_GRANT,
                      &(struct record){.subject_user = &g->user,
                                       .detail = STR("what the code led to was revoked")});
    grant_revoke(&rq->fx, KEEP, &g->id, &g->client, rq->now_s, g->exp_s);
    return dead(rq, "a spent code came again: what it led to is revoked");
}

static enum err judge(struct rq *rq, const struct token_request *request, struct person *who)
{
    enum err e;

    if ((e = find(rq, request->code, &who->grant)) != OK)
        return e;
    if ((e = check_redirect_uri(rq, &who->grant, request->redirect_uri)) != OK)
        return e;
    if ((e = check_pkce(rq, &who->grant, request->code_verifier)) != OK)
        return e;
    if (who->grant.spent_s != 0)
        return replayed(rq, &who->grant);
    if (who->grant.code_exp_s <= rq->now_s)
        return dead(rq, "the code has expired");
    if ((e = person_judge(rq, rq->client, who)) == ERR_INVALID_TOKEN)
        return dead(rq, "the code was revoked, or its user disabled");
    return e;
}

enum err authorization_code_run(struct rq *rq, const struct token_request *request,
                                struct token_issued *out)
{
    struct person who;
    int64_t end_s;
    enum err e;

    if ((e = judge(rq, request, &who)) != OK)
        return e;
    if ((e = user_tokens_first(rq, request, &who, request->code, out, &end_s)) != OK)
        return e;
    user_grant_spend(&rq->fx, &who.grant.id, rq->now_s, end_s);
    return OK;
}
