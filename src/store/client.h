/* client: an application that gets tokens, with its secrets. */
#ifndef STORE_CLIENT_H
#define STORE_CLIENT_H

#include "crypto/signer.h"
#include "store/effects.h"

#define CLIENT_SID     "OQ"
#define CLIENT_SECRETS 2

/* Bits of client.grants; the table of grants is oauth/grant/grant.c. */
enum client_grant {
    GRANT_CLIENT_CREDENTIALS = 1 << 0,
    GRANT_REFRESH_TOKEN = 1 << 1,
    GRANT_AUTHORIZATION_CODE = 1 << 2,
    GRANT_DEVICE_CODE = 1 << 3,
};
/* The longest life of an access token. */
#define CLIENT_ACCESS_TTL_MAX_S (30 * 86400)

enum token_format { TOKEN_JWT, TOKEN_OPAQUE };
enum client_rotation { ROTATION_DEFAULT, ROTATION_ALWAYS, ROTATION_AUTO, ROTATION_NEVER };
/* The method that a client is pinned to; ANY takes basic and post. A public client has none. */
enum client_auth_method {
    CLIENT_AUTH_ANY,
    CLIENT_AUTH_BASIC,
    CLIENT_AUTH_POST,
    CLIENT_AUTH_PRIVATE_KEY_JWT,
    CLIENT_AUTH_NONE,
};

/* One live secret: an HMAC under a pepper, or (imported and weak) an argon2id string. */
struct client_secret {
    struct id id;
    struct uid pepper; /* which pepper keyed the hash */
    struct digest hash;
    str argon2; /* p != NULL: slow hash instead */
    int64_t created_s;
    int64_t exp_s; /* 0: no end; set when its successor was made */
};

struct client {
    struct uid id;
    struct id organization;
    str name;
    uint32_t grants; /* enum client_grant */
    str scopes;      /* space separated; what it may ask for, and gets when it asks for nothing */
    bool all_groups; /* every group of the organization, now and later */
    enum token_format token_format;
    enum client_auth_method auth_method;
    enum client_rotation rotation;
    bool introspect_organization; /* may introspect every token of its organization */
    bool enabled;
    int64_t access_ttl_s;  /* 60 .. CLIENT_ACCESS_TTL_MAX_S */
    int64_t refresh_ttl_s; /* idle end of a refresh token */
    int64_t family_ttl_s;  /* absolute end of a family; rotation never extends it */
    int64_t epoch;         /* raised to revoke everything of the client */
    int64_t created_s, updated_s;
    /* What an app that was registered over HTTP brought along; p == NULL: nothing. */
    str created_by; /* the SID of the account or app that registered it */
    str description, owner;
    str policy; /* JSON: {"allow":[...],"deny":[...]} */
    struct client_secret secrets[CLIENT_SECRETS];
    size_t secrets_n;
};

/* With its live secrets (at most two). */
enum err client_load(struct db *db, struct arena *a, const struct uid *id, int64_t now_s,
                     struct client *out);
/* In order of id, without secrets. */
enum err client_list(struct db *db, struct arena *a, const struct id *organization, /* or NULL */
                     const struct uid *after, int64_t limit, struct client **out, size_t *n);
/* Ids of the groups given to it by name, in order. */
enum err client_groups(struct db *db, struct arena *a, const struct uid *id, struct id **out,
                       size_t *n);
/* Without its secrets and groups. Expects that the id is no client's and no user's and the
 * organization exists. */
void client_put(struct effects *fx, const struct client *c);
/* Everything but id, organization, epoch, enabled and secrets. */
void client_update(struct effects *fx, const struct client *c);
/* Only what an app's own registration may change: name, description, owner, policy, access-token
 * life, updated_s. What an operator sets at the same time stays. */
void client_update_app(struct effects *fx, const struct client *c);
/* Expects that the client is still allowed what it was when it was loaded: policy, scopes, grants,
 * groups, introspection. For a decision that relied on it. */
void client_hold_app(struct effects *fx, const struct client *c);
/* Expects the client, and locks its row until the commit: for whoever adds something to it. */
void client_hold(struct effects *fx, const struct uid *id);
/* Where the epoch of a client begins: nobody can guess it, so no token of another client that had
 * the same id before, or will have it, is ever of this one's epoch. */
int64_t client_first_epoch(void);
void client_delete(struct effects *fx, const struct uid *id);
/* Replaces the groups; each must belong to the client's organization (expectation). */
void client_set_groups(struct effects *fx, const struct client *c, const struct id *groups,
                       size_t n);
void client_set_enabled(struct effects *fx, const struct uid *id, bool enabled);
void client_revoke_all(struct effects *fx, const struct uid *id);
/* A new secret. Expects that its pepper, if it has one, is active. The ones before end at old_exp_s
 * (now, to end them at once) if they do not end earlier, and of those only the newest stays. */
void client_put_secret(struct effects *fx, const struct uid *id, const struct client_secret *s,
                       int64_t old_exp_s);
/* Rehash at use: the same secret under the active pepper. Nothing when either is so no more. */
void client_rehash(struct effects *fx, const struct uid *id, const struct client_secret *s);
/* How many live secrets each pepper keys. */
enum err client_count_by_pepper(struct db *db, const struct uid *pepper, int64_t now_s,
                                int64_t *count);

/* HMAC-SHA-256(pepper, "client_secret" ‖ client id ‖ secret). The caller has refused a secret of
 * more than LIMIT_SECRET bytes. ERR_UNAVAILABLE: the keys are away. */
enum err client_hash_secret(struct signer *s, const struct key *pepper, const struct uid *id,
                            str secret, struct digest *out);
/* What is hashed. */
str client_secret_message(struct arena *a, const struct uid *id, str secret);

#endif
