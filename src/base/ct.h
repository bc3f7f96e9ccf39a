/* ct: secrets, constant-time comparison and wiping.
 *
 * A secret is a type of its own, so that it cannot be handed to a print function or compared
 * with memcmp by accident.
 */
#ifndef BASE_CT_H
#define BASE_CT_H

#include "base/str.h"

#define SECRET_MAX 64

/* Up to 64 secret bytes, held by value. */
struct secret {
    uint8_t b[SECRET_MAX];
    size_t n;
};

/* A SHA-256 digest (of a handle, of a client secret under a pepper). */
struct digest {
    uint8_t b[32];
};

/* Equal bytes, in time that depends on n alone. */
bool ct_eq(const void *a, const void *b, size_t n);
bool ct_digest_eq(const struct digest *a, const struct digest *b);
/* Overwrites n bytes; the compiler may not drop it. */
void ct_wipe(void *p, size_t n);
/* Overwrites what functions that have returned left on the stack, for the 16 kB below its caller.
 */
void ct_wipe_stack(void);
void ct_secret_set(struct secret *s, const void *p, size_t n);
void ct_secret_wipe(struct secret *s);

#endif
