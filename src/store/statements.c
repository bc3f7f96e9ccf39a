/* statements: the list of the statement sets of store/.
 *
 * Each file keeps its statements in one static array and exports it as a set; a file that is
 * missing here has statements that no test prepares.
 */
#include "store/statements.h"

#include <stddef.h>

const struct sql_set *const statements[] = {
    &account_statements,  &change_statements, &client_statements, &commit_statements,
    &grant_statements,    &group_statements,  &key_statements,    &organization_statements,
    &throttle_statements, &tally_statements,  &token_statements,  NULL,
};
