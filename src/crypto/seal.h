/* seal: authenticated encryption of what rests in the store (AES-256-GCM).
 *
 * The master key lives outside the database: a file of mode 0600, or a systemd credential. The
 * file holds one or two lines "postern-master-key-1:<43 characters of base64url>". Both open, so
 * the key is rotated without a moment at which nothing opens; the first seals, unless the rows of
 * the store say otherwise (store/key.h). A sealed blob is: version (1) ‖ fingerprint of its key (8)
 * ‖ nonce (12) ‖ ciphertext ‖ tag (16); the context ("key:<kid>", ...) is authenticated, so a blob
 * cannot be moved to another row.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/arena.h"
#include "base/ct.h"
#include "base/err.h"

#define SEAL_OVERHEAD          37
#define SEAL_FINGERPRINT_BYTES 8

struct seal_key {
    struct secret key; /* 32 bytes */
    uint8_t fingerprint[SEAL_FINGERPRINT_BYTES];
};

struct master_key {
    struct seal_key keys[2]; /* [0] seals; both open */
    size_t n;
    char path[512]; /* where it was read, for messages */
};

/* Why a master key could not be read: `why` is a sentence that names the file and the remedy.
 * ERR_ABSENT when there is no file, ERR_FORBIDDEN when group or others may read it or a stranger
 * owns it, ERR_INVALID_REQUEST when its content is not a key. A link is followed and what it leads
 * to is judged. */
enum err seal_read_master(const char *path, struct master_key *out, char *why, size_t why_size);
/* The same of a file that was opened for us, and is closed; -1: errno says why it could not be.
 * `path` is for messages. */
enum err seal_read_master_from(int fd, const char *path, struct master_key *out, char *why,
                               size_t why_size);
/* Creates the file (exclusively, mode 0600, fsync of file and directory) with a fresh key.
 * ERR_CONFLICT when the name is taken, ERR_ABSENT when its directory is not there. */
enum err seal_create_master(const char *path, struct master_key *out, char *why, size_t why_size);
/* Replaces the file atomically (same mode and owner) by these keys. ERR_INVALID_REQUEST when the
 * name is a link. */
enum err seal_write_master(const char *path, const struct master_key *keys, char *why,
                           size_t why_size);
void seal_new_key(struct seal_key *out);
void seal_wipe(struct master_key *m);

str seal_put(struct arena *a, const struct master_key *m, str plain, str context);
/* ERR_ABSENT: sealed under a key that m does not hold; ERR_INVALID_REQUEST: damaged or of another
 * context. */
enum err seal_open(struct arena *a, const struct master_key *m, str sealed, str context,
                   str *plain);
/* The same with a raw 32-byte key (a successor under its predecessor's secret); no fingerprint, so
 * 29 bytes longer than the text. */
str seal_put_raw(struct arena *a, const uint8_t key[32], str plain, str context);
enum err seal_open_raw(struct arena *a, const uint8_t key[32], str sealed, str context, str *plain);
/* One AES-128 block, for the uuid token shape. */
void seal_block_encrypt(const uint8_t key[16], const uint8_t in[16], uint8_t out[16]);
/* Each of so many blocks for itself: one set-up for all of them. */
void seal_blocks_encrypt(const uint8_t key[16], const uint8_t *in, uint8_t *out, size_t blocks);
void seal_block_decrypt(const uint8_t key[16], const uint8_t in[16], uint8_t out[16]);

#endif
