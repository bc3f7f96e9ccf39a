/* stream: sealed chunks of a file, in both directions.
 *
 * The reader must know which chunk is the last before it opens it, so it reads one byte further
 * than a chunk: at the end of the file there is none. Nothing of a chunk is handed out before its
 * tag is right. A chunk is never empty but in a stream that is empty, so there is one spelling of
 * each text. Memory: two chunks a stream.
 *
 * The check is derived as the key is, for another purpose, so it tells nothing of the key; against
 * guesses of a passphrase it helps no more than the first chunk does.
 */
#include "crypto/stream.h"

#include <argon2.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/rand.h"
#include "crypto/hash.h"

#define NONCE      12
#define SEALED     (STREAM_CHUNK + STREAM_TAG)
#define MEMORY_KIB (64 * 1024) /* RFC 9106 4, the second recommendation */
#define PASSES     3
#define LANES      4

struct box {
    EVP_CIPHER_CTX *ctx;
    EVP_CIPHER *cipher;
    uint8_t key[STREAM_KEY_BYTES];
    struct digest head;
    uint64_t chunk; /* number of the next one */
};

struct stream_writer {
    struct box box;
    stream_sink *sink;
    void *arg;
    size_t n; /* bytes in plain */
    uint8_t plain[STREAM_CHUNK];
    uint8_t sealed[SEALED];
};

struct stream_reader {
    struct box box;
    stream_source *source;
    void *arg;
    enum err e;
    bool last;       /* the chunk in plain is the last one */
    size_t at, n;    /* of plain: handed out, there */
    size_t n_sealed; /* bytes in sealed */
    uint8_t plain[STREAM_CHUNK];
    uint8_t sealed[SEALED + 1];
};

static enum err stretch(const struct stream_seal *seal, str secret, uint8_t out[STREAM_KEY_BYTES])
{
    if (seal->secret == STREAM_KEY) {
        memcpy(out, secret.p, STREAM_KEY_BYTES);
        return OK;
    }
    int rc = argon2id_hash_raw(seal->passes, seal->memory_kib, seal->lanes, secret.p, secret.n,
                               seal->salt, sizeof seal->salt, out, STREAM_KEY_BYTES);
    return rc == ARGON2_OK ? OK : ERR_UNAVAILABLE;
}

static bool is_allowed(const struct stream_seal *seal, str secret)
{
    if (seal->secret == STREAM_KEY)
        return secret.n == STREAM_KEY_BYTES;
    return seal->lanes >= 1 && seal->lanes <= STREAM_LANES_MAX && seal->passes >= 1 &&
           seal->passes <= STREAM_PASSES_MAX && seal->memory_kib >= 8 * seal->lanes &&
           seal->memory_kib <= STREAM_MEMORY_KIB_MAX && secret.n <= UINT32_MAX;
}

static enum err derive(const struct stream_seal *seal, str secret, struct secret *key,
                       uint8_t check[STREAM_CHECK_BYTES])
{
    uint8_t base[STREAM_KEY_BYTES], bytes[STREAM_KEY_BYTES];
    if (!is_allowed(seal, secret))
        return ERR_INVALID_REQUEST;
    enum err e = stretch(seal, secret, base);
    if (e == OK) {
        struct hasher *h = hash_open();
        str from = str_make((const char *)base, sizeof base);
        str salt = str_make((const char *)seal->salt, sizeof seal->salt);
        hash_hkdf(h, from, salt, STR("postern stream key"), bytes, sizeof bytes);
        hash_hkdf(h, from, salt, STR("postern stream check"), check, STREAM_CHECK_BYTES);
        hash_close(h);
        ct_secret_set(key, bytes, sizeof bytes);
    }
    ct_wipe(base, sizeof base);
    ct_wipe(bytes, sizeof bytes);
    return e;
}

enum err stream_seal_new(enum stream_secret kind, str secret, struct stream_seal *out,
                         struct secret *key)
{
    *out = (struct stream_seal){.secret = kind};
    if (kind == STREAM_PASSPHRASE) {
        out->memory_kib = MEMORY_KIB;
        out->passes = PASSES;
        out->lanes = LANES;
    }
    rand_bytes(out->salt, sizeof out->salt);
    return derive(out, secret, key, out->check);
}

enum err stream_seal_open(const struct stream_seal *seal, str secret, struct secret *key)
{
    uint8_t check[STREAM_CHECK_BYTES];
    enum err e = derive(seal, secret, key, check);
    if (e == OK && !ct_eq(check, seal->check, sizeof check)) {
        ct_secret_wipe(key);
        e = ERR_WRONG_PASSWORD;
    }
    return e;
}

static void box_open(struct box *b, const struct secret *key, str head)
{
    struct hasher *h = hash_open();
    hash_sha256(h, &head, 1, &b->head);
    hash_close(h);
    memcpy(b->key, key->b, sizeof b->key);
    b->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    b->ctx = EVP_CIPHER_CTX_new();
    if (!b->cipher || !b->ctx)
        fatal("OpenSSL has no AES-256-GCM");
}

static void box_close(struct box *b)
{
    EVP_CIPHER_CTX_free(b->ctx);
    EVP_CIPHER_free(b->cipher);
}

