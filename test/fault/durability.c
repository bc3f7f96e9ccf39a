/* durability: is everything that was acknowledged there after the machine dies?
 *
 *     durability [--rounds N] [--synchronous off|normal|full] [--seed N]
 *
 * Each round forks a child that commits batches of effect sets through commit_run on a SQLite
 * file, on the disk of lib/lossy_disk.h, whose image has only what was synced. At a random write,
 * sync or truncation the machine dies: of what was not synced nothing reaches the image, or (every
 * other round) an arbitrary part, since disks reorder. The parent opens the image and
 * demands that each acknowledged set is there whole, none that was refused, and of a batch without
 * an answer all or nothing.
 *
 * With synchronous off or normal the very same rounds must fail; durability.sh checks that.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "db/migrate.h"
#include "lib/lossy_disk.h"
#include "store/commit.h"
#include "store/token.h"

#define NOW        1700000000
#define BATCH_MAX  8
#define OPS_MAX    9000 /* enough for several checkpoints */
#define SCOPE_SIZE 1500

static uint64_t random_state = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

/* ---- the disk ---- */

static uint64_t ops_left;
static bool keep_some;

static void die(const char *what)
{
    perror(what);
    _exit(9);
}

static uint64_t draw_any(void)
{
    return draw(2);
}

static void maybe_crash(void)
{
    if (--ops_left > 0)
        return;
    if (keep_some)
        lossy_disk_flush_some(draw_any);
    _exit(0);
}

static void install_disk(const char *dir, uint64_t ops, bool some)
{
    const struct lossy_options o = {.image_dir = dir, .before_change = maybe_crash};

    ops_left = ops;
    keep_some = some;
    lossy_disk_install(&o);
}

/* ---- the child: commits, and notes what it was told ---- */

/* 'M' will be committed and must miss, 'I' will be committed, 'A' acknowledged, 'R' refused */
struct note {
    char what;
    int batch;
    struct id a, b;
};

static void note(int pipe, char what, int batch, const struct token *t)
{
    struct note n;

    memset(&n, 0, sizeof n);
    n.what = what;
    n.batch = batch;
    n.a = t[0].id;
    n.b = t[1].id;
    if (write(pipe, &n, sizeof n) != sizeof n)
        die("pipe");
}

static void record_set(struct effects *fx, struct arena *a, struct id_source *ids, struct token *t,
                       bool must_miss)
{
    static char scope[SCOPE_SIZE];
    struct id unknown = id_next(ids, NOW);

    memset(scope, 's', sizeof scope);
    effects_init(fx, a);
    for (int i = 0; i < 2; i++) {
        t[i] = (struct token){.id = id_next(ids, NOW), .access_exp_s = NOW + 1};
        t[i].grant = t[0].id;
        t[i].scope = str_make(scope, sizeof scope);
        token_put(fx, &t[i]);
    }
    if (must_miss)
        token_spend(fx, &unknown, NOW, &t[0].id, STR("x"));
}

static void commit_batch(struct db *db, struct arena *a, struct change_log *log, int pipe,
                         int batch)
{
    size_t n = 1 + draw(BATCH_MAX);
    struct effects fx[BATCH_MAX];
    struct commit_set sets[BATCH_MAX];
    struct token t[BATCH_MAX][2];
    const struct clock clock = {.fixed_us = NOW * INT64_C(1000000)};

    for (size_t i = 0; i < n; i++) {
        bool must_miss = draw(5) == 0;
        record_set(&fx[i], a, &log->ids, t[i], must_miss);
        sets[i] = (struct commit_set){.fx = &fx[i]};
        note(pipe, must_miss ? 'M' : 'I', batch, t[i]);
    }
    commit_run(db, log, &clock, sets, n);
    for (size_t i = 0; i < n; i++)
        note(pipe, sets[i].outcome == COMMIT_DONE ? 'A' : 'R', batch, t[i]);
    arena_reset(a);
}

static struct db *open_dir(const char *dir)
{
    struct db *db = NULL;
    char url[512], why[512];

    snprintf(url, sizeof url, "sqlite:%s/db", dir);
    if (db_open(str_from(url), false, &db, why, sizeof why) != OK)
        printf("# %s\n", why);
    return db;
}

static void child(const char *dir, const char *synchronous, int pipe)
{
    struct change_log log;
    struct arena a;
    char pragma[64];
    struct db *db = open_dir(dir);

    if (!db)
        _exit(9);
    change_log_init(&log);
    arena_init(&a, 16 << 20);
    if (synchronous) {
        snprintf(pragma, sizeof pragma, "PRAGMA synchronous=%s", synchronous);
        db->ops->exec(db, pragma);
    }
    for (int batch = 0;; batch++)
        commit_batch(db, &a, &log, pipe, batch);
}

/* ---- the parent ---- */

struct notes {
    struct note *p;
    size_t n;
};

static struct notes read_notes(int pipe)
{
    struct notes notes = {0};
    struct note n;
    ssize_t got;

