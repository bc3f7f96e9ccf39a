/* revoked: the ids of revoked grants, in the memory of one process.
 *
 * On a shared store nobody asks the database whether a JWT's grant is live: each node keeps what
 * table `grants` says. The first poll reads the whole table. What was revoked later is told by
 * CHANGE_GRANTS, with the revoked_s from which to look (revoked_take); further polls are there for
 * what nobody told, and read the rows whose revoked_s is younger than the last poll less an overlap
 * (clocks of nodes differ, transactions take time). What is there already changes nothing. Rows
 * that have expired are dropped.
 *
 * Memory: 20 bytes a row in a table that doubles when it is three quarters full, so 27 to 54; a
 * client costs 36 more. At most REVOKED_PER_CLIENT rows of a client stay: whoever does the
 * housekeeping raises the epoch of a client that has more (cmd/serve_excess.c), which ends all its
 * tokens, and tells CHANGE_EXCESS; then each node forgets the rows. The count is in memory, since
 * counting in the store would read the whole table again and again.
 *
 * Any thread may ask and poll. On SQLite there is none of this: the store is asked.
 */
#ifndef STORE_REVOKED_H
#define STORE_REVOKED_H

#include "db/db.h"

#define REVOKED_PER_CLIENT 100000

struct revoked;

struct revoked *revoked_open(void);
void revoked_close(struct revoked *r);
/* Takes in what was revoked since the last poll; the handle's patience says how long the way to a
 * commit may be. ERR_UNAVAILABLE: it knows what it knew. */
enum err revoked_poll(struct revoked *r, struct db *db, int64_t now_s);
/* From the next poll on the whole table is read again. */
void revoked_again(struct revoked *r);
/* Takes in the rows with that revoked_s or a later one: what has just been committed. */
enum err revoked_take(struct revoked *r, struct db *db, int64_t since_s);
bool revoked_has(struct revoked *r, const struct id *grant);
size_t revoked_count(struct revoked *r);

/* The clients of more than REVOKED_PER_CLIENT rows, at most max; how many. */
size_t revoked_excess(struct revoked *r, struct uid *out, size_t max);
/* The client's epoch has been raised: its rows of now go from memory after REVOKED_GRACE_S, when no
 * thread or node can hold the client as it was. New ones count for themselves. */
void revoked_forget(struct revoked *r, const struct uid *client);
#define REVOKED_GRACE_S 120
/* Some rows of forgotten clients, at least a sixth of the grace after that, at most max; how many.
 * The store may drop them, then revoked_drop. */
size_t revoked_needless(struct revoked *r, struct id *out, size_t max);
void revoked_drop(struct revoked *r, const struct id *ids, size_t n);

#endif
