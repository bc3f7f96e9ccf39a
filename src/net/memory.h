/* memory: a ceiling for what the process holds in RAM, under which load is shed. */
#ifndef NET_MEMORY_H
#define NET_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct worker;

struct memory {
    long max; /* bytes; 0: no ceiling */
    int statm_fd;
    atomic_long rss;      /* when looked at last */
    atomic_llong due_ms;  /* not before then the next look */
    atomic_llong trim_ms; /* nor the next trim of the heap */
    atomic_llong said_ms; /* when the log was told last */
    atomic_long shed;     /* connections closed, and requests and connections refused, for it */
};

/* The ceiling for max_mib of the settings, in bytes: 0 means seven eighths of what the control
 * group allows, at most 512; then a build with sanitizers, whose bookkeeping is many times ours,
 * has none. */
long memory_ceiling(int64_t max_mib);
void memory_open(struct memory *m, long max_bytes);
void memory_close(struct memory *m);

/* Once per turn of a worker's loop: measures when it is time to, and sheds what must go. */
void memory_look(struct worker *w);
/* Nothing new may begin: connections, larger buffers. What the worker has taken since the last
 * measurement counts. */
bool memory_is_tight(const struct worker *w);
/* ... nor requests on connections that are open. */
bool memory_is_full(const struct worker *w);
/* While it is tight: closes the connection that has been sending a head, a body or a handshake for
 * longest, so that a new one may come. False: nobody is, or memory is full. */
bool memory_make_way(struct worker *w);
/* Counts one that was refused for it. */
void memory_refused(struct worker *w);

#endif
