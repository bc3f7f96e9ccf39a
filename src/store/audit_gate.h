/* audit_gate: how many audit rows of refusals a server writes, and events that no request records.
 *
 * A request that is refused and would otherwise write nothing may cost a row only while its kind of
 * event has room: a token bucket for each, so that a flood of wrong secrets hides no replayed code.
 * What had no room is counted, and housekeeping writes one row that says how many there were.
 * Other threads and signals leave what they have to tell in a short list that housekeeping writes,
 * within the same bound.
 * Thread-safe.
 */
#ifndef STORE_AUDIT_GATE_H
#define STORE_AUDIT_GATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/audit.h"

enum { AUDIT_GATE_BURST = 100, AUDIT_GATE_NOTES = 64 };

struct audit_note {
    enum audit_event event;
    char source[48], detail[AUDIT_TEXT_MAX]; /* NUL-terminated */
};

struct audit_gate {
    int64_t interval_us;                       /* between two rows of one kind, in the long run */
    atomic_int_fast64_t full_us[AUDIT_EVENTS]; /* when the bucket would be full again */
    atomic_long suppressed[AUDIT_EVENTS];      /* since they were told */
    atomic_long suppressed_total;
    pthread_mutex_t lock;
    struct audit_note notes[AUDIT_GATE_NOTES];
    size_t notes_n;
};

/* rate: rows a second of one kind of event; at first AUDIT_GATE_BURST more. */
void audit_gate_init(struct audit_gate *g, int64_t rate);
/* May another row of that kind be written now (monotonic clock)? If not, it is counted. */
bool audit_gate_admit(struct audit_gate *g, enum audit_event event, int64_t now_us);
/* One that was admitted could not be written after all. */
void audit_gate_lost(struct audit_gate *g, enum audit_event event);
/* Takes the number of those that had no room since the last call. */
long audit_gate_take(struct audit_gate *g, enum audit_event event);

/* Leaves an event for housekeeping, if its kind has room; with a full list it is counted as one
 * without room. */
void audit_gate_note(struct audit_gate *g, enum audit_event event, str source, str detail);
/* Takes what was left, at most AUDIT_GATE_NOTES; how many. */
size_t audit_gate_notes(struct audit_gate *g, struct audit_note *out);
/* The store did not take what was taken last: n notes, and of each kind told[event] without room
 * (AUDIT_EVENTS of them). Notes that have no place any more are counted. */
void audit_gate_again(struct audit_gate *g, const struct audit_note *notes, size_t n,
                      const long *told);

#endif
