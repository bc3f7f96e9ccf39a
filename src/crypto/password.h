/* password: argon2id for what people or old systems chose (passwords, short imported client
 * secrets), and verification of the hashes that other systems leave behind. Slow by intent: only
 * called on the password pool.
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
/* OK, ERR_INVALID_CLIENT when it does not match, ERR_SERVER_ERROR when the hash is none that
 * password_known knows. Passwords go in as they are; one with a NUL matches argon2 alone, one that
 * is longer than 72 bytes no bcrypt hash. */
enum err password_verify(struct arena *a, str encoded, str password);
/* The work of verifying a hash of password_hash, for nothing: for users who are not there. */
void password_dummy(str password);
/* A well-formed hash of a kind below, at a cost that we are ready to pay. */
bool password_known(str encoded);
/* By password_hash with the present parameters: nothing to gain by hashing anew. */
bool password_is_ours(str encoded);
/* The kinds, in words, for messages and help: "argon2id, argon2i, bcrypt, ...". */
str password_kinds(void);

#endif
