/* pool: a bounded queue and a few threads for what may block, so that it never holds up a worker.
 *
 * A server has two. The pool proper is for hashes (argon2) and runs at nice 19: a flood of sign-ins
 * takes what the workers leave, and never the other way round. The readers wait for a store that is
 * elsewhere; they burn little, so they run like anybody.
 *
 * The queue is bounded because work that waits longer than its client is wasted: a full queue is
 * answered with 503 and Retry-After (security.md A35). With pool.threads it also bounds the memory
 * that hashing takes: that many times the memory of one hash.
 * It is fair among sources: they are served in turn, and when it is full, whoever has more than an
 * equal share makes room for whoever has less. So a flood of wrong passwords from one address is
 * what is refused, and sign-ins from another wait for a few hashes; while there is room, one source
 * (which may be a proxy) may have all of it.
 *
 * Whatever a thread decides goes back to the exchange's worker, also what shall be committed: only
 * workers feed the committer, so its bound and its patience are in one place (conn.c).
 */
#include "net/pool.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/log.h"
#include "net/queue.h"
#include "net/worker.h"

void pool_init(struct pool *p, const struct net_app *app, const struct pool_kind *kind,
               int threads_n, int queue_max)
{
    p->app = app;
    p->kind = kind;
    p->threads_n = threads_n > 0 ? threads_n : 0;
    p->queue_max = queue_max > 0 ? queue_max : 0;
    p->threads = NULL;
    p->started = 0;
    p->stop = false;
    list_init(&p->sources);
    list_init(&p->unused);
    p->store = calloc((size_t)p->queue_max + 1, sizeof *p->store);
    if (!p->store)
        fatal("out of memory");
    for (int i = 0; i <= p->queue_max; i++)
        list_push_back(&p->unused, &p->store[i].link);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
}

/* Prefixes, as they are given out: who can send from one address can often do so from its
 * neighbours. Nobody is refused for them while there is room. */
static void write_key(str peer, char key[16])
{
    struct in6_addr six;
    struct in_addr four;
    char text[INET6_ADDRSTRLEN] = "";
    memset(key, 0, 16);
    if (peer.n < sizeof text)
        memcpy(text, peer.p, peer.n);
    if (strchr(text, ':') && inet_pton(AF_INET6, text, &six) == 1)
        memcpy(key, six.s6_addr, 8);
    else if (inet_pton(AF_INET, text, &four) == 1)
        memcpy(key, &four, 3);
    else
        memcpy(key, peer.p, peer.n < 16 ? peer.n : 16);
}

static struct pool_source *source_at(struct list *link)
{
    return LIST_ENTRY(link, struct pool_source, link);
}

/* The source of that peer, at the end of the turn if it is new. There are as many as places in the
 * queue, and one more for what has not got its place yet. */
static struct pool_source *source_of(struct pool *p, str peer)
{
    char key[16];
    write_key(peer, key);
    for (struct list *l = p->sources.next; l != &p->sources; l = l->next)
        if (memcmp(source_at(l)->key, key, sizeof key) == 0)
            return source_at(l);
    struct pool_source *s = source_at(queue_take(&p->unused));
    list_init(&s->queue);
    s->n = 0;
    memcpy(s->key, key, sizeof key);
    list_push_back(&p->sources, &s->link);
    return s;
}

static void release_if_idle(struct pool *p, struct pool_source *s)
{
    if (s->n > 0)
        return;
    list_remove(&s->link);
    list_push_back(&p->unused, &s->link);
}

static struct exchange *remove_one(struct pool *p, struct list *link)
{
    struct exchange *x = LIST_ENTRY(link, struct exchange, link);
    struct pool_source *s = slot_of(x)->waits;
    slot_of(x)->waits = NULL;
    list_remove(link);
    s->n--;
    atomic_fetch_sub_explicit(&p->queued, 1, memory_order_relaxed);
    release_if_idle(p, s);
    return x;
}

/* The newest of whoever has most, if that is more than s would have with one more; NULL: nobody has
 * more than his share. */
static struct exchange *make_room(struct pool *p, const struct pool_source *s)
{
    struct pool_source *most = NULL;
    for (struct list *l = p->sources.next; l != &p->sources; l = l->next)
        if (!most || source_at(l)->n > most->n)
            most = source_at(l);
    return most && most->n > s->n + 1 ? remove_one(p, most->queue.prev) : NULL;
}

