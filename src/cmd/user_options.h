/* user_options: what `user create`, `user update` and imports may say about a user, and how users
 * are named on a command line.
 */
#ifndef CMD_USER_OPTIONS_H
#define CMD_USER_OPTIONS_H

#include "cmd/cmd.h"
#include "store/user.h"

/* Takes what was given of --username, --email, --name, --claim, --role, ... into *u. */
int user_options_take(struct cmd *c, struct user *u);
/* 1 to LIMIT_NAME bytes that have a canonical spelling. */
int user_options_username(struct cmd *c, str text, const char *label, str *out);
/* The names by which he signs in, in canonical spelling; *n is 1 or 2. */
void user_options_names(struct cmd *c, const struct user *u, str names[2], size_t *n);
/* The user that `text` names: a UUID, US and 32 hex digits, or a user name or address. Needs the
 * store. `option` names the source in a refusal. */
int user_options_load(struct cmd *c, str text, struct user *u);
/* CMD_CONFLICT, with the name, when one of his names is another user's. */
int user_options_check_names(struct cmd *c, const struct user *u);

#endif
