/* password_kind: the kinds of password hashes that crypto/password.c chooses from by prefix. */
#ifndef CRYPTO_PASSWORD_KIND_H
#define CRYPTO_PASSWORD_KIND_H

#include "base/arena.h"
#include "base/ct.h"
#include "base/err.h"

/* What one verification may cost: about a second of one core, and this much memory. */
#define PASSWORD_MEMORY_MAX (256LL << 20)
#define PASSWORD_SALT_MAX   256

/* bcrypt, $7$ and $y$ by crypt(3). Each has two functions: is the hash well formed and affordable;
 * and, if it is, does the password match (OK, ERR_INVALID_CLIENT, ERR_SERVER_ERROR). */
bool password_crypt_bcrypt(str encoded);
bool password_crypt_scrypt(str encoded);
bool password_crypt_yescrypt(str encoded);
enum err password_crypt_verify(struct arena *a, str encoded, str password);

/* $scrypt$ln=..,r=..,p=..$salt$hash (PHC). */
bool password_scrypt_known(str encoded);
enum err password_scrypt_verify(struct arena *a, str encoded, str password);

/* $pbkdf2-sha256$rounds$salt$hash (passlib) and pbkdf2_sha256$rounds$salt$hash (Django); also sha1
 * and sha512. */
bool password_pbkdf2_known(str encoded);
enum err password_pbkdf2_verify(struct arena *a, str encoded, str password);

/* Base64 of either alphabet ("+" or "." for 62), padded or not, into at most `max` bytes: their
 * number, 0 when it is none. */
size_t password_kind_base64(str text, uint8_t *out, size_t max);

/* A parameter of a PHC string, `name` ("m=") and digits up to `stop`, off the front of *rest.
 * False, and *rest as it was, when it is not there or not in 1..max. */
bool password_kind_number(str *rest, str name, char stop, int64_t max, int64_t *out);

#endif
