/* stream: a file sealed in chunks, so that it is written and read in little memory.
 *
 * The plain text is cut into chunks of 64 KiB, each sealed with AES-256-GCM under a key of this
 * file alone (HKDF-SHA-256 of the secret and a random salt). The nonce is the number of the chunk
 * (11 bytes, big endian) and a byte that is 1 for the last one, which may be shorter and is always
 * there; the digest of the head, which stands before the chunks in clear, is authenticated with
 * each. So a byte that was changed, chunks that were left out, swapped, repeated or taken from
 * another file, and an end that is missing or goes on are all refused (STREAM, Hoang et al. 2015).
 */
#ifndef CRYPTO_STREAM_H
#define CRYPTO_STREAM_H

#include <sys/types.h>

#include "base/ct.h"
#include "base/err.h"

#define STREAM_CHUNK       65536
#define STREAM_TAG         16
#define STREAM_SALT_BYTES  16
#define STREAM_CHECK_BYTES 16
#define STREAM_KEY_BYTES   32

/* Bounds on what a file may ask of whoever opens it: a hostile one shall not eat the memory. */
#define STREAM_MEMORY_KIB_MAX (256 * 1024)
#define STREAM_PASSES_MAX     16
#define STREAM_LANES_MAX      4

enum stream_secret { STREAM_PASSPHRASE, STREAM_KEY };

/* How a file is sealed: goes into its head, in clear. */
struct stream_seal {
    enum stream_secret secret;
    uint32_t memory_kib, passes, lanes; /* argon2id, for a passphrase; 0 for a key */
    uint8_t salt[STREAM_SALT_BYTES];
    uint8_t check[STREAM_CHECK_BYTES]; /* tells a wrong secret from a damaged file */
};

/* For a new file: a fresh salt, the check, and the key. `secret` is the passphrase or the 32 bytes
 * of a key. ERR_UNAVAILABLE: there is no memory for argon2id. */
enum err stream_seal_new(enum stream_secret kind, str secret, struct stream_seal *out,
                         struct secret *key);
/* The key of a file that is there. ERR_INVALID_REQUEST: the head asks for more than the bounds
 * above, or the key is not one of 32 bytes; ERR_WRONG_PASSWORD: another secret sealed the file;
 * ERR_UNAVAILABLE: no memory. */
enum err stream_seal_open(const struct stream_seal *seal, str secret, struct secret *key);

/* Takes all n bytes; false: it could not (the sink knows why). */
typedef bool stream_sink(void *arg, const void *bytes, size_t n);
/* Up to n bytes, as read(2): 0 at the end, -1 with errno. */
typedef ssize_t stream_source(void *arg, void *bytes, size_t n);

struct stream_writer;
struct stream_reader;

/* `head` is authenticated, not written; the caller has written it. */
struct stream_writer *stream_writer_open(const struct secret *key, str head, stream_sink *sink,
                                         void *arg);
/* ERR_UNAVAILABLE: the sink could not take it. */
enum err stream_write(struct stream_writer *w, str bytes);
/* The last chunk. A stream that was not finished is refused by the reader. */
enum err stream_finish(struct stream_writer *w);
void stream_writer_close(struct stream_writer *w);

struct stream_reader *stream_reader_open(const struct secret *key, str head, stream_source *source,
                                         void *arg);
/* Exactly n bytes, authenticated. ERR_ABSENT: the stream has ended before them, as its writer
 * wanted (some may have come); ERR_INVALID_REQUEST: damaged, cut or foreign; ERR_UNAVAILABLE: the
 * source failed (errno). What a reader said once, it says again. */
enum err stream_read(struct stream_reader *r, void *out, size_t n);
void stream_reader_close(struct stream_reader *r);

#endif
