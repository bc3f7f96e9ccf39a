/* crypto_faults: libcrypto, libargon2 and libcrypt whose Nth call fails.
 *
 * Every function of theirs that can fail is defined here once more, in front of the library's: the
 * Nth call since arm() fails as the manual says it does, the others go through. Calls that a
 * library makes of itself do not count. For one test program; a new function is one FAULTY more.
 */
#ifndef TEST_CRYPTO_FAULTS_H
#define TEST_CRYPTO_FAULTS_H

#include <argon2.h>
#include <crypt.h>
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdbool.h>

static int fail_at;        /* the call that fails, from 1; 0: none */
static int calls;          /* since arm() */
static const char **fired; /* shared with the parent: the function that failed */

extern const char __executable_start, etext;

/* Calls that the library makes of itself are its own business. */
static bool is_of_program(const void *caller)
{
    return (const char *)caller >= &__executable_start && (const char *)caller < &etext;
}

static bool fails(const char *name, const void *caller)
{
    if (fail_at == 0 || !is_of_program(caller) || ++calls != fail_at)
        return false;
    *fired = name;
    return true;
}

static int wanted_call;

static void arm(void)
{
    fail_at = wanted_call;
    calls = 0;
}

static void disarm(void)
{
    fail_at = 0;
}

static void *library(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    if (!f) {
        fprintf(stderr, "no %s in any library\n", name);
        abort();
    }
    return f;
}

#define FAULTY(type, name, params, args, failure)                                                  \
    type name params                                                                               \
    {                                                                                              \
        type(*real) params;                                                                        \
        *(void **)&real = library(#name);                                                          \
        if (fails(#name, __builtin_return_address(0)))                                             \
            return failure;                                                                        \
        return real args;                                                                          \
    }

FAULTY(EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX * l, const char *n, const char *p), (l, n, p), NULL)
FAULTY(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
FAULTY(int, EVP_DigestInit_ex2, (EVP_MD_CTX * c, const EVP_MD *t, const OSSL_PARAM *p), (c, t, p),
       0)
FAULTY(int, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *d, size_t n), (c, d, n), 0)
FAULTY(int, EVP_DigestFinal_ex, (EVP_MD_CTX * c, unsigned char *m, unsigned int *n), (c, m, n), 0)
FAULTY(EVP_MAC *, EVP_MAC_fetch, (OSSL_LIB_CTX * l, const char *n, const char *p), (l, n, p), NULL)
FAULTY(EVP_MAC_CTX *, EVP_MAC_CTX_new, (EVP_MAC * m), (m), NULL)
FAULTY(int, EVP_MAC_init, (EVP_MAC_CTX * c, const unsigned char *k, size_t n, const OSSL_PARAM *p),
       (c, k, n, p), 0)
FAULTY(int, EVP_MAC_update, (EVP_MAC_CTX * c, const unsigned char *d, size_t n), (c, d, n), 0)
FAULTY(int, EVP_MAC_final, (EVP_MAC_CTX * c, unsigned char *o, size_t *n, size_t room),
       (c, o, n, room), 0)
FAULTY(EVP_CIPHER *, EVP_CIPHER_fetch, (OSSL_LIB_CTX * l, const char *n, const char *p), (l, n, p),
       NULL)
FAULTY(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL)
FAULTY(int, EVP_CipherInit_ex2,
       (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, const unsigned char *k, const unsigned char *iv,
        int enc, const OSSL_PARAM *p),
       (c, t, k, iv, enc, p), 0)
FAULTY(int, EVP_EncryptInit_ex2,
       (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, const unsigned char *k, const unsigned char *iv,
        const OSSL_PARAM *p),
       (c, t, k, iv, p), 0)
FAULTY(int, EVP_DecryptInit_ex2,
       (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, const unsigned char *k, const unsigned char *iv,
        const OSSL_PARAM *p),
       (c, t, k, iv, p), 0)
#define CIPHER_UPDATE                                                                              \
    (EVP_CIPHER_CTX * c, unsigned char *out, int *n, const unsigned char *in, int in_n)
FAULTY(int, EVP_CipherUpdate, CIPHER_UPDATE, (c, out, n, in, in_n), 0)
FAULTY(int, EVP_EncryptUpdate, CIPHER_UPDATE, (c, out, n, in, in_n), 0)
FAULTY(int, EVP_DecryptUpdate, CIPHER_UPDATE, (c, out, n, in, in_n), 0)
FAULTY(int, EVP_EncryptFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *o, int *n), (c, o, n), 0)
FAULTY(int, EVP_DecryptFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *o, int *n), (c, o, n), 0)
FAULTY(int, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX * c, int t, int n, void *p), (c, t, n, p), 0)
FAULTY(int, EVP_CIPHER_CTX_set_padding, (EVP_CIPHER_CTX * c, int pad), (c, pad), 0)
FAULTY(int, EVP_PKEY_up_ref, (EVP_PKEY * k), (k), 0)
FAULTY(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_pkey, (OSSL_LIB_CTX * l, EVP_PKEY *k, const char *p),
       (l, k, p), NULL)
