/* check: how the parts of `postern check` say what they found. */
#ifndef CMD_CHECK_H
#define CMD_CHECK_H

#include "cmd/show.h"

/* WARN: it works but should not stay. FAIL: it will not work, or what was acknowledged may get lost
 * in normal use; the exit code is 1. */
enum verdict { PASS, WARN, FAIL };

struct check {
    struct cmd *c;
    struct show show;
    bool failed;
};

/* One line: the verdict, what was looked at, and what there is to say or do. */
void check_say(struct check *k, enum verdict v, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
