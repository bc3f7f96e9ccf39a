/* statements: every statement of the store, in one visible list.
 *
 * `script/test` PREPAREs each of them on SQLite and on PostgreSQL.
 */
#ifndef STORE_STATEMENTS_H
#define STORE_STATEMENTS_H

#include "db/db.h"

struct sql_set {
    const struct sql *sql;
    size_t n;
};

extern const struct sql_set statements[]; /* ends with n == 0 */

#endif
