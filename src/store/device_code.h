/* device_code: a device that waits for a person (RFC 8628).
 *
 * Found by the id in the device code (HANDLE_DEVICE) or by the keyed hash of the user code. Polls
 * and their interval are durable: slow_down holds over restarts and nodes.
 */
#ifndef STORE_DEVICE_CODE_H
#define STORE_DEVICE_CODE_H

#include "base/id.h"
#include "crypto/signer.h"
#include "store/effects.h"
#include "store/handle.h"

enum device_state { DEVICE_WAITING, DEVICE_APPROVED, DEVICE_DENIED, DEVICE_SPENT };

struct device_code {
    struct id id;
    struct digest hash, user_code;
    struct uid client;
    int dialect;
    enum spelling spelling;
    str scope, resources;
    enum device_state state;
    struct id grant; /* APPROVED: the user_grant */
    int64_t interval_s, polled_s, exp_s;
};

enum err device_code_load(struct db *db, struct arena *a, const struct id *id,
                          struct device_code *out);
enum err device_code_find(struct db *db, struct arena *a, const struct digest *user_code,
                          struct device_code *out);
/* Expects that both codes are new. */
void device_code_put(struct effects *fx, const struct device_code *d);
/* Expects WAITING. */
void device_code_approve(struct effects *fx, const struct id *id, const struct id *grant);
void device_code_deny(struct effects *fx, const struct id *id);
/* Expects APPROVED. */
void device_code_spend(struct effects *fx, const struct id *id);
/* KEEP: a poll in time. Expects that nobody polled since d was loaded: of two at once one misses,
 * runs again, and is too early. */
void device_code_polled(struct effects *fx, const struct device_code *d, int64_t now_s);
/* KEEP: one that is too early raises the interval by 5 s (RFC 8628 3.5). */
void device_code_polled_early(struct effects *fx, const struct id *id, int64_t now_s);
enum err device_code_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);
/* HMAC-SHA-256(pepper, "user_code" ‖ code in upper case without separators).
 * ERR_UNAVAILABLE: the keys are away. */
enum err device_code_hash(struct signer *s, const struct key *pepper, str code, struct digest *out);

#endif
