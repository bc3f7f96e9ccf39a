/* restore: `postern restore FILE`, into a store that holds nothing.
 *
 * The file is read twice: first all of it is authenticated and counted, without a store; then it is
 * loaded, in one transaction with the schema: up to the file's version, the rows, and what later
 * migrations make of them. So whatever happens, the store is restored or as empty as it was.
 *
 * Left out on purpose: restoring over a store that holds something, or a part of one. Two stores
 * that had lives of their own cannot be joined without taking back what one of them has revoked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/backup_secret.h"
#include "cmd/backup_show.h"
#include "cmd/open.h"
#include "cmd/progress.h"
#include "db/migrate.h"
#include "store/restore.h"

enum { WHY = 1024 };

struct job {
    struct cmd *c;
    const char *path;
    int fd;
    int error; /* errno of the read that failed */
    str head_text;
    struct backup_head head;
    struct secret key;
    struct backup_tables tables;
    struct progress progress;
};

static ssize_t read_more(void *arg, void *bytes, size_t n)
{
    struct job *j = arg;
    ssize_t got = read(j->fd, bytes, n);
    if (got < 0)
        j->error = errno;
    return got;
}

static void on_page(void *arg, int64_t rows)
{
    progress_add(&((struct job *)arg)->progress, rows);
}

static int read_failed(struct job *j)
{
    return cmd_fail(CMD_FAILED, "cannot read %s: %s", j->path, strerror(j->error));
}

static int refused(struct job *j, const char *why)
{
    return cmd_fail(CMD_FAILED, "%s %s; nothing was changed", j->path, why);
}

/* ---- the head ---- */

