/* syscalls: system calls that fail as they do on a bad day, for a whole program (LD_PRELOAD).
 *
 * FAULT_CONTROL names a file that a test and the program map: for each call how many of 10,000 fail
 * and in which ways, and counts of what happened. Nothing fails while the rates are 0. FAULT_SEED
 * makes the choice repeatable as far as threads are.
 *
 * An edge-triggered socket that is told EAGAIN, or is given less than there is, hears of the rest
 * by another edge, which the kernel owes it; so the shim arms the socket's watch again after each
 * of these. Errors that a call cannot have are not made up: what a socket says is not what a file
 * says.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The order is known to test/fault/syscalls.js. */
enum call {
    CALL_RECV,
    CALL_SEND,
    CALL_ACCEPT,
    CALL_EPOLL,
    CALL_WAKE,  /* write to an eventfd */
    CALL_WRITE, /* to a file, pipe or terminal */
    CALL_PWRITE,
    CALL_PREAD,
    CALL_FSYNC,
    CALL_OPEN,
    CALL_RANDOM,
    CALLS = 16
};

enum { KIND_SHORT = 1 }; /* bit 0; the others are places in errors[] */

static const int errors[] = {0,      EINTR,  EAGAIN, EIO,          ENOSPC,  ECONNRESET, EPIPE,
                             EMFILE, ENFILE, ENOMEM, ECONNABORTED, ENOBUFS, EROFS};
enum { ERRORS = sizeof errors / sizeof *errors, FDS = 65536 };

struct control {
    uint32_t rate[CALLS];  /* of 10,000 */
    uint32_t kinds[CALLS]; /* bit k: errors[k]; bit 0: short */
    uint64_t calls[CALLS], hits[CALLS];
    int64_t ahead_s; /* the clock of the day is that far ahead, for all processes at once */
};

static struct control none, *control = &none;
static uint64_t seed = 88172645463325252u;
static _Thread_local uint64_t state;

/* What the watch of a descriptor is, to arm it again. */
static struct watch {
    int epoll_fd; /* 0: not watched by edges */
    struct epoll_event event;
} watches[FDS];
static uint8_t is_eventfd[FDS];

#define REAL(type, name, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real)                                                                                     \
    real = (type(*)(__VA_ARGS__))(uintptr_t)dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULT_CONTROL"), *number = getenv("FAULT_SEED");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *p = fd >= 0 ? mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;

    if (p && p != MAP_FAILED)
        control = p;
    if (fd >= 0)
        close(fd);
    if (number)
        seed ^= strtoull(number, NULL, 10) * 0x9e3779b97f4a7c15u;
}

static uint64_t draw(uint64_t below)
{
    if (!state)
        state = seed ^ (uint64_t)(uintptr_t)&state ^ (uint64_t)pthread_self();
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % below;
}

/* Which way this call fails: -1 not at all, 0 short, else an errno. */
static int way(enum call call)
{
    uint32_t rate = __atomic_load_n(&control->rate[call], __ATOMIC_RELAXED);
    uint32_t kinds = control->kinds[call];

    __atomic_add_fetch(&control->calls[call], 1, __ATOMIC_RELAXED);
    if (rate == 0 || kinds == 0 || draw(10000) >= rate)
        return -1;
    for (;;) {
        unsigned k = (unsigned)draw(ERRORS);
        if (!(kinds & 1u << k))
            continue;
        __atomic_add_fetch(&control->hits[call], 1, __ATOMIC_RELAXED);
        return errors[k];
    }
}

static bool fails(enum call call, size_t *n)
{
    int saved = errno, how = way(call);

    errno = saved;
    if (how > 0) {
        errno = how;
        return true;
    }
    if (how == 0 && *n > 1)
        *n = 1 + draw(*n - 1);
    return false;
}

/* ---- edges ---- */

int epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
    REAL(int, "epoll_ctl", int, int, int, struct epoll_event *);
    int rc = real(epoll_fd, op, fd, event);

    if (rc == 0 && fd >= 0 && fd < FDS) {
        bool edges = op != EPOLL_CTL_DEL && event && (event->events & EPOLLET);
        watches[fd].epoll_fd = edges ? epoll_fd : 0;
        if (edges)
            watches[fd].event = *event;
    }
    return rc;
}

