/* audit_verify: chains of the audit log recomputed, from a store or from an exported file. */
#ifndef CMD_AUDIT_VERIFY_H
#define CMD_AUDIT_VERIFY_H

#include "cmd/cmd.h"
#include "store/audit_link.h"

/* `postern audit verify`. CMD_FAILED, with the first broken link of each chain, if one is. */
int audit_verify(struct cmd *c);
/* `postern audit export`: JSON lines that audit_verify reads. */
int audit_verify_export(struct cmd *c);
/* A row as a JSON object, without line end. */
void audit_verify_write(struct buf *b, const struct audit_row *row);
/* "2026-11-22", "2026-11-22T10:00:00Z", or how long ago: "7d". p == NULL: *out stays. */
int audit_verify_time(struct cmd *c, const char *option, int64_t *out);

#endif
