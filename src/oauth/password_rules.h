/* password_rules: what may be a password (NIST SP 800-63B-4 3.1.1.2, security.md 63-65).
 *
 * Length in code points after normalization, a list of common passwords, words of the context
 * (name, address, issuer). No composition rules. The list is read once and kept sorted as hashes.
 */
#ifndef OAUTH_PASSWORD_RULES_H
#define OAUTH_PASSWORD_RULES_H

#include "base/arena.h"
#include "base/err.h"

#define PASSWORD_BYTES_MAX 1024

struct password_rules;

/* Reads the list at `path` (one a line; lines that begin with "#!comment" are none); the empty path
 * means no list. NULL and `why`, which names the Debian package, when it cannot. */
struct password_rules *password_rules_open(str path, int64_t min_chars, char *why, size_t why_size);
void password_rules_close(struct password_rules *r);
/* OK, or ERR_INVALID_REQUEST and *reason: the key of a message (ui/messages), "password.short",
 * "password.long", "password.common", "password.context". */
enum err password_rules_check(const struct password_rules *r, struct arena *a, str password,
                              const str *context, size_t context_n, const char **reason);
/* What is hashed: the password in NFKC. False when it is not UTF-8 or too long. */
bool password_rules_normalize(struct arena *a, str password, str *out);

#endif
