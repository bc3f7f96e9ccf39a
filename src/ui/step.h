/* step: an authorization goes on, by a page or by an answer to the client. */
#ifndef UI_STEP_H
#define UI_STEP_H

#include "oauth/params.h"
#include "ui/draw.h"

/* What has to happen next: a page (with a notice: key of a message, or NULL), a company's own page,
 * or the answer. Also shapes refusals that may go back to the client. */
enum err step_go(struct rq *rq, struct interaction *ix, const char *notice);
/* The answer leaves: 303, or a page whose form posts it. */
void step_answer(struct rq *rq, struct interaction *ix, const struct authorize_answer *a);
/* The person said no. */
void step_deny(struct rq *rq, struct interaction *ix);
/* The refusal e as an answer to the client where that may be (then OK), else e. */
enum err step_refuse(struct rq *rq, struct interaction *ix, enum err e);
/* Where forms of that authorization may lead, for CSP form-action. */
str step_target(struct rq *rq, const struct interaction *ix);
/* The form of one of our own pages; ERR_FORBIDDEN when another site has posted it (A26). */
enum err step_form(struct rq *rq, const struct param *table, size_t n, void *bound);

/* Rows of parameter tables: fields of our own forms. */
#define STEP_FIELD(type, member, size)                                                             \
    {                                                                                              \
        .name = #member, .max = (size), .charset = CHARS_ANY,                                      \
        .offset = offsetof(struct type, member)                                                    \
    }

#endif
