/* clock: the only reader of the time.
 *
 * A clock is an object so that tests set it; everything that judges an expiry takes its `now`
 * from the request (rq->now_s), which took it from a clock once.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t fixed_us; /* 0: the system's clock; else the time that it shows for ever */
};

/* Microseconds and seconds since the epoch. */
int64_t clock_now_us(const struct clock *c);
int64_t clock_now_s(const struct clock *c);
/* Milliseconds and microseconds of the monotonic clock, for deadlines and durations. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* UTC as "2026-11-21T23:54:57Z" (20 bytes, no NUL) or with milliseconds (24 bytes). */
void clock_rfc3339(int64_t unix_s, char out[20]);
void clock_rfc3339_ms(int64_t unix_us, char out[24]);
/* The value of a Date header: "Sun, 06 Nov 1994 08:49:37 GMT", 29 bytes. */
void clock_http_date(int64_t unix_s, char out[29]);

#endif
