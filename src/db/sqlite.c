/* sqlite: the embedded store (WAL, synchronous FULL: a commit is durable when it returns).
 *
 * A handle belongs to one thread. Statements are prepared once per handle and found by the address
 * of their struct sql in an open-addressing table. SQLite numbers $N by first appearance, so the
 * position of each $N is looked up when the statement is prepared.
 *
 * Memory is bounded by a small page cache per handle and no mapping of the file. The write-ahead
 * log is bounded by a hook: checkpoints that wait for nobody at first; if readers keep it from
 * starting over for long, one that waits for them.
 *
 * Files are created for their owner only; SQLite gives the log and its index the same mode.
 */
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"

#define WRITER_BUSY_MS  1500
#define READER_BUSY_MS  500
#define PARAMS_MAX      32
#define SLOTS           1024 /* a power of two, well above the number of statements */
#define WAL_PAGES       2000
#define WAL_PAGES_LIMIT 16000 /* 64 MiB */
#define PATH_MAX_CHARS  3072

struct db_stmt {
    const struct sql *sql;
    sqlite3_stmt *s;
    struct sqlite *db;
    bool running;
    uint8_t at[PARAMS_MAX + 1]; /* position of $N; 0: not there */
};

struct sqlite {
    struct db base;
    sqlite3 *c;
    int running;   /* statements between step and reset */
    int wal_limit; /* pages in the log at which a checkpoint waits for readers */
    size_t used;
    const char *complaint; /* why the last call failed when SQLite itself did not */
    struct db_stmt *slots[SLOTS];
};

static struct sqlite *self(struct db *db)
{
    return (struct sqlite *)db;
}

static enum db_status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return DB_DONE;
    case SQLITE_ROW:
        return DB_ROW;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DB_BUSY;
    case SQLITE_FULL:
        return DB_FULL;
    case SQLITE_CONSTRAINT:
        return DB_REFUSED;
    default:
        return DB_ERROR;
    }
}

/* After each commit with `pages` in the log. A checkpoint that waits for readers holds up whoever
 * commits; if one reader outlasts it (a backup), the next comes when the log is twice as long. */
static int on_wal(void *arg, sqlite3 *c, const char *schema, int pages)
{
    struct sqlite *d = arg;
    int limit = d->wal_limit > WAL_PAGES_LIMIT ? d->wal_limit : WAL_PAGES_LIMIT;
    if (pages < WAL_PAGES_LIMIT)
        d->wal_limit = WAL_PAGES_LIMIT;
    if (pages >= limit) {
        if (sqlite3_wal_checkpoint_v2(c, schema, SQLITE_CHECKPOINT_RESTART, NULL, NULL) !=
            SQLITE_OK)
            d->wal_limit = pages < INT_MAX / 2 ? pages * 2 : INT_MAX;
    } else if (pages >= WAL_PAGES) {
        sqlite3_wal_checkpoint_v2(c, schema, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
    return SQLITE_OK; /* the commit stands whatever became of the checkpoint */
}

/* Says why `path` cannot be opened, as far as the file system knows. False: it does not. */
static bool explain_path(const char *path, bool read_only, char *why, size_t why_size)
{
    char dir[PATH_MAX_CHARS + 1];
    struct stat st;
    const char *slash = strrchr(path, '/');
    int n = slash != NULL && slash != path ? (int)(slash - path) : 1;

    snprintf(dir, sizeof dir, "%.*s", n, slash ? path : ".");
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        snprintf(why, why_size,
                 "the directory %s of the database does not exist: create it, or "
                 "name another database with --db",
                 dir);
    else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        snprintf(why, why_size, "the database %s is a directory: name a file in it", path);
    else if (read_only && access(path, F_OK) != 0)
        snprintf(why, why_size,
                 "there is no database at %s: create it with 'postern migrate', or "
                 "name another with --db",
                 path);
    else if (access(path, F_OK) == 0 && access(path, R_OK | W_OK) != 0)
        snprintf(why, why_size,
                 "no permission to read and write the database %s: run as its "
                 "owner, or change its owner",
                 path);
    else if (access(dir, W_OK | X_OK) != 0)
        snprintf(why, why_size,
                 "no permission to write in %s: the database's journal lies beside "
                 "it; change the directory's owner or mode",
                 dir);
    else
        return false;
    return true;
}

static enum err explain(sqlite3 *c, int rc, const char *path, bool read_only, char *why,
                        size_t why_size)
{
    if (explain_path(path, read_only, why, why_size))
        return ERR_UNAVAILABLE;
    switch (rc & 0xff) {
    case SQLITE_NOTADB:
        snprintf(why, why_size, "%s is not a SQLite database: name another file with --db", path);
        break;
    case SQLITE_CORRUPT:
        snprintf(why, why_size, "the database %s is damaged: restore it from a backup", path);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        snprintf(why, why_size,
                 "the database %s is locked by another process: end it, or wait "
                 "until it is done",
                 path);
        break;
    case SQLITE_PROTOCOL:
        snprintf(why, why_size,
                 "the file system of %s cannot carry a write-ahead log (shared "
                 "memory or locks are missing): use a local disk",
                 path);
        break;
    case SQLITE_FULL:
        snprintf(why, why_size, "the disk of %s is full: free some space on it", path);
        break;
    default:
        snprintf(why, why_size, "cannot open the database %s: %s", path,
                 c ? sqlite3_errmsg(c) : sqlite3_errstr(rc));
    }
    return ERR_UNAVAILABLE;
}

/* O_EXCL, because closing a descriptor of a file that is in use drops its POSIX locks. */
static int create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EEXIST ? SQLITE_OK : errno == ENOSPC ? SQLITE_FULL : SQLITE_CANTOPEN;
    close(fd);
    return SQLITE_OK;
}

/* The one answer of journal_mode that we take. */
static int is_wal(void *arg, int n, char **values, char **names)
{
    (void)names;
    *(bool *)arg = n == 1 && values[0] && strcmp(values[0], "wal") == 0;
    return 0;
}

static int set_up(sqlite3 *c, bool read_only)
{
    static const char *const reader =
        "PRAGMA mmap_size=0; PRAGMA cache_size=-2560; PRAGMA temp_store=MEMORY;"
        "PRAGMA query_only=1; PRAGMA schema_version;";
    static const char *const writer =
        "PRAGMA mmap_size=0; PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY;"
        "PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;";
    bool wal = false;
    int rc;

    sqlite3_extended_result_codes(c, 1);
    sqlite3_busy_timeout(c, read_only ? READER_BUSY_MS : WRITER_BUSY_MS);
    if (read_only)
        return sqlite3_exec(c, reader, NULL, NULL, NULL);
    rc = sqlite3_exec(c, "PRAGMA journal_mode=WAL", is_wal, &wal, NULL);
    if (rc == SQLITE_OK && !wal)
        rc = SQLITE_PROTOCOL;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c, writer, NULL, NULL, NULL);
    return rc;
}

