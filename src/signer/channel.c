/* channel: calls through shared memory and futexes; see channel.h.
 *
 * Wake-ups cost more than what they carry, so nobody is woken who does not sleep: a word is changed
 * by its owner and then woken, and a side that finds its word changed already does not sleep.
 */
#include "signer/channel.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    SOON_MS = 250,  /* a signer that is expected back by then is waited for */
    START_MS = 500, /* how long it may take to begin */
};

const char *channel_process_name(enum channel_process p)
{
    static const char *const names[CHANNEL_PROCESSES] = {"signer", "outbound", "network",
                                                         "supervisor"};
    return names[p];
}

/* ms < 0: for ever. Returns early for any reason. */
static void futex_wait(atomic_uint *word, unsigned while_it_is, int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    syscall(SYS_futex, word, FUTEX_WAIT, while_it_is, ms < 0 ? NULL : &t, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static size_t shared_size(size_t channels)
{
    return sizeof(struct channel_shared) + channels * sizeof(struct channel);
}

struct channel_region *channel_region_new(size_t channels)
{
    struct channel_region *r = malloc(sizeof *r);
    if (!r)
        return NULL;
    void *p = mmap(NULL, shared_size(channels), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        free(r);
        return NULL;
    }
    *r = (struct channel_region){.shared = p, .channels_n = channels};
    r->channels = r->shared->channels;
    atomic_store(&r->shared->generation, 1);
    return r;
}

void channel_region_free(struct channel_region *r)
{
    if (r)
        munmap(r->shared, shared_size(r->channels_n));
    free(r);
}

void channel_region_renew(struct channel_region *r)
{
    /* A hole in shared memory reads as zeros, in all processes that map it. */
    if (madvise(r->shared, shared_size(r->channels_n), MADV_REMOVE) != 0)
        memset(r->shared, 0, shared_size(r->channels_n));
    atomic_store(&r->shared->generation, 1);
}

void channel_up(struct channel_region *r)
{
    atomic_uint *generation = &r->shared->generation;
    atomic_store(generation, (atomic_load(generation) | 1) + 1);
    futex_wake(generation);
}

void channel_down(struct channel_region *r, int64_t back_ms)
{
    atomic_store(&r->shared->back_ms, back_ms);
    atomic_fetch_or(&r->shared->generation, 1);
    futex_wake(&r->shared->generation);
    for (size_t i = 0; i < r->channels_n; i++)
        futex_wake(&r->channels[i].done);
}

static bool is_up(struct channel_region *r)
{
    return (atomic_load(&r->shared->generation) & 1) == 0;
}

void channel_await(struct channel_region *r, int ms)
{
    int64_t until_ms = clock_mono_ms() + ms, left_ms;
    unsigned generation;
    while (((generation = atomic_load(&r->shared->generation)) & 1) != 0 &&
           (left_ms = until_ms - clock_mono_ms()) > 0)
        futex_wait(&r->shared->generation, generation, left_ms);
}

enum err channel_ready(struct channel_region *r, struct channel *c)
{
    int64_t now_ms = clock_mono_ms(), back_ms = atomic_load(&r->shared->back_ms);
    unsigned generation;
    if (!is_up(r) && back_ms > now_ms + SOON_MS)
        return ERR_UNAVAILABLE;
    int64_t until_ms = (back_ms > now_ms ? back_ms : now_ms) + START_MS;
    while (((generation = atomic_load(&r->shared->generation)) & 1) != 0) {
        if ((now_ms = clock_mono_ms()) >= until_ms)
            return ERR_UNAVAILABLE;
        futex_wait(&r->shared->generation, generation, until_ms - now_ms);
    }
    return atomic_load(&c->done) == atomic_load(&c->call) ? OK : ERR_UNAVAILABLE;
}

enum err channel_call(struct channel_region *r, struct channel *c, size_t n, int ms,
                      uint8_t *answer, size_t *answer_n)
{
    unsigned mine = atomic_load(&c->call) + 1, done;
    int64_t until_ms = clock_mono_ms() + ms, now_ms;
    atomic_store_explicit(&c->request_n, (unsigned)n, memory_order_relaxed);
    atomic_store(&c->call, mine);
    futex_wake(&c->call);
    while ((done = atomic_load(&c->done)) != mine) {
        if (!is_up(r) || (now_ms = clock_mono_ms()) >= until_ms)
            return ERR_UNAVAILABLE;
        futex_wait(&c->done, done, until_ms - now_ms);
    }
    *answer_n = atomic_load_explicit(&c->answer_n, memory_order_relaxed);
    if (*answer_n > CHANNEL_ROOM)
        *answer_n = 0; /* nothing that it could mean */
    memcpy(answer, c->answer, *answer_n);
    return OK;
}

bool channel_next(struct channel *c, unsigned *seen, const atomic_bool *stop, uint8_t *request,
                  size_t *n)
{
    unsigned call;
    while ((call = atomic_load(&c->call)) == *seen) {
        if (atomic_load(stop))
            return false;
        futex_wait(&c->call, call, -1);
    }
    *seen = call;
    *n = atomic_load_explicit(&c->request_n, memory_order_relaxed);
    if (*n > CHANNEL_ROOM)
        *n = 0; /* nothing that it could mean */
    memcpy(request, c->request, *n);
    return true;
}

void channel_answer(struct channel *c, unsigned seen, const uint8_t *answer, size_t n)
{
    memcpy(c->answer, answer, n);
    atomic_store_explicit(&c->answer_n, (unsigned)n, memory_order_relaxed);
    atomic_store(&c->done, seen);
    futex_wake(&c->done);
}

void channel_poke(struct channel *c)
{
    futex_wake(&c->call);
}
