/* organization: the tenant. Every client, group and token belongs to one; nothing crosses. */
#ifndef STORE_ORGANIZATION_H
#define STORE_ORGANIZATION_H

#include "store/effects.h"

struct organization {
    struct id id;
    str name;
    int64_t epoch; /* raised to revoke everything of the organization */
    int64_t created_s;
    struct uid account; /* its AC sid; zeros: a node of an earlier version made it, not yet given */
};

enum err organization_load(struct db *db, struct arena *a, const struct id *id,
                           struct organization *out);
enum err organization_list(struct db *db, struct arena *a, struct organization **out, size_t *n);
/* With its account; a zero o->account draws one. Expects that both ids are new. */
void organization_put(struct effects *fx, const struct organization *o);
void organization_rename(struct effects *fx, const struct id *id, str name);
/* Expects that the organization exists and locks its row until the commit, for whoever adds
 * something to it. */
void organization_hold(struct effects *fx, const struct id *id);
/* Raises the epoch: every token of the organization dies. */
void organization_revoke_all(struct effects *fx, const struct id *id);
/* With its groups, clients and users (and so every token: a token needs its client). */
void organization_delete(struct effects *fx, const struct id *id);

#endif