static enum err sqlite_open(str url, bool read_only, struct db **out, char *why, size_t why_size)
{
    char path[PATH_MAX_CHARS + 1];
    struct sqlite *d;
    sqlite3 *c = NULL;
    str where = str_sub(url, STR("sqlite:").n, url.n);
    int rc = SQLITE_OK;

    if (where.n == 0 || where.n > PATH_MAX_CHARS) {
        snprintf(why, why_size, "the database needs a path of 1 to %d bytes: sqlite:PATH",
                 PATH_MAX_CHARS);
        return ERR_INVALID_REQUEST;
    }
    snprintf(path, sizeof path, "%.*s", STR_ARG(where));
    if (!read_only)
        rc = create_private(path);
    /* A reader of a WAL database must be able to write the log's index; query_only holds it. */
    if (rc == SQLITE_OK)
        rc = sqlite3_open_v2(path, &c, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = set_up(c, read_only);
    if (rc != SQLITE_OK) {
        enum err e = explain(c, rc, path, read_only, why, why_size);
        sqlite3_close(c);
        return e;
    }
    d = calloc(1, sizeof *d);
    if (!d)
        fatal("out of memory");
    d->base.ops = &sqlite_ops;
    d->c = c;
    if (!read_only)
        sqlite3_wal_hook(c, on_wal, d);
    *out = &d->base;
    return OK;
}

static void sqlite_close(struct db *db)
{
    struct sqlite *d = self(db);

    for (size_t i = 0; i < SLOTS; i++) {
        if (d->slots[i]) {
            sqlite3_finalize(d->slots[i]->s);
            free(d->slots[i]);
        }
    }
    sqlite3_close(d->c);
    free(d);
}

static size_t slot_of(const struct sqlite *d, const struct sql *sql)
{
    uint64_t h = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(h >> 40) & (SLOTS - 1);

    while (d->slots[i] && d->slots[i]->sql != sql)
        i = (i + 1) & (SLOTS - 1);
    return i;
}

static struct db_stmt *make_statement(struct sqlite *d, const struct sql *sql)
{
    struct db_stmt *s;
    sqlite3_stmt *raw;

