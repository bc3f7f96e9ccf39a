/* suggest: "did you mean ...?" for misspelt names of settings, commands and options. */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include "base/str.h"

/* A search for the name nearest to `word`. */
struct suggest {
    str word;
    const char *best; /* NULL: nothing is near */
    size_t distance;
};

void suggest_init(struct suggest *s, str word);
/* Offers a name, which must outlive the search. */
void suggest_offer(struct suggest *s, const char *name);

#endif
