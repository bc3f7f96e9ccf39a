/* serve_keys: published -> active -> (retired by its successor) -> gone.
 *
 * Every step expects the state that it starts from, so two nodes that take it at once take it
 * once. Retired peppers stay: whether secrets still need them is for `postern key drop` to say.
 */
#include "cmd/serve_keys.h"

#include "store/key.h"

static void activate(const struct keyring *ring, const struct key *k, int64_t now_s,
                     struct effects *fx)
{
    const struct key *old = keyring_active(ring, KEY_SIGNING, k->alg);
    if (old) {
        key_set_state(fx, &old->id, KEY_ACTIVE, KEY_RETIRED, now_s);
    }
    key_set_state(fx, &k->id, KEY_PUBLISHED, KEY_ACTIVE, now_s);
}

bool serve_keys_due(const struct keyring *ring, int64_t now_s, int64_t max_age_s,
                    struct effects *fx)
{
    for (size_t i = 0; i < ring->n; i++) {
        const struct key *k = &ring->keys[i];
        if (k->use != KEY_SIGNING) {
            continue;
        }
        if (k->state == KEY_PUBLISHED && now_s >= k->created_s + max_age_s + SERVE_KEYS_MARGIN_S) {
            activate(ring, k, now_s, fx);
            return true;
        }
        if (k->state == KEY_RETIRED &&
            now_s >= k->retired_s + SERVE_KEYS_LONGEST_TOKEN_S + max_age_s) {
            key_delete(fx, &k->id, now_s);
            return true;
        }
    }
    return false;
}
