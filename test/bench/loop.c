/* loop: the yardstick of script/bench. A naive epoll loop that answers every read on a connection
 * with the same fixed bytes: what the bare HTTP exchange costs on this machine, no parser, no
 * deadlines, no limits, no logs.
 *
 *     loop PORT [THREADS [FILE]]     FILE: the whole answer; default: a JSON answer of its own
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in at = {.sin_family = AF_INET};
static char answer[65536];
static size_t answer_n;

static void *loop(void *arg)
{
    int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), ep = epoll_create1(0), one = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(l, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    setsockopt(l, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (bind(l, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(l, 4096) != 0) {
        perror("loop");
        exit(1);
    }
    struct epoll_event e = {.events = EPOLLIN, .data.fd = l}, ready[128];
    epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
    for (;;) {
        int n = epoll_wait(ep, ready, 128, -1);
        for (int i = 0; i < n; i++) {
            char in[16384];
            int fd = ready[i].data.fd;
            if (fd == l) {
                e.data.fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
                epoll_ctl(ep, EPOLL_CTL_ADD, e.data.fd, &e);
            } else if (recv(fd, in, sizeof(in), 0) <= 0 ||
                       send(fd, answer, answer_n, MSG_NOSIGNAL) != (ssize_t)answer_n) {
                close(fd);
            }
        }
    }
    return arg;
}

int main(int argc, char **argv)
{
    const char body[] = "{\"access_token\":\"000000000000000000000000000000000000000000000000\","
                        "\"token_type\":\"Bearer\",\"expires_in\":3600,\"scope\":\"bench\"}";
    FILE *f = argc > 3 ? fopen(argv[3], "r") : NULL;
    answer_n = f ? fread(answer, 1, sizeof(answer), f)
                 : (size_t)snprintf(answer, sizeof(answer),
                                    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                    "Content-Type: application/json\r\nCache-Control: no-store\r\n"
                                    "Content-Length: %zu\r\nConnection: keep-alive\r\n\r\n%s",
                                    sizeof(body) - 1, body);
    at.sin_port = htons((unsigned short)(argc > 1 ? strtol(argv[1], NULL, 10) : 0));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (long i = argc > 2 ? strtol(argv[2], NULL, 10) : 1; i > 1; i--) {
        pthread_t t;
        pthread_create(&t, NULL, loop, NULL);
    }
    loop(NULL);
}
