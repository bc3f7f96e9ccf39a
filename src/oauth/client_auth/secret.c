/* secret: is this one of the client's live secrets?
 *
 * A generated secret is 256 random bits, so a keyed fast hash protects it (DESIGN.md 5). Every
 * judgement does the same number of hashes, whether the client exists, has one secret or two, and
 * whichever matches (security.md A32). A secret that people chose is an argon2id hash: it goes to
 * the pool, and the attempt is counted durably before it is judged.
 */
#include "crypto/password.h"
#include "oauth/client_auth/client_auth.h"
#include "store/throttle.h"

#define WINDOW_S     900
#define ATTEMPTS_MAX 20

static bool is_live(const struct client_secret *s, int64_t now_s)
{
    return s->exp_s == 0 || s->exp_s > now_s;
}

/* One hash for slot i, against the stored one or against nothing. */
static bool slot_matches(struct rq *rq, const struct client *c, size_t i, const struct uid *id,
                         str secret)
{
    static const struct digest nothing;
    const struct keyring *ring = signer_ring(rq->t->signer);
    const struct key *pepper = NULL;
    const struct digest *expected = &nothing;
    struct digest hash;

    if (c != NULL && i < c->secrets_n && c->secrets[i].argon2.p == NULL &&
        is_live(&c->secrets[i], rq->now_s)) {
        pepper = keyring_find(ring, KEY_PEPPER, &c->secrets[i].pepper);
        expected = &c->secrets[i].hash;
    }
    if (pepper == NULL)
        pepper = keyring_active(ring, KEY_PEPPER, 0);
    client_hash_secret(rq->t->hasher, pepper, id, secret, &hash);
    return ct_digest_eq(&hash, expected);
}

/* The secret again under the active pepper, so that the old one can go (DESIGN.md 5). */
static void rehash(struct rq *rq, const struct client_secret *old, const struct uid *id, str secret)
{
    const struct key *active = keyring_active(signer_ring(rq->t->signer), KEY_PEPPER, 0);
    struct client_secret s = *old;

    if (old->argon2.p == NULL && uid_eq(&old->pepper, &active->id))
        return;
    s.argon2 = (str){0};
    s.pepper = active->id;
    client_hash_secret(rq->t->hasher, active, id, secret, &s.hash);
    client_rehash(&rq->fx, id, &s);
}

static str throttle_key(struct rq *rq, const struct uid *id)
{
    struct buf b;

    buf_init(&b, rq->arena, 64, 64);
    BUF_LIT(&b, "client:");
    uid_write(&b, id, CLIENT_SID, SPELLING_UUID);
    return buf_str(&b);
}

/* Counts the attempt durably, then refuses it if there were too many: 200 parallel guesses count
 * as 200. A right secret is not confirmed either while the window lasts. */
static enum err count_attempt(struct rq *rq, str key)
{
    int64_t attempts = 0, end_s = 0;
    enum err e;

    throttle_count(&rq->fx, key, rq->now_s, WINDOW_S);
    if ((e = rq_commit(rq)) != OK)
        return e;
    if ((e = throttle_load(rq->t->db, key, rq->now_s, &attempts, &end_s)) != OK)
        return e;
    if (attempts <= ATTEMPTS_MAX)
        return OK;
    rq->failure.retry_s = (int)(end_s - rq->now_s);
    return fail(rq, ERR_TOO_MANY_REQUESTS, "Too many attempts with wrong credentials.");
}

static enum err check_slow(struct rq *rq, const struct client_secret *s, const struct uid *id,
                           str secret)
{
    str key = throttle_key(rq, id);
    enum err e;

    if (!rq->slow.secret_judged) {
        if (!rq->t->slow)
            return ERR_SLOW;
        if ((e = count_attempt(rq, key)) != OK)
            return e;
        rq->slow.secret_verdict = password_verify(rq->arena, s->argon2, secret);
        rq->slow.secret_judged = true;
    }
    if (rq->slow.secret_verdict == OK)
        throttle_clear(&rq->fx, key);
    return rq->slow.secret_verdict;
}

static const struct client_secret *slow_secret(const struct client *c, int64_t now_s)
{
    for (size_t i = 0; c != NULL && i < c->secrets_n; i++)
        if (c->secrets[i].argon2.p != NULL && is_live(&c->secrets[i], now_s))
            return &c->secrets[i];
    return NULL;
}

enum err secret_check(struct rq *rq, const struct cached_client *client, const struct uid *id,
                      str secret)
{
    const struct client *c = client != NULL ? &client->client : NULL;
    const struct client_secret *match = NULL, *slow;

    for (size_t i = 0; i < CLIENT_SECRETS; i++)
        if (slot_matches(rq, c, i, id, secret))
            match = &c->secrets[i];
    if (match != NULL) {
        rehash(rq, match, id, secret);
        return OK;
    }
    if ((slow = slow_secret(c, rq->now_s)) != NULL)
        return check_slow(rq, slow, id, secret);
    return ERR_INVALID_CLIENT;
}
