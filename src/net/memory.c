/* memory: measured, not only counted, because an allocator keeps what was freed.
 *
 * The resident size is read from /proc every LOOK_MS by whichever worker comes by. Between two
 * looks each worker adds what its own slots and buffers have grown by, times the number of workers,
 * so that a burst is seen before the next look. From 7/8 of the ceiling on ("tight") no buffer
 * grows, a new connection is accepted only in the place of the one that has been slow for longest
 * (so whoever floods displaces himself, and a health check is heard), and connections are closed
 * until a quarter should be free: first those that have been sending a head, a body or a handshake,
 * or not taking their answer, for PATIENCE_MS, then idle ones, each time the oldest first; honest
 * requests are in none of these lists for long. From 15/16 on ("full") requests are refused, too,
 * and nobody's age protects him. What was freed is given back to the system at once.
 *
 * A few connections (ALWAYS) are accepted and kept even so: a ceiling below what the server needs
 * when idle must not be an outage. Nor are those of administrators' listeners refused or closed.
 * The ceiling is for the process that talks to clients; the others hold nothing that a client can
 * make grow. Left out: accounting for the store's memory and for password hashes, which have bounds
 * of their own and are part of the resident size.
 */
#include "net/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/conn.h"
#include "net/state.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

enum {
    LOOK_MS = 10,
    TRIM_MS = 50,
    SAY_MS = 10000,
    PATIENCE_MS = 500,
    ALWAYS = 64,
    DEFAULT_MIB = 512,
    CONNECTION_COST = 1024,
    TLS_COST = 40960,
};

/* ---- the ceiling ---- */

/* The number in that file of the control group; -1: none ("max"), or no such file. */
static long read_limit(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    int64_t v;
    str s = str_make(text, n > 0 ? (size_t)n : 0);
    return str_i64(str_sub(s, 0, str_find(s, '\n', 0)), 1, INT64_MAX, &v) ? (long)v : -1;
}

/* The least limit of this process' group and those above it (cgroup v2); -1: none. */
static long group_limit(void)
{
    char line[1024] = "", path[1200];
    FILE *f = fopen("/proc/self/cgroup", "re");
    long least = -1;
    if (!f)
        return -1;
    bool there = fgets(line, sizeof line, f) && strncmp(line, "0::/", 4) == 0;
    fclose(f);
    for (size_t n = there ? strcspn(line, "\n") : 0; n > 3;) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%.*s/memory.max", (int)(n - 3), line + 3);
        long v = read_limit(path);
        if (v > 0 && (least < 0 || v < least))
            least = v;
        while (n > 3 && line[--n] != '/') {
        }
    }
    return least;
}

long memory_ceiling(int64_t max_mib)
{
    if (max_mib > 0)
        return (long)(max_mib << 20);
    if (SANITIZED)
        return 0;
    long limit = group_limit(), most = (long)DEFAULT_MIB << 20;
    return limit > 0 && limit / 8 * 7 < most ? limit / 8 * 7 : most;
}

void memory_open(struct memory *m, long max_bytes)
{
    m->max = max_bytes;
    m->statm_fd = max_bytes > 0 ? open("/proc/self/statm", O_RDONLY | O_CLOEXEC) : -1;
    if (max_bytes > 0 && m->statm_fd < 0) {
        log_note(LOG_ERROR, "memory",
                 "/proc/self/statm cannot be read (%s), so memory.max is not "
                 "kept",
                 strerror(errno));
        m->max = 0;
    }
}

void memory_close(struct memory *m)
{
    if (m->statm_fd >= 0)
        close(m->statm_fd);
    m->statm_fd = -1;
}

/* ---- looking ---- */

