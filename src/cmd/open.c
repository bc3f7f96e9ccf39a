/* open: settings, store and keys for subcommands.
 *
 * Store functions log their failures as a server does. A command has a person in front of it, so
 * it keeps the log in memory and repeats the last message, which names the remedy, in plain text.
 */
#include "cmd/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/prepare.h"
#include "cmd/serve_sockets.h"
#include "codec/json.h"
#include "db/migrate.h"
#include "store/copy.h"

extern char **environ;

enum { WHY = 1024, FX_MAX = 1 << 30, LOG_TAIL = 4096, AGAIN_MAX = 1 << 24, PATIENCE_MS = 10000 };

static int log_fd = -1;

static int set_option(struct cmd *c, const char *option, const char *setting)
{
    char why[WHY];
    str value = args_get(c, option);
    if (value.p &&
        settings_set(&c->settings, str_from(setting), value, "command line", why, sizeof why))
        return cmd_fail(CMD_USAGE, "--%s: %s", option, why);
    return CMD_DONE;
}

/* --set NAME=VALUE, as often as wanted. */
static int set_any(struct cmd *c)
{
    char why[WHY];
    str *values, name, value;
    size_t n = args_all(c, "set", &values);
    for (size_t i = 0; i < n; i++) {
        if (!str_cut(values[i], '=', &name, &value))
            return cmd_fail(CMD_USAGE, "--set takes NAME=VALUE, not `%.*s`", STR_ARG(values[i]));
        if (settings_set(&c->settings, name, value, "command line", why, sizeof why))
            return cmd_fail(CMD_USAGE, "--set: %s", why);
    }
    return CMD_DONE;
}

/* Repeatable list options of serve, joined by commas. */
static int set_list(struct cmd *c, const char *option, const char *setting)
{
    struct buf joined;
    char why[WHY];
    str *values;
    size_t n = args_all(c, option, &values);
    buf_init(&joined, &c->arena, 256, 65536);
    for (size_t i = 0; i < n; i++) {
        buf_put(&joined, i ? STR(",") : STR(""));
        buf_put(&joined, values[i]);
    }
    if (n && settings_set(&c->settings, str_from(setting), buf_str(&joined), "command line", why,
                          sizeof why))
        return cmd_fail(CMD_USAGE, "--%s: %s", option, why);
    return CMD_DONE;
}

static int set_options(struct cmd *c)
{
    int code;
    char why[WHY];
    if ((code = set_any(c)) || (code = set_option(c, "db", "db")) ||
        (code = set_option(c, "master-key", "master_key")) ||
        (code = set_option(c, "issuer", "issuer")) || (code = set_list(c, "listen", "listen")) ||
        (code = set_list(c, "admin-listen", "admin_listen")))
        return code;
    if (args_has(c, "bench-routes") && settings_set(&c->settings, STR("bench_routes"), STR("true"),
                                                    "command line", why, sizeof why))
        return cmd_fail(CMD_USAGE, "%s", why);
    return CMD_DONE;
}

const char *open_config_file(struct cmd *c)
{
    str file = args_get(c, "config");
    const char *path = file.p ? arena_cstr(&c->arena, file) : getenv("POSTERN_CONFIG");
    if (!path && access(POSTERN_CONFIG_FILE, F_OK) == 0)
        path = POSTERN_CONFIG_FILE;
    return path && *path ? path : NULL;
}

static enum err read_sources(struct cmd *c, char *why, size_t why_size)
{
    const char *path = open_config_file(c);
    enum err e = OK;
    settings_init(&c->settings);
    if (path)
        e = settings_file(&c->settings, path, why, why_size);
    return e ? e : settings_environment(&c->settings, environ, why, why_size);
}

