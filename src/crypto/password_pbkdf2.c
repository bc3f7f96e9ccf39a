/* password_pbkdf2: PBKDF2 (RFC 8018 5.2) in two spellings: passlib's
 * $pbkdf2-sha256$rounds$salt$hash, in which base64 has "." for "+" and no padding, and Django's
 * pbkdf2_sha256$rounds$salt$hash, in which the salt is text and the hash padded base64.
 */
#include <openssl/evp.h>

#include "crypto/password_kind.h"

#define ROUNDS_MAX 3000000 /* a second or two; Django doubles its default every few years */
#define HASH_MAX   64

struct spelling {
    str front;
    const char *digest;
    size_t hash_n;
    bool text_salt; /* Django */
};

static const struct spelling spellings[] = {
    {STR_INIT("$pbkdf2$"), "SHA1", 20, false},
    {STR_INIT("$pbkdf2-sha1$"), "SHA1", 20, false},
    {STR_INIT("$pbkdf2-sha256$"), "SHA256", 32, false},
    {STR_INIT("$pbkdf2-sha512$"), "SHA512", 64, false},
    {STR_INIT("pbkdf2_sha1$"), "SHA1", 20, true},
    {STR_INIT("pbkdf2_sha256$"), "SHA256", 32, true},
    {STR_INIT("pbkdf2_sha512$"), "SHA512", 64, true},
};

struct parsed {
    const struct spelling *as;
    int64_t rounds;
    uint8_t salt[PASSWORD_SALT_MAX], hash[HASH_MAX];
    size_t salt_n;
};

static const struct spelling *spelling_of(str encoded)
{
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (str_starts(encoded, spellings[i].front))
            return &spellings[i];
    return NULL;
}

static size_t read_salt(const struct spelling *as, str salt, uint8_t out[PASSWORD_SALT_MAX])
{
    if (!as->text_salt)
        return password_kind_base64(salt, out, PASSWORD_SALT_MAX);
    if (salt.n == 0 || salt.n > PASSWORD_SALT_MAX)
        return 0;
    memcpy(out, salt.p, salt.n);
    return salt.n;
}

static bool parse(str encoded, struct parsed *out)
{
    str rounds, rest, salt, hash;
    if (!(out->as = spelling_of(encoded)))
        return false;
    rest = str_sub(encoded, out->as->front.n, encoded.n);
    if (!str_cut(rest, '$', &rounds, &rest) || !str_cut(rest, '$', &salt, &hash) ||
        !str_i64(rounds, 1, ROUNDS_MAX, &out->rounds))
        return false;
    out->salt_n = read_salt(out->as, salt, out->salt);
    return out->salt_n > 0 &&
           password_kind_base64(hash, out->hash, sizeof out->hash) == out->as->hash_n;
}

bool password_pbkdf2_known(str encoded)
{
    struct parsed p;
    return parse(encoded, &p);
}

enum err password_pbkdf2_verify(struct arena *a, str encoded, str password)
{
    struct parsed p;
    uint8_t got[HASH_MAX];
    (void)a;
    if (!parse(encoded, &p))
        return ERR_SERVER_ERROR;
    const char *typed = password.n ? password.p : "";
    EVP_MD *md = EVP_MD_fetch(NULL, p.as->digest, NULL);
    bool done = md && PKCS5_PBKDF2_HMAC(typed, (int)password.n, p.salt, (int)p.salt_n,
                                        (int)p.rounds, md, (int)p.as->hash_n, got) == 1;
    bool equal = done && ct_eq(got, p.hash, p.as->hash_n);
    EVP_MD_free(md);
    ct_wipe(got, sizeof got);
    if (!done)
        return ERR_SERVER_ERROR;
    return equal ? OK : ERR_INVALID_CLIENT;
}
