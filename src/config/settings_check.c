/* settings_check: what types do not show of a value, what no single value shows, and defaults that
 * derive from other settings.
 *
 * settings_check_value() runs whenever a value is set, so that its source is named; the rest once,
 * after every source has been read. Each refusal names the settings involved and
 * what to write instead. Files are looked at only where starting with them would be unsafe or
 * bound to fail: the TLS pair. The master key file is judged where it is read (crypto/seal).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/address.h"
#include "codec/url.h"
#include "config/settings.h"

enum { DAY_S = 86400 };

static bool loopback_host(str host)
{
    return str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("[::1]")) ||
           str_eq(host, STR("localhost"));
}

/* Splits "host:port"; host keeps the brackets of an IPv6 literal. */
static bool split_address(str address, str *host, int64_t *port)
{
    size_t colon = address.n;
    while (colon > 0 && address.p[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    *host = str_sub(address, 0, colon - 1);
    return str_i64(str_sub(address, colon, address.n), 0, 65535, port);
}

static enum err check_address(str address, const char *setting, char *why, size_t why_size)
{
    str host;
    int64_t number;
    if (str_starts(address, STR("unix:")) && address.n > 5 && address.n < 5 + 108)
        return OK;
    if (str_starts(address, STR("fd:")) &&
        str_i64(str_sub(address, 3, address.n), 3, 65535, &number))
        return OK;
    if (!str_starts(address, STR("unix:")) && !str_starts(address, STR("fd:")) &&
        split_address(address, &host, &number)) {
        bool bare_v6 = str_find(host, ':', 0) < host.n && (host.n == 0 || host.p[0] != '[');
        if (!bare_v6)
            return OK;
    }
    snprintf(why, why_size,
             "`%s` takes 127.0.0.1:8080, [::1]:8080, :8080, unix:/run/postern.sock or fd:3, "
             "not `%.*s`",
             setting, STR_ARG(address));
    return ERR_INVALID_REQUEST;
}

/* http:// and the first listen address, if that is loopback or any address of this machine. */
static enum err default_issuer(struct settings *s, char *why, size_t why_size)
{
    struct setting_value *issuer = &s->v[SETTING_issuer];
    str first = s->v[SETTING_listen].list[0], host;
    int64_t port;
    bool any = false;
    if (s->v[SETTING_tls_listen].list_n == 0 && split_address(first, &host, &port) && port > 0 &&
        !str_starts(first, STR("unix:")) && !str_starts(first, STR("fd:"))) {
        any = host.n == 0 || str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("[::]"));
        if (any || loopback_host(host)) {
            host = any ? STR("localhost") : host;
            issuer->text =
                port == 80 ? arena_printf(&s->arena, "http://%.*s", STR_ARG(host))
                           : arena_printf(&s->arena, "http://%.*s:%d", STR_ARG(host), (int)port);
            return OK;
        }
    }
    snprintf(why, why_size,
             "`issuer` must be set: with this `listen` the server cannot tell under which URL its "
             "users reach it (for example --issuer https://auth.example.com)");
    return ERR_INVALID_REQUEST;
}

static enum err check_issuer(str issuer, char *why, size_t why_size)
{
    struct url url;
    /* RFC 8414 2: https, no query, no fragment. A path is allowed there, but every route of ours is
     * at the root, so the endpoints below one would not exist. */
    if (url_parse(issuer, &url) || url.has_query || url.has_fragment || url.has_userinfo ||
        url.host.n == 0 || url.path.n > 0) {
        snprintf(why, why_size,
                 "`issuer` takes https://HOST or https://HOST:PORT without path, query or "
                 "fragment, not `%.*s`; give the server a host name of its own",
                 STR_ARG(issuer));
        return ERR_INVALID_REQUEST;
    }
    if (!str_eq_nocase(url.scheme, STR("https")) && !url_is_loopback(&url)) {
        snprintf(why, why_size,
                 "`issuer` may be http only on this machine (127.0.0.1, [::1], localhost); "
                 "write https instead of `%.*s`",
                 STR_ARG(issuer));
        return ERR_INVALID_REQUEST;
    }
    return OK;
}

static bool is_shared(str db)
{
    return str_starts(db, STR("postgresql://")) || str_starts(db, STR("postgres://"));
}

/* The rest of a shared store's URL is judged where it is opened. A value that is refused is not
 * repeated, since it may hold a password. */
static enum err check_db(str db, char *why, size_t why_size)
{
    if (is_shared(db) ||
        (str_starts(db, STR("sqlite:")) && db.n > 7 && !str_eq(db, STR("sqlite::memory:"))))
        return OK;
    str scheme = str_sub(db, 0, str_find(db, ':', 0));
    bool cut = scheme.n < db.n && !str_eq(scheme, STR("sqlite"));
    snprintf(why, why_size, "`db` takes sqlite:PATH or postgresql://USER@HOST/NAME, not `%.*s%s`",
             STR_ARG(cut ? scheme : db), cut ? ":..." : "");
    return ERR_INVALID_REQUEST;
}

/* A host name, an IPv4 address or an [IPv6] one, as the Host of a request has it. Patterns would
 * never match, and a port is not compared. */
static enum err check_host(str host, char *why, size_t why_size)
{
    bool v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    str inner = v6 ? str_sub(host, 1, host.n - 1) : host;
    bool good = inner.n > 0 && inner.n <= 255;
    for (size_t i = 0; i < inner.n; i++) {
        char c = inner.p[i], lower = (char)(c | 32);
        bool hex = (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
        bool name = (lower >= 'a' && lower <= 'z') || c == '-' || c == '_';
        good = good && (hex || c == '.' || (v6 ? c == ':' : name));
    }
    if (good)
        return OK;
    host.n = host.n > 64 ? 64 : host.n;
    snprintf(why, why_size,
             "`hosts` takes host names without port or pattern (auth.example.com, 192.0.2.1, "
             "[2001:db8::1]), not `%.*s`",
             STR_ARG(host));
    return ERR_INVALID_REQUEST;
}

static enum err check_range(str range, enum setting_id id, char *why, size_t why_size)
{
    struct address_range r;
    if (address_range_parse(range, &r) || (id == SETTING_proxies && str_eq(range, STR("unix"))))
        return OK;
    range.n = range.n > 64 ? 64 : range.n;
    snprintf(why, why_size,
             "`%s` takes addresses and ranges without bits behind the prefix (192.0.2.1, "
             "10.0.0.0/8, 2001:db8::/32)%s, not `%.*s`",
             setting_infos[id].name, id == SETTING_proxies ? ", or unix" : "", STR_ARG(range));
    return ERR_INVALID_REQUEST;
}

/* It stands in rows, files and claims as it is; `cli` is that of the subcommands. */
static enum err check_node(str name, char *why, size_t why_size)
{
    bool fits = !str_eq(name, STR("cli"));
    for (size_t i = 0; i < name.n && fits; i++) {
        char c = name.p[i];
        fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    }
    if (fits)
        return OK;
    snprintf(why, why_size, "`node` takes letters, digits, `.`, `_` and `-`, but not `cli`");
    return ERR_INVALID_REQUEST;
}

enum err settings_check_value(enum setting_id id, const struct setting_value *v, char *why,
                              size_t why_size)
{
    enum err e = OK;
    if (id == SETTING_db)
        return check_db(v->text, why, why_size);
    if (id == SETTING_issuer && v->text.n > 0)
        return check_issuer(v->text, why, why_size);
    if (id == SETTING_node && v->text.n > 0)
        return check_node(v->text, why, why_size);
    if (id == SETTING_audit_keep_s && v->number > 0 && v->number < DAY_S) {
        snprintf(why, why_size, "`audit.keep` is at least 1d, or 0 for ever");
        return ERR_INVALID_REQUEST;
    }
    for (size_t i = 0; i < v->list_n && e == OK; i++)
        if (id == SETTING_hosts)
            e = check_host(v->list[i], why, why_size);
        else if (id == SETTING_proxies || id == SETTING_penalties_exempt)
            e = check_range(v->list[i], id, why, why_size);
        else if (id == SETTING_listen || id == SETTING_admin_listen || id == SETTING_tls_listen)
            e = check_address(v->list[i], setting_infos[id].name, why, why_size);
    return e;
}

static bool issuer_is_loopback(const struct settings *s)
{
    struct url url;
    return url_parse(setting_text(s, issuer), &url) == OK &&
           (url_is_loopback(&url) || loopback_host(url.host));
}

static enum err check_bench(const struct settings *s, char *why, size_t why_size)
{
    if (!setting_int(s, bench_routes) || issuer_is_loopback(s))
        return OK;
    snprintf(why, why_size,
             "`bench_routes` is for measuring on this machine; it is refused with the public "
             "issuer `%.*s`",
             STR_ARG(setting_text(s, issuer)));
    return ERR_INVALID_REQUEST;
}

/* Misbehaviour is for tests, and a left-over line of a settings file shall not reach real users. */
static enum err check_fault(const struct settings *s, char *why, size_t why_size)
{
    static const enum setting_id ids[] = {SETTING_fault_latency_ms, SETTING_fault_status,
                                          SETTING_fault_token_ttl_s};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (s->v[ids[i]].number == 0 || setting_int(s, fault_really) || issuer_is_loopback(s))
            continue;
        snprintf(why, why_size,
                 "`%s` makes the server misbehave, for tests of clients; it is refused with the "
                 "public issuer `%.*s` (`fault.really: true` takes it even so)",
                 setting_infos[ids[i]].name, STR_ARG(setting_text(s, issuer)));
        return ERR_INVALID_REQUEST;
    }
    return OK;
}

static enum err check_key_file(struct settings *s, char *why, size_t why_size)
{
    const char *path = arena_cstr(&s->arena, setting_text(s, tls_key));
    struct stat st;
    if (stat(path, &st) != 0) {
        snprintf(why, why_size, "`tls.key`: cannot read %s: %s", path, strerror(errno));
        return ERR_INVALID_REQUEST;
    }
    /* Group read is how packages hand keys to services (root:ssl-cert 0640). */
    if (st.st_mode & (S_IRWXO | S_IWGRP)) {
        snprintf(why, why_size,
                 "`tls.key`: %s has mode %04o, so others may read or change it; "
                 "run: chmod 600 %s",
                 path, (unsigned)st.st_mode & 07777, path);
        return ERR_FORBIDDEN;
    }
    return OK;
}

static enum err check_tls(struct settings *s, char *why, size_t why_size)
{
    bool certificate = setting_text(s, tls_certificate).n > 0, key = setting_text(s, tls_key).n > 0;
    bool listen = s->v[SETTING_tls_listen].list_n > 0;
    if (certificate != key) {
        snprintf(why, why_size, "`tls.certificate` and `tls.key` go together; `%s` is missing",
                 certificate ? "tls.key" : "tls.certificate");
        return ERR_INVALID_REQUEST;
    }
    if (listen && !certificate) {
        snprintf(why, why_size, "`tls.listen` needs `tls.certificate` and `tls.key`");
        return ERR_INVALID_REQUEST;
    }
    if (certificate && !listen) {
        snprintf(why, why_size,
                 "`tls.certificate` is set, but `tls.listen` is not (for example :8443)");
        return ERR_INVALID_REQUEST;
    }
    return key ? check_key_file(s, why, why_size) : OK;
}

/* $CREDENTIALS_DIRECTORY/master_key, if systemd has put one there. */
static bool credential(struct settings *s, str *path)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (!credentials || !*credentials)
        return false;
    *path = arena_printf(&s->arena, "%s/master_key", credentials);
    return access(arena_cstr(&s->arena, *path), F_OK) == 0;
}

