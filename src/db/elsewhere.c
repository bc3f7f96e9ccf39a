/* elsewhere: a handle for a thread that must not wait for the engine.
 *
 * It has no connection. Each statement fails and leaves a mark, db->asked, so that the request that
 * wanted to read runs again on a thread that has one (oauth/oauth.c). A worker can thus run any
 * handler and find out whether it gets along with what is in memory.
 */
#include <stdlib.h>

#include "base/log.h"
#include "db/db.h"

static enum err elsewhere_open(str url, bool read_only, struct db **out, char *why, size_t why_size)
{
    (void)url, (void)read_only, (void)why, (void)why_size;
    *out = db_elsewhere();
    return OK;
}

static void elsewhere_close(struct db *db)
{
    free(db);
}

static struct db_stmt *elsewhere_prepare(struct db *db, const struct sql *sql)
{
    (void)sql;
    db->asked = true;
    return NULL;
}

static enum db_status elsewhere_exec(struct db *db, const char *text)
{
    (void)text;
    db->asked = true;
    return DB_AWAY;
}

static bool elsewhere_lost_transaction(struct db *db)
{
    (void)db;
    return true;
}

static const char *elsewhere_message(struct db *db)
{
    (void)db;
    return "this thread has no connection to the store";
}

/* No statement is ever prepared, so none is bound, stepped or reset. */
static const struct db_ops elsewhere_ops = {
    .name = "elsewhere",
    .shared = true,
    .open = elsewhere_open,
    .close = elsewhere_close,
    .prepare = elsewhere_prepare,
    .exec = elsewhere_exec,
    .lost_transaction = elsewhere_lost_transaction,
    .message = elsewhere_message,
};

struct db *db_elsewhere(void)
{
    struct db *db = calloc(1, sizeof *db);

    if (!db)
        fatal("out of memory");
    db->ops = &elsewhere_ops;
    return db;
}
