/* scrape_write: who writes the samples of which metric; named in the table of admin/metrics.c. */
#ifndef ADMIN_SCRAPE_WRITE_H
#define ADMIN_SCRAPE_WRITE_H

#include "admin/scrape.h"

/* scrape_server.c: what threads have counted. */
void scrape_server_requests(struct scrape *s);
void scrape_server_durations(struct scrape *s);
void scrape_server_tokens(struct scrape *s);
void scrape_server_refusals(struct scrape *s);
void scrape_server_batches(struct scrape *s);
void scrape_server_batch_sets(struct scrape *s);
void scrape_server_commit_durations(struct scrape *s);
void scrape_server_missed(struct scrape *s);
void scrape_server_failed(struct scrape *s);
void scrape_server_audit_rows(struct scrape *s);
void scrape_server_audit_summarised(struct scrape *s);
void scrape_server_queues(struct scrape *s);
void scrape_server_connections(struct scrape *s);
void scrape_server_accepted(struct scrape *s);
void scrape_server_refused(struct scrape *s);
void scrape_server_penalised(struct scrape *s);
void scrape_server_penalties(struct scrape *s);
void scrape_server_shed(struct scrape *s);
void scrape_server_memory_max(struct scrape *s);
void scrape_server_cache_hits(struct scrape *s);
void scrape_server_cache_misses(struct scrape *s);
void scrape_server_cache_entries(struct scrape *s);

/* scrape_store.c: what is stored, and the keys. */
void scrape_store_rows(struct scrape *s);
void scrape_store_bytes(struct scrape *s);
void scrape_store_table_bytes(struct scrape *s);
void scrape_store_key_ages(struct scrape *s);
void scrape_store_key_rotations(struct scrape *s);

/* scrape_shared.c: one of several nodes and the store they share. */
void scrape_shared_away(struct scrape *s);
void scrape_shared_heard(struct scrape *s);
void scrape_shared_polls(struct scrape *s);
void scrape_shared_poll_failures(struct scrape *s);
void scrape_shared_revoked(struct scrape *s);
void scrape_shared_readers(struct scrape *s);
void scrape_shared_housekeeper(struct scrape *s);

/* scrape_process.c: what the system says of the process. */
void scrape_process_restarts(struct scrape *s);
void scrape_process_each_cpu(struct scrape *s);
void scrape_process_each_memory(struct scrape *s);
void scrape_process_cpu(struct scrape *s);
void scrape_process_memory(struct scrape *s);
void scrape_process_fds(struct scrape *s);
void scrape_process_fds_max(struct scrape *s);
void scrape_process_start(struct scrape *s);
void scrape_process_build(struct scrape *s);

#endif
