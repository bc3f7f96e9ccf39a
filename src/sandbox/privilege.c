/* privilege: root becomes somebody else, and capabilities go.
 *
 * The system calls are used as they are: three numbers and two structs need no library. The
 * bounding set goes first, while that is still allowed. Who stays root keeps its uid and with it
 * its own files, but loses what makes root almighty: it reads no other user's files.
 *
 * Left out on purpose: securebits. Without capabilities, with no_new_privs and without execve there
 * is no way for root's uid to get them back.
 */
#include "sandbox/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SETS = _LINUX_CAPABILITY_U32S_3, CAPABILITIES = 64 };

static enum err fail(char *why, size_t why_size, const char *what)
{
    snprintf(why, why_size, "%s: %s", what, strerror(errno));
    return ERR_FORBIDDEN;
}

/* Keeps what is in `kept` of the first 32 capabilities and already permitted. */
static enum err keep(unsigned kept, char *why, size_t why_size)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[SETS];
    if (syscall(SYS_capget, &head, sets) < 0)
        return fail(why, why_size, "capabilities cannot be read");
    kept &= sets[0].permitted;
    /* A service manager may have left nothing, capset included. */
    if (sets[0].permitted == kept && sets[0].effective == kept && !sets[0].inheritable &&
        !sets[1].permitted && !sets[1].inheritable)
        return OK;
    memset(sets, 0, sizeof sets);
    sets[0].permitted = sets[0].effective = kept;
    if (syscall(SYS_capset, &head, sets) < 0)
        return fail(why, why_size, "capabilities cannot be dropped");
    return OK;
}

/* Whoever lacks CAP_SETPCAP cannot; without capabilities and execve the set then means nothing. */
static void drop_bounds(void)
{
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int i = 0; i < CAPABILITIES; i++)
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

static enum err become(const struct passwd *who, char *why, size_t why_size)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || initgroups(who->pw_name, who->pw_gid) < 0 ||
        setresgid(who->pw_gid, who->pw_gid, who->pw_gid) < 0 ||
        setresuid(who->pw_uid, who->pw_uid, who->pw_uid) < 0)
        return fail(why, why_size, "`user`: root cannot become that user here");
    /* setresuid makes what a dump may show depend on the system's fs.suid_dumpable. */
    if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
        return fail(why, why_size, "`user`");
    return OK;
}

static enum err change_user(const char *user, char *why, size_t why_size)
{
    const struct passwd *who = getpwnam(user);
    if (!who) {
        snprintf(why, why_size, "`user`: there is no user `%s` on this machine", user);
        return ERR_NOT_FOUND;
    }
    if (who->pw_uid == 0) {
        snprintf(why, why_size,
                 "`user` takes an ordinary user, not root; empty: whoever starts it");
        return ERR_INVALID_REQUEST;
    }
    if (geteuid() == 0)
        return become(who, why, why_size);
    if (geteuid() == who->pw_uid)
        return OK;
    snprintf(why, why_size,
             "`user` is `%s`, and only root can become somebody else: start as "
             "root or as that user, or leave `user` empty",
             user);
    return ERR_FORBIDDEN;
}

enum err privilege_drop(const char *user, char *why, size_t why_size)
{
    enum err e = OK;
    drop_bounds();
    if (user && *user && (e = change_user(user, why, why_size)) != OK)
        return e;
    return keep(CAP_TO_MASK(CAP_NET_BIND_SERVICE), why, why_size);
}

enum err privilege_none(char *why, size_t why_size)
{
    drop_bounds();
    return keep(0, why, why_size);
}
