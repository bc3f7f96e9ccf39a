/* account_auth: is this the account's auth token, or the one before within its overlap?
 *
 * An auth token is 256 random bits, so it is hashed as a client's secret is: fast, keyed. Every
 * judgement makes the same number of hashes, whether the account exists or not (security.md A32).
 */
#include "oauth/account_auth.h"

#include "oauth/client_auth/client_auth.h"

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

/* One hash: against a live token, or in vain. */
static bool matches(struct rq *rq, const struct account *a, const struct account_token *t,
                    bool live, str token)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    const struct key *pepper = t->there ? keyring_find(ring, KEY_PEPPER, &t->pepper) : NULL;
    bool judged = pepper != NULL && live;
    struct digest hash;
    bool equal;

    if (pepper == NULL)
        pepper = keyring_active(ring, KEY_PEPPER, 0);
    account_hash_token(rq->t->hasher, pepper, &a->id, token, &hash);
    equal = ct_digest_eq(&hash, &t->hash);
    return judged && equal;
}

/* The token again under the active pepper, so that the old pepper can go. */
static void rehash(struct rq *rq, const struct account *a, const struct account_token *t, str token)
{
    const struct key *active = keyring_active(signer_ring(rq->t->signer), KEY_PEPPER, 0);
    struct account_token after = {.there = true, .pepper = active->id};

    if (uid_eq(&t->pepper, &active->id))
        return;
    account_hash_token(rq->t->hasher, active, &a->id, token, &after.hash);
    account_rehash(&rq->fx, &a->id, t, &after);
}

static enum err judge(struct rq *rq, const char *challenge, str sid, str token, struct account *out)
{
    enum spelling spelling;
    struct uid id = {{0}};
    enum err e = ERR_ABSENT;
    bool now, before;

    if (token.n > LIMIT_SECRET)
        return wrong(rq, challenge);
    *out = (struct account){0};
    if (uid_parse(sid, ACCOUNT_SID, &id, &spelling))
        e = account_load(rq->t->db, &id, out);
    if (e != OK && e != ERR_ABSENT)
        return e;
    now = matches(rq, out, &out->token, true, token);
    before = matches(rq, out, &out->old, out->old_exp_s > rq->now_s, token);
    if (!now && !before)
        return wrong(rq, challenge);
    rehash(rq, out, now ? &out->token : &out->old, token);
    return OK;
}

enum err account_auth_optional(struct rq *rq, const char *challenge, bool *present,
                               struct account *out)
{
    str sid, token;
    enum err e = basic_split(rq, present, &sid, &token);

    if (e != OK || !*present)
        return e;
    return judge(rq, challenge, sid, token, out);
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
