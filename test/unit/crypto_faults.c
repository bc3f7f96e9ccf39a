/* The libraries fail, call by call: whatever crypto/ does then, it takes no failure for a result.
 *
 * The Nth call of an attempt fails, the others go through (crypto_faults.h). Each attempt is a
 * process of its own, since most failures are fatal on purpose (the library is broken or out of
 * memory) and since ciphers are fetched once per process. Behind a failed call an attempt may end
 * in two ways: with an error, or with a sentence on stderr and exit code 1. The right result would
 * mean that nobody looked, and another result is what must never be: text under a tag that was not
 * checked, a signature that does not verify, a password let in.
 *
 * The last test is the control: an attempt that does not look must be noticed.
 */
#include "crypto_faults.h"
#include "crypto_vectors.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/jws.h"
#include "crypto/password.h"
#include "crypto/seal.h"
#include "crypto/stream.h"

/* What an attempt came to; exit codes of its process. 1 is that of fatal(). */
enum outcome { RIGHT = 10, REFUSED = 11, WRONG = 12, ENDED = 1 };

static struct pkey *keys[JWS_ALGS];
static struct arena arena;

/* ---- attempts; each arms after what it needs ---- */

static enum outcome must_be(bool right)
{
    disarm();
    return right ? RIGHT : WRONG;
}

/* OK and the right thing, or an error. */
static enum outcome judge(enum err e, bool right)
{
    disarm();
    return e == OK ? must_be(right) : REFUSED;
}

static enum outcome hashes(void)
{
    struct digest want[3], got[3];
    uint8_t sha2[2][64], again[2][64];
    struct secret one, two;
    str abc = STR("abc");
    ct_secret_set(&one, "one", 3);
    ct_secret_set(&two, "two", 3);
    for (int round = 0; round < 2; round++) {
        struct digest *d = round ? got : want;
        if (round)
            arm();
        struct hasher *h = hash_open();
        hash_sha256(h, &abc, 1, &d[0]);
        hash_sha2(h, 384, abc, round ? again[0] : sha2[0]);
        hash_sha2(h, 512, abc, round ? again[1] : sha2[1]);
        hash_hmac(h, &one, abc, &d[1]);
        hash_hmac(h, &two, abc, &d[1]);
        hash_hmac(h, &two, abc, &d[2]); /* the kept context */
        hash_close(h);
    }
    return must_be(memcmp(want, got, sizeof want) == 0 && memcmp(sha2[0], again[0], 48) == 0 &&
                   memcmp(sha2[1], again[1], 64) == 0);
}

static const uint8_t raw_key[32] = "a key of thirty-two bytes, or so";

static enum outcome sealing(void)
{
    str plain, sealed, text = STR("what rests");
    arm();
    sealed = seal_put_raw(&arena, raw_key, text, STR("here"));
    disarm();
    enum err e = seal_open_raw(&arena, raw_key, sealed, STR("here"), &plain);
    return must_be(e == OK && str_eq(plain, text));
}

static enum outcome opening(void)
{
    str plain = {0}, text = STR("what rests");
    str sealed = seal_put_raw(&arena, raw_key, text, STR("here"));
    arm();
    enum err e = seal_open_raw(&arena, raw_key, sealed, STR("here"), &plain);
    return judge(e, str_eq(plain, text));
}

/* No failure lets the text out under a tag that is wrong. */
static enum outcome opening_what_was_changed(void)
{
    str plain = {0};
    str sealed = seal_put_raw(&arena, raw_key, STR("what rests"), STR("here"));
    ((char *)sealed.p)[sealed.n - 1] ^= 1;
    arm();
    enum err e = seal_open_raw(&arena, raw_key, sealed, STR("here"), &plain);
    return judge(e, false);
}

static enum outcome blocks(void)
{
    static const uint8_t key[16] = {1}, in[16] = {2};
    uint8_t out[16], back[16];
    arm();
    seal_block_encrypt(key, in, out);
    seal_block_decrypt(key, out, back);
    return must_be(memcmp(in, back, sizeof in) == 0 && memcmp(in, out, sizeof in) != 0);
}

struct file {
    size_t n, at;
    uint8_t b[2 * STREAM_CHUNK];
};

static bool sink(void *arg, const void *bytes, size_t n)
{
    struct file *f = arg;
    memcpy(f->b + f->n, bytes, n);
    f->n += n;
    return true;
}

