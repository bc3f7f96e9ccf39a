/* ui: opens and closes what pages are made of. What a page is, ui/page.h says. */
#include "ui/ui.h"

#include <stdlib.h>

#include "ui/theme.h"

struct ui {
    struct theme theme;
};

struct ui *ui_open(const struct settings *settings, char *why, size_t why_size)
{
    struct ui *ui = calloc(1, sizeof *ui);
    if (!ui)
        fatal("out of memory");
    if (theme_read(&ui->theme, setting_text(settings, ui_theme), why, why_size)) {
        ui_close(ui);
        return NULL;
    }
    return ui;
}

void ui_close(struct ui *ui)
{
    if (!ui)
        return;
    theme_free(&ui->theme);
    free(ui);
}

const struct theme *ui_theme(const struct ui *ui)
{
    return &ui->theme;
}
