/* consent: what a person has allowed an application, remembered. */
#ifndef STORE_CONSENT_H
#define STORE_CONSENT_H

#include "store/effects.h"

struct consent {
    struct uid user, client;
    str scopes; /* space separated */
    int64_t created_s, updated_s;
};

/* ERR_ABSENT when nothing was allowed. */
enum err consent_load(struct db *db, struct arena *a, const struct uid *user,
                      const struct uid *client, struct consent *out);
enum err consent_list(struct db *db, struct arena *a, const struct uid *user, struct consent **out,
                      size_t *n);
/* Expects that the client exists. Allows; replaces the scopes by c->scopes (the caller has joined
 * them with the old ones). */
void consent_put(struct effects *fx, const struct consent *c);
/* Expects that exactly this is still allowed, and locks it: for an authorization that relies on it
 * and asks nobody. */
void consent_hold(struct effects *fx, const struct consent *c);
/* Takes it back and revokes every grant of that user to that client. */
void consent_revoke(struct effects *fx, const struct uid *user, const struct uid *client,
                    int64_t now_s);
/* For client.c: the client is gone, and its tokens with it. */
void consent_delete_of_client(struct effects *fx, const struct uid *client);

#endif
