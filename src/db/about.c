/* about: asks a shared store what an operator would like to know before a start.
 *
 * Each question is a statement of its own, since engines that speak PostgreSQL's protocol do not
 * have all of its catalogue: what they refuse stays unknown. A refusal is not logged as a failure
 * of the store by anybody but a command that looks for failures.
 */
#include "db/about.h"

#include "base/clock.h"

enum { TRIPS = 5 };

enum {
    VERSION,
    VERSION_NUM,
    SYNCHRONOUS,
    FSYNC,
    LOCAL,
    ENCRYPTED,
    TIME,
    PING,
    CONNECTIONS,
    CONNECTED,
    STANDBY
};

static const struct sql sql[] = {
    [VERSION] = {"about.version", "SELECT current_setting('server_version')"},
    [VERSION_NUM] = {"about.version_num",
                     "SELECT CAST(current_setting('server_version_num') AS BIGINT)"},
    [SYNCHRONOUS] = {"about.synchronous", "SELECT current_setting('synchronous_commit')"},
    [FSYNC] = {"about.fsync", "SELECT current_setting('fsync')"},
    [LOCAL] = {"about.local",
               "SELECT CAST(CASE WHEN inet_server_addr() IS NULL OR "
               "host(inet_server_addr()) IN ('127.0.0.1', '::1') THEN 1 ELSE 0 END AS BIGINT)"},
    [ENCRYPTED] = {"about.encrypted",
                   "SELECT CAST((SELECT COUNT(*) FROM pg_stat_ssl WHERE ssl AND pid = "
                   "pg_backend_pid()) + (SELECT COUNT(*) FROM pg_stat_gssapi WHERE encrypted "
                   "AND pid = pg_backend_pid()) AS BIGINT)"},
    [TIME] = {"about.time",
              "SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)"},
    [PING] = {"about.ping", "SELECT CAST(1 AS BIGINT)"},
    [CONNECTIONS] = {"about.connections",
                     "SELECT CAST(current_setting('max_connections') AS BIGINT) - "
                     "CAST(current_setting('superuser_reserved_connections') AS BIGINT)"},
    [CONNECTED] = {"about.connected", "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_stat_activity "
                                      "WHERE backend_type = 'client backend'"},
    [STANDBY] = {"about.standby", "SELECT CAST(CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END "
                                  "AS BIGINT)"},
};

static int64_t number(struct db *db, int question)
{
    int64_t n;

    return db_query_int(db, &sql[question], NO_ARGS, &n) == OK ? n : -1;
}

static str text(struct db *db, struct arena *a, int question)
{
    struct rows r = db_query(db, &sql[question], NO_ARGS);
    str value = rows_next(&r) ? row_text(&r, 0, a) : (str){0};

    return rows_end(&r) == OK ? value : (str){0};
}

/* The first trip prepares the statement, so the shortest is one of the others. */
static enum err measure(struct db *db, struct about *out)
{
    out->trip_us = INT64_MAX;
    for (int i = 0; i < TRIPS; i++) {
        int64_t n, from_us = clock_mono_us();
        enum err e = db_query_int(db, &sql[PING], NO_ARGS, &n);
        int64_t took_us = clock_mono_us() - from_us;
        if (e != OK)
            return e;
        out->trip_us = took_us < out->trip_us ? took_us : out->trip_us;
    }
    return OK;
}

/* Ours is taken in the middle of the question. */
static void compare_clocks(struct db *db, struct about *out)
{
    struct clock clock = {0};
    number(db, TIME); /* prepares */
    int64_t before_us = clock_now_us(&clock), theirs_ms = number(db, TIME);
    int64_t ours_ms = (before_us + clock_now_us(&clock)) / 2 / 1000;

    out->skew_unknown = theirs_ms < 0;
    out->skew_ms = theirs_ms < 0 ? 0 : theirs_ms - ours_ms;
}

enum err about_read(struct db *db, struct arena *a, struct about *out)
{
    enum err e = measure(db, out);

    if (e != OK)
        return e;
    out->version = text(db, a, VERSION);
    out->version_num = number(db, VERSION_NUM);
    out->synchronous = text(db, a, SYNCHRONOUS);
    out->fsync = text(db, a, FSYNC);
    out->local = number(db, LOCAL);
    out->encrypted = number(db, ENCRYPTED);
    out->connections = number(db, CONNECTIONS);
    out->connected = number(db, CONNECTED);
    out->standby = number(db, STANDBY) == 1;
    compare_clocks(db, out);
    return OK;
}
