/* password_scrypt: scrypt (RFC 7914) in the PHC spelling, $scrypt$ln=16,r=8,p=1$salt$hash, which
 * passlib writes. Bounded like the $7$ spelling of crypt(3).
 */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/password_kind.h"

#define WORK_MAX (1LL << 22)
#define HASH_MIN 16
#define HASH_MAX 64

struct parsed {
    int64_t n, r, p;
    uint8_t salt[PASSWORD_SALT_MAX], hash[HASH_MAX];
    size_t salt_n, hash_n;
};

static bool parse(str encoded, struct parsed *out)
{
    const str front = STR("$scrypt$");
    str rest = str_sub(encoded, front.n, encoded.n), salt, hash;
    int64_t log_n;
    if (!str_starts(encoded, front) || !password_kind_number(&rest, STR("ln="), ',', 22, &log_n) ||
        !password_kind_number(&rest, STR("r="), ',', 1024, &out->r) ||
        !password_kind_number(&rest, STR("p="), '$', 1024, &out->p) ||
        !str_cut(rest, '$', &salt, &hash))
        return false;
    out->n = (int64_t)1 << log_n;
    out->salt_n = password_kind_base64(salt, out->salt, sizeof out->salt);
    out->hash_n = password_kind_base64(hash, out->hash, sizeof out->hash);
    return out->n * out->r * out->p <= WORK_MAX && 128 * out->n * out->r <= PASSWORD_MEMORY_MAX &&
           out->salt_n > 0 && out->hash_n >= HASH_MIN;
}

bool password_scrypt_known(str encoded)
{
    struct parsed p;
    return parse(encoded, &p);
}

enum err password_scrypt_verify(struct arena *a, str encoded, str password)
{
    struct parsed p;
    uint8_t got[HASH_MAX];
    (void)a;
    if (!parse(encoded, &p))
        return ERR_SERVER_ERROR;
    const char *typed = password.n ? password.p : "";
    uint64_t memory = (uint64_t)PASSWORD_MEMORY_MAX + (8 << 20); /* what the library adds */
    int done = EVP_PBE_scrypt(typed, password.n, p.salt, p.salt_n, (uint64_t)p.n, (uint64_t)p.r,
                              (uint64_t)p.p, memory, got, p.hash_n);
    bool equal = done == 1 && ct_eq(got, p.hash, p.hash_n);
    ct_wipe(got, sizeof got);
    if (done != 1) {
        ERR_clear_error();
        return ERR_SERVER_ERROR;
    }
    return equal ? OK : ERR_INVALID_CLIENT;
}
