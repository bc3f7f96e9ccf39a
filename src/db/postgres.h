/* postgres: what the files of the PostgreSQL driver share; nobody else includes it.
 *
 *     postgres.c        statements, rows, texts, hints
 *     postgres_bulk.c   many statements in one round trip, and COPY
 *     postgres_link.c   the connection's life: waiting, giving up, getting another one
 *     postgres_open.c   one connection made: parameters, session, why it failed
 */
#ifndef DB_POSTGRES_H
#define DB_POSTGRES_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "db/db.h"

enum {
    POSTGRES_PARAMS = 32,
    POSTGRES_SLOTS = 1024, /* a power of two, well above the number of statements */
    POSTGRES_WHY = 512
};

/* The thread that connects again, and what it found. Whoever of the two comes second to `over`, the
 * thread with its result or the handle that is closed, frees it. The thread reads url, read_only
 * and patience_ms and writes found and why until it is over. */
struct postgres_search {
    atomic_bool over;
    char *url;
    bool read_only;
    int patience_ms; /* what `found` is set up with */
    PGconn *found;
    char why[POSTGRES_WHY];
};

struct postgres {
    struct db base;
    PGconn *c; /* NULL: the connection is lost */
    char *url;
    bool read_only;
    unsigned generation; /* of the connection; statements are prepared once in each */
    int patience_ms;     /* that the session knows */
    bool in_transaction; /* after the last call */
    bool orphaned;       /* the connection went with a transaction; its user was not told yet */
    bool listening, deaf, mute;
    int64_t changed;
    size_t used;
    struct db_stmt *slots[POSTGRES_SLOTS];
    struct postgres_search *search; /* NULL: none runs */
    int64_t searched_ms;            /* when the last one began */
    char *copy;                     /* rows on their way to the server */
    size_t copy_n;
    char message[POSTGRES_WHY];
};

struct db_stmt {
    const struct sql *sql;
    char *text; /* as it was when it was prepared */
    struct postgres *db;
    char name[16];
    unsigned generation; /* in which it is prepared; 0: in none */
    int params;
    const char *values[POSTGRES_PARAMS];
    int lengths[POSTGRES_PARAMS];
    uint64_t ints[POSTGRES_PARAMS]; /* in network order, where values point */
    PGresult *rows;
    int row;
    bool running;
};

static inline struct postgres *postgres_self(struct db *db)
{
    return (struct postgres *)db;
}

/* Every value travels in its binary form. */
extern const int postgres_formats[POSTGRES_PARAMS];

/* The statement, made at first use. */
struct db_stmt *postgres_statement(struct postgres *pg, const struct sql *sql);
/* Prepares it on this connection if it is not. */
enum db_status postgres_prepare_now(struct db_stmt *s, int64_t until_ms);

/* One connection, made and set up within `timeout_s` for each host; for the calling thread. NULL:
 * `why` is a sentence that names the remedy. */
PGconn *postgres_open_connection(const char *url, bool read_only, int patience_ms, int timeout_s,
                                 char *why, size_t why_size);
/* Texts that bound how long this session's statements and transactions take on the server. */
void postgres_open_bounds(int patience_ms, char *text, size_t size);

/* There is a connection; if not, another one is being looked for and pg->message says so. */
bool postgres_link_up(struct postgres *pg);
/* Gives the connection up and starts to look for another one. */
enum db_status postgres_link_drop(struct postgres *pg, const char *why);
void postgres_link_close(struct postgres *pg);
/* When a call that begins now has to be over, in clock_mono_ms(); 0: never. */
int64_t postgres_link_until(const struct postgres *pg);
/* Waits until there is something to read or (`write`) room to write. False: it is too late. */
bool postgres_link_poll(PGconn *c, bool write, int64_t until_ms);
/* Sends what is buffered and waits for the next result; *out == NULL at the end of a statement.
 * False: too late, or the connection is lost. */
bool postgres_link_next(PGconn *c, int64_t until_ms, PGresult **out);
/* The same until the statement ends: *out (may be NULL) is its last result or its first error, for
 * the caller to clear. A connection that does not answer is given up. */
enum db_status postgres_link_finish(struct postgres *pg, int64_t until_ms, PGresult **out);
/* What a result means; notes an error's message and gives up connections that are of no use. */
enum db_status postgres_link_status(struct postgres *pg, const PGresult *r);
/* For after postgres_link_next failed: gives the connection up, saying whether it was late or lost.
 */
enum db_status postgres_link_no_answer(struct postgres *pg, int64_t until_ms);
/* Notes whether a transaction is open now, after a call. */
void postgres_link_note_transaction(struct postgres *pg);
/* A text outside the extended protocol. */
enum db_status postgres_link_text(struct postgres *pg, const char *text, int64_t until_ms,
                                  PGresult **out);

/* db_ops.bulk, load_begin, load_row, load_end */
enum db_status postgres_bulk(struct db *db, struct db_call *calls, size_t n);
enum db_status postgres_bulk_load_begin(struct db *db, const char *table, const str *columns,
                                        size_t n);
enum db_status postgres_bulk_load_row(struct db *db, const struct db_arg *values, size_t n);
enum db_status postgres_bulk_load_end(struct db *db);

#endif
