/* audit_verify: one walk over the chains of a store, which either judges or writes them, and one
 * over the lines of an exported file.
 *
 * A store is read page by page: rows and checkpoints of one chain side by side, in the order of
 * seq, so a log of any size takes no more memory. The public keys are those that the store keeps,
 * or of a JWKS that was kept elsewhere (--jwks), which somebody who owns the store cannot exchange.
 *
 * An export: {"type":"key"} lines, then for each chain {"type":"chain"} with the link before its
 * first row, rows and checkpoints in order, {"type":"end"} with the head.
 */
#include "cmd/audit_verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/import_file.h"
#include "cmd/open.h"
#include "cmd/progress.h"
#include "cmd/show.h"
#include "cmd/values.h"
#include "codec/json.h"

enum { PAGE = 256, POINTS = 64, JWKS_MAX = 1 << 20, YEARS_MAX_S = 3153600000, LINE = 8192 };

/* Judging (out == NULL) or writing. */
struct walk {
    struct cmd *c;
    struct show *show;
    struct buf *out;
    struct audit_chain chain;
    struct hasher *hasher;
    const struct json *jwks;
    int64_t since_s, seq, cut_seq; /* seq: of the last row that was read, whatever it was worth */
    struct audit_row *rows;        /* a page */
    struct progress progress;
    int broken;
    int64_t chains;                         /* of a file, that came to their end */
    struct audit_checkpoint points[POINTS]; /* read ahead */
    struct arena points_arena;
    size_t points_n, point;
    int64_t points_seq; /* the last one that was read */
    bool points_over;
};

static void put_hash(struct buf *b, str name, const struct digest *hash)
{
    json_key(b, name);
    buf_char(b, '"');
    buf_hex(b, hash->b, sizeof hash->b);
    buf_char(b, '"');
}

static void put_time(struct buf *b, int64_t at_s)
{
    char text[20];
    clock_rfc3339(at_s, text);
    json_key_str(b, STR("time"), str_make(text, sizeof text));
}

void audit_verify_write(struct buf *b, const struct audit_row *row)
{
    char hex[ID_HEX];
    struct buf id;
    buf_fixed(&id, hex, sizeof hex);
    id_write(&id, &row->id);
    json_open(b, '{');
    json_key_str(b, STR("type"), STR("row"));
    json_key_str(b, STR("node"), row->node);
    json_key_i64(b, STR("seq"), row->seq);
    json_key_str(b, STR("id"), buf_str(&id));
    put_time(b, row->at_s);
    json_key_i64(b, STR("at_s"), row->at_s);
    json_key_str(b, STR("event"), row->event);
    json_key_str(b, STR("result"), row->result);
    json_key_str(b, STR("actor"), row->actor);
    json_key_str(b, STR("client"), row->client);
    json_key_str(b, STR("subject"), row->subject);
    json_key_str(b, STR("organization"), row->organization);
    json_key_str(b, STR("source"), row->source);
    json_key_str(b, STR("request"), row->request);
    json_key_str(b, STR("detail"), row->detail);
    put_hash(b, STR("hash"), &row->hash);
    json_close(b, '}');
}

static void write_link(struct buf *b, str type, str node, int64_t seq, const struct digest *hash)
{
    json_open(b, '{');
    json_key_str(b, STR("type"), type);
    json_key_str(b, STR("node"), node);
    json_key_i64(b, STR("seq"), seq);
    put_hash(b, STR("hash"), hash);
    json_close(b, '}');
    buf_char(b, '\n');
}

static void write_point(struct buf *b, const struct audit_checkpoint *p)
{
    json_open(b, '{');
    json_key_str(b, STR("type"), STR("checkpoint"));
    json_key_str(b, STR("node"), p->node);
    json_key_i64(b, STR("seq"), p->seq);
    put_time(b, p->at_s);
    json_key_i64(b, STR("at_s"), p->at_s);
    json_key_bool(b, STR("cut"), p->cut);
    put_hash(b, STR("hash"), &p->hash);
    json_key_str(b, STR("jwt"), p->jwt);
    json_close(b, '}');
    buf_char(b, '\n');
}

/* What has gathered goes out. */
static int flush(struct walk *w)
{
    int code = w->out && w->out->n > 0 ? cmd_print(buf_str(w->out)) : CMD_DONE;
    if (w->out)
        w->out->n = 0;
    return code;
}

