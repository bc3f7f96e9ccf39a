/* serve_keys: published -> active -> (retired by its successor) -> gone.
 *
 *     |-- published --|------------- active --------------|------- retired -------|
 *                                         |-- published --|--------- active ...
 *      max-age, margin                     successor       longest token, margin
 *
 * A successor is published so early that it may sign when the key reaches keys.rotation_age; a
 * client that keeps the JWKS for as long as it was told has the new key by then, also from a node
 * that is cut off from the store and does not know the key. A retired key
 * stays for the longest life that any access token may have, not for the longest of those that
 * clients have now: a life that was shortened since has left long tokens behind, and the price is
 * one public key more in the JWKS.
 *
 * Every step expects the state that it starts from, so of two processes that take it at once one
 * takes it and the other misses. Keys of every algorithm that is active are replaced alike: access
 * tokens are signed by one of them, id_tokens by the one of their client. Retired peppers stay:
 * whether secrets still need them is for `postern key drop` to say.
 */
#include "cmd/serve_keys.h"

#include "db/db.h"
#include "store/key.h"

struct key_rules serve_keys_rules(const struct settings *s)
{
    return (struct key_rules){
        .max_age_s = setting_int(s, jwks_max_age_s),
        .rotation_age_s = setting_int(s, keys_rotation_age_s),
        .deaf_s = db_url_is_shared(setting_text(s, db)) ? setting_int(s, db_max_age_s) : 0,
    };
}

static int64_t lead_s(const struct key_rules *rules)
{
    return rules->max_age_s + rules->deaf_s + SERVE_KEYS_MARGIN_S;
}

/* The published key that takes over first. */
static const struct key *successor(const struct keyring *ring, enum jws_alg alg)
{
    const struct key *first = NULL;
    for (size_t i = 0; i < ring->n; i++) {
        const struct key *k = &ring->keys[i];
        if (k->use == KEY_SIGNING && k->state == KEY_PUBLISHED && k->alg == alg &&
            (!first || k->created_s < first->created_s))
            first = k;
    }
    return first;
}

static struct key_next next_of_active(const struct keyring *ring, const struct key *k,
                                      const struct key_rules *rules)
{
    const struct key *next = successor(ring, k->alg);
    if (next)
        return (struct key_next){KEY_STEP_RETIRE, next->created_s + lead_s(rules)};
    if (rules->rotation_age_s == 0)
        return (struct key_next){0};
    int64_t after_s = rules->rotation_age_s - lead_s(rules);
    return (struct key_next){KEY_STEP_SUCCESSOR, k->activated_s + (after_s > 0 ? after_s : 0)};
}

struct key_next serve_keys_next(const struct keyring *ring, const struct key *k,
                                const struct key_rules *rules)
{
    if (k->use != KEY_SIGNING)
        return (struct key_next){0};
    switch (k->state) {
    case KEY_PUBLISHED:
        return (struct key_next){KEY_STEP_ACTIVATE, k->created_s + lead_s(rules)};
    case KEY_ACTIVE:
        return next_of_active(ring, k, rules);
    case KEY_RETIRED:
        break;
    }
    return (struct key_next){KEY_STEP_DROP, k->retired_s + SERVE_KEYS_LONGEST_TOKEN_S +
                                                rules->deaf_s + SERVE_KEYS_MARGIN_S};
}

const struct key *serve_keys_due(const struct keyring *ring, const struct key_rules *rules,
                                 int64_t now_s, enum key_step *step)
{
    for (size_t i = 0; i < ring->n; i++) {
        struct key_next next = serve_keys_next(ring, &ring->keys[i], rules);
        if (next.step != KEY_STEP_NONE && next.step != KEY_STEP_RETIRE && now_s >= next.at_s) {
            *step = next.step;
            return &ring->keys[i];
        }
    }
    return NULL;
}

static void activate(const struct keyring *ring, const struct key *k, int64_t now_s,
                     struct effects *fx)
{
    const struct key *old = keyring_active(ring, KEY_SIGNING, k->alg);
    if (old)
        key_set_state(fx, &old->id, KEY_ACTIVE, KEY_RETIRED, now_s);
    key_set_state(fx, &k->id, KEY_PUBLISHED, KEY_ACTIVE, now_s);
}

void serve_keys_take(const struct keyring *ring, const struct key *k, enum key_step step,
                     int64_t now_s, struct effects *fx)
{
    switch (step) {
    case KEY_STEP_ACTIVATE:
        activate(ring, k, now_s, fx);
        break;
    case KEY_STEP_DROP:
        key_delete(fx, &k->id, now_s);
        break;
    case KEY_STEP_NONE:
    case KEY_STEP_SUCCESSOR:
    case KEY_STEP_RETIRE:
        break;
    }
}

const char *serve_keys_word(enum key_step step)
{
    static const char *const words[] = {
        [KEY_STEP_NONE] = NULL,        [KEY_STEP_SUCCESSOR] = "successor",
        [KEY_STEP_RETIRE] = "retired", [KEY_STEP_ACTIVATE] = "active",
        [KEY_STEP_DROP] = "dropped",
    };
    return words[step];
}
