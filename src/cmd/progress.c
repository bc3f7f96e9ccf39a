/* progress: the bar. Nothing here fails: a terminal that has gone is no reason to stop.
 *
 * A line that is wider than the terminal could not be drawn over, so the bar gets what the words
 * leave, at most WIDTH, and goes altogether where that is too little; the rest is cut.
 */
#include "cmd/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { WIDTH = 30, LEAST = 5, COLUMNS = 80, REDRAW_MS = 100, LINE_MS = 5000, LINE = 256 };

/* Of the terminal; one that does not say is taken for one of 80. */
static size_t columns(void)
{
    struct winsize size;
    bool told = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return told ? size.ws_col : COLUMNS;
}

/* "[####......]  41 %  ", without the bar if it would be shorter than LEAST. */
static void put_bar(struct buf *b, const struct progress *p, size_t width)
{
    int64_t done = p->done < p->total ? p->done : p->total;
    double part = (double)done / (double)p->total;
    size_t filled = (size_t)(part * (double)width);
    if (width >= LEAST) {
        buf_char(b, '[');
        for (size_t i = 0; i < width; i++)
            buf_char(b, i < filled ? '#' : '.');
        BUF_LIT(b, "] ");
    }
    buf_printf(b, "%3d %%  ", (int)(part * 100));
}

/* 1234567 -> "1,234,567" */
static void put_number(struct buf *b, int64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)v);
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            buf_char(b, ',');
        buf_char(b, digits[i]);
    }
}

/* ", 1:05 left" at the pace so far. */
static void put_left(struct buf *b, const struct progress *p, int64_t took_ms)
{
    if (p->done <= 0 || p->done >= p->total)
        return;
    int64_t left_s = (p->total - p->done) * (took_ms / 1000 + 1) / p->done;
    buf_printf(b, ", %lld:%02d left", (long long)(left_s / 60), (int)(left_s % 60));
}

/* "410,000 of 1,000,000 rows, 98,000/s, 0:06 left" */
static void put_figures(struct buf *b, const struct progress *p, int64_t took_ms)
{
    put_number(b, p->done);
    if (p->total > 0) {
        BUF_LIT(b, " of ");
        put_number(b, p->total);
    }
    buf_printf(b, " %s, ", p->unit);
    put_number(b, took_ms > 0 ? p->done * 1000 / took_ms : 0);
    BUF_LIT(b, "/s");
    put_left(b, p, took_ms);
}

/* What is drawn in `room` columns. */
static void put_line(struct buf *b, const struct progress *p, size_t room)
{
    char text[LINE];
    struct buf figures;
    buf_fixed(&figures, text, sizeof text);
    if (*p->unit)
        put_figures(&figures, p, clock_mono_ms() - p->start_ms);
    buf_printf(b, "%s  ", p->what);
    size_t words = b->n + figures.n + sizeof "[]  100 %  " - 1;
    size_t left = room > words ? room - words : 0;
    if (p->total > 0)
        put_bar(b, p, left < WIDTH ? left : WIDTH);
    buf_put(b, buf_str(&figures));
    b->n = b->n < room ? b->n : room;
}

static void draw(struct progress *p)
{
    char line[LINE];
    struct buf b;
    p->drawn_ms = clock_mono_ms();
    buf_fixed(&b, line, sizeof line);
    put_line(&b, p, p->lines ? LINE : columns() - 1);
    /* What is left of a longer line goes. */
    fprintf(stderr, p->lines ? "%.*s\n" : "\r%.*s\033[K", (int)b.n, b.p);
}

bool progress_is_seen(void)
{
    return isatty(STDERR_FILENO);
}

void progress_begin(struct progress *p, const char *what, const char *unit, int64_t total)
{
    *p = (struct progress){.what = what, .unit = unit, .total = total};
    p->on = progress_is_seen();
    p->start_ms = clock_mono_ms();
    if (p->on)
        draw(p);
}

void progress_begin_lines(struct progress *p, const char *what, const char *unit, int64_t total)
{
    progress_begin(p, what, unit, total);
    p->lines = !p->on;
    p->on = true;
    if (p->lines)
        draw(p);
}

void progress_at(struct progress *p, int64_t done)
{
    p->done = done;
    if (p->on && clock_mono_ms() - p->drawn_ms >= (p->lines ? LINE_MS : REDRAW_MS))
        draw(p);
}

void progress_add(struct progress *p, int64_t n)
{
    progress_at(p, p->done + n);
}

void progress_end(struct progress *p)
{
    if (!p->on)
        return;
    if (!p->lines || *p->unit) /* a line without figures says nothing new */
        draw(p);
    if (!p->lines)
        fputc('\n', stderr);
    p->on = false;
}
