/* db_postgres_link: the life of a PostgreSQL connection: what a failed opening says, deadlines, the
 * loss of a connection and its return, conflicts between handles, hints. Has a server of its own,
 * since it kills it. */
#include "postgres_server.h"

#include <pthread.h>

#include "db/fault.h"

enum { PUT, COUNT, SLOW, TOUCH, ONE_PID };

static const struct sql sql[] = {
    [PUT] = {"t.put", "INSERT INTO t (i) VALUES ($1)"},
    [COUNT] = {"t.count", "SELECT COUNT(*) FROM t"},
    [SLOW] = {"slow", "SELECT 1 FROM pg_sleep(3)"},
    [TOUCH] = {"t.touch", "UPDATE t SET s = 'y' WHERE i = $1"},
    [ONE_PID] = {"pid", "SELECT pg_backend_pid()"},
};

enum { PATIENCE_MS = 400 };

static enum err try_count(struct db *db, int64_t *n)
{
    return db_query_int(db, &sql[COUNT], NO_ARGS, n);
}

static int64_t count(struct db *db)
{
    int64_t n = -1;

    assert_int_equal(try_count(db, &n), OK);
    return n;
}

static enum err put(struct db *db, int64_t i)
{
    return db_run(db, &sql[PUT], ARGS(db_int(i)), NULL);
}

static int64_t backend_of(struct db *db)
{
    int64_t pid = 0;

    assert_int_equal(db_query_int(db, &sql[ONE_PID], NO_ARGS, &pid), OK);
    assert_true(pid > 1);
    return pid;
}

/* Uses the handle until it works again; how long that took, in ms. */
static int64_t await_recovery(struct db *db, int most_ms)
{
    int64_t from_ms = clock_mono_ms(), n;

    while (try_count(db, &n) != OK) {
        assert_within(from_ms, most_ms);
        sleep_ms(10);
    }
    return clock_mono_ms() - from_ms;
}

/* ---- opening ---- */

static void assert_refused(const char *url, const char *what, const char *remedy)
{
    struct db *db = NULL;
    char why[512] = "";

    assert_int_not_equal(db_open(str_from(url), false, &db, why, sizeof why), OK);
    if (!strstr(why, what) || !strstr(why, remedy) || strstr(why, "hush"))
        fail_msg("%s: %s", url, why);
}

static void a_failed_opening_names_the_remedy(void **state)
{
    struct pg_fixture *f = *state;
    char url[320];

    assert_refused("postgresql://u:hush@127.0.0.1:1/x", "127.0.0.1", "start PostgreSQL");
    assert_refused("postgresql://u:hush@no..host/x", "no..host", "host's name");
    assert_refused("postgresql://u:hush%@h/x", "cannot be read", "%XX");
    assert_refused("postgresql://u:hu/sh@h:hush/x", "cannot be read", "write postgresql://");
    assert_refused("postgresql://h/x?pasword=hush", "cannot be read", "pasword");
    assert_refused("mysql://h/x", "mysql://h/x", "postgresql://");
    assert_refused("mysql://u:hush@h/x", "mysql:...", "postgresql://");
    script_postgres("url", "not_there", url, sizeof url);
    assert_refused(url, "not_there", "createdb not_there");
    snprintf(url, sizeof url, "postgresql:///not_there?user=postern&host=/tmp/no-such-directory,%s",
             pg_server.dir);
    assert_refused(url, "no-such-directory", "createdb not_there");
    snprintf(url, sizeof url, "%s_nobody", f->url);
    assert_refused(url, "postern_nobody", "createuser");
    snprintf(url, sizeof url, "%s&target_session_attrs=standby", f->url);
    assert_refused(url, f->name, "server is not in hot standby");
}

static void assert_public(const char *url, const char *shown)
{
    struct arena a;

    arena_init(&a, 4096);
    str s = db_url_public(&a, str_from(url));
    if (!str_eq(s, str_from(shown)))
        fail_msg("%s is shown as %.*s", url, STR_ARG(s));
    arena_free(&a);
}

