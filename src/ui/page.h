/* page: a page from its first word to its last header.
 *
 *     page_begin -> texts, flags and lists into p.view -> page_send
 */
#ifndef UI_PAGE_H
#define UI_PAGE_H

#include "oauth/authorize/interaction.h"
#include "ui/theme.h"
#include "ui/ui.h"

struct page {
    struct rq *rq;
    const struct theme *theme;
    const struct catalogue *language;
    struct view *view;
    str form_target; /* sources beside 'self' for CSP form-action; empty: none */
    str image;       /* an origin beside 'self' for img-src; empty: none */
};

/* In the reader's language: ui_locales or the empty str, then Accept-Language. */
void page_begin(struct rq *rq, str locales, struct page *out);
/* A message; the empty str when there is none of that key. */
str page_message(const struct page *p, const char *key);
/* The same with {word} replaced. */
str page_fill(const struct page *p, const char *key, const char *word, str value);
/* Puts a message into the view. */
void page_say(struct page *p, const char *name, const char *key);
/* "5 minutes" */
str page_time(const struct page *p, int64_t s);
/* The answer: status, headers, and the template of that name. */
void page_send(struct page *p, int status, const char *name);
/* The headers of whatever a browser shows: nosniff, no referrer, no frames, HSTS under https. */
void page_guard(struct rq *rq);
/* 303 to a place of ours or a proven one; nobody may keep the answer. */
void page_redirect(struct rq *rq, str location);
/* "https://app.example:8443" of a URL, "com.example.app:" of a private scheme; p == NULL: none. */
str page_origin(struct rq *rq, str url);

#endif
