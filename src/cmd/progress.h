/* progress: one line on the terminal that shows how far a long command is.
 *
 *     copying  [##########..............]  41 %  410,000 of 1,000,000 rows, 98,000/s, 0:06 left
 *
 * Written to stderr, and only if that is a terminal; redrawn at most ten times a second. Elsewhere
 * it may leave a line every few seconds instead.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* "copying" */
    const char *unit; /* "rows"; "": there is nothing to count, only `what` is shown */
    int64_t total;    /* 0: unknown; then there is no bar */
    int64_t done;
    int64_t start_ms, drawn_ms;
    bool on;
    bool lines; /* not a terminal: whole lines, now and then */
};

/* True when a bar would be seen: whoever has to count first for it may spare himself that. */
bool progress_is_seen(void);
/* `what` and `unit` outlive the bar. */
void progress_begin(struct progress *p, const char *what, const char *unit, int64_t total);
/* The same, with whole lines where there is no terminal. */
void progress_begin_lines(struct progress *p, const char *what, const char *unit, int64_t total);
void progress_add(struct progress *p, int64_t n);
/* It is at `done` now. */
void progress_at(struct progress *p, int64_t done);
/* Draws it a last time and ends the line. */
void progress_end(struct progress *p);

#endif
