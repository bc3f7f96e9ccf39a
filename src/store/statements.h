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

/* One set per file that has statements, defined there. */
extern const struct sql_set account_statements, audit_statements, audit_link_statements,
    backup_statements, change_statements, client_statements, consent_statements,
    device_code_statements, explanation_statements, flow_statements, grant_statements,
    group_statements, key_statements, lease_statements, organization_statements,
    pushed_request_statements, relying_party_statements, replay_statements, restore_statements,
    revoked_statements, session_statements, tally_statements, throttle_statements, token_statements,
    user_statements, user_grant_statements;

extern const struct sql_set *const statements[]; /* all of them; ends with NULL */

#endif
