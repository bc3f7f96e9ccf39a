/* scrape_process: CPU, memory, descriptors, start and build, under the names that every exporter
 * of Prometheus uses for them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/scrape_write.h"

void scrape_process_cpu(struct scrape *s)
{
    struct rusage u;

    if (getrusage(RUSAGE_SELF, &u) == 0)
        scrape_micro(s, NO_VALUES,
                     (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) +
                         u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* The second number of statm: resident pages. */
void scrape_process_memory(struct scrape *s)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    str size, resident, rest;
    int64_t pages;

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return;
    str_cut(str_make(text, (size_t)n), ' ', &size, &rest);
    str_cut(rest, ' ', &resident, &rest);
    if (str_i64(resident, 0, INT64_MAX / 65536, &pages))
        scrape_int(s, NO_VALUES, pages * sysconf(_SC_PAGESIZE));
}

/* Newer kernels say it as the size of the folder; else its entries are counted. */
void scrape_process_fds(struct scrape *s)
{
    struct stat st;
    int64_t n = 0;
    DIR *dir;

    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0) {
        scrape_int(s, NO_VALUES, st.st_size);
        return;
    }
    dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    scrape_int(s, NO_VALUES, n - 3); /* ".", ".." and the folder's own */
}

void scrape_process_fds_max(struct scrape *s)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        scrape_int(s, NO_VALUES, (int64_t)limit.rlim_cur);
}

void scrape_process_start(struct scrape *s)
{
    scrape_micro(s, NO_VALUES, s->rq->server->metrics.start_us);
}

void scrape_process_build(struct scrape *s)
{
    scrape_int(s, VALUES(STR(POSTERN_VERSION), setting_text(s->rq->server->settings, issuer)), 1);
}

/* One sample for each process that the supervisor tells of; none in one process. */
static void each(struct scrape *s, void (*write)(struct scrape *, const str *, int64_t),
                 int64_t (*value)(const struct metrics_process *))
{
    struct metrics_process all[METRICS_PROCESSES];
    size_t (*count)(struct metrics_process *) = s->rq->server->metrics.processes;
    size_t n = count ? count(all) : 0;

    for (size_t i = 0; i < n; i++)
        write(s, VALUES(str_from(all[i].name)), value(&all[i]));
}

static int64_t restarts(const struct metrics_process *p)
{
    return p->restarts;
}

static int64_t cpu_us(const struct metrics_process *p)
{
    return p->cpu_us;
}

static int64_t resident_bytes(const struct metrics_process *p)
{
    return p->resident_bytes;
}

void scrape_process_restarts(struct scrape *s)
{
    each(s, scrape_int, restarts);
}

void scrape_process_each_cpu(struct scrape *s)
{
    each(s, scrape_micro, cpu_us);
}

void scrape_process_each_memory(struct scrape *s)
{
    each(s, scrape_int, resident_bytes);
}
