/* postgres_open: one connection to PostgreSQL, made and set up; and why it could not be.
 *
 * libpq reads the URL, the PG* variables of the environment, the service and password files and the
 * TLS settings; what none of them says has our own default here. A session is READ COMMITTED, on a
 * server that takes writes (reads must see what was acknowledged), and bounds on the server too how
 * long its statements wait, so that what we have given up does not go on there.
 *
 * libpq has no code for why a connection failed, only texts; the sentences below go by those.
 * None of the texts contains a password.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/postgres.h"
#include "db/postgres_hosts.h"

#define SETUP_MS 5000 /* for the few settings of a session */

struct fallback {
    const char *keyword, *value;
    const char *variable; /* of the environment, that comes before ours */
};

/* Silence of a dead peer is noticed after about 15 s, if no deadline notices it before. */
static const struct fallback fallbacks[] = {
    {"target_session_attrs", "read-write", "PGTARGETSESSIONATTRS"},
    {"client_encoding", "UTF8", NULL},
    {"fallback_application_name", "postern", NULL},
    {"keepalives_idle", "6", NULL},
    {"keepalives_interval", "3", NULL},
    {"keepalives_count", "3", NULL},
    {"tcp_user_timeout", "15000", NULL},
};

enum { FALLBACKS = sizeof fallbacks / sizeof *fallbacks };

struct reason {
    const char *needle; /* in libpq's message */
    const char *remedy; /* one that ends in a space goes on with the name of the database */
};

/* Of several hosts, one that answered says more than one that did not. */
static const struct reason reasons[] = {
    {"password authentication failed",
     "correct the password (in the URL, PGPASSWORD or ~/.pgpass)"},
    {"no password supplied", "give the password (in the URL, PGPASSWORD or ~/.pgpass)"},
    {"authentication failed", "let the role in by pg_hba.conf, or name another one in the URL"},
    {"no pg_hba.conf entry", "let this host in by pg_hba.conf; perhaps only with sslmode=require"},
    {"certificate", "correct sslrootcert, sslcert, sslkey or sslmode, or the server's certificate"},
    {"SSL", "the server and sslmode do not agree: correct sslmode, or switch TLS on there"},
    {"database \"", "correct the name in the URL, or create it: createdb "},
    {"role \"", "create it with 'createuser', or correct the role in the URL"},
    {"permission denied", "grant the role CONNECT on the database"},
    {"too many clients", "raise max_connections there, or lower db.readers here"},
    {"remaining connection slots", "raise max_connections there, or lower db.readers here"},
    {"session is read-only", "name the server that takes writes, or all of them: HOST1,HOST2"},
    {"server is in hot standby", "name the server that takes writes, or all of them: HOST1,HOST2"},
    {"starting up", "wait until it has started"},
    {"shutting down", "start it again"},
    {"Connection refused", "nothing answers there: start PostgreSQL, or correct host and port"},
    {"No such file or directory",
     "nothing answers there: start PostgreSQL, or correct host and port"},
    {"could not translate host name", "correct the host's name, or see to the name service"},
    {"timeout expired", "the host does not answer: see to the network, or correct the host"},
    {"timed out", "the host does not answer: see to the network, or correct the host"},
};

static const char *remedy_of(const char *message)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strstr(message, reasons[i].needle))
            return reasons[i].remedy;
    return "correct the URL, or see to the server";
}

/* libpq's message on one line. */
static void flatten(const char *message, char *out, size_t size)
{
    size_t n = 0;

    for (const char *p = message; *p && n + 1 < size; p++)
        if ((unsigned char)*p >= ' ')
            out[n++] = *p;
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = 0;
}

static void explain_as(const char *said, const char *name, char *why, size_t why_size)
{
    char message[POSTGRES_WHY / 2];
    const char *remedy;

    flatten(said, message, sizeof message);
    remedy = remedy_of(said); /* before it was cut */
    snprintf(why, why_size, "cannot open the database %s: %s%s (%s)", name, remedy,
             str_ends(str_from(remedy), STR(" ")) ? name : "", message);
}

static void explain(PGconn *c, char *why, size_t why_size)
{
    explain_as(PQerrorMessage(c), PQdb(c) ? PQdb(c) : "", why, why_size);
}

/* A URL that libpq cannot read, or reads in another way than it was meant: a @ behind the first /
 * or ? ends a badly escaped password, pieces of which would pass for host, port or name. Of libpq's
 * messages only those about a parameter quote nothing of a password. */