static ssize_t source(void *arg, void *bytes, size_t n)
{
    struct file *f = arg;
    size_t take = n < f->n - f->at ? n : f->n - f->at;
    memcpy(bytes, f->b + f->at, take);
    f->at += take;
    return (ssize_t)take;
}

static struct file file;
static struct secret stream_key;
static uint8_t text[STREAM_CHUNK + 100], got[sizeof text];

static void write_stream(void)
{
    struct stream_writer *w = stream_writer_open(&stream_key, STR("head"), sink, &file);
    if (stream_write(w, str_make((const char *)text, sizeof text)) != OK || stream_finish(w) != OK)
        abort();
    stream_writer_close(w);
}

static enum err read_stream(void)
{
    struct stream_reader *r = stream_reader_open(&stream_key, STR("head"), source, &file);
    enum err e = stream_read(r, got, sizeof got);
    stream_reader_close(r);
    return e;
}

static enum outcome stream_writing(void)
{
    ct_secret_set(&stream_key, raw_key, sizeof raw_key);
    memset(text, 'x', sizeof text);
    arm();
    write_stream();
    disarm();
    return must_be(read_stream() == OK && memcmp(text, got, sizeof text) == 0);
}

static enum outcome stream_reading(void)
{
    ct_secret_set(&stream_key, raw_key, sizeof raw_key);
    memset(text, 'x', sizeof text);
    write_stream();
    arm();
    enum err e = read_stream();
    return judge(e, memcmp(text, got, sizeof text) == 0);
}

/* Without memory for argon2id nobody is told that the passphrase is wrong. */
static enum outcome passphrases(void)
{
    struct stream_seal seal = {STREAM_PASSPHRASE, 8, 1, 1, {0}, {0}};
    struct secret key;
    arm();
    enum err e = stream_seal_open(&seal, STR("of another file"), &key);
    disarm();
    return e == ERR_WRONG_PASSWORD ? RIGHT : e == ERR_UNAVAILABLE ? REFUSED : WRONG;
}

/* What one context signs, it verifies. */
static enum outcome sign(enum jws_alg alg)
{
    uint8_t signature[512];
    size_t n = sizeof signature;
    arm();
    struct jws_ctx *ctx = jws_open(alg, keys[alg]);
    enum err e = jws_sign(ctx, STR("text"), signature, &n);
    if (e == OK)
        e = jws_verify(ctx, STR("text"), str_make((const char *)signature, n));
    jws_close(ctx);
    return judge(e, true);
}

static enum outcome forge(enum jws_alg alg)
{
    uint8_t signature[512];
    size_t n = sizeof signature;
    struct jws_ctx *ctx = jws_open(alg, keys[alg]);
    if (jws_sign(ctx, STR("text"), signature, &n) != OK)
        abort();
    jws_close(ctx);
    arm();
    ctx = jws_open(alg, keys[alg]);
    enum err e = jws_verify(ctx, STR("other"), str_make((const char *)signature, n));
    jws_close(ctx);
    return judge(e, false);
}

static enum outcome take_in(enum jws_alg alg)
{
    char storage[2048];
    struct buf b;
    struct json *jwk;
    struct pkey *key = NULL;
    buf_fixed(&b, storage, sizeof storage);
    jwk_write_public(&b, keys[alg]);
    if (json_parse(&arena, buf_str(&b), &jwk) != OK)
        abort();
    arm();
    enum err e = jwk_parse_public(jwk, alg, &key);
    disarm();
    return judge(e,
                 e == OK && str_eq(jwk_thumbprint(&arena, key), jwk_thumbprint(&arena, keys[alg])));
}

static enum outcome show(enum jws_alg alg)
{
    char storage[2][2048];
    struct buf b[2];
    for (int i = 0; i < 2; i++) {
        if (i)
            arm();
        buf_fixed(&b[i], storage[i], sizeof storage[i]);
        jwk_write_public(&b[i], keys[alg]);
    }
    return must_be(str_eq(buf_str(&b[0]), buf_str(&b[1])));
}

static enum outcome keep(enum jws_alg alg)
{
    struct pkey *key = NULL;
    str want = jwk_private_der(&arena, keys[alg]);
    arm();
    str der = jwk_private_der(&arena, keys[alg]);
    enum err e = jwk_from_private_der(alg, der, &key);
    return judge(e, str_eq(want, der));
}

