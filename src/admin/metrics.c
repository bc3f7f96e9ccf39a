/* metrics: the table of metrics, the answer made from it, and docs/metrics.md.
 *
 * Nothing is counted when asked for: threads have counted (oauth/metrics.h), housekeeping has
 * counted rows (store/tally.h), the rest is read where it is. So an answer costs the same with
 * ten clients and with a million.
 *
 * Left out on purpose: labels with many values (clients, organizations, addresses); the log has
 * them.
 */
#include "admin/metrics.h"

#include "admin/scrape_write.h"

const struct metric metrics_table[METRICS] = {
    {"postern_http_requests_total", METRICS_COUNTER, "route,method,status",
     "Requests answered. route is a name from `postern list routes`, or none.",
     scrape_server_requests},
    {"postern_http_request_duration_seconds", METRICS_HISTOGRAM, "route",
     "Time from the complete request to the answer's last byte, commit included.",
     scrape_server_durations},
    {"postern_tokens_issued_total", METRICS_COUNTER, "grant,dialect,format",
     "Token answers by grant, dialect and format of the access token.", scrape_server_tokens},
    {"postern_refusals_total", METRICS_COUNTER, "error",
     "Requests refused, by the id of the error (`postern list errors`).", scrape_server_refusals},
    {"postern_commit_batches_total", METRICS_COUNTER, "",
     "Transactions that made requests durable.", scrape_server_batches},
    {"postern_commit_batch_sets", METRICS_HISTOGRAM, "", "Requests made durable by one commit.",
     scrape_server_batch_sets},
    {"postern_commit_duration_seconds", METRICS_HISTOGRAM, "",
     "Time that one batch took, from its begin to its durable commit.",
     scrape_server_commit_durations},
    {"postern_commit_misses_total", METRICS_COUNTER, "",
     "Requests that lost a race and ran again on fresh data.", scrape_server_missed},
    {"postern_commit_failures_total", METRICS_COUNTER, "",
     "Requests answered 503 because the store did not take their batch.", scrape_server_failed},
    {"postern_audit_rows_total", METRICS_COUNTER, "", "Audit rows that this server has written.",
     scrape_server_audit_rows},
    {"postern_audit_summarised_total", METRICS_COUNTER, "",
     "Audit rows of refusals beyond audit.rate, told in one row together.",
     scrape_server_audit_summarised},
    {"postern_queue_requests", METRICS_GAUGE, "queue",
     "Requests that wait: for the commit, for the pool that hashes passwords, or to read "
     "PostgreSQL.",
     scrape_server_queues},
    {"postern_connections", METRICS_GAUGE, "", "Connections open now.", scrape_server_connections},
    {"postern_connections_accepted_total", METRICS_COUNTER, "", "Connections accepted.",
     scrape_server_accepted},
    {"postern_connections_refused_total", METRICS_COUNTER, "",
     "Connections turned away: beyond connections_max, or out of memory.", scrape_server_refused},
    {"postern_sources_penalised", METRICS_GAUGE, "",
     "Sources whose requests are refused now for what they have failed at.",
     scrape_server_penalised},
    {"postern_source_refusals_total", METRICS_COUNTER, "what",
     "Refused for their source: requests (429) and connections of penalised ones, and connections "
     "beyond connections_per_source (crowd).",
     scrape_server_penalties},
    {"postern_memory_shed_total", METRICS_COUNTER, "",
     "Connections and requests closed or refused to stay below memory.max.", scrape_server_shed},
    {"postern_memory_max_bytes", METRICS_GAUGE, "",
     "The ceiling that memory.max sets for the network process; 0: none.",
     scrape_server_memory_max},
    {"postern_client_cache_hits_total", METRICS_COUNTER, "",
     "Look-ups of clients answered from memory.", scrape_server_cache_hits},
    {"postern_client_cache_misses_total", METRICS_COUNTER, "",
     "Look-ups of clients that read the store.", scrape_server_cache_misses},
    {"postern_client_cache_entries", METRICS_GAUGE, "", "Clients in memory, over all threads.",
     scrape_server_cache_entries},
    {"postern_store_rows", METRICS_GAUGE, "table",
     "Rows of a table, as housekeeping counted them last (about every 30 s, longer for large "
     "tables); of PostgreSQL its own estimate.",
     scrape_store_rows},
    {"postern_store_bytes", METRICS_GAUGE, "file",
     "Size of the SQLite database (db) and of its write-ahead log (wal).", scrape_store_bytes},
    {"postern_store_table_bytes", METRICS_GAUGE, "table",
     "PostgreSQL: size of a table with its indexes, asked every 30 s.", scrape_store_table_bytes},
    {"postern_store_away", METRICS_GAUGE, "",
     "PostgreSQL: 1 while it does not answer this node, else 0.", scrape_shared_away},
    {"postern_store_heard_seconds", METRICS_GAUGE, "",
     "PostgreSQL: time since the last poll that it answered began; beyond db.max_age requests get "
     "503.",
     scrape_shared_heard},
    {"postern_store_poll_duration_seconds", METRICS_HISTOGRAM, "",
     "PostgreSQL: time that a poll for what other nodes did took.", scrape_shared_polls},
    {"postern_store_poll_failures_total", METRICS_COUNTER, "",
     "PostgreSQL: polls that failed or were given up after db.timeout_ms.",
     scrape_shared_poll_failures},
    {"postern_revoked_grants", METRICS_GAUGE, "",
     "PostgreSQL: revoked grants that this node keeps in memory.", scrape_shared_revoked},
    {"postern_readers", METRICS_GAUGE, "", "PostgreSQL: threads that read it (db.readers).",
     scrape_shared_readers},
    {"postern_housekeeper", METRICS_GAUGE, "",
     "1 on the node that deletes what has expired and renews keys for all, else 0.",
     scrape_shared_housekeeper},
    {"postern_key_age_seconds", METRICS_GAUGE, "kid,use,alg,state", "Time since a key was made.",
     scrape_store_key_ages},
    {"postern_key_rotation_due_seconds", METRICS_GAUGE, "alg",
     "Time until the active signing key is old enough to be rotated; below 0 it is overdue.",
     scrape_store_key_rotations},
    {"postern_build_info", METRICS_GAUGE, "version,issuer", "Always 1; its labels say what runs.",
     scrape_process_build},
    {"postern_process_restarts_total", METRICS_COUNTER, "process",
     "Processes of the server that ended unasked and were started again.", scrape_process_restarts},
    {"postern_process_cpu_seconds_total", METRICS_COUNTER, "process",
     "CPU time of each process of the server, as of the last second.", scrape_process_each_cpu},
    {"postern_process_resident_bytes", METRICS_GAUGE, "process",
     "Memory of each process of the server in RAM, as of the last second; what they share counts "
     "for each.",
     scrape_process_each_memory},
    {"process_cpu_seconds_total", METRICS_COUNTER, "", "CPU time of the process that answers this.",
     scrape_process_cpu},
    {"process_resident_memory_bytes", METRICS_GAUGE, "", "Memory of the process that answers this.",
     scrape_process_memory},
    {"process_open_fds", METRICS_GAUGE, "", "Open file descriptors.", scrape_process_fds},
    {"process_max_fds", METRICS_GAUGE, "", "Most file descriptors that may be open.",
     scrape_process_fds_max},
    {"process_start_time_seconds", METRICS_GAUGE, "", "When the process started, as Unix time.",
     scrape_process_start},
};

