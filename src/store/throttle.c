/* throttle: durable counts of failed attempts.
 *
 * Counting is an upsert that commutes: parallel attempts in one batch or on several nodes all
 * count. The window is fixed at the first attempt, so guesses cannot push it out.
 */
#include "store/throttle.h"

#include "base/log.h"
#include "store/expiry.h"
#include "store/statements.h"

enum { LOOK, COUNT, FORGIVE, CLEAR, SWEEP };

static const struct sql sql[] = {
    [LOOK] = {"throttle.look",
              "SELECT CASE subject WHEN $1 THEN 0 WHEN $2 THEN 1 WHEN $3 THEN 2 ELSE 3 END, "
              "attempts, window_end_s, last_s FROM throttle "
              "WHERE subject IN ($1, $2, $3, $4) AND window_end_s > $5"},
    [COUNT] =
        {"throttle.count",
         "INSERT INTO throttle (subject, attempts, window_end_s, last_s) VALUES ($1, 1, $2, $3) "
         "ON CONFLICT (subject) DO UPDATE SET "
         "attempts = CASE WHEN throttle.window_end_s <= CAST($3 AS BIGINT) "
         "THEN 1 ELSE throttle.attempts + 1 END, "
         "window_end_s = CASE WHEN throttle.window_end_s <= CAST($3 AS BIGINT) "
         "THEN excluded.window_end_s ELSE throttle.window_end_s END, "
         "last_s = excluded.last_s"},
    [FORGIVE] = {"throttle.forgive", "UPDATE throttle SET attempts = attempts - 1 "
                                     "WHERE subject = $1 AND attempts > 0"},
    [CLEAR] = {"throttle.clear", "DELETE FROM throttle WHERE subject = $1"},
    [SWEEP] = {"throttle.sweep", EXPIRY_SWEEP("throttle", "subject", "window_end_s")},
};

const struct sql_set throttle_statements = {sql, sizeof sql / sizeof *sql};

enum err throttle_look(struct db *db, const str *keys, size_t n, int64_t now_s,
                       struct throttle *out)
{
    str key[THROTTLE_KEYS] = {{0}};

    if (n > THROTTLE_KEYS)
        fatal("%zu keys at once", n);
    memcpy(key, keys, n * sizeof *keys);
    memset(out, 0, n * sizeof *out);
    struct rows r = db_query(
        db, &sql[LOOK],
        ARGS(db_text(key[0]), db_text(key[1]), db_text(key[2]), db_text(key[3]), db_int(now_s)));
    while (rows_next(&r)) {
        int64_t i = row_int(&r, 0);
        if (i < 0 || (size_t)i >= n)
            continue;
        out[i] = (struct throttle){
            .attempts = row_int(&r, 1),
            .window_end_s = row_int(&r, 2),
            .last_s = row_int(&r, 3),
        };
    }
    return rows_end(&r);
}

enum err throttle_load(struct db *db, str key, int64_t now_s, int64_t *attempts,
                       int64_t *window_end_s)
{
    struct throttle t;
    enum err e = throttle_look(db, &key, 1, now_s, &t);

    *attempts = t.attempts;
    *window_end_s = t.window_end_s;
    return e;
}

void throttle_count(struct effects *fx, str key, int64_t now_s, int64_t window_s)
{
    effects_add(fx, KEEP, EXPECT_ANY, &sql[COUNT],
                ARGS(db_text(key), db_int(now_s + window_s), db_int(now_s)));
}

void throttle_forgive(struct effects *fx, str key)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[FORGIVE], ARGS(db_text(key)));
}

void throttle_clear(struct effects *fx, str key)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[CLEAR], ARGS(db_text(key)));
}

enum err throttle_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}
