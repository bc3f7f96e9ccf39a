/* penalty: a bounded table of sources: what they have failed at, and how many connections they
 * hold (security.md A35). */
#ifndef NET_PENALTY_H
#define NET_PENALTY_H

#include "codec/address.h"

struct penalties;

struct penalty_options {
    int threshold;       /* failures in window_s that are too many; 0: nobody is ever refused */
    int window_s;        /* at least 1 */
    int connections_max; /* of one source; 0: no limit */
    /* A source is refused from now on: once a window, without locks held. May be NULL. */
    void (*begun)(void *who, const struct address *source);
    void *who;
};

enum penalty_entry {
    PENALTY_ENTERED,   /* counted: penalty_leave when it closes */
    PENALTY_UNCOUNTED, /* fine, but the table has no room for it: do not call penalty_leave */
    PENALTY_GOES_ON,   /* far beyond the threshold: close it at once */
    PENALTY_CROWD,     /* the source has connections_max already: close it at once */
};

struct penalty_counts {
    long sources;     /* beyond the threshold now */
    long requests;    /* refused since the start */
    long connections; /* closed at once since the start, for penalties */
    long crowds;      /* ... because their source had too many */
};

/* NULL when out of memory. All functions are thread-safe; the times are monotonic milliseconds. */
struct penalties *penalty_open(const struct penalty_options *options);
void penalty_close(struct penalties *p);

/* A connection begins, or ends. */
enum penalty_entry penalty_enter(struct penalties *p, const struct address *a, int64_t now_ms);
void penalty_leave(struct penalties *p, const struct address *a);

/* It has failed at something; `share` is 1 for a plain failure, less for what costs less. */
void penalty_fail(struct penalties *p, const struct address *a, double share, int64_t now_ms);
/* It has proven something so often: each pays half a failure back, and earns credit beyond that. */
void penalty_credit(struct penalties *p, const struct address *a, unsigned successes,
                    int64_t now_ms);
/* Seconds that the source should stay away; 0: it may go on. In the first window of a penalty a
 * refusal is counted as a quarter of a failure. *goes_on says that it is so far beyond the
 * threshold that its connection should close. While nobody is penalised this is one load. */
int penalty_wait_s(struct penalties *p, const struct address *a, int64_t now_ms, bool *goes_on);

/* What it has done since the start, and whom it would refuse now. */
void penalty_count(struct penalties *p, int64_t now_ms, struct penalty_counts *out);

#endif
