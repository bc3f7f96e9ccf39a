/* show: prints objects of the model as aligned text, or with --json as one object or one array.
 *
 *     show_begin(&s, c, SHOW_LIST, "id=24 name");
 *     for each: show_object(&s); show_text(&s, "id", id); ... show_object_end(&s);
 *     return show_end(&s);
 *
 * Text of one object is "name  value" lines; text of a list is a table of the columns named.
 */
#ifndef CMD_SHOW_H
#define CMD_SHOW_H

#include "cmd/cmd.h"

enum show_kind { SHOW_ONE, SHOW_LIST };

enum { SHOW_COLUMNS = 8 };

struct show {
    struct cmd *c;
    enum show_kind kind;
    struct buf out;
    struct arena scratch;
    struct {
        str name;
        size_t width; /* 0: the last one, as long as it is */
    } columns[SHOW_COLUMNS];
    size_t columns_n;
    str cells[SHOW_COLUMNS];
    size_t objects;
    int code;
};

/* columns: "id=24 name"; used for lists as text. */
void show_begin(struct show *s, struct cmd *c, enum show_kind kind, const char *columns);
void show_object(struct show *s);
/* p == NULL: null. */
void show_text(struct show *s, const char *name, str value);
void show_int(struct show *s, const char *name, int64_t value);
void show_bool(struct show *s, const char *name, bool value);
void show_id(struct show *s, const char *name, const struct id *id);
void show_uid(struct show *s, const char *name, const struct uid *id, const char *prefix,
              enum spelling as);
/* RFC 3339; 0: null. */
void show_time(struct show *s, const char *name, int64_t unix_s);
void show_list(struct show *s, const char *name, const str *values, size_t n);
/* A list of the words that spaces separate in `text`. */
void show_words(struct show *s, const char *name, str text);
/* `text` is JSON; shown as it is. */
void show_json(struct show *s, const char *name, str text);
void show_object_end(struct show *s);
/* Writes what is left; the exit code. */
int show_end(struct show *s);

#endif
