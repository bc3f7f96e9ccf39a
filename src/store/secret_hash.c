/* secret_hash: one hash for client secrets and auth tokens (DESIGN.md 5).
 *
 * The purpose keeps the kinds apart, the id the owners: a stored hash is nothing in another row.
 * Left out on purpose: secrets that people chose; those are argon2id (crypto/password.h).
 */
#include "store/secret_hash.h"

#include "base/limits.h"
#include "base/log.h"

#define PURPOSE_MAX 32

void secret_hash(struct hasher *h, const struct key *pepper, str purpose, const struct uid *id,
                 str secret, struct digest *out)
{
    char message[PURPOSE_MAX + UID_BYTES + LIMIT_SECRET];
    struct buf b;

    if (secret.n > LIMIT_SECRET || purpose.n > PURPOSE_MAX)
        fatal("a secret of %zu bytes was not refused", secret.n);
    buf_fixed(&b, message, sizeof message);
    buf_put(&b, purpose);
    buf_put(&b, str_make((const char *)id->b, sizeof id->b));
    buf_put(&b, secret);
    hash_hmac(h, &pepper->secret, buf_str(&b), out);
    ct_wipe(message, b.n);
}
