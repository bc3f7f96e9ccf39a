/* store_copy: a store copied while others write to it, stop it, take it over, or make its pause too
 * long. The target is of the same kind as the source; test/spec/move.test.js goes between kinds. */
#include "store_support.h"

#include <sys/stat.h>
#include <time.h>

#include "store/copy.h"

/* More than a transaction of the copy holds, so that it is asked in between whether to stop. */
enum { ROWS = 22000, PAUSE_MS = 2000, ROUNDS = 10 };

struct world {
    struct fixture *f;
    struct db *writer, *to;
    char dir[48], url[ANY_STORE_URL];
    struct copy copy;
    bool stops; /* when it is asked */
    int naps;   /* pauses that last too long */
    int writes; /* that were made while rows came over */
    int refused;
    void (*between)(struct world *w); /* runs once, when some rows are there */
};

static void write_(struct world *w, const char *text)
{
    if (w->writer->ops->exec(w->writer, text) != DB_DONE)
        fail_msg("%s: %s", text, w->writer->ops->message(w->writer));
}

static void tell(void *arg, enum copy_step step, str table, int64_t done, int64_t total)
{
    struct world *w = arg;
    const struct timespec nap = {.tv_sec = PAUSE_MS / 1000, .tv_nsec = 100000000};
    (void)total;
    if (step == COPY_ROWS && done > 0 && str_eq(table, STR("throttle")) && w->writes++ == 0) {
        write_(w, "UPDATE throttle SET attempts = -1 WHERE subject IN ('k1', 'k21999')");
        write_(w, "DELETE FROM throttle WHERE subject IN ('k2', 'k21998')");
        write_(w, "INSERT INTO throttle (subject, attempts, window_end_s) VALUES ('a', 1, 1), "
                  "('z', 1, 1)");
        write_(w, "UPDATE throttle SET subject = 'zz' WHERE subject = 'k3'");
    }
    if (step != COPY_PAUSE || done > 0)
        return;
    if (!table.p)
        w->refused += w->writer->ops->exec(w->writer, "DELETE FROM throttle") != DB_DONE;
    if (!table.p && w->naps-- > 0)
        nanosleep(&nap, NULL);
}

static bool stop(void *arg)
{
    struct world *w = arg;
    void (*once)(struct world * w) = w->between;
    if (once && w->copy.rows > 0) {
        w->between = NULL;
        once(w);
    }
    return w->stops;
}

static void start(struct world *w, struct copy *c, struct db *from, struct db *to)
{
    *c = (struct copy){.from = from,
                       .to = to,
                       .target = STR("there"),
                       .max_pause_ms = PAUSE_MS,
                       .max_rounds = ROUNDS,
                       .watch = {w, tell, stop}};
    copy_init(c);
}

static struct world *begin(void **state)
{
    struct fixture *f = *state;
    struct world *w = ARENA_NEW(&f->arena, struct world);
    w->f = f;
    snprintf(w->dir, sizeof w->dir, "%s.to", f->dir);
    assert_int_equal(mkdir(w->dir, 0700), 0);
    any_store_make(w->dir, w->url);
    w->to = fixture_handle(w->url, false);
    w->writer = fixture_handle(f->url, false);
    write_(w, "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 22000) "
              "INSERT INTO throttle (subject, attempts, window_end_s) SELECT 'k' || n, n, 1 "
              "FROM i");
    start(w, &w->copy, f->db, w->to);
    return w;
}

static void end(struct world *w)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[96];
    copy_free(&w->copy);
    db_close(w->writer);
    db_close(w->to);
    any_store_drop(w->url);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/db%s", w->dir, ends[i]);
        unlink(path);
    }
    rmdir(w->dir);
}

static int64_t count(struct world *w, const char *where)
{
    struct sql *q = ARENA_NEW(&w->f->arena, struct sql);
    int64_t n;
    q->name = "test";
    q->text =
        arena_cstr(&w->f->arena, arena_printf(&w->f->arena, "SELECT COUNT(*) FROM %s", where));
    assert_int_equal(db_query_int(w->to, q, NO_ARGS, &n), OK);
    return n;
}

/* The target has the source's rows, with what was written meanwhile, and every index. */
static void is_there(struct world *w)
{
    char why[256];
    assert_int_equal(count(w, "throttle"), ROWS);
    assert_int_equal(count(w, "throttle WHERE subject IN ('k1', 'k21999') AND attempts = -1"), 2);
    assert_int_equal(count(w, "throttle WHERE subject IN ('k2', 'k21998', 'k3')"), 0);
    assert_int_equal(count(w, "throttle WHERE subject IN ('a', 'z', 'zz')"), 3);
    assert_int_equal(count(w, any_store_text("sqlite_master WHERE name IN ('throttle_end', "
                                             "'key_active')",
                                             "pg_indexes WHERE schemaname = current_schema() AND "
                                             "indexname IN ('throttle_end', 'key_active')")),
                     2);
    assert_int_equal(copy_check_usable(w->to, why, sizeof why), OK);
    assert_int_equal(copy_check_usable(w->f->db, why, sizeof why), ERR_CONFLICT);
    assert_non_null(strstr(why, "was moved to there"));
    assert_int_not_equal(w->writer->ops->exec(w->writer, "DELETE FROM throttle"), DB_DONE);
}

