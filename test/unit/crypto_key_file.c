/* The file of the master key on a disk that fails: each system call in turn, with each of several
 * errors. Whatever fails, the name holds a whole key, the one of before or the new one; no
 * neighbour stays behind; the caller hears of it in a sentence that names the file; nothing half
 * read is handed out. The calls are defined here once more, in front of the library's.
 */
#include "crypto_vectors.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/seal.h"

static int fail_at, calls, with;
static bool fired;

static bool fails(void)
{
    if (fail_at == 0 || ++calls != fail_at)
        return false;
    errno = with;
    return fired = true;
}

#define FAULTY(type, name, params, args)                                                           \
    type name params                                                                               \
    {                                                                                              \
        type(*real) params;                                                                        \
        *(void **)&real = dlsym(RTLD_NEXT, #name);                                                 \
        return fails() ? -1 : real args;                                                           \
    }

FAULTY(ssize_t, read, (int fd, void *b, size_t n), (fd, b, n))
FAULTY(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
FAULTY(int, fsync, (int fd), (fd))
FAULTY(int, fchmod, (int fd, mode_t mode), (fd, mode))
FAULTY(int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g))
FAULTY(int, link, (const char *from, const char *to), (from, to))
FAULTY(int, rename, (const char *from, const char *to), (from, to))

int open(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...);
    *(void **)&real = dlsym(RTLD_NEXT, "open");
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails() ? -1 : real(path, flags, mode);
}

struct fixture {
    struct master_key before, after;
    char dir[64], path[96], why[600];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fail_at = 0;
    snprintf(f->dir, sizeof f->dir, "/tmp/postern-key-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/master.key", f->dir);
    f->after.n = 2;
    seal_new_key(&f->after.keys[0]);
    seal_new_key(&f->after.keys[1]);
    *state = f;
    return 0;
}

static size_t count_files(struct fixture *f)
{
    size_t n = 0;
    DIR *d = opendir(f->dir);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fail_at = 0;
    unlink(f->path);
    assert_int_equal(rmdir(f->dir), 0); /* nothing else was in it */
    free(f);
    return 0;
}

static bool same(const struct master_key *a, const struct master_key *b)
{
    return a->n == b->n && memcmp(a->keys[0].key.b, b->keys[0].key.b, 32) == 0;
}

static const int errors[] = {EIO, ENOSPC, EACCES, EPERM, EROFS, ENOENT};
static const enum err heard[] = {ERR_SERVER_ERROR, ERR_SERVER_ERROR, ERR_FORBIDDEN,
                                 ERR_FORBIDDEN,    ERR_SERVER_ERROR, ERR_ABSENT};
enum { ERRORS = sizeof errors / sizeof *errors };

/* Arms; the sentence of the attempt before is gone. */
static void arm(struct fixture *f, int call, int error)
{
    f->why[0] = 0;
    with = error;
    calls = 0;
    fired = false;
    fail_at = call;
}

static void assert_told(struct fixture *f, enum err got, enum err want)
{
    fail_at = 0;
    assert_int_equal(got, want);
    assert_non_null(strstr(f->why, f->path));
}

static void a_key_is_replaced_whole_or_not(void **state)
{
    struct fixture *f = *state;
    struct master_key read;
    for (int i = 0; i < ERRORS; i++) {
        int call = 1;
        for (;; call++) {
            unlink(f->path);
            fail_at = 0;
            assert_int_equal(seal_create_master(f->path, &f->before, f->why, sizeof f->why), OK);
            arm(f, call, errors[i]);
            enum err e = seal_write_master(f->path, &f->after, f->why, sizeof f->why);
            if (!fired)
                break;
            assert_told(f, e, heard[i]);
            assert_int_equal(seal_read_master(f->path, &read, f->why, sizeof f->why), OK);
            assert_true(same(&read, &f->before) || same(&read, &f->after));
            assert_int_equal(count_files(f), 1);
        }
        fail_at = 0;
        assert_true(call > 6); /* open, mode, write, sync, move, sync of the directory */
    }
}

