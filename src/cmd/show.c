/* show: objects as text for people and as JSON for programs, from the same calls.
 *
 * Lists are written as they come, in pieces, so that a hundred thousand clients cost no memory;
 * for that the columns of a table have fixed widths. Values are shown with control characters and
 * bidi marks replaced (in JSON: escaped): what a partner was named must not drive the
 * administrator's terminal.
 */
#include "cmd/show.h"

#include "codec/json.h"

enum { PIECE = 1 << 15, MOST = 1 << 22, LABEL = 22 };

static void parse_columns(struct show *s, const char *columns)
{
    str rest = str_from(columns), word, name, width;
    while (s->columns_n < SHOW_COLUMNS && str_next(&rest, ' ', &word)) {
        int64_t n = 0;
        if (str_cut(word, '=', &name, &width))
            str_i64(width, 1, 200, &n);
        s->columns[s->columns_n].name = name;
        s->columns[s->columns_n++].width = (size_t)n;
    }
}

/* Text without control characters and bidi marks; those become '?'. */
static void put_safe(struct buf *b, str value)
{
    for (size_t i = 0; i < value.n;) {
        size_t mark = str_mark(value, i);
        buf_char(b, mark ? '?' : value.p[i]);
        i += mark ? mark : 1;
    }
}

/* JSON leaves C1 controls and bidi marks as they are (RFC 8259 7); --json may be looked at in a
 * terminal too. They stand in strings only, so what b holds from there stays the same JSON. */
static void escape_marks(struct buf *b, size_t from)
{
    if (b->overflow || !str_has_marks(str_sub(buf_str(b), from, b->n), ""))
        return;
    str text = str_sub(buf_str(b), from, b->n), plain = arena_dup(b->arena, text);
    b->n = from;
    for (size_t i = 0; i < plain.n;) {
        uint32_t code;
        size_t mark = str_mark(plain, i);
        if (mark > 1 && str_utf8(str_sub(plain, i, plain.n), &code) == mark) {
            buf_printf(b, "\\u%04x", (unsigned)code);
        } else {
            mark = 1;
            buf_char(b, plain.p[i]);
        }
        i += mark;
    }
}

static void put_json(struct buf *b, str value)
{
    size_t from = b->n;
    json_str(b, value);
    escape_marks(b, from);
}

static void pad(struct buf *b, size_t used, size_t width)
{
    do {
        buf_char(b, ' ');
    } while (++used < width);
}

static void flush(struct show *s, size_t above)
{
    if (s->out.n <= above)
        return;
    if (s->code == CMD_DONE) {
        s->code = s->out.overflow ? cmd_fail(CMD_FAILED, "an object is too long to be shown")
                                  : cmd_print(buf_str(&s->out));
    }
    s->out.n = 0;
}

static void table_head(struct show *s)
{
    for (size_t i = 0; i < s->columns_n; i++) {
        str name = s->columns[i].name;
        for (size_t k = 0; k < name.n; k++) {
            char ch = name.p[k];
            buf_char(&s->out, ch >= 'a' && ch <= 'z' ? (char)(ch - 'a' + 'A') : ch);
        }
        if (i + 1 < s->columns_n)
            pad(&s->out, name.n, s->columns[i].width + 2);
    }
    buf_char(&s->out, '\n');
}

void show_begin(struct show *s, struct cmd *c, enum show_kind kind, const char *columns)
{
    *s = (struct show){.c = c, .kind = kind};
    buf_init(&s->out, &c->arena, PIECE, MOST);
    arena_init(&s->scratch, MOST);
    parse_columns(s, columns);
    if (c->json && kind == SHOW_LIST)
        json_open(&s->out, '[');
    else if (kind == SHOW_LIST)
        table_head(s);
}

void show_object(struct show *s)
{
    s->objects++;
    if (s->c->json) {
        if (s->kind == SHOW_LIST) {
            /* A piece that has left took the bracket or comma with it. */
            if (s->objects > 1 && s->out.n == 0)
                buf_char(&s->out, ',');
            else
                json_item(&s->out);
        }
        json_open(&s->out, '{');
        return;
    }
    for (size_t i = 0; i < s->columns_n; i++)
        s->cells[i] = STR("");
}