FAULTY(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_name, (OSSL_LIB_CTX * l, const char *n, const char *p),
       (l, n, p), NULL)
FAULTY(int, EVP_PKEY_sign_init, (EVP_PKEY_CTX * c), (c), 0)
FAULTY(int, EVP_PKEY_verify_init, (EVP_PKEY_CTX * c), (c), 0)
FAULTY(int, EVP_PKEY_CTX_set_rsa_padding, (EVP_PKEY_CTX * c, int pad), (c, pad), 0)
FAULTY(int, EVP_PKEY_CTX_set_signature_md, (EVP_PKEY_CTX * c, const EVP_MD *m), (c, m), 0)
FAULTY(int, EVP_PKEY_CTX_set_rsa_mgf1_md, (EVP_PKEY_CTX * c, const EVP_MD *m), (c, m), 0)
FAULTY(int, EVP_PKEY_CTX_set_rsa_pss_saltlen, (EVP_PKEY_CTX * c, int n), (c, n), 0)
FAULTY(int, EVP_PKEY_sign,
       (EVP_PKEY_CTX * c, unsigned char *s, size_t *n, const unsigned char *d, size_t dn),
       (c, s, n, d, dn), 0)
FAULTY(int, EVP_PKEY_verify,
       (EVP_PKEY_CTX * c, const unsigned char *s, size_t n, const unsigned char *d, size_t dn),
       (c, s, n, d, dn), -1)
FAULTY(int, EVP_DigestSignInit,
       (EVP_MD_CTX * c, EVP_PKEY_CTX **p, const EVP_MD *t, ENGINE *e, EVP_PKEY *k), (c, p, t, e, k),
       0)
FAULTY(int, EVP_DigestVerifyInit,
       (EVP_MD_CTX * c, EVP_PKEY_CTX **p, const EVP_MD *t, ENGINE *e, EVP_PKEY *k), (c, p, t, e, k),
       0)
FAULTY(int, EVP_DigestSign,
       (EVP_MD_CTX * c, unsigned char *s, size_t *n, const unsigned char *d, size_t dn),
       (c, s, n, d, dn), 0)
FAULTY(int, EVP_DigestVerify,
       (EVP_MD_CTX * c, const unsigned char *s, size_t n, const unsigned char *d, size_t dn),
       (c, s, n, d, dn), -1)
FAULTY(int, EVP_PKEY_fromdata_init, (EVP_PKEY_CTX * c), (c), 0)
FAULTY(int, EVP_PKEY_fromdata, (EVP_PKEY_CTX * c, EVP_PKEY **k, int what, OSSL_PARAM *p),
       (c, k, what, p), 0)
FAULTY(int, EVP_PKEY_is_a, (const EVP_PKEY *k, const char *n), (k, n), 0)
FAULTY(int, EVP_PKEY_get_group_name, (const EVP_PKEY *k, char *g, size_t room, size_t *n),
       (k, g, room, n), 0)
