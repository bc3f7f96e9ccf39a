/* fault: the decorator behind db/fault.h.
 *
 * Passes every call on and counts it; the armed one fails before the inner driver sees it, or
 * after it did (a commit whose answer got lost), or together with the transaction (a full disk).
 * Statements are wrapped, since a statement alone does not lead to its driver.
 */
#include "db/fault.h"

#include <stdlib.h>

#include "base/log.h"

#define WRAPPED_MAX 256

struct fault_stmt {
    struct fault *db;
    struct db_stmt *inner;
};

struct fault {
    struct db base;
    struct db_ops ops; /* a copy, so that it bears the inner driver's name */
    struct db *inner;
    enum fault_call call;
    enum fault_how how;
    enum db_status status;
    int64_t nth;
    bool fired;
    int64_t counts[FAULT_CALLS + 1];
    size_t wrapped_n;
    struct fault_stmt wrapped[WRAPPED_MAX];
};

static struct fault *self(const struct db *db)
{
    return (struct fault *)(uintptr_t)db;
}

static struct fault_stmt *wrapper(struct db_stmt *s)
{
    return (struct fault_stmt *)s;
}

/* Counts the call; true when it is the one that fails. */
static bool hit(struct fault *f, enum fault_call call)
{
    int64_t mine = ++f->counts[call], all = ++f->counts[FAULT_ANY];

    f->inner->patience_ms = f->base.patience_ms;
    if (f->fired || f->nth == 0 || (f->call != FAULT_ANY && f->call != call))
        return false;
    if ((f->call == FAULT_ANY ? all : mine) != f->nth)
        return false;
    f->fired = true;
    if (f->how == FAULT_LOST && !f->inner->ops->lost_transaction(f->inner))
        f->inner->ops->exec(f->inner, "ROLLBACK");
    return true;
}

static void fault_close(struct db *db)
{
    db_close(self(db)->inner);
    free(db);
}

static struct db_stmt *fault_prepare(struct db *db, const struct sql *sql)
{
    struct fault *f = self(db);
    struct db_stmt *inner;

    if (hit(f, FAULT_PREPARE))
        return NULL;
    inner = f->inner->ops->prepare(f->inner, sql);
    for (size_t i = 0; i < f->wrapped_n; i++)
        if (f->wrapped[i].inner == inner)
            return (struct db_stmt *)&f->wrapped[i];
    if (!inner)
        return NULL;
    if (f->wrapped_n == WRAPPED_MAX)
        fatal("more statements than a fault handle has room for");
    f->wrapped[f->wrapped_n] = (struct fault_stmt){f, inner};
    return (struct db_stmt *)&f->wrapped[f->wrapped_n++];
}

static bool fault_bind(struct db_stmt *s, int index, const struct db_arg *arg)
{
    struct fault_stmt *w = wrapper(s);

    return !hit(w->db, FAULT_BIND) && w->db->inner->ops->bind(w->inner, index, arg);
}

static enum db_status fault_step(struct db_stmt *s)
{
    struct fault_stmt *w = wrapper(s);
    struct fault *f = w->db;

    if (!hit(f, FAULT_STEP))
        return f->inner->ops->step(w->inner);
    if (f->how == FAULT_AFTER)
        f->inner->ops->step(w->inner);
    return f->status;
}

static int fault_columns(struct db_stmt *s)
{
    return wrapper(s)->db->inner->ops->columns(wrapper(s)->inner);
}

static enum db_type fault_column(struct db_stmt *s, int index, int64_t *i, str *bytes)
{
    return wrapper(s)->db->inner->ops->column(wrapper(s)->inner, index, i, bytes);
}

static void fault_reset(struct db_stmt *s)
{
    wrapper(s)->db->inner->ops->reset(wrapper(s)->inner);
}

static int64_t fault_changes(struct db *db)
{
    return self(db)->inner->ops->changes(self(db)->inner);
}

static enum fault_call call_of(const char *text)
{
    if (strcmp(text, "BEGIN") == 0)
        return FAULT_BEGIN;
    if (strcmp(text, "COMMIT") == 0)
        return FAULT_COMMIT;
    if (strcmp(text, "ROLLBACK") == 0)
        return FAULT_ROLLBACK;
    return FAULT_EXEC;
}

static enum db_status fault_exec(struct db *db, const char *text)
{
    struct fault *f = self(db);

    if (!hit(f, call_of(text)))
        return f->inner->ops->exec(f->inner, text);
    if (f->how == FAULT_AFTER)
        f->inner->ops->exec(f->inner, text);
    return f->status;
}

static enum db_status fault_bulk(struct db *db, struct db_call *calls, size_t n)
{
    struct fault *f = self(db);

    if (!hit(f, FAULT_BULK))
        return f->inner->ops->bulk(f->inner, calls, n);
    if (f->how == FAULT_AFTER)
        f->inner->ops->bulk(f->inner, calls, n);
    return f->status;
}

static void fault_notify(struct db *db)
{
    self(db)->inner->ops->notify(self(db)->inner);
}

static bool fault_wait(struct db *db, int ms)
{
    return self(db)->inner->ops->wait(self(db)->inner, ms);
}

static enum db_status fault_load_begin(struct db *db, const char *table, const str *columns,
                                       size_t n)
{
    return self(db)->inner->ops->load_begin(self(db)->inner, table, columns, n);
}

static enum db_status fault_load_row(struct db *db, const struct db_arg *values, size_t n)
{
    return self(db)->inner->ops->load_row(self(db)->inner, values, n);
}

static enum db_status fault_load_end(struct db *db)
{
    return self(db)->inner->ops->load_end(self(db)->inner);
}

static bool fault_lost_transaction(struct db *db)
{
    return self(db)->inner->ops->lost_transaction(self(db)->inner);
}

static const char *fault_message(struct db *db)
{
    struct fault *f = self(db);

    return f->fired ? "injected fault" : f->inner->ops->message(f->inner);
}

struct db *fault_open(struct db *inner)
{
    const struct db_ops *ops = inner->ops;
    struct fault *f = calloc(1, sizeof *f);

    if (!f)
        fatal("out of memory");
    f->inner = inner;
    f->ops = (struct db_ops){
        .name = ops->name,
        .shared = ops->shared,
        .close = fault_close,
        .prepare = fault_prepare,
        .bind = fault_bind,
        .step = fault_step,
        .columns = fault_columns,
        .column = fault_column,
        .reset = fault_reset,
        .changes = fault_changes,
        .exec = fault_exec,
        .lost_transaction = fault_lost_transaction,
        .message = fault_message,
        .bulk = ops->bulk ? fault_bulk : NULL,
        .notify = ops->notify ? fault_notify : NULL,
        .wait = ops->wait ? fault_wait : NULL,
        .load_begin = ops->load_begin ? fault_load_begin : NULL,
        .load_row = ops->load_row ? fault_load_row : NULL,
        .load_end = ops->load_end ? fault_load_end : NULL,
    };
    f->base.ops = &f->ops;
    return &f->base;
}

void fault_arm(struct db *db, enum fault_call call, int64_t nth, enum db_status status,
               enum fault_how how)
{
    struct fault *f = self(db);

    f->call = call;
    f->nth = nth;
    f->status = status;
    f->how = how;
    f->fired = false;
    memset(f->counts, 0, sizeof f->counts);
}

int64_t fault_calls(const struct db *db, enum fault_call call)
{
    return self(db)->counts[call];
}

bool fault_fired(const struct db *db)
{
    return self(db)->fired;
}
