/* backup_file: the file that `postern backup` writes: there whole, or not at all. */
#ifndef CMD_BACKUP_FILE_H
#define CMD_BACKUP_FILE_H

#include "cmd/cmd.h"

struct backup_file {
    int fd;
    bool to_stdout;
    bool force;                   /* may take the place of a file that is there */
    const char *path, *temporary; /* NULL: stdout */
    int error;                    /* errno of the write that failed */
};

/* "-" is stdout. CMD_CONFLICT: the name is taken, or another backup is writing it. */
int backup_file_create(struct cmd *c, str name, bool force, struct backup_file *out);
/* A stream_sink. */
bool backup_file_put(void *arg, const void *bytes, size_t n);
/* Makes it durable and gives it its name. */
int backup_file_finish(struct backup_file *f);
/* Leaves nothing; after backup_file_finish() it does nothing. */
void backup_file_abandon(struct backup_file *f);

#endif
