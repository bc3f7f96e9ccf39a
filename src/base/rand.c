/* rand: getrandom(2), with a small store per thread.
 *
 * A token request draws several times 16 to 32 bytes; one system call for each would be a
 * noticeable part of its time. So a thread draws 512 bytes at once and hands them out, each byte
 * once: what was handed out is wiped here at that moment. A forked child must not repeat its
 * parent's bytes, so it empties the store of its only thread first.
 */
#include "base/rand.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/ct.h"
#include "base/log.h"

static _Thread_local struct {
    unsigned char b[512];
    size_t left; /* the last `left` bytes of b are unused */
} store;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void from_kernel(void *p, size_t n)
{
    unsigned char *at = p;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            fatal("the kernel gave no random bytes: %s", strerror(errno));
        at += got;
        n -= (size_t)got;
    }
}

static void forget(void)
{
    ct_wipe(&store, sizeof(store));
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, forget) != 0)
        fatal("no memory for a fork handler");
}

void rand_bytes(void *p, size_t n)
{
    if (n > sizeof(store.b) / 4) {
        from_kernel(p, n);
        return;
    }
    if (n > store.left) {
        pthread_once(&once, watch_forks);
        from_kernel(store.b, sizeof(store.b));
        store.left = sizeof(store.b);
    }
    unsigned char *from = store.b + sizeof(store.b) - store.left;
    if (n > 0)
        memcpy(p, from, n);
    ct_wipe(from, n);
    store.left -= n;
}
