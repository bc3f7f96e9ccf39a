/* listen: from an address in the settings to listening sockets. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include <stdatomic.h>
#include <sys/types.h>

#include "net/net.h"

enum listen_kind { LISTEN_TCP, LISTEN_UNIX, LISTEN_INHERITED };

enum { LISTEN_ADDRESS = 128 };

struct listener {
    enum listen_kind kind;
    bool tls;
    bool admin;
    int *fds; /* TCP: one per worker (SO_REUSEPORT); else one that all share */
    int fds_n;
    atomic_int users;             /* workers that wait on a shared one */
    char address[LISTEN_ADDRESS]; /* as bound: "127.0.0.1:39123", "unix:/run/postern.sock" */
    /* unix: the file that was made, so that only that one is removed again */
    dev_t file_dev;
    ino_t file_ino;
};

/* Opens `spec` for that many workers. False: `why` says what is wrong and what to do. */
bool listen_open(struct listener *l, const struct net_listen *spec, int workers, char *why,
                 size_t why_size);
/* The TCP address of a socket, "127.0.0.1:8080" or "[::1]:8080"; false for other sockets. */
bool listen_name(int fd, char address[LISTEN_ADDRESS]);
/* The descriptor for worker i; *shared says whether other workers wait on it too. */
int listen_fd(const struct listener *l, int i, bool *shared);
/* The file of a Unix socket goes first, so that no client comes any more. */
void listen_unlink(struct listener *l);
/* Worker i's TCP socket answers no new client from now on, so that none is lost when it closes:
 * handshakes that have begun end as usual and what they lead to can be accepted, while a SYN is
 * dropped. Its client sends it again after a second, to whoever listens by then. False: it is not
 * TCP, or an inherited socket, whose queue lives on. */
bool listen_hush(const struct listener *l, int i);
/* Worker i waits no more; with the last one the socket closes. */
void listen_leave(struct listener *l, int i);
/* Closes it in this process alone: the file of a Unix socket stays. */
void listen_abandon(struct listener *l);
/* Closes what is still open. */
void listen_close(struct listener *l);

#endif
