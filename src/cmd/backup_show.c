/* backup_show: the same members, whichever command prints them. */
#include "cmd/backup_show.h"

#include "codec/json.h"

enum { TABLES_MAX = 1 << 20 };

str backup_show_print(struct arena *a, const uint8_t print[SEAL_FINGERPRINT_BYTES])
{
    struct buf b;
    buf_init(&b, a, 2 * SEAL_FINGERPRINT_BYTES, 64);
    buf_hex(&b, print, SEAL_FINGERPRINT_BYTES);
    return buf_str(&b);
}

void backup_show_head(struct show *s, const struct backup_head *head)
{
    str prints[BACKUP_MASTERS];
    for (size_t i = 0; i < head->masters_n; i++)
        prints[i] = backup_show_print(&s->c->arena, head->masters[i]);
    show_text(s, "program", head->program);
    show_int(s, "schema", head->schema);
    show_time(s, "created", head->created_s);
    show_text(s, "store", head->store);
    show_text(s, "sealed_with", head->seal.secret == STREAM_KEY ? STR("key") : STR("passphrase"));
    show_list(s, "master_keys", prints, head->masters_n);
}

static void put_table(struct buf *b, const struct backup_table *t)
{
    json_key(b, t->name);
    json_open(b, '{');
    json_key_i64(b, STR("rows"), (int64_t)t->rows);
    json_key(b, STR("digest"));
    buf_printf(b, "\"%016llx\"", (unsigned long long)t->digest);
    json_close(b, '}');
}

/* As text, a line for each table. */
static void show_lines(struct show *s, const struct backup_tables *tables)
{
    for (size_t i = 0; i < tables->n; i++) {
        const struct backup_table *t = &tables->list[i];
        str line = arena_printf(&s->c->arena, "%llu rows, digest %016llx",
                                (unsigned long long)t->rows, (unsigned long long)t->digest);
        show_text(s, arena_cstr(&s->c->arena, t->name), line);
    }
}

void backup_show_tables(struct show *s, const struct backup_tables *tables)
{
    struct buf b;
    show_int(s, "rows", (int64_t)tables->rows);
    if (!s->c->json) {
        show_lines(s, tables);
        return;
    }
    buf_init(&b, &s->c->arena, 2048, TABLES_MAX);
    json_open(&b, '{');
    for (size_t i = 0; i < tables->n; i++)
        put_table(&b, &tables->list[i]);
    json_close(&b, '}');
    show_json(s, "tables", buf_str(&b));
}
