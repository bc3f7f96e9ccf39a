/* serve_supervisor: starts, watches, restarts and ends the processes of a server.
 *
 * It has no thread, no secret and no client. Order: the store is prepared by a child of its own,
 * which ends; the sockets are bound; then the others are started. A process that ends is started
 * again after a rest (serve_process.h), by this one, so that what it inherits is what it had the
 * first time; the first start of the network process alone has to work, or all end with its code.
 * When the network process ends, the signer is replaced with it, and what they shared is renewed:
 * whoever had taken that over has left nothing behind. The outbound process has no part in it.
 *
 * A stop: the sockets are closed here, so that they close for good with those of the network
 * process; that is told (SIGUSR1), answers what it accepted and ends; its code is the server's. If
 * this process ends in any other way, the kernel ends its children.
 */
#include "cmd/serve_supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/open.h"
#include "cmd/serve_network.h"
#include "cmd/serve_notify.h"
#include "cmd/serve_outbound.h"
#include "cmd/serve_people.h"
#include "cmd/serve_process.h"
#include "cmd/serve_sandbox.h"
#include "cmd/serve_signer.h"
#include "db/postgres_hosts.h"

enum {
    WHY = 1024,
    CHILDREN = CHANNEL_SUPERVISOR, /* those before it in the list */
    LOOK_MS = 1000,                /* how often CPU and memory are read */
    SPARE_CHANNELS = 4,            /* beside those of workers, pool and readers */
    FDS = 4096,
    TOLD_AT_ONCE = 16, /* notes of the network process between two looks at anything else */
};

struct supervisor {
    struct cmd *c;
    struct channel_region *region;
    struct net_sockets *sockets;
    int64_t unlink_ms; /* a stop: when the files of Unix sockets go; 0: not any more */
    const char *master_key;
    int signer;    /* our end of the signer's pair; -1 without one */
    int notify[2]; /* ours; the network process's */
    int names[2];  /* the outbound process's; the network process's */
    struct serve_process p[CHILDREN];
    bool ready; /* the network process has been, once */
    bool stopping;
    bool over;
    int code; /* the server's, when it is over */
    sigset_t before;
};

static volatile sig_atomic_t stops, reloads;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stops++;
}

static void on_hup(int signal_number)
{
    (void)signal_number;
    reloads = 1;
}

static void on_child(int signal_number)
{
    (void)signal_number; /* ppoll returns */
}

/* They come only while the loop sleeps in ppoll. */
static void handle_signals(struct supervisor *s)
{
    struct sigaction stop = {.sa_handler = on_stop}, hup = {.sa_handler = on_hup},
                     child = {.sa_handler = on_child}, ignore = {.sa_handler = SIG_IGN};
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGUSR1); /* for the children: serve_process_fork */
    sigaddset(&ours, SIGUSR2);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ours, &s->before);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &hup, NULL);
    sigaction(SIGCHLD, &child, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* ---- starting ---- */

static pid_t start_signer(struct supervisor *s)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    pid_t pid = serve_process_fork("postern-signer", &pair[1], 1);
    if (pid == 0)
        serve_signer(s->c, s->region, pair[1]);
    close(pair[1]);
    if (pid < 0)
        close(pair[0]);
    s->signer = pid < 0 ? -1 : pair[0];
    return pid;
}

static pid_t start_outbound(struct supervisor *s)
{
    pid_t pid = serve_process_fork("postern-out", &s->names[0], 1);
    if (pid == 0) {
        channel_region_free(s->region); /* who owns this process shall not reach the signer */
        if (serve_sandbox_enter(s->c, SANDBOX_OUTBOUND, false))
            _exit(CMD_FAILED);
        serve_outbound(s->names[0]);
    }
    return pid;
}

