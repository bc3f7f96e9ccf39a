/* serve_reload: SIGHUP: settings here, then the certificate (net), then the keys (serve_house).
 *
 * Settings that cannot be read leave all as it was, and the log says why: a typo in a file must
 * not end a server. systemd is told before the first step (RELOADING=1) and after the last
 * (READY=1, by the housekeeping).
 */
#include "cmd/serve_reload.h"

#include "cmd/open.h"
#include "cmd/serve_notify.h"

enum { WHY = 1024, NAMES = 2048 };

static void take(struct serve_app *app, const struct settings *fresh)
{
    struct settings *live = &app->cmd->settings;
    char names[2][NAMES];
    struct buf taken, waits;
    struct log_line l;
    buf_fixed(&taken, names[0], NAMES);
    buf_fixed(&waits, names[1], NAMES);
    settings_reload(live, fresh, &taken, &waits);
    log_level_set((enum log_level)setting_live(live, log_level));
    log_begin(&l, waits.n ? LOG_WARN : LOG_INFO, "reload");
    log_str(&l, "message",
            waits.n ? STR("settings were read again; some need a restart")
                    : STR("settings were read again"));
    log_str(&l, "changed", buf_str(&taken));
    log_str(&l, "needs_restart", buf_str(&waits));
    log_end(&l);
}

void serve_reload(struct serve_app *app)
{
    struct settings fresh;
    char why[WHY];
    serve_notify_reloading();
    if (open_read_again(app->cmd, &fresh, why, sizeof why))
        log_note(LOG_ERROR, "reload", "the settings in force go on: %s", why);
    else
        take(app, &fresh);
    audit_gate_note(&app->server.audit, AUDIT_SETTINGS_RELOADED, (str){0}, (str){0});
    arena_free(&fresh.arena);
    atomic_store(&app->house.reload, true);
}
