/* migrate: brings the store to the version of this program, or says what that would do.
 *
 * A store that does not exist is made. Migrations only go forward; `--plan` opens read-only.
 */
#include "db/migrate.h"

#include <sys/stat.h>

#include "cmd/args.h"
#include "cmd/open.h"
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

static int show_plan(struct cmd *c, int version)
{
    struct show s;
    show_begin(&s, c, SHOW_LIST, "number=6 state=7 name");
    for (const struct migration *m = migrations; m->number; m++) {
        show_object(&s);
        show_int(&s, "number", m->number);
        show_text(&s, "name", str_from(m->name));
        show_text(&s, "state", m->number <= version ? STR("applied") : STR("missing"));
        show_object_end(&s);
    }
    return show_end(&s);
}

static int plan(struct cmd *c)
{
    struct stat st;
    char why[1024];
    int version = 0;
    if (stat(arena_cstr(&c->arena, open_db_path(c)), &st) != 0)
        return show_plan(c, 0);
    if (db_open(setting_text(&c->settings, db), true, &c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    return migrate_version(c->db, &version) ? open_trouble(c) : show_plan(c, version);
}

static int migrate(struct cmd *c)
{
    int before = 0, applied = 0;
    int code = open_settings(c);
    if (code || args_has(c, "plan"))
        return code ? code : plan(c);
    open_begin(c);
    if ((code = prepare_migrated(c, &applied)))
        return code;
    before = migrate_latest() - applied;
    return print(c, before, migrate_latest(), applied);
}

static const struct option options[] = {
    {"plan", NULL, false, false, "only list the migrations, applied and missing"},
};

static const struct command commands[] = {
    {"", NULL, "Bring the store to the version of this program; make it if there is none.", NULL,
     CMD_OPTIONS(options), migrate},
};

const struct command_set migrate_commands = {"migrate", "bring the store to this version",
                                             CMD_OPTIONS(commands)};
