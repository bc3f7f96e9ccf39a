/* password_crypt: bcrypt ($2a$, $2b$, $2y$), scrypt ($7$) and yescrypt ($y$) by crypt(3).
 *
 * The setting is read before the library sees it, since it says how much work and memory follows.
 * crypt(3) takes a string that ends at NUL, bcrypt the first 72 bytes of it: a password that it
 * would cut is not the one that was meant, so it matches nothing (security.md 66); the work is done
 * all the same, so that time does not tell which kind of hash an account has.
 * Left out on purpose: the $y$ settings with optional parameters, which no system makes by default,
 * and the hashes of crypt(3) that cost nothing to guess (DES, MD5, SHA-crypt).
 */
#include "crypto/password_kind.h"

#include <crypt.h>
#include <stdlib.h>

#include "base/heap.h"

#define BCRYPT_BYTES   72
#define BCRYPT_CHARS   60
#define BCRYPT_COST    14
#define SCRYPT_WORK    (1LL << 22) /* N * r * p; the usual 2^14 * 8 takes 50 ms */
#define HASH_CHARS     43          /* 256 bits */
#define YESCRYPT_SCALE 47          /* values that one character says */

static const char itoa64[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* The value of a character, or -1. */
static int value_of(char c)
{
    const char *at = c ? strchr(itoa64, c) : NULL;
    return at ? (int)(at - itoa64) : -1;
}

static bool is_of_alphabet(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (value_of(s.p[i]) < 0)
            return false;
    return true;
}

/* $2b$12$ and 53 characters. */
bool password_crypt_bcrypt(str encoded)
{
    int64_t cost;
    return encoded.n == BCRYPT_CHARS && strchr("aby", encoded.p[2]) && encoded.p[3] == '$' &&
           encoded.p[6] == '$' && str_i64(str_sub(encoded, 4, 6), 4, BCRYPT_COST, &cost) &&
           is_of_alphabet(str_sub(encoded, 7, encoded.n));
}

/* salt$hash */
static bool is_salted_hash(str s, size_t salt_max)
{
    str salt, hash;
    return str_cut(s, '$', &salt, &hash) && salt.n <= salt_max && is_of_alphabet(salt) &&
           hash.n == HASH_CHARS && is_of_alphabet(hash);
}

/* 30 bits in five characters, the lowest first. */
static int64_t read_30(str s)
{
    int64_t v = 0;
    for (size_t i = s.n; i-- > 0;)
        v = v * 64 + value_of(s.p[i]);
    return v;
}

/* $7$, log2 N, r, p, salt$hash. */
bool password_crypt_scrypt(str encoded)
{
    if (encoded.n < 14 || !is_of_alphabet(str_sub(encoded, 3, 14)))
        return false;
    int64_t log_n = value_of(encoded.p[3]);
    int64_t r = read_30(str_sub(encoded, 4, 9)), p = read_30(str_sub(encoded, 9, 14));
    return log_n >= 1 && log_n <= 22 && r >= 1 && r <= 1024 && p >= 1 && p <= 1024 &&
           ((r * p) << log_n) <= SCRYPT_WORK && ((128 * r) << log_n) <= PASSWORD_MEMORY_MAX &&
           is_salted_hash(str_sub(encoded, 14, encoded.n), 128);
}

/* $y$j, log2 N - 1, r - 1, $salt$hash. */
bool password_crypt_yescrypt(str encoded)
{
    if (!str_starts(encoded, STR("$y$j")) || encoded.n < 7 || encoded.p[6] != '$')
        return false;
    int64_t log_n = value_of(encoded.p[4]) + 1, r = value_of(encoded.p[5]) + 1;
    return log_n >= 2 && log_n <= 22 && r >= 1 && r <= YESCRYPT_SCALE &&
           ((128 * r) << log_n) <= PASSWORD_MEMORY_MAX &&
           is_salted_hash(str_sub(encoded, 7, encoded.n), 86);
}

enum err password_crypt_verify(struct arena *a, str encoded, str password)
{
    size_t max = str_starts(encoded, STR("$2")) ? BCRYPT_BYTES : CRYPT_MAX_PASSPHRASE_SIZE - 1;
    bool whole = password.n <= max && str_find(password, '\0', 0) == password.n;
    struct crypt_data *data = heap_get(sizeof *data);
    char *typed = whole ? arena_cstr(a, password) : arena_cstr(a, STR("x"));
    char *got = crypt_r(typed, arena_cstr(a, encoded), data);
    bool computed = got && strlen(got) == encoded.n;
    bool equal = computed && ct_eq(got, encoded.p, encoded.n);
    ct_wipe(data, sizeof *data);
    heap_free(data);
    if (!computed)
        return ERR_SERVER_ERROR;
    return equal && whole ? OK : ERR_INVALID_CLIENT;
}
