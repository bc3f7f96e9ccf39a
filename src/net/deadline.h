/* deadline: how long a connection may stay in each of its phases (security.md A9).
 *
 * Every timeout is a constant of its phase, so a list per phase in order of arrival is in order of
 * time too: setting a deadline and finding the next one are O(1). A deadline is set once, when the
 * phase begins; a byte now and then does not extend it.
 */
#ifndef NET_DEADLINE_H
#define NET_DEADLINE_H

#include <stdint.h>

#include "base/list.h"

enum deadline {
    DEADLINE_HANDSHAKE, /* TLS */
    DEADLINE_IDLE,      /* no byte of a request is there */
    DEADLINE_HEAD,
    DEADLINE_BODY,
    DEADLINE_WRITE,  /* the answer leaves */
    DEADLINE_LATE,   /* the answer is ready, and shall leave later (exchange.late) */
    DEADLINE_DRAIN,  /* answered and shut; what the client still sends is thrown away */
    DEADLINE_STOP,   /* idle while the server stops */
    DEADLINE_QUEUED, /* the request waits for the committer or a reader */
    DEADLINE_NONE,   /* the request is being worked on: no deadline of ours */
    DEADLINES
};

struct deadlines {
    struct list waiting[DEADLINES];
    const int *ms; /* the table of the server, by phase */
};

/* One connection's place. Always in exactly one list, so the lists are also the list of all. */
struct deadline_entry {
    struct list link;
    int64_t at_ms;
    enum deadline phase;
};

/* The product's table: LIMIT_*_MS. */
void deadline_defaults(int ms[DEADLINES]);
void deadline_init(struct deadlines *d, const int *ms);
/* Enters the phase at now_ms, leaving any other. The entry must be zeroed or have been set. */
void deadline_set(struct deadlines *d, struct deadline_entry *e, enum deadline phase,
                  int64_t now_ms);
void deadline_remove(struct deadline_entry *e);
/* Milliseconds until the next one passes; -1 when none is set. */
int deadline_timeout(const struct deadlines *d, int64_t now_ms);
/* An entry whose time has passed; NULL when there is none. It stays in its list. */
struct deadline_entry *deadline_passed(const struct deadlines *d, int64_t now_ms);

#endif
