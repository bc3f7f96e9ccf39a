/* serve_slice: sched_setattr(2), which older C libraries do not have.
 *
 * A thread's turn on a core takes some milliseconds unless somebody with a nearer deadline wakes,
 * and a deadline is as near as the turn that was asked for is short. What the server's threads have
 * to do takes microseconds; who shares the machine (a database, say) has turns of milliseconds, and
 * an answer that takes three threads would wait for one of them three times. Shares of the
 * processor stay as they are.
 */
#include "cmd/serve_slice.h"

#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS 100000 /* the shortest that Linux gives */

void serve_slice_short(void)
{
    struct sched_attr attr = {0};
    if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) != 0 || attr.sched_policy != 0)
        return; /* somebody has chosen another policy (SCHED_OTHER is 0) */
    attr.sched_runtime = SLICE_NS;
    (void)syscall(SYS_sched_setattr, 0, &attr, 0);
}
