/* template_parse: a template's text as a flat list of nodes.
 *
 * Literal text goes past the HTML walker as it is read, so the walker knows at every {{tag}} where
 * it stands; a value gets its context there, once, and writing only looks at the node. A section
 * may or may not be written, so the places before and behind it must be one (template_html_join).
 * A part and a whole template begin and end in text, which is why parts need no look into each
 * other. Nothing is trimmed: white space is the author's.
 * Left out on purpose: unescaped values, changing delimiters, "." for the item itself.
 */
#include <stdarg.h>
#include <stdio.h>

#include "codec/template_html.h"
#include "codec/url.h"

struct parser {
    struct arena *a;
    struct template *t;
    str text;
    size_t at; /* where literal text goes on */
    size_t room;
    struct html html;
    struct {
        size_t node;
        int line;
        struct html before;
    } open[TEMPLATE_NESTING];
    size_t depth;
    char *why;
    size_t why_size;
};

static int line_of(const struct parser *p, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at && i < p->text.n; i++)
        line += p->text.p[i] == '\n';
    return line;
}

static enum err refuse(const struct parser *p, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum err refuse(const struct parser *p, size_t at, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(p->why, p->why_size, "%.*s.html:%d: %s", STR_ARG(p->t->name), line_of(p, at), what);
    return ERR_INVALID_REQUEST;
}

static struct node *add(struct parser *p, enum node_kind kind, str s, size_t at)
{
    struct template *t = p->t;
    ARENA_MORE(p->a, t->nodes, t->n, p->room);
    t->nodes[t->n] = (struct node){.kind = kind, .s = s, .line = line_of(p, at)};
    return &t->nodes[t->n++];
}

static enum err read_text(struct parser *p, size_t end)
{
    size_t walked = 0;
    str s = str_sub(p->text, p->at, end);
    const char *wrong = template_html_walk(&p->html, s, &walked);
    if (wrong)
        return refuse(p, p->at + walked - (walked > 0), "%s", wrong);
    if (s.n > 0)
        add(p, NODE_TEXT, s, p->at);
    return OK;
}

/* a-z, 0-9, "_", and "." in keys of messages. */
static bool is_name(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.')
            return false;
    }
    return s.n > 0;
}

static enum err read_value(struct parser *p, str name)
{
    enum template_context context;
    bool message = str_starts(name, STR("t."));
    const char *wrong = template_html_value(&p->html, &context);
    if (wrong)
        return refuse(p, p->at, "%s: {{%.*s}}", wrong, STR_ARG(name));
    if (message && (context == CONTEXT_URL || context == CONTEXT_OWN))
        return refuse(p, p->at, "a message where a URL must begin: {{%.*s}}", STR_ARG(name));
    if (!message && str_find(name, '.', 0) < name.n)
        return refuse(p, p->at, "a name with a dot; only messages have them: {{%.*s}}",
                      STR_ARG(name));
    name = message ? str_sub(name, 2, name.n) : name;
    add(p, message ? NODE_MESSAGE : NODE_VALUE, name, p->at)->context = context;
    return OK;
}

static enum err open_section(struct parser *p, enum node_kind kind, str name)
{
    if (p->depth == TEMPLATE_NESTING)
        return refuse(p, p->at, "more than %d sections in each other", TEMPLATE_NESTING);
    template_html_pause(&p->html);
    add(p, kind, name, p->at);
    p->open[p->depth].node = p->t->n - 1;
    p->open[p->depth].line = line_of(p, p->at);
    p->open[p->depth++].before = p->html;
    return OK;
}

static enum err close_section(struct parser *p, str name)
{
    if (p->depth == 0)
        return refuse(p, p->at, "{{/%.*s}} ends a section that was not begun", STR_ARG(name));
    p->depth--;
    struct node *begin = &p->t->nodes[p->open[p->depth].node];
    if (!str_eq(begin->s, name))
        return refuse(p, p->at, "{{/%.*s}} where {{/%.*s}} must be (line %d)", STR_ARG(name),
                      STR_ARG(begin->s), p->open[p->depth].line);
    template_html_pause(&p->html);
    if (!template_html_join(&p->html, &p->open[p->depth].before))
        return refuse(p, p->at,
                      "section {{#%.*s}} (line %d) ends in another place of the HTML than it "
                      "began: inside of a tag, a value, a title or the like",
                      STR_ARG(name), p->open[p->depth].line);
    begin->end = p->t->n;
    return OK;
}

static enum err read_part(struct parser *p, str name)
{
    if (p->html.place != HTML_TEXT)
        return refuse(p, p->at, "{{>%.*s}} inside of a tag; parts may stand in text only",
                      STR_ARG(name));
    add(p, NODE_PART, name, p->at);
    return OK;
}

/* What stands between "{{" and "}}". */
static enum err read_tag(struct parser *p, str tag)
{
    str inner = str_trim(tag);
    char sigil = inner.n ? inner.p[0] : '\0';
    bool marked = sigil != '\0' && strchr("#^/>!", sigil);
    str name = marked ? str_trim(str_sub(inner, 1, inner.n)) : inner;

    if (sigil == '!') {
        template_html_pause(&p->html);
        return OK;
    }
    if (!is_name(name))
        return refuse(p, p->at, "a name must be of a-z, 0-9 and _: {{%.*s}}",
                      (int)(tag.n < 40 ? tag.n : 40), tag.p);
    switch (sigil) {
    case '#':
        return open_section(p, NODE_EACH, name);
    case '^':
        return open_section(p, NODE_UNLESS, name);
    case '/':
        return close_section(p, name);
    case '>':
        return read_part(p, name);
    default:
        return read_value(p, name);
    }
}

/* Position of the pair of braces at or behind `from`; text.n: none. */
static size_t find_pair(str text, char brace, size_t from)
{
    while ((from = str_find(text, brace, from)) < text.n) {
        if (from + 1 < text.n && text.p[from + 1] == brace)
            return from;
        from++;
    }
    return text.n;
}

static enum err read_all(struct parser *p)
{
    enum err e = OK;
    while (e == OK && p->at < p->text.n) {
        size_t begin = find_pair(p->text, '{', p->at);
        if ((e = read_text(p, begin)) != OK)
            return e;
        p->at = begin;
        if (begin == p->text.n)
            break;
        size_t end = find_pair(p->text, '}', begin + 2);
        if (end == p->text.n)
            return refuse(p, begin, "a {{ without its }}");
        e = read_tag(p, str_sub(p->text, begin + 2, end));
        p->at = end + 2;
    }
    return e;
}

enum err template_parse(struct arena *a, struct template *t, str text, char *why, size_t why_size)
{
    struct parser p = {.a = a, .t = t, .text = text, .why = why, .why_size = why_size};
    enum err e;
    if (text.n > TEMPLATE_TEXT)
        return refuse(&p, 0, "longer than %d bytes", TEMPLATE_TEXT);
    if (!url_is_utf8(text))
        return refuse(&p, 0, "not UTF-8");
    if ((e = read_all(&p)) != OK)
        return e;
    if (p.depth > 0)
        return refuse(&p, text.n, "{{#%.*s}} of line %d has no end",
                      STR_ARG(t->nodes[p.open[p.depth - 1].node].s), p.open[p.depth - 1].line);
    if (p.html.place != HTML_TEXT)
        return refuse(&p, text.n, "ends inside of a tag, comment or <%.*s>", STR_ARG(p.html.tag));
    return OK;
}
