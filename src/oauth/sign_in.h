/* sign_in: does this person know the password? (NIST SP 800-63B-4, security.md 63-68)
 *
 * Cheap checks first; the attempt is counted durably, per account over all spellings and per
 * source, before it is hashed in the pool. Unknown user, wrong password, disabled user and user of
 * another organization cost one hash each and give one answer.
 */
#ifndef OAUTH_SIGN_IN_H
#define OAUTH_SIGN_IN_H

#include "oauth/rq.h"
#include "store/user.h"

/* organization: whose users are meant; NULL: anybody's. OK and *out; ERR_WRONG_PASSWORD;
 * ERR_TOO_MANY_REQUESTS with retry_s (the right password is not confirmed then), and *out, if there
 * is one, for the audit log; ERR_SLOW;
 * ERR_UNAVAILABLE with retry_s. Rehashes imported and outdated hashes. */
enum err sign_in_password(struct rq *rq, str login, str password, const struct id *organization,
                          struct user *out);
/* A new password for a user who has just typed his present one: rules (oauth/password_rules.h),
 * hash, effect; other sessions and their refresh tokens end (security.md 61). ERR_WRONG_PASSWORD,
 * ERR_INVALID_REQUEST with the reason as failure text. keep: the session that goes on. */
enum err sign_in_change_password(struct rq *rq, const struct user *u, str present, str fresh,
                                 const struct id *keep);
/* The encoded hash of a user's new password, as sign_in_password will judge it: keyed with the
 * ring's active pepper (*pepper: which), then argon2id. `normalized`: by password_rules_normalize.
 * Slow; for sign_in_change_password and for the commands. ERR_SERVER_ERROR without a pepper,
 * ERR_UNAVAILABLE when the keys are away. */
enum err sign_in_hash(struct signer *s, struct arena *a, const struct uid *user, str normalized,
                      str *encoded, struct uid *pepper);
/* Forgets the failed attempts at that name (in canonical spelling), but those of known sources: an
 * administrator has set a new password. */
void sign_in_forgive(struct effects *fx, struct hasher *h, str canonical);

#endif
