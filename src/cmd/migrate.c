/* migrate: brings the store to the version of this program, or says what that would do.
 *
 * A store that does not exist is made (on PostgreSQL: the tables, in a database that is there).
 * Migrations only go forward; `--plan` opens read-only.
 */
#include "db/migrate.h"

#include <unistd.h>

#include "cmd/args.h"
#include "cmd/open.h"
#include "cmd/plan.h"
#include "cmd/prepare.h"
#include "cmd/show.h"

static int print(struct cmd *c, int from, int to, int applied)
{
    struct show s;
    show_begin(&s, c, SHOW_ONE, "");
    show_object(&s);
    show_int(&s, "version_before", from);
    show_int(&s, "version", to);
    show_int(&s, "latest", migrate_latest());
    show_int(&s, "applied", applied);
    show_object_end(&s);
    return show_end(&s);
}

/* A store that is not there is planned for without being made. */
static int plan(struct cmd *c)
{
    char why[1024];
    if (!open_is_shared(c) && access(arena_cstr(&c->arena, open_db_path(c)), F_OK) != 0)
        return plan_show(c);
    if (db_open(setting_text(&c->settings, db), true, &c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    return plan_show(c);
}

static int migrate(struct cmd *c)
{
    int version = 0, applied = 0;
    bool only_plan = args_has(c, "plan"); /* needs no master key */
    int code = only_plan ? open_read_settings(c) : open_settings(c);
    if (code)
        return code;
    open_begin(c);
    if (only_plan)
        return plan(c);
    if ((code = prepare_migrated(c, &applied)))
        return code;
    if (migrate_version(c->db, &version))
        return open_trouble(c);
    return print(c, version - applied, version, applied);
}

static const struct option options[] = {
    {"plan", NULL, false, false,
     "only list the migrations, and what the missing ones would run and touch"},
};

static const struct command commands[] = {
    {"", NULL, "Bring the store to the version of this program; make it if there is none.", NULL,
     CMD_OPTIONS(options), migrate},
};

const struct command_set migrate_commands = {"migrate", "bring the store to this version",
                                             CMD_OPTIONS(commands)};
