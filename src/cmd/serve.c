/* serve: the server as a command: its settings and options; then one process or several.
 *
 * Several (serve_supervisor.h) are the rule: who talks to clients has no keys, and who has the keys
 * talks to nobody. One is for debuggers. No process dumps core: its memory may hold secrets.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/heap.h"
#include "cmd/args.h"
#include "cmd/open.h"
#include "cmd/serve_network.h"
#include "cmd/serve_sandbox.h"
#include "cmd/serve_slice.h"
#include "cmd/serve_sockets.h"
#include "cmd/serve_supervisor.h"

enum { WHY = 1024, RESERVE_BYTES = 8 << 20 };

/* No core dumps, as many descriptors and as much locked memory (for the signer) as the system
 * gives, and no end by a SIGHUP that comes before there is anything to read again. */
static void harden(void)
{
    static const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit files, locked;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGHUP, &ignore, NULL);
    prctl(PR_SET_DUMPABLE, 0);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (setrlimit(RLIMIT_MEMLOCK, &all) != 0 && getrlimit(RLIMIT_MEMLOCK, &locked) == 0) {
        locked.rlim_cur = locked.rlim_max;
        setrlimit(RLIMIT_MEMLOCK, &locked);
    }
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

static int serve(struct cmd *c)
{
    harden();
    serve_slice_short();
    if (!heap_reserve(RESERVE_BYTES))
        return cmd_fail(CMD_FAILED, "there is not enough memory to start");
    hash_use_heap();
    int code = server_settings(c);
    if (code || (code = serve_sandbox_begin(c)))
        return code;
    return setting_int(&c->settings, processes) ? serve_network(c, NULL) : serve_supervisor(c);
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
