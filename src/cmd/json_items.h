/* json_items: the elements of a long JSON array, or the values of a text that holds one after the
 * other (JSON lines), one by one, each still text.
 *
 * An imported file may hold a hundred thousand clients; each is read by the strict reader with
 * its own limits, and a defect is named with its line.
 */
#ifndef CMD_JSON_ITEMS_H
#define CMD_JSON_ITEMS_H

#include "base/str.h"

struct json_items {
    str text;
    size_t at;
    size_t line;   /* of the element returned last, from 1 */
    size_t inside; /* line feeds in that element */
    bool array;    /* else the values follow each other */
    bool started;
    bool done;
    bool broken; /* the text is neither values nor an array of values */
};

void json_items_init(struct json_items *it, str text);
/* False at the end; look at `broken` then. */
bool json_items_next(struct json_items *it, str *item);

#endif
