/* sandbox: what a process of the server gives up once it has what it needs.
 *
 * Each role has its own list of system calls (seccomp, kill as default), its own files (Landlock)
 * and its own limits. Entered once, by the thread that starts all others: they inherit it. What
 * each role may do stands in docs/security-model.md, which a test compares with the tables here.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

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

/* The setting `sandbox`. */
enum sandbox_mode {
    SANDBOX_REQUIRED,    /* what the kernel cannot do is an error */
    SANDBOX_BEST_EFFORT, /* ... is logged, and the rest is done */
    SANDBOX_OFF,         /* for debuggers: only cores stay off */
};

#define SANDBOX_PATHS 32

struct sandbox {
    enum sandbox_role role;
    enum sandbox_mode mode;
    /* Directories and files beneath which it may read and write, or read; NULL ends. What is not
     * there is left out. */
    const char *write[SANDBOX_PATHS], *read[SANDBOX_PATHS];
    bool connects; /* SANDBOX_NETWORK: to a shared store */
};

/* At the start of a process, before it reads any secret: no core dumps, not dumpable, and when
 * root: uid, gid and groups of that user (NULL: stays), capabilities dropped but for binding low
 * ports. `why` names the remedy. */
enum err sandbox_begin(const char *user, char *why, size_t why_size);
/* When everything is open and before the first thread: no_new_privs, no capabilities, resource
 * limits, Landlock, seccomp. Cannot be undone. ERR_FORBIDDEN when something required is not to be
 * had; `why` says what, and what to set. */
enum err sandbox_enter(const struct sandbox *s, char *why, size_t why_size);
/* Room for secrets: zeroed, locked into memory, left out of dumps, not inherited by a fork, with a
 * guard page at either end. Ends the process when there is no memory; that it could not be locked
 * is the kernel's limit and told in *locked (may be NULL). */
void *sandbox_secret_room(size_t size, bool *locked);
/* Wipes it and gives it back. */
void sandbox_secret_free(void *room, size_t size);
/* Best-effort lines for the log and `postern check`: "Landlock ABI 5, seccomp, ..." */
str sandbox_describe(char *storage, size_t size);

#endif