    while ((got = read(pipe, &n, sizeof n)) == sizeof n) {
        if (notes.n % 1024 == 0)
            notes.p = realloc(notes.p, (notes.n + 1024) * sizeof n);
        if (!notes.p)
            die("memory");
        notes.p[notes.n++] = n;
    }
    return notes;
}

struct verdict {
    int acknowledged, lost, resurrected, torn;
};

/* How many of the set's two rows there are. */
static int rows_of(struct db *db, struct arena *a, const struct note *n)
{
    struct token t;
    int there = 0;

    there += token_load(db, a, &n->a, &t) == OK;
    there += token_load(db, a, &n->b, &t) == OK;
    arena_reset(a);
    return there;
}

static struct verdict judge(struct db *db, const struct notes *notes)
{
    struct verdict v = {0};
    struct arena a;
    int answered = -1, batch = -1, first = 0;

    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < notes->n; i++)
        if (notes->p[i].what == 'A' || notes->p[i].what == 'R')
            answered = notes->p[i].batch;
    for (size_t i = 0; i < notes->n; i++) {
        const struct note *n = &notes->p[i];
        int there = rows_of(db, &a, n);
        v.acknowledged += n->what == 'A';
        v.lost += n->what == 'A' && there != 2;
        v.resurrected += (n->what == 'M' || n->what == 'R') && there != 0;
        if (n->what != 'I' || n->batch <= answered)
            continue;
        if (n->batch != batch) /* the one without an answer: all or nothing */
            first = there;
        batch = n->batch;
        v.torn += there == 1 || there != first;
    }
    arena_free(&a);
    return v;
}

static bool is_sound(struct db *db)
{
    static const struct sql check = {"check", "PRAGMA integrity_check"};
    struct rows r = db_query(db, &check, NO_ARGS);
    struct arena a;
    bool ok;

    arena_init(&a, 1 << 20);
    ok = rows_next(&r) && str_eq(row_text(&r, 0, &a), STR("ok"));
    rows_end(&r);
    arena_free(&a);
    return ok;
}

static void remove_dir(const char *dir)
{
    static const char *const files[] = {"db", "db-wal", "db-shm", "db-journal"};
    char path[512];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* A migrated database, closed, so that all of it is in the one file; and the same on the disk. */
static void make_database(const char *dir, const char *image)
{
    struct db *db = open_dir(dir);
    char why[512], from[512], to[512];
    int applied, in, out;

    if (!db || migrate_run(db, &applied, why, sizeof why) != OK)
        die("migrate");
    db_close(db);
    snprintf(from, sizeof from, "%s/db", dir);
    snprintf(to, sizeof to, "%s/db", image);
    in = open(from, O_RDONLY | O_CLOEXEC);
    out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (in < 0 || out < 0 || sendfile(out, in, NULL, 1 << 30) <= 0)
        die("copy");
    close(in);
    close(out);
}

static struct notes run_child(const char *real, const char *image, const char *synchronous,
                              uint64_t ops, bool some)
{
    struct notes notes;
    int fd[2];
    pid_t pid;

    if (pipe(fd) != 0)
        die("pipe");
    pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        close(fd[0]);
        install_disk(image, ops, some);
        child(real, synchronous, fd[1]);
    }
    close(fd[1]);
    notes = read_notes(fd[0]);
    close(fd[0]);
    waitpid(pid, NULL, 0);
    return notes;
}

static bool run_round(int number, const char *synchronous)
{
    char real[] = "/tmp/postern-real-XXXXXX", image[] = "/tmp/postern-disk-XXXXXX";
    uint64_t ops = 1 + draw(number % 4 == 0 ? 100 : OPS_MAX);
    bool some = number % 2 == 1, sound, ok;
    struct verdict v;
    struct db *db;

    if (!mkdtemp(real) || !mkdtemp(image))
        die("mkdtemp");
    make_database(real, image);
    struct notes notes = run_child(real, image, synchronous, ops, some);
    db = open_dir(image);
    sound = db && is_sound(db);
    v = sound ? judge(db, &notes) : (struct verdict){0};
    db_close(db);
    ok = sound && v.lost == 0 && v.resurrected == 0 && v.torn == 0;
    printf("%sok round %d: died at operation %d, %d acknowledged, %d lost, %d refused but there, "
           "%d torn%s\n",
           ok ? "" : "not ", number, (int)ops, v.acknowledged, v.lost, v.resurrected, v.torn,
           sound ? "" : ", file damaged");
    free(notes.p);
    remove_dir(real);
    remove_dir(image);
    return ok;
}

int main(int argc, char **argv)
{
    const char *synchronous = NULL;
    int rounds = 24, failed = 0;

    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--rounds") == 0)
            rounds = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--synchronous") == 0)
            synchronous = argv[i + 1];
        else if (strcmp(argv[i], "--seed") == 0)
            random_state += strtoull(argv[i + 1], NULL, 10) * 0x9e3779b97f4a7c15u;
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_open(2, LOG_OFF);
    for (int i = 0; i < rounds; i++) {
        for (int k = 0; k < 16; k++)
            draw(2);
        failed += !run_round(i, synchronous);
    }
    printf("%d passed, %d failed\n", rounds - failed, failed);
    return failed > 0;
}
