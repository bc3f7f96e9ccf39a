/* handle: the strings that grant something (access and refresh tokens, codes, sessions...).
 *
 *     prefix ‖ base64url(row id (12) ‖ secret (20))        48 characters with a 5 character prefix
 *
 * The row is found by its id and proven by SHA-256(kind ‖ id ‖ secret) in constant time. The kind
 * is in the hash, so a handle of one kind is nothing to the consumer of another. Only the hash is
 * stored.
 *
 * The uuid shape is for integrators whose columns hold 36 characters: one AES-128 block under a
 * sealed key of (8-byte locator ‖ 8 random bytes), redrawn until it is a UUID v4. The row id is
 * the locator and 4 bytes derived from it.
 */
#ifndef STORE_HANDLE_H
#define STORE_HANDLE_H

#include "base/id.h"
#include "crypto/hash.h"
#include "crypto/keyring.h"

enum handle_kind {
    HANDLE_ACCESS = 1,  /* psta_ */
    HANDLE_REFRESH = 2, /* pstr_ */
    HANDLE_CODE = 3,    /* pstc_ */
    HANDLE_SESSION = 4, /* psts_ */
    HANDLE_PUSHED = 5,  /* pstp_ */
    HANDLE_FLOW = 6,    /* pstf_ */
    HANDLE_DEVICE = 7,  /* pstd_ */
};
enum handle_shape { SHAPE_HANDLE, SHAPE_UUID };

#define HANDLE_SECRET_BYTES 20
#define HANDLE_CHARS        48
#define HANDLE_PREFIX_CHARS 5 /* "psta_", "pstr_" */

struct handle {
    enum handle_kind kind;
    struct id id;
    uint8_t secret[HANDLE_SECRET_BYTES]; /* uuid shape: 16 bytes, then zeros */
};

/* A row id fit for the shape: uuid handles need one whose last 4 bytes derive from the rest. */
struct id handle_row_id(enum handle_shape shape, const struct key *shape_key, struct id id);
/* A fresh secret for that row. */
void handle_new(enum handle_kind kind, enum handle_shape shape, const struct key *shape_key,
                const struct id *id, struct handle *out);
/* The text; handle shape: 48 characters, uuid shape: 36. */
void handle_write(struct buf *out, const struct handle *h, enum handle_shape shape,
                  const struct key *shape_key);
/* What is stored: SHA-256(kind ‖ id ‖ secret). */
void handle_digest(struct hasher *hasher, const struct handle *h, struct digest *out);
/* Either shape, of tokens; shape_keys of the ring are tried for uuids. Everything else is of the
 * handle shape alone, and `ring` may be NULL. ERR_INVALID_TOKEN when it cannot be
 * one: wrong length, alphabet or prefix. */
enum err handle_parse(str text, enum handle_kind kind, const struct keyring *ring,
                      struct handle *out);

#endif
