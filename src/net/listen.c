/* listen: TCP (IPv4, IPv6, both), Unix sockets and descriptors that a supervisor opened.
 *
 *     127.0.0.1:8080   [::1]:8080   :8080 (both families)   localhost:8080 (127.0.0.1)
 *     unix:/run/postern.sock        fd:3 (systemd socket activation, or any inherited socket)
 *
 * TCP gets one socket per worker with SO_REUSEPORT, so the kernel spreads connections and no two
 * workers wake for one. SO_REUSEPORT would also let a second server of the same user share the
 * port silently; so the address is first bound without it, which fails if anybody listens there.
 *
 * A Unix socket file that is left over from a crash is replaced, but only if it is a socket and
 * nobody answers on it.
 */
#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, UNIX_MODE = 0660, FIRST_PASSED_FD = 3 };

struct why {
    char *p;
    size_t size;
};

static bool because(struct why w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool because(struct why w, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(w.p, w.size, format, ap);
    va_end(ap);
    return false;
}

static int option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

/* ---- TCP ---- */

struct endpoint {
    struct sockaddr_storage at;
    socklen_t n;
    bool both; /* IPv6 that takes IPv4 too */
};

static const char *bind_advice(int e)
{
    switch (e) {
    case EADDRINUSE:
        return "another process listens there: stop it or choose another port";
    case EACCES:
        return "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher port, or let the "
               "service manager open the socket (fd:3)";
    case EADDRNOTAVAIL:
        return "this machine has no such address: use one that `ip address` shows, or :PORT for "
               "all of them";
    default:
        return strerror(e);
    }
}

/* A TCP socket bound to the endpoint; -1 with errno. */
static int bound(const struct endpoint *e, bool reuse_port)
{
    int fd = socket(e->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    option(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* what accept returns inherits it */
    if (reuse_port)
        option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (e->at.ss_family == AF_INET6)
        option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !e->both);
    if (bind(fd, (const struct sockaddr *)&e->at, e->n) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static uint16_t port_of(const struct sockaddr_storage *at)
{
    return ntohs(at->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)at)->sin6_port
                                           : ((const struct sockaddr_in *)at)->sin_port);
}

/* True when nobody else listens on the endpoint. */
static bool probe(const struct endpoint *e)
{
    if (port_of(&e->at) == 0)
        return true;
    int fd = bound(e, false);
    if (fd < 0)
        return false;
    /* Two sockets may be bound with SO_REUSEADDR; only one may listen. */
    bool alone = listen(fd, 1) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return alone;
}

static void spell(char address[LISTEN_ADDRESS], const struct endpoint *e)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (e->at.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&e->at)->sin6_addr, host, sizeof(host));
        snprintf(address, LISTEN_ADDRESS, "[%s]:%u", host, port_of(&e->at));
    } else {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&e->at)->sin_addr, host, sizeof(host));
        snprintf(address, LISTEN_ADDRESS, "%s:%u", host, port_of(&e->at));
    }
}

/* One socket per worker; the first settles the port when it is 0. */
static bool open_all(struct listener *l, struct endpoint *e, int workers)
{
    l->fds = calloc((size_t)workers, sizeof(int));
    if (!l->fds || !probe(e))
        return false;
    for (int i = 0; i < workers; i++) {
        int fd = bound(e, true);
        if (fd < 0)
            return false;
        l->fds[l->fds_n++] = fd;
        e->n = sizeof(e->at);
        if (getsockname(fd, (struct sockaddr *)&e->at, &e->n) != 0 || listen(fd, BACKLOG) != 0)
            return false;
    }
    spell(l->address, e);
    return true;
}

