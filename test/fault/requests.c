/* requests: every kind of request while memory or the database fails at the Nth call.
 *
 *     requests [--what memory|database] [--most N] [--seed N] [--lie] PROGRAM...
 *
 * The programs (test/fuzz/oauth_program.h) go through the HTTP reader, the engine, a commit and the
 * signing, in one process. Each line of each program is tried with its Nth call failing: for memory
 * each malloc of ours, of OpenSSL and of SQLite, once and from there on for ever; for the database
 * each call of a driver on each handle, refused, busy, lost with its transaction, or done and not
 * told. N goes up until no call fails; above --most by random steps. Then:
 *
 *     the answer is the one of the undisturbed run, or 503 or 500, or a redirect that says so; no
 * model of the fuzz target is contradicted; after a 503 the same line again gives the undisturbed
 * answer, unless a commit was done or may have been; the lines behind it give theirs; no crash, and
 * under ASan no leak.
 *
 * --lie tells the engine that a commit which failed was done: then that must be found out.
 *
 * Linked with --wrap=malloc,calloc,realloc,db_open (Makefile).
 */
#include <malloc.h>
#include <sqlite3.h>

#include "../fuzz/oauth_turn.h"
#include "base/heap.h"
#include "crypto/hash.h"
#include "crypto/jws_kept.h"
#include "db/fault.h"

#define ROW_MAX     32
#define HANDLES     64
#define LEFT_MAX    (1 << 20) /* what OpenSSL may keep of the reserve */
#define RESERVE     (8 << 20)
#define NTH_MAX     20000
#define PROGRAM_MAX 65536

/* ---- memory that fails ---- */

static struct {
    bool armed, for_ever, fired;
    long nth, calls;
} memory;

static bool refuses(void)
{
    if (!memory.armed || ++memory.calls < memory.nth)
        return false;
    if (memory.calls > memory.nth && !memory.for_ever)
        return false;
    memory.fired = true;
    return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    return refuses() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuses() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return refuses() ? NULL : __real_realloc(p, n);
}

static void *sqlite_get(int n)
{
    return refuses() ? NULL : __real_malloc((size_t)n);
}

static void *sqlite_resize(void *p, int n)
{
    return refuses() ? NULL : __real_realloc(p, (size_t)n);
}

static int sqlite_size(void *p)
{
    return (int)malloc_usable_size(p);
}

static int sqlite_round(int n)
{
    return (n + 7) & ~7;
}

