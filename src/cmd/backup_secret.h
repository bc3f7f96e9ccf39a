/* backup_secret: the passphrase or key of `postern backup` and `postern restore`. */
#ifndef CMD_BACKUP_SECRET_H
#define CMD_BACKUP_SECRET_H

#include "cmd/cmd.h"
#include "crypto/stream.h"

#define BACKUP_SECRET_OPTIONS                                                                      \
    {"passphrase-file", "FILE", false, false, "a file whose first line is the passphrase"},        \
        {"passphrase-stdin", NULL, false, false, "take the passphrase from stdin"},                \
    {                                                                                              \
        "key-file", "FILE", false, false, "a file of 64 hex digits: openssl rand -hex 32 >FILE"    \
    }

/* The one that was given. CMD_USAGE: none, several, too short (`fresh`: it shall seal a new file),
 * or no key. The bytes lie in c->arena. */
int backup_secret(struct cmd *c, bool fresh, enum stream_secret *kind, str *secret);

#endif
