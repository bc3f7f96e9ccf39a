/* conn: one connection through its phases. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/origin.h"
#include "net/tls.h"
#include "net/worker.h"

/* Small on purpose: thousands of these idle. Its phase is the one of its deadline. */
struct conn {
    enum watch watch; /* first: WATCH_CONNECTION */
    int fd;
    struct deadline_entry deadline;
    struct list ready; /* worker.again, then worker.dead */
    struct worker *worker;
    struct slot *slot; /* NULL while idle */
    struct tls_session *tls;
    unsigned requests;
    unsigned drained;    /* bytes thrown away after the last answer */
    bool readable;       /* a read may give something: nothing said EAGAIN since the last edge */
    bool hung_up;        /* the client will send no more */
    bool reset;          /* ... and take nothing either */
    bool watching_write; /* EPOLLOUT is asked for; it stays so */
    bool working;        /* the application knows the exchange; it is owed a done() */
    bool closing;        /* the answer is the last one */
    bool linger;         /* ... and the client may not know: drain before closing */
    bool dead;
    bool admin;  /* accepted by an administrator's listener */
    bool greets; /* a proxy's preamble comes first */
    struct origin origin;
};

/* Takes the accepted descriptor; false: not taken. */
bool conn_open(struct worker *w, int fd, bool tls, bool admin, const struct origin *origin);
/* The same for one that has been told 503 already: waits for its end. */
bool conn_open_refused(struct worker *w, int fd);
/* epoll says so. */
void conn_event(struct conn *c, uint32_t events);
/* Reads, parses and answers as far as bytes are at hand. */
void conn_advance(struct conn *c);
/* The exchange is back from committer, pool, reader or app.ask. */
void conn_completed(struct exchange *x);
/* app.sign has completed its response. */
void conn_signed(struct exchange *x);
/* The server stops before a thread of a pool took it. */
void conn_cancelled(struct exchange *x);
/* The deadline of its phase has passed. */
void conn_expire(struct conn *c);
void conn_close(struct conn *c);

/* For answer.c. Enters a phase, which sets its deadline. */
void conn_enter(struct conn *c, enum deadline phase);
/* Asks for EPOLLOUT. */
void conn_watch_write(struct conn *c);
/* The answer is written: on to the next request, or to the end. */
void conn_answered(struct conn *c);

#endif