static pid_t start_network(struct supervisor *s)
{
    int keep[FDS] = {s->notify[1], s->names[1]};
    size_t n = net_bound_fds(s->sockets, keep + 2, FDS - 2);
    pid_t pid = serve_process_fork("postern-net", keep, 2 + (n < FDS - 2 ? n : FDS - 2));
    if (pid != 0)
        return pid;
    const struct serve_network parts = {.region = s->region, .sockets = s->sockets};
    serve_notify_relay(s->notify[1]);
    serve_outbound_ask(s->names[1]);
    postgres_hosts_by(serve_outbound_resolve);
    int code = serve_network(s->c, &parts);
    open_close(s->c);
    exit(code);
}

/* For /metrics. */
static void tell(struct supervisor *s, enum channel_process which)
{
    struct channel_figures *f = &s->region->shared->processes[which];
    atomic_store(&f->pid, s->p[which].pid);
    atomic_store(&f->restarts, s->p[which].restarts);
}

static void start(struct supervisor *s, enum channel_process which, int64_t now_ms)
{
    static pid_t (*const starters[CHILDREN])(struct supervisor *) = {
        [CHANNEL_SIGNER] = start_signer,
        [CHANNEL_OUTBOUND] = start_outbound,
        [CHANNEL_NETWORK] = start_network,
    };
    struct serve_process *p = &s->p[which];
    bool again = p->start_at_ms > 0; /* it has ended; 0: the first start, or it is replaced */
    pid_t pid = starters[which](s);
    p->started_ms = now_ms;
    if (pid < 0) {
        log_note(LOG_ERROR, "process", "the %s process cannot be started: %s",
                 channel_process_name(which), strerror(errno));
        serve_process_ended(p, now_ms);
        return;
    }
    p->pid = pid;
    p->restarts += again;
    tell(s, which);
}

static void start_due(struct supervisor *s)
{
    int64_t now_ms = clock_mono_ms();
    for (int i = 0; i < CHILDREN && !s->over; i++)
        if (s->p[i].pid == 0 && now_ms >= s->p[i].start_at_ms &&
            !(s->stopping && i == CHANNEL_NETWORK))
            start(s, (enum channel_process)i, now_ms);
}

/* ---- ends ---- */

static void note_end(enum channel_process which, int status, int64_t lived_ms, int64_t rest_ms)
{
    struct log_line l;
    log_begin(&l, LOG_ERROR, "process");
    log_str(&l, "message",
            WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS
                ? STR("a process of the server tried a forbidden system call (which: dmesg), was "
                      "ended and is started again")
                : STR("a process of the server has ended and is started again"));
    log_str(&l, "process", str_from(channel_process_name(which)));
    if (WIFSIGNALED(status))
        log_int(&l, "signal", WTERMSIG(status));
    else
        log_int(&l, "exit", WEXITSTATUS(status));
    log_int(&l, "uptime_ms", lived_ms);
    log_int(&l, "again_ms", rest_ms);
    log_end(&l);
}

/* The signer is away until then; our end of its pair goes with it. */
static void close_signer(struct supervisor *s, int64_t back_ms)
{
    channel_down(s->region, back_ms);
    if (s->signer >= 0)
        close(s->signer);
    s->signer = -1;
}

/* The network process has ended: the next one shall find nothing that it could have left, neither
 * in what they shared nor in the signer (keys that are no more, answers that are not through). */
static void replace_signer(struct supervisor *s)
{
    struct serve_process *p = &s->p[CHANNEL_SIGNER];
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        close_signer(s, 0);
        p->pid = 0;
        p->start_at_ms = 0;
    }
    channel_region_renew(s->region);
    for (int i = 0; i < CHILDREN; i++)
        tell(s, (enum channel_process)i);
}

static void finish(struct supervisor *s, int code)
{
    s->over = true;
    s->code = code;
}

