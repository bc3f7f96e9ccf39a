/* template_write: nodes and a view become HTML.
 *
 * The context of a value was found when its template was read; here are the five ways to write one.
 *  - Shown text: & < > " ' become references. Control characters, and marks that change the
 *    direction of what follows (U+202A-E, U+2066-9), become U+FFFD: a client's name cannot reorder
 *    the sentence that it stands in, and whoever reads it sees that something was there; dropped
 *    without a trace, a dressed-up name would look like the honest one. The two mere hints U+200E
 *    and U+200F, which names in Arabic and Hebrew do carry, are dropped.
 *  - The attribute `value`: nothing is lost, since a form must send back the state it was given;
 *    marks and line ends become references.
 *  - URLs: http, https, or an absolute path. Browsers drop tabs and line ends from URLs and read
 *    "\" as "/", so no such byte passes; what is refused becomes "#".
 *  - In a URL whose beginning stands in the template: percent-encoded.
 * Messages are our own text: escaped as HTML, marks stay.
 */
#include "base/log.h"
#include "codec/template_node.h"
#include "codec/url.h"

#define REPLACEMENT "\xef\xbf\xbd"

struct writer {
    const struct template_set *set;
    const struct template_messages *messages;
    struct buf *out;
    int parts;
};

static const char *reference(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&#34;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Bytes at the front of s that stand for themselves everywhere. */
static size_t harmless(str s)
{
    size_t n = 0;
    while (n < s.n && (unsigned char)s.p[n] >= 0x20 && (unsigned char)s.p[n] < 0x7f &&
           !reference(s.p[n]))
        n++;
    return n;
}

/* A control character or bidi mark of n bytes, code point `code`. */
static void write_mark(struct buf *out, enum template_context context, str mark, uint32_t code)
{
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    bool line = code == '\t' || code == '\n' || code == '\r';
    if (context == CONTEXT_EXACT) {
        if (code == 0)
            BUF_LIT(out, REPLACEMENT); /* HTML has no way to say it */
        else if (!control || line)
            buf_printf(out, "&#%u;", (unsigned)code);
        else
            buf_put(out, mark); /* references to controls mean other characters */
    } else if (line) {
        buf_put(out, mark);
    } else if (code != 0x200e && code != 0x200f) {
        BUF_LIT(out, REPLACEMENT);
    }
}

/* U+061C is a mark of the same kind as U+200E. */
static void write_character(struct buf *out, enum template_context context, str c, uint32_t code)
{
    if (code == 0x61c && context != CONTEXT_EXACT)
        return;
    if (str_mark(c, 0))
        write_mark(out, context, c, code);
    else if (c.n == 1 && reference(c.p[0]))
        buf_put(out, str_from(reference(c.p[0])));
    else
        buf_put(out, c);
}

/* As text, or exactly. */
static void write_html(struct buf *out, enum template_context context, str s)
{
    while (s.n > 0) {
        uint32_t code = 0;
        size_t n = harmless(s);
        if (n > 0) {
            buf_put(out, str_sub(s, 0, n));
        } else if ((n = str_utf8(s, &code)) == 0) {
            n = 1;
            BUF_LIT(out, REPLACEMENT);
        } else {
            write_character(out, context, str_sub(s, 0, n), code);
        }
        s = str_sub(s, n, s.n);
    }
}

static bool is_url_bytes(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("\"'<>\\^`{|}", s.p[i]))
            return false;
    return s.n > 0;
}

/* "/path", not "//host". */
static bool is_own(str s)
{
    return is_url_bytes(s) && s.p[0] == '/' && !(s.n > 1 && s.p[1] == '/');
}

static bool is_http(str s)
{
    struct url u;
    return is_url_bytes(s) && url_parse(s, &u) == OK && !u.has_userinfo;
}

static void write_value(struct buf *out, enum template_context context, str s)
{
    switch (context) {
    case CONTEXT_TEXT:
    case CONTEXT_EXACT:
        write_html(out, context, s);
        return;
    case CONTEXT_URL:
    case CONTEXT_OWN:
        if (!is_own(s) && (context == CONTEXT_OWN || !is_http(s)))
            s = STR("#");
        write_html(out, CONTEXT_TEXT, s);
        return;
    case CONTEXT_COMPONENT:
        url_encode(out, s);
        return;
    default:
        fatal("a context that no template has");
    }
}

