/* health: is the process alive, and can it do its work? */
#ifndef ADMIN_HEALTH_H
#define ADMIN_HEALTH_H

#include "oauth/rq.h"

/* GET /healthz: 200 while the process answers at all. */
enum err health_live(struct rq *rq);
/* GET /readyz: 200 when the store can be read and a key can sign, else 503. */
enum err health_ready(struct rq *rq);

#endif
