/* check_store: where the store is, who may touch it, and what keeps it from carrying a server.
 *
 * Of a SQLite file: its modes, its directory, the space left. Of PostgreSQL: what it says of itself
 * (db/about). Of both: the schema version.
 */
#include "cmd/check_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cmd/open.h"
#include "db/about.h"
#include "db/migrate.h"

enum {
    WHY = 1024,
    DISK_LOW_MB = 256,
    OLDEST_SERVER = 130000, /* PostgreSQL 13 */
    SKEW_WARN_MS = 2000,
    SKEW_FAIL_MS = 5000,
    TRIP_SLOW_US = 20000,
    OWN_THREADS = 3, /* committer, keeper, and a command beside the server */
};

static void check_file_mode(struct check *k, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return;
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        check_say(k, WARN, "store file", "%s has mode %04o; run: chmod 600 %s", path,
                  (unsigned)st.st_mode & 07777, path);
    } else {
        check_say(k, PASS, "store file", "%s, mode %04o", path, (unsigned)st.st_mode & 07777);
    }
}

/* Who may rename files in the store's directory decides what the store is. */
static void check_directory(struct check *k, const char *path)
{
    struct stat st, file;
    struct statvfs fs;
    const char *slash = strrchr(path, '/');
    const char *directory =
        slash ? arena_cstr(&k->c->arena, str_make(path, (size_t)(slash - path) + 1)) : ".";
    if (stat(directory, &st) != 0 || stat(path, &file) != 0 || statvfs(directory, &fs) != 0)
        return;
    long long free_mb = (long long)fs.f_bavail * (long long)fs.f_frsize >> 20;
    if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX)) {
        check_say(k, FAIL, "directory", "%s may be changed by anybody; run: chmod o-w %s",
                  directory, directory);
    } else if (file.st_uid != st.st_uid && st.st_uid != 0) {
        check_say(k, WARN, "directory", "%s and %s belong to different users; run: chown %u %s",
                  directory, path, (unsigned)st.st_uid, path);
    } else if (free_mb < DISK_LOW_MB) {
        check_say(k, WARN, "directory", "%s has %lld MB left; a full disk makes every answer 503",
                  directory, free_mb);
    } else {
        check_say(k, PASS, "directory", "%s, %lld MB free", directory, free_mb);
    }
}

static void look_at_server(struct check *k, const struct about *is)
{
    if (is->version_num < 0)
        check_say(k, WARN, "server",
                  "it does not say its version; PostgreSQL 13 or later is known");
    else if (is->version_num < OLDEST_SERVER)
        check_say(k, FAIL, "server", "PostgreSQL %.*s is too old: use 13 or later",
                  STR_ARG(is->version));
    else if (is->standby)
        check_say(k, FAIL, "server",
                  "PostgreSQL %.*s is a standby and takes no writes: name the primary in `db`",
                  STR_ARG(is->version));
    else
        check_say(k, PASS, "server", "PostgreSQL %.*s", STR_ARG(is->version));
}

/* What has been acknowledged must outlive a crash of the database. */
static void look_at_durability(struct check *k, const struct about *is)
{
    if (str_eq(is->synchronous, STR("off")))
        check_say(k, FAIL, "durability",
                  "synchronous_commit is off: tokens that were acknowledged are lost when the "
                  "database crashes; set it on for this role or database");
    else if (str_eq(is->fsync, STR("off")))
        check_say(k, WARN, "durability",
                  "fsync is off: a power cut may damage the whole database; set fsync = on");
    else
        check_say(k, PASS, "durability", "synchronous_commit %.*s",
                  STR_ARG(is->synchronous.n ? is->synchronous : STR("unknown")));
}

static void look_at_encryption(struct check *k, const struct about *is)
{
    if (is->local == 1)
        check_say(k, PASS, "encryption", "not needed: the server is on the same machine");
    else if (is->encrypted > 0)
        check_say(k, PASS, "encryption", "the connection is encrypted");
    else
        check_say(k, WARN, "encryption",
                  "the connection to another machine %s encrypted: add sslmode=verify-full and "
                  "sslrootcert=FILE to the URL",
                  is->encrypted == 0 ? "is not" : "may not be");
}

