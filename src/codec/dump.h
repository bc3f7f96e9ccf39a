/* dump: the rows of a store as one run of bytes, whatever store they are from (docs/backup.md).
 *
 *     { table row* sum }* end
 *
 * A record is: kind (1 byte), length of the rest (4 bytes, big endian), the rest.
 *     table  name, then for each column its name and type (1 byte)
 *     row    for each column a type (1 byte) and: nothing for null, 8 bytes for a number (two's
 *            complement, big endian), a length of 4 bytes and the bytes for texts and blobs
 *     sum    number of rows and their digest, 8 bytes each
 *     end    nothing
 * A name is a length (1 byte) and that many of a-z, 0-9, _. Tables come in the order of their
 * names, and so do the columns of a table.
 *
 * The reader takes nothing else: it is the one thing between a file and the store.
 */
#ifndef CODEC_DUMP_H
#define CODEC_DUMP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { DUMP_COLUMNS = 32, DUMP_NAME_MAX = 63, DUMP_RECORD_MAX = 16 << 20 };

enum dump_type { DUMP_NULL, DUMP_INT, DUMP_TEXT, DUMP_BLOB };
enum dump_kind { DUMP_TABLE = 1, DUMP_ROW, DUMP_SUM, DUMP_END };

struct dump_value {
    enum dump_type type;
    int64_t i;
    str s;
};

struct dump_column {
    str name;
    enum dump_type type; /* DUMP_INT, DUMP_TEXT, DUMP_BLOB */
};

/* One record; what its kind does not have is not set. */
struct dump_record {
    enum dump_kind kind;
    str name; /* of the table */
    size_t n; /* columns, values */
    struct dump_column columns[DUMP_COLUMNS];
    struct dump_value values[DUMP_COLUMNS];
    uint64_t rows, digest;
};

/* Appends the record. False: it is longer than a record may be. */
bool dump_write(struct buf *out, const struct dump_record *record);

/* Exactly n bytes: OK; ERR_ABSENT at the end; other errors are handed on. */
typedef enum err dump_source(void *arg, void *out, size_t n);

struct dump_reader {
    dump_source *source;
    void *arg;
    bool in_table;
    size_t n; /* columns of the present table */
    enum dump_type types[DUMP_COLUMNS];
    size_t last_n; /* the name of the table before */
    char last[DUMP_NAME_MAX];
    uint64_t rows;
};

void dump_reader_init(struct dump_reader *r, dump_source *source, void *arg);
/* The next record, with its bytes in the arena; DUMP_END comes once, when nothing is behind it.
 * ERR_INVALID_REQUEST: these bytes are no dump; ERR_UNAVAILABLE: the source failed. */
enum err dump_next(struct dump_reader *r, struct arena *a, struct dump_record *out);

#endif
