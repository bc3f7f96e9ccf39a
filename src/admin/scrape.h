/* scrape: one answer of /metrics on its way, and how a sample is written. */
#ifndef ADMIN_SCRAPE_H
#define ADMIN_SCRAPE_H

#include "admin/metrics.h"

struct scrape {
    struct rq *rq;
    struct buf *b;
    const struct metric *metric; /* whose samples are being written */
    const struct metrics_cell *sum;
};

/* The values of the metric's labels, in its order: VALUES(STR("a"), ...). */
#define VALUES(...)                                                                                \
    (const str[])                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define NO_VALUES NULL

/* name{labels} value */
void scrape_int(struct scrape *s, const str *values, int64_t value);
/* The same of a value given in millionths: 1500000 is written 1.5. */
void scrape_micro(struct scrape *s, const str *values, int64_t micro);
/* A histogram: the counts of `n` buckets and of what is beyond them; upper ends in millionths. */
void scrape_histogram(struct scrape *s, const str *values, const int64_t *ends_micro, size_t n,
                      const metrics_counter *counts, int64_t sum_micro);
/* A counter as it is now. */
int64_t scrape_value(const metrics_counter *c);

#endif
