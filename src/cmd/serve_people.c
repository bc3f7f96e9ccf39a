/* serve_people: opens and closes the parts that only a running server has.
 *
 * A broken theme keeps the server from starting: pages that half work are worse. A list of common
 * passwords that is not there does not: everybody can sign in, but without the list no new password
 * can be judged, so until it is there none is taken (s->passwords is NULL).
 */
#include "cmd/serve_people.h"

#include "oauth/explain.h"
#include "oauth/password_rules.h"
#include "ui/ui.h"

static void open_passwords(struct server *s)
{
    char why[1024];
    s->passwords = password_rules_open(setting_text(s->settings, password_common),
                                       setting_int(s->settings, password_min), why, sizeof why);
    if (!s->passwords) {
        log_note(LOG_WARN, "passwords",
                 "%s; until then nobody can change his password, and "
                 "sign-in goes on",
                 why);
    }
}

enum err serve_people_open(struct server *s, char *why, size_t why_size)
{
    s->ui = ui_open(s->settings, why, why_size);
    if (!s->ui)
        return ERR_INVALID_REQUEST;
    s->ui_locales = ui_locales(s->ui, &s->arena);
    open_passwords(s);
    s->explain = explain_open();
    return OK;
}

enum err serve_people_check(const struct settings *settings, char *why, size_t why_size)
{
    struct ui *ui = ui_open(settings, why, why_size);
    if (!ui)
        return ERR_INVALID_REQUEST;
    ui_close(ui);
    return OK;
}

void serve_people_close(struct server *s)
{
    if (s->ui)
        ui_close(s->ui);
    if (s->passwords)
        password_rules_close(s->passwords);
    if (s->explain)
        explain_close(s->explain);
    s->ui = NULL;
    s->ui_locales = (str){0};
    s->passwords = NULL;
    s->explain = NULL;
}