/* Nodes compare times with each other through the store. */
static void look_at_clocks(struct check *k, const struct about *is)
{
    long long ahead_ms = is->skew_ms, away_ms = llabs(ahead_ms);
    if (is->skew_unknown) {
        check_say(k, WARN, "clock skew", "the server does not say what time it is");
        return;
    }
    enum verdict v = away_ms > SKEW_FAIL_MS ? FAIL : away_ms > SKEW_WARN_MS ? WARN : PASS;
    check_say(k, v, "clock skew", "the server's clock is %lld.%03lld s %s ours%s", away_ms / 1000,
              away_ms % 1000, ahead_ms < 0 ? "behind" : "ahead of",
              v == PASS ? ""
                        : ": run ntp or chrony on both machines (more than 5 s breaks things)");
}

static void look_at_trip(struct check *k, const struct about *is)
{
    bool slow = is->trip_us > TRIP_SLOW_US;
    check_say(k, slow ? WARN : PASS, "round trip", "%lld.%02lld ms%s",
              (long long)is->trip_us / 1000, (long long)is->trip_us % 1000 / 10,
              slow ? ": a code or a refresh takes several; put the node near the database" : "");
}

static void look_at_connections(struct check *k, const struct about *is)
{
    const struct settings *s = &k->c->settings;
    long long need =
        setting_int(s, db_readers) + setting_int(s, pool_threads) + (long long)OWN_THREADS;
    long long left = is->connections - is->connected + 1; /* this one ends */
    if (is->connections < 0 || is->connected < 0)
        check_say(k, WARN, "connections",
                  "this node takes up to %lld; the server does not say how "
                  "many it has left",
                  need);
    else if (left < need)
        check_say(k, WARN, "connections",
                  "this node takes up to %lld, the server has %lld left of %lld: raise "
                  "max_connections there, or lower db.readers or pool.threads here (a server of "
                  "this node that runs now is counted in both)",
                  need, left, (long long)is->connections);
    else
        check_say(k, PASS, "connections",
                  "this node takes up to %lld, the server has %lld left of %lld", need, left,
                  (long long)is->connections);
}

static void look_at_engine(struct check *k)
{
    struct cmd *c = k->c;
    struct about is;
    if (about_read(c->db, &c->arena, &is)) {
        check_say(k, FAIL, "server", "it does not answer: %s", c->db->ops->message(c->db));
        return;
    }
    look_at_server(k, &is);
    look_at_durability(k, &is);
    look_at_encryption(k, &is);
    look_at_clocks(k, &is);
    look_at_trip(k, &is);
    look_at_connections(k, &is);
}

/* True when there is a file. */
static bool look_at_files(struct check *k)
{
    const char *path = arena_cstr(&k->c->arena, open_db_path(k->c));
    if (access(path, F_OK) != 0) {
        check_say(k, FAIL, "store", "there is no store at %s; run: postern migrate", path);
        return false;
    }
    check_file_mode(k, path);
    check_directory(k, path);
    return true;
}

/* True when this program may use the store as it is. */
static bool look_at_version(struct check *k)
{
    struct cmd *c = k->c;
    struct migrate_state is;
    str name = open_db_name(c);
    if (migrate_read(c->db, &is)) {
        check_say(k, FAIL, "store", "%.*s cannot be read: %s", STR_ARG(name),
                  c->db->ops->message(c->db));
        return false;
    }
    bool older = is.version < migrate_latest();
    if (older || !migrate_serves(&is)) {
        check_say(k, FAIL, "store", "schema version %d, this program needs %d; %s", is.version,
                  migrate_latest(), older ? "run: postern migrate" : "install a later postern");
        return false;
    }
    if (is.version > migrate_latest())
        check_say(k, PASS, "store",
                  "%.*s, schema version %d; this program is of version %d and may go on",
                  STR_ARG(name), is.version, migrate_latest());
    else
        check_say(k, PASS, "store", "%.*s, schema version %d", STR_ARG(name), is.version);
    return true;
}

bool check_store_look(struct check *k)
{
    struct cmd *c = k->c;
    char why[WHY];
    if (!open_is_shared(c) && !look_at_files(k))
        return false;
    if (db_open(setting_text(&c->settings, db), true, &c->db, why, sizeof why)) {
        check_say(k, FAIL, "store", "%s", why);
        return false;
    }
    if (open_is_shared(c))
        look_at_engine(k);
    return look_at_version(k);
}