    if (sqlite3_prepare_v3(d->c, sql->text, -1, SQLITE_PREPARE_PERSISTENT, &raw, NULL) != SQLITE_OK)
        return NULL;
    s = calloc(1, sizeof *s);
    if (!s) {
        heap_lack();
        d->complaint = "out of memory";
        sqlite3_finalize(raw);
        return NULL;
    }
    s->sql = sql;
    s->s = raw;
    s->db = d;
    for (int i = 1; i <= PARAMS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "$%d", i);
        s->at[i] = (uint8_t)sqlite3_bind_parameter_index(raw, name);
    }
    return s;
}

static struct db_stmt *sqlite_prepare(struct db *db, const struct sql *sql)
{
    struct sqlite *d = self(db);
    size_t i = slot_of(d, sql);

    d->complaint = NULL;
#ifdef DEBUG
    /* A read left open would keep the log from starting over (DESIGN.md 5). */
    if (d->running > 0 && sqlite3_get_autocommit(d->c))
        fatal("%s starts while another read is open", sql->name);
#endif
    if (!d->slots[i]) {
        if (d->used >= SLOTS / 2)
            fatal("more statements than a database handle has room for");
        d->slots[i] = make_statement(d, sql);
        d->used += d->slots[i] != NULL;
    }
#ifdef DEBUG
    /* Its memory was freed while this handle was open, and is another statement's now. */
    if (d->slots[i] && strcmp(sqlite3_sql(d->slots[i]->s), sql->text) != 0)
        fatal("%s is found at the address of another statement", sql->name);
#endif
    return d->slots[i];
}

static bool sqlite_bind(struct db_stmt *s, int index, const struct db_arg *arg)
{
    int at = index >= 1 && index <= PARAMS_MAX ? s->at[index] : 0;
    int rc = SQLITE_ERROR;

    if (at == 0) {
        s->db->complaint = "an argument for a parameter that the statement does not have";
        return false;
    }
    switch (arg->type) {
    case DB_NULL:
        rc = sqlite3_bind_null(s->s, at);
        break;
    case DB_INT:
        rc = sqlite3_bind_int64(s->s, at, arg->i);
        break;
    case DB_TEXT:
        rc = sqlite3_bind_text64(s->s, at, arg->s.p, arg->s.n, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case DB_BLOB:
        rc = sqlite3_bind_blob64(s->s, at, arg->s.p, arg->s.n, SQLITE_STATIC);
        break;
    }
    return rc == SQLITE_OK;
}

static enum db_status sqlite_step(struct db_stmt *s)
{
    s->db->running += !s->running;
    s->running = true;
    return status_of(sqlite3_step(s->s));
}

static int sqlite_columns(struct db_stmt *s)
{
    return sqlite3_column_count(s->s);
}

static enum db_type sqlite_column(struct db_stmt *s, int index, int64_t *i, str *bytes)
{
    switch (sqlite3_column_type(s->s, index)) {
    case SQLITE_INTEGER:
        *i = sqlite3_column_int64(s->s, index);
        return DB_INT;
    case SQLITE_TEXT:
        bytes->p = (const char *)sqlite3_column_text(s->s, index);
        bytes->n = (size_t)sqlite3_column_bytes(s->s, index);
        return DB_TEXT;
    case SQLITE_BLOB:
        bytes->p = sqlite3_column_blob(s->s, index);
        bytes->n = (size_t)sqlite3_column_bytes(s->s, index);
        return DB_BLOB;
    default:
        return DB_NULL;
    }
}

static void sqlite_reset(struct db_stmt *s)
{
    s->db->running -= s->running;
    s->running = false;
    sqlite3_reset(s->s);
}

static int64_t sqlite_changes(struct db *db)
{
    return sqlite3_changes64(self(db)->c);
}

static enum db_status sqlite_exec(struct db *db, const char *text)
{
    struct sqlite *d = self(db);

    d->complaint = NULL;
    /* A transaction that reads first and writes later could not wait for another writer. */
    if (strcmp(text, "BEGIN") == 0)
        text = "BEGIN IMMEDIATE";
    return status_of(sqlite3_exec(d->c, text, NULL, NULL, NULL));
}

static bool sqlite_lost_transaction(struct db *db)
{
    return sqlite3_get_autocommit(self(db)->c) != 0;
}

static const char *sqlite_message(struct db *db)
{
    struct sqlite *d = self(db);

    return d->complaint ? d->complaint : sqlite3_errmsg(d->c);
}

const struct db_ops sqlite_ops = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .prepare = sqlite_prepare,
    .bind = sqlite_bind,
    .step = sqlite_step,
    .columns = sqlite_columns,
    .column = sqlite_column,
    .reset = sqlite_reset,
    .changes = sqlite_changes,
    .exec = sqlite_exec,
    .lost_transaction = sqlite_lost_transaction,
    .message = sqlite_message,
};
