/* landlock: rules for files, TCP ports, signals and abstract sockets.
 *
 * The constants are written out here, since the headers of the system may be older than the kernel
 * that the program meets. A path that does not exist gets no rule, and nothing that comes to be
 * there later is within reach.
 *
 * Left out on purpose: rules per port (libpq's URLs, services and environment may name any).
 * Landlock knows no UDP and no unix sockets that have a path; seccomp says who has sockets at all.
 */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FS(bit)  (UINT64_C(1) << (bit))
#define EXECUTE  FS(0)
#define WRITE    FS(1)
#define READ     FS(2)
#define READ_DIR FS(3)
#define REMOVE   FS(5)
#define MAKE_REG FS(8)
#define TRUNCATE FS(14)
#define IOCTL    FS(15)

enum { RULE_PATH = 1, VERSION_FLAG = 1 };

/* All file rights that a version of the interface knows: indexed by it. */
static const uint64_t handled_by[] = {0,          FS(13) - 1, FS(14) - 1,
                                      FS(15) - 1, FS(15) - 1, FS(16) - 1};
static const uint64_t of_files = WRITE | READ | TRUNCATE | EXECUTE | IOCTL;

static const uint64_t tcp_bind = 1, tcp_connect = 2;
static const uint64_t scope_abstract = 1, scope_signal = 2;

/* struct landlock_ruleset_attr and landlock_path_beneath_attr of <linux/landlock.h>. */
struct ruleset {
    uint64_t files, net, scoped;
};
struct beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

/* The same numbers on every architecture. */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };

int landlock_abi(void)
{
    long abi = syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG);
    return abi < 0 ? 0 : (int)abi;
}

static uint64_t all_files(int abi)
{
    int known = (int)(sizeof handled_by / sizeof *handled_by) - 1;
    return handled_by[abi < known ? abi : known];
}

static int fail(char *why, size_t why_size, const char *what, const char *path)
{
    snprintf(why, why_size, "Landlock: %s%s%s: %s", what, *path ? " " : "", path, strerror(errno));
    return -1;
}

static int allow(int rules, int abi, const char *path, uint64_t rights, char *why, size_t why_size)
{
    struct stat st;
    struct beneath b = {.parent = open(path, O_PATH | O_CLOEXEC)};
    if (b.parent < 0)
        return 0;
    b.allowed = rights & all_files(abi);
    if (fstat(b.parent, &st) == 0 && !S_ISDIR(st.st_mode))
        b.allowed &= of_files;
    long rc = b.allowed ? syscall(ADD_RULE, rules, RULE_PATH, &b, 0) : 0;
    int failed = rc < 0 ? fail(why, why_size, "no rule for", path) : 0;
    close(b.parent);
    return failed;
}

static int allow_all(int rules, int abi, const char *const *paths, uint64_t rights, char *why,
                     size_t why_size)
{
    for (size_t i = 0; i < SANDBOX_PATHS && paths[i]; i++)
        if (*paths[i] && allow(rules, abi, paths[i], rights, why, why_size))
            return -1;
    return 0;
}

/* A service manager may be told by an abstract socket ("@..."). */
static bool notifies_abstract(const struct sandbox *s)
{
    const char *address = getenv("NOTIFY_SOCKET");
    return s->role == SANDBOX_SUPERVISOR && address && *address == '@';
}

static int make_ruleset(const struct sandbox *s, int abi)
{
    struct ruleset r = {.files = all_files(abi)};
    bool connects = s->connects || s->role == SANDBOX_OUTBOUND;
    size_t size = abi >= 6 ? sizeof r : abi >= 4 ? 2 * sizeof r.files : sizeof r.files;
    r.net = tcp_bind | (connects ? 0 : tcp_connect);
    r.scoped = scope_signal | (notifies_abstract(s) ? 0 : scope_abstract);
    return (int)syscall(CREATE_RULESET, &r, size, 0);
}

static int add_rules(const struct sandbox *s, int rules, int abi, char *why, size_t why_size)
{
    const uint64_t reads = READ | READ_DIR;
    const uint64_t writes = reads | WRITE | TRUNCATE | MAKE_REG | REMOVE;
    if (allow_all(rules, abi, s->read, reads, why, why_size) ||
        allow_all(rules, abi, s->write, writes, why, why_size) ||
        allow_all(rules, abi, s->make, MAKE_REG | REMOVE | READ_DIR, why, why_size))
        return -1;
    /* The reports of a sanitizer need the program, its libraries and /proc/self. */
    if (sandbox_is_sanitized() && !s->strict &&
        (allow(rules, abi, "/", reads, why, why_size) ||
         allow(rules, abi, "/tmp", writes, why, why_size)))
        return -1;
    return 0;
}

enum err landlock_enter(const struct sandbox *s, int abi, char *why, size_t why_size)
{
    int rules = make_ruleset(s, abi);
    if (rules < 0) {
        fail(why, why_size, "no set of rules", "");
        return ERR_FORBIDDEN;
    }
    int failed = add_rules(s, rules, abi, why, why_size);
    if (!failed && syscall(RESTRICT_SELF, rules, 0) < 0)
        failed = fail(why, why_size, "not taken", "");
    close(rules);
    return failed ? ERR_FORBIDDEN : OK;
}
