/* What a sandbox leaves possible, how it nests, who one is afterwards, rooms for secrets, and what
 * is said when the kernel lacks something. */
#include "sandbox_support.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sandbox/calls.h"

/* The value of a line of /proc/self/status, as it stands there. */
static void status_of_self(const char *name, char *out, size_t size)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "re");
    *out = '\0';
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            snprintf(out, size, "%s", line + strlen(name) + 2);
    if (f)
        fclose(f);
    out[strcspn(out, "\n")] = '\0';
}

static bool status_is(const char *name, const char *want)
{
    char got[128];
    status_of_self(name, got, sizeof got);
    if (strcmp(got, want) == 0)
        return true;
    fprintf(stderr, "%s: %s, not %s\n", name, got, want);
    return false;
}

/* Runs in a child: what it returns or the signal that ended it. */
static int in_child(int (*what)(void))
{
    return outcome(NULL, what);
}

/* ---- who one is ---- */

static const char *wanted_user;

static int begin_as(void)
{
    char why[256] = "";
    if (sandbox_begin(wanted_user, why, sizeof why) != OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    return 0;
}

static int become_daemon(void)
{
    struct passwd *daemon = getpwnam("daemon");
    char ids[64];
    wanted_user = "daemon";
    uid_t uid = daemon->pw_uid;
    gid_t gid = daemon->pw_gid;
    if (begin_as())
        return 1;
    snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", uid, uid, uid, uid);
    bool ok = status_is("Uid", ids);
    snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", gid, gid, gid, gid);
    ok = status_is("Gid", ids) && ok;
    snprintf(ids, sizeof ids, "%u ", gid);
    ok = status_is("Groups", ids) && ok;
    /* Low ports (capability 10) until the sandbox is entered, nothing else. */
    ok = status_is("CapPrm", "0000000000000400") && ok;
    ok = status_is("CapEff", "0000000000000400") && ok;
    ok = status_is("CapInh", "0000000000000000") && ok;
    ok = status_is("CapBnd", "0000000000000000") && ok;
    ok = status_is("CapAmb", "0000000000000000") && ok;
    return !ok || setuid(0) == 0 || open("/etc/shadow", O_RDONLY) >= 0;
}

static int stay_root(void)
{
    wanted_user = "";
    if (begin_as())
        return 1;
    bool ok = status_is("CapPrm", "0000000000000400") && status_is("CapBnd", "0000000000000000") &&
              status_is("Uid", "0\t0\t0\t0");
    return !ok || chown(at.db, 1, 1) == 0;
}

static int refuse_users(void)
{
    char why[256] = "";
    if (sandbox_begin("no-such-user", why, sizeof why) != ERR_NOT_FOUND ||
        !strstr(why, "no user `no-such-user`"))
        return 1;
    if (sandbox_begin("root", why, sizeof why) != ERR_INVALID_REQUEST)
        return 2;
    if (setuid(getpwnam("daemon")->pw_uid) != 0)
        return 3;
    /* Its own name is no change; anybody else's needs root. */
    if (sandbox_begin("daemon", why, sizeof why) != OK)
        return 4;
    if (sandbox_begin("nobody", why, sizeof why) != ERR_FORBIDDEN || !strstr(why, "only root"))
        return 5;
    return 0;
}

static int dumps_nothing(void)
{
    struct rlimit core, all = {RLIM_INFINITY, RLIM_INFINITY};
    wanted_user = NULL;
    if (begin_as())
        return 1;
    getrlimit(RLIMIT_CORE, &core);
    if (core.rlim_cur != 0 || core.rlim_max != 0)
        return 2;
    if (setrlimit(RLIMIT_CORE, &all) == 0)
        return 3; /* the capability to raise it is gone */
    return !sandbox_is_sanitized() && prctl(PR_GET_DUMPABLE) != 0 ? 4 : 0;
}

static void test_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(become_daemon), 0);
    assert_int_equal(in_child(stay_root), 0);
    assert_int_equal(in_child(refuse_users), 0);
    assert_int_equal(in_child(dumps_nothing), 0);
}

/* ---- what is left inside ---- */

static void *a_thread(void *arg)
{
    *(int *)arg = 7;
    return NULL;
}

static int start_thread(void)
{
    pthread_t t;
    int got = 0;
    if (pthread_create(&t, NULL, a_thread, &got) != 0 || pthread_join(t, NULL) != 0)
        return 1;
    return got != 7;
}

static bool landlock; /* asked for before the filter forbids it */

