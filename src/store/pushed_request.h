/* pushed_request: authorization requests that were pushed (RFC 9126).
 *
 * Found by the id in the request_uri, proven by the hash (HANDLE_PUSHED). Opening it again before
 * the authorization is done works; finishing spends it, by one conditional statement.
 */
#ifndef STORE_PUSHED_REQUEST_H
#define STORE_PUSHED_REQUEST_H

#include "store/effects.h"
#include "store/handle.h"

struct pushed_request {
    struct id id;
    struct digest hash;
    struct uid client;
    str params; /* form-encoded, without client authentication */
    int64_t exp_s;
    int64_t spent_s; /* 0: not finished */
};

enum err pushed_request_load(struct db *db, struct arena *a, const struct id *id,
                             struct pushed_request *out);
void pushed_request_put(struct effects *fx, const struct pushed_request *p);
/* Expects that it was unspent. */
void pushed_request_spend(struct effects *fx, const struct id *id, int64_t now_s);
enum err pushed_request_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);

#endif