/* ---- one chain of a store ---- */

/* *out NULL: there is none left. */
static enum err next_point(struct walk *w, str node, const struct audit_checkpoint **out)
{
    enum err e = OK;
    if (w->point == w->points_n && !w->points_over) {
        arena_reset(&w->points_arena);
        w->point = 0;
        e = audit_link_checkpoints(w->c->db, &w->points_arena, node, w->points_seq, POINTS,
                                   w->points, &w->points_n);
        w->points_over = w->points_n < POINTS;
        if (w->points_n > 0)
            w->points_seq = w->points[w->points_n - 1].seq;
    }
    *out = e == OK && w->point < w->points_n ? &w->points[w->point] : NULL;
    return e;
}

static void take_point(struct walk *w, const struct audit_checkpoint *p)
{
    struct arena scratch;
    if (w->out) {
        write_point(w->out, p);
        return;
    }
    arena_init(&scratch, 1 << 22);
    audit_chain_checkpoint(&w->chain, &scratch, p);
    arena_free(&scratch);
}

/* Checkpoints up to that link. */
static enum err take_points(struct walk *w, str node, int64_t seq)
{
    const struct audit_checkpoint *p;
    enum err e;
    while ((e = next_point(w, node, &p)) == OK && p && p->seq <= seq) {
        take_point(w, p);
        w->point++;
    }
    return e;
}

static void take_row(struct walk *w, const struct audit_row *row)
{
    if (!w->out) {
        audit_chain_row(&w->chain, row);
        return;
    }
    audit_verify_write(w->out, row);
    buf_char(w->out, '\n');
}

static enum err take_rows(struct walk *w, str node)
{
    size_t n = PAGE;
    enum err e = OK;
    while (e == OK && n == PAGE) {
        struct arena page;
        arena_init(&page, 1 << 24);
        e = audit_linked(w->c->db, &page, node, w->seq, PAGE, w->rows, &n);
        for (size_t i = 0; e == OK && i < n; i++) {
            take_row(w, &w->rows[i]);
            w->seq = w->rows[i].seq;
            e = take_points(w, node, w->seq);
        }
        progress_add(&w->progress, (int64_t)n);
        if (e == OK && flush(w))
            e = ERR_SERVER_ERROR;
        arena_free(&page);
    }
    return e;
}

/* The first row of --since; behind the head if none is that new. */
static enum err first_since(struct walk *w, str node, int64_t *first)
{
    struct audit_head head;
    enum err e = audit_link_head(w->c->db, &w->c->arena, node, &head);
    if (e == OK)
        e = audit_since(w->c->db, node, w->since_s, first);
    if (e == OK && *first == 0)
        *first = head.seq + 1;
    return e == ERR_ABSENT ? OK : e;
}

/* Where the walk begins: at the cut, or at --since. */
static enum err begin(struct walk *w, str node)
{
    struct audit_checkpoint cut = {.node = node};
    struct digest hash = {{0}};
    int64_t first = 0;
    enum err e = audit_link_cut(w->c->db, &w->c->arena, node, &cut);
    if (e != OK && e != ERR_ABSENT)
        return e;
    w->points_n = w->point = 0;
    w->points_over = false;
    w->cut_seq = cut.seq;
    audit_chain_begin(&w->chain, w->hasher, w->jwks, node);
    if (w->since_s > 0 && (e = first_since(w, node, &first)) != OK)
        return e;
    if (first > cut.seq + 1) {
        if ((e = audit_link_hash(w->c->db, node, first - 1, &hash)) != OK)
            return e;
        w->seq = first - 1;
        write_link(w->out, STR("chain"), node, first - 1, &hash);
        return OK;
    }
    if (w->out)
        write_link(w->out, STR("chain"), node, 0, &hash);
    if (cut.seq > 0)
        take_point(w, &cut);
    w->seq = cut.seq;
    return OK;
}

/* A server links rows meanwhile. Its links, head and checkpoints are there at once, so whatever is
 * known of later rows than were read is no fault as long as more of them come. */
static enum err take_all(struct walk *w, str node, struct audit_head *head)
{
    const struct audit_checkpoint *p = NULL;
    int64_t before = -1;
    enum err e = OK;
    for (head->seq = INT64_MAX; (p || head->seq > w->seq) && w->seq > before;) {
        before = w->seq;
        if ((e = take_rows(w, node)) != OK || (e = next_point(w, node, &p)) != OK)
            return e;
        e = audit_link_head(w->c->db, &w->c->arena, node, head);
        if (e != OK && e != ERR_ABSENT)
            return e;
    }
    return take_points(w, node, INT64_MAX);
}

