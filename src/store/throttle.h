/* throttle: failed attempts that must be counted durably before they are judged.
 *
 * Used where judging is slow (argon2id): the count is a commutative upsert, made durable by
 * rq_commit before the hash, so 200 parallel guesses count as 200 (DESIGN.md 1).
 */
#ifndef STORE_THROTTLE_H
#define STORE_THROTTLE_H

#include "store/effects.h"

struct throttle {
    int64_t attempts, last_s, window_end_s; /* all 0: none in the current window */
};

enum { THROTTLE_KEYS = 4 };

/* What is counted under each of n different keys, at most THROTTLE_KEYS, in one query; a key with
 * p == NULL counts nothing. */
enum err throttle_look(struct db *db, const str *keys, size_t n, int64_t now_s,
                       struct throttle *out);
/* Attempts of that key ("client:<uuid>") in the current window; the window starts at the first. */
enum err throttle_load(struct db *db, str key, int64_t now_s, int64_t *attempts,
                       int64_t *window_end_s);
/* KEEP. */
void throttle_count(struct effects *fx, str key, int64_t now_s, int64_t window_s);
/* DROP: one attempt less, since it was none: of a source that others use too. */
void throttle_forgive(struct effects *fx, str key);
/* DROP: a success clears the count. */
void throttle_clear(struct effects *fx, str key);
enum err throttle_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);

#endif
