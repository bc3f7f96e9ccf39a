/* audit_gate: a bucket per kind of event (GCRA: one number says how full it is), and a list of
 * notes under a lock.
 */
#include "store/audit_gate.h"

#include <string.h>

#include "base/clock.h"

void audit_gate_init(struct audit_gate *g, int64_t rate)
{
    g->interval_us = 1000000 / (rate > 0 ? rate : 1);
    for (size_t i = 0; i < AUDIT_EVENTS; i++) {
        atomic_init(&g->full_us[i], 0);
        atomic_init(&g->suppressed[i], 0);
    }
    atomic_init(&g->suppressed_total, 0);
    pthread_mutex_init(&g->lock, NULL);
    g->notes_n = 0;
}

void audit_gate_lost(struct audit_gate *g, enum audit_event event)
{
    atomic_fetch_add(&g->suppressed[event], 1);
    atomic_fetch_add(&g->suppressed_total, 1);
}

bool audit_gate_admit(struct audit_gate *g, enum audit_event event, int64_t now_us)
{
    int_fast64_t full = atomic_load(&g->full_us[event]), next;

    do {
        int_fast64_t from = full > now_us ? full : now_us;
        if (from - now_us > g->interval_us * AUDIT_GATE_BURST) {
            audit_gate_lost(g, event);
            return false;
        }
        next = from + g->interval_us;
    } while (!atomic_compare_exchange_weak(&g->full_us[event], &full, next));
    return true;
}

long audit_gate_take(struct audit_gate *g, enum audit_event event)
{
    return atomic_load(&g->suppressed[event]) ? atomic_exchange(&g->suppressed[event], 0) : 0;
}

static void copy(char *to, size_t size, str from)
{
    size_t n = from.n < size ? from.n : size - 1;

    if (n > 0)
        memcpy(to, from.p, n);
    to[n] = 0;
}

static void leave(struct audit_gate *g, const struct audit_note *note)
{
    pthread_mutex_lock(&g->lock);
    bool room = g->notes_n < AUDIT_GATE_NOTES;
    if (room)
        g->notes[g->notes_n++] = *note;
    pthread_mutex_unlock(&g->lock);
    if (!room)
        audit_gate_lost(g, note->event);
}

void audit_gate_note(struct audit_gate *g, enum audit_event event, str source, str detail)
{
    struct audit_note note = {.event = event};

    if (!audit_gate_admit(g, event, clock_mono_us()))
        return;
    copy(note.source, sizeof note.source, source);
    copy(note.detail, sizeof note.detail, detail);
    leave(g, &note);
}

void audit_gate_again(struct audit_gate *g, const struct audit_note *notes, size_t n,
                      const long *told)
{
    for (size_t i = 0; i < n; i++)
        leave(g, &notes[i]);
    for (size_t event = 0; event < AUDIT_EVENTS; event++)
        if (told[event] > 0) /* suppressed_total knows them */
            atomic_fetch_add(&g->suppressed[event], told[event]);
}

size_t audit_gate_notes(struct audit_gate *g, struct audit_note *out)
{
    pthread_mutex_lock(&g->lock);
    size_t n = g->notes_n;
    memcpy(out, g->notes, n * sizeof *out);
    g->notes_n = 0;
    pthread_mutex_unlock(&g->lock);
    return n;
}
