/* backup: `postern backup FILE`, while the server goes on.
 *
 * One read transaction from the first row to the last, so the file is the store of one moment. On
 * SQLite the write-ahead log cannot start over while it is open, and grows by what is written
 * meanwhile; on PostgreSQL dead rows wait for it.
 */
#include <stdio.h>

#include "base/clock.h"
#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/backup_file.h"
#include "cmd/backup_secret.h"
#include "cmd/backup_show.h"
#include "cmd/open.h"
#include "cmd/progress.h"
#include "db/migrate.h"

enum { WHY = 1024 };

struct job {
    struct cmd *c;
    struct backup_file file;
    struct backup_head head;
    struct secret key;
    struct backup_tables tables;
    struct progress progress;
};

static void on_page(void *arg, int64_t rows)
{
    progress_add(&((struct job *)arg)->progress, rows);
}

static int write_failed(struct job *j)
{
    return cmd_fail(CMD_FAILED, "cannot write the backup%s%s: %s", j->file.path ? " " : "",
                    j->file.path ? j->file.path : "", strerror(j->file.error));
}

/* In the snapshot. */
static int read_facts(struct job *j)
{
    int version;
    struct clock clock = {0};
    j->head.program = STR(POSTERN_VERSION);
    j->head.created_s = clock_now_s(&clock);
    enum err e = migrate_version(j->c->db, &version);
    if (e == OK)
        e = backup_facts(j->c->db, &j->head);
    j->head.schema = version;
    if (e == ERR_CONFLICT) {
        return cmd_fail(CMD_FAILED,
                        "the keys of the store are sealed under more than %d master "
                        "keys; run: postern key rotate --master",
                        BACKUP_MASTERS);
    }
    return e ? open_trouble(j->c) : CMD_DONE;
}

static int not_saved(struct job *j, enum err e, const char *why)
{
    if (e == ERR_CONFLICT)
        return cmd_fail(CMD_FAILED, "the store cannot be saved: %s", why);
    return j->file.error ? write_failed(j) : open_trouble(j->c);
}

static int save(struct job *j, str head)
{
    char why[WHY] = "";
    int64_t rows = 0;
    enum err e = OK;
    if (progress_is_seen())
        e = backup_count(j->c->db, &j->c->arena, &rows, why, sizeof why);
    if (e)
        return not_saved(j, e, why);
    if (!backup_file_put(&j->file, head.p, head.n))
        return write_failed(j);
    struct stream_writer *w = stream_writer_open(&j->key, head, backup_file_put, &j->file);
    progress_begin(&j->progress, "saving", "rows", rows);
    e = backup_save(j->c->db, w, &j->tables, on_page, j, why, sizeof why);
    progress_end(&j->progress);
    stream_writer_close(w);
    return e ? not_saved(j, e, why) : CMD_DONE;
}

static int save_snapshot(struct job *j)
{
    struct buf b;
    if (backup_begin(j->c->db))
        return open_trouble(j->c);
    int code = read_facts(j);
    buf_init(&b, &j->c->arena, 1024, BACKUP_HEAD_MAX);
    backup_head_write(&b, &j->head);
    if (code == CMD_DONE)
        code = save(j, buf_str(&b));
    backup_end(j->c->db);
    return code;
}

/* stdout may be the backup itself. */
static int print(struct job *j)
{
    struct show s;
    if (j->file.to_stdout) {
        cmd_note("postern: saved %llu rows", (unsigned long long)j->tables.rows);
        return CMD_DONE;
    }
    show_begin(&s, j->c, SHOW_ONE, "");
    show_object(&s);
    show_text(&s, "file", str_from(j->file.path));
    backup_show_head(&s, &j->head);
    backup_show_tables(&s, &j->tables);
    show_object_end(&s);
    return show_end(&s);
}

static int run(struct job *j)
{
    enum stream_secret kind;
    str secret;
    struct cmd *c = j->c;
    int code = backup_secret(c, true, &kind, &secret);
    if (code || (code = open_store(c, OPEN_READ)) ||
        (code = backup_file_create(c, args_operand(c), args_has(c, "force"), &j->file)))
        return code;
    if (stream_seal_new(kind, secret, &j->head.seal, &j->key))
        return cmd_fail(CMD_FAILED, "there is no memory to stretch the passphrase (64 MiB)");
    if ((code = save_snapshot(j)) || (code = backup_file_finish(&j->file)))
        return code;
    audited_elsewhere(c, setting_text(&c->settings, db), AUDIT_STORE_BACKED_UP, (str){0},
                      STR("postern backup"));
    return print(j);
}

static int backup(struct cmd *c)
{
    struct job j = {.c = c, .file = {.fd = -1}, .tables = {.arena = &c->arena}};
    int code = run(&j);
    backup_file_abandon(&j.file);
    ct_secret_wipe(&j.key);
    return code;
}

static const struct option options[] = {
    BACKUP_SECRET_OPTIONS,
    {"force", NULL, false, false, "replace FILE if it is there"},
};

static const struct command commands[] = {
    {"", "FILE", "Save the store to a sealed file, while the server goes on; - is stdout.",
     "The file is of one moment, holds everything that `postern restore` needs but the master "
     "key,\n"
     "and goes into a store of either kind. Keep the passphrase or key, and the master key file,\n"
     "apart from it. Formats and dangers: docs/backup.md.",
     CMD_OPTIONS(options), backup},
};

const struct command_set backup_commands = {"backup", "save the store to a sealed file",
                                            CMD_OPTIONS(commands)};
