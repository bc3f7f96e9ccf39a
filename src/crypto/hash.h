/* hash: SHA-256, HMAC-SHA-256 and HKDF with contexts that are kept.
 *
 * OpenSSL 3 looks an algorithm up on every one-shot call; a hasher fetches once. One per thread.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/ct.h"
#include "base/err.h"

struct hasher;

struct hasher *hash_open(void);
void hash_close(struct hasher *h);
/* From now on OpenSSL has the reserve behind its memory (base/heap.h). To be called before anything
 * else here. */
void hash_use_heap(void);
/* SHA-256 over the concatenation of n pieces. */
void hash_sha256(struct hasher *h, const str *pieces, size_t n, struct digest *out);
/* SHA-256, SHA-384 or SHA-512 (bits) of one piece; out has bits / 8 bytes. */
void hash_sha2(struct hasher *h, int bits, str in, uint8_t *out);
/* HMAC-SHA-256. The keyed context is kept while the same key comes again. */
void hash_hmac(struct hasher *h, const struct secret *key, str message, struct digest *out);
/* HKDF-SHA-256 (RFC 5869): n <= 64 bytes for that purpose. */
void hash_hkdf(struct hasher *h, str secret, str salt, str purpose, uint8_t *out, size_t n);

#endif