static int open_file(struct job *j)
{
    struct stat st;
    str name = args_operand(j->c);
    j->path = arena_cstr(&j->c->arena, name);
    if (str_eq(name, STR("-"))) {
        return cmd_fail(CMD_USAGE, "a backup is read twice, first to check it: save stdin to a "
                                   "file, and name that");
    }
    j->fd = open(j->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (j->fd < 0 || fstat(j->fd, &st) != 0)
        return cmd_fail(errno == ENOENT ? CMD_ABSENT : CMD_FAILED, "cannot read %s: %s", j->path,
                        strerror(errno));
    if (!S_ISREG(st.st_mode))
        return cmd_fail(CMD_FAILED, "%s is no regular file", j->path);
    return CMD_DONE;
}

static int read_head(struct job *j)
{
    char why[WHY];
    char *front = arena_alloc(&j->c->arena, BACKUP_HEAD_MAX);
    size_t size;
    ssize_t n = pread(j->fd, front, BACKUP_HEAD_MAX, 0);
    if (n < 0) {
        j->error = errno;
        return read_failed(j);
    }
    str text = str_make(front, (size_t)n);
    if (backup_head_parse(&j->c->arena, text, &j->head, &size, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s %s", j->path, why);
    j->head_text = str_sub(text, 0, size);
    return CMD_DONE;
}

static int inspect(struct job *j)
{
    struct show s;
    show_begin(&s, j->c, SHOW_ONE, "");
    show_object(&s);
    show_text(&s, "file", str_from(j->path));
    backup_show_head(&s, &j->head);
    show_object_end(&s);
    return show_end(&s);
}

/* ---- the first reading ---- */

static int unlock(struct job *j)
{
    enum stream_secret kind;
    str secret;
    int code = backup_secret(j->c, false, &kind, &secret);
    if (code)
        return code;
    if (kind != j->head.seal.secret) {
        return refused(j, kind == STREAM_KEY ? "is sealed with a passphrase, not with a key"
                                             : "is sealed with a key: give --key-file");
    }
    enum err e = stream_seal_open(&j->head.seal, secret, &j->key);
    if (e == ERR_INVALID_REQUEST) {
        return refused(j, "asks for more memory or time to open it than any backup of ours: it is "
                          "damaged, or made to do harm");
    }
    if (e == ERR_WRONG_PASSWORD) {
        return refused(j, kind == STREAM_KEY ? "is not sealed with this key"
                                             : "is not sealed with this passphrase");
    }
    if (e) {
        return cmd_fail(CMD_FAILED, "there is no memory to stretch the passphrase (%u KiB)",
                        j->head.seal.memory_kib);
    }
    return CMD_DONE;
}

static struct stream_reader *rewound(struct job *j)
{
    lseek(j->fd, (off_t)j->head_text.n, SEEK_SET);
    return stream_reader_open(&j->key, j->head_text, read_more, j);
}

static int check(struct job *j)
{
    char why[WHY] = "";
    struct stream_reader *r = rewound(j);
    progress_begin(&j->progress, "checking", "rows", 0);
    enum err e = restore_check(r, &j->tables, on_page, j, why, sizeof why);
    progress_end(&j->progress);
    stream_reader_close(r);
    if (e == ERR_INVALID_REQUEST)
        return refused(j, why);
    if (e)
        return read_failed(j);
    if (j->head.schema > migrate_latest()) {
        return cmd_fail(CMD_FAILED,
                        "%s has schema version %lld, this program knows up to %d; nothing was "
                        "changed; restore it with postern %.*s, which made it, or a later one",
                        j->path, (long long)j->head.schema, migrate_latest(),
                        STR_ARG(j->head.program));
    }
    return CMD_DONE;
}

/* ---- the second ---- */

static int not_empty(struct job *j, const char *why)
{
    return cmd_fail(CMD_CONFLICT,
                    "the store %.*s is not empty (%s); nothing was changed; name one that does not "
                    "exist yet with --db",
                    STR_ARG(open_db_name(j->c)), why);
}

/* An empty store of a later version cannot take the rows as they are. */
static int check_version(struct job *j)
{
    int version;
    if (migrate_version(j->c->db, &version))
        return open_trouble(j->c);
    if (version > j->head.schema) {
        return cmd_fail(
            CMD_CONFLICT,
            "the store %.*s has schema version %d already, the backup %lld; nothing was "
            "changed; name a store that does not exist yet with --db",
            STR_ARG(open_db_name(j->c)), version, (long long)j->head.schema);
    }
    return CMD_DONE;
}

static int load_rows(struct job *j)
{
    char why[WHY] = "";
    struct stream_reader *r = rewound(j);
    progress_begin(&j->progress, "restoring", "rows", (int64_t)j->tables.rows);
    enum err e = restore_load(j->c->db, &j->c->arena, r, on_page, j, why, sizeof why);
    progress_end(&j->progress);
    stream_reader_close(r);
    if (e == ERR_INVALID_REQUEST)
        return refused(j, why);
    if (e)
        return j->error ? read_failed(j) : open_trouble(j->c);
    return CMD_DONE;
}

/* In one transaction, which the caller ends. */
static int fill(struct job *j)
{
    char why[WHY] = "";
    struct db *db = j->c->db;
    int code = check_version(j);
    if (code)
        return code;
    enum err e = restore_is_empty(db, &j->c->arena, why, sizeof why);
    if (e == ERR_CONFLICT)
        return not_empty(j, why);
    if (e || migrate_apply(db, (int)j->head.schema))
        return open_trouble(j->c);
    if ((code = load_rows(j)))
        return code;
    if (migrate_apply(db, migrate_latest()) ||
        (args_has(j->c, "new-epochs") && restore_new_epochs(db)))
        return open_trouble(j->c);
    return CMD_DONE;
}

static int load(struct job *j)
{
    char why[WHY];
    struct cmd *c = j->c;
    if (db_open(setting_text(&c->settings, db), false, &c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    open_begin(c);
    if (db_begin(c->db))
        return open_trouble(c);
    int code = fill(j);
    if (code == CMD_DONE && db_commit(c->db))
        code = open_trouble(c);
    if (code)
        db_rollback(c->db);
    return code;
}

/* ---- what is needed besides ---- */

static bool is_held(const struct master_key *m, const uint8_t print[SEAL_FINGERPRINT_BYTES])
{
    for (size_t i = 0; i < m->n; i++)
        if (ct_eq(m->keys[i].fingerprint, print, SEAL_FINGERPRINT_BYTES))
            return true;
    return false;
}

/* Says what is missing; the rows are restored even so. True: all is there. */
static bool check_masters(struct job *j)
{
    char why[WHY];
    bool all = true;
    struct cmd *c = j->c;
    const char *path = arena_cstr(&c->arena, setting_text(&c->settings, master_key));
    enum err e = seal_read_master(path, &c->master, why, sizeof why);
    for (size_t i = 0; i < j->head.masters_n; i++) {
        if (e == OK && is_held(&c->master, j->head.masters[i]))
            continue;
        all = false;
        cmd_note("postern: the keys in this backup need the master key with fingerprint %.*s: put "
                 "its file at %s before the server starts",
                 STR_ARG(backup_show_print(&c->arena, j->head.masters[i])), path);
    }
    if (!all && e)
        cmd_note("postern: %s", why);
    return all;
}

static int print(struct job *j, bool loaded)
{
    struct show s;
    bool held = check_masters(j);
    show_begin(&s, j->c, SHOW_ONE, "");
    show_object(&s);
    show_text(&s, "file", str_from(j->path));
    show_bool(&s, "restored", loaded);
    backup_show_head(&s, &j->head);
    show_bool(&s, "master_keys_held", held);
    backup_show_tables(&s, &j->tables);
    show_object_end(&s);
    return show_end(&s);
}

static int run(struct job *j)
{
    bool only_check = args_has(j->c, "verify");
    int code;
    if ((code = open_file(j)) || (code = read_head(j)))
        return code;
    if (args_has(j->c, "inspect"))
        return inspect(j);
    if ((code = open_settings(j->c)) || (code = unlock(j)) || (code = check(j)) ||
        (!only_check && (code = load(j))))
        return code;
    if (!only_check)
        audited_elsewhere(j->c, setting_text(&j->c->settings, db), AUDIT_STORE_RESTORED, (str){0},
                          STR("postern restore"));
    return print(j, !only_check);
}

static int restore(struct cmd *c)
{
    struct job j = {.c = c, .fd = -1, .tables = {.arena = &c->arena}};
    int code = run(&j);
    if (j.fd >= 0)
        close(j.fd);
    ct_secret_wipe(&j.key);
    return code;
}

static const struct option options[] = {
    BACKUP_SECRET_OPTIONS,
    {"inspect", NULL, false, false, "only say what the file says of itself; needs no secret"},
    {"verify", NULL, false, false, "check all of the file and change nothing"},
    {"new-epochs", NULL, false, false, "end every token, code and session that is in the backup"},
};

static const struct command commands[] = {
    {"", "FILE", "Put a backup into a store that does not exist yet, of either kind.",
     "The file is checked to its last byte before anything is written, and loaded in one\n"
     "transaction. What was revoked after the backup was made comes alive again, and refresh "
     "tokens\n"
     "that were spent since can be spent once more, unless --new-epochs is given: docs/backup.md.",
     CMD_OPTIONS(options), restore},
};

const struct command_set restore_commands = {"restore", "put a backup into a new store",
                                             CMD_OPTIONS(commands)};
