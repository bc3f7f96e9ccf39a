/* user_grant: one authorization by a person: its code first, then the grant that its tokens name.
 *
 * The id is that of the code's handle, and is the `grant_id` of every token of the family. Spending
 * the code is one conditional statement. Revocation is a row of `grants` (store/grant.h), as for
 * machines; user_grant_revoke_* find the ids by session, by user and client.
 */
#ifndef STORE_USER_GRANT_H
#define STORE_USER_GRANT_H

#include "base/id.h"
#include "store/effects.h"
#include "store/handle.h"

struct user_grant {
    struct id id;
    struct uid client, user;
    struct id session;
    bool has_session;
    int dialect;            /* enum dialect_id: whose token endpoint takes the code */
    enum spelling spelling; /* of the client id in the request */
    str scope;
    str resources; /* RFC 8707, separated by spaces; empty: the issuer */
    str claims;    /* the claims parameter (OIDC Core 5.5), JSON; empty: none */
    str nonce;     /* p == NULL: none */
    int64_t auth_s;
    str amr, acr;
    bool offline;
    int64_t epoch; /* client's + organization's + user's when it was put: an older code is dead */
    int64_t created_s;
    bool has_code; /* a device's grant has none */
    struct digest code;
    int64_t code_exp_s;
    str redirect_uri; /* as sent; p == NULL: was not sent */
    str challenge;    /* S256; p == NULL: none */
    int64_t spent_s;  /* 0: the code is unspent */
    int64_t exp_s;
    bool revoked; /* out only */
};

enum err user_grant_load(struct db *db, struct arena *a, const struct id *id,
                         struct user_grant *out);
/* Expects that the id is new. */
void user_grant_put(struct effects *fx, const struct user_grant *g);
/* Spends the code. Expects that it was unspent, had not ended and had not been revoked. exp_s: the
 * end of what it led to; no token of the family may outlive it. */
void user_grant_spend(struct effects *fx, const struct id *id, int64_t now_s, int64_t exp_s);
enum err user_grant_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);

/* For session.c, consent.c, user.c: set-based revocations. DROP. Those of a session, and of a user
 * without `offline`, spare grants with offline access whose code has been redeemed. */
void user_grant_revoke_session(struct effects *fx, const struct id *session, int64_t now_s);
/* Grants of one session go on under another one. */
void user_grant_move_session(struct effects *fx, const struct id *from, const struct id *to);
void user_grant_revoke_user(struct effects *fx, const struct uid *user,
                            const struct id *but_session, /* or NULL */
                            bool offline, int64_t now_s);
void user_grant_revoke_client(struct effects *fx, const struct uid *user, const struct uid *client,
                              int64_t now_s);

#endif
