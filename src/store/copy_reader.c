/* copy_reader: a thread that reads one page while the caller writes the other.
 *
 * Reading and writing cost about the same and wait for different engines, so a copy takes half as
 * long. The thread has the source's handle for itself meanwhile. A page's last row is where the
 * next one continues; its bytes stay, since its place is filled again only after the next page.
 */
#include "store/copy_reader.h"

#include "base/log.h"

void copy_reader_init(struct copy_reader *r, struct arena *a, size_t page_cap)
{
    *r = (struct copy_reader){.made = true};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    for (int i = 0; i < 2; i++) {
        arena_init(&r->pages[i].arena, page_cap);
        r->pages[i].rows = ARENA_ARRAY(a, struct table_row, COPY_PAGE);
    }
}

void copy_reader_free(struct copy_reader *r)
{
    if (!r->made)
        return;
    for (int i = 0; i < 2; i++)
        arena_free(&r->pages[i].arena);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
}

/* False: the caller has enough. */
static bool wait_until(struct copy_reader *r, const struct copy_page *p, bool full)
{
    pthread_mutex_lock(&r->lock);
    while (p->full != full && !r->over)
        pthread_cond_wait(&r->changed, &r->lock);
    bool go_on = !r->over;
    pthread_mutex_unlock(&r->lock);
    return go_on;
}

static void set_full(struct copy_reader *r, struct copy_page *p, bool full)
{
    pthread_mutex_lock(&r->lock);
    p->full = full;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void sum_up(const struct copy_reader *r, struct copy_page *p)
{
    p->digest = 0;
    for (size_t i = 0; r->sums && p->outcome == OK && i < p->n; i++)
        p->digest += table_digest(r->table, &p->rows[i]);
}

static void *read_pages(void *arg)
{
    struct copy_reader *r = arg;
    bool more = true;
    for (int turn = 0; more && wait_until(r, &r->pages[turn], false); turn = !turn) {
        struct copy_page *p = &r->pages[turn];
        arena_reset(&p->arena);
        p->outcome = table_page(r->db, &p->arena, r->table, r->has_after ? &r->after : NULL,
                                COPY_PAGE, p->rows, &p->n);
        sum_up(r, p);
        more = p->outcome == OK && p->n == COPY_PAGE;
        if (more)
            r->after = p->rows[p->n - 1];
        r->has_after = true;
        set_full(r, p, true);
    }
    table_digest_end();
    return NULL;
}

void copy_reader_start(struct copy_reader *r, struct db *db, const struct table *t,
                       const struct table_row *after, bool sums)
{
    r->db = db;
    r->table = t;
    r->sums = sums;
    r->has_after = after != NULL;
    if (after)
        r->after = *after;
    r->turn = 0;
    r->over = r->pages[0].full = r->pages[1].full = false;
    if (pthread_create(&r->thread, NULL, read_pages, r) != 0)
        fatal("cannot start a thread");
}

struct copy_page *copy_reader_take(struct copy_reader *r)
{
    struct copy_page *p = &r->pages[r->turn];
    wait_until(r, p, true);
    return p;
}

void copy_reader_give(struct copy_reader *r)
{
    struct copy_page *p = &r->pages[r->turn];
    r->turn = !r->turn;
    set_full(r, p, false);
}

void copy_reader_stop(struct copy_reader *r)
{
    pthread_mutex_lock(&r->lock);
    r->over = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
}
