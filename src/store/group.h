/* group: a named set of people inside an organization; what a Twine token gives access to. */
#ifndef STORE_GROUP_H
#define STORE_GROUP_H

#include "store/effects.h"

struct group {
    struct id id;
    struct id organization;
    str name;
    str bio; /* p == NULL: none */
    int64_t created_s;
};

/* Which groups, and which part of the list. */
struct group_query {
    struct id organization;
    const struct uid *client; /* only those that this client was given; NULL: all of it */
    str name;                 /* exact; p == NULL: any */
    const struct id *after;   /* cursor: ids greater than this; NULL: from the start */
    int64_t offset;
    int64_t limit; /* -1: no limit */
};

enum err group_load(struct db *db, struct arena *a, const struct id *id, struct group *out);
/* In order of id. */
enum err group_list(struct db *db, struct arena *a, const struct group_query *q, struct group **out,
                    size_t *n);
enum err group_count(struct db *db, const struct group_query *q, int64_t *count);
/* The ids of the first `limit` (-1: all) groups of the organization, in order. */
enum err group_ids(struct db *db, struct arena *a, const struct id *organization, int64_t limit,
                   struct id **out, size_t *n);
/* True when the client was given this group by name (not through "all groups"). */
enum err group_is_of_client(struct db *db, const struct id *group, const struct uid *client,
                            bool *yes);
/* Expects that the id is new and that the organization exists and has fewer than LIMIT_GROUPS. */
void group_put(struct effects *fx, const struct group *g);
/* bio.p == NULL removes it. */
void group_update(struct effects *fx, const struct id *id, const struct id *organization, str name,
                  str bio);
void group_delete(struct effects *fx, const struct id *id, const struct id *organization);

#endif