/* A systemd credential if there is one, else the database path with ".key". A shared store has no
 * path, and a place that each node would choose for itself would hide that all need one file. */
static enum err default_master_key(struct settings *s, char *why, size_t why_size)
{
    struct setting_value *v = &s->v[SETTING_master_key];
    str db = setting_text(s, db), path;
    if (v->text.n > 0)
        return OK;
    if (credential(s, &path)) {
        v->text = path;
    } else if (is_shared(db)) {
        snprintf(why, why_size,
                 "`master_key` must be set when the store is PostgreSQL: name the file that holds "
                 "the master key, the same one on every node (for example --master-key "
                 "/etc/postern/master.key); the first node makes it");
        return ERR_INVALID_REQUEST;
    } else {
        v->text = arena_printf(&s->arena, "%.*s.key", STR_ARG(str_sub(db, 7, db.n)));
    }
    return OK;
}

enum err settings_check_store(struct settings *s, char *why, size_t why_size)
{
    return default_master_key(s, why, why_size);
}

/* Each retired key stays in the JWKS for 30 days, so keys of hours would pile up there. */
static enum err check_keys(const struct settings *s, char *why, size_t why_size)
{
    int64_t age_s = setting_int(s, keys_rotation_age_s);
    if (age_s == 0 || age_s >= 86400)
        return OK;
    snprintf(why, why_size, "`keys.rotation_age` takes 1d or more, or 0 for never, not `%.*s`",
             STR_ARG(setting_text(s, keys_rotation_age_s)));
    return ERR_INVALID_REQUEST;
}

enum err settings_check(struct settings *s, char *why, size_t why_size)
{
    enum err e;
    if ((e = settings_check_store(s, why, why_size)) ||
        (setting_text(s, issuer).n == 0 && (e = default_issuer(s, why, why_size))) ||
        (e = check_bench(s, why, why_size)) || (e = check_keys(s, why, why_size)) ||
        (e = check_fault(s, why, why_size)) || (e = check_tls(s, why, why_size)))
        return e;
    if (!setting_int(s, dialect_rfc) && !setting_int(s, dialect_twine) &&
        !setting_int(s, dialect_twilio)) {
        snprintf(why, why_size,
                 "`dialect.standard`, `dialect.twine` and `dialect.twilio` are all off: nothing "
                 "would be served");
        return ERR_INVALID_REQUEST;
    }
    return OK;
}
