/* audited: audit rows (store/audit.h) of what operators do by subcommands.
 *
 * open_commit() adds the row to what the subcommand writes, by the words of the subcommand, and
 * links it afterwards under the node name "cli". The actor is the user of the system who ran it.
 */
#ifndef CMD_AUDITED_H
#define CMD_AUDITED_H

#include "cmd/cmd.h"
#include "store/audit.h"

/* Whom or what it is about, where the operand does not say it by id. */
void audited_about_id(struct cmd *c, const struct id *id);
void audited_about_uid(struct cmd *c, const struct uid *id);
/* Adds the row of this subcommand to c->fx, the first time; nothing if it is of no interest. */
void audited_put(struct cmd *c);
/* Links what the subcommand wrote. Failures are left to the next server. */
void audited_link(struct cmd *c);
/* A row in a store that the subcommand has not open for writing, in a transaction of its own; says
 * so on stderr when the store does not take it. */
void audited_elsewhere(struct cmd *c, str url, enum audit_event event, str subject, str detail);

#endif
