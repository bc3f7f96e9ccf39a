/* filter: from the rows of sandbox/calls to a filter in the kernel, by libseccomp.
 *
 * A call that this architecture or this libseccomp does not know gets no rule. Calls of another
 * architecture (32 bit, x32) end the process. The filter is a tree, so that its cost does not grow
 * with the number of rows.
 */
#include "sandbox/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/calls.h"

bool filter_is_there(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static int add_row(scmp_filter_ctx filter, const struct calls_row *row)
{
    uint32_t action = row->refuse ? SCMP_ACT_ERRNO(row->refuse & 0xffff) : SCMP_ACT_ALLOW;
    int call = seccomp_syscall_resolve_name(row->call);
    struct scmp_arg_cmp is[2];
    unsigned n = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct calls_is *want = &row->is[i];
        uint64_t value = want->value == CALLS_OWN_ID ? (uint64_t)getpid() : want->value;
        if (want->mask)
            is[n++] = SCMP_CMP64(want->at, SCMP_CMP_MASKED_EQ, want->mask, value);
    }
    return call < 0 ? 0 : seccomp_rule_add_array(filter, action, call, n, is);
}

static int fill(scmp_filter_ctx filter, const struct sandbox *s, const char **at)
{
    size_t n;
    int rc = 0;
    const struct calls_row *rows = calls_rows(&n);
    *at = "its settings";
    if ((rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) != 0 ||
        (rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1)) != 0)
        return rc;
    /* Since libseccomp 2.5; without it the filter is longer, not another. */
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < n && rc == 0; i++) {
        *at = rows[i].call;
        rc = calls_hold(&rows[i], s) ? add_row(filter, &rows[i]) : 0;
    }
    return rc;
}

enum err filter_enter(const struct sandbox *s, char *why, size_t why_size)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    const char *at = "memory";
    int rc = filter ? fill(filter, s, &at) : -ENOMEM;
    if (rc == 0) {
        at = "the kernel";
        rc = seccomp_load(filter);
    }
    seccomp_release(filter);
    if (rc == 0)
        return OK;
    snprintf(why, why_size, "seccomp: no filter (%s): %s", at, strerror(-rc));
    return ERR_FORBIDDEN;
}
