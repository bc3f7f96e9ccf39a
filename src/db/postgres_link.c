/* postgres_link: the life of a handle's connection.
 *
 * Every wait is a poll(2) with the call's deadline; nothing here blocks in libpq. A connection that
 * is lost, late, or leads to a server that takes no writes is closed at once, without waiting for a
 * cancel, and a thread of its own makes the next one with libpq's blocking call, since only that
 * knows several hosts, names and TLS. Calls in the meantime fail at once, but for the one that has
 * the search begun: it waits up to REPLACE_MS for what is found, so that after an outage the first
 * request of each handle need not be refused. An attempt that failed is repeated when the handle is
 * used next, not sooner than PAUSE_MS after it began.
 *
 * Closing a handle does not wait for that thread, which may sit in a call for seconds: it is left
 * to itself and frees what it has. If the process ends meanwhile, libraries must not be taken down
 * under it by the handlers of exit(3); so from then on exit(3) ends the process at once.
 *
 * A transaction dies with its connection. Until whoever opened it has been told (by
 * lost_transaction, or by beginning or ending one) calls go on failing, so that the rest of a
 * transaction cannot run on the next connection as statements that commit on their own.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/postgres.h"

#define PAUSE_MS       200
#define REPLACE_MS     100
#define NEXT_TIMEOUT_S 2 /* for each host */

int64_t postgres_link_until(const struct postgres *pg)
{
    return pg->base.patience_ms > 0 ? clock_mono_ms() + pg->base.patience_ms : 0;
}

bool postgres_link_poll(PGconn *c, bool write, int64_t until_ms)
{
    struct pollfd p = {.fd = PQsocket(c), .events = (short)(POLLIN | (write ? POLLOUT : 0))};

    for (;;) {
        int64_t left_ms = until_ms == 0 ? -1 : until_ms - clock_mono_ms();
        int n;
        if (until_ms != 0 && left_ms <= 0)
            return false;
        n = poll(&p, 1, (int)left_ms);
        if (n != 0 && !(n < 0 && errno == EINTR))
            return n > 0;
    }
}

bool postgres_link_next(PGconn *c, int64_t until_ms, PGresult **out)
{
    *out = NULL;
    for (;;) {
        int unsent = PQflush(c);
        if (unsent < 0 || PQstatus(c) != CONNECTION_OK)
            return false;
        if (!PQisBusy(c))
            break;
        if (!postgres_link_poll(c, unsent > 0, until_ms) || PQconsumeInput(c) == 0)
            return false;
    }
    *out = PQgetResult(c);
    return true;
}

/* ---- the next connection ---- */

static atomic_int left_alone; /* searches whose handle is closed */

static void free_search(struct postgres_search *s)
{
    if (s->found)
        PQfinish(s->found);
    free(s->url);
    free(s);
}

static void *search(void *arg)
{
    struct postgres_search *s = arg;

    s->found = postgres_open_connection(s->url, s->read_only, s->patience_ms, NEXT_TIMEOUT_S,
                                        s->why, sizeof s->why);
    if (atomic_exchange(&s->over, true)) {
        free_search(s);
        atomic_fetch_sub(&left_alone, 1);
    }
    return NULL;
}

static bool start_search(struct postgres *pg)
{
    struct postgres_search *s;
    int64_t now_ms = clock_mono_ms();
    pthread_t thread;

    if (pg->search || now_ms - pg->searched_ms < PAUSE_MS)
        return false;
    pg->searched_ms = now_ms;
    s = calloc(1, sizeof *s);
    if (!s || !(s->url = strdup(pg->url)))
        fatal("out of memory");
    s->read_only = pg->read_only;
    s->patience_ms = pg->base.patience_ms;
    if (pthread_create(&thread, NULL, search, s) != 0) {
        free_search(s);
        return false;
    }
    pthread_detach(thread);
    pg->search = s;
    return true;
}

