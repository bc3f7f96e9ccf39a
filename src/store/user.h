/* user: a person, and the names by which he signs in.
 *
 * Names (user name, address) share one name space over the whole server and are compared in
 * canonical spelling (codec/unicode.h), so all spellings of a name are one account and one throttle
 * counter (security.md 67). A user belongs to one organization; only its clients see him.
 */
#ifndef STORE_USER_H
#define STORE_USER_H

#include "base/id.h"
#include "store/effects.h"

#define USER_SID "US"

struct user {
    struct uid id;
    struct id organization;
    str username;
    str email; /* p == NULL: none */
    bool email_verified;
    str claims;   /* JSON object: the other standard claims, and custom ones */
    str roles;    /* space separated */
    str password; /* encoded hash; n == 0: none, cannot sign in by password */
    struct uid pepper;
    bool has_pepper; /* the password was keyed with it first */
    int64_t password_s;
    bool enabled;
    int64_t epoch;
    int64_t created_s, updated_s;
};

/* ERR_ABSENT when there is none. */
enum err user_load(struct db *db, struct arena *a, const struct uid *id, struct user *out);
/* By a name in canonical spelling. */
enum err user_find(struct db *db, struct arena *a, str canonical_login, struct user *out);
enum err user_list(struct db *db, struct arena *a, const struct id *organization, /* or NULL */
                   const struct uid *after, int64_t limit, struct user **out, size_t *n);
/* Expects: organization exists; id is no user's and no client's; names are free. `names`:
 * canonical, duplicates allowed. */
void user_put(struct effects *fx, const struct user *u, const str *names, size_t n);
/* Everything but id, organization, password, enabled and epoch; replaces the names. */
void user_update(struct effects *fx, const struct user *u, const str *names, size_t n);
/* Expects that this is still his password: for whoever has just proven to know it. */
void user_hold_password(struct effects *fx, const struct uid *id, str encoded);
/* A new password. Expects that the present one is still `before` (its encoded hash). */
void user_set_password(struct effects *fx, const struct uid *id, str before, str encoded,
                       const struct uid *pepper, int64_t now_s);
/* The same password hashed anew (imported hash, old pepper). No expectation; nothing when changed.
 */
void user_rehash(struct effects *fx, const struct uid *id, str before, str encoded,
                 const struct uid *pepper);
/* Expects the user, and locks his row until the commit: for whoever adds something to him. */
void user_hold(struct effects *fx, const struct uid *id);
/* Disabling ends every token, code and session, as user_revoke_all. */
void user_set_enabled(struct effects *fx, const struct uid *id, bool enabled, int64_t now_s);
/* Ends every token, code and session of the user: raises the epoch, revokes his grants. */
void user_revoke_all(struct effects *fx, const struct uid *id, int64_t now_s);
/* With names, sessions, consents; his tokens die with him. */
void user_delete(struct effects *fx, const struct uid *id, int64_t now_s);
/* How many users' passwords the pepper keys. */
enum err user_count_by_pepper(struct db *db, const struct uid *pepper, int64_t *count);

#endif