static void arm_again(int fd)
{
    int saved = errno;

    if (fd >= 0 && fd < FDS && watches[fd].epoll_fd > 0) {
        struct epoll_event event = watches[fd].event;
        epoll_ctl(watches[fd].epoll_fd, EPOLL_CTL_MOD, fd, &event);
    }
    errno = saved;
}

int eventfd(unsigned count, int flags)
{
    REAL(int, "eventfd", unsigned, int);
    int fd = real(count, flags);

    if (fd >= 0 && fd < FDS)
        is_eventfd[fd] = 1;
    return fd;
}

int close(int fd)
{
    REAL(int, "close", int);
    if (fd >= 0 && fd < FDS) {
        is_eventfd[fd] = 0;
        watches[fd].epoll_fd = 0;
    }
    return real(fd);
}

/* ---- sockets ---- */

ssize_t recv(int fd, void *p, size_t n, int flags)
{
    REAL(ssize_t, "recv", int, void *, size_t, int);
    size_t asked = n;

    if (fails(CALL_RECV, &n)) {
        if (errno == EAGAIN || errno == EINTR)
            arm_again(fd);
        return -1;
    }
    ssize_t got = real(fd, p, n, flags);
    if (n < asked)
        arm_again(fd);
    return got;
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
    REAL(ssize_t, "send", int, const void *, size_t, int);

    if (fails(CALL_SEND, &n)) {
        arm_again(fd);
        return -1;
    }
    ssize_t sent = real(fd, p, n, flags);
    arm_again(fd);
    return sent;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    size_t n = 0, whole;

    for (size_t i = 0; i < m->msg_iovlen; i++)
        n += m->msg_iov[i].iov_len;
    whole = n;
    if (fails(CALL_SEND, &n)) {
        arm_again(fd);
        return -1;
    }
    if (n == whole || m->msg_iovlen == 0)
        return real(fd, m, flags);
    /* a part: what fits of the first piece */
    struct iovec first = m->msg_iov[0];
    struct msghdr part = *m;
    first.iov_len = first.iov_len < n ? first.iov_len : n;
    part.msg_iov = &first;
    part.msg_iovlen = 1;
    ssize_t sent = real(fd, &part, flags);
    arm_again(fd);
    return sent;
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    REAL(int, "accept4", int, struct sockaddr *, socklen_t *, int);
    size_t one = 1;

    return fails(CALL_ACCEPT, &one) ? -1 : real(fd, address, size, flags);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    REAL(int, "epoll_wait", int, struct epoll_event *, int, int);
    size_t n = (size_t)most;

    return fails(CALL_EPOLL, &n) ? -1 : real(fd, events, (int)n, timeout);
}

/* ---- files ---- */

ssize_t write(int fd, const void *p, size_t n)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    bool wake = fd >= 0 && fd < FDS && is_eventfd[fd];
    size_t eight = 1;

    if (fails(wake ? CALL_WAKE : CALL_WRITE, wake ? &eight : &n))
        return -1;
    return real(fd, p, n);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return fails(CALL_PWRITE, &n) ? -1 : real(fd, p, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at)
{
    REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
    return fails(CALL_PREAD, &n) ? -1 : real(fd, p, n, at);
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    size_t one = 1;
    return fails(CALL_FSYNC, &one) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    size_t one = 1;
    return fails(CALL_FSYNC, &one) ? -1 : real(fd);
}

int open64(const char *path, int flags, ...)
{
    REAL(int, "open64", const char *, int, ...);
    size_t one = 1;
    __builtin_va_list args;
    __builtin_va_start(args, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? (mode_t) __builtin_va_arg(args, unsigned) : 0;
    __builtin_va_end(args);
    return fails(CALL_OPEN, &one) ? -1 : real(path, flags, mode);
}

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
    REAL(ssize_t, "getrandom", void *, size_t, unsigned);
    return fails(CALL_RANDOM, &n) ? -1 : real(p, n, flags);
}

/* ---- the clock ---- */

static int64_t ahead(clockid_t which)
{
    bool of_day = which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE;
    return of_day ? __atomic_load_n(&control->ahead_s, __ATOMIC_RELAXED) : 0;
}

int clock_gettime(clockid_t which, struct timespec *t)
{
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int rc = real(which, t);

    if (rc == 0)
        t->tv_sec += ahead(which);
    return rc;
}

time_t time(time_t *out)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *t = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}
