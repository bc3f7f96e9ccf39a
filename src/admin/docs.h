/* docs: the page at /docs that shows the API of every dialect. */
#ifndef ADMIN_DOCS_H
#define ADMIN_DOCS_H

#include "oauth/rq.h"

enum err docs_page(struct rq *rq);   /* GET /docs */
enum err docs_style(struct rq *rq);  /* GET /docs/docs.css */
enum err docs_script(struct rq *rq); /* GET /docs/docs.js */

/* src/admin/docs/, as the build embeds it. */
extern const char docs_html[], docs_css[], docs_js[];

#endif
