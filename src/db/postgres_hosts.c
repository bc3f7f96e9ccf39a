/* postgres_hosts: hosts of a URL, or of PGHOST, looked up by whoever was named for it.
 *
 * A path is a socket of this machine and an address is one already: both stay. A name that has no
 * address is left out as long as another has one, as libpq would go on to the next. Hosts that a
 * service file names are not seen here; libpq then looks them up itself, where it may.
 */
#include "db/postgres_hosts.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/str.h"

#define PORT "5432"

static bool (*resolver)(const char *host, char *out, size_t size);

void postgres_hosts_by(bool (*resolve)(const char *host, char *out, size_t size))
{
    resolver = resolve;
}

bool postgres_hosts_known(void)
{
    return resolver != NULL;
}

struct lists {
    struct buf host, hostaddr, port;
    size_t n;
};

static void add(struct lists *l, str host, str address, str port)
{
    str comma = l->n++ ? STR(",") : STR("");
    buf_put(&l->host, comma);
    buf_put(&l->host, host);
    buf_put(&l->hostaddr, comma);
    buf_put(&l->hostaddr, address);
    buf_put(&l->port, comma);
    buf_put(&l->port, port);
}

static bool is_address(const char *host)
{
    struct in6_addr a;
    return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static void add_host(struct lists *l, str host, str port, char *why, size_t why_size)
{
    char name[256], found[1024];
    str rest, address;
    if (host.n == 0 || *host.p == '/' || *host.p == '@') {
        add(l, host, STR(""), port);
        return;
    }
    snprintf(name, sizeof name, "%.*s", STR_ARG(host));
    if (is_address(name)) {
        add(l, host, host, port);
    } else if (host.n < sizeof name && resolver(name, found, sizeof found)) {
        rest = str_from(found);
        while (str_next(&rest, ',', &address))
            add(l, host, address, port);
    } else {
        snprintf(why, why_size, "could not translate host name \"%s\" to address: %s", name,
                 host.n < sizeof name ? found : "too long");
    }
}

/* One port stands for all. */
static void add_all(struct lists *l, str hosts, str ports, char *why, size_t why_size)
{
    bool one = str_find(ports, ',', 0) == ports.n, more = true;
    str host, port = ports;
    while (more) {
        more = str_cut(hosts, ',', &host, &hosts);
        if (!one)
            str_cut(ports, ',', &port, &ports);
        add_host(l, host, port.n ? port : STR(PORT), why, why_size);
    }
}

/* What the URL says, else the environment. */
static const char *option(const PQconninfoOption *url, const PQconninfoOption *defaults,
                          const char *keyword)
{
    for (const PQconninfoOption *o = url; o && o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0 && o->val && *o->val)
            return o->val;
    for (const PQconninfoOption *o = defaults; o && o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0 && o->val && *o->val)
            return o->val;
    return "";
}

bool postgres_hosts(const char *url, struct postgres_hosts *out, char *why, size_t why_size)
{
    PQconninfoOption *said = PQconninfoParse(url, NULL), *defaults = PQconndefaults();
    str hosts = str_from(option(said, defaults, "host"));
    struct lists l = {0};
    *why = 0;
    buf_fixed(&l.host, out->host, sizeof out->host - 1);
    buf_fixed(&l.hostaddr, out->hostaddr, sizeof out->hostaddr - 1);
    buf_fixed(&l.port, out->port, sizeof out->port - 1);
    bool takes = said && hosts.n > 0 && *option(said, defaults, "hostaddr") == 0;
    if (takes)
        add_all(&l, hosts, str_from(option(said, defaults, "port")), why, why_size);
    PQconninfoFree(said);
    PQconninfoFree(defaults);
    if (l.n > 0)
        *why = 0;
    if (l.host.overflow || l.hostaddr.overflow || l.port.overflow) {
        snprintf(why, why_size, "the hosts of the database have too many addresses");
        l.n = 0;
    }
    out->host[l.host.n] = out->hostaddr[l.hostaddr.n] = out->port[l.port.n] = 0;
    return l.n > 0;
}
