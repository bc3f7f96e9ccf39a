/* draw: the pages of an authorization, each drawn by the file that takes its form. */
#ifndef UI_DRAW_H
#define UI_DRAW_H

#include "oauth/device.h"
#include "ui/show.h"

/* The sign-in form leads back to an authorization, to a device that waits, or to the account. */
struct sign_in_page {
    struct interaction *ix;             /* an authorization; or */
    const struct device_asking *device; /* a device; or neither: the account */
    struct browser *browser;            /* without ix */
    str login;                          /* what was typed before */
    const char *notice;                 /* key of a message; NULL: none */
    enum err problem;                   /* WRONG_PASSWORD, TOO_MANY_REQUESTS, UNAVAILABLE or OK */
    bool empty;                         /* something was left out */
};

/* Status by `problem`; with Retry-After where there is one. */
void ui_sign_in_draw(struct rq *rq, const struct sign_in_page *s);
/* May a device or the account page ask for a password? Under login.url that would lead past the
 * company's own page and what it asks for: ERR_SIGN_IN_FIRST. */
enum err ui_sign_in_here(struct rq *rq);
/* problem, notice: keys of messages, or NULL. */
void ui_choose_draw(struct rq *rq, struct interaction *ix, const char *problem);
void ui_consent_draw(struct rq *rq, struct interaction *ix, const char *notice);
/* Enter the code again; `typed` stands in the field. */
void ui_device_draw(struct rq *rq, struct browser *b, int status, const char *problem, str typed);
/* Who asks for what, and the code to compare: allow or deny. */
void ui_device_confirm(struct rq *rq, struct browser *b, const struct device_asking *d);

/* The page "signed out". */
void ui_logout_done(struct rq *rq, const struct browser *b);

#endif