static int sqlite_begin(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void sqlite_end(void *arg)
{
    (void)arg;
}

static void use_failing_memory(void)
{
    static const sqlite3_mem_methods m = {
        .xMalloc = sqlite_get,
        .xFree = free,
        .xRealloc = sqlite_resize,
        .xSize = sqlite_size,
        .xRoundup = sqlite_round,
        .xInit = sqlite_begin,
        .xShutdown = sqlite_end,
    };
    if (!heap_reserve(RESERVE) || sqlite3_config(SQLITE_CONFIG_MALLOC, &m) != SQLITE_OK)
        abort();
    hash_use_heap();
}

/* ---- databases that fail ---- */

static struct db *handles[HANDLES];
static size_t handles_n;

enum err __real_db_open(str url, bool read_only, struct db **out, char *why, size_t why_size);
enum err __wrap_db_open(str url, bool read_only, struct db **out, char *why, size_t why_size);

enum err __wrap_db_open(str url, bool read_only, struct db **out, char *why, size_t why_size)
{
    enum err e = __real_db_open(url, read_only, out, why, why_size);
    if (e == OK && handles_n < HANDLES)
        handles[handles_n++] = *out = fault_open(*out);
    return e;
}

static const struct way {
    const char *name;
    enum db_status status;
    enum fault_how how;
    bool undone; /* nothing of what failed has happened */
} ways[] = {
    {"refused", DB_ERROR, FAULT_BEFORE, true},
    {"busy", DB_BUSY, FAULT_BEFORE, true},
    {"lost", DB_FULL, FAULT_LOST, true},
    {"not told", DB_ERROR, FAULT_AFTER, false},
};

/* ---- what fails in a run ---- */

static struct trial {
    size_t line;
    long nth;
    bool for_ever;     /* memory */
    struct db *handle; /* NULL: memory */
    const struct way *way;
} trial;

static void arm(void)
{
    if (trial.handle)
        fault_arm(trial.handle, FAULT_ANY, trial.nth, trial.way->status, trial.way->how);
    else
        memory = (typeof(memory)){.armed = true, .for_ever = trial.for_ever, .nth = trial.nth};
}

/* Did it fail? */
static bool disarm(void)
{
    if (!trial.handle) {
        memory.armed = false;
        return memory.fired;
    }
    bool fired = fault_fired(trial.handle);
    fault_arm(trial.handle, FAULT_ANY, 0, DB_DONE, FAULT_BEFORE);
    return fired;
}

/* ---- one request ---- */

struct outcome {
    int status;
    bool fired, committed;
    bool told; /* the client got the failure by a redirect, and the sign-in is over */
};

static bool tells_failure(const struct answer *a)
{
    str to = header_of(a, "Location");
    return has(to, STR("error=temporarily_unavailable")) || has(to, STR("error=server_error"));
}

static struct outcome run_request(str text, bool failing)
{
    static struct turn t;
    static typeof(model) before;
    struct outcome o = {0};
    struct answer a;
    struct asked q;
    struct line l;
    line_read(text, &l);
    if (!turn_read(&t, line_bytes(&l)))
        DIE("a program with a request that is none: %.*s", STR_ARG(text));
    memcpy(&before, &model, sizeof before);
    model_read(&q, &t.req, l.jar);
    model_request(&q);
    if (failing)
        arm();
    turn_begin(&t);
    turn_run(&t);
    o.fired = failing && disarm();
    str answered = turn_answer(&t);
    if (getenv("REQUESTS_SHOW"))
        fprintf(stderr, "> %.*s\n< %.*s\n\n", STR_ARG(text), STR_ARG(answered));
    answer_read(&a, answered, t.req.method == HTTP_HEAD);
    if (failing && (a.status == 503 || a.status == 500))
        memcpy(&model, &before, sizeof before);
    else
        answer_judge(&q, &a, answered);
    turn_end(&t, answered);
    o.status = a.status;
    o.committed = t.committed;
    o.told = tells_failure(&a);
    return o;
}

/* ---- a program ---- */

struct program_text {
    const char *name;
    char text[PROGRAM_MAX];
    str lines[ROW_MAX];
    size_t n;
    int status[ROW_MAX]; /* of the undisturbed run; 0: no request */
};

static struct program_text program;
static long tried, failed_calls, refused, problems;

static void complain(size_t line, const char *what, int got, int wanted)
{
    problems++;
    printf("not ok %s line %zu (%.*s), call %ld %s%s: %s: %d instead of %d\n", program.name,
           trial.line + 1,
           (int)(program.lines[trial.line].n < 60 ? program.lines[trial.line].n : 60),
           program.lines[trial.line].p, trial.nth, trial.handle ? trial.way->name : "",
           trial.for_ever ? "for ever" : "", what, got, wanted);
    if (line != trial.line)
        printf("#   seen at line %zu: %.*s\n", line + 1, STR_ARG(program.lines[line]));
}

static bool is_pause(str line)
{
    int64_t s;
    if (!str_starts(line, STR("sleep ")))
        return line.n == 0 || line.p[0] == '#';
    if (str_i64(str_sub(line, 6, line.n), 1, 10000000, &s))
        w.server.clock.fixed_us += s * 1000000;
    return true;
}

/* The line that fails, and again. False: nothing has failed, so N is beyond the last call; or what
 * follows cannot be compared. */
static bool run_failing(size_t i, bool *fired)
{
    struct outcome o = run_request(program.lines[i], true);
    bool clean = o.status == program.status[i] && !o.told;
    bool gone = o.status == 503 || o.status == 500 || o.told;
    *fired = o.fired;
    tried++;
    failed_calls += o.fired;
    refused += gone;
    if (!clean && !gone)
        complain(i, "the answer", o.status, program.status[i]);
    if (clean || !gone)
        return clean;
    if (o.committed || o.told || (trial.handle && !trial.way->undone))
        return false;
    o = run_request(program.lines[i], false);
    if (o.status != program.status[i])
        complain(i, "the same again", o.status, program.status[i]);
    return o.status == program.status[i];
}

/* Contexts that an earlier run has kept would hide what it takes to make them. */
static void forget_keys(struct server_thread *t)
{
    jws_kept_close(t->kept);
    t->kept = jws_kept_open();
}

static void begin(void)
{
    world_reset();
    forget_keys(&w.worker);
    forget_keys(&w.pool);
    memset(&prog, 0, sizeof prog);
    memset(&model, 0, sizeof model);
    arena_init(&prog.arena, 256 << 20);
}

/* True: a call failed. */
static bool run_trial(void)
{
    bool fired = false;
    begin();
    for (size_t i = 0; i < program.n; i++) {
        if (is_pause(program.lines[i]))
            continue;
        if (i == trial.line) {
            if (!run_failing(i, &fired))
                break;
            continue;
        }
        int status = run_request(program.lines[i], false).status;
        if (i > trial.line && status != program.status[i]) {
            complain(i, "later", status, program.status[i]);
            break;
        }
    }
    arena_free(&prog.arena);
    return fired;
}

static void run_undisturbed(void)
{
    begin();
    for (size_t i = 0; i < program.n; i++) {
        program.status[i] = 0;
        if (!is_pause(program.lines[i]))
            program.status[i] = run_request(program.lines[i], false).status;
    }
    arena_free(&prog.arena);
}

/* ---- all of them ---- */

static unsigned long most = 12, draw_state = 1;

static long step(long nth)
{
    if ((unsigned long)nth < most)
        return 1;
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return 1 + (long)((draw_state >> 33) % (unsigned long)(nth / 2 + 1));
}

static void try_all(struct trial t)
{
    for (t.nth = 1; t.nth < NTH_MAX; t.nth += step(t.nth)) {
        trial = t;
        if (!run_trial())
            return;
    }
}

static void try_line(size_t line, bool database)
{
    struct trial t = {.line = line};
    if (!database) {
        try_all(t);
        t.for_ever = true;
        try_all(t);
        return;
    }
    struct db *each[] = {w.db, w.worker.db, w.pool.db};
    for (size_t h = 0; h < 3; h++)
        for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
            t.handle = each[h];
            t.way = &ways[k];
            try_all(t);
        }
}

