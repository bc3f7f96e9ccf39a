/* account: the name (AC sid) and the auth token by which the Twilio API knows an organization.
 *
 * Every organization has one. The auth token is a machine's secret and is stored as such: a keyed
 * hash. A new one can overlap with the one before.
 */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include "crypto/signer.h"
#include "store/effects.h"

#define ACCOUNT_SID "AC"

struct account_token {
    bool there;
    struct uid pepper; /* which pepper keyed the hash */
    struct digest hash;
};

struct account {
    struct uid id;
    struct id organization;
    int64_t created_s;
    struct account_token token, old;
    int64_t old_exp_s; /* when the old one ends; 0: there is none */
    bool has_owner;    /* whom Twilio's legacy userinfo shows to the account itself */
    struct uid owner;
};

enum err account_load(struct db *db, const struct uid *id, struct account *out);
/* The account of that organization. */
enum err account_load_of(struct db *db, const struct id *organization, struct account *out);
/* An account without a token. Expects that the id is new and the organization has none. */
void account_put(struct effects *fx, const struct uid *id, const struct id *organization,
                 int64_t created_s);
/* A new token; the one before lives until old_exp_s. Expects the account and an active pepper. */
void account_put_token(struct effects *fx, const struct uid *id, const struct account_token *token,
                       int64_t old_exp_s);
/* The same token under the active pepper. Nothing when it has been replaced meanwhile. */
void account_rehash(struct effects *fx, const struct uid *id, const struct account_token *before,
                    const struct account_token *after);
/* The user, of the account's organization (expected), who owns it; NULL: nobody. */
void account_set_owner(struct effects *fx, const struct uid *id, const struct uid *user);
void account_delete_of(struct effects *fx, const struct id *organization);
/* Effects that give an account to each of at most `limit` organizations that have none; *n: how
 * many these were. */
enum err account_fill(struct db *db, struct effects *fx, int64_t limit, int64_t now_s, size_t *n);
/* How many live tokens the pepper keys. */
enum err account_count_by_pepper(struct db *db, const struct uid *pepper, int64_t now_s,
                                 int64_t *count);

/* HMAC-SHA-256(pepper, "account_token" ‖ account id ‖ token). The caller has refused a token of
 * more than LIMIT_SECRET bytes. ERR_UNAVAILABLE: the keys are away. */
enum err account_hash_token(struct signer *s, const struct key *pepper, const struct uid *id,
                            str token, struct digest *out);
/* What is hashed. */
str account_token_message(struct arena *a, const struct uid *id, str token);

#endif