static enum err walk_chain(struct walk *w, str node)
{
    struct audit_head head;
    enum err e = begin(w, node);
    if (e != OK)
        return e;
    w->points_seq = w->seq;
    if ((e = take_all(w, node, &head)) != OK)
        return e;
    if (w->out)
        write_link(w->out, STR("end"), node, head.seq, &head.hash);
    else
        audit_chain_end(&w->chain, head.seq, &head.hash);
    return flush(w) ? ERR_SERVER_ERROR : OK;
}

/* ---- verdicts ---- */

static void verdict(struct walk *w)
{
    const struct audit_chain *x = &w->chain;
    struct show *s = w->show;
    str fault = {0};
    if (x->fault != AUDIT_FINE)
        fault = str_from(audit_chain_fault(x->fault));
    show_object(s);
    show_text(s, "node", x->node);
    show_text(s, "result", x->fault == AUDIT_FINE ? STR("whole") : STR("broken"));
    show_int(s, "rows", x->rows);
    show_int(s, "last", x->seq);
    show_int(s, "checkpoints", x->checkpoints);
    show_int(s, "covered", x->covered_seq);
    show_time(s, "covered_at", x->covered_s);
    show_int(s, "not_covered", x->seq - x->covered_seq);
    show_text(s, "fault", fault);
    show_int(s, "fault_at", x->fault_seq);
    show_object_end(s);
    if (x->fault == AUDIT_FINE)
        return;
    w->broken++;
    cmd_note("postern: chain %.*s is broken at row %lld: %s", STR_ARG(x->node),
             (long long)x->fault_seq, audit_chain_fault(x->fault));
}

static int read_keys(struct cmd *c, struct audit_keys *keys)
{
    str name = args_get(c, "jwks"), text;
    struct json *set;
    int code = name.p ? import_file_text(c, name, JWKS_MAX, &text) : CMD_DONE;
    audit_chain_keys(keys, &c->arena);
    if (code || !name.p)
        return code;
    if (json_parse(&c->arena, text, &set) || !json_is(json_get(set, STR("keys")), JSON_ARRAY_T))
        return cmd_fail(CMD_USAGE, "--jwks: %.*s is no JWKS", STR_ARG(name));
    keys->set = set;
    return CMD_DONE;
}

/* Rows that somebody prunes meanwhile are missing, and no fault: the new cut says so. */
static enum err judge_chain(struct walk *w, str node)
{
    struct audit_checkpoint cut = {.node = node};
    enum err e;
    do {
        if ((e = walk_chain(w, node)) != OK || w->chain.fault == AUDIT_FINE)
            break;
        e = audit_link_cut(w->c->db, &w->c->arena, node, &cut);
    } while (e == OK && cut.seq > w->cut_seq);
    if (e == OK || e == ERR_ABSENT)
        verdict(w);
    return e == ERR_ABSENT ? OK : e;
}

static int walk_store(struct walk *w)
{
    struct cmd *c = w->c;
    str *nodes, last = {0};
    size_t n = AUDIT_CHAINS;
    enum err e = OK;
    w->rows = ARENA_ARRAY(&c->arena, struct audit_row, PAGE);
    while (e == OK && n == AUDIT_CHAINS) {
        e = audit_link_nodes(c->db, &c->arena, last, &nodes, &n);
        for (size_t i = 0; e == OK && i < n; i++)
            e = w->out ? walk_chain(w, nodes[i]) : judge_chain(w, nodes[i]);
        last = n > 0 ? nodes[n - 1] : last;
    }
    return e ? open_trouble(c) : CMD_DONE;
}

static int verify_store(struct walk *w)
{
    int64_t waiting = 0;
    int code = open_store(w->c, OPEN_READ);
    if (code)
        return code;
    if (!args_has(w->c, "jwks") && audit_link_keys(w->c->db, &w->c->arena, &w->jwks))
        return open_trouble(w->c);
    progress_begin(&w->progress, "verifying", "rows", 0);
    code = walk_store(w);
    progress_end(&w->progress);
    if (code == CMD_DONE && audit_link_count_waiting(w->c->db, &waiting) == OK && waiting > 0)
        cmd_note("postern: %lld rows are not linked yet; a running server links them",
                 (long long)waiting);
    if (w->broken)
        audited_elsewhere(w->c, setting_text(&w->c->settings, db), AUDIT_BROKEN, (str){0},
                          STR("postern audit verify"));
    return code;
}