static void ended(struct supervisor *s, enum channel_process which, int status)
{
    struct serve_process *p = &s->p[which];
    bool clean = WIFEXITED(status), network = which == CHANNEL_NETWORK;
    int64_t lived_ms = serve_process_ended(p, clock_mono_ms());
    tell(s, which);
    if (which == CHANNEL_SIGNER)
        close_signer(s, p->start_at_ms);
    if (network && (s->stopping || !s->ready)) {
        finish(s, clean ? WEXITSTATUS(status) : CMD_FAILED);
        if (!clean)
            log_note(LOG_ERROR, "process", "the network process was ended by signal %d%s",
                     WTERMSIG(status),
                     WTERMSIG(status) == SIGSYS
                         ? ": it tried a forbidden system call (which: dmesg)"
                         : "");
        return;
    }
    note_end(which, status, lived_ms, p->rest_ms);
    if (network)
        replace_signer(s);
}

static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < CHILDREN; i++)
            if (s->p[i].pid == pid)
                ended(s, (enum channel_process)i, status);
}

/* ---- the loop ---- */

/* What the network process may have us say to the service manager. */
static bool may_say(const char *state)
{
    static const char *const all[] = {"READY=1", "STOPPING=1", "WATCHDOG=1"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(state, all[i]) == 0)
            return true;
    str head = STR("RELOADING=1\nMONOTONIC_USEC="), text = str_from(state);
    int64_t us;
    return str_starts(text, head) && str_i64(str_sub(text, head.n, text.n), 0, INT64_MAX, &us);
}

static void relay(struct supervisor *s)
{
    char state[SERVE_NOTIFY_MAX];
    ssize_t n;
    for (int i = 0;
         i < TOLD_AT_ONCE && (n = recv(s->notify[0], state, sizeof state - 1, MSG_DONTWAIT)) > 0;
         i++) {
        state[n] = 0;
        if (!may_say(state))
            continue;
        s->ready = s->ready || strcmp(state, "READY=1") == 0;
        serve_notify_manager(state);
    }
}

/* Just before nobody answers on them any more, so that no client comes. */
static void unlink_due(struct supervisor *s)
{
    if (s->unlink_ms == 0 || clock_mono_ms() < s->unlink_ms)
        return;
    net_unlink(s->sockets);
    s->unlink_ms = 0;
}

static void stop(struct supervisor *s)
{
    s->stopping = true;
    if (!s->ready) { /* as a process that has not set itself up ends */
        finish(s, CMD_FAILED);
        return;
    }
    net_unbind(s->sockets);
    s->unlink_ms = clock_mono_ms() + setting_live(&s->c->settings, drain_delay_s) * 1000;
    unlink_due(s);
    if (s->p[CHANNEL_NETWORK].pid > 0)
        kill(s->p[CHANNEL_NETWORK].pid, SIGUSR1);
    else
        finish(s, CMD_DONE);
}

static void heed_signals(struct supervisor *s)
{
    for (; stops > 0 && !s->over; stops--) {
        if (!s->stopping) {
            stop(s);
            continue;
        }
        net_unlink(s->sockets); /* the second one ends the delay */
        s->unlink_ms = 0;
        if (s->p[CHANNEL_NETWORK].pid > 0)
            kill(s->p[CHANNEL_NETWORK].pid, SIGUSR1);
    }
    if (reloads && s->p[CHANNEL_NETWORK].pid > 0)
        kill(s->p[CHANNEL_NETWORK].pid, SIGUSR2);
    reloads = 0;
}

static int64_t look(struct supervisor *s)
{
    for (int i = 0; i < CHILDREN; i++)
        if (s->p[i].pid > 0)
            serve_process_look(s->p[i].pid, &s->region->shared->processes[i]);
    serve_process_look(getpid(), &s->region->shared->processes[CHANNEL_SUPERVISOR]);
    return clock_mono_ms() + LOOK_MS;
}

