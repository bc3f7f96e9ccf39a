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

str ui_locales(const struct ui *ui, struct arena *a)
{
    const struct theme *t = &ui->theme;
    struct buf b;
    buf_init(&b, a, 64, THEME_LANGUAGES * 64);
    for (size_t i = 0; i < t->languages_n; i++) {
        if (i > 0)
            buf_char(&b, ' ');
        buf_put(&b, t->languages[i].tag);
    }
    return buf_str(&b);
}
