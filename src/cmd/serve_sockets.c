/* serve_sockets: LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES become the settings that name listeners.
 *
 * A socket that the service manager holds outlives the server, so connections wait in its queue
 * while one version goes and the next comes. A kind of listener of which no socket was passed
 * keeps its setting: with only a TLS socket passed, `listen` is opened as ever.
 *
 * Behind a socket on a loopback address the issuer defaults to that address, as it does for
 * `listen`; any other needs `issuer`.
 */
#include "cmd/serve_sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/listen.h"

enum { FIRST = 3, MOST = 24, SPELLINGS = 256 };

static const char source[] = "service manager";

/* How many sockets were passed to this very process, or to the one that it was forked from. */
static int64_t passed(void)
{
    static pid_t first;
    first = first ? first : getpid();
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    int64_t whose, n;
    if (!pid || !fds || !str_i64(str_from(pid), 1, INT32_MAX, &whose) || whose != first ||
        !str_i64(str_from(fds), 1, MOST, &n))
        return 0;
    return n;
}

/* The settings may say themselves what each descriptor is for. */
static bool named_by_settings(const struct settings *s)
{
    static const enum setting_id ids[] = {SETTING_listen, SETTING_tls_listen, SETTING_admin_listen};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        for (size_t k = 0; k < s->v[ids[i]].list_n; k++)
            if (str_starts(s->v[ids[i]].list[k], STR("fd:")))
                return true;
    }
    return false;
}

/* http://127.0.0.1:8080 for a socket that only this machine reaches. */
static bool loopback_url(int fd, char *out, size_t size)
{
    char address[LISTEN_ADDRESS];
    if (!listen_name(fd, address) ||
        (strncmp(address, "127.0.0.1:", 10) != 0 && strncmp(address, "[::1]:", 6) != 0))
        return false;
    snprintf(out, size, "http://%s", address);
    return true;
}

static enum err replace(struct settings *s, const char *name, struct buf *fds, char *why,
                        size_t why_size)
{
    return fds->n ? settings_set(s, str_from(name), buf_str(fds), source, why, why_size) : OK;
}

static void add(struct buf *fds, int64_t fd)
{
    buf_printf(fds, "%sfd:%d", fds->n ? "," : "", (int)fd);
}

enum err serve_sockets(struct settings *s, char *why, size_t why_size)
{
    char spellings[3][SPELLINGS], url[LISTEN_ADDRESS + 8];
    struct buf plain, tls, admin;
    const char *given = getenv("LISTEN_FDNAMES");
    str names = str_from(given ? given : ""), name;
    int64_t n = passed();
    int first = -1;
    if (n == 0 || named_by_settings(s))
        return OK;
    buf_fixed(&plain, spellings[0], SPELLINGS);
    buf_fixed(&tls, spellings[1], SPELLINGS);
    buf_fixed(&admin, spellings[2], SPELLINGS);
    for (int64_t fd = FIRST; fd < FIRST + n; fd++) {
        bool has = str_next(&names, ':', &name);
        if (has && str_eq(name, STR("tls"))) {
            add(&tls, fd);
        } else if (has && str_eq(name, STR("admin"))) {
            add(&admin, fd);
        } else {
            first = first < 0 ? (int)fd : first;
            add(&plain, fd);
        }
    }
    enum err e;
    if ((e = replace(s, "listen", &plain, why, why_size)) ||
        (e = replace(s, "tls.listen", &tls, why, why_size)) ||
        (e = replace(s, "admin_listen", &admin, why, why_size)))
        return e;
    if (setting_text(s, issuer).n == 0 && s->v[SETTING_tls_listen].list_n == 0 && first >= 0 &&
        loopback_url(first, url, sizeof url))
        return settings_set(s, STR("issuer"), str_from(url), source, why, why_size);
    return OK;
}
