/* progress: the bar. Nothing here fails: a terminal that has gone is no reason to stop. */
#include "cmd/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { WIDTH = 30, REDRAW_MS = 100, LINE_MS = 5000, LINE = 256 };

static void put_bar(struct buf *b, const struct progress *p)
{
    int64_t done = p->done < p->total ? p->done : p->total;
    int64_t filled = (int64_t)((double)done / (double)p->total * WIDTH);
    buf_char(b, '[');
    for (int64_t i = 0; i < WIDTH; i++)
        buf_char(b, i < filled ? '#' : '.');
    buf_printf(b, "] %3d %%  ", (int)((double)done / (double)p->total * 100));
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

static void draw(struct progress *p)
{
    char line[LINE];
    struct buf b;
    int64_t now_ms = clock_mono_ms(), took_ms = now_ms - p->start_ms;
    p->drawn_ms = now_ms;
    buf_fixed(&b, line, sizeof line);
    buf_printf(&b, "%s%s  ", p->lines ? "" : "\r", p->what);
    if (p->total > 0)
        put_bar(&b, p);
    if (*p->unit)
        put_figures(&b, p, took_ms);
    buf_put(&b, p->lines ? STR("\n") : STR("\033[K")); /* what is left of a longer line goes */
    fwrite(b.p, 1, b.n, stderr);
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
