/* client_options: what `client create`, `client update` and imports may say about a client. */
#ifndef CMD_CLIENT_OPTIONS_H
#define CMD_CLIENT_OPTIONS_H

#include "cmd/cmd.h"
#include "store/client.h"

/* The words of the enums of store/client.h, in their order. */
#define CLIENT_FORMATS    "jwt|opaque"
#define CLIENT_ROTATIONS  "default|always|auto|never"
#define CLIENT_METHODS    "any|basic|post|private_key_jwt|none"
#define CLIENT_INTROSPECT "own|organization"

#define CLIENT_TTL_MIN       60
#define CLIENT_TTL_MAX       CLIENT_ACCESS_TTL_MAX_S
#define CLIENT_REFRESH_MAX   (400 * 86400)
#define CLIENT_SECRET_CHARS  43
#define CLIENT_SECRET_STRONG 32 /* imported ones of fewer characters are weak */
#define CLIENT_SECRET_MAX    255

/* A new client with the defaults that stand in docs/commands.md. */
void client_options_defaults(struct client *k, int64_t now_s);
/* Takes what was given of --name, --grant, --scope, ... into *k. */
int client_options_take(struct cmd *c, struct client *k);
/* The groups of --group; each must exist and belong to the client's organization. */
int client_options_groups(struct cmd *c, const struct client *k, struct id **out, size_t *n);
/* One group of a client: there, and of its organization. */
int client_options_check_group(struct cmd *c, const struct client *k, const struct id *group,
                               str text);

/* A fresh secret of 43 characters. */
str client_options_new_secret(struct arena *a);
/* Its row: an HMAC under the active pepper; a weak one argon2id. `where` names its source in a
 * refusal. Needs open_keys(). */
int client_options_hash(struct cmd *c, const struct client *k, str secret, str where,
                        struct client_secret *out);

#endif
