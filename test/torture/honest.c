/* honest: one well-behaved client at a fixed rate, and how long it waited.
 *
 *     honest PORT RATE SECONDS CONNECTIONS ADDRESS FILE    FILE: the bytes of one request
 *
 * Prints one JSON object: answers by class of status, p50, p99 and the slowest in microseconds.
 *
 * Open loop: request i is due at start + i / RATE whatever became of those before it, and its time
 * runs from then. A server that stands still for a second is charged with all that should have been
 * asked in that second, not with one slow answer. Connections are kept alive; what finds none free
 * waits for one, and that counts, too. One that the server ends is opened again at once.
 *
 * Left out on purpose: TLS, pipelining, answers without Content-Length.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define ANSWER_MAX      65536
#define PATIENCE_S      5 /* after the last request */

struct connection {
    int fd;
    bool busy;
    long due_ns; /* of the request that it carries, since start */
    size_t n;
    char answer[ANSWER_MAX];
};

static struct connection *all[CONNECTIONS_MAX];
static int connections, epoll, port;
static const char *address;
static char request[65536];
static size_t request_n;
static long *times, done, failed, status[6];
static struct timespec start;

static void die(const char *what)
{
    fprintf(stderr, "honest: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (t.tv_sec - start.tv_sec) * 1000000000L + t.tv_nsec - start.tv_nsec;
}

static void dial(struct connection *c)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    inet_pton(AF_INET, address, &from.sin_addr);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
    c->n = 0;
}

static void again(struct connection *c)
{
    close(c->fd);
    dial(c);
}

static void ask(struct connection *c, long due_ns)
{
    c->busy = true;
    c->due_ns = due_ns;
    if (write(c->fd, request, request_n) == (ssize_t)request_n)
        return;
    again(c); /* it was closed meanwhile */
    if (write(c->fd, request, request_n) != (ssize_t)request_n)
        die("write");
}

/* A whole answer is there: its length, or 0. */
static size_t whole(struct connection *c)
{
    char *end, *length;

    c->answer[c->n] = '\0';
    end = strstr(c->answer, "\r\n\r\n");
    if (end == NULL || (length = strcasestr(c->answer, "content-length:")) == NULL)
        return 0;
    size_t size = (size_t)(end + 4 - c->answer) + strtoul(length + 15, NULL, 10);
    return c->n >= size ? size : 0;
}

static void finish(struct connection *c, bool good)
{
    int class = good ? (c->answer[9] - '0') % 6 : 0;

    times[done++] = now_ns() - c->due_ns;
    status[class]++;
    failed += class != 2;
    c->busy = false;
}

static void hear(struct connection *c)
{
    ssize_t n = read(c->fd, c->answer + c->n, sizeof c->answer - 1 - c->n);
    bool last;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        if (c->busy)
            finish(c, false);
        again(c);
        return;
    }
    c->n += (size_t)n;
    if (!c->busy || whole(c) == 0)
        return;
    last = strcasestr(c->answer, "\r\nconnection: close") != NULL;
    finish(c, true);
    c->n = 0;
    if (last)
        again(c);
}

static struct connection *find_free(void)
{
    for (int i = 0; i < connections; i++)
        if (!all[i]->busy)
            return all[i];
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;

    return (x > y) - (x < y);
}

static void run(long total, long every_ns)
{
    struct epoll_event events[64];
    long sent = 0, end_ns = total * every_ns + PATIENCE_S * 1000000000L;

    while (done < total && now_ns() < end_ns) {
        struct connection *c;
        long wait_ns = sent < total ? sent * every_ns - now_ns() : 100000000L;
        struct timespec wait = {.tv_nsec = wait_ns < 0 ? 0 : wait_ns % 1000000000L};
        if (wait_ns <= 0 && find_free() == NULL)
            wait.tv_nsec = 1000000;
        int n = epoll_pwait2(epoll, events, 64, &wait, NULL);
        for (int i = 0; i < n; i++)
            hear(events[i].data.ptr);
        while (sent < total && sent * every_ns <= now_ns() && (c = find_free()) != NULL)
            ask(c, sent++ * every_ns);
    }
}

static void report(long total)
{
    long missing = total - done;

    while (done < total) /* never answered: as long as we waited */
        times[done++] = PATIENCE_S * 1000000000L;
    qsort(times, (size_t)total, sizeof *times, by_value);
    printf("{\"asked\":%ld,\"unanswered\":%ld,\"bad\":%ld,\"s2xx\":%ld,\"s4xx\":%ld,\"s5xx\":%ld,"
           "\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}\n",
           total, missing + status[0], failed + missing, status[2], status[4], status[5],
           (double)times[total / 2] / 1e3, (double)times[total * 99 / 100] / 1e3,
           (double)times[total - 1] / 1e3);
}

int main(int argc, char **argv)
{
    FILE *f;
    long rate, total;

    if (argc != 7) {
        fprintf(stderr, "usage: honest PORT RATE SECONDS CONNECTIONS ADDRESS FILE\n");
        return 2;
    }
    port = (int)strtol(argv[1], NULL, 10);
    rate = strtol(argv[2], NULL, 10);
    total = (long)((double)rate * atof(argv[3]));
    connections = (int)strtol(argv[4], NULL, 10);
    address = argv[5];
    if ((f = fopen(argv[6], "r")) == NULL || total < 100 || connections > CONNECTIONS_MAX)
        die("arguments");
    request_n = fread(request, 1, sizeof request, f);
    times = calloc((size_t)total, sizeof *times);
    epoll = epoll_create1(0);
    for (int i = 0; i < connections; i++) {
        all[i] = calloc(1, sizeof **all);
        dial(all[i]);
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    run(total, 1000000000L / rate);
    report(total);
    return 0;
}
