/* refuse: a refusal as a page, for people.
 *
 * The person reads what to do in words that give nothing away: neither what the rule was nor what
 * was expected. Whoever operates the server learns that by the error id (`postern explain`). A page
 * of a refusal never leads anywhere (security.md 1: "page").
 */
#include "ui/page.h"

struct kind {
    const char *title, *text, *remedy; /* keys; remedy may be NULL */
};

static const struct kind request = {"error.request", "error.request.text", "error.request.remedy"};
static const struct kind forbidden = {"error.forbidden", "error.forbidden.text",
                                      "error.forbidden.remedy"};
static const struct kind sign_in_first = {"error.sign_in_first", "error.sign_in_first.text",
                                          "error.sign_in_first.remedy"};
static const struct kind not_found = {"error.not_found", "error.not_found.text", NULL};
static const struct kind too_many = {"error.too_many", "error.too_many.text", NULL};
static const struct kind unavailable = {"error.unavailable", "error.unavailable.text",
                                        "error.unavailable.remedy"};
static const struct kind server = {"error.server", "error.server.text", "error.server.remedy"};

static const struct kind *kind_of(enum err e, int status)
{
    if (e == ERR_SIGN_IN_FIRST)
        return &sign_in_first;
    switch (status) {
    case 403:
        return &forbidden;
    case 404:
    case 405:
        return &not_found;
    case 429:
        return &too_many;
    case 503:
        return &unavailable;
    default:
        return status >= 500 ? &server : &request;
    }
}

static str error_id(struct rq *rq)
{
    struct buf b;
    buf_init(&b, rq->arena, UID_UUID_CHARS, UID_UUID_CHARS);
    uid_write(&b, &rq->request_id, "", SPELLING_UUID);
    return buf_str(&b);
}

void ui_refuse(struct rq *rq)
{
    int status = err_info(rq->failure.e)->status;
    const struct kind *kind = kind_of(rq->failure.e, status);
    struct page p;
    page_begin(rq, (str){0}, &p);
    str wait = page_time(&p, rq->failure.retry_s > 0 ? rq->failure.retry_s : 1);
    page_say(&p, "title", kind->title);
    view_text(p.view, "text", page_fill(&p, kind->text, "wait", wait));
    if (kind->remedy)
        view_text(p.view, "remedy", page_fill(&p, kind->remedy, "wait", wait));
    view_text(p.view, "error_id", error_id(rq));
    page_send(&p, status, "error");
}
