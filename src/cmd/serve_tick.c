/* serve_tick: what the committer's thread does between commits.
 *
 * On SQLite it keeps house (serve_house.h), since it has the one handle that writes. On a shared
 * store another thread does (serve_keeper.h): commits shall not wait for it. The watchdog is here
 * in both cases: that a tick comes says that commits go on.
 */
#include "cmd/serve_tick.h"

#include "cmd/serve_notify.h"

enum { WATCHDOG_PARTS = 4 /* signs of life per WatchdogSec */ };

/* This thread lives, since it runs; the workers, if each has turned since the last look. */
static void watchdog(struct serve_app *app)
{
    int64_t now_us = clock_mono_us();
    if (app->watchdog_us == 0 || now_us < app->watchdog_at_us)
        return;
    app->watchdog_at_us = now_us + app->watchdog_us / WATCHDOG_PARTS;
    if (net_pulse(app->net)) {
        serve_notify("WATCHDOG=1");
    } else {
        log_note(LOG_WARN, "watchdog", "a worker has not turned for %lld ms",
                 (long long)(app->watchdog_us / WATCHDOG_PARTS / 1000));
    }
}

void serve_tick(struct serve_app *app)
{
    if (!app->server.shared) {
        serve_house_hear(&app->house);
        serve_house_work(&app->house);
    }
    watchdog(app);
}
