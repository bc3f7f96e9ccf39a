/* password: argon2id for what people or old systems chose (short imported client secrets now,
 * passwords later). Slow by intent: only called on the password pool.
 */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include "base/arena.h"
#include "base/ct.h"
#include "base/err.h"

#define PASSWORD_MEMORY_KIB 19456
#define PASSWORD_PASSES     2

/* The encoded argon2id hash ("$argon2id$v=19$..."), 128-bit salt. */
enum err password_hash(struct arena *a, str password, str *encoded);
/* OK, ERR_INVALID_CLIENT when it does not match, ERR_SERVER_ERROR when the hash is unreadable. */
enum err password_verify(struct arena *a, str encoded, str password);
/* Is that an encoded hash that password_verify can judge, within the limits of what it computes? */
bool password_known(str encoded);

#endif