/* ---- a file ---- */

static bool get_int(const struct json *o, str name, int64_t *out)
{
    const struct json *v = json_get(o, name);
    *out = json_is(v, JSON_INT_T) ? v->i : 0;
    return json_is(v, JSON_INT_T);
}

static bool get_hash(const struct json *o, struct digest *out)
{
    return str_hex(json_get_str(o, STR("hash")), out->b, sizeof out->b);
}

static bool read_row(const struct json *o, struct audit_row *row)
{
    *row = (struct audit_row){
        .node = json_get_str(o, STR("node")),
        .event = json_get_str(o, STR("event")),
        .actor = json_get_str(o, STR("actor")),
        .client = json_get_str(o, STR("client")),
        .subject = json_get_str(o, STR("subject")),
        .organization = json_get_str(o, STR("organization")),
        .result = json_get_str(o, STR("result")),
        .source = json_get_str(o, STR("source")),
        .request = json_get_str(o, STR("request")),
        .detail = json_get_str(o, STR("detail")),
    };
    return get_int(o, STR("at_s"), &row->at_s) && get_int(o, STR("seq"), &row->seq) &&
           id_parse(json_get_str(o, STR("id")), &row->id) && get_hash(o, &row->hash);
}

static bool begin_file_chain(struct walk *w, const struct json *o)
{
    static const struct digest nothing;
    struct digest hash;
    int64_t seq;
    if (!get_int(o, STR("seq"), &seq) || !get_hash(o, &hash) || w->chain.node.p || seq < 0)
        return false;
    if (seq == 0 && memcmp(hash.b, nothing.b, sizeof hash.b) != 0)
        return false; /* before the first row lies nothing */
    audit_chain_begin(&w->chain, w->hasher, w->jwks,
                      arena_dup(&w->c->arena, json_get_str(o, STR("node"))));
    audit_chain_skip(&w->chain, seq, &hash);
    if (seq > 0)
        cmd_note("postern: the file begins behind row %lld of %.*s: what was before is not "
                 "judged",
                 (long long)seq, STR_ARG(w->chain.node));
    return true;
}

static bool end_file_chain(struct walk *w, const struct json *o)
{
    struct digest hash;
    int64_t seq;
    if (!get_int(o, STR("seq"), &seq) || !get_hash(o, &hash))
        return false;
    audit_chain_end(&w->chain, seq, &hash);
    verdict(w);
    w->chain = (struct audit_chain){0};
    w->chains++;
    return true;
}

static bool take_file_point(struct walk *w, struct arena *a, const struct json *o)
{
    const struct json *cut = json_get(o, STR("cut"));
    struct audit_checkpoint p = {.node = json_get_str(o, STR("node")),
                                 .jwt = json_get_str(o, STR("jwt")),
                                 .cut = json_is(cut, JSON_BOOL_T) && cut->i == 1};
    if (!get_int(o, STR("seq"), &p.seq) || !get_int(o, STR("at_s"), &p.at_s) ||
        !get_hash(o, &p.hash))
        return false;
    audit_chain_checkpoint(&w->chain, a, &p);
    return true;
}

/* False: no line of an export. */
static bool take_line(struct walk *w, struct arena *a, struct audit_keys *keys, str line)
{
    struct json *o;
    struct audit_row row;
    if (json_parse(a, line, &o) != OK)
        return false;
    str type = json_get_str(o, STR("type"));
    if (str_eq(type, STR("key"))) {
        if (!args_has(w->c, "jwks"))
            audit_chain_add_key(keys, arena_dup(&w->c->arena, json_get_str(o, STR("jwk"))));
        return true;
    }
    if (str_eq(type, STR("chain")))
        return begin_file_chain(w, o);
    if (!w->chain.node.p)
        return false;
    if (str_eq(type, STR("row"))) {
        if (!read_row(o, &row))
            return false;
        audit_chain_row(&w->chain, &row);
        return true;
    }
    if (str_eq(type, STR("checkpoint")))
        return take_file_point(w, a, o);
    return str_eq(type, STR("end")) && end_file_chain(w, o);
}

