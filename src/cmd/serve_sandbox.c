/* serve_sandbox: settings -> which files a process needs -> sandbox_enter().
 *
 * The network process has the store's three files by themselves, not their directory, since the
 * master key lies beside them by default; SQLite may make and remove files there. What an operator
 * may replace while the server runs (certificate, settings, theme) is allowed with its directory,
 * for a new file is not the one that the rule was made for. The supervisor has whatever one of its
 * children needs, since they inherit its sandbox.
 *
 * Left out on purpose: files of libpq that are named in a service file, and libraries that the C
 * library or Kerberos would load late; they are refused and what wants them says so.
 */
#include "cmd/serve_sandbox.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/open.h"
#include "codec/form.h"
#include "crypto/library.h"
#include "db/db.h"

enum { WHY = 1024 };

/* One of the lists of a sandbox as it is filled. */
struct paths {
    struct cmd *c;
    const char **to;
    size_t n;
};

static void add(struct paths *p, const char *path)
{
    if (p->n + 1 < SANDBOX_PATHS && path && *path)
        p->to[p->n++] = path;
}

static void add_directory_of(struct paths *p, const char *file)
{
    char *copy = arena_cstr(&p->c->arena, str_from(file));
    add(p, dirname(copy));
}

/* The directory that names a file, and the one where it really is: a certificate is often a link
 * that is set anew at each renewal. */
static void add_replaceable(struct paths *p, const char *file)
{
    char whole[PATH_MAX];
    if (!file || !*file)
        return;
    add_directory_of(p, file);
    if (realpath(file, whole))
        add_directory_of(p, whole);
}

static const char *text_of(struct cmd *c, enum setting_id id)
{
    return arena_cstr(&c->arena, c->settings.v[id].text);
}

/* Files that a connection to PostgreSQL may read: of its URL, of the environment, of the home
 * directory; certificates of authorities, Kerberos and the resolver under /etc. */
static void add_connection(struct paths *p)
{
    static const char *const names[][2] = {
        {"sslrootcert", "PGSSLROOTCERT"}, {"sslcert", "PGSSLCERT"},
        {"sslkey", "PGSSLKEY"},           {"sslcrl", "PGSSLCRL"},
        {"sslcrldir", "PGSSLCRLDIR"},     {"passfile", "PGPASSFILE"},
        {"servicefile", "PGSERVICEFILE"}, {"sysconfdir", "PGSYSCONFDIR"},
    };
    static const char *const system[] = {
        "/etc",         "/usr/share/ca-certificates",   "/usr/local/share/ca-certificates",
        "/usr/lib/ssl", "/usr/share/postgresql-common",
    };
    static const char *const home_files[] = {".postgresql", ".pgpass", ".pg_service.conf"};
    struct form form = {0};
    str url = setting_text(&p->c->settings, db), head, query;
    const char *home = getenv("HOME");
    if (str_cut(url, '?', &head, &query))
        form_parse(&p->c->arena, query, &form);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        str in_url = form_get(&form, str_from(names[i][0]));
        add_replaceable(p, in_url.n ? arena_cstr(&p->c->arena, in_url) : getenv(names[i][1]));
    }
    for (size_t i = 0; i < sizeof system / sizeof *system; i++)
        add(p, system[i]);
    for (size_t i = 0; home && *home && i < sizeof home_files / sizeof *home_files; i++) {
        str file = arena_printf(&p->c->arena, "%s/%s", home, home_files[i]);
        add(p, arena_cstr(&p->c->arena, file));
    }
}

static void add_resolver(struct paths *p)
{
    add(p, "/etc");
    add_replaceable(p, "/etc/resolv.conf");
}

/* What is read again at SIGHUP, and when a page or a metric wants it. */
static void add_settings(struct paths *p)
{
    static const enum setting_id files[] = {SETTING_tls_certificate, SETTING_tls_key,
                                            SETTING_password_common};
    add_replaceable(p, open_config_file(p->c));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        add_replaceable(p, text_of(p->c, files[i]));
    add(p, text_of(p->c, SETTING_ui_theme));
    add(p, "/dev/null");
    add(p, "/dev/urandom");
    add(p, "/sys/devices/system/cpu");
}

