/* sandbox: the steps into a sandbox, in the order in which each is still allowed.
 *
 * Limits and capabilities first, then no_new_privs (which Landlock and seccomp ask for), then
 * Landlock (whose calls the filter forbids), seccomp last.
 *
 * Left out on purpose: RLIMIT_NPROC, since it counts all threads of a user and each role has some
 * (the filter lets nobody but the supervisor fork); namespaces and chroot, which need root and
 * which Landlock makes needless.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/filter.h"
#include "sandbox/landlock.h"
#include "sandbox/privilege.h"

enum { FDS_LOOKED_AT = 4096, FDS_TO_COME = 4 };

const char *sandbox_role_name(enum sandbox_role role)
{
    static const char *const names[SANDBOX_ROLES] = {"supervisor", "signer", "outbound", "network"};
    return names[role];
}

bool sandbox_is_sanitized(void)
{
#ifdef SANDBOX_SANITIZED
    return true;
#else
    return false;
#endif
}

static bool limit(__rlimit_resource_t what, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(what, &now) != 0)
        return false;
    if (now.rlim_max > most)
        now.rlim_max = most;
    if (now.rlim_cur > now.rlim_max)
        now.rlim_cur = now.rlim_max;
    return setrlimit(what, &now) == 0;
}

enum err sandbox_begin(const char *user, char *why, size_t why_size)
{
    enum err e = privilege_drop(user, why, why_size);
    if (e != OK)
        return e;
    if (!limit(RLIMIT_CORE, 0)) {
        snprintf(why, why_size, "core dumps cannot be switched off: %s", strerror(errno));
        return ERR_FORBIDDEN;
    }
    /* After the change of the user, which sets it anew. A sanitizer's search for leaks attaches to
     * its own process, which the kernel refuses when that is not dumpable. */
    if (!sandbox_is_sanitized() && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        snprintf(why, why_size, "memory cannot be kept from tracers: %s", strerror(errno));
        return ERR_FORBIDDEN;
    }
    return OK;
}

/* One more than the highest descriptor that is open. */
static rlim_t fds_in_use(void)
{
    int fd = FDS_LOOKED_AT;
    while (fd > 0 && fcntl(fd - 1, F_GETFD) < 0)
        fd--;
    return (rlim_t)fd;
}

/* A log that goes to a file is the one thing that such a process writes. */
static bool logs_to_file(void)
{
    struct stat st;
    return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
}

static bool limit_role(enum sandbox_role role, bool sanitized)
{
    bool ok = true;
    if (sanitized)
        return ok;
    if ((role == SANDBOX_SIGNER || role == SANDBOX_OUTBOUND) && !logs_to_file())
        ok = limit(RLIMIT_FSIZE, 0);
    /* A descriptor of the master key file comes at a reload. */
    if (role == SANDBOX_SIGNER)
        ok = ok && limit(RLIMIT_NOFILE, fds_in_use() + FDS_TO_COME);
    return ok;
}

/* Before the C library gives pages of a thread's heap back it reads
 * /proc/sys/vm/overcommit_memory, which ends a process that may open nothing. So the signer keeps
 * what it once had; that is little. */
static void keep_heaps(enum sandbox_role role)
{
    if (role == SANDBOX_SIGNER)
        mallopt(M_TRIM_THRESHOLD, INT_MAX); /* a sanitizer's allocator has no such option */
}

/* Landlock and capabilities are a thread's own, so all must come from the one that enters. */
static bool has_threads(void)
{
    struct stat st;
    return stat("/proc/self/task", &st) == 0 && st.st_nlink > 3;
}

static enum err prepare(const struct sandbox *s, char *why, size_t why_size)
{
    bool sanitized = sandbox_is_sanitized() && !s->strict;
    enum err e;
    if (!sanitized && has_threads()) {
        snprintf(why, why_size, "the sandbox of the %s was entered with threads running",
                 sandbox_role_name(s->role));
        return ERR_FORBIDDEN;
    }
    keep_heaps(s->role);
    if (!limit_role(s->role, sanitized) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        snprintf(why, why_size, "limits of the %s: %s", sandbox_role_name(s->role),
                 strerror(errno));
        return ERR_FORBIDDEN;
    }
    if ((e = privilege_none(why, why_size)) != OK)
        return e;
    return OK;
}

static enum err lacking(const struct sandbox *s, const char *what, char *why, size_t why_size)
{
    if (s->mode != SANDBOX_REQUIRED) {
        snprintf(why, why_size, "this kernel has no %s: `sandbox` goes on without it", what);
        return OK;
    }
    snprintf(why, why_size,
             "`sandbox: required`, but this kernel has no %s: use one that has it (security "
             "modules are listed in /sys/kernel/security/lsm), or set `sandbox: best-effort`",
             what);
    return ERR_FORBIDDEN;
}

enum err sandbox_enter(const struct sandbox *s, char *why, size_t why_size)
{
    int abi = landlock_abi();
    bool filters = filter_is_there();
    enum err e = OK;
    *why = '\0';
    if (s->mode == SANDBOX_OFF)
        return OK;
    if (abi == 0 || !filters)
        e = lacking(s,
                    abi       ? "seccomp"
                    : filters ? "Landlock"
                              : "Landlock and no seccomp",
                    why, why_size);
    if (e == OK)
        e = prepare(s, why, why_size);
    if (e == OK && abi > 0)
        e = landlock_enter(s, abi, why, why_size);
    if (e == OK && filters)
        e = filter_enter(s, why, why_size);
    return e;
}

str sandbox_describe(char *storage, size_t size)
{
    int abi = landlock_abi();
    const char *filter = filter_is_there() ? "seccomp" : "no seccomp";
    int n = abi ? snprintf(storage, size, "%s, Landlock ABI %d", filter, abi)
                : snprintf(storage, size, "%s, no Landlock", filter);
    return str_make(storage, n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1);
}
