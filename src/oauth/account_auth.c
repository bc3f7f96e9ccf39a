/* account_auth: is this the account's auth token, or the one before within its overlap?
 *
 * An auth token is 256 random bits, so it is hashed as a client's secret is: fast, keyed. Every
 * judgement makes the same number of hashes, whether the account exists or not (security.md A32).
 */
#include "oauth/account_auth.h"

#include "oauth/client_auth/client_auth.h"
#include "oauth/record.h"

struct hashed {
    const struct key *pepper;
    struct digest hash;
    bool right;
};

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
static enum err match(struct rq *rq, const struct account *a, const struct account_token *t,
                      bool live, str token, struct hashed *out)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    const struct key *pepper = t->there ? keyring_find(ring, KEY_PEPPER, &t->pepper) : NULL;
    bool judged = pepper != NULL && live;
    enum err e;

    out->pepper = pepper != NULL ? pepper : keyring_active(ring, KEY_PEPPER, 0);
    e = account_hash_token(rq->t->signer, out->pepper, &a->id, token, &out->hash);
    out->right = ct_digest_eq(&out->hash, &t->hash) && judged && e == OK;
    return e;
}

/* Both hashes, so that the next judgement of this token asks for neither. */
static void keep(struct rq *rq, const struct account *a, str token, const struct hashed both[2])
{
    for (size_t i = 0; i < 2; i++)
        account_keep_token(rq->t->signer, both[i].pepper, &a->id, token, &both[i].hash);
}

/* The token again under the active pepper, so that the old pepper can go. */
static enum err rehash(struct rq *rq, const struct account *a, const struct account_token *t,
                       str token)
{
    const struct key *active = keyring_active(signer_ring(rq->t->signer), KEY_PEPPER, 0);
    struct account_token after = {.there = true, .pepper = active->id};
    enum err e;

    if (uid_eq(&t->pepper, &active->id))
        return OK;
    if ((e = account_hash_token(rq->t->signer, active, &a->id, token, &after.hash)) != OK)
        return e;
    account_rehash(&rq->fx, &a->id, t, &after);
    return OK;
}

static enum err judge(struct rq *rq, const char *challenge, str sid, str token, struct account *out)
{
    enum spelling spelling;
    struct uid id = {{0}};
    struct hashed both[2]; /* of the token of now, and of the one before */
    enum err e = ERR_ABSENT;

    if (token.n > LIMIT_SECRET)
        return wrong(rq, challenge);
    *out = (struct account){0};
    if (uid_parse(sid, ACCOUNT_SID, &id, &spelling))
        e = account_load(rq->t->db, &id, out);
    if (e != OK && e != ERR_ABSENT)
        return e;
    if ((e = match(rq, out, &out->token, true, token, &both[0])) != OK ||
        (e = match(rq, out, &out->old, out->old_exp_s > rq->now_s, token, &both[1])) != OK)
        return e;
    if (!both[0].right && !both[1].right)
        return wrong(rq, challenge);
    keep(rq, out, token, both);
    return rehash(rq, out, both[0].right ? &out->token : &out->old, token);
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
