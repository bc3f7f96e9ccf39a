/* lossy_disk: the VFS behind lossy_disk.h.
 *
 * A shadow is one file: its image and the list of what is pending, in order. A lock guards all
 * shadows; the real file has its own. A write that reaches the image early stays in the list, so
 * that the next sync brings the image to the same bytes whatever came in which order. Files that
 * are deleted are empty on the disk at once: SQLite deletes a log only when nothing of it is
 * needed.
 *
 * A process that exits has not lost power: what is pending then reaches the image at its exit.
 */
#include "lossy_disk.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct pending {
    struct pending *next;
    sqlite3_int64 offset; /* of data, or the new size when data is NULL */
    int n;
    char *data;
};

struct shadow {
    struct pending *first, **end;
    int image; /* the file as the disk holds it */
    char name[128];
};

struct vfile {
    sqlite3_file base;
    struct shadow *shadow;
    sqlite3_file *real;
};

static sqlite3_vfs *unix_vfs;
static struct lossy_options options;
static struct lossy_switches own, *switches = &own;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shadow shadows[8];
static size_t shadows_n;
static uint64_t random_state;

static void die(const char *what)
{
    perror(what);
    _exit(9);
}

static bool chance(unsigned one_in)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % one_in == 0;
}

static bool is_on(const uint8_t *which)
{
    return __atomic_load_n(which, __ATOMIC_RELAXED) != 0;
}

/* Is the switch on? Then this call fails, and is counted. */
static bool hit(const uint8_t *which)
{
    if (!is_on(which))
        return false;
    __atomic_add_fetch(&switches->failures, 1, __ATOMIC_RELAXED);
    return true;
}

static void before_change(void)
{
    while (is_on(&switches->hangs))
        usleep(1000);
    if (options.before_change)
        options.before_change();
}

static void put_image(const struct shadow *s, const struct pending *p)
{
    if (p->data ? pwrite(s->image, p->data, (size_t)p->n, p->offset) != p->n
                : ftruncate(s->image, p->offset) != 0)
        die("image");
}

/* Ends what is pending; what `reaches` says so reaches the image first. */
static void flush_shadow(struct shadow *s, bool all, uint64_t (*draw)(void))
{
    while (s->first) {
        struct pending *p = s->first;
        s->first = p->next;
        if (all || (draw && (draw() & 1)))
            put_image(s, p);
        free(p->data);
        free(p);
    }
    s->end = &s->first;
}

void lossy_disk_flush_some(uint64_t (*draw)(void))
{
    for (size_t i = 0; i < shadows_n; i++)
        flush_shadow(&shadows[i], false, draw);
}

static void remember(struct shadow *s, const void *data, int n, sqlite3_int64 offset)
{
    struct pending *p = calloc(1, sizeof *p);

    if (!p || (data && !(p->data = malloc((size_t)n + 1))))
        die("memory");
    if (data)
        memcpy(p->data, data, (size_t)n);
    p->n = n;
    p->offset = offset;
    pthread_mutex_lock(&lock);
    *s->end = p;
    s->end = &p->next;
    if (options.seed && chance(4))
        put_image(s, p);
    pthread_mutex_unlock(&lock);
}

static struct vfile *self(sqlite3_file *f)
{
    return (struct vfile *)f;
}

static int v_close(sqlite3_file *f)
{
    return self(f)->real->pMethods->xClose(self(f)->real);
}

static int v_read(sqlite3_file *f, void *out, int n, sqlite3_int64 at)
{
    if (hit(&switches->read_fails))
        return SQLITE_IOERR_READ;
    return self(f)->real->pMethods->xRead(self(f)->real, out, n, at);
}

static int v_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    if (self(f)->shadow) {
        before_change();
        if (hit(&switches->write_full))
            return SQLITE_FULL;
        if (hit(&switches->write_fails))
            return SQLITE_IOERR_WRITE;
        remember(self(f)->shadow, data, n, at);
    }
    return self(f)->real->pMethods->xWrite(self(f)->real, data, n, at);
}

static int v_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    if (self(f)->shadow) {
        before_change();
        if (hit(&switches->write_fails))
            return SQLITE_IOERR_TRUNCATE;
        remember(self(f)->shadow, NULL, 0, size);
    }
    return self(f)->real->pMethods->xTruncate(self(f)->real, size);
}

/* The image is the disk, so the real file need not be synced. */
static int v_sync(sqlite3_file *f, int flags)
{
    struct shadow *s = self(f)->shadow;
    bool failed;

    (void)flags;
    if (!s)
        return SQLITE_OK;
    before_change();
    if (is_on(&switches->sync_lies))
        return SQLITE_OK;
    failed = hit(&switches->sync_fails);
    pthread_mutex_lock(&lock);
    flush_shadow(s, !failed, NULL);
    pthread_mutex_unlock(&lock);
    if (failed)
        return SQLITE_IOERR_FSYNC;
    __atomic_add_fetch(&switches->syncs, 1, __ATOMIC_RELAXED);
    return SQLITE_OK;
}

static int v_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return self(f)->real->pMethods->xFileSize(self(f)->real, size);
}

static int v_lock(sqlite3_file *f, int level)
{
    return self(f)->real->pMethods->xLock(self(f)->real, level);
}