int open_read_settings(struct cmd *c)
{
    char why[WHY];
    if (read_sources(c, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    return set_options(c);
}

enum err open_read_again(struct cmd *c, struct settings *out, char *why, size_t why_size)
{
    struct cmd again = *c;
    arena_init(&again.arena, AGAIN_MAX);
    enum err e = read_sources(&again, why, why_size);
    if (e == OK && set_options(&again)) {
        snprintf(why, why_size, "the command line is refused now"); /* it was taken at the start */
        e = ERR_INVALID_REQUEST;
    }
    if (e == OK)
        e = serve_sockets(&again.settings, why, why_size);
    e = e ? e : settings_check(&again.settings, why, why_size);
    arena_free(&again.arena);
    *out = again.settings;
    return e;
}

static int checked(struct cmd *c, enum err (*check)(struct settings *, char *, size_t))
{
    char why[WHY];
    int code = open_read_settings(c);
    if (code == CMD_DONE && check(&c->settings, why, sizeof why))
        code = cmd_fail(CMD_FAILED, "%s", why);
    return code;
}

int open_settings(struct cmd *c)
{
    return checked(c, settings_check_store);
}

int open_server_settings(struct cmd *c)
{
    return checked(c, settings_check);
}

bool open_is_shared(struct cmd *c)
{
    return db_url_is_shared(setting_text(&c->settings, db));
}

str open_db_path(struct cmd *c)
{
    str db = setting_text(&c->settings, db), scheme = STR("sqlite:");
    return str_sub(db, scheme.n, db.n);
}

str open_db_name(struct cmd *c)
{
    return open_is_shared(c) ? db_url_public(&c->arena, setting_text(&c->settings, db))
                             : open_db_path(c);
}

/* From here on the log goes to memory, for open_trouble(). */
static void keep_log(void)
{
    if (log_fd < 0) {
        log_fd = memfd_create("postern-log", MFD_CLOEXEC);
        log_open(log_fd, log_fd < 0 ? LOG_OFF : LOG_ERROR);
    }
}

/* The last line that was logged; empty when there is none. */
static str last_line(struct cmd *c)
{
    char *tail = arena_alloc(&c->arena, LOG_TAIL);
    off_t end = log_fd < 0 ? 0 : lseek(log_fd, 0, SEEK_END);
    off_t from = end > LOG_TAIL ? end - LOG_TAIL : 0;
    ssize_t n = log_fd < 0 ? 0 : pread(log_fd, tail, LOG_TAIL, from);
    str text = str_make(tail, n > 0 ? (size_t)n : 0), head, line = {0};
    while (str_cut(text, '\n', &head, &text))
        line = head;
    return line;
}

int open_trouble(struct cmd *c)
{
    struct json *json = NULL;
    str line = last_line(c);
    if (line.n && json_parse(&c->arena, line, &json) == OK) {
        str message = json_get_str(json, STR("message"));
        if (message.n)
            return cmd_fail(CMD_FAILED, "the store failed: %.*s", STR_ARG(message));
    }
    return cmd_fail(CMD_FAILED, "the store failed: %s%s", c->db->ops->message(c->db),
                    c->db->conflicted
                        ? ": another process keeps it locked (a migration, a psql session); end or "
                          "wait for it, then try again"
                        : "");
}

int open_result(struct cmd *c, enum err e, const char *what, str id)
{
    if (e == OK)
        return CMD_DONE;
    if (e == ERR_ABSENT)
        return cmd_fail(CMD_ABSENT, "there is no %s %.*s", what, STR_ARG(id));
    return open_trouble(c);
}

int open_check_moved(struct cmd *c)
{
    char why[WHY];
    enum err e = copy_check_usable(c->db, why, sizeof why);
    if (e == ERR_CONFLICT)
        return cmd_fail(CMD_FAILED, "%s", why);
    return e ? open_trouble(c) : CMD_DONE;
}

int open_check_version(struct cmd *c)
{
    struct migrate_state is;
    int code = open_check_moved(c);
    if (code)
        return code;
    if (migrate_read(c->db, &is))
        return open_trouble(c);
    if (is.version == 0) {
        return cmd_fail(CMD_FAILED,
                        "the store %.*s is empty; `postern migrate` or `postern serve` sets it up, "
                        "or name another with --db",
                        STR_ARG(open_db_name(c)));
    }
    if (is.version < migrate_latest()) {
        return cmd_fail(CMD_FAILED,
                        "the store %.*s has schema version %d, this program needs %d; run: "
                        "postern migrate --db %.*s",
                        STR_ARG(open_db_name(c)), is.version, migrate_latest(),
                        STR_ARG(db_url_public(&c->arena, setting_text(&c->settings, db))));
    }
    if (!migrate_serves(&is)) {
        return cmd_fail(CMD_FAILED,
                        "the store %.*s has schema version %d, this program knows up to %d; "
                        "install the postern that made it, or a later one",
                        STR_ARG(open_db_name(c)), is.version, migrate_latest());
    }
    return CMD_DONE;
}

static int open_existing(struct cmd *c, bool read_only)
{
    char why[WHY];
    struct stat st;
    if (!open_is_shared(c) && stat(arena_cstr(&c->arena, open_db_path(c)), &st) != 0) {
        return cmd_fail(CMD_FAILED,
                        "there is no store at %.*s; `postern migrate` or `postern serve` makes "
                        "one, or name another with --db",
                        STR_ARG(open_db_path(c)));
    }
    if (db_open(setting_text(&c->settings, db), read_only, &c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    return open_check_version(c);
}

void open_begin(struct cmd *c)
{
    struct clock clock = {0};
    keep_log();
    id_source_init(&c->ids);
    c->now_s = clock_now_s(&clock);
    struct arena *fx = ARENA_NEW(&c->arena, struct arena);
    arena_init(fx, FX_MAX);
    effects_init(&c->fx, fx);
}

int open_store(struct cmd *c, enum open_mode mode)
{
    int code = c->settings.v[SETTING_db].text.n ? CMD_DONE : open_settings(c);
    if (code)
        return code;
    open_begin(c);
    code = mode == OPEN_CREATE ? prepare_store(c) : open_existing(c, mode == OPEN_READ);
    if (code == CMD_DONE)
        db_set_patience(c->db, PATIENCE_MS); /* no command waits for a lock for ever */
    return code;
}

int open_master(struct cmd *c)
{
    char why[WHY];
    const char *path = arena_cstr(&c->arena, setting_text(&c->settings, master_key));
    enum err e = seal_read_master(path, &c->master, why, sizeof why);
    if (e == ERR_ABSENT)
        return cmd_fail(
            CMD_FAILED, "%s %s", why,
            open_is_shared(c)
                ? "The store has keys that another node's master key has sealed: copy "
                  "that node's file to this path, mode 0600."
                : "The keys of the store were sealed with it: restore it from its copy.");
    return e ? cmd_fail(CMD_FAILED, "%s", why) : CMD_DONE;
}

int open_keys(struct cmd *c)
{
    char why[WHY];
    if (c->ring)
        return CMD_DONE;
    int code = c->master.n == 0 ? open_master(c) : CMD_DONE;
    if (code)
        return code;
    enum err e = key_load_ring(c->db, &c->master, &c->ring, why, sizeof why);
    if (e == ERR_UNAVAILABLE)
        return open_trouble(c);
    if (e)
        return cmd_fail(CMD_FAILED, "%s", why);
    c->hasher = c->hasher ? c->hasher : hash_open();
    signer_close(c->signer); /* of a ring of before */
    c->signer = signer_open(c->ring, NULL);
    return CMD_DONE;
}

int open_commit(struct cmd *c, const char *conflict)
{
    struct clock clock = {0};
    audited_put(c);
    enum err e = commit_one(c->db, &c->ids, &clock, &c->fx);
    if (e == OK)
        audited_link(c);
    effects_init(&c->fx, c->fx.arena);
    if (e == ERR_CONFLICT)
        return cmd_fail(CMD_CONFLICT, "%s; nothing was changed", conflict);
    if (e == ERR_SLOW)
        return cmd_fail(CMD_FAILED,
                        "it was done, but the store took so long that running servers may not have "
                        "heard of it: reload each of them (SIGHUP) when the store answers again");
    return e ? open_trouble(c) : CMD_DONE;
}

void open_close(struct cmd *c)
{
    signer_close(c->signer);
    if (c->ring)
        keyring_unref(c->ring);
    if (c->hasher)
        hash_close(c->hasher);
    seal_wipe(&c->master);
    if (c->fx.arena)
        arena_free(c->fx.arena);
    db_close(c->db);
    c->db = NULL;
    arena_free(&c->settings.arena);
}
