/* serve_people: what a server that people sign in to holds beside its keys: pages, password rules,
 * and the memory of why requests were refused.
 */
#ifndef CMD_SERVE_PEOPLE_H
#define CMD_SERVE_PEOPLE_H

#include "oauth/server.h"

/* Fills s->ui, s->passwords and s->explain. ERR_INVALID_REQUEST and `why` when a file of the theme
 * is wrong; a list of common passwords that is missing is only logged. */
enum err serve_people_open(struct server *s, char *why, size_t why_size);
void serve_people_close(struct server *s);
/* Would the theme of these settings do? As serve_people_open, and keeps nothing. */
enum err serve_people_check(const struct settings *settings, char *why, size_t why_size);

#endif
