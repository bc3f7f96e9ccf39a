/* statements: the list of the statement sets of store/.
 *
 * Each file keeps its statements in one static array and exports it as a set; a file that is
 * missing here has statements that no test prepares.
 */
#include "store/statements.h"

#include <stddef.h>

const struct sql_set *const statements[] = {
    &account_statements,
    &audit_statements,
    &audit_link_statements,
    &backup_statements,
    &change_statements,
    &client_statements,
    &consent_statements,
    &device_code_statements,
    &explanation_statements,
    &flow_statements,
    &grant_statements,
    &group_statements,
    &key_statements,
    &lease_statements,
    &organization_statements,
    &pushed_request_statements,
    &relying_party_statements,
    &replay_statements,
    &restore_statements,
    &revoked_statements,
    &session_statements,
    &tally_statements,
    &throttle_statements,
    &token_statements,
    &user_statements,
    &user_grant_statements,
    NULL,
};
