/* user_show: a user as the commands print him. */
#ifndef CMD_USER_SHOW_H
#define CMD_USER_SHOW_H

#include "cmd/show.h"
#include "store/user.h"

void user_show_object(struct show *s, const struct user *u);
/* One object to stdout. */
int user_show_one(struct cmd *c, const struct user *u);

#endif
