/* tally: walks the tables of the store by their keys and says how many rows each has.
 *
 * A step asks for the key that lies PAGE rows on. If there is one, PAGE rows are counted and the
 * walk goes on behind it; if not, what is left is counted and the table is done. Rows that come
 * and go during the walk may or may not be in the number: it is for looking at, not for deciding.
 *
 * Left out on purpose: schema_version, which has a row per migration.
 */
#include "store/tally.h"

#include <string.h>

#include "base/clock.h"
#include "store/statements.h"

#define PAGE      500
#define PAGE_TEXT "500"
#define SKIP_TEXT "499"

/* The key of a table: one column or two. */
#define ONE(table, key)                                                                            \
    {"tally." #table, "SELECT " #key " FROM " #table " WHERE " #key " > $1 ORDER BY " #key         \
                      " LIMIT 1 OFFSET " SKIP_TEXT},                                               \
    {                                                                                              \
        "tally." #table "_rest", "SELECT COUNT(*) FROM (SELECT " #key " FROM " #table              \
                                 " WHERE " #key " > $1 LIMIT " PAGE_TEXT ") AS rest"               \
    }
#define TWO(table, first, second)                                                                  \
    {"tally." #table, "SELECT " #first ", " #second " FROM " #table " WHERE (" #first ", " #second \
                      ") > ($1, $2) ORDER BY " #first ", " #second " LIMIT 1 OFFSET " SKIP_TEXT},  \
    {                                                                                              \
        "tally." #table "_rest",                                                                   \
            "SELECT COUNT(*) FROM (SELECT " #first " FROM " #table " WHERE (" #first ", " #second  \
            ") > ($1, $2) LIMIT " PAGE_TEXT ") AS rest"                                            \
    }

/* Two statements for each table, in the order of tally_tables. */
static const struct sql sql[] = {
    ONE(organization, id),
    ONE(groups, id),
    ONE(client, id),
    TWO(client_secret, client_id, id),
    TWO(client_group, client_id, group_id),
    ONE(key, id),
    ONE(token, locator),
    ONE(grants, id),
    ONE(throttle, subject),
    ONE(change, id),
    ONE(account, id),
    ONE(users, id),
    ONE(login, name),
    ONE(session, id),
    TWO(consent, user_id, client_id),
    ONE(user_grant, id),
    ONE(pushed_request, id),
    ONE(flow, id),
    ONE(device_code, id),
    ONE(replay, digest),
    TWO(explanation, node, slot),
    ONE(relying_party, client_id),
    TWO(client_origin, origin, client_id),
    ONE(lease, name),
    ONE(audit, id),
    ONE(audit_head, node),
    TWO(audit_checkpoint, node, seq),
    ONE(audit_key, kid),
};

const struct sql_set tally_statements = {sql, sizeof sql / sizeof *sql};

const char *const tally_tables[TALLY_TABLES] = {
    "organization", "groups",     "client",           "client_secret", "client_group",   "key",
    "token",        "grants",     "throttle",         "change",        "account",        "users",
    "login",        "session",    "consent",          "user_grant",    "pushed_request", "flow",
    "device_code",  "replay",     "explanation",      "relying_party", "client_origin",  "lease",
    "audit",        "audit_head", "audit_checkpoint", "audit_key",
};

_Static_assert(sizeof sql / sizeof *sql == (size_t)2 * TALLY_TABLES, "two statements per table");

/* What a key is made of, in the same order: one or two parts, at most one of them a number. */
static const enum db_type keys[TALLY_TABLES][2] = {
    {DB_BLOB}, {DB_BLOB}, {DB_BLOB},          {DB_BLOB, DB_BLOB}, {DB_BLOB, DB_BLOB}, {DB_BLOB},
    {DB_INT},  {DB_BLOB}, {DB_TEXT},          {DB_BLOB},          {DB_BLOB},          {DB_BLOB},
    {DB_TEXT}, {DB_BLOB}, {DB_BLOB, DB_BLOB}, {DB_BLOB},          {DB_BLOB},          {DB_BLOB},
    {DB_BLOB}, {DB_BLOB}, {DB_BLOB, DB_INT},  {DB_BLOB},          {DB_TEXT, DB_BLOB}, {DB_TEXT},
    {DB_BLOB}, {DB_TEXT}, {DB_TEXT, DB_INT},  {DB_TEXT},
};

static int parts_of(size_t table)
{
    return keys[table][1] == DB_NULL ? 1 : 2;
}

void tally_init(struct tally *t)
{
    *t = (struct tally){.number = INT64_MIN};
    for (size_t i = 0; i < TALLY_TABLES; i++) {
        atomic_init(&t->rows[i], -1);
        atomic_init(&t->bytes[i], -1);
    }
}

static size_t arguments(const struct tally *t, struct db_arg out[2])
{
    size_t n = (size_t)parts_of(t->table);

    for (size_t i = 0; i < n; i++)
        out[i] = (struct db_arg){keys[t->table][i], t->number, {t->key[i], t->key_n[i]}};
    return n;
}

/* Keeps the key of the row as the place to go on from. */
static bool keep_key(struct tally *t, struct rows *r, struct arena *a)
{
    for (int i = 0; i < parts_of(t->table); i++) {
        str part;

        if (keys[t->table][i] == DB_INT) {
            t->number = row_int(r, i);
            continue;
        }
        part = row_text(r, i, a);
        if (part.n > sizeof t->key[i])
            return false;
        memcpy(t->key[i], part.p, part.n);
        t->key_n[i] = part.n;
    }
    return true;
}

static void next_table(struct tally *t, int64_t rows)
{
    atomic_store_explicit(&t->rows[t->table], rows, memory_order_relaxed);
    t->table = (t->table + 1) % TALLY_TABLES;
    t->so_far = 0;
    t->number = INT64_MIN;
    t->key_n[0] = t->key_n[1] = 0;
}

/* One page of the present table. */
static enum err step(struct tally *t, struct db *db, struct arena *a)
{
    struct db_arg args[2];
    size_t n = arguments(t, args);
    struct rows r = db_query(db, &sql[2 * t->table], args, n);
    bool found = rows_next(&r), kept = found && keep_key(t, &r, a);
    enum err e = rows_end(&r);
    int64_t rest;

    if (e != OK)
        return e;
    if (kept) {
        t->so_far += PAGE;
        return OK;
    }
    if ((e = db_query_int(db, &sql[2 * t->table + 1], args, n, &rest)) != OK)
        return e;
    next_table(t, t->so_far + rest);
    return OK;
}

static void end_round(struct tally *t, int64_t next_s)
{
    t->table = 0;
    t->so_far = 0;
    t->number = INT64_MIN;
    t->key_n[0] = t->key_n[1] = 0;
    t->next_s = next_s;
}

enum err tally_run(struct tally *t, struct db *db, int64_t now_s, int64_t rest_s, int64_t budget_us)
{
    int64_t end_us = clock_mono_us() + budget_us;
    struct arena scratch;
    enum err e = OK;

    if (now_s < t->next_s)
        return OK;
    arena_init(&scratch, 1 << 16);
    do {
        size_t table = t->table;
        e = step(t, db, &scratch);
        arena_reset(&scratch);
        if (e != OK || (table == TALLY_TABLES - 1 && t->table == 0)) {
            end_round(t, now_s + rest_s);
            break;
        }
    } while (clock_mono_us() < end_us);
    arena_free(&scratch);
    return e;
}