static void urls_are_shown_without_their_password(void **state)
{
    (void)state;
    assert_public("sqlite:/a:b@c", "sqlite:/a:b@c");
    assert_public("postgresql://h/d", "postgresql://h/d");
    assert_public("postgresql:///d?host=%2Ftmp&user=u", "postgresql:///d?host=%2Ftmp&user=u");
    assert_public("postgresql://u@h:5432/d", "postgresql://u@h:5432/d");
    assert_public("postgresql://u:hush@h:5432/d", "postgresql://u@h:5432/d");
    assert_public("postgres://u:hush@h1:1,h2:2/d?sslmode=require",
                  "postgres://u@h1:1,h2:2/d?sslmode=require");
    assert_public("postgresql://u:h@u/s?h@h/d", "postgresql://u@h/d");
    assert_public("postgresql://h/d?user=u&password=hush&sslmode=disable",
                  "postgresql://h/d?user=u&sslmode=disable");
    assert_public("postgresql://h/d?password=hush", "postgresql://h/d");
    assert_public("postgresql://h/d?sslpassword=hush&user=u", "postgresql://h/d?user=u");
    assert_public("postgresql://h/d?password=hu@sh", "postgresql://h@sh");
}

/* ---- conflicts ---- */

static void a_lock_that_is_held_is_a_conflict(void **state)
{
    struct pg_fixture *f = *state;
    struct db *other = pg_open(f->url, false);
    int64_t from_ms;

    assert_int_equal(put(f->db, 1), OK);
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(db_run(f->db, &sql[TOUCH], ARGS(db_int(1)), NULL), OK);
    db_set_patience(other, PATIENCE_MS);
    assert_int_equal(db_begin(other), OK);
    from_ms = clock_mono_ms();
    assert_int_equal(db_run(other, &sql[TOUCH], ARGS(db_int(1)), NULL), ERR_UNAVAILABLE);
    assert_within(from_ms, PATIENCE_MS - 50);
    assert_true(other->conflicted);
    db_rollback(other);
    assert_true(other->conflicted); /* that the rest was undone says nothing of it */
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(db_run(other, &sql[TOUCH], ARGS(db_int(1)), NULL), OK);
    assert_false(other->conflicted);
    db_close(other);
}

static void states_have_their_meaning(void **state)
{
    static const struct {
        const char *state;
        enum db_status status;
        bool gives_up;
    } cases[] = {{"40001", DB_CONFLICT, false}, {"40P01", DB_CONFLICT, false},
                 {"55P03", DB_CONFLICT, false}, {"57014", DB_AWAY, false},
                 {"53100", DB_FULL, false},     {"23505", DB_REFUSED, false},
                 {"25P02", DB_ERROR, false},    {"25006", DB_AWAY, true},
                 {"57P01", DB_AWAY, true},      {"08006", DB_AWAY, true}};
    struct pg_fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t before = backend_of(f->db);
        char text[96];
        snprintf(text, sizeof text, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '%s'; END $$",
                 cases[i].state);
        assert_int_equal(f->db->ops->exec(f->db, text), cases[i].status);
        await_recovery(f->db, 2000);
        assert_int_equal(backend_of(f->db) != before, cases[i].gives_up);
    }
}

/* ---- deadlines ---- */

static void the_server_ends_a_slow_statement(void **state)
{
    struct pg_fixture *f = *state;
    int64_t from_ms, before = backend_of(f->db);

    db_set_patience(f->db, PATIENCE_MS);
    from_ms = clock_mono_ms();
    assert_int_equal(db_run(f->db, &sql[SLOW], NO_ARGS, NULL), ERR_UNAVAILABLE);
    assert_within(from_ms, PATIENCE_MS + 100);
    assert_int_equal(backend_of(f->db), before); /* this cost no connection */
}

static void a_server_that_is_silent_is_given_up(void **state)
{
    struct pg_fixture *f = *state;
    int64_t from_ms, pid = backend_of(f->db), n;

    db_set_patience(f->db, PATIENCE_MS);
    assert_int_equal(count(f->db), 0);
    kill((pid_t)pid, SIGSTOP);
    from_ms = clock_mono_ms();
    assert_int_equal(try_count(f->db, &n), ERR_UNAVAILABLE);
    assert_within(from_ms, PATIENCE_MS + 100);
    assert_non_null(strstr(f->db->ops->message(f->db), "no answer within 400 ms"));
    await_recovery(f->db, 1000);
    assert_int_not_equal(backend_of(f->db), pid);
    kill((pid_t)pid, SIGCONT);
}

/* ---- loss and return ---- */

static void terminate(const struct pg_fixture *f, int64_t pid)
{
    struct db *other = pg_open(f->url, false);
    char text[64];

    snprintf(text, sizeof text, "SELECT pg_terminate_backend(%d)", (int)pid);
    must_exec(other, text);
    db_close(other);
    sleep_ms(50);
}

