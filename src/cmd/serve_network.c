/* serve_network: the process that talks to clients: store, engine, sockets, signals; then
 * net_run().
 *
 * Order: everything that can be refused is refused before requests are taken, and readiness is
 * announced (log line, systemd) only when they are answered. As a child of the supervisor it finds
 * its sockets bound and the store prepared, asks the signer for what needs keys and the outbound
 * process for addresses, and is told to stop by SIGUSR1 and to read again by SIGUSR2: what a
 * terminal or a service manager sends to all processes is for the supervisor. As the only process
 * it is told by SIGTERM or SIGINT, and by SIGHUP.
 */
#include "cmd/serve_network.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/open.h"
#include "cmd/serve_app.h"
#include "cmd/serve_keeper.h"
#include "cmd/serve_limits.h"
#include "cmd/serve_notify.h"
#include "cmd/serve_people.h"
#include "cmd/serve_sandbox.h"
#include "dialect/dialect.h"
#include "signer/door.h"

enum { WHY = 1024, SIGNER_MS = 10000 };

static struct net *running; /* for the signal handlers */
static volatile sig_atomic_t stop_early;
static const struct serve_network *parts; /* of the supervisor; NULL in one process */

static void on_stop(int signal_number)
{
    (void)signal_number;
    if (running)
        net_stop(running);
    else
        stop_early = 1;
}

static void on_hup(int signal_number)
{
    (void)signal_number;
    if (running)
        net_reload(running);
}

/* Without SA_RESTART: net_run sleeps in a read, and looks again when that is interrupted. */
static void handle_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop};
    struct sigaction hup = {.sa_handler = on_hup};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t told;
    sigaction(parts ? SIGUSR1 : SIGTERM, &stop, NULL);
    sigaction(parts ? SIGUSR1 : SIGINT, &stop, NULL);
    sigaction(parts ? SIGUSR2 : SIGHUP, &hup, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(&told);
    sigaddset(&told, SIGUSR1);
    sigaddset(&told, SIGUSR2);
    sigprocmask(SIG_UNBLOCK, &told, NULL); /* what came since the fork comes now */
}

static size_t add_listens(struct cmd *c, enum setting_id id, bool tls, bool admin,
                          struct net_listen *out, size_t n)
{
    const struct setting_value *v = &c->settings.v[id];
    for (size_t i = 0; i < v->list_n && n < SERVE_NETWORK_LISTENS; i++) {
        out[n++] = (struct net_listen){
            .address = arena_cstr(&c->arena, v->list[i]), .tls = tls, .admin = admin};
    }
    return n;
}

static const char *file_of(struct cmd *c, str path)
{
    return path.n ? arena_cstr(&c->arena, path) : NULL;
}

void serve_network_options(struct cmd *c, struct net_options *o,
                           struct net_listen listens[SERVE_NETWORK_LISTENS])
{
    const struct settings *s = &c->settings;
    bool shared = db_url_is_shared(setting_text(s, db));
    size_t n = add_listens(c, SETTING_listen, false, false, listens, 0);
    n = add_listens(c, SETTING_tls_listen, true, false, listens, n);
    n = add_listens(c, SETTING_admin_listen, false, true, listens, n);
    *o = (struct net_options){
        .listens = listens,
        .listens_n = n,
        .workers = (int)setting_int(s, workers),
        .connections_max = (int)setting_int(s, connections_max),
        .pool_threads = (int)setting_int(s, pool_threads),
        .pool_queue_max = (int)setting_int(s, pool_queue),
        .readers = shared ? (int)setting_int(s, db_readers) : 0,
        .read_queue_max = (int)setting_int(s, db_queue),
        .commit_queue_max = (int)setting_int(s, db_queue),
        .patience_ms = shared ? (int)setting_int(s, db_timeout_ms) : 0,
        .delay_ms = (int)(setting_int(s, drain_delay_s) * 1000),
        .batch_max = (int)setting_int(s, commit_batch),
        .tls_certificate = file_of(c, setting_text(s, tls_certificate)),
        .tls_key = file_of(c, setting_text(s, tls_key)),
        .drain_ms = (int)(setting_int(s, drain_s) * 1000),
        .late_ms = (int)setting_int(s, fault_latency_ms),
    };
    serve_limits_fill(c, o);
}

/* net_app.ready: every thread has its store, its keys and its sockets. */
static void announce(void *arg)
{
    const struct serve_app *app = arg;
    const struct cmd *c = app->cmd;
    char storage[1024];
    struct buf addresses;
    struct log_line l;
    str issuer = setting_text(&c->settings, issuer);
    buf_fixed(&addresses, storage, sizeof storage);
    /* Before the line that people and scripts wait for: the supervisor shall know it by then. */
    serve_notify("READY=1");
    for (size_t i = 0; i < app->listens_n; i++) {
        buf_put(&addresses, i ? STR(" ") : STR(""));
        buf_put(&addresses, str_from(net_address(app->net, i)));
    }
    log_begin(&l, LOG_INFO, "ready");
    log_str(&l, "version", STR(POSTERN_VERSION));
    log_str(&l, "issuer", issuer);
    log_str(&l, "listen", buf_str(&addresses));
    log_str(&l, "db", db_url_public(&app->cmd->arena, setting_text(&c->settings, db)));
    log_end(&l);
    if (isatty(STDERR_FILENO)) {
        cmd_note("\nPostern answers for %.*s\n"
                 "  metadata  %.*s/.well-known/oauth-authorization-server\n"
                 "  clients   postern client create --help\n"
                 "  stop      Ctrl-C\n",
                 STR_ARG(issuer), STR_ARG(issuer));
    }
}

