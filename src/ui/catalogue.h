/* catalogue: what the pages say in one language, and which language a reader gets.
 *
 * A file holds lines "key = text"; lines that begin with "#" are comments. The name of the file is
 * the language tag (RFC 5646): "de.txt", "pt-BR.txt". What a catalogue does not have, English says.
 */
#ifndef UI_CATALOGUE_H
#define UI_CATALOGUE_H

#include "base/arena.h"
#include "base/err.h"

struct message;

struct catalogue {
    str tag;
    struct message *first;
    const struct catalogue *fallback; /* NULL: this is English */
};

/* Adds the lines of a file to *c; later ones replace earlier ones. With a fallback, a key that it
 * does not have is an error unless it begins with "scope." or "theme.". The text must stay.
 * ERR_INVALID_REQUEST and `why` ("de.txt:12: ..."). */
enum err catalogue_add(struct arena *a, struct catalogue *c, const char *file, str text, char *why,
                       size_t why_size);
/* The text of a key, p == NULL when nobody has it. For struct template_messages. */
str catalogue_find(const void *catalogue, str key);
/* The same without asking the fallback. */
str catalogue_own(const struct catalogue *c, str key);
/* Calls for each key of this catalogue. */
void catalogue_each(const struct catalogue *c, void (*each)(void *ctx, str key, str text),
                    void *ctx);
/* The best of n languages, the first of which is English: by ui_locales (OIDC Core 3.1.2.1: tags
 * in order of preference), else by Accept-Language (RFC 9110 12.5.4), else the first. A tag
 * matches a language of the same beginning: "de-AT" gets "de", "pt" gets "pt-BR". */
const struct catalogue *catalogue_choose(const struct catalogue *all, size_t n, str ui_locales,
                                         str accept_language);

#endif
