/* Each forbidden thing, in each role: the child that tries it ends by SIGSYS or gets the refusal,
 * and the same child without a sandbox gets what it wanted (the control). */
#include "sandbox_support.h"

#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static int exec_true(void)
{
    char *const argv[] = {"true", NULL};
    return answer(execve("/bin/true", argv, NULL));
}

static int trace_me(void)
{
    return answer(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0));
}

static int read_memory_of_parent(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {&at, 1};
    return answer(syscall(SYS_process_vm_readv, getppid(), &here, 1, &there, 1, 0));
}

static int open_for(const char *path, int flags)
{
    return answer(syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600));
}

static int read_elsewhere(void)
{
    return open_for(at.other, O_RDONLY);
}

static int write_elsewhere(void)
{
    return open_for(at.other, O_WRONLY);
}

static int list_elsewhere(void)
{
    return open_for(at.elsewhere, O_RDONLY | O_DIRECTORY);
}

static int read_master_key(void)
{
    return open_for(at.master, O_RDONLY);
}

static int open_store(void)
{
    return open_for(at.db, O_RDWR);
}

static int stream_socket(void)
{
    return answer(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

static int netlink_socket(void)
{
    return answer(syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0));
}

static int crypto_socket(void)
{
    return answer(syscall(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0));
}

static int packet_socket(void)
{
    return answer(syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0));
}

/* Made by the test before: two sockets and the port of one that listens. */
static int unbound, unconnected;
static struct sockaddr_in listens;

static int bind_port(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    return answer(syscall(SYS_bind, unbound, &any, sizeof any));
}

static int connect_to_port(void)
{
    return answer(syscall(SYS_connect, unconnected, &listens, sizeof listens));
}

static int protect_for_execution(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return answer(syscall(SYS_mprotect, p, 4096, PROT_READ | PROT_EXEC));
}

static int map_for_execution(void)
{
    long p =
        syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == -1 ? errno : DONE;
}

static int become_nobody(void)
{
    return answer(syscall(SYS_setuid, 65534));
}

static int signal_parent(void)
{
    return answer(syscall(SYS_kill, getppid(), 0));
}

static int new_user_namespace(void)
{
    return answer(syscall(SYS_unshare, CLONE_NEWUSER));
}

/* The parent and the child both get here. */
static int clone_with(unsigned long flags)
{
    long rc = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (rc == 0)
        _exit(DONE);
    if (rc > 0)
        waitpid((pid_t)rc, NULL, 0);
    return answer(rc);
}

static int clone_namespace(void)
{
    return clone_with(CLONE_NEWUSER);
}

static int fork_child(void)
{
    return clone_with(0);
}

static int raise_limit(void)
{
    struct rlimit many = {0, 0};
    return answer(syscall(SYS_prlimit64, 0, RLIMIT_CORE, &many, NULL));
}

