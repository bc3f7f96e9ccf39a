/* calls: which system calls each role may make.
 *
 * Found with strace over the test suites, and by reading what the libraries do seldom: SQLite (log,
 * index, locks), OpenSSL, libpq, the C library's threads, allocator and resolver. What the C
 * library falls back from is refused rather than deadly: clone3 hides its flags from the filter,
 * and a mapping that may be executed is a library that something loads late.
 *
 * Calls that are made for every request have a row without arguments, which the kernel decides
 * without running the filter.
 */
#include "sandbox/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* The roles: Main (supervisor), Signer, Outbound, Network. */
#define M   (1U << SANDBOX_SUPERVISOR)
#define S   (1U << SANDBOX_SIGNER)
#define O   (1U << SANDBOX_OUTBOUND)
#define N   (1U << SANDBOX_NETWORK)
#define ALL (M | S | O | N)

#define NEW                                                                                        \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)
#define TYPE 15U /* of a socket, without SOCK_CLOEXEC and SOCK_NONBLOCK */
#define FULL UINT64_C(0xffffffff)

#define ANY(name, roles)                                                                           \
    {                                                                                              \
        name, roles, "", {{0, 0, 0}}, 0, CALLS_ALWAYS                                              \
    }
#define ONE(name, roles, n, constant)                                                              \
    {                                                                                              \
        name, roles, #constant, {{n, FULL, (uint32_t)(constant)}}, 0, CALLS_ALWAYS                 \
    }
#define OPTION(level, option, roles)                                                               \
    {                                                                                              \
        "setsockopt", roles, #level " " #option, {{1, FULL, level}, {2, FULL, option}}, 0,         \
            CALLS_ALWAYS                                                                           \
    }
#define SOCKET(family, type, roles, condition)                                                     \
    {                                                                                              \
        "socket", roles, #family " " #type, {{0, FULL, family}, {1, TYPE, type}}, 0, condition     \
    }
#define WHEN(condition, name, roles)                                                               \
    {                                                                                              \
        name, roles, "", {{0, 0, 0}}, 0, condition                                                 \
    }
#define REFUSE(error, name, roles)                                                                 \
    {                                                                                              \
        name, roles, "", {{0, 0, 0}}, error, CALLS_ALWAYS                                          \
    }
#define SANITIZER(name)                                                                            \
    {                                                                                              \
        name, ALL, "", {{0, 0, 0}}, 0, CALLS_SANITIZED                                             \
    }

