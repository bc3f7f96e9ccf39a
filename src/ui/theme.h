/* theme: the files that pages are made of: the built-in ones, replaced one by one by those of a
 * directory (docs/pages.md).
 */
#ifndef UI_THEME_H
#define UI_THEME_H

#include "codec/template.h"
#include "ui/catalogue.h"

#define THEME_LANGUAGES 32
#define THEME_ASSETS    128
#define THEME_FILE_MAX  1048576 /* bytes of one file */

struct asset {
    str name; /* "style.css" */
    str type; /* Content-Type */
    str bytes;
    str path; /* "/assets/style-3f2a....css": changes with the bytes */
    str etag; /* with its quotes */
};

struct theme {
    struct arena arena;
    struct template_set *templates;
    struct catalogue languages[THEME_LANGUAGES]; /* English first */
    size_t languages_n;
    struct asset assets[THEME_ASSETS];
    size_t assets_n;
};

/* Reads the built-in files, then those of `directory` (empty: none). ERR_INVALID_REQUEST and `why`
 * with file and line. */
enum err theme_read(struct theme *t, str directory, char *why, size_t why_size);
void theme_free(struct theme *t);
/* By its name, or by the last segment of its path: then *hashed. NULL: there is none. */
const struct asset *theme_asset(const struct theme *t, str name, bool *hashed);

#endif
