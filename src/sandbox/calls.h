/* calls: the system calls that each role may make, as one table.
 *
 * What has no row ends the process (SIGSYS, "tried a forbidden system call" in the supervisor's
 * log, and a line of the kernel's that names the call's number). Several rows of a call are
 * alternatives.
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include <stdint.h>

#include "sandbox/sandbox.h"

/* When a row holds at all. */
enum calls_when {
    CALLS_ALWAYS,
    CALLS_CONNECTS, /* struct sandbox.connects; always for SANDBOX_OUTBOUND */
    CALLS_RESOLVES, /* struct sandbox.resolves or the supervisor of a process that does */
    CALLS_NOTIFIES, /* struct sandbox.notifies; always for SANDBOX_SUPERVISOR */
    CALLS_SANITIZED /* builds with a sanitizer */
};

/* (argument & mask) == value; mask 0: unused. */
struct calls_is {
    unsigned at;
    uint64_t mask, value;
};

/* A value: the process's own id. */
#define CALLS_OWN_ID UINT64_MAX

struct calls_row {
    const char *call;
    unsigned roles;        /* 1 << role, ... */
    const char *arguments; /* of `is`, in words */
    struct calls_is is[2];
    int refuse; /* errno to answer in place of the end; 0: the call is made */
    enum calls_when when;
};

/* All rows. */
const struct calls_row *calls_rows(size_t *n);
/* Whether the row holds in that sandbox. */
bool calls_hold(const struct calls_row *row, const struct sandbox *s);

#endif
