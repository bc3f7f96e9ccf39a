/* revoked: the ids of revoked grants, in the memory of one process.
 *
 * On a shared store nobody asks the database whether a JWT's grant is live: each node keeps what
 * table `grants` says. The first poll reads the whole table, later ones the rows whose revoked_s is
 * younger than the last poll less an overlap (clocks of nodes differ, transactions take time);
 * what is there already changes nothing. Rows that have expired are dropped.
 *
 * Any thread may ask and poll. On SQLite there is none of this: the store is asked.
 */
#ifndef STORE_REVOKED_H
#define STORE_REVOKED_H

#include "db/db.h"

struct revoked;

struct revoked *revoked_open(void);
void revoked_close(struct revoked *r);
/* Takes in what was revoked since the last poll. ERR_UNAVAILABLE: it knows what it knew. */
enum err revoked_poll(struct revoked *r, struct db *db, int64_t now_s);
bool revoked_has(const struct revoked *r, const struct id *grant);
size_t revoked_count(const struct revoked *r);

#endif