static int be_dumpable(void)
{
    return answer(syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int ask_for_filters(void)
{
    return answer(syscall(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0)) == DONE ? DONE : errno;
}

static int other_ioctl(void)
{
    int on = 0;
    return answer(syscall(SYS_ioctl, unconnected, FIOASYNC, &on));
}

static int memory_file(void)
{
    return answer(syscall(SYS_memfd_create, "x", 0));
}

#define R(role)   (1U << SANDBOX_##role)
#define CHILDREN  (R(SIGNER) | R(OUTBOUND) | R(NETWORK))
#define EVERYBODY (R(SUPERVISOR) | CHILDREN)

static const struct attempt {
    const char *what;
    int (*try)(void);
    struct {
        unsigned roles;
        int expected;
    } is[3];
    bool by_landlock; /* only where the kernel has it */
} attempts[] = {
    {"execve", exec_true, {{EVERYBODY, KILLED}}, false},
    {"ptrace", trace_me, {{EVERYBODY, KILLED}}, false},
    {"process_vm_readv", read_memory_of_parent, {{EVERYBODY, KILLED}}, false},
    {"reading outside the data directory",
     read_elsewhere,
     {{R(SIGNER), KILLED}, {EVERYBODY & ~R(SIGNER), EACCES}},
     true},
    {"writing outside the data directory",
     write_elsewhere,
     {{R(SIGNER), KILLED}, {EVERYBODY & ~R(SIGNER), EACCES}},
     true},
    {"listing another directory",
     list_elsewhere,
     {{R(SIGNER), KILLED}, {EVERYBODY & ~R(SIGNER), EACCES}},
     true},
    {"the master key file beside the store",
     read_master_key,
     {{R(SIGNER), KILLED}, {R(OUTBOUND) | R(NETWORK), EACCES}, {R(SUPERVISOR), DONE}},
     true},
    {"the store",
     open_store,
     {{R(SIGNER), KILLED}, {R(OUTBOUND), EACCES}, {R(SUPERVISOR) | R(NETWORK), DONE}},
     true},
    {"a TCP socket",
     stream_socket,
     {{EVERYBODY & ~R(OUTBOUND), KILLED}, {R(OUTBOUND), DONE}},
     false},
    {"a netlink socket",
     netlink_socket,
     {{R(SIGNER), KILLED}, {EVERYBODY & ~R(SIGNER), EAFNOSUPPORT}},
     false},
    {"a socket of the kernel's cryptography", crypto_socket, {{EVERYBODY, KILLED}}, false},
    {"a packet socket", packet_socket, {{EVERYBODY, KILLED}}, false},
    {"bind", bind_port, {{EVERYBODY, KILLED}}, false},
    {"connect",
     connect_to_port,
     {{R(SIGNER) | R(NETWORK), KILLED}, {R(OUTBOUND), DONE}, {R(SUPERVISOR), EACCES}},
     true},
    {"mprotect for execution", protect_for_execution, {{EVERYBODY, KILLED}}, false},
    {"mmap for execution", map_for_execution, {{EVERYBODY, EACCES}}, false},
    {"setuid", become_nobody, {{EVERYBODY, KILLED}}, false},
    {"kill of a stranger", signal_parent, {{CHILDREN, KILLED}, {R(SUPERVISOR), EPERM}}, true},
    {"unshare", new_user_namespace, {{EVERYBODY, KILLED}}, false},
    {"clone with a namespace", clone_namespace, {{EVERYBODY, KILLED}}, false},
    {"fork", fork_child, {{CHILDREN, KILLED}, {R(SUPERVISOR), DONE}}, false},
    {"setting limits", raise_limit, {{CHILDREN, KILLED}, {R(SUPERVISOR), DONE}}, false},
    {"becoming dumpable", be_dumpable, {{CHILDREN, KILLED}, {R(SUPERVISOR), DONE}}, false},
    {"asking for filters", ask_for_filters, {{CHILDREN, KILLED}, {R(SUPERVISOR), DONE}}, false},
    {"an ioctl that is not listed", other_ioctl, {{EVERYBODY, KILLED}}, false},
    {"memfd_create", memory_file, {{CHILDREN, KILLED}, {R(SUPERVISOR), DONE}}, false},
};

static void make_sockets(void)
{
    socklen_t size = sizeof listens;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    listens =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(listener, (struct sockaddr *)&listens, size), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&listens, &size), 0);
    unbound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unconnected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void test_control(void **state)
{
    (void)state;
    make_sockets();
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        int got = outcome(NULL, attempts[i].try);
        /* What only root may, or not every kernel has, is no control elsewhere. */
        if (got == EPERM || got == EAFNOSUPPORT || got == EACCES || got == ENOSPC) {
            print_message("no control here: %s: %s\n", attempts[i].what, strerror(got));
            continue;
        }
        if (got != DONE)
            fail_msg("%s without a sandbox: %d", attempts[i].what, got);
    }
}

static void check_role(enum sandbox_role role)
{
    struct sandbox s = sandbox_of(role);
    make_sockets();
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        const struct attempt *a = &attempts[i];
        int expected = -1;
        for (size_t k = 0; k < 3; k++)
            if (a->is[k].roles & 1U << role)
                expected = a->is[k].expected;
        if (a->by_landlock && landlock_abi() < 6)
            continue;
        int got = outcome(&s, a->try);
        if (got != expected)
            fail_msg("%s: %s: %d, not %d", sandbox_role_name(role), a->what, got, expected);
    }
}

static void test_supervisor(void **state)
{
    (void)state;
    check_role(SANDBOX_SUPERVISOR);
}

static void test_signer(void **state)
{
    (void)state;
    check_role(SANDBOX_SIGNER);
}

static void test_outbound(void **state)
{
    (void)state;
    check_role(SANDBOX_OUTBOUND);
}

static void test_network(void **state)
{
    (void)state;
    check_role(SANDBOX_NETWORK);
}