const char *metrics_type_name(enum metrics_type type)
{
    static const char *const names[] = {
        [METRICS_COUNTER] = "counter",
        [METRICS_GAUGE] = "gauge",
        [METRICS_HISTOGRAM] = "histogram",
    };

    return names[type];
}

enum err metrics_scrape(struct rq *rq)
{
    struct scrape s = {.rq = rq, .b = &rq->res->body};

    if (!setting_int(rq->server->settings, metrics))
        return fail(rq, ERR_NOT_FOUND, "There is nothing at this path.");
    s.sum = metrics_sum(&rq->server->metrics, rq->arena);
    rq_answer(rq, 200, STR("text/plain; version=0.0.4; charset=utf-8"));
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric *m = &metrics_table[i];
        s.metric = m;
        buf_printf(s.b, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
                   metrics_type_name(m->type));
        m->write(&s);
    }
    return OK;
}

void metrics_reference(struct buf *out)
{
    BUF_LIT(out, "# Metrics\n\n"
                 "What `GET /metrics` says, in the text format of Prometheus. It is served on the\n"
                 "administrator's listener (`admin_listen`) when there is one, else on the public "
                 "listener;\n`metrics: false` switches it off. What to watch and the alerts: "
                 "[operations.md](operations.md).\n\n"
                 "This page is written by `postern list metrics --markdown`; a test compares.\n\n"
                 "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric *m = &metrics_table[i];
        str rest = str_from(m->labels), label;
        buf_printf(out, "| `%s` | %s | ", m->name, metrics_type_name(m->type));
        for (bool first = true; rest.n > 0; first = false) {
            str_cut(rest, ',', &label, &rest);
            buf_printf(out, "%s`%.*s`", first ? "" : ", ", STR_ARG(label));
        }
        buf_printf(out, " | %s |\n", m->help);
    }
    BUF_LIT(out, "\nA histogram `NAME` has the series `NAME_bucket` (with the label `le`), "
                 "`NAME_sum` and\n`NAME_count`. A series with labels appears with its first "
                 "count.\n");
}