static int use_store(void)
{
    char text[8];
    int fd = open(at.db, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    if (fd < 0 || pread(fd, text, 4, 0) != 4 || pwrite(fd, text, 4, 4) != 4 || fdatasync(fd) != 0 ||
        fcntl(fd, F_SETLK, &lock) != 0 || ftruncate(fd, 4) != 0)
        return 1;
    /* A file may be made where the store is; neither it nor the key beside the store is read. */
    if (!landlock)
        return 0;
    if (open(at.fresh, O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0 || errno != EACCES)
        return 2;
    return open(at.master, O_RDONLY) >= 0 || errno != EACCES ? 3 : 0;
}

static int is_locked_in(void)
{
    wanted_user = NULL;
    return prctl(PR_SET_NAME, "renamed") != 0;
}

static void test_inside(void **state)
{
    (void)state;
    for (int role = 0; role < SANDBOX_ROLES; role++) {
        struct sandbox s = sandbox_of((enum sandbox_role)role);
        assert_int_equal(outcome(&s, is_locked_in), 0);
        assert_int_equal(outcome(&s, start_thread), 0);
    }
    struct sandbox network = sandbox_of(SANDBOX_NETWORK);
    landlock = landlock_abi() > 0;
    assert_int_equal(outcome(&network, use_store), 0);
}

static int connects(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0;
}

static int asks_names(void)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0;
}

static void test_conditions(void **state)
{
    (void)state;
    struct sandbox s = sandbox_of(SANDBOX_NETWORK);
    assert_int_equal(outcome(&s, connects), KILLED);
    assert_int_equal(outcome(&s, asks_names), KILLED);
    s.connects = true;
    assert_int_equal(outcome(&s, connects), 0);
    assert_int_equal(outcome(&s, asks_names), KILLED);
    s.resolves = true;
    assert_int_equal(outcome(&s, asks_names), 0);
}

/* Reads its own status before the filter stands between, through a descriptor that is open. */
static int has_no_privileges(void)
{
    struct sandbox s = sandbox_of(SANDBOX_NETWORK);
    s.read[0] = "/proc/self";
    enter(&s);
    bool ok = status_is("NoNewPrivs", "1") && status_is("Seccomp", "2") &&
              status_is("CapPrm", "0000000000000000") && status_is("CapEff", "0000000000000000");
    return !ok || (geteuid() == 0 && !status_is("CapBnd", "0000000000000000"));
}

static void test_status(void **state)
{
    (void)state;
    assert_int_equal(in_child(has_no_privileges), 0);
}

/* ---- one in another: the supervisor's lets each of its children enter its own ---- */

static enum sandbox_role inner;

static int enter_inner(void)
{
    char why[256] = "";
    struct sandbox s = sandbox_of(inner);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || sandbox_begin(NULL, why, sizeof why) != OK)
        return 1;
    enter(&s);
    return start_thread();
}

static int fork_inner(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(enter_inner());
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return 100;
    return WEXITSTATUS(status);
}

static void test_nesting(void **state)
{
    (void)state;
    struct sandbox outer = sandbox_of(SANDBOX_SUPERVISOR);
    for (inner = SANDBOX_SIGNER; inner < SANDBOX_ROLES; inner++)
        assert_int_equal(outcome(&outer, fork_inner), 0);
}

/* Whatever a child may do its supervisor must be able to pass on, or a restart would lack it. */
static void test_supervisor_is_union(void **state)
{
    (void)state;
    size_t n;
    const struct calls_row *rows = calls_rows(&n);
    for (size_t i = 0; i < n; i++) {
        const struct calls_row *r = &rows[i];
        bool found = r->roles & 1U << SANDBOX_SUPERVISOR;
        for (size_t k = 0; k < n && !found; k++)
            found = rows[k].roles & 1U << SANDBOX_SUPERVISOR && !rows[k].refuse &&
                    strcmp(rows[k].call, r->call) == 0;
        if (!found)
            fail_msg("%s is not the supervisor's", r->call);
    }
}

/* ---- what the kernel lacks ---- */

/* A filter of the test's own: that call fails with ENOSYS. */
static int without_call(int call)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int lacks_landlock(void)
{
    char why[512] = "", storage[64];
    struct sandbox s = sandbox_of(SANDBOX_SIGNER);
    if (without_call(SYS_landlock_create_ruleset))
        return 1;
    if (!str_eq(sandbox_describe(storage, sizeof storage), STR("seccomp, no Landlock")))
        return 2;
    s.mode = SANDBOX_REQUIRED;
    if (sandbox_enter(&s, why, sizeof why) != ERR_FORBIDDEN || !strstr(why, "no Landlock") ||
        !strstr(why, "best-effort"))
        return 3;
    s.mode = SANDBOX_BEST_EFFORT;
    if (sandbox_enter(&s, why, sizeof why) != OK || !strstr(why, "no Landlock"))
        return 4;
    return open(at.db, O_RDONLY) >= 0; /* seccomp is there all the same: it ends here */
}

