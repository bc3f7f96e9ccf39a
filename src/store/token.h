/* token: an opaque access token and its refresh token, one row for both.
 *
 * The row is found by id (see store/handle.h). It says which grant the tokens belong to; a token
 * is live only while its grant is (store/grant.h), its epoch is the client's and organization's,
 * and its own time has not passed.
 */
#ifndef STORE_TOKEN_H
#define STORE_TOKEN_H

#include "base/ct.h"
#include "store/effects.h"
#include "store/handle.h"

struct token {
    struct id id;
    struct id grant; /* the first token's id: the family */
    struct uid client;
    str scope;
    enum spelling spelling; /* of the client id in the request */
    enum handle_shape shape;
    int dialect;   /* enum dialect_id: whose resources take it */
    int64_t epoch; /* client's + organization's epoch at issue */
    int64_t issued_s;
    int64_t access_exp_s;          /* 0: no access token, or it was revoked */
    int64_t refresh_exp_s;         /* 0: no refresh token */
    int64_t family_exp_s;          /* absolute end of the family */
    struct digest access, refresh; /* all zero: none; access of a JWT: it proves itself */
    int64_t spent_s;               /* 0: the refresh token is unspent */
    struct id successor;           /* the row that the spent refresh token led to */
    bool is_user;                  /* `grant` is a row of user_grant (store/user_grant.h) */
    str resources;                 /* RFC 8707, separated by spaces; empty: the issuer */
    str sealed;                    /* the successor's secrets, sealed under the old refresh token */
    bool revoked;                  /* read only: the grant has been revoked */
};

/* With the state of its grant. ERR_ABSENT, ERR_UNAVAILABLE. */
enum err token_load(struct db *db, struct arena *a, const struct id *id, struct token *out);
/* Is `shown` the digest of the token whose stored digest is `stored`? Never, if none is stored. */
bool token_proves(const struct digest *stored, const struct digest *shown);
/* The row's access token is an opaque one. */
bool token_is_opaque(const struct token *t);
/* Expects that the id is new (a conflict reruns the handler with another id). */
void token_put(struct effects *fx, const struct token *t);
/* Single use: spends the refresh token if it is unspent, else the set misses. */
void token_spend(struct effects *fx, const struct id *id, int64_t now_s, const struct id *successor,
                 str sealed);
/* Not rotated: the refresh token's idle end moves to refresh_exp_s, unless that is earlier or
 * beyond the family's end. */
void token_extend(struct effects *fx, const struct id *id, int64_t refresh_exp_s);
/* Ends one access token (RFC 7009) without its family. */
void token_end_access(struct effects *fx, const struct id *id);
/* Deletes at most `limit` rows whose every token has expired; says how many. Housekeeping. */
enum err token_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);
enum err token_count(struct db *db, int64_t *count);

#endif
