/* Fuzzes jwt_parse and jwt_verify.
 *
 * The first byte chooses: the rest is a token; or header, payload and signature are the three
 * lines of the rest, encoded here, so that the fuzzer need not learn base64url first; or they are
 * truly signed. No input may crash, and none may verify that was not signed.
 */
#include <stdlib.h>

#include "codec/b64url.h"
#include "crypto/jwt.h"
#include "crypto/signer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct signer *signer;

static void open_signer(void)
{
    struct key *keys = calloc(2, sizeof *keys);
    static const enum jws_alg algs[] = {JWS_ES256, JWS_EDDSA};
    for (int i = 0; i < 2; i++) {
        keys[i].id.b[0] = (uint8_t)i; /* known kids: "IC" and mostly zeros */
        keys[i].use = KEY_SIGNING;
        keys[i].state = KEY_ACTIVE;
        keys[i].alg = algs[i];
        keys[i].pkey = jwk_generate(algs[i]);
    }
    struct keyring *ring = keyring_new(keys, 2);
    signer = signer_open(ring, NULL);
    keyring_unref(ring);
}

static void put_lines(struct buf *out, str text)
{
    str header, payload, signature;
    str_cut(text, '\n', &header, &text);
    str_cut(text, '\n', &payload, &signature);
    b64url_write(out, header.p, header.n);
    buf_char(out, '.');
    b64url_write(out, payload.p, payload.n);
    buf_char(out, '.');
    b64url_write(out, signature.p, signature.n);
}

/* What we sign must come back whole whenever the claims are such that it may. */
static void sign_and_read(struct arena *a, str claims)
{
    struct buf b;
    struct jwt jwt;
    const struct key *key = keyring_active(signer_ring(signer), KEY_SIGNING, JWS_ES256);
    buf_init(&b, a, 1024, 1 << 20);
    if (jwt_sign(signer, key, STR("at+jwt"), claims, &b) != OK)
        abort();
    if (jwt_parse(a, buf_str(&b), &jwt) != OK)
        return;
    int64_t exp_s;
    bool has_exp = jwt_time(&jwt, STR("exp"), &exp_s);
    if ((jwt_verify(signer, &jwt, STR("at+jwt")) == OK) != has_exp)
        abort();
    if (jwt_verify(signer, &jwt, STR("logout+jwt")) == OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct jwt jwt;
    struct buf b;
    if (size == 0)
        return 0;
    if (!signer)
        open_signer();
    arena_init(&a, 32 << 20);
    str rest = str_make((const char *)data + 1, size - 1);
    if (data[0] % 3 == 2) {
        sign_and_read(&a, rest);
    } else {
        buf_init(&b, &a, 1024, 1 << 20);
        if (data[0] % 3 == 0)
            buf_put(&b, rest);
        else
            put_lines(&b, rest);
        if (jwt_parse(&a, buf_str(&b), &jwt) == OK && jwt_verify(signer, &jwt, STR("at+jwt")) == OK)
            abort(); /* a forgery */
    }
    arena_free(&a);
    return 0;
}