static bool readable(const char *url, char *why, size_t why_size)
{
    static const char help[] = "write postgresql://USER@HOST:PORT/NAME, with %XX for characters "
                               "that have a meaning in URLs";
    char *message = NULL, flat[160];
    const char *host = strchr(url, '/') + 2; /* behind "postgresql://" */
    PQconninfoOption *options = PQconninfoParse(url, &message);
    bool ok = options && !strchr(host + strcspn(host, "/?"), '@');

    if (!ok && message && str_starts(str_from(message), STR("invalid URI query parameter"))) {
        flatten(message, flat, sizeof flat);
        snprintf(why, why_size, "the URL of the database cannot be read: %s", flat);
    } else if (!ok) {
        snprintf(why, why_size, "the URL of the database cannot be read: %s", help);
    }
    PQconninfoFree(options);
    PQfreemem(message);
    return ok;
}

/* `hosts` NULL: libpq looks names up itself. */
static PGconn *connect_to(const char *url, const struct postgres_hosts *hosts, int timeout_s)
{
    const char *keys[FALLBACKS + 6], *values[FALLBACKS + 6];
    char timeout[16];
    int n = 0;

    for (size_t i = 0; i < FALLBACKS; i++) {
        if (fallbacks[i].variable && getenv(fallbacks[i].variable))
            continue;
        keys[n] = fallbacks[i].keyword;
        values[n++] = fallbacks[i].value;
    }
    snprintf(timeout, sizeof timeout, "%d", timeout_s);
    if (!getenv("PGCONNECT_TIMEOUT")) {
        keys[n] = "connect_timeout";
        values[n++] = timeout;
    }
    keys[n] = "dbname"; /* behind those: what the URL says counts */
    values[n++] = url;
    if (hosts) {
        keys[n] = "host";
        values[n++] = hosts->host;
        keys[n] = "hostaddr";
        values[n++] = hosts->hostaddr;
        keys[n] = "port";
        values[n++] = hosts->port;
    }
    keys[n] = values[n] = NULL;
    return PQconnectdbParams(keys, values, 1);
}

static void on_notice(void *arg, const char *message)
{
    char flat[POSTGRES_WHY / 2];

    (void)arg;
    flatten(message, flat, sizeof flat);
    log_note(LOG_WARN, "db", "the database says: %s", flat);
}

/* One text; an engine that does not know a setting is none the worse for it. False: the connection
 * is lost. */
static bool set(PGconn *c, const char *text, bool *accepted)
{
    int64_t until_ms = clock_mono_ms() + SETUP_MS;
    PGresult *r = NULL;
    bool alive = PQsendQuery(c, text) == 1;

    *accepted = true;
    while (alive && (alive = postgres_link_next(c, until_ms, &r)) && r) {
        *accepted = *accepted && PQresultStatus(r) == PGRES_COMMAND_OK;
        PQclear(r);
    }
    return alive;
}

void postgres_open_bounds(int patience_ms, char *text, size_t size)
{
    /* Nothing that we do between two statements takes as long as one may. */
    int idle_ms = patience_ms > 400 ? patience_ms * 5 : patience_ms > 0 ? 2000 : 0;

    /* A statement is ended there a little before we give up: that costs no connection. */
    snprintf(text, size,
             "SET lock_timeout = %d; SET statement_timeout = %d; "
             "SET idle_in_transaction_session_timeout = %d",
             (patience_ms + 1) / 2, (patience_ms * 9 + 9) / 10, idle_ms);
}

static bool set_up(PGconn *c, bool read_only, int patience_ms)
{
    char bounds[192];
    bool accepted, alive;

    alive = set(c, "SET client_min_messages = warning", &accepted) &&
            set(c, "SET default_transaction_isolation = 'read committed'", &accepted);
    if (alive && read_only)
        alive = set(c, "SET default_transaction_read_only = on", &accepted) && accepted;
    if (alive && patience_ms > 0) {
        postgres_open_bounds(patience_ms, bounds, sizeof bounds);
        alive = set(c, bounds, &accepted);
    }
    return alive;
}

PGconn *postgres_open_connection(const char *url, bool read_only, int patience_ms, int timeout_s,
                                 char *why, size_t why_size)
{
    struct postgres_hosts hosts;
    char said[POSTGRES_WHY / 2] = "";
    bool known = postgres_hosts_known();
    PGconn *c;

    if (!readable(url, why, why_size))
        return NULL;
    known = known && postgres_hosts(url, &hosts, said, sizeof said);
    if (!known && *said) {
        explain_as(said, "", why, why_size);
        return NULL;
    }
    c = connect_to(url, known ? &hosts : NULL, timeout_s);
    if (!c)
        fatal("out of memory");
    PQsetNoticeProcessor(c, on_notice, NULL);
    if (PQstatus(c) == CONNECTION_OK && PQsetnonblocking(c, 1) == 0 &&
        set_up(c, read_only, patience_ms))
        return c;
    explain(c, why, why_size);
    PQfinish(c);
    return NULL;
}