static bool is_searching(const struct postgres *pg)
{
    return pg->search && !atomic_load(&pg->search->over);
}

static void take_found(struct postgres *pg)
{
    struct postgres_search *s = pg->search;

    if (!s || is_searching(pg))
        return;
    pg->search = NULL;
    if (s->found) {
        pg->c = s->found;
        s->found = NULL;
        pg->patience_ms = s->patience_ms;
        pg->generation++;
        pg->listening = pg->deaf = pg->mute = false;
        log_note(LOG_INFO, "db", "the database answers again");
    } else {
        snprintf(pg->message, sizeof pg->message, "%s", s->why);
    }
    free_search(s);
}

/* A handler of exit(3), called before those that were there when the search was left alone. */
static void end_at_once(int code, void *arg)
{
    (void)arg;
    if (atomic_load(&left_alone) == 0)
        return;
    fflush(NULL);
    _exit(code);
}

static void leave_search(struct postgres_search *s)
{
    static atomic_flag prepared = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&prepared))
        on_exit(end_at_once, NULL);
    atomic_fetch_add(&left_alone, 1);
    if (atomic_exchange(&s->over, true)) { /* it was quicker */
        atomic_fetch_sub(&left_alone, 1);
        free_search(s);
    }
}

/* Outside transactions, since a rollback would undo it. */
static void apply_patience(struct postgres *pg)
{
    char text[192];
    PGresult *r;

    if (pg->patience_ms == pg->base.patience_ms || pg->in_transaction)
        return;
    pg->patience_ms = pg->base.patience_ms;
    postgres_open_bounds(pg->patience_ms, text, sizeof text);
    postgres_link_text(pg, text, postgres_link_until(pg), &r);
    PQclear(r);
}

/* Has the server closed it while it lay idle (a restart, a failover)? */
static bool is_dead(const struct postgres *pg)
{
    struct pollfd p = {.fd = PQsocket(pg->c), .events = POLLIN};

    while (poll(&p, 1, 0) > 0) /* last words may come first */
        if (PQconsumeInput(pg->c) == 0)
            return true;
    return false;
}

