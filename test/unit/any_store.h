/* any_store: the store of a fixture: a SQLite file in its directory, or, when POSTERN_TEST_PG names
 * the directory of a running script/postgres, a schema of its own there.
 */
#ifndef TEST_UNIT_ANY_STORE_H
#define TEST_UNIT_ANY_STORE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/db.h"

enum { ANY_STORE_URL = 256, ANY_STORE_SERVER = 192 };

static inline bool any_store_is_shared(void)
{
    return getenv("POSTERN_TEST_PG") != NULL;
}

/* For tests that write SQL themselves. */
static inline const char *any_store_text(const char *sqlite, const char *postgresql)
{
    return any_store_is_shared() ? postgresql : sqlite;
}

/* The URL of the whole database; asked for once. */
static inline const char *any_store_server(void)
{
    static char url[ANY_STORE_SERVER];
    char command[ANY_STORE_SERVER];
    FILE *p;

    if (*url)
        return url;
    snprintf(command, sizeof command, "exec script/postgres url %s", getenv("POSTERN_TEST_PG"));
    p = popen(command, "r");
    if (!p || !fgets(url, sizeof url, p) || pclose(p) != 0)
        abort();
    url[strcspn(url, "\n")] = 0;
    return url;
}

static inline void any_store_admin(const char *verb, const char *schema, const char *more)
{
    char text[128], why[512];
    struct db *db = NULL;

    snprintf(text, sizeof text, "%s SCHEMA %s%s", verb, schema, more);
    if (db_open(str_from(any_store_server()), false, &db, why, sizeof why) != OK ||
        db->ops->exec(db, text) != DB_DONE) {
        fprintf(stderr, "%s: %s\n", text, db ? db->ops->message(db) : why);
        abort();
    }
    db_close(db);
}

/* An empty store for a fixture whose directory that is. */
static inline void any_store_make(const char *dir, char url[ANY_STORE_URL])
{
    static int made;
    char schema[32];

    if (!any_store_is_shared()) {
        snprintf(url, ANY_STORE_URL, "sqlite:%s/db", dir);
        return;
    }
    snprintf(schema, sizeof schema, "unit_%d_%d", (int)getpid(), ++made);
    any_store_admin("CREATE", schema, "");
    snprintf(url, ANY_STORE_URL, "%s%coptions=-csearch_path%%3D%s", any_store_server(),
             strchr(any_store_server(), '?') ? '&' : '?', schema);
}

/* After the last handle was closed; files are left to whoever made the directory. */
static inline void any_store_drop(const char *url)
{
    const char *schema = strstr(url, "search_path%3D");

    if (schema)
        any_store_admin("DROP", schema + strlen("search_path%3D"), " CASCADE");
}

#endif
