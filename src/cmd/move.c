/* move: brings a whole store to another engine or place while servers use it (store/copy.h).
 *
 * What is here: the two URLs, progress, signals and the words around it. A signal ends the run
 * between two pages; what is done is kept. In the pause at the end signals wait, since it is short
 * and the store does not accept writes meanwhile.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/open.h"
#include "cmd/progress.h"
#include "cmd/show.h"
#include "store/backup.h"
#include "store/copy.h"

enum { WHY = 1024, LABEL = 96, MAX_ROUNDS = 100, MAX_PAUSE_S = 5, TRIES = 10 };

struct job {
    struct cmd *c;
    struct copy copy;
    struct progress progress;
    char label[LABEL];
    enum copy_step step;
    bool quiet;
};

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
    (void)number;
    asked_to_stop = 1;
}

static bool stop(void *arg)
{
    (void)arg;
    return asked_to_stop;
}

/* ---- progress ---- */

static void tell(void *arg, enum copy_step step, str table, int64_t done, int64_t total)
{
    static const char *const words[] = {
        [COPY_COUNT] = "counting",      [COPY_ROWS] = "copying",
        [COPY_INDEX] = "making index",  [COPY_CHANGES] = "bringing changes",
        [COPY_VERIFY] = "reading back", [COPY_PAUSE] = "pause: bringing the last changes",
    };
    struct job *j = arg;
    bool rows = step == COPY_ROWS || step == COPY_VERIFY;
    if (j->quiet)
        return;
    bool begins = step != j->step || !j->progress.what;
    if (begins)
        progress_end(&j->progress);
    snprintf(j->label, sizeof j->label, "%s%s%.*s", words[step], table.p ? " " : "",
             table.p ? (int)table.n : 0, table.p ? table.p : "");
    if (begins)
        progress_begin_lines(&j->progress, j->label, rows ? "rows" : "", rows ? total : 0);
    j->step = step;
    progress_at(&j->progress, done);
}

/* ---- stores ---- */

