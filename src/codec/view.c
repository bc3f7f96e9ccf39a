/* view: what the names of a template stand for, in a request's arena.
 *
 * A short list per view, searched from its front: a page has a few dozen names. An item of a list
 * is a view of its own that knows the one around it, so inner names hide outer ones, even when they
 * are empty.
 */
#include "codec/template_node.h"

struct view *view_new(struct arena *a)
{
    struct view *v = ARENA_NEW(a, struct view);
    v->arena = a;
    return v;
}

static struct view_entry *find_here(const struct view *v, str name)
{
    struct view_entry *e = v->entries;
    while (e && !str_eq(str_from(e->name), name))
        e = e->next;
    return e;
}

const struct view_entry *view_find(const struct view *v, str name)
{
    const struct view_entry *e = NULL;
    for (; v && !e; v = v->outside)
        e = find_here(v, name);
    return e;
}

bool view_holds(const struct view_entry *e)
{
    return e && (e->kind == VIEW_TEXT ? e->text.n > 0 : e->kind == VIEW_LIST || e->on);
}

/* The entry of that name, new or to be filled again. */
static struct view_entry *entry(struct view *v, const char *name, enum view_kind kind)
{
    struct view_entry *e = find_here(v, str_from(name));
    if (!e) {
        e = ARENA_NEW(v->arena, struct view_entry);
        e->next = v->entries;
        v->entries = e;
    } else if (e->kind == VIEW_LIST && kind == VIEW_LIST) {
        return e;
    }
    *e = (struct view_entry){.name = name, .kind = kind, .next = e->next};
    return e;
}

void view_text(struct view *v, const char *name, str value)
{
    entry(v, name, VIEW_TEXT)->text = value;
}

void view_flag(struct view *v, const char *name, bool on)
{
    entry(v, name, VIEW_FLAG)->on = on;
}

struct view *view_item(struct view *v, const char *list)
{
    struct view_entry *e = entry(v, list, VIEW_LIST);
    struct view_item *item = ARENA_NEW(v->arena, struct view_item);
    item->view = view_new(v->arena);
    item->view->outside = v;
    if (e->last)
        e->last->next = item;
    else
        e->items = item;
    e->last = item;
    return item->view;
}