/* Nothing was asked of it yet, so that nobody need be refused if a connection is there at once. */
static void wait_found(struct postgres *pg)
{
    int64_t until_ms = clock_mono_ms() + REPLACE_MS;

    while (is_searching(pg) && clock_mono_ms() < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    take_found(pg);
}

bool postgres_link_up(struct postgres *pg)
{
    if (pg->orphaned) {
        snprintf(pg->message, sizeof pg->message, "the transaction was lost with its connection");
        return false;
    }
    if (!pg->c)
        take_found(pg);
    if (pg->c && !pg->in_transaction && is_dead(pg)) {
        postgres_link_drop(pg, PQerrorMessage(pg->c));
        wait_found(pg);
    } else if (!pg->c && start_search(pg)) {
        wait_found(pg);
    }
    if (!pg->c)
        return false;
    apply_patience(pg);
    return pg->c != NULL;
}

enum db_status postgres_link_drop(struct postgres *pg, const char *why)
{
    if (why != pg->message)
        snprintf(pg->message, sizeof pg->message, "%s", why);
    pg->message[strcspn(pg->message, "\n")] = 0; /* libpq adds lines of guesses */
    if (pg->c)
        PQfinish(pg->c);
    pg->c = NULL;
    pg->orphaned = pg->in_transaction;
    pg->in_transaction = false;
    start_search(pg);
    return DB_AWAY;
}

void postgres_link_close(struct postgres *pg)
{
    if (pg->search)
        leave_search(pg->search);
    pg->search = NULL;
    if (pg->c)
        PQfinish(pg->c);
}

/* ---- results ---- */

struct meaning {
    const char *state; /* SQLSTATE, or the beginning of one */
    enum db_status status;
    bool useless; /* the connection is to be given up */
};

static const struct meaning meanings[] = {
    {"40001", DB_CONFLICT, false}, /* serialization_failure */
    {"40P01", DB_CONFLICT, false}, /* deadlock_detected */
    {"55P03", DB_CONFLICT, false}, /* lock_not_available */
    {"57014", DB_AWAY, false},     /* query_canceled: statement_timeout */
    {"57P", DB_AWAY, true},        /* shut down, crashed, starting up */
    {"08", DB_AWAY, true},         /* connection exceptions */
    {"25P03", DB_AWAY, true},      /* idle_in_transaction_session_timeout */
    {"26000", DB_AWAY, true},      /* not the session that prepared: a pooler in between */
    {"53100", DB_FULL, false},     /* disk_full */
    {"23", DB_REFUSED, false},     /* integrity constraint violation */
    {"P0001", DB_REFUSED, false},  /* raised by a trigger, as by those of a move */
};

static struct meaning meaning_of(const struct postgres *pg, const char *state)
{
    /* read_only_sql_transaction: this server was demoted, or never took writes */
    if (strcmp(state, "25006") == 0 && !pg->read_only)
        return (struct meaning){state, DB_AWAY, true};
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
            return meanings[i];
    return (struct meaning){state, DB_ERROR, false};
}

/* Without the detail, which may quote values. */
static void note_error(struct postgres *pg, const PGresult *r, const char *state)
{
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    snprintf(pg->message, sizeof pg->message, "%s%s%s", text ? text : PQresultErrorMessage(r),
             *state ? " SQLSTATE " : "", state);
}

enum db_status postgres_link_status(struct postgres *pg, const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    const char *state;
    struct meaning m;

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN)
        return DB_DONE;
    state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    note_error(pg, r, state ? state : "");
    m = meaning_of(pg, state ? state : "");
    if (m.useless || PQstatus(pg->c) != CONNECTION_OK)
        return postgres_link_drop(pg, pg->message);
    return m.status;
}

enum db_status postgres_link_no_answer(struct postgres *pg, int64_t until_ms)
{
    char why[64];

    if (PQstatus(pg->c) != CONNECTION_OK || until_ms == 0 || clock_mono_ms() < until_ms)
        return postgres_link_drop(pg, PQerrorMessage(pg->c));
    snprintf(why, sizeof why, "no answer within %d ms", pg->base.patience_ms);
    return postgres_link_drop(pg, why);
}

static bool is_error(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);

    return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

void postgres_link_note_transaction(struct postgres *pg)
{
    PGTransactionStatusType state = PQtransactionStatus(pg->c);

    if (state != PQTRANS_UNKNOWN) /* else the connection is lost, and what was open with it */
        pg->in_transaction = state == PQTRANS_INTRANS || state == PQTRANS_INERROR;
}

enum db_status postgres_link_finish(struct postgres *pg, int64_t until_ms, PGresult **out)
{
    PGresult *r;

    *out = NULL;
    for (;;) {
        if (!postgres_link_next(pg->c, until_ms, &r)) {
            PQclear(*out);
            *out = NULL;
            return postgres_link_no_answer(pg, until_ms);
        }
        if (!r)
            break;
        if (*out && is_error(*out)) {
            PQclear(r);
            continue;
        }
        PQclear(*out);
        *out = r;
        if (PQresultStatus(r) == PGRES_COPY_IN)
            return DB_DONE;
    }
    postgres_link_note_transaction(pg);
    if (*out)
        return postgres_link_status(pg, *out);
    return PQstatus(pg->c) == CONNECTION_OK ? DB_DONE : postgres_link_no_answer(pg, until_ms);
}

enum db_status postgres_link_text(struct postgres *pg, const char *text, int64_t until_ms,
                                  PGresult **out)
{
    *out = NULL;
    if (PQsendQuery(pg->c, text) == 0)
        return postgres_link_drop(pg, PQerrorMessage(pg->c));
    return postgres_link_finish(pg, until_ms, out);
}
