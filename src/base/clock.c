/* clock: time from the kernel's vDSO and three ways to write it.
 *
 * Dates are computed from the day number by integer arithmetic (years start in March, so the
 * leap day comes last), because every log line carries one and gmtime_r costs more than the rest
 * of the line. The range is the years 1970 to 9999; times outside it are clamped.
 */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/log.h"

struct date {
    int year, month, day, hour, minute, second, weekday; /* month 1-12, weekday 0 = Sunday */
};

static int64_t read_us(clockid_t which)
{
    struct timespec t;
    if (clock_gettime(which, &t) != 0)
        fatal("the kernel has no clock %d", (int)which);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_now_us(const struct clock *c)
{
    return c->fixed_us ? c->fixed_us : read_us(CLOCK_REALTIME);
}

int64_t clock_now_s(const struct clock *c)
{
    return clock_now_us(c) / 1000000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

static struct date split(int64_t unix_s)
{
    static const int64_t LAST = 253402300799; /* the end of the year 9999 */
    uint64_t s = (uint64_t)(unix_s < 0 ? 0 : unix_s > LAST ? LAST : unix_s);
    unsigned days = (unsigned)(s / 86400);
    unsigned second = (unsigned)(s % 86400);
    /* Day 0 is 1 March of the year 0; 719468 days lie between it and the epoch. */
    unsigned from_march_0 = days + 719468;
    unsigned era = from_march_0 / 146097; /* 400 years */
    unsigned in_era = from_march_0 % 146097;
    unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* 0 = March */
    unsigned day = in_year - (153 * month + 2) / 5 + 1;
    return (struct date){
        .year = (int)(year + era * 400 + (month >= 10)),
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)day,
        .hour = (int)(second / 3600),
        .minute = (int)(second / 60 % 60),
        .second = (int)(second % 60),
        .weekday = (int)((days + 4) % 7), /* the epoch was a Thursday */
    };
}

static void two(char *out, int v)
{
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
}

/* "2026-11-21T23:54:57", 19 bytes */
static void write_seconds(int64_t unix_s, char *out)
{
    struct date d = split(unix_s);
    two(out, d.year / 100);
    two(out + 2, d.year % 100);
    out[4] = '-';
    two(out + 5, d.month);
    out[7] = '-';
    two(out + 8, d.day);
    out[10] = 'T';
    two(out + 11, d.hour);
    out[13] = ':';
    two(out + 14, d.minute);
    out[16] = ':';
    two(out + 17, d.second);
}

void clock_rfc3339(int64_t unix_s, char out[20])
{
    write_seconds(unix_s, out);
    out[19] = 'Z';
}

void clock_rfc3339_ms(int64_t unix_us, char out[24])
{
    int64_t us = unix_us < 0 ? 0 : unix_us;
    int ms = (int)(us / 1000 % 1000);
    write_seconds(us / 1000000, out);
    out[19] = '.';
    out[20] = (char)('0' + ms / 100);
    two(out + 21, ms % 100);
    out[23] = 'Z';
}

void clock_http_date(int64_t unix_s, char out[29])
{
    static const char DAYS[] = "SunMonTueWedThuFriSat";
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct date d = split(unix_s);
    memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", 29);
    memcpy(out, DAYS + (ptrdiff_t)d.weekday * 3, 3);
    two(out + 5, d.day);
    memcpy(out + 8, MONTHS + (ptrdiff_t)(d.month - 1) * 3, 3);
    two(out + 12, d.year / 100);
    two(out + 14, d.year % 100);
    two(out + 17, d.hour);
    two(out + 20, d.minute);
    two(out + 23, d.second);
}
