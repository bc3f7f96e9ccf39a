/* duration: lengths of time as people write them: "90s", "15m", "24h", "30d", or bare seconds. */
#ifndef CONFIG_DURATION_H
#define CONFIG_DURATION_H

#include "base/buf.h"

/* False when it is none, or longer than 100 years. */
bool duration_parse(str text, int64_t *seconds);
/* The shortest way to write it: 3600 -> "1h", 90 -> "90s". */
void duration_write(struct buf *out, int64_t seconds);

#endif
