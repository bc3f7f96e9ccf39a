/* account_auth: is this the account's auth token, or the one before within its overlap?
 *
 * An auth token is 256 random bits, so it is hashed as a client's secret is: fast, keyed. Every
 * judgement makes the same number of hashes, whether the account exists or not (security.md A32).
 */
#include "oauth/account_auth.h"

#include "oauth/client_auth/client_auth.h"
#include "oauth/record.h"

static enum err refuse(struct rq *rq, const char *challenge, const char *text)
{
    rq->failure.challenge = challenge; /* RFC 9110 15.5.2 */
    return fail(rq, ERR_INVALID_CLIENT, text);
}

static enum err wrong(struct rq *rq, const char *challenge)
{
    return refuse(rq, challenge, "The account is unknown or its auth token is wrong.");
}

enum err account_auth_missing(struct rq *rq, const char *challenge)
{
    return refuse(rq, challenge,
                  "The request needs the SID and auth token of an account, or a token.");
}

/* Against a live token, or in vain; every hash is compared (security.md A32). */
static bool matches(const struct keyring *ring, const struct account_token *t, bool live,
                    const struct digest *hashes)
{
    bool match = false;

    for (size_t k = 0; k < ring->n; k++) {
        if (ring->keys[k].use != KEY_PEPPER)
            continue;
        bool equal = ct_digest_eq(&hashes[k], &t->hash);
        match |= equal & live & t->there & uid_eq(&t->pepper, &ring->keys[k].id);
    }
    return match;
}

/* The token again under the active pepper, so that the old pepper can go. */
static void rehash(struct rq *rq, const struct account *a, const struct account_token *t,
                   const struct digest *hashes)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    const struct key *active = keyring_active(ring, KEY_PEPPER, 0);
    struct account_token after = {.there = true, .pepper = active->id};

    if (uid_eq(&t->pepper, &active->id))
        return;
    after.hash = hashes[active - ring->keys];
    account_rehash(&rq->fx, &a->id, t, &after);
}

static enum err judge(struct rq *rq, const char *challenge, str sid, str token, struct account *out)
{
    enum spelling spelling;
    struct uid id = {{0}};
    const struct digest *hashes;
    bool now, before; /* the token of now, and the one before */
    enum err e = ERR_ABSENT;

    if (token.n > LIMIT_SECRET)
        return wrong(rq, challenge);
    *out = (struct account){0};
    if (uid_parse(sid, ACCOUNT_SID, &id, &spelling))
        e = account_load(rq->t->db, &id, out);
    if (e != OK && e != ERR_ABSENT)
        return e;
    if ((e = secret_hashes_get(rq, account_token_message(rq->arena, &id, token), &hashes)) != OK)
        return e;
    now = matches(signer_ring(rq->t->signer), &out->token, true, hashes);
    before = matches(signer_ring(rq->t->signer), &out->old, out->old_exp_s > rq->now_s, hashes);
    if (!now && !before)
        return wrong(rq, challenge);
    secret_hashes_keep(rq);
    rehash(rq, out, now ? &out->token : &out->old, hashes);
    return OK;
}

/* Whoever it said to be, if that is a name of an account. */
static void note(struct rq *rq, str sid)
{
    enum spelling spelling;
    struct uid id;

    record_refused(
        rq, AUDIT_ACCOUNT_AUTH, ERR_INVALID_CLIENT,
        &(struct record){.account = uid_parse(sid, ACCOUNT_SID, &id, &spelling) ? sid : (str){0}});
}

enum err account_auth_optional(struct rq *rq, const char *challenge, bool *present,
                               struct account *out)
{
    str sid, token;
    enum err e = basic_split(rq, present, &sid, &token);

    if (e != OK || !*present)
        return e;
    if ((e = judge(rq, challenge, sid, token, out)) == ERR_INVALID_CLIENT)
        note(rq, sid);
    return e;
}

enum err account_auth_require(struct rq *rq, const char *challenge, struct account *out)
{
    bool present;
    enum err e;

    if ((e = account_auth_optional(rq, challenge, &present, out)) != OK)
        return e;
    if (present)
        return OK;
    return refuse(rq, challenge, "The request needs the SID and auth token of an account.");
}
