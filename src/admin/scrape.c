/* scrape: lines of the text format 0.0.4.
 *
 * Label names come from the metric's row, so no sample can have others. Values of labels are
 * names out of our tables; they are escaped all the same.
 */
#include "admin/scrape.h"

static void put_escaped(struct buf *b, str value)
{
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\n') {
            BUF_LIT(b, "\\n");
            continue;
        }
        if (c == '"' || c == '\\')
            buf_char(b, '\\');
        buf_char(b, c);
    }
}

static void put_micro(struct buf *b, int64_t micro)
{
    int64_t fraction = micro % 1000000;

    if (micro < 0) {
        buf_char(b, '-');
        micro = -micro;
        fraction = -fraction;
    }
    buf_i64(b, micro / 1000000);
    if (fraction == 0)
        return;
    char digits[6];
    size_t n = sizeof digits;
    for (size_t i = n; i-- > 0; fraction /= 10)
        digits[i] = (char)('0' + fraction % 10);
    while (digits[n - 1] == '0')
        n--;
    buf_char(b, '.');
    buf_put(b, str_make(digits, n));
}

/* name_suffix{a="..",b="..",le=".."} with a space behind it. le: in millionths; -1: +Inf; -2: none
 */
static void put_series(struct scrape *s, str suffix, const str *values, int64_t le_micro)
{
    str rest = str_from(s->metric->labels), name;
    bool any = false;

    buf_put(s->b, str_from(s->metric->name));
    buf_put(s->b, suffix);
    while (rest.n > 0) {
        str_cut(rest, ',', &name, &rest);
        buf_char(s->b, any ? ',' : '{');
        buf_put(s->b, name);
        BUF_LIT(s->b, "=\"");
        put_escaped(s->b, *values++);
        buf_char(s->b, '"');
        any = true;
    }
    if (le_micro >= -1) {
        buf_put(s->b, any ? STR(",le=\"") : STR("{le=\""));
        if (le_micro < 0)
            BUF_LIT(s->b, "+Inf");
        else
            put_micro(s->b, le_micro);
        buf_char(s->b, '"');
        any = true;
    }
    if (any)
        buf_char(s->b, '}');
    buf_char(s->b, ' ');
}

enum { LE_INF = -1, LE_NONE = -2 };

void scrape_int(struct scrape *s, const str *values, int64_t value)
{
    put_series(s, STR(""), values, LE_NONE);
    buf_i64(s->b, value);
    buf_char(s->b, '\n');
}

void scrape_micro(struct scrape *s, const str *values, int64_t micro)
{
    put_series(s, STR(""), values, LE_NONE);
    put_micro(s->b, micro);
    buf_char(s->b, '\n');
}

int64_t scrape_value(const metrics_counter *c)
{
    return (int64_t)atomic_load_explicit(c, memory_order_relaxed);
}

void scrape_histogram(struct scrape *s, const str *values, const int64_t *ends_micro, size_t n,
                      const metrics_counter *counts, int64_t sum_micro)
{
    int64_t below = 0;

    for (size_t i = 0; i <= n; i++) {
        below += scrape_value(&counts[i]);
        put_series(s, STR("_bucket"), values, i < n ? ends_micro[i] : LE_INF);
        buf_i64(s->b, below);
        buf_char(s->b, '\n');
    }
    put_series(s, STR("_sum"), values, LE_NONE);
    put_micro(s->b, sum_micro);
    BUF_LIT(s->b, "\n");
    put_series(s, STR("_count"), values, LE_NONE);
    buf_i64(s->b, below);
    buf_char(s->b, '\n');
}