/* Calls that no role has, with arguments of no importance: the number alone decides. */
static const struct {
    const char *name;
    long number;
} never[] = {
#define CALL(name)                                                                                 \
    {                                                                                              \
#name, SYS_##name                                                                          \
    }
    CALL(bpf),
    CALL(io_uring_setup),
    CALL(io_uring_enter),
    CALL(io_uring_register),
    CALL(userfaultfd),
    CALL(perf_event_open),
    CALL(mount),
    CALL(umount2),
    CALL(pivot_root),
    CALL(chroot),
    CALL(setns),
    CALL(init_module),
    CALL(finit_module),
    CALL(delete_module),
    CALL(kexec_load),
    CALL(reboot),
    CALL(swapon),
    CALL(swapoff),
    CALL(acct),
    CALL(quotactl),
    CALL(settimeofday),
    CALL(clock_settime),
    CALL(adjtimex),
    CALL(sethostname),
    CALL(personality),
    CALL(process_vm_writev),
    CALL(pidfd_getfd),
    CALL(kcmp),
    CALL(pkey_mprotect),
    CALL(remap_file_pages),
    CALL(execveat),
    CALL(setreuid),
    CALL(setresuid),
    CALL(setgid),
    CALL(setgroups),
    CALL(setfsuid),
    CALL(setsid),
    CALL(setpgid),
    CALL(open_by_handle_at),
    CALL(name_to_handle_at),
    CALL(fanotify_init),
    CALL(inotify_init1),
    CALL(shmget),
    CALL(semget),
    CALL(msgget),
    CALL(mq_open),
    CALL(memfd_secret),
    CALL(mknodat),
    CALL(symlinkat),
    CALL(linkat),
    CALL(renameat2),
    CALL(mkdirat),
    CALL(sched_setaffinity),
    CALL(sched_setscheduler),
    CALL(ioprio_set),
    CALL(migrate_pages),
    CALL(move_pages),
    CALL(mbind),
    CALL(vhangup),
    CALL(syslog),
    CALL(nfsservctl),
    CALL(lookup_dcookie),
    CALL(tkill),
    CALL(rt_sigqueueinfo),
    CALL(timer_create),
    CALL(process_madvise),
    CALL(fsopen),
    CALL(open_tree),
    CALL(move_mount),
    CALL(splice),
    CALL(tee),
    CALL(vmsplice),
    CALL(copy_file_range),
    CALL(sendfile),
    CALL(setxattr),
    CALL(truncate),
#undef CALL
};
static long number;

static int call_it(void)
{
    return answer(syscall(number, -1, 0, 0, 0, 0, 0));
}

static void test_never(void **state)
{
    (void)state;
    for (int role = 0; role < SANDBOX_ROLES; role++) {
        struct sandbox s = sandbox_of((enum sandbox_role)role);
        s.connects = s.resolves = true;
        for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
            number = never[i].number;
            int got = outcome(&s, call_it);
            if (got != KILLED)
                fail_msg("%s: %s: %d", sandbox_role_name((enum sandbox_role)role), never[i].name,
                         got);
        }
    }
}

static int open_keyring(void)
{
    return answer(syscall(SYS_keyctl, 0, -3, 0, 0, 0));
}

static void test_keyring(void **state)
{
    (void)state;
    for (int role = 0; role < SANDBOX_ROLES; role++) {
        struct sandbox s = sandbox_of((enum sandbox_role)role);
        bool dies = role == SANDBOX_SIGNER || role == SANDBOX_OUTBOUND;
        assert_int_equal(outcome(&s, open_keyring), dies ? KILLED : ENOSYS);
    }
}

#ifdef __x86_64__
/* getpid of i386 (20) and of x32: another table of calls, which the filter cannot read. */
static int old_gate(void)
{
    long got;
    __asm__ volatile("int $0x80" : "=a"(got) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    return got > 0 ? DONE : (int)-got;
}

static int x32_call(void)
{
    return answer(syscall(0x40000000 | SYS_getpid));
}

static void test_other_architectures(void **state)
{
    (void)state;
    for (int role = 0; role < SANDBOX_ROLES; role++) {
        struct sandbox s = sandbox_of((enum sandbox_role)role);
        int got = outcome(&s, old_gate);
        if (got != BY_SIGNAL + SIGSEGV) /* a kernel without i386 */
            assert_int_equal(got, KILLED);
        assert_int_equal(outcome(&s, x32_call), KILLED);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_supervisor),
        cmocka_unit_test(test_signer),
        cmocka_unit_test(test_outbound),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_keyring),
#ifdef __x86_64__
        cmocka_unit_test(test_other_architectures),
#endif
    };
    return cmocka_run_group_tests(tests, make_places, remove_places);
}
