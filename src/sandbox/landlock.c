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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* What the rules are made with. */
struct maker {
    int rules, abi;
    const char *hidden;
    char *why;
    size_t why_size;
};

static int fail(const struct maker *m, const char *what, const char *path)
{
    snprintf(m->why, m->why_size, "Landlock: %s%s%s: %s", what, *path ? " " : "", path,
             strerror(errno));
    return -1;
}

static int allow(const struct maker *m, const char *path, uint64_t rights)
{
    struct stat st;
    struct beneath b = {.parent = open(path, O_PATH | O_CLOEXEC)};
    if (b.parent < 0)
        return 0;
    b.allowed = rights & all_files(m->abi);
    if (fstat(b.parent, &st) == 0 && !S_ISDIR(st.st_mode))
        b.allowed &= of_files;
    long rc = b.allowed ? syscall(ADD_RULE, m->rules, RULE_PATH, &b, 0) : 0;
    int failed = rc < 0 ? fail(m, "no rule for", path) : 0;
    close(b.parent);
    return failed;
}

static bool lies_beneath(const char *file, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(file, dir, n) == 0 && (file[n] == '/' || (n > 0 && dir[n - 1] == '/'));
}

/* Landlock knows no exception beneath a directory. So a directory that holds the hidden file gives
 * only what is no content, and each of its entries is allowed by itself. */
static int allow_around(const struct maker *m, char *dir, uint64_t rights)
{
    const struct dirent *entry;
    size_t n = strlen(dir);
    int failed = allow(m, dir, rights & ~of_files);
    DIR *entries = opendir(dir);
    while (!failed && entries && (entry = readdir(entries))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            n + 2 + strlen(entry->d_name) > PATH_MAX)
            continue;
        snprintf(dir + n, PATH_MAX - n, "%s%s", dir[n - 1] == '/' ? "" : "/", entry->d_name);
        if (lies_beneath(m->hidden, dir))
            failed = allow_around(m, dir, rights);
        else if (strcmp(m->hidden, dir) != 0)
            failed = allow(m, dir, rights);
        dir[n] = '\0';
    }
    if (entries)
        closedir(entries);
    return failed;
}

static int allow_all(const struct maker *m, const char *const *paths, uint64_t rights)
{
    char whole[PATH_MAX];
    int failed = 0;
    for (size_t i = 0; i < SANDBOX_PATHS && paths[i] && !failed; i++) {
        bool real = *paths[i] && realpath(paths[i], whole);
        if (real && m->hidden && lies_beneath(m->hidden, whole))
            failed = allow_around(m, whole, rights);
        else if (real && !(m->hidden && strcmp(m->hidden, whole) == 0))
            failed = allow(m, whole, rights);
    }
    return failed;
}

/* A service manager may be told by an abstract socket ("@..."). */
static bool notifies_abstract(const struct sandbox *s)
{
    const char *address = getenv("NOTIFY_SOCKET");
    return (s->notifies || s->role == SANDBOX_SUPERVISOR) && address && *address == '@';
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

static int add_rules(const struct sandbox *s, const struct maker *m)
{
    const uint64_t reads = READ | READ_DIR;
    const uint64_t writes = reads | WRITE | TRUNCATE | MAKE_REG | REMOVE;
    if (allow_all(m, s->read, reads) || allow_all(m, s->write, writes) ||
        allow_all(m, s->make, MAKE_REG | REMOVE | READ_DIR))
        return -1;
    /* The reports of a sanitizer need the program, its libraries and /proc/self. */
    if (sandbox_is_sanitized() && !s->strict && (allow(m, "/", reads) || allow(m, "/tmp", writes)))
        return -1;
    return 0;
}

enum err landlock_enter(const struct sandbox *s, int abi, char *why, size_t why_size)
{
    char hidden[PATH_MAX];
    struct maker m = {make_ruleset(s, abi), abi, NULL, why, why_size};
    if (m.rules < 0) {
        fail(&m, "no set of rules", "");
        return ERR_FORBIDDEN;
    }
    if (s->hidden && realpath(s->hidden, hidden))
        m.hidden = hidden;
    int failed = add_rules(s, &m);
    if (!failed && syscall(RESTRICT_SELF, m.rules, 0) < 0)
        failed = fail(&m, "not taken", "");
    close(m.rules);
    return failed ? ERR_FORBIDDEN : OK;
}