/* "host:port" in two; the host of "[::1]:80" is "::1", that of ":80" is "". */
static bool split(const char *address, char host[256], char port[8])
{
    const char *colon = strrchr(address, ':');
    if (!colon || strlen(colon + 1) == 0 || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || strtol(colon + 1, NULL, 10) > 65535)
        return false;
    size_t n = (size_t)(colon - address);
    if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
        address++;
        n -= 2;
    } else if (memchr(address, ':', n)) {
        return false; /* IPv6 without brackets */
    }
    if (n >= 256)
        return false;
    memcpy(host, address, n);
    host[n] = '\0';
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static bool resolve(const char *host, const char *port, struct endpoint *e, const char **error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST};
    struct addrinfo *found;
    /* No name is looked up here: that would ask the network before there is a sandbox. */
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    int rc = getaddrinfo(numeric, port, &hints, &found);
    if (rc != 0) {
        *error = rc == EAI_NONAME ? "write an address, 127.0.0.1 or [::1], in place of the name"
                                  : gai_strerror(rc);
        return false;
    }
    memcpy(&e->at, found->ai_addr, found->ai_addrlen);
    e->n = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool open_tcp(struct listener *l, const char *address, int workers, struct why w)
{
    char host[256], port[8];
    const char *error = NULL;
    struct endpoint e = {0};
    if (!split(address, host, port)) {
        return because(w,
                       "cannot listen on \"%s\": write 127.0.0.1:8080, [::1]:8080, :8080, "
                       "unix:/path/to/socket or fd:3",
                       address);
    }
    e.both = host[0] == '\0';
    if (!resolve(e.both ? "::" : host, port, &e, &error))
        return because(w, "cannot listen on %s: %s", address, error);
    l->kind = LISTEN_TCP;
    if (open_all(l, &e, workers))
        return true;
    if (e.both && errno == EAFNOSUPPORT && l->fds_n == 0 && resolve("0.0.0.0", port, &e, &error)) {
        free(l->fds); /* a kernel without IPv6 */
        if (open_all(l, &e, workers))
            return true;
    }
    return because(w, "cannot listen on %s: %s", address, bind_advice(errno));
}

/* ---- Unix ---- */

