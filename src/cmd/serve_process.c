/* serve_process: forks, rests and figures; see serve_process.h.
 *
 * Children are forked and never execute another program: what they need (settings, the sockets'
 * addresses, the shared region) they have in memory, and the supervisor has no secret and no thread
 * that would make a copy of it a risk.
 */
#include "cmd/serve_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

static int by_number(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void close_others(const int *keep, size_t n)
{
    enum { MOST = 4096 };
    int sorted[MOST];
    unsigned from = 3;
    n = n < MOST ? n : MOST;
    memcpy(sorted, keep, n * sizeof *keep);
    qsort(sorted, n, sizeof *sorted, by_number);
    for (size_t i = 0; i < n; i++) {
        if (sorted[i] < (int)from)
            continue;
        if ((unsigned)sorted[i] > from)
            close_range(from, (unsigned)sorted[i] - 1, 0);
        from = (unsigned)sorted[i] + 1;
    }
    close_range(from, ~0U, 0);
}

static void set_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, fallback = {.sa_handler = SIG_DFL};
    sigset_t told;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        sigaction(ignored[i], &ignore, NULL);
    sigaction(SIGCHLD, &fallback, NULL);
    sigemptyset(&told); /* blocked and not ignored, which would drop one that came by now */
    sigaddset(&told, SIGUSR1);
    sigaddset(&told, SIGUSR2);
    sigprocmask(SIG_SETMASK, &told, NULL);
}

pid_t serve_process_fork(const char *title, const int *keep, size_t n)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_NAME, title);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it ended before we asked for that */
        _exit(1);
    set_signals();
    close_others(keep, n);
    return 0;
}

int64_t serve_process_ended(struct serve_process *p, int64_t now_ms)
{
    int64_t lived_ms = now_ms - p->started_ms;
    if (p->rest_ms == 0 || lived_ms >= SERVE_PROCESS_HEALTHY_MS)
        p->rest_ms = SERVE_PROCESS_REST_MS;
    else if (p->rest_ms < SERVE_PROCESS_LONGEST_MS / 2)
        p->rest_ms *= 2;
    else
        p->rest_ms = SERVE_PROCESS_LONGEST_MS;
    p->pid = 0;
    p->start_at_ms = now_ms + p->rest_ms;
    return lived_ms;
}

/* The field of that number (from 1) behind the name in /proc/PID/stat, which is in brackets. */
static int64_t field(str stat, int number)
{
    size_t end = stat.n;
    str word = {0}, rest;
    int64_t v;
    while (end > 0 && stat.p[end - 1] != ')')
        end--;
    rest = str_sub(stat, end, stat.n);
    for (int i = 2; i < number; i++)
        if (!str_next(&rest, ' ', &word))
            return 0;
    return str_i64(word, INT64_MIN + 1, INT64_MAX, &v) ? v : 0;
}

void serve_process_look(pid_t pid, struct channel_figures *out)
{
    enum { UTIME = 14, STIME = 15, RSS = 24 };
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return;
    str stat = str_make(text, (size_t)n);
    atomic_store(&out->cpu_us,
                 (field(stat, UTIME) + field(stat, STIME)) * 1000000 / sysconf(_SC_CLK_TCK));
    atomic_store(&out->resident_bytes, field(stat, RSS) * sysconf(_SC_PAGESIZE));
}