/* Sets the context up for the next chunk. */
static bool box_next(struct box *b, bool last, bool seal)
{
    uint8_t nonce[NONCE] = {0};
    int n;
    for (int i = 0; i < 8; i++)
        nonce[10 - i] = (uint8_t)(b->chunk >> 8 * i);
    nonce[11] = last;
    b->chunk++;
    return EVP_CipherInit_ex2(b->ctx, b->cipher, b->key, nonce, seal, NULL) == 1 &&
           EVP_CipherUpdate(b->ctx, NULL, &n, b->head.b, sizeof b->head.b) == 1;
}

/* n bytes of plain text -> n + STREAM_TAG bytes. */
static void box_seal(struct box *b, bool last, const uint8_t *plain, size_t n, uint8_t *out)
{
    int done = 0, rest = 0;
    bool ok = box_next(b, last, true) &&
              EVP_EncryptUpdate(b->ctx, out, &done, plain, (int)n) == 1 &&
              EVP_EncryptFinal_ex(b->ctx, out + done, &rest) == 1 &&
              EVP_CIPHER_CTX_ctrl(b->ctx, EVP_CTRL_AEAD_GET_TAG, STREAM_TAG, out + n) == 1;
    if (!ok)
        fatal("OpenSSL cannot seal");
}

static bool box_unseal(struct box *b, bool last, uint8_t *sealed, size_t n, uint8_t *out)
{
    int done = 0, rest = 0;
    return box_next(b, last, false) && EVP_DecryptUpdate(b->ctx, out, &done, sealed, (int)n) == 1 &&
           EVP_CIPHER_CTX_ctrl(b->ctx, EVP_CTRL_AEAD_SET_TAG, STREAM_TAG, sealed + n) == 1 &&
           EVP_DecryptFinal_ex(b->ctx, out + done, &rest) == 1;
}

static void *make(size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        fatal("no memory for a stream");
    return p;
}

/* ---- writing ---- */

struct stream_writer *stream_writer_open(const struct secret *key, str head, stream_sink *sink,
                                         void *arg)
{
    struct stream_writer *w = make(sizeof *w);
    box_open(&w->box, key, head);
    w->sink = sink;
    w->arg = arg;
    return w;
}

static enum err put_chunk(struct stream_writer *w, bool last)
{
    size_t n = w->n;
    box_seal(&w->box, last, w->plain, n, w->sealed);
    w->n = 0;
    return w->sink(w->arg, w->sealed, n + STREAM_TAG) ? OK : ERR_UNAVAILABLE;
}

enum err stream_write(struct stream_writer *w, str bytes)
{
    enum err e = OK;
    while (e == OK && bytes.n > 0) {
        /* A full chunk waits for a byte behind it: it may be the last. */
        if (w->n == STREAM_CHUNK && (e = put_chunk(w, false)) != OK)
            break;
        size_t room = STREAM_CHUNK - w->n, take = bytes.n < room ? bytes.n : room;
        memcpy(w->plain + w->n, bytes.p, take);
        w->n += take;
        bytes = str_sub(bytes, take, bytes.n);
    }
    return e;
}

enum err stream_finish(struct stream_writer *w)
{
    return put_chunk(w, true);
}

void stream_writer_close(struct stream_writer *w)
{
    box_close(&w->box);
    ct_wipe(w, sizeof *w);
    free(w);
}

/* ---- reading ---- */

struct stream_reader *stream_reader_open(const struct secret *key, str head, stream_source *source,
                                         void *arg)
{
    struct stream_reader *r = make(sizeof *r);
    box_open(&r->box, key, head);
    r->source = source;
    r->arg = arg;
    return r;
}

/* Fills r->sealed, one byte further than a chunk if there is one. */
static enum err fill(struct stream_reader *r)
{
    while (r->n_sealed < sizeof r->sealed) {
        ssize_t got = r->source(r->arg, r->sealed + r->n_sealed, sizeof r->sealed - r->n_sealed);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_UNAVAILABLE;
        if (got == 0)
            break;
        r->n_sealed += (size_t)got;
    }
    return OK;
}

static enum err next_chunk(struct stream_reader *r)
{
    if (r->last)
        return ERR_ABSENT;
    bool first = r->box.chunk == 0;
    enum err e = fill(r);
    if (e != OK)
        return e;
    r->last = r->n_sealed <= SEALED;
    size_t size = r->last ? r->n_sealed : SEALED;
    if (size < STREAM_TAG || (size == STREAM_TAG && !first))
        return ERR_INVALID_REQUEST;
    if (!box_unseal(&r->box, r->last, r->sealed, size - STREAM_TAG, r->plain)) {
        ct_wipe(r->plain, sizeof r->plain); /* SP 800-38D 7.2 */
        return ERR_INVALID_REQUEST;
    }
    r->at = 0;
    r->n = size - STREAM_TAG;
    r->n_sealed -= size;
    r->sealed[0] = r->sealed[SEALED];
    return OK;
}

enum err stream_read(struct stream_reader *r, void *out, size_t n)
{
    uint8_t *p = out;
    while (r->e == OK && n > 0) {
        if (r->at == r->n) {
            r->e = next_chunk(r);
            continue;
        }
        size_t there = r->n - r->at, take = n < there ? n : there;
        memcpy(p, r->plain + r->at, take);
        r->at += take;
        p += take;
        n -= take;
    }
    return n == 0 ? OK : r->e;
}

void stream_reader_close(struct stream_reader *r)
{
    box_close(&r->box);
    ct_wipe(r, sizeof *r);
    free(r);
}
