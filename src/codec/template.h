/* template: small logic-less templates that escape by context.
 *
 *     {{name}}  a value      {{#name}}...{{/name}}  for each, or if it is there and not empty
 *     {{^name}}...{{/name}}  if it is not            {{>part}}  another template
 *     {{t.key}} a message of the catalogue; {words} in it are values of the same view
 *
 * Where a value stands decides how it is escaped, found out once when the template is read: in text
 * and in quoted attributes as HTML; in href, src and action as a URL of http, https or our own
 * path, anything else becomes "#". Values in scripts, styles, comments, unquoted attributes, event
 * handlers and tag names are errors of the template, with its name and line.
 */
#ifndef CODEC_TEMPLATE_H
#define CODEC_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct template_set; /* templates by name, parsed, and immutable once complete */

/* A view: names and what they stand for, made in a request's arena. */
struct view;

struct view *view_new(struct arena *a);
void view_text(struct view *v, const char *name, str value);
void view_flag(struct view *v, const char *name, bool on);
/* One more item of a list; returns the item's own view (names not found there are looked for
 * outside). */
struct view *view_item(struct view *v, const char *list);

/* Finds messages: the text of a key in the view's language; p == NULL: no such key. */
struct template_messages {
    str (*find)(const void *catalogue, str key);
    const void *catalogue;
};

struct template_set *template_set_new(void);
void template_set_free(struct template_set *s);
/* Reads one, replacing an earlier one of that name. ERR_INVALID_REQUEST and `why`
 * ("sign_in.html:12:
 * ..."). */
enum err template_add(struct template_set *s, str name, str text, char *why, size_t why_size);
/* Every {{>part}} is there. */
enum err template_check(const struct template_set *s, char *why, size_t why_size);
/* Names of messages that the templates use, for a test against the catalogues. */
void template_each_message(const struct template_set *s, void (*each)(void *ctx, str key),
                           void *ctx);
/* Writes it out. The name must be there (fatal otherwise). */
void template_write(const struct template_set *s, struct arena *a, str name, const struct view *v,
                    const struct template_messages *m, struct buf *out);

#endif
