/* backup_head: what a backup says of itself in clear, in front of its sealed rows.
 *
 *     postern backup 1
 *     {"program":"0.9.0","schema":4,"created_s":1795331916,"store":"sqlite","seal":{...},
 *      "master_keys":["0011223344556677"]}
 *
 * Two lines (the second one is not folded); `head -n 2 FILE` shows them. They are authenticated by
 * each chunk behind them, so they are to be believed only when the first one has opened.
 */
#ifndef CRYPTO_BACKUP_HEAD_H
#define CRYPTO_BACKUP_HEAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/seal.h"
#include "crypto/stream.h"

#define BACKUP_HEAD_MAGIC "postern backup " /* every format of it begins so */

enum { BACKUP_HEAD_MAX = 8192, BACKUP_MASTERS = 16 };

struct backup_head {
    str program; /* version of the postern that made it */
    int64_t schema;
    int64_t created_s;
    str store; /* "sqlite", "postgresql" */
    struct stream_seal seal;
    size_t masters_n; /* fingerprints of the master keys that open the rows of table key */
    uint8_t masters[BACKUP_MASTERS][SEAL_FINGERPRINT_BYTES];
};

void backup_head_write(struct buf *out, const struct backup_head *head);
/* `front`: the first bytes of a file, BACKUP_HEAD_MAX of them if it has so many. *size: how long
 * the head is. Texts lie in the arena. ERR_INVALID_REQUEST: `why` says what is wrong. */
enum err backup_head_parse(struct arena *a, str front, struct backup_head *out, size_t *size,
                           char *why, size_t why_size);

#endif
