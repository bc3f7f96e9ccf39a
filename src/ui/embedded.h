/* embedded: src/ui/templates, messages and assets, as the build embeds them (script/gen-files). */
#ifndef UI_EMBEDDED_H
#define UI_EMBEDDED_H

/* One file: "templates/error.html" and its text. */
struct embedded {
    const char *name, *text;
};

/* Ends with a row without a name. */
extern const struct embedded embedded_files[];

#endif
