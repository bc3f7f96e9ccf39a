/* password: argon2id hashes (RFC 9106) in the encoded form that all implementations share.
 *
 * Our own hashes use 19 MiB, two passes, one lane: about 20 ms, which is what the password pool is
 * sized for. Stored hashes may come from elsewhere, so their cost is read before it is paid: one
 * that asks for more than 256 MiB or 16 passes is treated as unreadable instead of stopping the
 * server. Pepper and rate limits are the callers'.
 */
#include "crypto/password.h"

#include <argon2.h>

#include "base/rand.h"

#define SALT_BYTES     16
#define HASH_BYTES     32
#define LANES          1
#define ENCODED_MAX    512
#define MEMORY_KIB_MAX 262144
#define PASSES_MAX     16
#define LANES_MAX      4

enum err password_hash(struct arena *a, str password, str *encoded)
{
    uint8_t salt[SALT_BYTES];
    size_t n = argon2_encodedlen(PASSWORD_PASSES, PASSWORD_MEMORY_KIB, LANES, SALT_BYTES,
                                 HASH_BYTES, Argon2_id);
    char *out = arena_alloc(a, n);
    rand_bytes(salt, sizeof salt);
    if (argon2id_hash_encoded(PASSWORD_PASSES, PASSWORD_MEMORY_KIB, LANES, password.p, password.n,
                              salt, sizeof salt, HASH_BYTES, out, n) != ARGON2_OK)
        return ERR_SERVER_ERROR;
    *encoded = str_from(out);
    return OK;
}

/* "m=" and digits off the front of *rest, up to `stop`. */
static bool take_number(str *rest, str name, char stop, int64_t max)
{
    str head, tail;
    int64_t v;
    if (!str_starts(*rest, name) || !str_cut(*rest, stop, &head, &tail) ||
        !str_i64(str_sub(head, name.n, head.n), 1, max, &v))
        return false;
    *rest = tail;
    return true;
}

static bool is_affordable(str encoded)
{
    const str front = STR("$argon2id$v=19$");
    if (encoded.n > ENCODED_MAX || !str_starts(encoded, front))
        return false;
    str rest = str_sub(encoded, front.n, encoded.n);
    return take_number(&rest, STR("m="), ',', MEMORY_KIB_MAX) &&
           take_number(&rest, STR("t="), ',', PASSES_MAX) &&
           take_number(&rest, STR("p="), '$', LANES_MAX);
}

enum err password_verify(struct arena *a, str encoded, str password)
{
    if (!is_affordable(encoded))
        return ERR_SERVER_ERROR;
    int result = argon2id_verify(arena_cstr(a, encoded), password.p, password.n);
    if (result == ARGON2_OK)
        return OK;
    return result == ARGON2_VERIFY_MISMATCH ? ERR_INVALID_CLIENT : ERR_SERVER_ERROR;
}
