/* lossy_disk: a VFS for SQLite under which only what was synced is on the disk.
 *
 * Everything is passed on to the system's VFS, and besides an image of each file is kept as the
 * disk would hold it after a cut of the power: writes reach the image only when the file is synced.
 * All handles of a process on one file share what is pending. The process may be killed at any
 * moment; the image is what is then started on. For tests only.
 *
 * Faults are switched by the bytes of a struct lossy_switches: the program's own, or a file
 * `switches` in the image's directory that the process maps, so that a test can flip them from
 * outside while the server runs.
 */
#ifndef TEST_FAULT_LIB_LOSSY_DISK_H
#define TEST_FAULT_LIB_LOSSY_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* A byte that is not 0 is on. The order is known to test/fault/lib/lossy.js. */
struct lossy_switches {
    uint8_t sync_fails;  /* EIO, and what was pending never reaches the image: as Linux does it */
    uint8_t write_full;  /* writes: the disk is full */
    uint8_t write_fails; /* writes: EIO */
    uint8_t sync_lies;   /* says that it has synced, and has not */
    uint8_t read_fails;  /* reads: EIO */
    uint8_t hangs;       /* writes and syncs wait until it is off */
    uint8_t unused[2];
    uint64_t syncs, failures; /* written by the process: done, and failed by a switch */
};

struct lossy_options {
    const char *image_dir;
    uint64_t seed;               /* not 0: disks reorder, so some writes reach the image at once */
    bool with_switches;          /* map `switches` in image_dir, which must be there */
    void (*before_change)(void); /* called before each write, sync and truncation; may be NULL */
};

/* Makes it the process's default VFS. A file that is there and has no image yet is on the disk. */
void lossy_disk_install(const struct lossy_options *options);
/* Of what is pending some reaches the image, as chosen by draw() & 1. */
void lossy_disk_flush_some(uint64_t (*draw)(void));

#endif