/* The rest of a transaction must not run on the next connection, each statement on its own. */
static void a_transaction_goes_with_its_connection(void **state)
{
    struct pg_fixture *f = *state;
    int64_t n;

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(put(f->db, 1), OK);
    terminate(f, backend_of(f->db));
    assert_int_equal(put(f->db, 2), ERR_UNAVAILABLE);
    sleep_ms(300);
    assert_int_equal(put(f->db, 3), ERR_UNAVAILABLE);
    assert_int_equal(db_commit(f->db), ERR_UNAVAILABLE);
    await_recovery(f->db, 1000);
    assert_int_equal(count(f->db), 0);
    assert_int_equal(db_begin(f->db), OK);
    terminate(f, backend_of(f->db));
    assert_int_equal(try_count(f->db, &n), ERR_UNAVAILABLE);
    assert_true(f->db->ops->lost_transaction(f->db)); /* from here on it is known */
    await_recovery(f->db, 1000);
    assert_int_equal(put(f->db, 4), OK);
}

/* A COMMIT or ROLLBACK that finds the connection lost has told by that. */
static void the_end_of_a_transaction_tells_of_its_loss(void **state)
{
    struct pg_fixture *f = *state;

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(put(f->db, 1), OK);
    terminate(f, backend_of(f->db));
    assert_int_equal(db_commit(f->db), ERR_UNAVAILABLE);
    await_recovery(f->db, 1000);
    assert_int_equal(count(f->db), 0);
    assert_int_equal(db_begin(f->db), OK);
    terminate(f, backend_of(f->db));
    db_rollback(f->db);
    await_recovery(f->db, 1000);
    assert_int_equal(put(f->db, 2), OK);
}

static void a_killed_server_is_away_until_it_is_back(void **state)
{
    struct pg_fixture *f = *state;
    char line[8];
    int64_t from_ms, n;

    db_set_patience(f->db, PATIENCE_MS);
    assert_int_equal(put(f->db, 1), OK);
    script_postgres("kill", "", line, sizeof line);
    for (int i = 0; i < 50; i++) {
        from_ms = clock_mono_ms();
        assert_int_equal(try_count(f->db, &n), ERR_UNAVAILABLE);
        assert_within(from_ms, PATIENCE_MS / 2);
        sleep_ms(5);
    }
    assert_int_equal(db_begin(f->db), ERR_UNAVAILABLE);
    server_start(true);
    await_recovery(f->db, 3000);
    assert_int_equal(count(f->db), 1);
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(put(f->db, 2), OK);
    assert_int_equal(db_commit(f->db), OK);
}

/* A restart of the server costs no reader an answer if the server is there again. */
static void a_connection_that_was_closed_while_idle_is_replaced(void **state)
{
    struct pg_fixture *f = *state;
    int64_t before = backend_of(f->db);

    terminate(f, before);
    assert_int_equal(count(f->db), 0);
    assert_int_not_equal(backend_of(f->db), before);
}

/* The search goes on without its handle, and leaks nothing that it finds. */
static void a_handle_may_be_closed_while_it_searches(void **state)
{
    struct pg_fixture *f = *state;

    for (int wait_ms = 0; wait_ms <= 200; wait_ms += 200) {
        struct db *other = pg_open(f->url, false);
        assert_int_equal(db_begin(other), OK);
        terminate(f, backend_of(other));
        assert_int_equal(put(other, 1), ERR_UNAVAILABLE);
        sleep_ms(wait_ms);
        db_close(other);
    }
    assert_int_equal(count(f->db), 0);
}

static pid_t postmaster(void)
{
    char path[192], line[32] = "";
    FILE *in;

    snprintf(path, sizeof path, "%s/data/postmaster.pid", pg_server.dir);
    in = fopen(path, "r");
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    fclose(in);
    return (pid_t)strtol(line, NULL, 10);
}

/* The whole server hangs: a process that stops does not wait for what it has given up. */
static void closing_does_not_wait_for_the_search(void **state)
{
    struct pg_fixture *f = *state;
    pid_t server = postmaster();
    struct db *other = pg_open(f->url, false);
    pid_t backend = (pid_t)backend_of(other);
    enum err e;
    int64_t from_ms, took_ms;

    db_set_patience(other, PATIENCE_MS);
    assert_int_equal(put(other, 1), OK);
    kill(server, SIGSTOP);
    kill(backend, SIGSTOP);
    e = put(other, 2);
    from_ms = clock_mono_ms();
    db_close(other);
    took_ms = clock_mono_ms() - from_ms;
    kill(backend, SIGCONT);
    kill(server, SIGCONT);
    assert_int_equal(e, ERR_UNAVAILABLE);
    assert_true(took_ms < 100);
    sleep_ms(200); /* it finds a connection, which is nobody's */
    assert_true(count(f->db) >= 1);
}

