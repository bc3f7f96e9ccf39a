/* log: one JSON object a line, or one line of text for people, and fatal().
 *
 * A line is built in place and leaves in one write. Values are escaped and cut to a length, so
 * request bytes cannot forge a line (security.md A31). Nothing here prints a struct secret.
 *
 *     struct log_line l;
 *     log_begin(&l, LOG_INFO, "request");
 *     log_str(&l, "path", path);
 *     log_int(&l, "status", 200);
 *     log_end(&l);
 *
 * Request lines may be gathered per thread (log_batch) so that one write carries many.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

#define LOG_LINE_MAX  2048
#define LOG_VALUE_MAX 256

struct log_line {
    struct buf b;
    char storage[LOG_LINE_MAX];
    bool muted; /* below the level: the calls do nothing */
};

/* Lines that wait for one write. One per thread, never shared. */
struct log_batch {
    char p[16384];
    size_t n;
};

/* Where lines go (default: file descriptor 2, LOG_INFO). */
void log_open(int fd, enum log_level least);
/* From now on lines are text, "TIME LEVEL EVENT key=value ...", with the columns aligned and the
 * values escaped as in JSON; quoted when they have a space, a quote or "=". Before threads start.
 */
void log_text(bool on);
enum log_level log_level(void);
/* From any thread, at any time. */
void log_level_set(enum log_level least);
/* Lines lost since the last call because the reader of a pipe did not take them. */
long log_lost(void);
void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_str(struct log_line *l, const char *key, str value);
void log_int(struct log_line *l, const char *key, int64_t value);
void log_bool(struct log_line *l, const char *key, bool value);
void log_end(struct log_line *l);
/* Ends the line into the batch; flushes the batch first when it has no room. */
void log_end_batch(struct log_line *l, struct log_batch *batch);
void log_flush(struct log_batch *batch);
/* A one-event line with a formatted "message". */
void log_note(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A broken invariant, or a start that cannot go on: says why on stderr and exits 1. */
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
