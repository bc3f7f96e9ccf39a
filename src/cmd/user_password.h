/* user_password: a password, or the hash of one, from stdin into a user. */
#ifndef CMD_USER_PASSWORD_H
#define CMD_USER_PASSWORD_H

#include "cmd/cmd.h"
#include "store/user.h"

/* What --password-stdin or --password-hash-stdin brings; p == NULL without either. Comes before the
 * store is opened: stdin may keep us waiting. */
int user_password_read(struct cmd *c, str *text);
/* Judges it (docs/sign-in.md), hashes it and puts it into *u. Needs open_keys(). */
int user_password_take(struct cmd *c, struct user *u, str text);
/* An imported hash, which is kept until its user signs in. */
int user_password_take_hash(struct user *u, str encoded, const char *label);

#endif
