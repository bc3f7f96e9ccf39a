/* backup_file: FILE.tmp, mode 0600, synced, then moved to FILE.
 *
 * The writer holds a lock on FILE.tmp. One that is there, is the beginning of a backup and is not
 * locked is left from a backup that was killed, and goes. Whatever else has that name stays.
 */
#include "cmd/backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/backup_head.h"

enum { PRIVATE = 0600 };

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* A file that is empty or begins as a backup does. */
static bool is_leftover(int fd)
{
    struct stat st;
    char front[sizeof BACKUP_HEAD_MAGIC - 1];
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    return st.st_size == 0 || (pread(fd, front, sizeof front, 0) == (ssize_t)sizeof front &&
                               memcmp(front, BACKUP_HEAD_MAGIC, sizeof front) == 0);
}

/* False, with EEXIST: another process writes it, or it is something else. */
static bool drop_leftover(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT;
    bool ok = flock(fd, LOCK_EX | LOCK_NB) == 0 && is_leftover(fd) && unlink(path) == 0;
    close(fd);
    errno = EEXIST;
    return ok;
}

/* Between the two calls another backup may have taken it for a leftover. */
static bool lock(int fd)
{
    struct stat st;
    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static int create(const char *path)
{
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < 2; tries++) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, PRIVATE);
        if (fd < 0 && (errno != EEXIST || !drop_leftover(path)))
            return -1;
    }
    if (fd >= 0 && lock(fd))
        return fd;
    if (fd >= 0)
        close(fd);
    errno = EEXIST;
    return -1;
}

static int open_stdout(struct backup_file *out)
{
    if (isatty(STDOUT_FILENO))
        return cmd_fail(CMD_USAGE, "a backup is not for a terminal: send stdout to a file or pipe");
    out->fd = STDOUT_FILENO;
    out->to_stdout = true;
    return CMD_DONE;
}

int backup_file_create(struct cmd *c, str name, bool force, struct backup_file *out)
{
    *out = (struct backup_file){.fd = -1, .force = force};
    if (str_eq(name, STR("-")))
        return open_stdout(out);
    out->path = arena_cstr(&c->arena, name);
    out->temporary = arena_cstr(&c->arena, arena_printf(&c->arena, "%s.tmp", out->path));
    if (!force && is_there(out->path)) {
        return cmd_fail(CMD_CONFLICT, "%s is there already; name another file, or give --force",
                        out->path);
    }
    out->fd = create(out->temporary);
    if (out->fd < 0 && errno == EEXIST) {
        return cmd_fail(CMD_CONFLICT,
                        "%s is there and belongs to a backup that is running, or to "
                        "somebody else",
                        out->temporary);
    }
    if (out->fd < 0)
        return cmd_fail(CMD_FAILED, "cannot create %s: %s", out->temporary, strerror(errno));
    return CMD_DONE;
}

bool backup_file_put(void *arg, const void *bytes, size_t n)
{
    struct backup_file *f = arg;
    const char *p = bytes;
    while (n > 0) {
        ssize_t done = write(f->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            f->error = done < 0 ? errno : EIO;
            return false;
        }
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool sync_directory(const char *path)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

/* A file that came to the name meanwhile stays. Not every file system can look and move at once. */
static bool move(const struct backup_file *f)
{
    if (f->force)
        return rename(f->temporary, f->path) == 0;
    if (renameat2(AT_FDCWD, f->temporary, AT_FDCWD, f->path, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    errno = EEXIST;
    return !is_there(f->path) && rename(f->temporary, f->path) == 0;
}

int backup_file_finish(struct backup_file *f)
{
    if (f->to_stdout)
        return CMD_DONE;
    if (fsync(f->fd) != 0)
        return cmd_fail(CMD_FAILED, "cannot write %s: %s", f->temporary, strerror(errno));
    if (!move(f))
        return cmd_fail(errno == EEXIST ? CMD_CONFLICT : CMD_FAILED,
                        "cannot name the backup %s: %s", f->path, strerror(errno));
    close(f->fd);
    f->fd = -1;
    if (!sync_directory(f->path))
        return cmd_fail(CMD_FAILED, "cannot sync the directory of %s: %s", f->path,
                        strerror(errno));
    return CMD_DONE;
}

void backup_file_abandon(struct backup_file *f)
{
    if (f->fd < 0 || f->to_stdout)
        return;
    unlink(f->temporary);
    close(f->fd);
    f->fd = -1;
}