static enum outcome publish(enum jws_alg alg)
{
    struct pkey *key = NULL;
    str want = jwk_public_der(&arena, keys[alg]);
    arm();
    str der = jwk_public_der(&arena, keys[alg]);
    enum err e = jwk_from_public_der(alg, der, &key);
    return judge(e, str_eq(want, der));
}

#define OF_ALG(alg, name)                                                                          \
    static enum outcome sign_##name(void)                                                          \
    {                                                                                              \
        return sign(alg);                                                                          \
    }                                                                                              \
    static enum outcome forge_##name(void)                                                         \
    {                                                                                              \
        return forge(alg);                                                                         \
    }                                                                                              \
    static enum outcome take_in_##name(void)                                                       \
    {                                                                                              \
        return take_in(alg);                                                                       \
    }                                                                                              \
    static enum outcome show_##name(void)                                                          \
    {                                                                                              \
        return show(alg);                                                                          \
    }                                                                                              \
    static enum outcome keep_##name(void)                                                          \
    {                                                                                              \
        return keep(alg);                                                                          \
    }                                                                                              \
    static enum outcome publish_##name(void)                                                       \
    {                                                                                              \
        return publish(alg);                                                                       \
    }

OF_ALG(JWS_ES256, es256)
OF_ALG(JWS_RS256, rs256)
OF_ALG(JWS_PS256, ps256)
OF_ALG(JWS_EDDSA, eddsa)

/* A library that fails is no wrong password: whoever types the right one is not counted against. */
static enum outcome log_in(const char *encoded)
{
    arm();
    enum err e = password_verify(&arena, str_from(encoded), STR("password"));
    disarm();
    return e == OK ? RIGHT : e == ERR_SERVER_ERROR ? REFUSED : WRONG;
}

static char ours[256], crypted[256];

static enum outcome argon2(void)
{
    return log_in(ours);
}

static enum outcome crypts(void)
{
    return log_in(crypted);
}

static enum outcome pbkdf2(void)
{
    /* by Python's hashlib, as is that of scrypt below */
    return log_in("pbkdf2_sha256$1000$salt$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM=");
}

static enum outcome scrypt(void)
{
    return log_in("$scrypt$ln=4,r=8,p=1$c2FsdA$+HYXj5SDfYch7J15Sl5iMoPpJ0qEbcC/2kIzoB17pos");
}

static enum outcome hash_password(void)
{
    str encoded = {0};
    arm();
    enum err e = password_hash(&arena, STR("password"), &encoded);
    return judge(e, e == OK && password_is_ours(encoded));
}

/* ---- the attempts, one failing call after the other ---- */

struct attempt {
    const char *name;
    enum outcome (*run)(void);
    enum outcome whole; /* when nothing fails */
};

