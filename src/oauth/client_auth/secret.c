/* secret: is this one of the client's live secrets?
 *
 * A generated secret is 256 random bits, so a keyed fast hash protects it (DESIGN.md 5). Every
 * judgement does the same hashes, whether the client exists, has one secret or two, and whichever
 * matches (security.md A32). A secret that people chose is an argon2id hash: it goes to
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

/* Judged in place of a client that nobody knows: it has one secret, as most do, under a pepper that
 * does not exist. */
static const struct client nobody = {.secrets_n = 1, .secrets = {{.created_s = 1}}};

/* Slot i of the client, or an empty one that matches nothing. */
static const struct client_secret *slot(const struct client *c, size_t i)
{
    static const struct client_secret empty;

    return i < c->secrets_n ? &c->secrets[i] : &empty;
}

/* The live secret that matches, or NULL. The secret is hashed once under every pepper in force
 * (one, during a rotation two) and compared with every slot, whatever client was found. */
static const struct client_secret *match_fast(struct rq *rq, const struct client *c,
                                              const struct digest *hashes)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    const struct client_secret *match = NULL;

    for (size_t k = 0; k < ring->n; k++) {
        if (ring->keys[k].use != KEY_PEPPER)
            continue;
        for (size_t i = 0; i < CLIENT_SECRETS; i++) {
            const struct client_secret *s = slot(c, i);
            bool equal = ct_digest_eq(&hashes[k], &s->hash);
            bool judged = (s->created_s != 0) & (s->argon2.p == NULL) & is_live(s, rq->now_s) &
                          uid_eq(&s->pepper, &ring->keys[k].id); /* every one is asked: A32 */
            match = judged & equal ? s : match;
        }
    }
    return match;
}

/* The secret again under the active pepper, so that the old one can go (DESIGN.md 5). */
static void rehash(struct rq *rq, const struct client_secret *old, const struct uid *id,
                   const struct digest *hashes)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    const struct key *active = keyring_active(ring, KEY_PEPPER, 0);
    struct client_secret s = *old;

    if (uid_eq(&old->pepper, &active->id))
        return;
    s.pepper = active->id;
    s.hash = hashes[active - ring->keys];
    client_rehash(&rq->fx, id, &s);
}

/* Per client and source, so that a stranger cannot lock the owner out. */
static str throttle_key(struct rq *rq, const struct uid *id)
{
    struct buf b;

    buf_init(&b, rq->arena, 128, 128);
    BUF_LIT(&b, "client:");
    uid_write(&b, id, CLIENT_SID, SPELLING_UUID);
    buf_char(&b, ' ');
    buf_put(&b, rq->req->peer);
    return buf_str(&b);
}

/* Counts the attempt durably, then refuses it if there were too many: 200 parallel guesses count
 * as 200. A right secret is not confirmed either while the window lasts. */
static enum err count_attempt(struct rq *rq, str key)
{
    int64_t attempts = 0, end_s = 0;
    enum err e;

    if (rq->slow.counted)
        return OK;
    throttle_count(&rq->fx, key, rq->now_s, WINDOW_S);
    if ((e = rq_commit(rq)) != OK)
        return e;
    if ((e = throttle_load(rq->t->db, key, rq->now_s, &attempts, &end_s)) != OK)
        return e;
    rq->slow.counted = true;
    if (attempts <= ATTEMPTS_MAX)
        return OK;
    rq->failure.retry_s = (int)(end_s - rq->now_s);
    return fail(rq, ERR_TOO_MANY_REQUESTS, "Too many attempts with wrong credentials.");
}

/* The verdict on that very secret, from an earlier run or new. */
static enum err judge_slow(struct rq *rq, const struct client_secret *s, str secret)
{
    struct slow_results *done = &rq->slow;
    enum err verdict;

    for (size_t i = 0; i < done->judged_n; i++)
        if (id_eq(&done->judged[i].secret, &s->id))
            return done->judged[i].verdict;
    if (rq->t->kind != THREAD_POOL)
        return ERR_SLOW;
    verdict = password_verify(rq->arena, s->argon2, secret);
    if (done->judged_n < CLIENT_SECRETS) {
        done->judged[done->judged_n].secret = s->id;
        done->judged[done->judged_n++].verdict = verdict;
    }
    return verdict;
}

/* The live secrets that people chose, one after the other. As many steps for a client that nobody
 * knows: what only such secrets need is made when there is one. */
static enum err check_slow(struct rq *rq, const struct client *c, const struct uid *id, str secret)
{
    enum err e = ERR_INVALID_CLIENT;
    str key = {0};

    for (size_t i = 0; i < CLIENT_SECRETS && e == ERR_INVALID_CLIENT; i++) {
        const struct client_secret *s = slot(c, i);
        if (s->argon2.p == NULL || !is_live(s, rq->now_s))
            continue;
        if (!rq->slow.counted && rq->t->kind != THREAD_POOL)
            return ERR_SLOW;
        key = throttle_key(rq, id);
        if ((e = count_attempt(rq, key)) == OK)
            e = judge_slow(rq, s, secret);
    }
    if (e == OK)
        throttle_clear(&rq->fx, key);
    return e;
}

enum err secret_prepare(struct rq *rq, const struct uid *id, str secret)
{
    const struct digest *hashes;

    return secret_hashes_get(rq, client_secret_message(rq->arena, id, secret), &hashes);
}

enum err secret_check(struct rq *rq, const struct cached_client *client, const struct uid *id,
                      str secret)
{
    const struct client *c = client != NULL ? &client->client : &nobody;
    const struct client_secret *match;
    const struct digest *hashes;
    enum err e;

    if ((e = secret_hashes_get(rq, client_secret_message(rq->arena, id, secret), &hashes)) != OK)
        return e;
    match = match_fast(rq, c, hashes);
    if (match == NULL)
        return check_slow(rq, c, id, secret);
    secret_hashes_keep(rq);
    rehash(rq, match, id, hashes);
    return OK;
}
