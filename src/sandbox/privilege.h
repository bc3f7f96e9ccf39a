/* privilege: user, groups and capabilities (capabilities(7)). */
#ifndef SANDBOX_PRIVILEGE_H
#define SANDBOX_PRIVILEGE_H

#include "sandbox/sandbox.h"

/* Becomes `user` when root (NULL or "": stays), and keeps no capability but that to bind ports
 * below 1024, if it had it. `why` names what failed and the remedy. */
enum err privilege_drop(const char *user, char *why, size_t why_size);
/* The last one goes, too. */
enum err privilege_none(char *why, size_t why_size);

#endif