static void read_program(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, program.text, sizeof program.text);
    str rest = str_make(program.text, n > 0 ? (size_t)n : 0);
    if (n <= 0)
        broken("no program", str_from(path));
    close(fd);
    program.name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    for (program.n = 0; program.n < ROW_MAX && str_next(&rest, '\n', &program.lines[program.n]);)
        program.n++;
}

static void try_program(const char *path, bool database)
{
    long before = problems, calls = failed_calls;
    read_program(path);
    run_undisturbed();
    for (size_t i = 0; i < program.n; i++)
        if (program.status[i] != 0)
            try_line(i, database);
    if (problems == before)
        printf("ok %s %s: %ld calls failed\n", database ? "database" : "memory", program.name,
               failed_calls - calls);
}

int main(int argc, char **argv)
{
    bool database = false;
    setvbuf(stdout, NULL, _IOLBF, 0);
    use_failing_memory();
    world_make();
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--what") == 0 && i + 1 < argc)
            database = strcmp(argv[++i], "database") == 0;
        else if (strcmp(argv[i], "--lie") == 0)
            turn_lies = true;
        else if (strcmp(argv[i], "--most") == 0 && i + 1 < argc)
            most = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            draw_state = strtoul(argv[++i], NULL, 10);
        else
            try_program(argv[i], database);
    printf(
        "# %ld runs, %ld of them with a call that failed, %ld answers 503 or 500, %zu bytes of the "
        "reserve are kept\n",
        tried, failed_calls, refused, heap_spare_used());
    if (heap_spare_used() > LEFT_MAX && ++problems)
        printf("not ok the reserve comes back: %zu bytes are kept\n", heap_spare_used());
    printf("%d passed, %ld failed\n", failed_calls > 0 && refused > 0 && problems == 0, problems);
    return problems > 0 || failed_calls == 0 || refused == 0;
}