static const struct calls_row rows[] = {
    /* Descriptors that are open. */
    ANY("read", ALL),
    ANY("readv", ALL),
    ANY("write", ALL),
    ANY("writev", ALL),
    ANY("close", ALL),
    ANY("fstat", ALL),
    ANY("close_range", M),
    ANY("lseek", ALL),
    ANY("poll", ALL),
    ANY("ppoll", ALL),
    ANY("dup", M | N),
    ANY("dup2", M),
    ANY("dup3", M),
    ANY("pipe2", M | N),
    ONE("fcntl", ALL, 1, F_GETFD),
    ONE("fcntl", ALL, 1, F_SETFD),
    ONE("fcntl", ALL, 1, F_GETFL),
    ONE("fcntl", ALL, 1, F_SETFL),
    ONE("fcntl", M | N, 1, F_DUPFD_CLOEXEC),
    ONE("fcntl", M | N, 1, F_GETLK),
    ONE("fcntl", M | N, 1, F_SETLK),
    ONE("fcntl", M | N, 1, F_SETLKW),
    ONE("fcntl", M, 1, F_ADD_SEALS),
    ONE("fcntl", M, 1, F_GET_SEALS),
    /* How the C library asks for the size of an open file. */
    ONE("newfstatat", S, 3, AT_EMPTY_PATH),
    /* Is the log a terminal? How much is in a socket? */
    ONE("ioctl", ALL, 1, TCGETS),
    ONE("ioctl", M | O | N, 1, FIONBIO),
    ONE("ioctl", M | O | N, 1, FIONREAD),
    ONE("ioctl", M | N, 1, TIOCGWINSZ),

    /* Memory; none that can be both written and executed. */
    {"mmap", ALL, "no PROT_EXEC", {{2, PROT_EXEC, 0}}, 0, CALLS_ALWAYS},
    {"mmap", ALL, "PROT_EXEC", {{2, PROT_EXEC, PROT_EXEC}}, EACCES, CALLS_ALWAYS},
    {"mprotect", ALL, "no PROT_EXEC", {{2, PROT_EXEC, 0}}, 0, CALLS_ALWAYS},
    ANY("munmap", ALL),
    ANY("mremap", ALL),
    ANY("madvise", ALL),
    ANY("brk", ALL),
    ANY("mlock", ALL),
    ANY("mlock2", ALL),
    ANY("mlockall", M),
    ANY("munlock", ALL),
    ANY("memfd_create", M),
    ANY("getrandom", ALL),

    /* Threads and waiting. */
    ANY("futex", ALL),
    ANY("rseq", ALL),
    ANY("set_robust_list", ALL),
    ANY("set_tid_address", M),
    {"clone",
     S | O | N,
     "CLONE_THREAD, no CLONE_NEW...",
     {{0, NEW | CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM}},
     0,
     CALLS_ALWAYS},
    {"clone", M, "no CLONE_NEW...", {{0, NEW, 0}}, 0, CALLS_ALWAYS},
    ANY("fork", M),
    REFUSE(ENOSYS, "clone3", ALL),
    ANY("gettid", ALL),
    ANY("getpid", ALL),
    ANY("getppid", ALL),
    ANY("sched_yield", ALL),
    ANY("sched_getaffinity", ALL),
    ANY("getcpu", ALL),
    ANY("membarrier", ALL),
    ANY("clock_gettime", ALL),
    ANY("clock_getres", ALL),
    ANY("gettimeofday", ALL),
    ANY("time", ALL),
    ANY("clock_nanosleep", ALL),
    ANY("nanosleep", ALL),
    ANY("restart_syscall", ALL),
    ANY("exit", ALL),
    ANY("exit_group", ALL),
    ONE("setpriority", M | N, 0, PRIO_PROCESS),
    ANY("getrusage", ALL),
    ANY("times", M | N),
    ANY("sysinfo", ALL),
    ANY("uname", ALL),
    ANY("getitimer", M),

    /* Signals: to itself (abort), and the supervisor to the others. */
    ANY("rt_sigaction", ALL),
    ANY("rt_sigprocmask", ALL),
    ANY("rt_sigreturn", ALL),
    ANY("sigaltstack", ALL),
    ANY("rt_sigtimedwait", M),
    ANY("rt_sigsuspend", M),
    ANY("pause", M | S),
    {"tgkill", S | O | N, "itself", {{0, FULL, CALLS_OWN_ID}}, 0, CALLS_ALWAYS},
    {"kill", S | O | N, "itself", {{0, FULL, CALLS_OWN_ID}}, 0, CALLS_ALWAYS},
    ANY("tgkill", M),
    ANY("kill", M),
    ANY("wait4", M),
    ANY("waitid", M),
    ANY("pidfd_open", M),
    ANY("pidfd_send_signal", M),
    ANY("signalfd4", M),

    /* Who am I, and which limits hold? */
    ANY("getuid", ALL),
    ANY("geteuid", ALL),
    ANY("getgid", ALL),
    ANY("getegid", ALL),
    ANY("umask", M | N),
    {"prlimit64",
     S | O | N,
     "reading its own",
     {{0, FULL, 0}, {2, ~UINT64_C(0), 0}},
     0,
     CALLS_ALWAYS},
    ANY("getrlimit", ALL),
    ONE("prctl", ALL, 0, PR_SET_NAME),
    ONE("prctl", ALL, 0, PR_GET_NAME),

    /* The supervisor and the children that it starts on their way into a sandbox of their own. */
    ONE("prctl", M, 0, PR_SET_PDEATHSIG),
    ONE("prctl", M, 0, PR_SET_DUMPABLE),
    ONE("prctl", M, 0, PR_GET_DUMPABLE),
    ONE("prctl", M, 0, PR_SET_NO_NEW_PRIVS),
    ONE("prctl", M, 0, PR_GET_NO_NEW_PRIVS),
    ONE("prctl", M, 0, PR_CAPBSET_DROP),
    ONE("prctl", M, 0, PR_CAPBSET_READ),
    ONE("prctl", M, 0, PR_CAP_AMBIENT),
    ONE("prctl", M, 0, PR_GET_SECCOMP),
    ONE("prctl", M, 0, PR_SET_SECCOMP),
    ANY("prlimit64", M),
    ANY("setrlimit", M),
    ANY("capget", M),
    ANY("capset", M),
    ANY("seccomp", M),
    ANY("landlock_create_ruleset", M),
    ANY("landlock_add_rule", M),
    ANY("landlock_restrict_self", M),
    ANY("socketpair", M),

    /* Files; Landlock says which. */
    ANY("openat", M | O | N),
    ANY("open", M | O | N),
    ANY("newfstatat", M | O | N),
    ANY("stat", M | O | N),
    ANY("lstat", M | O | N),
    ANY("statx", M | O | N),
    ANY("access", M | O | N),
    ANY("faccessat", M | O | N),
    ANY("faccessat2", M | O | N),
    ANY("getdents64", M | O | N),
    ANY("pread64", ALL),
    ANY("preadv", M | O | N),
    ANY("readlink", M | O | N),
    ANY("readlinkat", M | O | N),
    ANY("getcwd", M | O | N),
    ANY("statfs", M | N),
    ANY("fstatfs", M | N),
    ANY("pwrite64", M | N),
    ANY("pwritev", M | N),
    ANY("ftruncate", M | N),
    ANY("fallocate", M | N),
    ANY("fsync", M | N),
    ANY("fdatasync", M | N),
    ANY("flock", M | N),
    ANY("fadvise64", M | N),
    ANY("unlink", M | N),
    ANY("unlinkat", M | N),
    ANY("fchmod", M | N),
    ANY("fchown", M | N),
    ANY("utimensat", M | N),

    /* Sockets that are open: of clients, of the store, between the processes. */
    ANY("accept4", M | N),
    ANY("accept", M | N),
    ANY("epoll_create1", M | N),
    ANY("epoll_ctl", M | N),
    ANY("epoll_wait", M | N),
    ANY("epoll_pwait", M | N),
    ANY("eventfd2", M | N),
    ANY("timerfd_create", M | N),
    ANY("timerfd_settime", M | N),
    ANY("recvfrom", M | O | N),
    ANY("sendto", M | O | N),
    ANY("recvmsg", ALL),
    ANY("sendmsg", ALL),
    ANY("shutdown", ALL),
    ANY("getsockname", M | O | N),
    ANY("getpeername", M | O | N),
    ANY("getsockopt", M | O | N),
    ANY("listen", M),
    OPTION(IPPROTO_TCP, TCP_NODELAY, M | N),
    OPTION(SOL_SOCKET, SO_LINGER, M | N),
    OPTION(SOL_SOCKET, SO_RCVBUF, M | N),
    OPTION(SOL_SOCKET, SO_SNDBUF, M | N),
    /* A socket of a worker that ends takes no more connections (net/listen). */
    OPTION(SOL_SOCKET, SO_ATTACH_FILTER, M | N),
    /* A TLS connection waits until a whole ClientHello is there (net/tls). */
    OPTION(SOL_SOCKET, SO_RCVLOWAT, M | N),
    OPTION(IPPROTO_TCP, TCP_QUICKACK, M | N),
    OPTION(IPPROTO_TCP, TCP_CORK, M | N),

    /* Sockets to make: to the service manager, to the store, to name servers. */
    SOCKET(AF_UNIX, SOCK_DGRAM, M | N, CALLS_NOTIFIES),
    ANY("connect", M),
    SOCKET(AF_UNIX, SOCK_STREAM, M | N, CALLS_CONNECTS),
    SOCKET(AF_INET, SOCK_STREAM, M | N, CALLS_CONNECTS),
    SOCKET(AF_INET6, SOCK_STREAM, M | N, CALLS_CONNECTS),
    WHEN(CALLS_CONNECTS, "connect", N),
    OPTION(SOL_SOCKET, SO_KEEPALIVE, M | N),
    OPTION(IPPROTO_TCP, TCP_KEEPIDLE, M | N),
    OPTION(IPPROTO_TCP, TCP_KEEPINTVL, M | N),
    OPTION(IPPROTO_TCP, TCP_KEEPCNT, M | N),
    OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT, M | N),
    SOCKET(AF_UNIX, SOCK_STREAM, M | O | N, CALLS_RESOLVES), /* nscd, resolved */
    SOCKET(AF_INET, SOCK_STREAM, M | O | N, CALLS_RESOLVES),
    SOCKET(AF_INET6, SOCK_STREAM, M | O | N, CALLS_RESOLVES),
    SOCKET(AF_INET, SOCK_DGRAM, M | O | N, CALLS_RESOLVES),
    SOCKET(AF_INET6, SOCK_DGRAM, M | O | N, CALLS_RESOLVES),
    WHEN(CALLS_RESOLVES, "connect", O | N),
    WHEN(CALLS_RESOLVES, "sendmmsg", M | O | N),
    WHEN(CALLS_RESOLVES, "recvmmsg", M | O | N),
    OPTION(IPPROTO_IP, IP_RECVERR, M | O | N),
    OPTION(IPPROTO_IPV6, IPV6_RECVERR, M | O | N),
    /* The resolver asks for the addresses of this machine, and does without. */
    {"socket", M | O | N, "AF_NETLINK", {{0, FULL, AF_NETLINK}}, EAFNOSUPPORT, CALLS_ALWAYS},
    /* Kerberos, which libpq may ask for a ticket, looks into the keyring, and does without. */
    REFUSE(ENOSYS, "keyctl", M | N),
    REFUSE(ENOSYS, "add_key", M | N),
    REFUSE(ENOSYS, "request_key", M | N),

