/* http_read: our reader of HTTP as a filter, for http_corpus.test.js.
 *
 * Standard input holds cases, each "LENGTH\n" and that many bytes. For each, one line leaves:
 * "accept METHOD TARGET BODY-LENGTH" for every request understood in a row, then "refuse STATUS",
 * "wait" (more bytes are needed) or "end", on one line, separated by tabs. TARGET is what routing
 * sees: the path and the query.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/parse.h"

static void show_one(const struct http_req *req)
{
    printf("accept %.*s %.*s%s%.*s %zu\t", STR_ARG(req->method_text), STR_ARG(req->path),
           req->has_query ? "?" : "", STR_ARG(req->query), req->body.n);
}

static void read_case(char *bytes, size_t n)
{
    static struct http_req req;
    struct http_parser p;
    while (n > 0) {
        http_parse_init(&p);
        http_parse(&p, bytes, n, &req, NULL);
        if (p.state == HTTP_PARSE_ERROR) {
            printf("refuse %d\n", err_info(p.error)->status);
            return;
        }
        if (p.state != HTTP_PARSE_DONE) {
            printf("wait\n");
            return;
        }
        show_one(&req);
        bytes += p.consumed;
        n -= p.consumed;
    }
    printf("end\n");
}

int main(void)
{
    size_t n;
    while (scanf("%zu", &n) == 1 && getchar() == '\n') {
        char *bytes = malloc(n + 1);
        if (!bytes || fread(bytes, 1, n, stdin) != n) {
            fprintf(stderr, "http_read: a case ends early\n");
            return 1;
        }
        read_case(bytes, n);
        free(bytes);
    }
    return 0;
}
