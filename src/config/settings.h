/* settings: one table of settings -> reader, checks, `postern config`, docs/settings.md.
 *
 * Sources, later ones win: built-in default, settings file (YAML), POSTERN_NAME in the
 * environment, command line. An unknown name or a bad value is an error that names file, line
 * and column, the setting, and what it takes.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum setting_type { SETTING_TEXT, SETTING_INT, SETTING_BOOL, SETTING_CHOICE, SETTING_LIST };

/* X(member, "yaml.name", TYPE, default, min, max, "unit or choices", "help") */
#define SETTING_LIST_OF(X)                                                                         \
    X(issuer, "issuer", TEXT, "", 0, 1024, "URL",                                                  \
      "What the server calls itself, the iss of its tokens. Default: http:// and the first "       \
      "listen address; a public server must be https. It has no path: https://auth.example.com.")  \
    X(db, "db", TEXT, "sqlite:var/postern.db", 1, 4096, "URL",                                     \
      "Where the store is: sqlite:PATH, or postgresql://USER@HOST/NAME (docs/cluster.md).")        \
    X(db_readers, "db.readers", INT, "4", 1, 64, "threads",                                        \
      "PostgreSQL: threads that wait for reads, each with a connection of its own.")               \
    X(db_queue, "db.queue", INT, "1000", 16, 100000, "requests",                                   \
      "Requests that may wait for the store, to read or to write; further ones get 503.")          \
    X(db_timeout_ms, "db.timeout_ms", INT, "800", 50, 60000, "milliseconds",                       \
      "PostgreSQL: what takes longer is given up, and its requests get 503.")                      \
    X(db_max_age_s, "db.max_age", INT, "60", 1, 3600, "seconds",                                   \
      "PostgreSQL: a node that has not heard from the store for so long answers 503, since it "    \
      "cannot know what was revoked meanwhile.")                                                   \
    X(listen, "listen", LIST, "127.0.0.1:8080", 1, 8, "A:P, [A]:P, unix:PATH or fd:N",             \
      "Where the server listens. fd:N is an inherited socket.")                                    \
    X(admin_listen, "admin_listen", LIST, "", 0, 8, "as listen",                                   \
      "Where /healthz, /readyz and /metrics are served, when not on the public listener.")         \
    X(hosts, "hosts", LIST, "", 0, 64, "host names",                                               \
      "Host values that the server answers for, beside the issuer's host and loopback names.")     \
    X(tls_certificate, "tls.certificate", TEXT, "", 0, 4096, "PEM file", "Certificate chain.")     \
    X(tls_key, "tls.key", TEXT, "", 0, 4096, "PEM file", "Its private key, mode 0600.")            \
    X(tls_listen, "tls.listen", LIST, "", 0, 8, "A:P", "Where the server listens with TLS.")       \
    X(master_key, "master_key", TEXT, "", 0, 4096, "file",                                         \
      "The key that seals the keys in the store. Default: $CREDENTIALS_DIRECTORY/master_key, "     \
      "else the database path with .key. PostgreSQL: the same file on every node.")                \
    X(sandbox, "sandbox", CHOICE, "best-effort", 0, 0, "required|best-effort|off",                 \
      "Each process gives up what it does not need (docs/operations.md). best-effort goes on, "    \
      "with a warning, on kernels without Landlock; required refuses to start there; off is for "  \
      "debuggers.")                                                                                \
    X(user, "user", TEXT, "", 0, 64, "user name",                                                  \
      "Whom the server becomes when root starts it, before it reads a key or takes a request; "    \
      "store and key files must be that user's. Empty: it stays who it is.")                       \
    X(workers, "workers", INT, "0", 0, 256, "threads", "Network threads; 0: one per core.")        \
    X(processes, "processes", CHOICE, "separate", 0, 0, "separate|one",                            \
      "separate: the keys, the clients and the look-up of names have a process each, watched by "  \
      "a fourth (docs/security-model.md). one: all in one, for debuggers.")                        \
    X(connections_max, "connections_max", INT, "20000", 16, 1000000, "connections",                \
      "Open connections; further ones are turned away with 503.")                                  \
    X(proxies, "proxies", LIST, "", 0, 64, "addresses, ranges as 10.0.0.0/8, or unix",             \
      "Proxies that are believed in what they say of their clients (docs/operations.md, "          \
      "Proxies); unix is whoever comes by a unix socket. List no address that others can "         \
      "send from.")                                                                                \
    X(proxies_header, "proxies.header", CHOICE, "none", 0, 0, "none|x-forwarded-for|forwarded",    \
      "The field in which proxies name the client. Its right-most address that is no proxy "       \
      "counts, for throttling and for the log.")                                                   \
    X(proxies_protocol, "proxies.protocol", BOOL, "false", 0, 1, "",                               \
      "Proxies begin each connection with the PROXY protocol (version 1 or 2); one that "          \
      "does not is closed. Others, and admin_listen, speak plainly.")                              \
    X(proxies_client_cert, "proxies.client_cert", BOOL, "false", 0, 1, "",                         \
      "Proxies name the certificate of the client in Client-Cert (RFC 9440).")                     \
    X(penalties, "penalties", BOOL, "true", 0, 1, "",                                              \
      "Refuse sources (an IPv4 address, the /64 of an IPv6 one) from which too many "              \
      "requests fail, with 429 and Retry-After; listed proxies are none.")                         \
    X(penalties_threshold, "penalties.threshold", INT, "100", 1, 1000000, "failures",              \
      "How many failures in penalties.window are too many: wrong credentials, unknown "            \
      "tokens, malformed or slow messages. Beyond three times that connections are closed "        \
      "at once.")                                                                                  \
    X(penalties_window_s, "penalties.window", INT, "60", 1, 3600, "seconds",                       \
      "How long it takes until so many failures are forgotten.")                                   \
    X(penalties_exempt, "penalties.exempt", LIST, "127.0.0.1,::1", 0, 64, "addresses or ranges",   \
      "Sources that are never penalised and may have any number of connections.")                  \
    X(connections_per_source, "connections_per_source", INT, "0", 0, 1000000, "connections",       \
      "Open connections of one source; further ones are closed at once. 0: a quarter of "          \
      "connections_max.")                                                                          \
    X(memory_max, "memory.max", INT, "0", 0, 1048576, "MiB",                                       \
      "How much memory the network process may fill before it refuses connections and "            \
      "closes slow and idle ones. 0: 512, or seven eighths of what its control group may "         \
      "have if that is less.")                                                                     \
    X(client_cache, "client_cache", INT, "4096", 16, 1000000, "clients",                           \
      "Clients that each thread keeps in memory.")                                                 \
    X(commit_batch, "commit_batch", INT, "512", 1, 10000, "requests",                              \
      "Most requests made durable by one commit.")                                                 \
    X(pool_threads, "pool.threads", INT, "1", 1, 64, "threads", "Threads for slow hashes.")        \
    X(pool_queue, "pool.queue", INT, "64", 1, 10000, "requests",                                   \
      "Requests that may wait for the pool; further ones get 503.")                                \
    X(drain_s, "drain", INT, "30", 0, 3600, "seconds",                                             \
      "How long a stop waits for requests that were accepted.")                                    \
    X(drain_delay_s, "drain.delay", INT, "0", 0, 300, "seconds",                                   \
      "How long a stopping server goes on as before while /readyz says 503, so that a load "       \
      "balancer looks elsewhere first.")                                                           \
    X(access_token_alg, "access_token.alg", CHOICE, "ES256", 0, 0, "ES256|RS256|PS256|EdDSA",      \
      "What signs JWT access tokens; a key of that algorithm must be active (`postern key`).")     \
    X(jwks_max_age_s, "jwks.max_age", INT, "3600", 0, 86400, "seconds",                            \
      "How long clients may keep the JWKS. A new key waits as long before it signs, so "           \
      "lower this only while `postern key list` shows no published key.")                          \
    X(keys_rotation_age_s, "keys.rotation_age", INT, "90d", 0, 315360000, "seconds",               \
      "How long a signing key signs before the server replaces it (`postern key list` "            \
      "says when). At least 1d; 0: never.")                                                        \
    X(refresh_grace_s, "refresh.grace", INT, "10", 0, 300, "seconds",                              \
      "How long a rotated refresh token gets the same answer again.")                              \
    X(code_ttl_s, "code.ttl", INT, "60", 5, 300, "seconds",                                        \
      "How long an authorization code may be redeemed.")                                           \
    X(par_ttl_s, "par.ttl", INT, "90", 5, 600, "seconds",                                          \
      "How long a pushed authorization request waits for its browser.")                            \
    X(par_required, "par.required", BOOL, "false", 0, 1, "",                                       \
      "Refuse authorization requests that were not pushed, whatever the client says.")             \
    X(flow_ttl_s, "flow.ttl", INT, "1h", 60, 86400, "seconds",                                     \
      "How long a sign-in page may stand open; an older one begins again by itself.")              \
    X(session_idle_s, "session.idle", INT, "1h", 60, 31536000, "seconds",                          \
      "A session ends when it was not used for so long.")                                          \
    X(session_max_s, "session.max", INT, "24h", 60, 31536000, "seconds",                           \
      "A session ends so long after its sign-in, used or not.")                                    \
    X(device_ttl_s, "device.ttl", INT, "10m", 60, 3600, "seconds",                                 \
      "How long a device code waits for its person.")                                              \
    X(device_interval_s, "device.interval", INT, "5", 1, 60, "seconds",                            \
      "How often a device may ask at first.")                                                      \
    X(password_min, "password.min", INT, "15", 8, 128, "characters",                               \
      "Fewest characters of a new password (NIST SP 800-63B-4: 15 when nothing else is asked).")   \
    X(password_common, "password.common", TEXT, "/usr/share/john/password.lst", 0, 4096, "file",   \
      "Common passwords, one a line, that nobody may choose. The default is of Debian's package "  \
      "john-data; empty: no list.")                                                                \
    X(login_url, "login.url", TEXT, "", 0, 1024, "URL",                                            \
      "A page of your own that signs people in instead of the built-in ones (docs/headless.md); "  \
      "the browser is sent there with ?flow=HANDLE.")                                              \
    X(ui_name, "ui.name", TEXT, "", 0, 64, "text",                                                 \
      "What the pages call this service. Default: the issuer's host.")                             \
    X(ui_theme, "ui.theme", TEXT, "", 0, 4096, "directory",                                        \
      "Files here replace the built-in templates, messages, style and logo (docs/pages.md).")      \
    X(node, "node", TEXT, "", 0, 64, "letters, digits, . _ -",                                     \
      "By what name this server's audit rows are chained (docs/audit.md). Default: `server` on "   \
      "SQLite, the host's name on PostgreSQL. Keep it over restarts.")                             \
    X(audit_rate, "audit.rate", INT, "10", 1, 1000, "rows a second",                               \
      "Most audit rows of one kind that refused requests may write in the long run; the rest is "  \
      "told in one row.")                                                                          \
    X(audit_checkpoint_s, "audit.checkpoint", INT, "10m", 1, 86400, "seconds",                     \
      "How long audit rows wait for a signed checkpoint at most.")                                 \
    X(audit_keep_s, "audit.keep", INT, "0", 0, 3153600000, "seconds",                              \
      "How long audit rows are kept; at least 1d. 0: for ever, or until `postern audit prune`.")   \
    X(dialect_rfc, "dialect.standard", BOOL, "true", 0, 1, "", "Serve /oauth2/...")                \
    X(dialect_twine, "dialect.twine", BOOL, "true", 0, 1, "", "Serve /pub/...")                    \
    X(dialect_twilio, "dialect.twilio", BOOL, "true", 0, 1, "", "Serve /v1/... and /v2/...")       \
    X(twilio_cors_origins, "twilio.cors_origins", LIST, "*", 0, 64, "origins",                     \
      "Origins whose pages may call /v1 and /v2, as https://app.example.com; * is every one.")     \
    X(twine_token_shape, "twine.token_shape", CHOICE, "handle", 0, 0, "handle|uuid",               \
      "What Twine's access and refresh tokens look like: 48 characters, or a 36 character UUID "   \
      "for integrators whose columns hold no more (122 random bits instead of 160).")              \
    X(twine_refresh_secret, "twine.refresh_needs_secret", BOOL, "false", 0, 1, "",                 \
      "Demand client_secret on refresh; the Twine API verifies it only if it is sent.")            \
    X(allow_weak_secrets, "allow_weak_secrets", BOOL, "false", 0, 1, "",                           \
      "Accept imported client secrets of fewer than 32 characters; they cost an argon2id hash.")   \
    X(bench_routes, "bench_routes", BOOL, "false", 0, 1, "",                                       \
      "Serve /bench/...; refused with a public issuer.")                                           \
    X(fault_latency_ms, "fault.latency_ms", INT, "0", 0, 60000, "milliseconds",                    \
      "For tests of clients: how late the chosen answers are.")                                    \
    X(fault_status, "fault.status", CHOICE, "none", 0, 0, "none|429|500|503",                      \
      "For tests of clients: refuse the chosen requests; 429 and 503 say Retry-After: 1.")         \
    X(fault_share, "fault.share", INT, "100", 0, 100, "percent",                                   \
      "How many of the requests to fault.routes are chosen, by chance.")                           \
    X(fault_routes, "fault.routes", LIST, "", 0, 64, "route names",                                \
      "Whose requests are chosen (postern list routes); default: all but health, keys and "        \
      "metadata.")                                                                                 \
    X(fault_token_ttl_s, "fault.token_ttl", INT, "0", 0, 2592000, "seconds",                       \
      "For tests of clients: no access token lives longer than this; 0: as long as its client "    \
      "may.")                                                                                      \
    X(fault_really, "fault.really", BOOL, "false", 0, 1, "",                                       \
      "Take the settings fault.* even with a public issuer.")                                      \
    X(log_level, "log.level", CHOICE, "info", 0, 0, "debug|info|warn|error",                       \
      "Least level logged.")                                                                       \
    X(log_format, "log.format", CHOICE, "json", 0, 0, "json|text",                                 \
      "One JSON object a line for machines, or aligned text for people. The log goes to stderr.")  \
    X(log_requests, "log.requests", BOOL, "true", 0, 1, "", "One line per request.")               \
    X(metrics, "metrics", BOOL, "true", 0, 1, "",                                                  \
      "Serve /metrics, on the administrator's listener when there is one.")

