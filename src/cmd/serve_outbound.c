/* serve_outbound: names into addresses, by the C library's resolver; see serve_outbound.h.
 *
 * A question is taken by whichever of a few threads is free, so that a name server that does not
 * answer for one name does not keep the others waiting. Answers carry the number of their question:
 * one that comes when nobody waits for it any more is dropped by whoever asks next.
 */
#include "cmd/serve_outbound.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { THREADS = 4, PATIENCE_MS = 6000, ADDRESSES = 8 };

struct question {
    uint32_t number;
    char name[SERVE_OUTBOUND_NAME + 1]; /* cut behind its NUL */
};

struct answer {
    uint32_t number;
    uint8_t found;
    char text[SERVE_OUTBOUND_ANSWER];
};

/* ---- the outbound process ---- */

static void spell(const struct addrinfo *found, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    int n = 0;
    for (const struct addrinfo *a = found; a && n < ADDRESSES; a = a->ai_next) {
        const void *bytes = a->ai_family == AF_INET6
                                ? (const void *)&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr
                                : (const void *)&((struct sockaddr_in *)a->ai_addr)->sin_addr;
        if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) ||
            !inet_ntop(a->ai_family, bytes, text, sizeof text))
            continue;
        buf_put(out, n++ ? STR(",") : STR(""));
        buf_put(out, str_from(text));
    }
}

static void answer(int fd, const struct question *q)
{
    struct answer a = {.number = q->number};
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    struct buf text;
    buf_fixed(&text, a.text, sizeof a.text);
    int rc = getaddrinfo(q->name, NULL, &hints, &found);
    if (rc == 0)
        spell(found, &text);
    else
        buf_put(&text, str_from(gai_strerror(rc)));
    a.found = rc == 0 && text.n > 0 && !text.overflow;
    if (found)
        freeaddrinfo(found);
    (void)!send(fd, &a, offsetof(struct answer, text) + text.n, MSG_NOSIGNAL);
}

static void *serve(void *arg)
{
    int fd = *(const int *)arg;
    struct question q;
    for (;;) {
        ssize_t n = recv(fd, &q, sizeof q, 0);
        size_t front = offsetof(struct question, name);
        if (n == 0 || (n < 0 && errno != EINTR))
            _exit(0); /* nobody is left who could ask */
        if (n <= (ssize_t)front || (size_t)n >= sizeof q)
            continue;
        q.name[(size_t)n - front] = 0;
        answer(fd, &q);
    }
}

_Noreturn void serve_outbound(int fd)
{
    pthread_t id;
    for (int i = 1; i < THREADS; i++)
        if (pthread_create(&id, NULL, serve, &fd) != 0)
            fatal("the outbound process cannot start %d threads", THREADS);
    serve(&fd);
    _exit(0);
}

/* ---- who asks ---- */

static struct {
    int fd;
    uint32_t number;
    pthread_mutex_t lock;
} outbound = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

void serve_outbound_ask(int fd)
{
    outbound.fd = fd;
    outbound.number = (uint32_t)clock_mono_us(); /* not those of a process before this one */
}

/* The text's length; -1: no answer. */
static ssize_t receive(uint32_t number, struct answer *a)
{
    struct pollfd p = {.fd = outbound.fd, .events = POLLIN};
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS, left_ms;
    ssize_t front = offsetof(struct answer, text), n;
    while ((left_ms = until_ms - clock_mono_ms()) > 0) {
        if (poll(&p, 1, (int)left_ms) <= 0)
            continue;
        n = recv(outbound.fd, a, sizeof *a, MSG_DONTWAIT);
        if (n == 0)
            return -1;
        if (n >= front && a->number == number)
            return n - front;
    }
    return -1;
}

static bool is_address_list(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!memchr("0123456789abcdef.:,", p[i], 19))
            return false;
    return n > 0;
}

static bool resolve(const char *host, char *out, size_t size)
{
    struct question q = {.number = ++outbound.number};
    struct answer a = {0};
    size_t n = strlen(host);
    if (n == 0 || n > SERVE_OUTBOUND_NAME) {
        snprintf(out, size, "a host's name has 1 to %d bytes", SERVE_OUTBOUND_NAME);
        return false;
    }
    memcpy(q.name, host, n);
    ssize_t got = -1;
    if (send(outbound.fd, &q, offsetof(struct question, name) + n, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        got = receive(q.number, &a);
    bool found = got >= 0 && a.found && is_address_list(a.text, (size_t)got) && (size_t)got < size;
    if (found || (got >= 0 && !a.found))
        snprintf(out, size, "%.*s", (int)got, a.text);
    else
        snprintf(out, size, "the outbound process does not answer");
    return found;
}

bool serve_outbound_resolve(const char *host, char *out, size_t size)
{
    pthread_mutex_lock(&outbound.lock);
    bool found = resolve(host, out, size);
    pthread_mutex_unlock(&outbound.lock);
    return found;
}
