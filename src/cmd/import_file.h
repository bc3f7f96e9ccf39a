/* import_file: the text of an imported file, in memory. */
#ifndef CMD_IMPORT_FILE_H
#define CMD_IMPORT_FILE_H

#include "cmd/cmd.h"

/* The file that the operand names; "-" is stdin, and *name then "stdin". */
int import_file_read(struct cmd *c, str *name, str *text);
/* A file of at most that many bytes. */
int import_file_text(struct cmd *c, str name, size_t most, str *text);

#endif
