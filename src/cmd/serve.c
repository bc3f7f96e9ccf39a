/* serve: the server as a process: settings, store, keys, sockets, signals; then net_run().
 *
 * Order: everything that can be refused is refused before a socket is bound, and readiness is
 * announced (log line, systemd) only when requests are answered. SIGTERM and SIGINT stop
 * gracefully, SIGHUP reads keys and certificate again. The process dumps no core: its memory
 * holds keys.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/open.h"
#include "cmd/serve_app.h"
#include "cmd/serve_keeper.h"
#include "cmd/serve_limits.h"
#include "cmd/serve_notify.h"
#include "cmd/serve_people.h"
#include "cmd/serve_sockets.h"
#include "dialect/dialect.h"

enum { WHY = 1024, LISTENS = 32 };

static struct net *running; /* for the signal handlers */

static void on_stop(int signal_number)
{
    (void)signal_number;
    if (running)
        net_stop(running);
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
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &hup, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* No core dumps, as many descriptors as the system gives, and no end by a SIGHUP that comes before
 * there is anything to read again. */
static void harden(void)
{
    struct rlimit files;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGHUP, &ignore, NULL);
    prctl(PR_SET_DUMPABLE, 0);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static size_t add_listens(struct cmd *c, enum setting_id id, bool tls, bool admin,
                          struct net_listen *out, size_t n)
{
    const struct setting_value *v = &c->settings.v[id];
    for (size_t i = 0; i < v->list_n && n < LISTENS; i++) {
        out[n++] = (struct net_listen){
            .address = arena_cstr(&c->arena, v->list[i]), .tls = tls, .admin = admin};
    }
    return n;
}

static const char *file_of(struct cmd *c, str path)
{
    return path.n ? arena_cstr(&c->arena, path) : NULL;
}

static void fill_options(struct cmd *c, struct net_options *o, struct net_listen listens[LISTENS])
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
    serve_notify("READY=1");
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

static int run(struct cmd *c, struct serve_app *app)
{
    struct net_listen listens[LISTENS];
    struct net_options options;
    struct net_app callbacks;
    char why[WHY];
    fill_options(c, &options, listens);
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
    handle_signals();
    int left = net_run(net);
    running = NULL;
    serve_notify("STOPPING=1");
    net_close(net);
    log_note(LOG_INFO, "stopped", "%s",
             left ? "not every request was answered in time" : "all answered");
    return left ? CMD_FAILED : CMD_DONE;
}

/* As open_server_settings, with the sockets of a service manager. */
static int server_settings(struct cmd *c)
{
    char why[WHY];
    int code = open_read_settings(c);
    if (code == CMD_DONE && (serve_sockets(&c->settings, why, sizeof why) ||
                             settings_check(&c->settings, why, sizeof why)))
        code = cmd_fail(CMD_FAILED, "%s", why);
    return code;
}

/* Keeps house in the committer's thread, or on a shared store in one of its own. */
static int run_with_house(struct cmd *c, struct serve_app *app)
{
    static struct serve_keeper keeper;
    struct server *s = &app->server;
    char why[WHY];
    if (!s->shared) {
        serve_house_init(&app->house, s, c->db, &s->changes.ids, c->now_s);
        int left = run(c, app);
        serve_house_end(&app->house);
        return left;
    }
    db_set_patience(c->db, (int)setting_int(&c->settings, db_timeout_ms));
    if (serve_keeper_open(&keeper, app, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    serve_keeper_start(&keeper);
    int left = run(c, app);
    serve_keeper_stop(&keeper);
    serve_house_end(&app->house);
    serve_keeper_close(&keeper);
    return left;
}

static int serve(struct cmd *c)
{
    const struct dialect *dialects[DIALECTS_MAX];
    static struct serve_app app;
    char why[WHY];
    harden();
    int code = server_settings(c);
    if (code || (code = open_store(c, OPEN_CREATE)) || (code = open_keys(c)))
        return code;
    seal_wipe(&c->master); /* the server reads it when it needs it */
    log_open(STDERR_FILENO, (enum log_level)setting_int(&c->settings, log_level));
    log_text(setting_int(&c->settings, log_format) != 0);
    dialect_select(&c->settings, dialects);
    app.cmd = c;
    app.db = c->db;
    app.admin = c->settings.v[SETTING_admin_listen].list_n > 0;
    if (server_open(&app.server, &c->settings, dialects, c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    code = serve_people_open(&app.server, why, sizeof why) ? cmd_fail(CMD_FAILED, "%s", why)
                                                           : run_with_house(c, &app);
    serve_people_close(&app.server);
    server_close(&app.server);
    return code;
}

static const struct option options[] = {
    {"listen", "ADDRESS", true, false, "127.0.0.1:8080, [::1]:8080, :8080, unix:PATH or fd:N"},
    {"admin-listen", "ADDRESS", true, false,
     "serve /healthz, /readyz and /metrics here, and only here"},
    {"issuer", "URL", false, false, "what the server calls itself: https://auth.example.com"},
    {"bench-routes", NULL, false, false, "serve /bench/...; refused with a public issuer"},
};

static const char more[] =
    "A store that does not exist is made, with its master key file and first keys.\n"
    "SIGTERM and SIGINT stop when what was accepted is answered (setting `drain`). SIGHUP reads\n"
    "settings file, certificate and keys again, forgets what else it has of the store in memory,\n"
    "and logs what was taken up and what needs a restart. The log goes to stderr (settings\n"
    "`log.*`).\n"
    "Sockets that a service manager passes (LISTEN_FDS) take the place of `listen`; those named\n"
    "`tls` or `admin` (LISTEN_FDNAMES) that of tls.listen or admin_listen.";

static const struct command commands[] = {
    {"", NULL, "Run the server.", more, CMD_OPTIONS(options), serve},
};

const struct command_set serve_commands = {"serve", "run the server", CMD_OPTIONS(commands)};