/* One in a process of its own: how it ended, and what it wrote to stderr. */
static int run(const struct attempt *a, int call, char said[200])
{
    int pipe_of[2], status;
    assert_int_equal(pipe(pipe_of), 0);
    fflush(NULL);
    *fired = NULL;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(pipe_of[1], 2);
        wanted_call = call;
        _exit(a->run());
    }
    close(pipe_of[1]);
    ssize_t n, at = 0;
    while (at < 199 && (n = read(pipe_of[0], said + at, 199 - (size_t)at)) > 0)
        at += n;
    said[at] = 0;
    close(pipe_of[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* NULL, or what is wrong with how the attempt ended behind a failed call. */
static const char *wrong_end(int how, const char *said)
{
    if (how == REFUSED || (how == ENDED && strncmp(said, "postern: ", 9) == 0))
        return NULL;
    return how == RIGHT ? "nobody looked" : how == WRONG ? "a wrong result" : "ended otherwise";
}

static void fail_every_call(const struct attempt *a)
{
    char said[200];
    for (int call = 1;; call++) {
        int how = run(a, call, said);
        if (!*fired) {
            if (how != (int)a->whole)
                fail_msg("%s: without a failure it ended with %d: %s", a->name, how, said);
            assert_true(call > 1); /* else nothing was tried */
            return;
        }
        const char *wrong = wrong_end(how, said);
        if (wrong)
            fail_msg("%s: %s (call %d) failed: %s (%d): %s", a->name, *fired, call, wrong, how,
                     said);
    }
}

static void each(const struct attempt *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fail_every_call(&list[i]);
}

#define EACH(list) each(list, sizeof list / sizeof *list)
#define RIGHT_OF(name)                                                                             \
    {                                                                                              \
#name, name, RIGHT                                                                         \
    }
#define ALGS(what)                                                                                 \
    RIGHT_OF(what##_es256), RIGHT_OF(what##_rs256), RIGHT_OF(what##_ps256), RIGHT_OF(what##_eddsa)

static void hashing_gives_the_right_digest_or_none(void **state)
{
    static const struct attempt list[] = {RIGHT_OF(hashes)};
    (void)state;
    EACH(list);
}

static void no_text_leaves_a_seal_unchecked(void **state)
{
    static const struct attempt list[] = {
        RIGHT_OF(sealing),
        RIGHT_OF(opening),
        RIGHT_OF(blocks),
        RIGHT_OF(stream_writing),
        RIGHT_OF(stream_reading),
        RIGHT_OF(passphrases),
        {"opening_what_was_changed", opening_what_was_changed, REFUSED}};
    (void)state;
    EACH(list);
}

static void signatures_are_right_or_none(void **state)
{
    static const struct attempt list[] = {ALGS(sign)};
    static const struct attempt forged[] = {{"forge_es256", forge_es256, REFUSED},
                                            {"forge_rs256", forge_rs256, REFUSED},
                                            {"forge_ps256", forge_ps256, REFUSED},
                                            {"forge_eddsa", forge_eddsa, REFUSED}};
    (void)state;
    EACH(list);
    EACH(forged);
}

static void keys_are_read_and_written_whole(void **state)
{
    static const struct attempt list[] = {ALGS(take_in), ALGS(show), ALGS(keep), ALGS(publish)};
    (void)state;
    EACH(list);
}

static void a_failing_library_is_no_wrong_password(void **state)
{
    static const struct attempt list[] = {RIGHT_OF(argon2), RIGHT_OF(crypts), RIGHT_OF(pbkdf2),
                                          RIGHT_OF(scrypt), RIGHT_OF(hash_password)};
    (void)state;
    EACH(list);
}

/* ---- the control ---- */

static enum outcome looks_at_nothing(void)
{
    struct digest d, want;
    struct hasher *h = hash_open();
    str abc = STR("abc");
    hash_sha256(h, &abc, 1, &want);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_DigestInit_ex2(ctx, md, NULL);
    arm();
    EVP_DigestUpdate(ctx, abc.p, abc.n);
    disarm();
    EVP_DigestFinal_ex(ctx, d.b, NULL);
    return must_be(memcmp(&d, &want, sizeof d) == 0);
}

static enum outcome tries_twice(void)
{
    arm();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx)
        ctx = EVP_MD_CTX_new();
    return must_be(ctx != NULL);
}

static void what_does_not_look_is_noticed(void **state)
{
    static const struct attempt blind = RIGHT_OF(looks_at_nothing), again = RIGHT_OF(tries_twice);
    char said[200];
    (void)state;
    int how = run(&blind, 1, said);
    assert_string_equal(*fired, "EVP_DigestUpdate");
    assert_string_equal(wrong_end(how, said), "a wrong result");
    assert_int_equal(run(&blind, 2, said), RIGHT);
    assert_null(*fired);
    how = run(&again, 1, said);
    assert_string_equal(wrong_end(how, said), "nobody looked");
}

static int set_up(void **state)
{
    static struct crypt_data data;
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    str encoded;
    (void)state;
    arena_init(&arena, 64 << 20);
    fired = mmap(NULL, sizeof *fired, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(fired != MAP_FAILED);
    for (int i = 0; i < JWS_ALGS; i++)
        keys[i] = jwk_generate((enum jws_alg)i);
    assert_int_equal(password_hash(&arena, STR("password"), &encoded), OK);
    snprintf(ours, sizeof ours, "%.*s", STR_ARG(encoded));
    /* (libcrypt is linked for this call alone: crypt_r stands above) */
    assert_non_null(crypt_gensalt_rn("$2b$", 4, NULL, 0, setting, sizeof setting));
    snprintf(crypted, sizeof crypted, "%s", crypt_r("password", setting, &data));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < JWS_ALGS; i++)
        jwk_free(keys[i]);
    arena_free(&arena);
    munmap(fired, sizeof *fired);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashing_gives_the_right_digest_or_none),
        cmocka_unit_test(no_text_leaves_a_seal_unchecked),
        cmocka_unit_test(signatures_are_right_or_none),
        cmocka_unit_test(keys_are_read_and_written_whole),
        cmocka_unit_test(a_failing_library_is_no_wrong_password),
        cmocka_unit_test(what_does_not_look_is_noticed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
