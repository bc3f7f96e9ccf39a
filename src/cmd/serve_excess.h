/* serve_excess: keeps what every node of a shared store has in memory of revoked grants bounded. */
#ifndef CMD_SERVE_EXCESS_H
#define CMD_SERVE_EXCESS_H

#include "cmd/serve_house.h"

/* For the holder of the lease. True when there is more to do at once. */
bool serve_excess(struct serve_house *h, int64_t now_s);

#endif
