/* serve_audit: the server's housekeeping of the audit log (docs/audit.md). */
#ifndef CMD_SERVE_AUDIT_H
#define CMD_SERVE_AUDIT_H

#include "oauth/server.h"
#include "store/audit_link.h"

struct serve_audit {
    struct server *server;
    struct db *db; /* of the thread that keeps house */
    struct id_source *ids;
    struct hasher *hasher;
    bool started;            /* "server.started" is written */
    unsigned long long seen; /* how much of change_log.audited has been linked */
    int64_t link_ms;         /* when links may be made again, by the monotonic clock */
    int64_t look_s;          /* when rows of others are looked for */
    int64_t told_ms;         /* when what had no room may be told again */
    int64_t prune_s;         /* when audit.keep is looked at */
    bool looked;             /* restarts are those of the server's processes when this one began */
    long long restarts[METRICS_PROCESSES];
};

void serve_audit_init(struct serve_audit *a, struct server *server, struct db *db,
                      struct id_source *ids);
/* A row about the server itself, as an effect. */
void serve_audit_row(struct serve_audit *a, struct effects *fx, int64_t now_s,
                     enum audit_event event, str subject, str detail);
/* One round, bounded: rows that wait in memory, links, checkpoints; for all chains if `keeper`, and
 * then what audit.keep says. True when more is to be done at once. */
bool serve_audit_work(struct serve_audit *a, int64_t now_s, bool keeper);
/* After the last request: all of it, with a checkpoint at the end. */
void serve_audit_end(struct serve_audit *a, int64_t now_s);

#endif
