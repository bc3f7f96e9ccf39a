/* channel: memory that the network process and the signer share, and how one calls the other.
 *
 * The supervisor makes one region before it starts either; it outlives both. A channel has one
 * caller, a thread of the network process, and one thread of the signer. A call writes its request,
 * then its number into `call`; the signer answers and writes that number into `done`. Each side
 * sleeps on the other's word (futex). The caller gives up at its deadline; until the signer has
 * caught up the channel then is of no use, and further calls fail at once.
 *
 * The region's generation counts the signers: even while one serves, odd while there is none. A
 * signer that begins answers whatever its predecessor left open by CHANNEL_NO_KEYS, since it has
 * been given none.
 *
 * Neither side trusts what lies in here: lengths are read once and bounded, requests and answers
 * copied before they are looked at, and how many channels there are each process remembers itself.
 * What a network process has left in here ends with it: the supervisor renews the region.
 */
#ifndef SIGNER_CHANNEL_H
#define SIGNER_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CHANNEL_ROOM =
        262144, /* bytes of a request, and of an answer; only what is used costs memory */
    CHANNEL_MOST = 512,
    CHANNEL_BATCH = 64, /* JWTs of one call, or hashes */
    CHANNEL_ROWS = 160, /* keys of a store */
    CHANNEL_WHY = 1024,
};

/* What may be asked. The first byte of a request. */
enum channel_op { CHANNEL_OPEN = 1, CHANNEL_MAKE, CHANNEL_SIGN, CHANNEL_HMAC, CHANNEL_SUBKEY };

/* The first byte of an answer. */
enum channel_said {
    CHANNEL_ANSWERED = 1, /* the rest depends on the question */
    CHANNEL_NO_KEYS,      /* it has to be given the keys first */
    CHANNEL_MALFORMED,    /* the request is none */
};

struct channel {
    _Alignas(64) atomic_uint call; /* number of the newest request */
    atomic_uint request_n;
    _Alignas(64) atomic_uint done; /* number of the request that was answered last */
    atomic_uint answer_n;
    _Alignas(64) uint8_t request[CHANNEL_ROOM];
    uint8_t answer[CHANNEL_ROOM];
};

/* The processes that the supervisor starts, and what it tells of them (/metrics). */
enum channel_process { CHANNEL_SIGNER, CHANNEL_OUTBOUND, CHANNEL_NETWORK, CHANNEL_SUPERVISOR };
enum { CHANNEL_PROCESSES = CHANNEL_SUPERVISOR + 1 };
/* "signer", "outbound", "network", "supervisor". */
const char *channel_process_name(enum channel_process p);

struct channel_figures {
    atomic_int pid; /* 0: it is not there */
    atomic_llong restarts, cpu_us, resident_bytes;
};

/* The memory itself. */
struct channel_shared {
    _Alignas(64) atomic_uint generation; /* of signers: even while one serves */
    atomic_llong back_ms; /* without one: when the next is started, by the monotonic clock */
    struct channel_figures processes[CHANNEL_PROCESSES];
    struct channel channels[];
};

/* Where it is and how large, which no other process can change. */
struct channel_region {
    struct channel_shared *shared;
    struct channel *channels; /* of it */
    size_t channels_n;
};

/* A region of so many channels that children of this process share. NULL: errno says why. */
struct channel_region *channel_region_new(size_t channels);
/* Takes it out of this process's memory; those of others stay. NULL is fine. */
void channel_region_free(struct channel_region *r);
/* As new, without a signer, and its memory given back. Nobody else may be using it. */
void channel_region_renew(struct channel_region *r);

/* A signer serves: the generation becomes even. By the signer. */
void channel_up(struct channel_region *r);
/* There is none until about back_ms; who waits for an answer is woken. By the supervisor. */
void channel_down(struct channel_region *r, int64_t back_ms);

/* Waits at most ms for a signer; for a process that begins beside it. */
void channel_await(struct channel_region *r, int ms);

/* One call: n bytes of `c->request` were written by the caller. *answer_n bytes are copied to
 * `answer`, of CHANNEL_ROOM bytes. ERR_UNAVAILABLE: no signer, or no answer within ms. */
enum err channel_call(struct channel_region *r, struct channel *c, size_t n, int ms,
                      uint8_t *answer, size_t *answer_n);
/* The caller's side before it writes a request: is the channel free and a signer there? One that
 * will be started within a moment is waited for. */
enum err channel_ready(struct channel_region *r, struct channel *c);

/* The signer's side: sleeps until there is a request that is not number *seen, and copies it to
 * `request`, of CHANNEL_ROOM bytes. False: *stop was set (channel_poke wakes). */
bool channel_next(struct channel *c, unsigned *seen, const atomic_bool *stop, uint8_t *request,
                  size_t *n);
/* Answers request number `seen` by n bytes. */
void channel_answer(struct channel *c, unsigned seen, const uint8_t *answer, size_t n);
/* Wakes who sleeps in channel_next. */
void channel_poke(struct channel *c);

#endif
