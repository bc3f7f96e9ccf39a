/* show: what pages show of clients, people, scopes and mistakes. */
#ifndef UI_SHOW_H
#define UI_SHOW_H

#include "ui/page.h"

/* A client: "client", "client_initial", "client_logo", "policy_uri", "tos_uri". */
void show_client(struct page *p, const struct cached_client *client);
/* A person, into `v`: "name", "login", "initial". */
void show_person(struct page *p, struct view *v, const struct user *user);
/* A list "scopes" of "title" and "more". */
void show_scopes(struct page *p, str scopes);
/* The same as one line: "Your profile, Your email address". */
str show_scopes_line(const struct page *p, str scopes);
/* How long that client keeps what it is allowed: "lifetime". */
void show_lifetime(struct page *p, const struct cached_client *client, bool offline);
/* What is wrong with what was typed, and in which field: "problem", "at_field" and `at`, a literal
 * like "at_login"; NULL: in none. */
void show_problem(struct page *p, str text, const char *at);

#endif
