/* lease: rows that say who does the housekeeping.
 *
 * One conditional upsert, so that of two nodes that try at the same moment the second sees the
 * first one's row, whatever the isolation level. Times are the writers' wall clocks; what they may
 * differ by is allowed for where a lease is taken over, not where it is renewed.
 */
#include "store/lease.h"

#include "store/statements.h"

enum { TAKE, DROP_OWN };

static const struct sql sql[] = {
    [TAKE] = {"lease.take", "INSERT INTO lease (name, holder, until_s) VALUES ($1, $2, $3) "
                            "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "
                            "until_s = excluded.until_s "
                            "WHERE lease.holder = excluded.holder OR lease.until_s <= $4"},
    [DROP_OWN] = {"lease.drop", "DELETE FROM lease WHERE name = $1 AND holder = $2"},
};

const struct sql_set lease_statements = {sql, sizeof sql / sizeof *sql};

void lease_take(struct effects *fx, const char *name, const struct id *holder, int64_t now_s)
{
    effects_add(fx, KEEP, 1, &sql[TAKE],
                ARGS(db_text(str_from(name)), db_bytes(holder), db_int(now_s + LEASE_LIFE_S),
                     db_int(now_s - LEASE_SKEW_S)));
}

void lease_drop(struct effects *fx, const char *name, const struct id *holder)
{
    effects_add(fx, KEEP, EXPECT_ANY, &sql[DROP_OWN],
                ARGS(db_text(str_from(name)), db_bytes(holder)));
}
