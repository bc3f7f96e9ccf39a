/* password: argon2id hashes (RFC 9106) in the encoded form that all implementations share, and a
 * table of the other kinds that may be imported.
 *
 * Our own hashes use 19 MiB, two passes, one lane: about 20 ms, which is what the password pool is
 * sized for. Stored hashes may come from elsewhere, so their cost is read before it is paid: one
 * that asks for more than 256 MiB or about a second is treated as unreadable instead of stopping
 * the server. Pepper, normal form, rehashing and rate limits are the callers'.
 */
#include "crypto/password.h"

#include <argon2.h>

#include "base/rand.h"
#include "crypto/password_kind.h"

#define SALT_BYTES     16
#define HASH_BYTES     32
#define LANES          1
#define ENCODED_MAX    512
#define MEMORY_KIB_MAX (PASSWORD_MEMORY_MAX >> 10)
#define WORK_MAX       (1LL << 21) /* KiB times passes: 2 GiB touched */
#define PASSES_MAX     16
#define LANES_MAX      4
#define OURS           "$argon2id$v=19$m=19456,t=2,p=1$" /* PASSWORD_MEMORY_KIB, _PASSES, LANES */

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

void password_dummy(str password)
{
    static const uint8_t salt[SALT_BYTES] = "nobody is there";
    uint8_t out[HASH_BYTES];
    argon2id_hash_raw(PASSWORD_PASSES, PASSWORD_MEMORY_KIB, LANES, password.p, password.n, salt,
                      sizeof salt, out, sizeof out);
    ct_wipe(out, sizeof out);
}

/* Salt and hash of the lengths that the library takes (RFC 9106 3.1). */
static bool is_salted_hash(str rest)
{
    uint8_t bytes[ENCODED_MAX];
    str salt, hash;
    return str_cut(rest, '$', &salt, &hash) && str_find(rest, '.', 0) == rest.n &&
           password_kind_base64(salt, bytes, sizeof bytes) >= 8 &&
           password_kind_base64(hash, bytes, sizeof bytes) >= 16;
}

static bool is_argon2(str encoded, str front)
{
    int64_t memory_kib, passes, lanes;
    str rest = str_sub(encoded, front.n, encoded.n);
    return encoded.n <= ENCODED_MAX && str_starts(encoded, front) &&
           password_kind_number(&rest, STR("m="), ',', MEMORY_KIB_MAX, &memory_kib) &&
           password_kind_number(&rest, STR("t="), ',', PASSES_MAX, &passes) &&
           password_kind_number(&rest, STR("p="), '$', LANES_MAX, &lanes) &&
           memory_kib >= 8 * lanes && memory_kib * passes <= WORK_MAX && is_salted_hash(rest);
}

static bool is_argon2id(str encoded)
{
    return is_argon2(encoded, STR("$argon2id$v=19$"));
}

static bool is_argon2i(str encoded)
{
    return is_argon2(encoded, STR("$argon2i$v=19$"));
}

static enum err verify_argon2(struct arena *a, str encoded, str password)
{
    argon2_type type = str_starts(encoded, STR("$argon2id")) ? Argon2_id : Argon2_i;
    int result = argon2_verify(arena_cstr(a, encoded), password.p, password.n, type);
    if (result == ARGON2_OK)
        return OK;
    return result == ARGON2_VERIFY_MISMATCH ? ERR_INVALID_CLIENT : ERR_SERVER_ERROR;
}

struct kind {
    str front;
    bool (*known)(str encoded); /* well formed and affordable */
    enum err (*verify)(struct arena *a, str encoded, str password);
};

static const struct kind kinds[] = {
    {STR_INIT("$argon2id$"), is_argon2id, verify_argon2},
    {STR_INIT("$argon2i$"), is_argon2i, verify_argon2},
    {STR_INIT("$2"), password_crypt_bcrypt, password_crypt_verify},
    {STR_INIT("$7$"), password_crypt_scrypt, password_crypt_verify},
    {STR_INIT("$y$"), password_crypt_yescrypt, password_crypt_verify},
    {STR_INIT("$scrypt$"), password_scrypt_known, password_scrypt_verify},
    {STR_INIT("$pbkdf2"), password_pbkdf2_known, password_pbkdf2_verify},
    {STR_INIT("pbkdf2_"), password_pbkdf2_known, password_pbkdf2_verify},
};

str password_kinds(void)
{
    return STR("argon2id, argon2i, bcrypt ($2a$, $2b$, $2y$), scrypt ($7$, $scrypt$), "
               "yescrypt ($y$), PBKDF2 ($pbkdf2-sha256$..., pbkdf2_sha256$...)");
}

/* The row of a hash that may be computed, or NULL. */
static const struct kind *kind_of(str encoded)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_starts(encoded, kinds[i].front))
            return encoded.n <= ENCODED_MAX && str_find(encoded, '\0', 0) == encoded.n &&
                           kinds[i].known(encoded)
                       ? &kinds[i]
                       : NULL;
    return NULL;
}

bool password_known(str encoded)
{
    return kind_of(encoded) != NULL;
}

bool password_is_ours(str encoded)
{
    return str_starts(encoded, STR(OURS)) && password_known(encoded);
}

/* security.md 66: but for argon2, a NUL is where crypt(3) ends and what HMAC, inside PBKDF2 and
 * scrypt, pads with; "password" and "password\0" would be one. */
static bool counts_nul(const struct kind *kind)
{
    return kind->verify == verify_argon2;
}

enum err password_verify(struct arena *a, str encoded, str password)
{
    const struct kind *kind = kind_of(encoded);
    enum err e = kind ? kind->verify(a, encoded, password) : ERR_SERVER_ERROR;
    if (e == OK && !counts_nul(kind) && str_find(password, '\0', 0) < password.n)
        return ERR_INVALID_CLIENT;
    return e;
}