/* Which of them a running server takes up on SIGHUP (settings_reload); the others need a restart.
 * Numbers, flags and choices only, and what reads them does so by setting_live(). */
#define SETTING_RELOAD_OF(X) X(log_level) X(log_requests)

enum setting_id {
#define X(member, ...) SETTING_##member,
    SETTING_LIST_OF(X)
#undef X
        SETTING_COUNT
};

/* No value is longer, so that the arena of the settings holds what every source may say. */
enum { SETTINGS_VALUE_MAX = 32768 };

/* The value of one setting: text always; number for INT, BOOL (0, 1) and CHOICE (its index). */
struct setting_value {
    str text;
    str *list; /* SETTING_LIST */
    size_t list_n;
    int64_t number;
    const char *source; /* "default", "file", "environment", "command line" */
};

struct settings {
    struct arena arena;
    struct setting_value v[SETTING_COUNT];
};

/* settings->v[SETTING_issuer].text and so on, shorter: */
#define setting_text(s, member) ((s)->v[SETTING_##member].text)
#define setting_int(s, member)  ((s)->v[SETTING_##member].number)

/* The same of a setting that a reload may change while threads read it. */
#define setting_live(s, member) __atomic_load_n(&(s)->v[SETTING_##member].number, __ATOMIC_RELAXED)

