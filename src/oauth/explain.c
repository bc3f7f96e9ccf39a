/* explain: refusals on their way from the threads to the store.
 *
 * A ring of RING entries of fixed size, so its memory is what it is from the start. A thread writes
 * its entry aside and holds the lock for one copy. What housekeeping does not fetch in time is
 * written over: of a flood the newest are kept, and a batch takes the newest first.
 *
 * What came from outside may drive a terminal or break a line (security.md A31), so everything but
 * plain text is spelled out here, once, for whoever shows it.
 */
#include "oauth/explain.h"

#include <stdlib.h>

#include "codec/json.h"
#include "oauth/check/checks.h"
#include "oauth/public_path.h"
#include "store/explanation.h"

enum { RING = 512, ENTRY_MAX = 2560, VALUE_MAX = 300, COST_MAX = 5 };

struct entry {
    struct uid id;
    int64_t at_s;
    size_t n;
    char what[ENTRY_MAX];
};

struct explain_ring {
    pthread_mutex_t lock;
    uint64_t noted, taken; /* entries ever: noted, and fetched or given up */
    uint64_t slot;         /* rows ever written */
    struct entry entries[RING];
};

struct explain_ring *explain_open(void)
{
    struct explain_ring *r = calloc(1, sizeof *r);

    if (r == NULL || pthread_mutex_init(&r->lock, NULL) != 0)
        fatal("no memory for explanations");
    return r;
}

void explain_close(struct explain_ring *r)
{
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- one refusal as text ---- */

/* The character at `at`, spelled out where it is no plain text; *n: its bytes. */
static void put_plain(struct buf *b, str s, size_t at, size_t *n)
{
    uint32_t code;
    size_t mark = str_mark(s, at);

    *n = mark > 0 ? mark : str_utf8(str_sub(s, at, s.n), &code);
    if (*n > 0 && mark == 0) {
        buf_put(b, str_sub(s, at, at + *n));
        return;
    }
    *n = *n > 0 ? *n : 1;
    for (size_t i = 0; i < *n; i++)
        buf_printf(b, "\\x%02x", (unsigned char)s.p[at + i]);
}

/* At most VALUE_MAX bytes in JSON, where quotes and backslashes are two. */
static void put_value(struct buf *b, str name, str value)
{
    char storage[VALUE_MAX];
    struct buf plain;
    size_t cost = 0, n;

    if (value.n == 0)
        return;
    buf_fixed(&plain, storage, sizeof storage);
    for (size_t i = 0; i < value.n; i += n) {
        size_t before = plain.n;
        if (cost > VALUE_MAX - 3 * COST_MAX - 3) {
            BUF_LIT(&plain, "...");
            break;
        }
        put_plain(&plain, value, i, &n);
        for (size_t k = before; k < plain.n; k++)
            cost += plain.p[k] == '\\' || plain.p[k] == '"' ? 2 : 1;
    }
    json_key_str(b, name, buf_str(&plain));
}

static const char *spec_of(const struct failure *f)
{
    const struct check *c = f->rule != NULL ? checks_find(str_from(f->rule)) : NULL;

    return c != NULL ? c->spec : err_info(f->e)->spec;
}

static void write(struct buf *b, const struct rq *rq)
{
    const struct failure *f = &rq->failure;
    const struct err_info *info = err_info(f->e);
    char uuid[UID_UUID_CHARS];
    struct buf id;

    json_open(b, '{');
    put_value(b, STR("error"), str_from(info->wire[0] != '\0' ? info->wire : info->id));
    put_value(b, STR("rule"), str_from(f->rule));
    put_value(b, STR("spec"), str_from(spec_of(f)));
    put_value(b, STR("text"), str_from(f->text));
    put_value(b, STR("where"), f->where);
    put_value(b, STR("expected"), f->expected);
    put_value(b, STR("received"), f->received);
    put_value(b, STR("detail"), f->detail);
    put_value(b, STR("method"), str_sub(rq->req->method_text, 0, 16));
    put_value(b, STR("path"), public_path(rq->arena, rq->req->path)); /* never the query */
    if (rq->has_client) {
        buf_fixed(&id, uuid, sizeof uuid);
        uid_write(&id, &rq->client_id, CLIENT_SID, SPELLING_UUID);
        put_value(b, STR("client_id"), buf_str(&id));
    }
    json_close(b, '}');
}

/* ---- the ring ---- */

void explain_note(const struct rq *rq)
{
    struct explain_ring *r = rq->server->explain;
    struct entry fresh;
    struct buf b;

    if (r == NULL || rq->failure.e == OK)
        return;
    buf_fixed(&b, fresh.what, sizeof fresh.what);
    write(&b, rq);
    if (b.overflow)
        return;
    fresh.id = rq->request_id;
    fresh.at_s = rq->now_s;
    fresh.n = b.n;
    pthread_mutex_lock(&r->lock);
    struct entry *e = &r->entries[r->noted++ % RING];
    memcpy(e, &fresh, offsetof(struct entry, what) + fresh.n);
    pthread_mutex_unlock(&r->lock);
}

/* The newest that has not been fetched, if one has: what is behind it waits for the next call. */
static bool take(struct explain_ring *r, uint64_t number, struct entry *out)
{
    bool there;

    pthread_mutex_lock(&r->lock);
    there = number < r->noted && r->noted - number <= RING;
    if (there) {
        const struct entry *e = &r->entries[number % RING];
        memcpy(out, e, offsetof(struct entry, what) + e->n);
    }
    pthread_mutex_unlock(&r->lock);
    return there;
}

static uint64_t count(struct explain_ring *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t noted = r->noted;
    pthread_mutex_unlock(&r->lock);
    return noted;
}

bool explain_flush(struct explain_ring *r, struct server *s, struct effects *fx, size_t limit)
{
    uint64_t noted = count(r), from = r->taken;
    struct entry e;

    if (from == noted)
        return false;
    if (noted - from > limit)
        from = noted - limit; /* the newest win */
    r->taken = noted;
    for (; from < noted; from++) {
        if (!take(r, from, &e))
            continue;
        struct explanation x = {.id = e.id, .at_s = e.at_s, .what = {e.what, e.n}};
        explanation_put(fx, s->ids.node, (int64_t)(r->slot++ % EXPLANATION_SLOTS), &x);
    }
    return true;
}