static int off(void)
{
    char why[512] = "";
    struct sandbox s = sandbox_of(SANDBOX_SIGNER);
    s.mode = SANDBOX_OFF;
    return sandbox_enter(&s, why, sizeof why) != OK || *why || open(at.db, O_RDONLY) < 0;
}

static void *wait_for_ever(void *arg)
{
    pause();
    return arg;
}

static int too_late(void)
{
    char why[512] = "";
    struct sandbox s = sandbox_of(SANDBOX_SIGNER);
    pthread_t t;
    if (pthread_create(&t, NULL, wait_for_ever, NULL) != 0)
        return 1;
    return sandbox_enter(&s, why, sizeof why) != ERR_FORBIDDEN || !strstr(why, "threads");
}

static void test_lacking(void **state)
{
    (void)state;
    if (landlock_abi() == 0)
        skip();
    assert_int_equal(in_child(lacks_landlock), KILLED);
    assert_int_equal(in_child(off), 0);
    assert_int_equal(in_child(too_late), 0);
}

/* ---- limits ---- */

static int signer_limits(void)
{
    struct sandbox s = sandbox_of(SANDBOX_SIGNER);
    struct rlimit fds, size, before;
    int log = open("/dev/null", O_WRONLY);
    dup2(log, STDERR_FILENO);
    getrlimit(RLIMIT_NOFILE, &before);
    enter(&s);
    getrlimit(RLIMIT_NOFILE, &fds);
    getrlimit(RLIMIT_FSIZE, &size);
    return fds.rlim_max >= before.rlim_max || fds.rlim_max > 4096 || size.rlim_max != 0;
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(in_child(signer_limits), 0);
}

/* ---- rooms for secrets ---- */

static char *room;

static int reads_room(void)
{
    return room[0] != 0 || room[5000] != 0;
}

static int overruns(void)
{
    signal(SIGSEGV, SIG_DFL);
    room[8192] = 1;
    return 0;
}

static int underruns(void)
{
    signal(SIGSEGV, SIG_DFL);
    room[-1] = 1;
    return 0;
}

/* The flags of the mapping that p lies in, from /proc/self/smaps. */
static void flags_of(const void *p, char *out, size_t size)
{
    char line[512];
    unsigned long from, to;
    bool here = false;
    FILE *f = fopen("/proc/self/smaps", "re");
    *out = '\0';
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = (uintptr_t)p >= from && (uintptr_t)p < to;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(out, size, "%s", line);
    if (f)
        fclose(f);
}

static void test_secret_room(void **state)
{
    (void)state;
    char flags[512];
    bool locked = false;
    room = sandbox_secret_room(5001, &locked);
    for (size_t i = 0; i < 5001; i++)
        assert_int_equal(room[i], 0);
    room[0] = room[5000] = 'x';
    flags_of(room, flags, sizeof flags);
    assert_non_null(strstr(flags, " dd")); /* left out of dumps */
    assert_non_null(strstr(flags, " wf")); /* wiped in a forked child */
    assert_int_equal(strstr(flags, " lo") != NULL, locked);
    assert_int_equal(in_child(reads_room), 0); /* the child sees zeros */
    assert_int_equal(room[0], 'x');
    assert_int_equal(in_child(overruns), BY_SIGNAL + SIGSEGV);
    assert_int_equal(in_child(underruns), BY_SIGNAL + SIGSEGV);
    sandbox_secret_free(room, 5001);
    sandbox_secret_free(NULL, 1);
}

static int room_without_locks(void)
{
    struct rlimit none = {0, 0};
    char why[64];
    bool locked = true;
    setrlimit(RLIMIT_MEMLOCK, &none);
    wanted_user = NULL;
    sandbox_begin(NULL, why, sizeof why); /* root may lock what it likes */
    char *p = sandbox_secret_room(10, &locked);
    p[9] = 1;
    return locked;
}

static void test_unlocked_room(void **state)
{
    (void)state;
    assert_int_equal(in_child(room_without_locks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user),        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_conditions),  cmocka_unit_test(test_status),
        cmocka_unit_test(test_nesting),     cmocka_unit_test(test_supervisor_is_union),
        cmocka_unit_test(test_lacking),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_secret_room), cmocka_unit_test(test_unlocked_room),
    };
    return cmocka_run_group_tests(tests, make_places, remove_places);
}