static int v_unlock(sqlite3_file *f, int level)
{
    return self(f)->real->pMethods->xUnlock(self(f)->real, level);
}

static int v_reserved(sqlite3_file *f, int *out)
{
    return self(f)->real->pMethods->xCheckReservedLock(self(f)->real, out);
}

static int v_control(sqlite3_file *f, int op, void *arg)
{
    return self(f)->real->pMethods->xFileControl(self(f)->real, op, arg);
}

static int v_sector(sqlite3_file *f)
{
    return self(f)->real->pMethods->xSectorSize(self(f)->real);
}

static int v_device(sqlite3_file *f)
{
    return self(f)->real->pMethods->xDeviceCharacteristics(self(f)->real);
}

static int v_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return self(f)->real->pMethods->xShmMap(self(f)->real, page, size, extend, out);
}

static int v_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return self(f)->real->pMethods->xShmLock(self(f)->real, offset, n, flags);
}

static void v_shm_barrier(sqlite3_file *f)
{
    self(f)->real->pMethods->xShmBarrier(self(f)->real);
}

static int v_shm_unmap(sqlite3_file *f, int remove)
{
    return self(f)->real->pMethods->xShmUnmap(self(f)->real, remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = v_close,
    .xRead = v_read,
    .xWrite = v_write,
    .xTruncate = v_truncate,
    .xSync = v_sync,
    .xFileSize = v_size,
    .xLock = v_lock,
    .xUnlock = v_unlock,
    .xCheckReservedLock = v_reserved,
    .xFileControl = v_control,
    .xSectorSize = v_sector,
    .xDeviceCharacteristics = v_device,
    .xShmMap = v_shm_map,
    .xShmLock = v_shm_lock,
    .xShmBarrier = v_shm_barrier,
    .xShmUnmap = v_shm_unmap,
};

/* What was there before us is on the disk. */
static void copy_file(const char *path, int to)
{
    char piece[65536];
    ssize_t n;
    int from = open(path, O_RDONLY | O_CLOEXEC);

    while (from >= 0 && (n = read(from, piece, sizeof piece)) > 0)
        if (write(to, piece, (size_t)n) != n)
            die("image");
    if (from >= 0)
        close(from);
}

static void open_image(struct shadow *s, const char *path)
{
    char image[512];
    struct stat st;
    bool known;

    snprintf(image, sizeof image, "%s/%s", options.image_dir, s->name);
    known = stat(image, &st) == 0;
    s->image = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->image < 0)
        die(image);
    if (!known)
        copy_file(path, s->image);
}

static struct shadow *find(const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

    for (size_t i = 0; i < shadows_n; i++)
        if (strcmp(shadows[i].name, name) == 0)
            return &shadows[i];
    return NULL;
}

static struct shadow *shadow_of(const char *path)
{
    struct shadow *s;

    pthread_mutex_lock(&lock);
    s = find(path);
    if (!s) {
        if (shadows_n == sizeof shadows / sizeof *shadows)
            die("shadows");
        s = &shadows[shadows_n++];
        snprintf(s->name, sizeof s->name, "%s", strrchr(path, '/') + 1);
        s->end = &s->first;
        open_image(s, path);
    }
    pthread_mutex_unlock(&lock);
    return s;
}

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct vfile *v = self(f);
    int rc;

    (void)vfs;
    memset(v, 0, sizeof *v);
    v->real = (sqlite3_file *)(v + 1);
    if (name && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)))
        v->shadow = shadow_of(name); /* before the file is made, so that it has no image yet */
    rc = unix_vfs->xOpen(unix_vfs, name, v->real, flags, out);
    if (rc == SQLITE_OK)
        v->base.pMethods = &methods;
    return rc;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct shadow *s;

    (void)vfs;
    pthread_mutex_lock(&lock);
    s = find(name);
    if (s) {
        flush_shadow(s, false, NULL);
        if (ftruncate(s->image, 0) != 0)
            die("image");
    }
    pthread_mutex_unlock(&lock);
    return unix_vfs->xDelete(unix_vfs, name, sync);
}

/* An exit is no cut of the power: the system writes what it has. */
static void at_exit(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < shadows_n; i++)
        flush_shadow(&shadows[i], true, NULL);
    pthread_mutex_unlock(&lock);
}

static void map_switches(void)
{
    char path[512];
    int fd;

    snprintf(path, sizeof path, "%s/switches", options.image_dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        die(path);
    switches = mmap(NULL, sizeof *switches, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (switches == MAP_FAILED)
        die(path);
    close(fd);
}

void lossy_disk_install(const struct lossy_options *o)
{
    static sqlite3_vfs vfs;

    options = *o;
    random_state = o->seed * 0x9e3779b97f4a7c15u + 1;
    if (o->with_switches) {
        map_switches();
        atexit(at_exit);
    }
    unix_vfs = sqlite3_vfs_find(NULL);
    vfs = *unix_vfs;
    vfs.szOsFile = (int)sizeof(struct vfile) + unix_vfs->szOsFile;
    vfs.zName = "unsynced-is-lost";
    vfs.xOpen = v_open;
    vfs.xDelete = v_delete;
    sqlite3_vfs_register(&vfs, 1);
}
