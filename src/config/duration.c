/* duration: "90s", "15m", "24h", "30d" <-> seconds.
 *
 * Digits and at most one unit; no signs, fractions, spaces or sums ("1h30m" is written 90m), so
 * that a typo is refused and never half understood.
 */
#include "config/duration.h"

static const struct {
    char letter;
    int64_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

bool duration_parse(str text, int64_t *seconds)
{
    int64_t factor = 1, number;
    for (size_t i = 0; text.n > 0 && i < sizeof units / sizeof *units; i++) {
        if (text.p[text.n - 1] == units[i].letter) {
            factor = units[i].seconds;
            text.n--;
            break;
        }
    }
    if (!str_i64(text, 0, (int64_t)36525 * 86400 / factor, &number))
        return false;
    *seconds = number * factor;
    return true;
}

void duration_write(struct buf *out, int64_t seconds)
{
    size_t i = 0;
    while (units[i].seconds > 1 && (seconds == 0 || seconds % units[i].seconds != 0))
        i++;
    buf_i64(out, seconds / units[i].seconds);
    buf_char(out, units[i].letter);
}