/* A file that does not exist is not made here: that is for the target. */
static int open_source(struct cmd *c, str url)
{
    char why[WHY];
    struct stat st;
    if (str_starts(url, STR("sqlite:")) &&
        stat(arena_cstr(&c->arena, str_sub(url, 7, url.n)), &st) != 0)
        return cmd_fail(CMD_FAILED, "there is no store at %.*s", STR_ARG(str_sub(url, 7, url.n)));
    if (db_open(url, false, &c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "--from: %s", why);
    return CMD_DONE;
}

static int open_both(struct job *j)
{
    char why[WHY];
    struct cmd *c = j->c;
    str to = args_get(c, "to");
    int code = open_source(c, args_get(c, "from"));
    if (code)
        return code;
    j->copy.from = c->db;
    if (db_open(to, false, &j->copy.to, why, sizeof why))
        return cmd_fail(CMD_FAILED, "--to: %s", why);
    j->copy.target = db_url_public(&c->arena, to);
    return CMD_DONE;
}

static int number(struct cmd *c, const char *option, int64_t otherwise, int64_t most, int64_t *out)
{
    str value = args_get(c, option);
    *out = otherwise;
    if (value.p && !str_i64(value, 1, most, out))
        return cmd_fail(CMD_USAGE, "--%s takes a number from 1 to %lld", option, (long long)most);
    return CMD_DONE;
}

/* ---- the end ---- */

static str source_words(struct job *j)
{
    return db_url_public(&j->c->arena, args_get(j->c, "from"));
}

static int failed(struct job *j, enum err e)
{
    int code = CMD_FAILED;
    if (*j->copy.why)
        code = cmd_fail(e == ERR_CONFLICT && !j->copy.begun ? CMD_CONFLICT : CMD_FAILED, "%s",
                        j->copy.why);
    else
        code = open_trouble(j->c);
    if (j->copy.begun) {
        cmd_note("postern: the same command goes on where this one stopped; until then the source "
                 "notes its changes. To let it go on without the move: postern move --cancel "
                 "--from %.*s",
                 STR_ARG(source_words(j)));
    }
    return code;
}

static int print(struct job *j, int64_t took_ms)
{
    const struct copy *m = &j->copy;
    struct show s;
    show_begin(&s, j->c, SHOW_ONE, "");
    show_object(&s);
    show_text(&s, "from", source_words(j));
    show_text(&s, "to", m->target);
    show_int(&s, "tables", (int64_t)m->n);
    show_int(&s, "rows", m->rows);
    show_int(&s, "changes", m->changes);
    show_int(&s, "milliseconds", took_ms);
    show_int(&s, "rows_per_second", m->rows * 1000 / (took_ms > 0 ? took_ms : 1));
    show_int(&s, "pause_ms", m->pause_ms);
    show_bool(&s, "resumed", m->resumed);
    show_object_end(&s);
    return show_end(&s);
}

/* The keys are sealed as before, so the file that opens them is still needed. */
static void say_master(struct job *j)
{
    struct backup_head head = {0};
    struct buf b;
    buf_init(&b, &j->c->arena, 256, 4096);
    if (backup_facts(j->copy.to, &head) == OK && head.masters_n > 0) {
        for (size_t i = 0; i < head.masters_n; i++) {
            buf_put(&b, i ? STR(", ") : STR(" (fingerprint "));
            buf_hex(&b, head.masters[i], SEAL_FINGERPRINT_BYTES);
        }
        BUF_LIT(&b, ")");
    }
    cmd_note("postern: done. The source refuses writes from now on: start servers with --db %.*s. "
             "The master key file%.*s stays the same, every node needs it: name it with "
             "--master-key or setting master_key",
             STR_ARG(j->copy.target), STR_ARG(buf_str(&b)));
}

static int run(struct job *j)
{
    int64_t start_ms = clock_mono_ms();
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    copy_init(&j->copy);
    enum err e = copy_run(&j->copy);
    progress_end(&j->progress);
    if (e)
        return failed(j, e);
    audited_elsewhere(j->c, args_get(j->c, "to"), AUDIT_STORE_MOVED, (str){0}, STR("postern move"));
    int code = print(j, clock_mono_ms() - start_ms);
    if (!j->quiet)
        say_master(j);
    return code;
}

static int cancel(struct cmd *c)
{
    struct capture_state state;
    struct show s;
    int code = open_source(c, args_get(c, "from"));
    if (code)
        return code;
    enum err e = capture_read(c->db, &c->arena, &state);
    if (e == ERR_ABSENT)
        return cmd_fail(CMD_ABSENT, "this store is not being moved: there is nothing to cancel");
    if (e == OK && state.phase == CAPTURE_MOVED && !args_has(c, "force")) {
        return cmd_fail(CMD_CONFLICT,
                        "this store was moved to %.*s. If it is used again, what happens there is "
                        "lost, and what is single-use works twice; if that is meant, add --force",
                        STR_ARG(state.target));
    }
    if (e == OK)
        e = capture_remove(c->db, &c->arena);
    for (int i = 0; e == ERR_CONFLICT && i < TRIES; i++) /* writers were in the way */
        e = capture_remove(c->db, &c->arena);
    if (e)
        return open_trouble(c);
    show_begin(&s, c, SHOW_ONE, "");
    show_object(&s);
    show_bool(&s, "cancelled", true);
    show_text(&s, "to", state.target);
    show_object_end(&s);
    return show_end(&s);
}

static int move(struct cmd *c)
{
    int64_t rounds, pause_s;
    if (args_has(c, "cancel") == args_has(c, "to"))
        return cmd_fail(CMD_USAGE, "give the target with --to, or --cancel");
    int code = open_settings(c);
    if (code || (code = number(c, "max-rounds", MAX_ROUNDS, 1000000, &rounds)) ||
        (code = number(c, "max-pause", MAX_PAUSE_S, 3600, &pause_s)))
        return code;
    open_begin(c);
    if (args_has(c, "cancel"))
        return cancel(c);
    struct job *j = ARENA_NEW(&c->arena, struct job);
    j->c = c;
    j->quiet = args_has(c, "quiet");
    j->copy.max_rounds = (int)rounds;
    j->copy.max_pause_ms = pause_s * 1000;
    j->copy.watch = (struct copy_watch){j, tell, stop};
    code = open_both(j);
    code = code ? code : run(j);
    db_close(j->copy.to);
    copy_free(&j->copy);
    return code;
}

static const struct option options[] = {
    {"from", "URL", false, true, "the store that is in use"},
    {"to", "URL", false, false, "where it goes: an empty database, or a file that does not exist"},
    {"cancel", NULL, false, false, "end a move that stopped: the source goes on as before"},
    {"force", NULL, false, false, "with --cancel: also if the move was completed"},
    {"max-pause", "SECONDS", false, false, "how long writes may be refused at the end (5)"},
    {"max-rounds", "N", false, false, "rounds of changes before the pause is tried (100)"},
    {"quiet", NULL, false, false, "no progress on stderr"},
};

static const struct command commands[] = {
    {"", NULL, "Bring a store that is in use to another engine or place.",
     "Everything is copied while servers go on; then writes are refused for a few seconds, and the "
     "source stays closed. The same command goes on with a move that stopped. See docs/move.md.",
     CMD_OPTIONS(options), move},
};

const struct command_set move_commands = {"move", "bring a store to another engine or place",
                                          CMD_OPTIONS(commands)};
