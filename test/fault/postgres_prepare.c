/* postgres_prepare: does the one copy of our SQL run on PostgreSQL?
 *
 *     postgres_prepare URL
 *
 * Brings an empty database to the newest schema, then PREPAREs each statement of store/statements
 * and compares the types that the server inferred for its parameters
 * with the three that we bind. Prints one "ok" or "not ok" line each, then "N passed, N failed".
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/migrate.h"
#include "store/statements.h"

/* pg_type.h: bytea, int8, text */
enum { TYPE_BYTEA = 17, TYPE_BIGINT = 20, TYPE_TEXT = 25 };

static int passed, failed;

static void report(bool ok, const char *name, const char *detail)
{
    printf("%sok %s\n", ok ? "" : "not ", name);
    if (!ok)
        printf("# %s\n", detail);
    passed += ok;
    failed += !ok;
}

static bool migrate(const char *url)
{
    struct db *db = NULL;
    char why[512];
    int applied;
    bool ok = db_open(str_from(url), false, &db, why, sizeof why) == OK &&
              migrate_run(db, &applied, why, sizeof why) == OK;

    report(ok, "migrations", why);
    db_close(db);
    return ok;
}

static bool types_are_ours(PGconn *c, const char *name, char *detail, size_t size)
{
    PGresult *r = PQdescribePrepared(c, name);
    bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;

    for (int i = 0; ok && i < PQnparams(r); i++) {
        Oid type = PQparamtype(r, i);
        ok = type == TYPE_BYTEA || type == TYPE_BIGINT || type == TYPE_TEXT;
        if (!ok)
            snprintf(detail, size, "parameter $%d has type %u", i + 1, type);
    }
    PQclear(r);
    return ok;
}

static void prepare(PGconn *c, const struct sql *sql)
{
    char detail[1024];
    PGresult *r = PQprepare(c, sql->name, sql->text, 0, NULL);
    bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;

    snprintf(detail, sizeof detail, "%s", PQresultErrorMessage(r));
    report(ok && types_are_ours(c, sql->name, detail, sizeof detail), sql->name, detail);
    PQclear(r);
}

static void prepare_all(PGconn *c)
{
    for (const struct sql_set *const *set = statements; *set; set++)
        for (size_t i = 0; i < (*set)->n; i++)
            prepare(c, &(*set)->sql[i]);
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "";
    PGconn *c = PQconnectdb(url);

    if (PQstatus(c) != CONNECTION_OK) {
        fprintf(stderr, "%s", PQerrorMessage(c));
        return 1;
    }
    if (migrate(url))
        prepare_all(c);
    PQfinish(c);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