struct setting_info {
    const char *name;
    enum setting_type type;
    const char *fallback;
    int64_t min, max;
    const char *takes, *help;
};
extern const struct setting_info setting_infos[SETTING_COUNT];

/* Built-in defaults. */
void settings_init(struct settings *s);
/* A YAML file, nested ("tls:\n  key: x") or dotted ("tls.key: x"). */
enum err settings_file(struct settings *s, const char *path, char *why, size_t why_size);
/* POSTERN_TLS_KEY and so on; an unknown POSTERN_* is an error too. */
enum err settings_environment(struct settings *s, char **environ, char *why, size_t why_size);
/* One value by its dotted name, e.g. from the command line; lists are split at ",". */
enum err settings_set(struct settings *s, str name, str value, const char *source, char *why,
                      size_t why_size);
/* What the type of a setting does not show of one value: addresses, URLs, host names. */
enum err settings_check_value(enum setting_id id, const struct setting_value *v, char *why,
                              size_t why_size);
/* What no single value shows: TLS needs both files, http issuers are loopback, ... Also fills in
 * what defaults derive from others (issuer, master_key). */
enum err settings_check(struct settings *s, char *why, size_t why_size);
/* Only what names the store: db and master_key. For commands that serve nothing, so that they work
 * where the server's listeners and certificates are another user's business. */
enum err settings_check_store(struct settings *s, char *why, size_t why_size);
/* True for the settings of SETTING_RELOAD_OF. */
bool settings_reload_can(enum setting_id id);
/* Takes from `fresh` what a running server can change, and appends the names of what was taken to
 * `taken`, and of what else differs and needs a restart to `waits`, each with a space between. */
void settings_reload(struct settings *live, const struct settings *fresh, struct buf *taken,
                     struct buf *waits);
/* How a setting is spelt in the environment ("POSTERN_TLS_KEY"), and what it takes in words. */
void settings_reference_variable(struct buf *out, const char *name);
void settings_reference_takes(struct buf *out, const struct setting_info *info);
/* Secrets are not settings, so all of it may be shown: YAML with sources as comments. */
void settings_write(const struct settings *s, struct buf *out);
/* The commented reference of all settings, for `postern config --reference` and the docs. */
void settings_reference(struct buf *out, bool markdown);

#endif