/* For /metrics, which does not know the sockets. Called while they run. */
static void count_net(struct metrics_net *out)
{
    struct net_stats now;
    net_stats(running, &now);
    *out = (struct metrics_net){
        .connections = now.connections,
        .accepted = now.accepted,
        .refused = now.refused,
        .queue_commit = now.queue_commit,
        .queue_pool = now.queue_pool,
        .queue_read = now.queue_read,
        .penalised = now.penalised,
        .penalty_requests = now.penalty_requests,
        .penalty_connections = now.penalty_connections,
        .crowds = now.crowds,
        .shed = now.shed,
        .memory_max = now.memory_max,
    };
}

/* For /metrics: what the supervisor told last. */
static size_t count_processes(struct metrics_process out[METRICS_PROCESSES])
{
    for (size_t i = 0; i < CHANNEL_PROCESSES; i++) {
        const struct channel_figures *f = &parts->region->shared->processes[i];
        out[i] = (struct metrics_process){
            .name = channel_process_name((enum channel_process)i),
            .restarts = atomic_load(&f->restarts),
            .cpu_us = atomic_load(&f->cpu_us),
            .resident_bytes = atomic_load(&f->resident_bytes),
        };
    }
    return CHANNEL_PROCESSES;
}

/* The keeper, NULL without one, is started here, since a sandbox is entered without threads. */
static int run(struct cmd *c, struct serve_app *app, struct serve_keeper *keeper)
{
    struct net_listen listens[SERVE_NETWORK_LISTENS];
    struct net_options options;
    struct net_app callbacks;
    char why[WHY];
    serve_network_options(c, &options, listens);
    options.sockets = parts ? parts->sockets : NULL;
    serve_app_init(&callbacks, app);
    callbacks.ready = announce;
    app->listens_n = options.listens_n;
    struct net *net = net_open(&options, &callbacks, why, sizeof why);
    if (!net)
        return cmd_fail(CMD_FAILED, "%s", why);
    app->net = net;
    app->watchdog_us = serve_notify_watchdog_us();
    running = net;
    app->server.metrics.net = count_net;
    app->server.metrics.processes = parts ? count_processes : NULL;
    handle_signals();
    if (stop_early)
        net_stop(net);
    int code = serve_sandbox_enter(c, SANDBOX_NETWORK, !parts);
    if (code) {
        running = NULL;
        net_close(net);
        return code;
    }
    if (keeper)
        serve_keeper_start(keeper);
    int left = net_run(net);
    running = NULL;
    serve_notify("STOPPING=1");
    net_close(net);
    log_note(LOG_INFO, "stopped", "%s",
             left ? "not every request was answered in time" : "all answered");
    return left ? CMD_FAILED : CMD_DONE;
}

/* Keeps house in the committer's thread, or on a shared store in one of its own. */
static int run_with_house(struct cmd *c, struct serve_app *app)
{
    static struct serve_keeper keeper;
    struct server *s = &app->server;
    char why[WHY];
    if (!s->shared) {
        serve_house_init(&app->house, s, c->db, &s->changes.ids, c->now_s);
        int left = run(c, app, NULL);
        serve_house_end(&app->house);
        return left;
    }
    db_set_patience(c->db, (int)setting_int(&c->settings, db_timeout_ms));
    if (serve_keeper_open(&keeper, app, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    int left = run(c, app, &keeper);
    serve_keeper_stop(&keeper);
    serve_house_end(&app->house);
    serve_keeper_close(&keeper);
    return left;
}

/* In one process the store is made here, if need be; else that was done before. */
static int open_all(struct cmd *c)
{
    if (parts)
        return open_store(c, OPEN_WRITE);
    int code = open_store(c, OPEN_CREATE);
    if (code == CMD_DONE)
        code = open_keys(c);
    seal_wipe(&c->master); /* the server reads it when it needs it */
    return code;
}

static int serve_all(struct cmd *c, struct serve_app *app)
{
    char why[WHY];
    if (server_open(&app->server, &c->settings, app->server.dialects, c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    int code = serve_people_open(&app->server, why, sizeof why) ? cmd_fail(CMD_FAILED, "%s", why)
                                                                : run_with_house(c, app);
    serve_people_close(&app->server);
    server_close(&app->server);
    return code;
}

int serve_network(struct cmd *c, const struct serve_network *given)
{
    static const struct dialect *dialects[DIALECTS_MAX];
    static struct serve_app app;
    parts = given;
    if (parts)
        handle_signals();
    int code = open_all(c);
    if (code)
        return code;
    serve_network_log(c);
    dialect_select(&c->settings, dialects);
    app.cmd = c;
    app.db = c->db;
    app.admin = c->settings.v[SETTING_admin_listen].list_n > 0;
    app.server.dialects = dialects;
    if (parts) {
        channel_await(parts->region, SIGNER_MS);
        app.server.vault = door_open(parts->region);
    }
    return serve_all(c, &app);
}

void serve_network_log(struct cmd *c)
{
    log_open(STDERR_FILENO, (enum log_level)setting_int(&c->settings, log_level));
    log_text(setting_int(&c->settings, log_format) != 0);
}
