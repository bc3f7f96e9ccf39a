/* crypto: what each operation of crypto/ costs, in nanoseconds of one thread.
 *
 *     make && cc -O2 -std=gnu17 -D_GNU_SOURCE -Isrc test/bench/crypto.c -o /tmp/bench-crypto \
 *         -Wl,--start-group build/release/libcrypto.a build/release/libcodec.a \
 *         build/release/libbase.a -Wl,--end-group -lcrypto -ljansson -largon2 -lpthread
 *
 * Each line is the best of seven rounds of 50 ms: on a shared machine the best round is the one
 * that was disturbed least.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/jwt.h"
#include "crypto/seal.h"

#define ROUNDS   7
#define ROUND_US 50000

struct bench {
    struct arena a; /* reset after each operation that uses it */
    struct hasher *hasher;
    struct signer *signer;
    enum jws_alg alg;
    struct secret pepper;
    uint8_t signature[512];
    size_t signature_n;
    str input, jwt;
    char out[4096];
};

typedef void operation(struct bench *b);

static void must(bool ok)
{
    if (!ok) {
        fputs("an operation failed\n", stderr);
        exit(1);
    }
}

static double one_round(struct bench *b, operation *op)
{
    int64_t start = clock_mono_us(), now;
    size_t n = 0;
    do {
        for (int i = 0; i < 16; i++)
            op(b);
        n += 16;
        now = clock_mono_us();
    } while (now - start < ROUND_US);
    return (double)(now - start) * 1000 / (double)n;
}

static void measure(struct bench *b, const char *name, const char *what, operation *op)
{
    double best = 1e18;
    for (int i = 0; i < ROUNDS; i++) {
        double t = one_round(b, op);
        best = t < best ? t : best;
    }
    printf("%-6s %-28s %10.0f ns\n", name, what, best);
}

static const struct key *key_of(struct bench *b)
{
    return keyring_active(signer_ring(b->signer), KEY_SIGNING, b->alg);
}

static void sha256_40(struct bench *b)
{
    struct digest d;
    str s = str_make(b->out, 40);
    hash_sha256(b->hasher, &s, 1, &d);
}

static void hmac_43(struct bench *b)
{
    struct digest d;
    hash_hmac(b->hasher, &b->pepper, str_make(b->out, 43), &d);
}

static void hkdf_32(struct bench *b)
{
    uint8_t key[32];
    hash_hkdf(b->hasher, str_make(b->out, 20), str_make(NULL, 0), STR("successor"), key, 32);
}

static void seal_100(struct bench *b)
{
    str out, sealed = seal_put_raw(&b->a, b->pepper.b, str_make(b->out, 100), STR("token"));
    must(seal_open_raw(&b->a, b->pepper.b, sealed, STR("token"), &out) == OK);
    arena_reset(&b->a);
}

static void block(struct bench *b)
{
    uint8_t out[16];
    seal_block_encrypt(b->pepper.b, b->pepper.b, out);
}

static void sign(struct bench *b)
{
    b->signature_n = sizeof b->signature;
    must(jws_sign(signer_ctx(b->signer, key_of(b)), b->input, b->signature, &b->signature_n) == OK);
}

static void verify(struct bench *b)
{
    str s = str_make((const char *)b->signature, b->signature_n);
    must(jws_verify(signer_ctx(b->signer, key_of(b)), b->input, s) == OK);
}

#define CLAIMS                                                                                     \
    "{\"iss\":\"https://as.example.com\",\"sub\":\"OQ0123456789abcdef0123456789abcdef\","          \
    "\"aud\":\"https://as.example.com\",\"exp\":1800003600,\"iat\":1800000000,"                    \
    "\"jti\":\"65f0c0a80123456789abcdef\",\"client_id\":\"OQ0123456789abcdef0123456789abcdef\","   \
    "\"scope\":\"read write\",\"epoch\":0}"

static void write_jwt(struct bench *b)
{
    struct buf out;
    buf_fixed(&out, b->out, sizeof b->out);
    must(jwt_sign(b->signer, key_of(b), STR("at+jwt"), STR(CLAIMS), &out) == OK);
    b->jwt = buf_str(&out);
}

static void parse_jwt(struct bench *b)
{
    struct jwt jwt;
    must(jwt_parse(&b->a, b->jwt, &jwt) == OK);
    arena_reset(&b->a);
}

static void read_jwt(struct bench *b)
{
    struct jwt jwt;
    must(jwt_parse(&b->a, b->jwt, &jwt) == OK);
    must(jwt_verify(b->signer, &jwt, STR("at+jwt")) == OK);
    arena_reset(&b->a);
}

static struct keyring *make_ring(void)
{
    struct key *keys = calloc(JWS_ALGS, sizeof *keys);
    for (int i = 0; i < JWS_ALGS; i++) {
        keys[i].id = uid_new();
        keys[i].use = KEY_SIGNING;
        keys[i].state = KEY_ACTIVE;
        keys[i].alg = (enum jws_alg)i;
        keys[i].pkey = jwk_generate((enum jws_alg)i);
    }
    return keyring_new(keys, JWS_ALGS);
}

int main(void)
{
    static struct bench b;
    struct keyring *ring = make_ring();
    arena_init(&b.a, 1 << 20);
    b.hasher = hash_open();
    b.signer = signer_open(ring, NULL);
    b.input = str_make(CLAIMS CLAIMS, 400);
    ct_secret_set(&b.pepper, "0123456789abcdef0123456789abcdef", 32);
    measure(&b, "", "SHA-256 of 40 bytes", sha256_40);
    measure(&b, "", "HMAC of 43 bytes", hmac_43);
    measure(&b, "", "HKDF, 32 bytes", hkdf_32);
    measure(&b, "", "seal and open 100 bytes", seal_100);
    measure(&b, "", "AES block", block);
    for (int i = 0; i < JWS_ALGS; i++) {
        const char *name = jws_algs[i].name;
        b.alg = (enum jws_alg)i;
        measure(&b, name, "sign", sign);
        measure(&b, name, "verify", verify);
        measure(&b, name, "jwt_sign", write_jwt);
        measure(&b, name, "jwt_parse", parse_jwt);
        measure(&b, name, "jwt_parse and jwt_verify", read_jwt);
    }
    signer_close(b.signer);
    keyring_unref(ring);
    hash_close(b.hasher);
    arena_free(&b.a);
    return 0;
}
