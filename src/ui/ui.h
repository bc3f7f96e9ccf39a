/* ui: the pages that people see: sign in, consent, choose account, device, account, error, signed
 * out; and what they are made of.
 *
 * Templates, messages, style and script are built in (src/ui/templates, messages, assets) and read
 * once at start; a theme directory (setting ui.theme) replaces them file by file. A page is: a
 * handler that fills a view, a template, messages in the reader's language (ui_locales, else
 * Accept-Language, else English).
 */
#ifndef UI_UI_H
#define UI_UI_H

#include "oauth/rq.h"

struct ui;
struct theme;

/* Reads everything; NULL and `why` when a file of the theme is wrong. */
struct ui *ui_open(const struct settings *settings, char *why, size_t why_size);
void ui_close(struct ui *ui);
/* The files that it is made of (ui/theme.h). */
const struct theme *ui_theme(const struct ui *ui);
/* The tags of its languages, English first: "en de fr". In the arena. */
str ui_locales(const struct ui *ui, struct arena *a);

/* rq->failure as a page: safe text, error id, no Location. For routes with .page set. */
void ui_refuse(struct rq *rq);

/* Handlers; their routes stand in dialect/rfc.c. */
enum err ui_authorize(struct rq *rq);    /* GET, POST /oauth2/authorize */
enum err ui_start(struct rq *rq);        /* GET /sign-in: the same by Twilio's rules */
enum err ui_sign_in(struct rq *rq);      /* POST /sign-in */
enum err ui_choose(struct rq *rq);       /* POST /choose */
enum err ui_consent(struct rq *rq);      /* POST /consent */
enum err ui_continue(struct rq *rq);     /* GET /continue: back from a company's own page */
enum err ui_device(struct rq *rq);       /* GET /device */
enum err ui_device_post(struct rq *rq);  /* POST /device */
enum err ui_account(struct rq *rq);      /* GET /account */
enum err ui_account_post(struct rq *rq); /* POST /account */
enum err ui_logout(struct rq *rq);       /* GET, POST /oauth2/logout */
enum err ui_logout_post(struct rq *rq);  /* POST /sign-out: the confirmation */
enum err ui_asset(struct rq *rq);        /* GET /assets/{id} */

#endif
