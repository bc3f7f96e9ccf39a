/* template: a set of templates, read at start and then only looked at.
 *
 * One arena holds the texts and what they were read into; a template that replaces another hides
 * it. What a single text cannot show, parts that are not there or that contain themselves, is for
 * template_check, so that writing needs no error path.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "codec/template_node.h"

#define SET_BYTES (32 << 20)

struct template_set *template_set_new(void)
{
    struct template_set *s = calloc(1, sizeof *s);
    if (!s)
        fatal("out of memory for the templates");
    arena_init(&s->arena, SET_BYTES);
    return s;
}

void template_set_free(struct template_set *s)
{
    if (!s)
        return;
    arena_free(&s->arena);
    free(s);
}

static str bare(str name)
{
    const str suffix = STR(".html");
    return str_ends(name, suffix) ? str_sub(name, 0, name.n - suffix.n) : name;
}

const struct template *template_find(const struct template_set *s, str name)
{
    const struct template *t = s->first;
    while (t && !str_eq(t->name, bare(name)))
        t = t->next;
    return t;
}

enum err template_add(struct template_set *s, str name, str text, char *why, size_t why_size)
{
    struct template *t = ARENA_NEW(&s->arena, struct template);
    t->name = arena_dup(&s->arena, bare(name));
    if (text.n <= TEMPLATE_TEXT)
        text = arena_dup(&s->arena, text);
    enum err e = template_parse(&s->arena, t, text, why, why_size);
    if (e != OK)
        return e;
    t->next = s->first;
    s->first = t;
    return OK;
}

/* t and its parts, `depth` templates deep. */
static enum err check_parts(const struct template_set *s, const struct template *t, int depth,
                            char *why, size_t why_size)
{
    enum err e = OK;
    for (size_t i = 0; i < t->n && e == OK; i++) {
        const struct node *node = &t->nodes[i];
        if (node->kind != NODE_PART)
            continue;
        const struct template *part = template_find(s, node->s);
        const char *wrong = !part                     ? "there is no template of that name"
                            : depth == TEMPLATE_PARTS ? "it contains itself, or is too deep"
                                                      : NULL;
        if (wrong) {
            snprintf(why, why_size, "%.*s.html:%d: {{>%.*s}}: %s", STR_ARG(t->name), node->line,
                     STR_ARG(node->s), wrong);
            return ERR_INVALID_REQUEST;
        }
        e = check_parts(s, part, depth + 1, why, why_size);
    }
    return e;
}

enum err template_check(const struct template_set *s, char *why, size_t why_size)
{
    enum err e = OK;
    for (const struct template *t = s->first; t && e == OK; t = t->next)
        e = check_parts(s, t, 1, why, why_size);
    return e;
}

void template_each_message(const struct template_set *s, void (*each)(void *ctx, str key),
                           void *ctx)
{
    for (const struct template *t = s->first; t; t = t->next)
        for (size_t i = 0; i < t->n && template_find(s, t->name) == t; i++)
            if (t->nodes[i].kind == NODE_MESSAGE)
                each(ctx, t->nodes[i].s);
}