static void a_replaced_key_keeps_its_owner(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    if (geteuid() != 0)
        skip(); /* giving a file away takes root */
    assert_int_equal(seal_create_master(f->path, &f->before, f->why, sizeof f->why), OK);
    assert_int_equal(chown(f->path, 1, 2), 0);
    assert_int_equal(chmod(f->path, 0400), 0);
    assert_int_equal(seal_write_master(f->path, &f->after, f->why, sizeof f->why), OK);
    assert_int_equal(stat(f->path, &st), 0);
    assert_true(st.st_uid == 1 && st.st_gid == 2 && (st.st_mode & 07777) == 0400);
    /* Who cannot give it away leaves what was there. */
    for (int call = 1; call <= 3; call++) {
        struct master_key read;
        arm(f, call, EPERM);
        assert_told(f, seal_write_master(f->path, &f->before, f->why, sizeof f->why),
                    ERR_FORBIDDEN);
        assert_int_equal(seal_read_master(f->path, &read, f->why, sizeof f->why), OK);
        assert_true(same(&read, &f->after));
        assert_int_equal(count_files(f), 1);
    }
}

static void a_key_is_created_whole_or_not(void **state)
{
    struct fixture *f = *state;
    struct master_key made, read;
    for (int i = 0; i < ERRORS; i++) {
        int call = 1;
        for (;; call++) {
            unlink(f->path);
            arm(f, call, errors[i]);
            enum err e = seal_create_master(f->path, &made, f->why, sizeof f->why);
            if (!fired)
                break;
            assert_told(f, e, heard[i]);
            e = seal_read_master(f->path, &read, f->why, sizeof f->why);
            assert_int_equal(count_files(f), e == OK ? 1 : 0);
            if (e != OK)
                assert_int_equal(e, ERR_ABSENT);
        }
        fail_at = 0;
        assert_true(call > 6);
    }
}

static void a_key_that_cannot_be_read_is_none(void **state)
{
    struct fixture *f = *state;
    struct master_key read;
    assert_int_equal(seal_create_master(f->path, &f->before, f->why, sizeof f->why), OK);
    for (int i = 0; i < ERRORS; i++) {
        for (int call = 1; call <= 2; call++) { /* open, read */
            memset(&read, 0x5a, sizeof read);
            arm(f, call, errors[i]);
            assert_told(f, seal_read_master(f->path, &read, f->why, sizeof f->why), heard[i]);
            assert_int_equal(read.n, 0);
            assert_int_equal(read.keys[0].key.n, 0);
        }
    }
    arm(f, 3, EIO);
    assert_int_equal(seal_read_master(f->path, &read, f->why, sizeof f->why), OK);
    assert_false(fired);
}

static void what_is_no_file_is_not_replaced(void **state)
{
    struct fixture *f = *state;
    char longer[700];
    assert_int_equal(seal_write_master(f->path, &f->after, f->why, sizeof f->why), ERR_ABSENT);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_int_equal(seal_write_master(f->path, &f->after, f->why, sizeof f->why),
                     ERR_INVALID_REQUEST);
    assert_non_null(strstr(f->why, "is not a regular file and is not replaced"));
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(seal_write_master(longer, &f->after, f->why, sizeof f->why),
                     ERR_INVALID_REQUEST);
    assert_non_null(strstr(f->why, "longer than 511 bytes"));
}

static void a_file_of_another_user_is_refused(void **state)
{
    struct fixture *f = *state;
    struct master_key read;
    if (geteuid() != 0)
        skip(); /* giving a file away takes root */
    assert_int_equal(seal_create_master(f->path, &f->before, f->why, sizeof f->why), OK);
    assert_int_equal(chown(f->path, 1, 1), 0);
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(seteuid(65534), 0);
    enum err e = seal_read_master_from(fd, f->path, &read, f->why, sizeof f->why);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(e, ERR_FORBIDDEN);
    assert_non_null(strstr(f->why, "belongs to user 1, who could replace the master key"));
    assert_int_equal(read.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_replaced_whole_or_not),  TEST(a_replaced_key_keeps_its_owner),
        TEST(a_key_is_created_whole_or_not),   TEST(a_key_that_cannot_be_read_is_none),
        TEST(what_is_no_file_is_not_replaced), TEST(a_file_of_another_user_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