/* Unix sockets are taken away at the end. */
static void add_sockets(struct paths *p)
{
    static const enum setting_id lists[] = {SETTING_listen, SETTING_admin_listen,
                                            SETTING_tls_listen};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        const struct setting_value *v = &p->c->settings.v[lists[k]];
        for (size_t i = 0; i < v->list_n; i++)
            if (str_starts(v->list[i], STR("unix:")))
                add_directory_of(p, arena_cstr(&p->c->arena, str_sub(v->list[i], 5, v->list[i].n)));
    }
}

static void add_store_files(struct paths *p, const char *db)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        str file = arena_printf(&p->c->arena, "%s%s", db, ends[i]);
        add(p, arena_cstr(&p->c->arena, file));
    }
}

static void fill_network(struct cmd *c, bool one, struct sandbox *s)
{
    struct paths read = {c, s->read, 0}, write = {c, s->write, 0}, make = {c, s->make, 0};
    const char *db = arena_cstr(&c->arena, open_db_path(c));
    add_settings(&read);
    add(&read, "/proc/self");
    if (s->connects) {
        add_connection(&read);
    } else {
        add_store_files(&write, db);
        add_directory_of(&make, db);
    }
    if (one) {
        add_sockets(&make);
        add_replaceable(&read, text_of(c, SETTING_master_key));
    } else {
        s->hidden = text_of(c, SETTING_master_key);
    }
    if (s->resolves)
        add_resolver(&read);
}

/* All of theirs. */
static void fill_supervisor(struct cmd *c, struct sandbox *s)
{
    struct paths read = {c, s->read, 0}, write = {c, s->write, 0}, make = {c, s->make, 0};
    add_settings(&read);
    add_replaceable(&read, text_of(c, SETTING_master_key));
    add(&read, "/proc");
    add_sockets(&make);
    if (s->connects) {
        add_connection(&read);
        add_resolver(&read);
    } else {
        add_directory_of(&write, arena_cstr(&c->arena, open_db_path(c)));
    }
}

static void fill(struct cmd *c, enum sandbox_role role, bool one, struct sandbox *s)
{
    *s = (struct sandbox){.role = role,
                          .mode = (enum sandbox_mode)setting_int(&c->settings, sandbox),
                          .connects = open_is_shared(c)};
    s->resolves = one && s->connects;
    s->notifies = one && getenv("NOTIFY_SOCKET");
    switch (role) {
    case SANDBOX_SUPERVISOR:
        fill_supervisor(c, s);
        break;
    case SANDBOX_OUTBOUND:
        add_resolver(&(struct paths){c, s->read, 0});
        s->hidden = text_of(c, SETTING_master_key);
        break;
    case SANDBOX_NETWORK:
        fill_network(c, one, s);
        break;
    case SANDBOX_SIGNER:
    case SANDBOX_ROLES:
        break;
    }
}

int serve_sandbox_begin(struct cmd *c)
{
    char why[WHY];
    const char *user = text_of(c, SETTING_user);
    library_ready();
    if (sandbox_begin(user, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    return CMD_DONE;
}

/* Once for all processes. */
static void tell(enum sandbox_role role, bool one, enum sandbox_mode mode, const char *lacking,
                 str kernel)
{
    if (role != SANDBOX_SUPERVISOR && !one)
        return;
    if (geteuid() == 0)
        log_note(LOG_WARN, "sandbox",
                 "the server runs as root: set `user`, or start it as an ordinary user");
    if (mode == SANDBOX_OFF)
        log_note(LOG_WARN, "sandbox", "the setting `sandbox` is off: for debugging only");
    else if (*lacking)
        log_note(LOG_WARN, "sandbox", "%s", lacking);
    else
        log_note(LOG_INFO, "sandbox", "in force: %.*s", STR_ARG(kernel));
}

int serve_sandbox_enter(struct cmd *c, enum sandbox_role role, bool one)
{
    struct sandbox s;
    char why[WHY], storage[64];
    fill(c, role, one, &s);
    /* Asked for while it is still allowed. */
    str kernel = sandbox_describe(storage, sizeof storage);
    if (sandbox_enter(&s, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    tell(role, one, s.mode, why, kernel);
    return CMD_DONE;
}
