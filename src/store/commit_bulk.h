/* commit_bulk: the way of store/commit.h on drivers that send many statements in one round trip.
 * For commit.c only.
 */
#ifndef STORE_COMMIT_BULK_H
#define STORE_COMMIT_BULK_H

#include "store/commit.h"

/* Where the ids of changes come from. */
struct stamp {
    struct id_source *ids;
    const struct clock *clock;
};

/* Gives each set its outcome. True: changes were or may have been told so late that others looked
 * for them in vain; they are owed CHANGE_ALL. */
bool commit_bulk(struct db *db, const struct stamp *stamp, struct commit_set *sets, size_t n);

#endif
