/* queue: taking a whole list at once. Committer, pool and workers hand exchanges over by it. */
#ifndef NET_QUEUE_H
#define NET_QUEUE_H

#include "base/list.h"

/* Appends all of `from` to `to`; `from` is empty then. */
static inline void queue_move(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* The first node, removed; NULL when there is none. */
static inline struct list *queue_take(struct list *from)
{
    if (list_empty(from))
        return NULL;
    struct list *first = from->next;
    list_remove(first);
    return first;
}

#endif
