/* filter: the list of system calls of a role, put into force (seccomp(2)). */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include "sandbox/sandbox.h"

/* The kernel can end a process for a forbidden call (since 4.14). */
bool filter_is_there(void);
/* For all threads of the process, for ever. ERR_FORBIDDEN with the reason in `why`. */
enum err filter_enter(const struct sandbox *s, char *why, size_t why_size);

#endif
