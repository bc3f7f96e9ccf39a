/* For the tests of the sandbox: a child per attempt, in a sandbox or, as the control, in none. */
#ifndef SANDBOX_SUPPORT_H
#define SANDBOX_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/landlock.h"
#include "sandbox/sandbox.h"

/* What became of a child: DONE, an errno, or the signal that ended it. */
enum { DONE = 0, BY_SIGNAL = 1000, KILLED = BY_SIGNAL + SIGSYS, NOT_ENTERED = 255 };

struct places {
    char dir[64]; /* of the store: db, and master beside it */
    char db[80], master[80], fresh[80];
    char elsewhere[64], other[80]; /* another directory and a file in it */
};
static struct places at;

static inline void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static inline int make_places(void **state)
{
    (void)state;
    snprintf(at.dir, sizeof at.dir, "/var/tmp/postern-sandbox-XXXXXX");
    snprintf(at.elsewhere, sizeof at.elsewhere, "/var/tmp/postern-sandbox-XXXXXX");
    if (!mkdtemp(at.dir) || !mkdtemp(at.elsewhere))
        return -1;
    snprintf(at.db, sizeof at.db, "%s/db", at.dir);
    snprintf(at.fresh, sizeof at.fresh, "%s/fresh", at.dir);
    snprintf(at.master, sizeof at.master, "%s/master", at.dir);
    snprintf(at.other, sizeof at.other, "%s/other", at.elsewhere);
    put(at.db, "rows");
    put(at.master, "secret");
    put(at.other, "other");
    return 0;
}

static inline int remove_places(void **state)
{
    (void)state;
    unlink(at.fresh);
    return unlink(at.db) | unlink(at.master) | unlink(at.other) | rmdir(at.dir) |
           rmdir(at.elsewhere);
}

/* The sandbox of a role as the server has it: the supervisor's has the whole directory. */
static inline struct sandbox sandbox_of(enum sandbox_role role)
{
    struct sandbox s = {.role = role, .mode = SANDBOX_BEST_EFFORT, .strict = true};
    if (role == SANDBOX_SUPERVISOR)
        s.write[0] = at.dir;
    if (role == SANDBOX_NETWORK) {
        s.write[0] = at.db;
        s.make[0] = at.dir;
    }
    return s;
}

static inline void enter(const struct sandbox *s)
{
    char why[512] = "";
    if (s && (sandbox_enter(s, why, sizeof why) != OK)) {
        fprintf(stderr, "not entered: %s\n", why);
        _exit(NOT_ENTERED);
    }
}

/* Forks, enters s (NULL: the control) and does it; its answer is DONE or an errno. The child may
 * dump no core, and says so before the kernel could. */
static inline int outcome(const struct sandbox *s, int (*attempt)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        enter(s);
        _exit(attempt());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? BY_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* rc of a system call -> DONE or errno */
static inline int answer(long rc)
{
    return rc < 0 ? errno : DONE;
}

#endif
