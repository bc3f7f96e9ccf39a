/* list: routes, settings, errors and specifications, as the program's own tables say them. */
#include "admin/metrics.h"
#include "cmd/args.h"
#include "cmd/open.h"
#include "cmd/show.h"
#include "crypto/jwk.h"
#include "dialect/dialect.h"
#include "sandbox/calls.h"

enum { SPECS = 256 };

static void show_methods(struct show *s, uint32_t mask)
{
    str names[8];
    size_t n = 0;
    for (uint32_t m = 1; m < HTTP_OTHER; m <<= 1)
        if (mask & m || (m == HTTP_HEAD && mask & HTTP_GET))
            names[n++] = str_from(http_method_name((enum http_method)m));
    show_list(s, "methods", names, n);
}

static int routes(struct cmd *c)
{
    const struct dialect *dialects[DIALECTS_MAX];
    struct show s;
    int code = open_server_settings(c);
    if (code)
        return code;
    dialect_select(&c->settings, dialects);
    show_begin(&s, c, SHOW_LIST, "methods=14 path=44 dialect=9 name=22 spec");
    for (const struct dialect **d = dialects; *d; d++) {
        for (size_t i = 0; i < (*d)->routes_n; i++) {
            const struct route *r = &(*d)->routes[i];
            show_object(&s);
            show_methods(&s, r->methods);
            show_text(&s, "path", str_from(r->path));
            show_text(&s, "dialect", str_from((*d)->name));
            show_text(&s, "name", str_from(r->name));
            show_int(&s, "body_max", (int64_t)r->body_max);
            show_text(&s, "spec", str_from(r->spec));
            show_object_end(&s);
        }
    }
    return show_end(&s);
}

static int settings(struct cmd *c)
{
    static const char *const types[] = {"text", "int", "bool", "choice", "list"};
    struct show s;
    show_begin(&s, c, SHOW_LIST, "name=26 type=6 default=22 takes");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = &setting_infos[i];
        show_object(&s);
        show_text(&s, "name", str_from(info->name));
        show_text(&s, "type", str_from(types[info->type]));
        show_text(&s, "default", str_from(info->fallback));
        show_int(&s, "min", info->min);
        show_int(&s, "max", info->max);
        show_text(&s, "takes", str_from(info->takes));
        show_text(&s, "help", str_from(info->help));
        show_object_end(&s);
    }
    return show_end(&s);
}

/* Those that may leave the process. */
static int errors(struct cmd *c)
{
    struct show s;
    show_begin(&s, c, SHOW_LIST, "id=22 error=23 status=6 spec=18 meaning");
    for (int e = OK + 1; e < ERR_COUNT; e++) {
        const struct err_info *info = err_info((enum err)e);
        if (!*info->wire)
            continue;
        show_object(&s);
        show_text(&s, "id", str_from(info->id));
        show_text(&s, "error", str_from(info->wire));
        show_int(&s, "status", info->status);
        show_bool(&s, "redirectable", info->redirectable);
        show_text(&s, "spec", str_from(info->spec));
        show_text(&s, "meaning", str_from(info->meaning));
        show_object_end(&s);
    }
    return show_end(&s);
}

/* The document without the section: "RFC 6749 5.2" -> "RFC 6749", "Twine 7.18.0 x" -> two words. */
static str document(const char *spec)
{
    str s = str_from(spec);
    size_t end = str_find(s, ' ', str_find(s, ' ', 0) + 1);
    s = str_sub(s, 0, end);
    s.n -= s.n && s.p[s.n - 1] == ',';
    return s;
}

struct specs {
    struct {
        str name;
        int64_t uses;
    } rows[SPECS];
    size_t n;
};

static void count(struct specs *all, const char *spec)
{
    str name = document(spec);
    if (name.n < 2)
        return;
    for (size_t i = 0; i < all->n; i++) {
        if (str_eq(all->rows[i].name, name)) {
            all->rows[i].uses++;
            return;
        }
    }
    if (all->n < SPECS) {
        all->rows[all->n].name = name;
        all->rows[all->n++].uses = 1;
    }
}

