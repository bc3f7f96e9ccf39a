/* open: what a subcommand needs before it can work: settings, store, keys; and how it commits.
 *
 * Each returns CMD_DONE, or an exit code after having said why.
 */
#ifndef CMD_OPEN_H
#define CMD_OPEN_H

#include "cmd/cmd.h"

enum open_mode {
    OPEN_READ,
    OPEN_WRITE,
    OPEN_CREATE, /* makes a new store, with its first keys, if there is none */
};

/* Defaults, file, environment, options; unchecked. */
int open_read_settings(struct cmd *c);
/* The settings file: --config, else $POSTERN_CONFIG, else the file that a package installs, if it
 * is there. NULL: none. In the arena of the command or for ever. */
const char *open_config_file(struct cmd *c);
/* What open_read_settings reads now, with c's options, into `out` (its arena is the caller's to
 * free); checked as a server would, with the descriptors that a service manager passed. For a
 * reload: nothing of `c` changes. ERR_* with `why`. */
enum err open_read_again(struct cmd *c, struct settings *out, char *why, size_t why_size);
/* The same. Checks only what names the store. */
int open_settings(struct cmd *c);
/* The same, checked as a server would. */
int open_server_settings(struct cmd *c);
/* Settings, unless they are there already, and the store at the version of this program. */
int open_store(struct cmd *c, enum open_mode mode);
/* What open_store() sets up before it opens: time, ids, effects, the log in memory. */
void open_begin(struct cmd *c);
/* Refuses a store of an earlier version, and of a later one that does not allow this program, in
 * words of what to do. */
int open_check_version(struct cmd *c);
/* Refuses a store that was moved elsewhere, or is a copy that is not complete. */
int open_check_moved(struct cmd *c);
/* The master key, of a store that has keys already. */
int open_master(struct cmd *c);
/* The store's keys, opened with the master key. */
int open_keys(struct cmd *c);
/* Makes c->fx durable. `conflict` says what a missed expectation means. */
int open_commit(struct cmd *c, const char *conflict);
/* Prints why the store failed, with the remedy, and returns CMD_FAILED. */
int open_trouble(struct cmd *c);
/* An error of store/ -> exit code: absent and unavailable are told apart. `what` and `id` name
 * what was looked for. */
int open_result(struct cmd *c, enum err e, const char *what, str id);
/* The store is PostgreSQL: there is no file to look at. */
bool open_is_shared(struct cmd *c);
/* The path behind "sqlite:"; only of a store that is not shared. */
str open_db_path(struct cmd *c);
/* What to call the store in messages: its path, or its URL without the password. */
str open_db_name(struct cmd *c);
void open_close(struct cmd *c);

#endif
