/* check_proxies: the settings `proxies*` and `penalties*`, looked at for what is dangerous. */
#ifndef CMD_CHECK_PROXIES_H
#define CMD_CHECK_PROXIES_H

#include "cmd/check.h"

/* Says nothing when no proxy is listed and penalties are on. */
void check_proxies_look(struct check *k);

#endif