bool pool_put(struct pool *p, struct exchange *x)
{
    struct exchange *gone = NULL;
    slot_of(x)->pool = p;
    pthread_mutex_lock(&p->lock);
    bool room = p->started > 0;
    if (room) {
        struct pool_source *s = source_of(p, x->req.peer);
        if (atomic_load_explicit(&p->queued, memory_order_relaxed) >= p->queue_max)
            room = (gone = make_room(p, s)) != NULL;
        if (room) {
            slot_of(x)->waits = s;
            list_push_back(&s->queue, &x->link);
            s->n++;
            atomic_fetch_add_explicit(&p->queued, 1, memory_order_relaxed);
            pthread_cond_signal(&p->wake);
        }
        release_if_idle(p, s);
    }
    pthread_mutex_unlock(&p->lock);
    if (gone) {
        gone->next = NET_BUSY;
        worker_post_batch(&gone, 1);
    }
    return room;
}

struct exchange *pool_cancel(struct pool *p, const struct worker *w)
{
    struct exchange *found = NULL;
    pthread_mutex_lock(&p->lock);
    for (struct list *k = p->sources.next; k != &p->sources && !found; k = k->next) {
        struct pool_source *s = source_at(k);
        for (struct list *l = s->queue.next; l != &s->queue && !found; l = l->next)
            if (LIST_ENTRY(l, struct exchange, link)->worker == w)
                found = LIST_ENTRY(l, struct exchange, link);
    }
    if (found)
        remove_one(p, &found->link);
    pthread_mutex_unlock(&p->lock);
    return found;
}

bool pool_drop(struct exchange *x)
{
    struct slot *slot = slot_of(x);
    struct pool *p = slot->pool;
    if (!p)
        return false;
    pthread_mutex_lock(&p->lock);
    bool waits = slot->waits != NULL;
    if (waits)
        remove_one(p, &x->link);
    pthread_mutex_unlock(&p->lock);
    return waits;
}

/* The oldest of the source whose turn it is, which then goes to the end; NULL when the pool stops.
 */
static struct exchange *take(struct pool *p)
{
    struct exchange *x = NULL;
    pthread_mutex_lock(&p->lock);
    while (list_empty(&p->sources) && !p->stop)
        pthread_cond_wait(&p->wake, &p->lock);
    if (!list_empty(&p->sources)) {
        struct pool_source *s = source_at(p->sources.next);
        list_remove(&s->link);
        list_push_back(&p->sources, &s->link);
        x = remove_one(p, s->queue.next);
    }
    pthread_mutex_unlock(&p->lock);
    return x;
}

/* What a thread of a pool cannot read itself no reader can: it would go in circles. */
static enum net_next checked(enum net_next next)
{
    if (next != NET_READ)
        return next;
    log_note(LOG_ERROR, "read", "a thread that may wait itself asked for a reader: refused");
    return NET_BUSY;
}

static void *run(void *arg)
{
    struct pool *p = arg;
    char name[24];
    snprintf(name, sizeof(name), "%s-%d", p->kind->name, atomic_fetch_add(&p->named, 1));
    /* Linux: niceness is a thread's own. Failing is harmless. */
    if (p->kind->nice != 0)
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), p->kind->nice);
    void *thread = p->app->thread_open(p->app->app, name);
    if (!thread)
        fatal("%s could not open what it needs", name);
    pthread_barrier_wait(p->opened);
    for (struct exchange *x; (x = take(p));) {
        x->next = checked(p->app->handle_slow(thread, x));
        ct_wipe_stack(); /* it rests now, and what the request brought lies in local variables */
        worker_post_batch(&x, 1);
    }
    p->app->thread_close(thread);
    return NULL;
}

void pool_start(struct pool *p, pthread_barrier_t *opened)
{
    p->opened = opened;
    p->threads = calloc((size_t)p->threads_n + 1, sizeof(pthread_t));
    if (!p->threads)
        fatal("out of memory");
    for (int i = 0; i < p->threads_n; i++) {
        if (pthread_create(&p->threads[i], NULL, run, p) != 0)
            fatal("no thread %s-%d: too many threads or no memory", p->kind->name, i);
        p->started++;
    }
}

void pool_stop(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->started; i++)
        pthread_join(p->threads[i], NULL);
    p->started = 0;
}

void pool_free(struct pool *p)
{
    free(p->threads);
    free(p->store);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
}