/* How long there is nothing to do by the clock. */
static int64_t rest_ms(const struct supervisor *s, int64_t look_ms)
{
    int64_t until_ms = look_ms, now_ms = clock_mono_ms();
    if (s->unlink_ms && s->unlink_ms < until_ms)
        until_ms = s->unlink_ms;
    for (int i = 0; i < CHILDREN; i++)
        if (s->p[i].pid == 0 && s->p[i].start_at_ms < until_ms)
            until_ms = s->p[i].start_at_ms;
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

static void watch(struct supervisor *s)
{
    int64_t look_ms = 0;
    while (!s->over) {
        start_due(s);
        unlink_due(s);
        if (clock_mono_ms() >= look_ms)
            look_ms = look(s);
        int64_t ms = rest_ms(s, look_ms);
        struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        struct pollfd p[2] = {{.fd = s->notify[0], .events = POLLIN},
                              {.fd = s->signer, .events = POLLIN}};
        if (ppoll(p, 2, &t, &s->before) > 0) {
            if (p[1].revents)
                serve_signer_pass(s->signer, s->master_key);
        }
        relay(s); /* before reap: READY=1 may be the last word of one that has ended */
        reap(s);
        heed_signals(s);
    }
    relay(s); /* its last words */
}

static void end_all(struct supervisor *s)
{
    for (int i = 0; i < CHILDREN; i++)
        if (s->p[i].pid > 0)
            kill(s->p[i].pid, SIGKILL);
    for (int i = 0; i < CHILDREN; i++)
        if (s->p[i].pid > 0)
            waitpid(s->p[i].pid, NULL, 0);
}

/* ---- setting up ---- */

/* Makes or checks the store and reads the theme in a child, whose memory ends with it. */
static int prepare(struct cmd *c)
{
    int status;
    char why[WHY];
    pid_t pid = fork();
    if (pid < 0)
        return cmd_fail(CMD_FAILED, "cannot start a process: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int code = open_store(c, OPEN_CREATE);
        if (code == CMD_DONE)
            code = open_keys(c);
        if (code == CMD_DONE && serve_people_check(&c->settings, why, sizeof why))
            code = cmd_fail(CMD_FAILED, "%s", why);
        open_close(c);
        exit(code);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return cmd_fail(CMD_FAILED, "the process that prepares the store was ended by signal %d",
                    WTERMSIG(status));
}

static int set_up(struct supervisor *s)
{
    struct net_listen listens[SERVE_NETWORK_LISTENS];
    struct net_options o;
    char why[WHY];
    serve_network_options(s->c, &o, listens);
    size_t channels = (size_t)net_workers(&o) + (size_t)o.pool_threads + (size_t)o.readers;
    s->sockets = net_bind(&o, why, sizeof why);
    if (!s->sockets)
        return cmd_fail(CMD_FAILED, "%s", why);
    s->region = channel_region_new(channels + SPARE_CHANNELS);
    if (!s->region || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->notify) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->names) != 0)
        return cmd_fail(CMD_FAILED, "cannot start the processes: %s", strerror(errno));
    s->master_key = arena_cstr(&s->c->arena, setting_text(&s->c->settings, master_key));
    s->signer = -1;
    return CMD_DONE;
}

/* The way in which a process ends that has no handler yet. */
static void end_by_signal(void)
{
    struct sigaction fallback = {.sa_handler = SIG_DFL};
    sigset_t term;
    sigaction(SIGTERM, &fallback, NULL);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &term, NULL);
    raise(SIGTERM);
}

int serve_supervisor(struct cmd *c)
{
    static struct supervisor s;
    s.c = c;
    serve_notify_watchdog_us();
    int code = prepare(c);
    if (code || (code = set_up(&s)))
        return code;
    serve_network_log(c);
    if ((code = serve_sandbox_enter(c, SANDBOX_SUPERVISOR, false)))
        return code;
    handle_signals(&s);
    watch(&s);
    end_all(&s);
    net_unlink(s.sockets);
    if (s.stopping && !s.ready)
        end_by_signal();
    return s.code;
}