static void write_named(struct writer *w, enum template_context context, const struct view *v,
                        str name)
{
    const struct view_entry *e = view_find(v, name);
    if (e && e->kind == VIEW_TEXT)
        write_value(w->out, context, e->text);
    else if (context == CONTEXT_URL || context == CONTEXT_OWN)
        BUF_LIT(w->out, "#");
}

/* {word} at the front of s: its length with the braces, and the word. 0: none. */
static size_t placeholder(str s, str *word)
{
    size_t end = 1;
    while (end < s.n && ((s.p[end] >= 'a' && s.p[end] <= 'z') ||
                         (s.p[end] >= '0' && s.p[end] <= '9') || s.p[end] == '_'))
        end++;
    *word = str_sub(s, 1, end);
    return end > 1 && end < s.n && s.p[end] == '}' ? end + 1 : 0;
}

/* Our own text: HTML in it is no HTML either, but its marks are meant. */
static void write_literal(struct writer *w, enum template_context context, str s)
{
    if (context == CONTEXT_COMPONENT) {
        url_encode(w->out, s);
        return;
    }
    for (size_t i = 0; i < s.n; i++) {
        const char *r = reference(s.p[i]);
        buf_put(w->out, r ? str_from(r) : str_sub(s, i, i + 1));
    }
}

static void write_message(struct writer *w, const struct node *node, const struct view *v)
{
    str s = w->messages ? w->messages->find(w->messages->catalogue, node->s) : (str){0};
    if (!s.p)
        s = node->s; /* a key on the page is a better sign of a gap than nothing */
    while (s.n > 0) {
        str word;
        size_t brace = str_find(s, '{', 0);
        write_literal(w, node->context, str_sub(s, 0, brace));
        s = str_sub(s, brace, s.n);
        if (s.n == 0)
            break;
        size_t n = placeholder(s, &word);
        if (n > 0)
            write_named(w, node->context, v, word);
        else
            write_literal(w, node->context, str_sub(s, 0, 1));
        s = str_sub(s, n > 0 ? n : 1, s.n);
    }
}

static void write_nodes(struct writer *w, const struct template *t, size_t from, size_t to,
                        const struct view *v);

static void write_section(struct writer *w, const struct template *t, size_t at,
                          const struct view *v)
{
    const struct node *node = &t->nodes[at];
    const struct view_entry *e = view_find(v, node->s);
    if (view_holds(e) != (node->kind == NODE_EACH))
        return;
    if (node->kind == NODE_UNLESS || e->kind != VIEW_LIST) {
        write_nodes(w, t, at + 1, node->end, v);
        return;
    }
    for (const struct view_item *item = e->items; item && !w->out->overflow; item = item->next)
        write_nodes(w, t, at + 1, node->end, item->view);
}

static void write_template(struct writer *w, str name, const struct view *v)
{
    const struct template *t = template_find(w->set, name);
    if (!t || w->parts == TEMPLATE_PARTS)
        fatal("no template %.*s, or too many in each other", STR_ARG(name));
    w->parts++;
    write_nodes(w, t, 0, t->n, v);
    w->parts--;
}

static void write_nodes(struct writer *w, const struct template *t, size_t from, size_t to,
                        const struct view *v)
{
    while (from < to && !w->out->overflow) {
        const struct node *node = &t->nodes[from];
        bool section = node->kind == NODE_EACH || node->kind == NODE_UNLESS;
        if (section)
            write_section(w, t, from, v);
        else if (node->kind == NODE_TEXT)
            buf_put(w->out, node->s);
        else if (node->kind == NODE_VALUE)
            write_named(w, node->context, v, node->s);
        else if (node->kind == NODE_MESSAGE)
            write_message(w, node, v);
        else
            write_template(w, node->s, v);
        from = section ? node->end : from + 1;
    }
}

void template_write(const struct template_set *s, struct arena *a, str name, const struct view *v,
                    const struct template_messages *m, struct buf *out)
{
    struct writer w = {.set = s, .messages = m, .out = out};
    (void)a; /* values are escaped straight into the output */
    write_template(&w, name, v);
}
