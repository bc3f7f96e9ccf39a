/* serve_process: one child of the supervisor: how it is started, and when again. */
#ifndef CMD_SERVE_PROCESS_H
#define CMD_SERVE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "signer/channel.h"

/* The first restart comes after the shortest rest; each further one after twice the last rest, up
 * to the longest. Who lived so long is healthy, and begins anew. */
enum {
    SERVE_PROCESS_REST_MS = 100,
    SERVE_PROCESS_LONGEST_MS = 5000,
    SERVE_PROCESS_HEALTHY_MS = 60000,
};

struct serve_process {
    const char *title; /* "postern-signer" */
    pid_t pid;         /* 0: it does not run */
    int64_t started_ms, start_at_ms;
    int rest_ms; /* before its last restart; 0: it had none */
    int64_t restarts;
};

/* A fork. In the child (0): named so, ends with its parent, leaves signals of terminals and service
 * managers to that, has no handler and no descriptor but 0 to 2 and those n of `keep`. SIGUSR1 and
 * SIGUSR2, by which the supervisor tells its children, are blocked and wait from the fork on, if
 * the caller has them blocked, until one unblocks them that has handlers (serve_network.c). */
pid_t serve_process_fork(const char *title, const int *keep, size_t n);
/* It has ended: when it is to be started again, which is noted in it. Its uptime in ms. */
int64_t serve_process_ended(struct serve_process *p, int64_t now_ms);
/* CPU and memory of a process as /proc shows them now. */
void serve_process_look(pid_t pid, struct channel_figures *out);

#endif
