/* backup_show: what `postern backup` and `postern restore` say of a backup. */
#ifndef CMD_BACKUP_SHOW_H
#define CMD_BACKUP_SHOW_H

#include "cmd/show.h"
#include "store/backup.h"

/* Members program, schema, created, store, sealed_with, master_keys. */
void backup_show_head(struct show *s, const struct backup_head *head);
/* Members rows, tables: {"client":{"rows":1,"digest":"0011223344556677"},...}. */
void backup_show_tables(struct show *s, const struct backup_tables *tables);
/* "0011223344556677" */
str backup_show_print(struct arena *a, const uint8_t print[SEAL_FINGERPRINT_BYTES]);

#endif