/* ---- hints ---- */

static void hints_arrive(void **state)
{
    struct pg_fixture *f = *state;
    struct db *other = pg_open(f->url, false);
    int64_t from_ms = clock_mono_ms();

    assert_false(f->db->ops->wait(f->db, 100));
    assert_true(clock_mono_ms() - from_ms >= 99);
    other->ops->notify(other);
    other->ops->notify(other);
    from_ms = clock_mono_ms();
    assert_true(f->db->ops->wait(f->db, 2000));
    assert_within(from_ms, 500);
    while (f->db->ops->wait(f->db, 100)) /* the second one, unless both came at once */
        ;
    other->ops->notify(other);
    sleep_ms(50);
    assert_int_equal(count(f->db), 0); /* one that came with the answer to something else */
    assert_true(f->db->ops->wait(f->db, 2000));
    db_close(other);
}

struct victim {
    const struct pg_fixture *f;
    int64_t pid;
};

static void *terminate_soon(void *arg)
{
    struct victim *v = arg;

    sleep_ms(100);
    terminate(v->f, v->pid);
    return NULL;
}

static void a_wait_ends_with_the_connection(void **state)
{
    struct pg_fixture *f = *state;
    struct db *other = pg_open(f->url, false);
    struct victim victim = {f, backend_of(f->db)};
    int64_t from_ms;
    pthread_t thread;

    assert_false(f->db->ops->wait(f->db, 1));
    terminate(f, victim.pid); /* before it, or while it waits */
    for (int i = 0; i < 2; i++) {
        from_ms = clock_mono_ms();
        if (i > 0)
            assert_int_equal(pthread_create(&thread, NULL, terminate_soon, &victim), 0);
        assert_false(f->db->ops->wait(f->db, 2000));
        assert_within(from_ms, 1000);
        if (i > 0) {
            pthread_join(thread, NULL);
            assert_false(f->db->ops->wait(f->db, 2000)); /* until it is back */
            assert_within(from_ms, 1000);
        }
        other->ops->notify(other); /* it listens again */
        assert_true(f->db->ops->wait(f->db, 2000));
        victim.pid = backend_of(f->db);
    }
    db_close(other);
}

/* ---- the decorator ---- */

static void a_bulk_can_be_made_to_fail(void **state)
{
    struct pg_fixture *f = *state;
    struct db *db = fault_open(pg_open(f->url, false));
    struct db_arg one = db_int(1), two = db_int(2);
    struct db_call calls[] = {{&sql[PUT], &one, 1, 0}, {&sql[PUT], &two, 1, 0}};

    fault_arm(db, FAULT_BULK, 1, DB_AWAY, FAULT_BEFORE);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_bulk(db, calls, 2), ERR_UNAVAILABLE);
    assert_int_equal(db_bulk(db, calls, 2), OK);
    assert_int_equal(fault_calls(db, FAULT_BULK), 2);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(count(f->db), 2);
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(a_failed_opening_names_the_remedy),
        PG_TEST(urls_are_shown_without_their_password),
        PG_TEST(a_lock_that_is_held_is_a_conflict),
        PG_TEST(states_have_their_meaning),
        PG_TEST(the_server_ends_a_slow_statement),
        PG_TEST(a_server_that_is_silent_is_given_up),
        PG_TEST(a_transaction_goes_with_its_connection),
        PG_TEST(the_end_of_a_transaction_tells_of_its_loss),
        PG_TEST(a_killed_server_is_away_until_it_is_back),
        PG_TEST(a_connection_that_was_closed_while_idle_is_replaced),
        PG_TEST(a_handle_may_be_closed_while_it_searches),
        PG_TEST(closing_does_not_wait_for_the_search),
        PG_TEST(hints_arrive),
        PG_TEST(a_wait_ends_with_the_connection),
        PG_TEST(a_bulk_can_be_made_to_fail),
    };

    return cmocka_run_group_tests(tests, server_begin_own, server_end);
}