static int specs(struct cmd *c)
{
    const struct dialect *dialects[DIALECTS_MAX];
    struct specs *all = ARENA_NEW(&c->arena, struct specs);
    struct show s;
    int code = open_server_settings(c);
    if (code)
        return code;
    dialect_select(&c->settings, dialects);
    for (const struct dialect **d = dialects; *d; d++)
        for (size_t i = 0; i < (*d)->routes_n; i++)
            count(all, (*d)->routes[i].spec);
    for (int e = OK + 1; e < ERR_COUNT; e++)
        count(all, err_info((enum err)e)->spec);
    for (size_t i = 0; i < JWS_ALGS; i++)
        count(all, jws_algs[i].spec);
    show_begin(&s, c, SHOW_LIST, "spec=24 uses");
    for (size_t i = 0; i < all->n; i++) {
        show_object(&s);
        show_text(&s, "spec", all->rows[i].name);
        show_int(&s, "uses", all->rows[i].uses);
        show_object_end(&s);
    }
    return show_end(&s);
}

static int metrics(struct cmd *c)
{
    struct show s;
    if (args_has(c, "markdown")) {
        struct buf b;
        buf_init(&b, &c->arena, 8192, 1 << 20);
        metrics_reference(&b);
        return cmd_print(buf_str(&b));
    }
    show_begin(&s, c, SHOW_LIST, "name=38 type=10 labels=22 help");
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric *m = &metrics_table[i];
        show_object(&s);
        show_text(&s, "name", str_from(m->name));
        show_text(&s, "type", str_from(metrics_type_name(m->type)));
        show_text(&s, "labels", str_from(m->labels));
        show_text(&s, "help", str_from(m->help));
        show_object_end(&s);
    }
    return show_end(&s);
}

static const struct option metrics_options[] = {
    {"markdown", NULL, false, false, "as docs/metrics.md has it"},
};

/* By role, as `supervisor` or `network`; what has no row ends the process. */
static int sandbox(struct cmd *c)
{
    static const char *const when[] = {"always", "with PostgreSQL", "where names are resolved",
                                       "to a service manager", "with a sanitizer"};
    size_t n;
    struct show s;
    const struct calls_row *rows = calls_rows(&n);
    show_begin(&s, c, SHOW_LIST, "role=10 call=24 answer=8 when=24 arguments");
    for (int role = 0; role < SANDBOX_ROLES; role++) {
        for (size_t i = 0; i < n; i++) {
            if (!(rows[i].roles & 1U << role))
                continue;
            show_object(&s);
            show_text(&s, "role", str_from(sandbox_role_name((enum sandbox_role)role)));
            show_text(&s, "call", str_from(rows[i].call));
            show_text(&s, "answer", str_from(rows[i].refuse ? "refused" : "made"));
            show_text(&s, "when", str_from(when[rows[i].when]));
            show_text(&s, "arguments", str_from(*rows[i].arguments ? rows[i].arguments : "any"));
            show_object_end(&s);
        }
    }
    return show_end(&s);
}

static const struct command commands[] = {
    {"routes", NULL, "Every path that the server answers for.", NULL, NULL, 0, routes},
    {"settings", NULL, "Every setting.", NULL, NULL, 0, settings},
    {"errors", NULL, "Every error that may leave the server.", NULL, NULL, 0, errors},
    {"metrics", NULL, "Every metric that /metrics gives.", NULL, CMD_OPTIONS(metrics_options),
     metrics},
    {"specs", NULL, "The specifications that routes, errors and algorithms come from.", NULL, NULL,
     0, specs},
    {"sandbox", NULL, "The system calls that each process of the server may make.",
     "A process that makes a call without a row, or with other arguments than its rows say, is\n"
     "ended by the kernel, which logs the number of the call (dmesg: type=1326). `refused` calls\n"
     "fail instead.",
     NULL, 0, sandbox},
};

const struct command_set list_commands = {"list", "what is in the program's tables",
                                          CMD_OPTIONS(commands)};
