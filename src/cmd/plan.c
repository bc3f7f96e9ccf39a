/* plan: what `postern migrate` would do, for whoever decides when to run it.
 *
 * A table of the migrations, and below it the statements of those that are missing, as they would
 * run on this store. Rows are counted, or estimated by PostgreSQL where counting would take long;
 * the words say which. Nothing is changed.
 */
#include "cmd/plan.h"

#include "cmd/open.h"
#include "cmd/show.h"
#include "codec/json.h"
#include "db/migrate_plan.h"

enum { TEXT_MAX = 1 << 20 };

/* How much a statement touches. */
struct extent {
    int64_t rows; /* -1: the table is not there yet */
    bool estimated;
};

static enum err measure(struct cmd *c, const struct migrate_statement *s, struct extent *out)
{
    *out = (struct extent){.rows = -1};
    if (!c->db || s->makes || s->table.n == 0)
        return OK;
    return migrate_plan_rows(c->db, &c->arena, s->table, &out->rows, &out->estimated);
}

static void statement_json(struct buf *b, const struct migrate_statement *s, struct extent x)
{
    json_item(b);
    json_open(b, '{');
    json_key(b, STR("sql"));
    json_str(b, s->text);
    json_key(b, STR("table"));
    if (s->table.n)
        json_str(b, s->table);
    else
        json_nil(b);
    json_key(b, STR("rows"));
    if (x.rows >= 0)
        json_i64(b, x.rows);
    else
        json_nil(b);
    json_key_bool(b, STR("estimated"), x.estimated);
    json_close(b, '}');
}

static void statement_text(struct buf *b, const struct migrate_statement *s, struct extent x)
{
    buf_printf(b, "  %.*s\n    -- %.*s: ", STR_ARG(s->text), STR_ARG(s->table));
    if (x.rows >= 0)
        buf_printf(b, "%lld rows%s\n", (long long)x.rows, x.estimated ? " (estimated)" : "");
    else
        buf_put(b, s->makes ? STR("a new table\n") : STR("made by this plan, no rows\n"));
}

/* The statements of one migration, as a JSON array or as lines. */
static enum err statements(struct cmd *c, const struct migration *m, struct buf *b)
{
    str text = migrate_text(&c->arena, m, c->db ? c->db->ops->name : "sqlite");
    struct migrate_statement s;
    struct extent x;
    enum err e = OK;
    if (c->json)
        json_open(b, '[');
    while (e == OK && migrate_plan_next(&c->arena, &text, &s)) {
        e = measure(c, &s, &x);
        if (c->json)
            statement_json(b, &s, x);
        else
            statement_text(b, &s, x);
    }
    if (c->json)
        json_close(b, ']');
    return e;
}

static void nodes_text(struct buf *b, const struct migration *m, int version)
{
    if (version == 0)
        buf_put(b, STR("  A new store: there are no nodes yet.\n"));
    else if (m->serves <= version)
        buf_put(b, STR("  Nodes of the present version may go on during and after it.\n"));
    else
        buf_printf(b,
                   "  Stop the nodes of the present version first: after it, only programs that "
                   "know version %d may use the store.\n",
                   m->serves);
}

static enum err one(struct show *s, const struct migration *m, int version, struct buf *below)
{
    struct cmd *c = s->c;
    bool missing = m->number > version;
    struct buf b;
    enum err e = OK;
    buf_init(&b, &c->arena, 1024, TEXT_MAX);
    if (missing)
        e = statements(c, m, &b);
    show_object(s);
    show_int(s, "number", m->number);
    show_text(s, "name", str_from(m->name));
    show_text(s, "state", missing ? STR("missing") : STR("applied"));
    if (c->json) {
        show_int(s, "serves", m->serves);
        show_bool(s, "nodes_go_on", version > 0 && m->serves <= version);
        show_json(s, "statements", missing ? buf_str(&b) : STR("[]"));
    } else if (missing) {
        buf_printf(below, "\n%d %s\n", m->number, m->name);
        nodes_text(below, m, version);
        buf_put(below, buf_str(&b));
    }
    show_object_end(s);
    return e;
}

int plan_show(struct cmd *c)
{
    struct show s;
    struct buf below;
    int version = 0;
    enum err e = c->db ? migrate_version(c->db, &version) : OK;
    buf_init(&below, &c->arena, 1024, TEXT_MAX);
    show_begin(&s, c, SHOW_LIST, "number=6 state=7 name");
    for (const struct migration *m = migrations; e == OK && m->number; m++)
        e = one(&s, m, version, &below);
    if (e)
        return open_trouble(c);
    int code = show_end(&s);
    return code || below.n == 0 ? code : cmd_print(buf_str(&below));
}
