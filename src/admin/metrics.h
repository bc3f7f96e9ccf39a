/* metrics: GET /metrics, in the text format of Prometheus (0.0.4).
 *
 * One table declares every metric: its name, type, labels and meaning, and who writes its
 * samples. The answer, `postern list metrics` and docs/metrics.md follow from it.
 */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "oauth/rq.h"

struct scrape;

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metric {
    const char *name;
    enum metrics_type type;
    const char *labels; /* "route,method,status"; "": none */
    const char *help;
    void (*write)(struct scrape *s);
};

#define METRICS 43
extern const struct metric metrics_table[METRICS];

/* "counter", "gauge", "histogram" */
const char *metrics_type_name(enum metrics_type type);
/* GET /metrics. 404 when the setting metrics is off. */
enum err metrics_scrape(struct rq *rq);
/* docs/metrics.md */
void metrics_reference(struct buf *out);

#endif
