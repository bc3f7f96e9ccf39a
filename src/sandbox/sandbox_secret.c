/* sandbox_secret: pages for secrets.
 *
 * A guard page on either side turns an overrun into a crash. What the kernel may refuse (locking,
 * by RLIMIT_MEMLOCK) is told; what every kernel has had for years (leaving out of dumps, wiping in
 * a forked child) is taken for granted and checked all the same.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/log.h"
#include "sandbox/sandbox.h"

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t rounded(size_t size)
{
    return (size + page() - 1) / page() * page();
}

void *sandbox_secret_room(size_t size, bool *locked)
{
    size_t room = rounded(size ? size : 1);
    char *all = mmap(NULL, room + 2 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all + page(), room, PROT_READ | PROT_WRITE) != 0)
        fatal("no memory for secrets");
    if (madvise(all + page(), room, MADV_DONTDUMP) != 0 ||
        madvise(all + page(), room, MADV_WIPEONFORK) != 0)
        fatal("this kernel cannot keep secrets out of dumps and forks");
    /* Not mlock(), which the sanitizers replace by nothing. */
    bool done = syscall(SYS_mlock, all + page(), room) == 0;
    if (locked)
        *locked = done;
    return all + page();
}

void sandbox_secret_free(void *room, size_t size)
{
    if (!room)
        return;
    ct_wipe(room, size);
    munmap((char *)room - page(), rounded(size ? size : 1) + 2 * page());
}