FAULTY(int, EVP_PKEY_get_bn_param, (const EVP_PKEY *k, const char *n, BIGNUM **b), (k, n, b), 0)
FAULTY(int, EVP_PKEY_get_raw_public_key, (const EVP_PKEY *k, unsigned char *p, size_t *n),
       (k, p, n), 0)
FAULTY(EVP_PKEY *, EVP_PKEY_new_raw_public_key_ex,
       (OSSL_LIB_CTX * l, const char *t, const char *q, const unsigned char *k, size_t n),
       (l, t, q, k, n), NULL)
FAULTY(PKCS8_PRIV_KEY_INFO *, EVP_PKEY2PKCS8, (const EVP_PKEY *k), (k), NULL)
FAULTY(EVP_PKEY *, EVP_PKCS82PKEY, (const PKCS8_PRIV_KEY_INFO *i), (i), NULL)
FAULTY(int, i2d_PKCS8_PRIV_KEY_INFO, (const PKCS8_PRIV_KEY_INFO *i, unsigned char **o), (i, o), -1)
FAULTY(PKCS8_PRIV_KEY_INFO *, d2i_PKCS8_PRIV_KEY_INFO,
       (PKCS8_PRIV_KEY_INFO * *i, const unsigned char **p, long n), (i, p, n), NULL)
FAULTY(int, i2d_PUBKEY, (const EVP_PKEY *k, unsigned char **o), (k, o), -1)
FAULTY(EVP_PKEY *, d2i_PUBKEY, (EVP_PKEY * *k, const unsigned char **p, long n), (k, p, n), NULL)
FAULTY(BIGNUM *, BN_bin2bn, (const unsigned char *s, int n, BIGNUM *r), (s, n, r), NULL)
FAULTY(int, BN_bn2binpad, (const BIGNUM *b, unsigned char *o, int n), (b, o, n), -1)
FAULTY(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_new, (void), (), NULL)
FAULTY(int, OSSL_PARAM_BLD_push_BN, (OSSL_PARAM_BLD * b, const char *n, const BIGNUM *v), (b, n, v),
       0)
FAULTY(OSSL_PARAM *, OSSL_PARAM_BLD_to_param, (OSSL_PARAM_BLD * b), (b), NULL)
FAULTY(int, PKCS5_PBKDF2_HMAC,
       (const char *p, int pn, const unsigned char *s, int sn, int it, const EVP_MD *m, int n,
        unsigned char *o),
       (p, pn, s, sn, it, m, n, o), 0)
FAULTY(int, EVP_PBE_scrypt,
       (const char *p, size_t pn, const unsigned char *s, size_t sn, uint64_t n, uint64_t r,
        uint64_t lanes, uint64_t most, unsigned char *k, size_t kn),
       (p, pn, s, sn, n, r, lanes, most, k, kn), 0)
FAULTY(int, argon2id_hash_raw,
       (uint32_t t, uint32_t m, uint32_t l, const void *p, size_t pn, const void *s, size_t sn,
        void *h, size_t hn),
       (t, m, l, p, pn, s, sn, h, hn), ARGON2_MEMORY_ALLOCATION_ERROR)
FAULTY(int, argon2id_hash_encoded,
       (uint32_t t, uint32_t m, uint32_t l, const void *p, size_t pn, const void *s, size_t sn,
        size_t hn, char *e, size_t en),
       (t, m, l, p, pn, s, sn, hn, e, en), ARGON2_MEMORY_ALLOCATION_ERROR)
FAULTY(int, argon2_verify, (const char *e, const void *p, size_t pn, argon2_type t), (e, p, pn, t),
       ARGON2_MEMORY_ALLOCATION_ERROR)
FAULTY(char *, crypt_r, (const char *p, const char *s, struct crypt_data *d), (p, s, d), NULL)

#endif
