/* postern: the table of subcommands, in the order in which `postern help` shows them. */
#include "cmd/cmd.h"

static const struct command_set *const sets[] = {
    &serve_commands,   &org_commands,     &account_commands,
    &group_commands,   &client_commands,  &user_commands,
    &session_commands, &consent_commands, &token_commands,
    &explain_commands, &key_commands,     &audit_commands,
    &migrate_commands, &move_commands,    &backup_commands,
    &restore_commands, &check_commands,   &config_commands,
    &list_commands,    &help_commands,    NULL,
};

int main(int argc, char **argv)
{
    return cmd_main(sets, argc, argv);
}