static int verify_lines(struct walk *w, struct audit_keys *keys, const char *path, FILE *f)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    bool good = true;
    int64_t number = 0;
    while (good && (n = getline(&line, &room, f)) > 0) {
        struct arena a;
        arena_init(&a, 1 << 22);
        good =
            take_line(w, &a, keys, str_make(line, line[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n));
        number++;
        arena_free(&a);
    }
    free(line);
    if (!good)
        return cmd_fail(CMD_FAILED, "%s: line %lld is none of an export", path, (long long)number);
    if (w->chain.node.p)
        return cmd_fail(CMD_FAILED, "%s ends in the middle of chain %.*s", path,
                        STR_ARG(w->chain.node));
    if (w->chains == 0)
        return cmd_fail(CMD_FAILED, "%s holds no chain: it is no export", path);
    return CMD_DONE;
}

static int verify_file(struct walk *w, struct audit_keys *keys)
{
    const char *path = arena_cstr(&w->c->arena, args_get(w->c, "file"));
    FILE *f = fopen(path, "re");
    if (!f)
        return cmd_fail(CMD_FAILED, "%s: %s", path, strerror(errno));
    int code = verify_lines(w, keys, path, f);
    fclose(f);
    return code;
}

/* ---- the subcommands ---- */

int audit_verify(struct cmd *c)
{
    struct walk w = {.c = c};
    struct audit_keys keys;
    struct show s;
    int code = read_keys(c, &keys);
    if (code)
        return code;
    w.jwks = keys.set;
    w.show = &s;
    w.hasher = hash_open();
    arena_init(&w.points_arena, 1 << 22);
    show_begin(&s, c, SHOW_LIST,
               "node=20 result=7 rows=9 checkpoints=11 covered=9 not_covered=11 "
               "fault");
    code = args_has(c, "file") ? verify_file(&w, &keys) : verify_store(&w);
    int shown = show_end(&s);
    hash_close(w.hasher);
    arena_free(&w.points_arena);
    return code ? code : w.broken ? CMD_FAILED : shown;
}

static int write_keys(struct walk *w)
{
    const struct json *jwks;
    if (audit_link_keys(w->c->db, &w->c->arena, &jwks))
        return open_trouble(w->c);
    const struct json *key = json_get(jwks, STR("keys"))->first;
    for (; key; key = key->next) {
        struct buf jwk;
        buf_init(&jwk, &w->c->arena, 512, 8192);
        json_value(&jwk, key);
        json_open(w->out, '{');
        json_key_str(w->out, STR("type"), STR("key"));
        json_key_str(w->out, STR("jwk"), buf_str(&jwk));
        json_close(w->out, '}');
        buf_char(w->out, '\n');
    }
    return flush(w);
}

int audit_verify_export(struct cmd *c)
{
    struct walk w = {.c = c};
    struct buf out;
    int code = audit_verify_time(c, "since", &w.since_s);
    if (code || (code = open_store(c, OPEN_READ)))
        return code;
    buf_init(&out, &c->arena, LINE, 1 << 24);
    w.out = &out;
    w.hasher = hash_open();
    arena_init(&w.points_arena, 1 << 22);
    if ((code = write_keys(&w)) == CMD_DONE)
        code = walk_store(&w);
    hash_close(w.hasher);
    arena_free(&w.points_arena);
    return code;
}

static bool read_date(const char *text, int64_t *out)
{
    struct tm t = {0};
    const char *end = strptime(text, "%Y-%m-%d", &t);
    if (end && *end == 'T')
        end = strptime(end, "T%H:%M:%SZ", &t);
    if (!end || *end)
        return false;
    *out = timegm(&t);
    return true;
}

int audit_verify_time(struct cmd *c, const char *option, int64_t *out)
{
    str text = args_get(c, option);
    struct clock clock = {0};
    int64_t ago_s;
    if (!text.p || read_date(arena_cstr(&c->arena, text), out))
        return CMD_DONE;
    int code = values_duration(text, option, 0, YEARS_MAX_S, &ago_s);
    if (code)
        return cmd_fail(CMD_USAGE,
                        "--%s takes a time (2026-11-22T10:00:00Z), a day, or how long "
                        "ago (7d)",
                        option);
    *out = clock_now_s(&clock) - ago_s;
    return CMD_DONE;
}
