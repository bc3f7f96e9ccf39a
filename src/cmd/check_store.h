/* check_store: the part of `postern check` that looks at the store. */
#ifndef CMD_CHECK_STORE_H
#define CMD_CHECK_STORE_H

#include "cmd/check.h"

/* Opens k->c->db and says what it is like. True when the store can be used further. */
bool check_store_look(struct check *k);

#endif