/* A value as text: a line of an object, or a cell of a table. */
static void put_text(struct show *s, const char *name, str value)
{
    if (s->kind == SHOW_ONE) {
        buf_put(&s->out, str_from(name));
        pad(&s->out, strlen(name), LABEL);
        put_safe(&s->out, value);
        buf_char(&s->out, '\n');
        return;
    }
    for (size_t i = 0; i < s->columns_n; i++)
        if (str_eq(s->columns[i].name, str_from(name)))
            s->cells[i] = arena_dup(&s->scratch, value);
}

void show_text(struct show *s, const char *name, str value)
{
    if (!s->c->json) {
        put_text(s, name, value.p ? value : STR("-"));
        return;
    }
    json_key(&s->out, str_from(name));
    if (value.p)
        put_json(&s->out, value);
    else
        json_nil(&s->out);
}

void show_int(struct show *s, const char *name, int64_t value)
{
    if (s->c->json)
        json_key_i64(&s->out, str_from(name), value);
    else
        show_text(s, name, arena_printf(&s->scratch, "%lld", (long long)value));
}

void show_bool(struct show *s, const char *name, bool value)
{
    if (s->c->json)
        json_key_bool(&s->out, str_from(name), value);
    else
        show_text(s, name, value ? STR("yes") : STR("no"));
}

void show_id(struct show *s, const char *name, const struct id *id)
{
    char text[ID_HEX];
    struct buf b;
    buf_fixed(&b, text, sizeof text);
    id_write(&b, id);
    show_text(s, name, buf_str(&b));
}

void show_uid(struct show *s, const char *name, const struct uid *id, const char *prefix,
              enum spelling as)
{
    char text[UID_UUID_CHARS];
    struct buf b;
    buf_fixed(&b, text, sizeof text);
    uid_write(&b, id, prefix, as);
    show_text(s, name, buf_str(&b));
}

void show_time(struct show *s, const char *name, int64_t unix_s)
{
    char text[20];
    clock_rfc3339(unix_s, text);
    show_text(s, name, unix_s ? str_make(text, sizeof text) : (str){0});
}

void show_list(struct show *s, const char *name, const str *values, size_t n)
{
    if (s->c->json) {
        json_key(&s->out, str_from(name));
        json_open(&s->out, '[');
        for (size_t i = 0; i < n; i++) {
            json_item(&s->out);
            put_json(&s->out, values[i]);
        }
        json_close(&s->out, ']');
        return;
    }
    struct buf b;
    buf_init(&b, &s->scratch, 256, MOST / 2);
    for (size_t i = 0; i < n; i++) {
        buf_put(&b, i ? STR(" ") : STR(""));
        buf_put(&b, values[i]);
    }
    show_text(s, name, n ? buf_str(&b) : STR("-"));
}

void show_words(struct show *s, const char *name, str text)
{
    str words[256], word;
    size_t n = 0;
    while (n < 256 && str_next(&text, ' ', &word))
        words[n++] = word;
    show_list(s, name, words, n);
}

void show_json(struct show *s, const char *name, str text)
{
    if (!s->c->json) {
        show_text(s, name, text);
        return;
    }
    json_key(&s->out, str_from(name));
    size_t from = s->out.n;
    buf_put(&s->out, text);
    escape_marks(&s->out, from);
}

void show_object_end(struct show *s)
{
    if (s->c->json) {
        json_close(&s->out, '}');
    } else if (s->kind == SHOW_LIST) {
        for (size_t i = 0; i < s->columns_n; i++) {
            put_safe(&s->out, s->cells[i]);
            if (i + 1 < s->columns_n)
                pad(&s->out, s->cells[i].n, s->columns[i].width + 2);
        }
        buf_char(&s->out, '\n');
    }
    arena_reset(&s->scratch);
    flush(s, PIECE / 2);
}

int show_end(struct show *s)
{
    if (s->c->json && s->kind == SHOW_LIST)
        json_close(&s->out, ']');
    if (s->c->json)
        buf_char(&s->out, '\n');
    flush(s, 0);
    arena_free(&s->scratch);
    return s->code;
}
