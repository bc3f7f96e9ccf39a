/* deadline: one list per phase, each in order of time because its timeout is constant.
 *
 * A timer wheel would do the same for timeouts that vary; ours do not. The scan over the heads of
 * nine lists once per turn of the loop costs nothing beside the system call that follows it.
 */
#include "net/deadline.h"

#include "base/limits.h"

enum { DRAIN_MS = 1000, STOP_MS = 200 };

void deadline_defaults(int ms[DEADLINES])
{
    ms[DEADLINE_HANDSHAKE] = LIMIT_HANDSHAKE_MS;
    ms[DEADLINE_IDLE] = LIMIT_IDLE_MS;
    ms[DEADLINE_HEAD] = LIMIT_HEAD_MS;
    ms[DEADLINE_BODY] = LIMIT_BODY_MS;
    ms[DEADLINE_WRITE] = LIMIT_WRITE_MS;
    ms[DEADLINE_LATE] = 0;
    ms[DEADLINE_DRAIN] = DRAIN_MS;
    ms[DEADLINE_STOP] = STOP_MS;
    ms[DEADLINE_QUEUED] = 0;
    ms[DEADLINE_NONE] = 0;
}

void deadline_init(struct deadlines *d, const int *ms)
{
    for (int i = 0; i < DEADLINES; i++)
        list_init(&d->waiting[i]);
    d->ms = ms;
}

void deadline_set(struct deadlines *d, struct deadline_entry *e, enum deadline phase,
                  int64_t now_ms)
{
    if (e->link.next)
        list_remove(&e->link);
    e->phase = phase;
    e->at_ms = now_ms + d->ms[phase];
    list_push_back(&d->waiting[phase], &e->link);
}

void deadline_remove(struct deadline_entry *e)
{
    list_remove(&e->link);
}

static const struct deadline_entry *first(const struct deadlines *d, int phase)
{
    const struct list *l = &d->waiting[phase];
    return list_empty(l) ? NULL : LIST_ENTRY(l->next, const struct deadline_entry, link);
}

int deadline_timeout(const struct deadlines *d, int64_t now_ms)
{
    int64_t next = INT64_MAX;
    for (int i = 0; i < DEADLINE_NONE; i++) {
        const struct deadline_entry *e = first(d, i);
        if (e && e->at_ms < next)
            next = e->at_ms;
    }
    if (next == INT64_MAX)
        return -1;
    return next <= now_ms ? 0 : (int)(next - now_ms);
}

struct deadline_entry *deadline_passed(const struct deadlines *d, int64_t now_ms)
{
    for (int i = 0; i < DEADLINE_NONE; i++) {
        const struct deadline_entry *e = first(d, i);
        if (e && e->at_ms <= now_ms)
            return (struct deadline_entry *)e;
    }
    return NULL;
}