static void measure(struct memory *m)
{
    char text[128];
    ssize_t n = pread(m->statm_fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return;
    text[n] = '\0';
    char *resident = strchr(text, ' ');
    if (resident)
        atomic_store(&m->rss, strtol(resident, NULL, 10) * sysconf(_SC_PAGESIZE));
}

/* The last measurement and what came since; half of nothing when there is no ceiling. */
static long estimate(const struct worker *w)
{
    const struct net *n = w->net;
    long grown = w->slots.held - w->measured;
    return atomic_load_explicit(&n->memory.rss, memory_order_relaxed) +
           (grown > 0 ? grown * n->workers_n : 0);
}

static bool are_few(const struct net *n)
{
    return atomic_load_explicit(&n->connections, memory_order_relaxed) < ALWAYS;
}

bool memory_is_tight(const struct worker *w)
{
    long max = w->net->memory.max;
    return max > 0 && estimate(w) >= max / 8 * 7 && !are_few(w->net);
}

bool memory_is_full(const struct worker *w)
{
    long max = w->net->memory.max;
    return max > 0 && estimate(w) >= max / 16 * 15 && !are_few(w->net);
}

void memory_refused(struct worker *w)
{
    atomic_fetch_add_explicit(&w->net->memory.shed, 1, memory_order_relaxed);
}

/* ---- shedding ---- */

/* About what closing it gives back. */
static long cost(const struct conn *c)
{
    long n = CONNECTION_COST + (c->tls ? TLS_COST : 0);
    return c->slot ? n + (long)(sizeof *c->slot + c->slot->size + c->slot->x.arena.total) : n;
}

/* Closes those of a phase that entered it before `before_ms`, until `want` bytes are free. */
static long shed_phase(struct worker *w, enum deadline phase, int64_t before_ms, long want)
{
    struct list *all = &w->deadlines.waiting[phase], *next;
    for (struct list *l = all->next; l != all && want > 0 && !are_few(w->net); l = next) {
        struct conn *c = LIST_ENTRY(l, struct conn, deadline.link);
        next = l->next;
        if (c->deadline.at_ms - w->net->deadline_ms[phase] > before_ms)
            break;
        if (c->admin)
            continue;
        want -= cost(c);
        memory_refused(w);
        conn_close(c);
    }
    return want;
}

bool memory_make_way(struct worker *w)
{
    static const enum deadline phases[] = {DEADLINE_HEAD, DEADLINE_BODY, DEADLINE_HANDSHAKE};
    if (memory_is_full(w))
        return false;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (shed_phase(w, phases[i], w->now_ms, 1) <= 0)
            return true;
    return false;
}

static void shed(struct worker *w, bool full)
{
    static const enum deadline phases[] = {DEADLINE_HEAD,  DEADLINE_BODY,  DEADLINE_HANDSHAKE,
                                           DEADLINE_WRITE, DEADLINE_DRAIN, DEADLINE_IDLE};
    const struct net *n = w->net;
    long want = (atomic_load(&n->memory.rss) - n->memory.max / 4 * 3) / n->workers_n;
    int64_t before_ms = w->now_ms - (full ? 0 : PATIENCE_MS);
    for (size_t i = 0; i < sizeof phases / sizeof *phases && want > 0; i++)
        want = shed_phase(w, phases[i], before_ms, want);
    slot_give_back(&w->slots);
}

static bool is_due(atomic_llong *due_ms, int64_t now_ms, int every_ms)
{
    long long due = atomic_load_explicit(due_ms, memory_order_relaxed);
    return now_ms >= due && atomic_compare_exchange_strong(due_ms, &due, now_ms + every_ms);
}

static void relieve(struct worker *w)
{
    struct memory *m = &w->net->memory;
    bool full = atomic_load(&m->rss) >= m->max / 16 * 15;
    shed(w, full);
    if (is_due(&m->trim_ms, w->now_ms, TRIM_MS)) {
        malloc_trim(0);
        measure(m);
    }
    if (is_due(&m->said_ms, w->now_ms, SAY_MS)) {
        log_note(
            LOG_WARN, "memory",
            "%ld MiB of memory.max %ld are in use: connections are refused, slow and idle ones "
            "are closed (%ld so far)",
            atomic_load(&m->rss) >> 20, m->max >> 20, atomic_load(&m->shed));
    }
}

void memory_look(struct worker *w)
{
    struct memory *m = &w->net->memory;
    if (m->max <= 0)
        return;
    if (is_due(&m->due_ms, w->now_ms, LOOK_MS))
        measure(m);
    if (w->looked_ms + LOOK_MS > w->now_ms)
        return;
    w->looked_ms = w->now_ms;
    w->measured = w->slots.held;
    if (atomic_load_explicit(&m->rss, memory_order_relaxed) >= m->max / 8 * 7)
        relieve(w);
}
