/* secret_hash: one hash for client secrets and auth tokens (DESIGN.md 5).
 *
 * The purpose keeps the kinds apart, the id the owners: a stored hash is nothing in another row.
 * Left out on purpose: secrets that people chose; those are argon2id (crypto/password.h).
 */
#include "store/secret_hash.h"

#include "base/limits.h"
#include "base/log.h"

#define PURPOSE_MAX 32
#define MESSAGE_MAX (PURPOSE_MAX + UID_BYTES + LIMIT_SECRET)
_Static_assert(MESSAGE_MAX <= SIGNER_MESSAGE_MAX, "a secret's message must pass the door");

static size_t message_size(str purpose, str secret)
{
    if (secret.n > LIMIT_SECRET || purpose.n > PURPOSE_MAX)
        fatal("a secret of %zu bytes was not refused", secret.n);
    return purpose.n + UID_BYTES + secret.n;
}

/* What is hashed, in `storage`, which has room for it and which the caller wipes. */
static str message_of(str purpose, const struct uid *id, str secret, char *storage)
{
    struct buf b;

    buf_fixed(&b, storage, message_size(purpose, secret));
    buf_put(&b, purpose);
    buf_put(&b, str_make((const char *)id->b, sizeof id->b));
    buf_put(&b, secret);
    return buf_str(&b);
}

enum err secret_hash(struct signer *s, const struct key *pepper, str purpose, const struct uid *id,
                     str secret, struct digest *out)
{
    char storage[MESSAGE_MAX];
    str message = message_of(purpose, id, secret, storage);
    enum err e = signer_hmac(s, pepper, message, out);

    ct_wipe(storage, message.n);
    return e;
}

str secret_hash_message(struct arena *a, str purpose, const struct uid *id, str secret)
{
    return message_of(purpose, id, secret, arena_alloc(a, message_size(purpose, secret)));
}
