/* template_html: where in an HTML text one stands, for codec/template_parse. */
#ifndef CODEC_TEMPLATE_HTML_H
#define CODEC_TEMPLATE_HTML_H

#include "codec/template_node.h"

enum html_place {
    HTML_TEXT,
    HTML_OPEN,     /* behind "<" or "</" */
    HTML_TAG_NAME, /* <di */
    HTML_GAP,      /* behind a name or a value: white space, "/" or ">" must follow */
    HTML_IN_TAG,   /* between attributes */
    HTML_ATTRIBUTE,
    HTML_EQUALS,   /* behind "name=" */
    HTML_QUOTED,   /* in a quoted value */
    HTML_UNQUOTED, /* in a value without quotes */
    HTML_COMMENT,
    HTML_DECLARATION, /* <!doctype */
    HTML_RCDATA,      /* in <title> or <textarea>: text in which tags are none */
    HTML_RAW,         /* in <script>, <style> and the like */
};

enum html_attribute { ATTRIBUTE_OTHER, ATTRIBUTE_PLAIN, ATTRIBUTE_EXACT, ATTRIBUTE_URL };

/* What a URL attribute has so far: nothing, a beginning that fixes its scheme, or another. */
enum html_url { URL_EMPTY, URL_FIXED, URL_UNKNOWN };

struct html {
    enum html_place place;
    str tag, name; /* of the tag and attribute that we are in; of the element, in RCDATA and RAW */
    bool closing;  /* </tag */
    char quote;
    enum html_attribute attribute;
    enum html_url url;
};

/* Walks over literal text from h on. NULL, or what is wrong with it; *at is how far it came. */
const char *template_html_walk(struct html *h, str text, size_t *at);
/* A value stands here: how it is written. NULL, or why it may not stand here. */
const char *template_html_value(struct html *h, enum template_context *context);
/* A tag of ours stands here that may write nothing: what was begun is over. */
void template_html_pause(struct html *h);
/* One way leads to *h, another to *other: the place behind both. False when there is none. */
bool template_html_join(struct html *h, const struct html *other);

#endif
