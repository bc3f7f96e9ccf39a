/* origin: who sends: the client's address, by proxies or not, and whether it is listened to. */
#ifndef NET_ORIGIN_H
#define NET_ORIGIN_H

#include <sys/socket.h>

#include "net/net.h"
#include "net/penalty.h"

struct conn;
struct worker;

/* Of one connection; a part of struct conn. */
struct origin {
    char peer[ADDRESS_TEXT]; /* whoever speaks HTTP here: "192.0.2.7", "::1", "unix" */
    struct address source;   /* the same as bytes, if known */
    struct address hop;      /* relayed: the proxy whose connection it is */
    bool known;              /* peer is an address */
    bool listed;             /* ... or a unix socket, and of `proxies`: its word is believed */
    bool relayed;            /* hop is set: a proxy has named the peer (PROXY protocol) */
    bool exempt;             /* no failures are counted */
    bool counted;            /* it has a place in the table that must be given back */
    bool proven;             /* the last that was proven or not on this connection was proven */
    unsigned successes;
};

/* What the table of sources makes of a new connection, whose `from` accept(2) has given; fills *o.
 * False: close it. */
bool origin_accept(struct worker *w, const struct sockaddr_storage *from, bool admin,
                   struct origin *o);
/* Gives the place in the table back. */
void origin_leave(struct worker *w, struct origin *o);
/* A preamble must come first: a listed proxy on a listener where they speak the PROXY protocol. */
bool origin_is_greeted(const struct worker *w, const struct origin *o, bool admin);

enum origin_greeting { ORIGIN_WAIT, ORIGIN_GREETED, ORIGIN_REFUSED };
/* Reads the preamble from the socket, and nothing behind it; then `o` is of whom it names. */
enum origin_greeting origin_greet(struct worker *w, int fd, struct origin *o);

/* Says in x->req who asks, as far as proxies are to be believed, and strips what they add. */
void origin_request(struct conn *c, struct exchange *x);
/* Seconds for which the request must be refused; 0: it may go on. A connection on which the last
 * attempt to prove something succeeded is never refused. *closing: close it, too. */
int origin_wait_s(struct conn *c, struct exchange *x, bool *closing);
/* The exchange is over: counts what it proved (x->proof). */
void origin_judge(struct conn *c, const struct exchange *x);
/* The connection has failed before it became a request, or at taking its answer. */
void origin_fail(struct conn *c);

#endif