static void run(struct world *w)
{
    enum err e = copy_run(&w->copy);
    if (e != OK)
        fail_msg("%s", w->copy.why);
}

static void writes_meanwhile_come_over(void **state)
{
    struct world *w = begin(state);
    run(w);
    assert_true(w->copy.rows > ROWS - 10); /* some were deleted before it came to them */
    assert_true(w->copy.changes >= 7);
    assert_int_equal(w->copy.pauses, 1);
    assert_true(w->copy.pause_ms <= PAUSE_MS);
    assert_int_equal(w->refused, 1);
    assert_false(w->copy.resumed);
    is_there(w);
    end(w);
}

static void stop_now(struct world *w)
{
    w->stops = true;
}

static void what_was_stopped_goes_on(void **state)
{
    struct world *w = begin(state);
    char why[256];
    w->between = stop_now;
    assert_int_equal(copy_run(&w->copy), ERR_CONFLICT);
    assert_true(w->copy.stopped && w->copy.begun);
    int64_t first = w->copy.rows;
    assert_int_equal(copy_check_usable(w->f->db, why, sizeof why), OK);
    assert_int_equal(copy_check_usable(w->to, why, sizeof why), ERR_CONFLICT);
    assert_non_null(strstr(why, "has not ended"));
    /* Handles keep statements by address: what lies in the copy's arena outlives them. */
    struct copy before = w->copy;
    w->stops = false;
    start(w, &w->copy, w->f->db, w->to);
    run(w);
    copy_free(&before);
    assert_true(w->copy.resumed);
    assert_true(first > 0 && w->copy.rows < ROWS);
    is_there(w);
    end(w);
}

static void a_pause_that_is_too_long_is_tried_again(void **state)
{
    struct world *w = begin(state);
    w->naps = 1;
    run(w);
    assert_int_equal(w->copy.pauses, 2);
    assert_int_equal(w->refused, 2);
    is_there(w);
    end(w);
}

static void pauses_that_stay_too_long_are_given_up(void **state)
{
    struct world *w = begin(state);
    char why[256];
    w->naps = 100;
    assert_int_equal(copy_run(&w->copy), ERR_CONFLICT);
    assert_non_null(strstr(w->copy.why, "tried 5 times"));
    assert_int_equal(w->copy.pauses, 5);
    assert_int_equal(copy_check_usable(w->f->db, why, sizeof why), OK);
    write_(w, "UPDATE throttle SET attempts = 9 WHERE subject = 'k9'");
    w->naps = 0;
    struct copy before = w->copy;
    start(w, &w->copy, w->f->db, w->to);
    run(w);
    copy_free(&before);
    assert_int_equal(count(w, "throttle WHERE subject = 'k9' AND attempts = 9"), 1);
    is_there(w);
    end(w);
}

/* Another run of the same move, which is stopped early. */
static void other_run(struct world *w)
{
    struct world *other = ARENA_NEW(&w->f->arena, struct world);
    struct db *from = fixture_handle(w->f->url, false), *to = fixture_handle(w->url, false);
    other->stops = true;
    other->writes = 1;
    start(other, &other->copy, from, to);
    assert_int_equal(copy_run(&other->copy), ERR_CONFLICT);
    assert_true(other->copy.stopped && other->copy.resumed);
    db_close(from);
    db_close(to);
    copy_free(&other->copy);
}

static void a_second_run_takes_over(void **state)
{
    struct world *w = begin(state);
    w->between = other_run;
    assert_int_equal(copy_run(&w->copy), ERR_CONFLICT);
    assert_non_null(strstr(w->copy.why, "another `postern move` has taken over"));
    struct copy before = w->copy;
    start(w, &w->copy, w->f->db, w->to);
    run(w);
    copy_free(&before);
    is_there(w);
    end(w);
}

static void tables_of_others_are_named(void **state)
{
    struct world *w = begin(state);
    write_(w, "CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY, paid NUMERIC)");
    assert_int_equal(copy_run(&w->copy), ERR_CONFLICT);
    assert_false(w->copy.begun);
    assert_non_null(strstr(w->copy.why, "table notes is none of postern's"));
    end(w);
}

static void a_table_that_one_store_lacks_is_named(void **state)
{
    struct world *w = begin(state);
    write_(w, "CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY)");
    assert_int_equal(copy_run(&w->copy), ERR_CONFLICT);
    assert_non_null(strstr(w->copy.why, "the same table notes"));
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_meanwhile_come_over),
        TEST(what_was_stopped_goes_on),
        TEST(a_pause_that_is_too_long_is_tried_again),
        TEST(pauses_that_stay_too_long_are_given_up),
        TEST(a_second_run_takes_over),
        TEST(tables_of_others_are_named),
        TEST(a_table_that_one_store_lacks_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