/* True when a file that is in the way was a dead socket and is gone now. */
static bool remove_stale(const struct sockaddr_un *at)
{
    struct stat st;
    if (lstat(at->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool dead = connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return dead && unlink(at->sun_path) == 0;
}

/* 0 or errno. */
static int bind_unix(int fd, const struct sockaddr_un *at)
{
    if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return errno;
    if (!remove_stale(at))
        return EADDRINUSE;
    return bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ? 0 : errno;
}

static bool open_unix(struct listener *l, const char *path, struct why w)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct stat st;
    if (path[0] != '/' || strlen(path) >= sizeof(at.sun_path)) {
        return because(w, "cannot listen on unix:%s: write an absolute path of at most %zu bytes",
                       path, sizeof(at.sun_path) - 1);
    }
    memcpy(at.sun_path, path, strlen(path));
    l->kind = LISTEN_UNIX;
    l->fds = calloc(1, sizeof(int));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (!l->fds || fd < 0)
        return because(w, "cannot listen on unix:%s: %s", path, strerror(errno));
    l->fds[l->fds_n++] = fd;
    fchmod(fd, UNIX_MODE); /* Linux: the file is made with it, so it is never wider */
    int e = bind_unix(fd, &at);
    if (e != 0) {
        return because(w, "cannot listen on unix:%s: %s", path,
                       e == EADDRINUSE ? "something is there already: stop the server that uses "
                                         "it, or remove the file"
                                       : strerror(e));
    }
    if (chmod(path, UNIX_MODE) != 0 || stat(path, &st) != 0 || listen(fd, BACKLOG) != 0)
        return because(w, "cannot listen on unix:%s: %s", path, strerror(errno));
    l->file_dev = st.st_dev;
    l->file_ino = st.st_ino;
    snprintf(l->address, sizeof(l->address), "unix:%s", path);
    return true;
}

/* ---- inherited ---- */

/* What the service manager passed, when it speaks to this process (sd_listen_fds); else -1. */
static int passed_fds(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *n = getenv("LISTEN_FDS");
    if (!pid || !n || strtol(pid, NULL, 10) != (long)getpid())
        return -1;
    return (int)strtol(n, NULL, 10);
}

bool listen_name(int fd, char address[LISTEN_ADDRESS])
{
    struct endpoint e = {.n = sizeof(e.at)};
    if (getsockname(fd, (struct sockaddr *)&e.at, &e.n) != 0 ||
        (e.at.ss_family != AF_INET && e.at.ss_family != AF_INET6))
        return false;
    spell(address, &e);
    return true;
}

static bool open_inherited(struct listener *l, const char *number, struct why w)
{
    char *end;
    long fd = strtol(number, &end, 10);
    int listening = 0, passed = passed_fds();
    socklen_t size = sizeof(listening);
    if (end == number || *end || fd < 0 || fd > 1 << 20) {
        return because(w,
                       "cannot listen on fd:%s: write the number of a descriptor, fd:3 for the "
                       "first that a service manager passes",
                       number);
    }
    if (getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening) {
        if (passed >= 0 && fd >= FIRST_PASSED_FD + passed) {
            return because(w,
                           "cannot listen on fd:%ld: the service manager passed %d, from fd:3; "
                           "add a ListenStream= line",
                           fd, passed);
        }
        return because(w,
                       "cannot listen on fd:%ld: it is not a listening socket; pass one "
                       "(socket activation) or give an address",
                       fd);
    }
    l->kind = LISTEN_INHERITED;
    l->fds = calloc(1, sizeof(int));
    if (!l->fds || fcntl((int)fd, F_SETFL, fcntl((int)fd, F_GETFL) | O_NONBLOCK) != 0 ||
        fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0)
        return because(w, "cannot listen on fd:%ld: %s", fd, strerror(errno));
    l->fds[l->fds_n++] = (int)fd;
    if (listen_name((int)fd, l->address))
        option((int)fd, IPPROTO_TCP, TCP_NODELAY, 1);
    else
        snprintf(l->address, sizeof(l->address), "fd:%ld", fd);
    return true;
}

bool listen_open(struct listener *l, const struct net_listen *spec, int workers, char *why,
                 size_t why_size)
{
    struct why w = {why, why_size};
    const char *a = spec->address;
    memset(l, 0, sizeof(*l));
    l->tls = spec->tls;
    l->admin = spec->admin;
    atomic_store(&l->users, workers);
    errno = 0;
    bool ok = strncmp(a, "unix:", 5) == 0 ? open_unix(l, a + 5, w)
              : strncmp(a, "fd:", 3) == 0 ? open_inherited(l, a + 3, w)
                                          : open_tcp(l, a, workers, w);
    if (!ok)
        listen_close(l);
    return ok;
}

int listen_fd(const struct listener *l, int i, bool *shared)
{
    *shared = l->kind != LISTEN_TCP;
    return l->fds[*shared ? 0 : i];
}

void listen_unlink(struct listener *l)
{
    struct stat st;
    const char *path = l->address + 5;
    if (l->kind != LISTEN_UNIX || l->file_ino == 0)
        return;
    if (lstat(path, &st) == 0 && st.st_dev == l->file_dev && st.st_ino == l->file_ino)
        unlink(path);
    l->file_ino = 0;
}

bool listen_hush(const struct listener *l, int i)
{
    enum { FLAGS_AT = 13, SYN = 2, ACK = 16 };
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT), /* of the TCP header */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog no_syn = {.len = sizeof(code) / sizeof(*code), .filter = code};
    return l->kind == LISTEN_TCP &&
           setsockopt(l->fds[i], SOL_SOCKET, SO_ATTACH_FILTER, &no_syn, sizeof(no_syn)) == 0;
}

void listen_leave(struct listener *l, int i)
{
    if (l->kind != LISTEN_TCP) {
        if (atomic_fetch_sub(&l->users, 1) > 1)
            return;
        i = 0;
    }
    close(l->fds[i]);
    l->fds[i] = -1;
}

void listen_abandon(struct listener *l)
{
    for (int i = 0; i < l->fds_n; i++)
        if (l->fds[i] >= 0)
            close(l->fds[i]);
    free(l->fds);
    l->fds = NULL;
    l->fds_n = 0;
}

void listen_close(struct listener *l)
{
    listen_unlink(l);
    listen_abandon(l);
}