#ifdef SANDBOX_SANITIZED
    /* The sanitizers' own: stacks, reports, and the search for leaks, which stops the threads with
     * ptrace from a task of its own. Never in a release. */
    SANITIZER("clone"),
    SANITIZER("ptrace"),
    SANITIZER("process_vm_readv"),
    SANITIZER("wait4"),
    SANITIZER("openat"),
    SANITIZER("open"),
    SANITIZER("readlink"),
    SANITIZER("newfstatat"),
    SANITIZER("stat"),
    SANITIZER("getdents"), /* the search for leaks lists threads by it */
    SANITIZER("getdents64"),
    SANITIZER("pipe"),
    SANITIZER("pipe2"),
    SANITIZER("prctl"),
    SANITIZER("prlimit64"),
    SANITIZER("personality"),
    SANITIZER("kill"),
    SANITIZER("tgkill"),
    SANITIZER("tkill"),
    SANITIZER("dup2"),
    SANITIZER("getcwd"),
    SANITIZER("ioctl"),
    SANITIZER("access"),
    SANITIZER("unlink"),
    SANITIZER("mkdir"),
    SANITIZER("mincore"),
    SANITIZER("sched_getparam"),
    SANITIZER("sched_getscheduler"),
#endif
};

const struct calls_row *calls_rows(size_t *n)
{
    *n = sizeof rows / sizeof *rows;
    return rows;
}

bool calls_hold(const struct calls_row *row, const struct sandbox *s)
{
    bool resolves = s->resolves || s->role == SANDBOX_OUTBOUND;
    if (!(row->roles & 1U << s->role))
        return false;
    switch (row->when) {
    case CALLS_ALWAYS:
        return true;
    case CALLS_CONNECTS:
        return s->connects;
    case CALLS_RESOLVES:
        return resolves || (s->connects && s->role == SANDBOX_SUPERVISOR);
    case CALLS_NOTIFIES:
        return s->notifies || s->role == SANDBOX_SUPERVISOR;
    case CALLS_SANITIZED:
        return sandbox_is_sanitized() && !s->strict;
    }
    return false;
}
