/* answer: the answer to an authorization request as a URL (RFC 6749 4.1.2, MODE_QUERY).
 *
 * The form of MODE_FORM_POST is a page, and ui/'s.
 */
#include "codec/url.h"
#include "oauth/authorize/interaction.h"

str authorize_answer_url(struct rq *rq, const struct authorize_answer *a)
{
    bool has_query = str_find(a->target, '?', 0) < a->target.n;
    bool open = str_ends(a->target, STR("?")) || str_ends(a->target, STR("&"));
    struct buf b;

    buf_init(&b, rq->arena, 512, LIMIT_PARAM_VALUE * 2);
    buf_put(&b, a->target);
    for (size_t i = 0; i < a->n; i++) {
        if (i > 0 || !open)
            buf_char(&b, i > 0 || has_query ? '&' : '?');
        url_encode(&b, a->pairs[i].name);
        buf_char(&b, '=');
        url_encode(&b, a->pairs[i].value);
    }
    return buf_str(&b);
}
