/* audit: the table of security events: rows go in with a request's effects and are read here.
 *
 * Texts are made fit for both engines and for people before they are stored: what is not UTF-8, a
 * control character or a mark that turns text around becomes '?', and what is too long is cut.
 * Whoever shows them escapes them all the same, since a store can be written by others.
 *
 * Left out on purpose: changing or deleting a row. Only linking fills in seq and hash, and only
 * `postern audit prune` takes rows away (audit_link.c).
 */
#include "store/audit.h"

#include "store/statements.h"

enum { PUT, LIST, LINKED, SINCE };

#define COLUMNS                                                                                    \
    "id, node, at_s, event, actor, client, subject, organization, result, source, request, "       \
    "detail, seq, hash"

/* A bound text that is empty asks for nothing. */
#define WANTED(column, parameter) "(CAST(" parameter " AS TEXT) = '' OR " column " = " parameter ")"

static const struct sql sql[] = {
    [PUT] = {"audit.put", "INSERT INTO audit (id, node, at_s, event, actor, client, subject, "
                          "organization, result, source, request, detail) "
                          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"},
    [LIST] = {"audit.list",
              "SELECT " COLUMNS
              " FROM audit WHERE id >= $1 AND id < $2 AND " WANTED("event", "$3") " AND " WANTED(
                  "client", "$4") " AND "
                                  "(CAST($5 AS TEXT) = '' OR subject = $5 OR "
                                  "actor = 'user:' || CAST($5 AS TEXT)) AND " WANTED(
                                      "node", "$6") " ORDER BY id DESC LIMIT $7"},
    [LINKED] = {"audit.linked", "SELECT " COLUMNS " FROM audit WHERE node = $1 AND seq > $2 "
                                "AND seq IS NOT NULL ORDER BY seq LIMIT $3"},
    [SINCE] = {"audit.since", "SELECT COALESCE(MIN(seq), 0) FROM audit WHERE node = $1 "
                              "AND seq IS NOT NULL AND at_s >= $2"},
};

const struct sql_set audit_statements = {sql, sizeof sql / sizeof *sql};

const struct audit_event_info audit_events[AUDIT_EVENTS] = {
#define X(id, name, help) [AUDIT_##id] = {name, help},
    AUDIT_EVENT_LIST(X)
#undef X
};

bool audit_event_find(str name, enum audit_event *out)
{
    for (size_t i = 0; i < AUDIT_EVENTS; i++) {
        if (!str_eq(name, str_from(audit_events[i].name)))
            continue;
        *out = (enum audit_event)i;
        return true;
    }
    return false;
}

/* Fit for both engines, and no longer than `max` bytes. */
static str clean(struct arena *a, str text, size_t max)
{
    struct buf b;

    buf_init(&b, a, 64, max);
    for (size_t at = 0, n; at < text.n && at < max; at += n) {
        uint32_t code;
        size_t mark = str_mark(text, at);
        n = mark ? mark : str_utf8(str_sub(text, at, text.n), &code);
        if (mark || n == 0) {
            n = n ? n : 1;
            buf_char(&b, '?');
        } else if (b.n + n <= max) {
            buf_put(&b, str_sub(text, at, at + n));
        }
    }
    return b.n ? buf_str(&b) : STR("");
}

static struct db_arg text(struct effects *fx, str s)
{
    return db_text(clean(fx->arena, s, AUDIT_TEXT_MAX));
}

void audit_put(struct effects *fx, enum effect_life life, const struct id *id, int64_t now_s,
               str node, const struct audit_entry *e)
{
    str result = STR("ok");

    if (e->result != OK)
        result = arena_printf(fx->arena, "refused %s", err_info(e->result)->id);
    effects_add(fx, life, EXPECT_ANY, &sql[PUT],
                ARGS(db_bytes(id), db_text(clean(fx->arena, node, AUDIT_NODE_MAX)), db_int(now_s),
                     db_text(str_from(audit_events[e->event].name)), text(fx, e->actor),
                     text(fx, e->client), text(fx, e->subject), text(fx, e->organization),
                     db_text(result), text(fx, e->source), text(fx, e->request),
                     text(fx, e->detail)));
}

size_t audit_count(const struct effects *fx)
{
    size_t n = 0;

    for (const struct effect *e = fx->first; e; e = e->next)
        n += e->sql == &sql[PUT];
    return n;
}

static void read_row(struct rows *r, struct arena *a, struct audit_row *out)
{
    str *const texts[] = {&out->event,   &out->actor,        &out->client,
                          &out->subject, &out->organization, &out->result,
                          &out->source,  &out->request,      &out->detail};

    row_bytes(r, 0, out->id.b, sizeof out->id.b);
    out->node = row_text(r, 1, a);
    out->at_s = row_int(r, 2);
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
        *texts[i] = row_text(r, 3 + i, a);
    out->seq = row_int(r, 12);
    row_bytes(r, 13, out->hash.b, sizeof out->hash.b);
}

enum err audit_list(struct db *db, struct arena *a, const struct audit_query *q,
                    struct audit_row **out, size_t *n)
{
    struct id from = id_floor(q->since_s), to = id_floor(q->until_s ? q->until_s : UINT32_MAX);
    size_t room = 0;
    struct rows r = db_query(db, &sql[LIST],
                             ARGS(db_bytes(&from), db_bytes(&to), db_some_text(q->event),
                                  db_some_text(q->client), db_some_text(q->user),
                                  db_some_text(q->node), db_int(q->limit)));

    *out = NULL;
    for (*n = 0; rows_next(&r); ++*n) {
        ARENA_MORE(a, *out, *n, room);
        read_row(&r, a, &(*out)[*n]);
    }
    return rows_end(&r);
}

enum err audit_linked(struct db *db, struct arena *a, str node, int64_t seq, size_t max,
                      struct audit_row *out, size_t *n)
{
    struct rows r =
        db_query(db, &sql[LINKED], ARGS(db_text(node), db_int(seq), db_int((int64_t)max)));

    for (*n = 0; *n < max && rows_next(&r); ++*n)
        read_row(&r, a, &out[*n]);
    return rows_end(&r);
}

enum err audit_since(struct db *db, str node, int64_t since_s, int64_t *seq)
{
    return db_query_int(db, &sql[SINCE], ARGS(db_text(node), db_int(since_s)), seq);
}
