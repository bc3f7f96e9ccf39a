/* sandbox: what a process of the server gives up once it has what it needs.
 *
 * Each role has its own list of system calls (seccomp, kill as default), its own files (Landlock)
 * and its own limits. Entered once, by the thread that starts all others: they inherit it. What
 * each role may do is printed by `postern list sandbox` from the table of sandbox/calls.c, and
 * stands in docs/security-model.md.
 *
 * The sandbox of a parent holds for its children, too, so the supervisor's is as wide as all of
 * theirs together and lets them enter their own.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum sandbox_role {
    SANDBOX_SUPERVISOR, /* starts, watches and ends the others; has no secret and no socket of a
                           client's */
    SANDBOX_SIGNER,     /* has the keys; no sockets, no files, nothing but its memory */
    SANDBOX_OUTBOUND,   /* resolves names; sockets, no files of the server's */
    SANDBOX_NETWORK,    /* clients and the store */
    SANDBOX_ROLES
};

/* "supervisor", "signer", "outbound", "network". */
const char *sandbox_role_name(enum sandbox_role role);

/* The setting `sandbox`, in the order of its choices. */
enum sandbox_mode {
    SANDBOX_REQUIRED,    /* what the kernel cannot do is an error */
    SANDBOX_BEST_EFFORT, /* ... is told, and the rest is done */
    SANDBOX_OFF,         /* for debuggers: only cores stay off */
};

#define SANDBOX_PATHS 48

/* Paths: a directory stands for all beneath it, a file for itself alone (its inode: a file that is
 * put in its place later is another one). What is not there is left out; NULL ends a list. */
struct sandbox {
    enum sandbox_role role;
    enum sandbox_mode mode;
    const char *write[SANDBOX_PATHS]; /* read and written; beneath a directory made and removed */
    const char *read[SANDBOX_PATHS];
    const char *make[SANDBOX_PATHS]; /* directories: files are made and removed, not read */
    /* A file that stays out of reach though it lies beneath a directory of these lists (what comes
     * to be beside it later does, too); NULL: none. */
    const char *hidden;
    /* SANDBOX_SUPERVISOR, SANDBOX_NETWORK: there is a shared store to connect to; the supervisor
     * restarts processes that do. */
    bool connects;
    /* SANDBOX_NETWORK without a SANDBOX_OUTBOUND: resolves names itself. */
    bool resolves;
    /* SANDBOX_NETWORK without a SANDBOX_SUPERVISOR: tells the service manager itself. */
    bool notifies;
    /* For tests: a build with a sanitizer gets no more than others. */
    bool strict;
};

/* At the start of a process, before it reads any secret and before its first thread: no core dumps,
 * not dumpable, no capability but that to bind low ports, and when root: uid, gid and groups of
 * `user` (NULL or "": stays who it is). `why` names what failed and the remedy. */
enum err sandbox_begin(const char *user, char *why, size_t why_size);
/* When everything is open and before the first thread: no_new_privs, no capabilities, resource
 * limits, Landlock, seccomp. Cannot be undone. ERR_FORBIDDEN when something required is not to be
 * had; `why` says what, and what to set. OK with a `why` that is not empty: best effort, and `why`
 * says what is lacking. */
enum err sandbox_enter(const struct sandbox *s, char *why, size_t why_size);
/* Room for secrets: zeroed, locked into memory, left out of dumps, wiped in a forked child, with a
 * guard page at either end. Ends the process when there is no memory; that it could not be locked
 * (RLIMIT_MEMLOCK) is told in *locked (may be NULL). */
void *sandbox_secret_room(size_t size, bool *locked);
/* Wipes it and gives it back. */
void sandbox_secret_free(void *room, size_t size);
/* What this kernel has, for the log and `postern check`: "seccomp, Landlock ABI 7". */
str sandbox_describe(char *storage, size_t size);
/* Defined in builds with a sanitizer, which needs calls of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANDBOX_SANITIZED
#endif
#endif
/* True in builds with a sanitizer, whose sandbox is wider (sandbox/calls.c). */
bool sandbox_is_sanitized(void);

#endif
