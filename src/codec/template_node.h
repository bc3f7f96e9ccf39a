/* template_node: a parsed template, for the files of codec/template alone. */
#ifndef CODEC_TEMPLATE_NODE_H
#define CODEC_TEMPLATE_NODE_H

#include "codec/template.h"

#define TEMPLATE_NESTING 32     /* sections in sections */
#define TEMPLATE_PARTS   8      /* templates in templates */
#define TEMPLATE_TEXT    262144 /* bytes of one */

/* How a value is written where it stands. */
enum template_context {
    CONTEXT_TEXT,      /* shown: text, <title>, most attributes */
    CONTEXT_EXACT,     /* sent back by the browser, byte for byte: the attribute `value` */
    CONTEXT_URL,       /* the beginning of a URL: http, https or a path of ours */
    CONTEXT_OWN,       /* the same, a path of ours alone (script src, link href) */
    CONTEXT_COMPONENT, /* inside a URL whose beginning the template wrote */
};

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_MESSAGE, NODE_EACH, NODE_UNLESS, NODE_PART };

struct node {
    enum node_kind kind;
    enum template_context context; /* NODE_VALUE, NODE_MESSAGE */
    str s;                         /* the text, the name, the key */
    size_t end;                    /* NODE_EACH, NODE_UNLESS: the first node behind the section */
    int line;
};

struct template
{
    str name; /* without ".html" */
    struct node *nodes;
    size_t n;
    struct template *next;
};

struct template_set {
    struct arena arena;
    struct template *first;
};

/* The one of that name, with or without ".html"; NULL when there is none. */
const struct template *template_find(const struct template_set *s, str name);
/* Reads `text` (kept as it is: it must live as long as the nodes) into t->nodes. */
enum err template_parse(struct arena *a, struct template *t, str text, char *why, size_t why_size);

enum view_kind { VIEW_TEXT, VIEW_FLAG, VIEW_LIST };

/* One item of a list. */
struct view_item {
    struct view *view;
    struct view_item *next;
};

struct view_entry {
    const char *name;
    enum view_kind kind;
    str text;
    bool on;
    struct view_item *items, *last;
    struct view_entry *next;
};

struct view {
    struct arena *arena;
    const struct view *outside; /* of an item: the view that has the list */
    struct view_entry *entries;
};

/* What the name stands for in v or outside of it; NULL: nothing. */
const struct view_entry *view_find(const struct view *v, str name);
/* It is there and not empty. */
bool view_holds(const struct view_entry *e);

#endif
