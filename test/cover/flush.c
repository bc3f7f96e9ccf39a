/* Keeps what a process counted (MODE=cover) when it ends in a way that gcov does not see.
 *
 * gcov writes its files at exit(3). A sentence of fatal() ends by _exit(2), and the supervisor ends
 * the signer and the process that resolves names by SIGKILL. Both calls come here (--wrap): the
 * first writes before it ends; the second asks a child to write and end itself, and kills it after
 * two seconds all the same, since a handler that writes files may stand behind a lock of what it
 * interrupted. SIGKILL from outside counts nothing; nor does a process behind a filter of system
 * calls, which would be killed for opening a file. So a server has no sandbox unless a test asks
 * for one; tests clean the environment of the servers that they start, hence here.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 200, STEP_NS = 10 * 1000 * 1000 };

void __gcov_dump(void);
_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);
int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);
int __real_seccomp_load(const void *filter);
int __wrap_seccomp_load(const void *filter);

static int is_filtered;

static int last_words(void)
{
    return SIGRTMAX - 1;
}

_Noreturn void __wrap__exit(int code)
{
    if (!is_filtered)
        __gcov_dump();
    __real__exit(code);
}

int __wrap_seccomp_load(const void *filter)
{
    is_filtered = 1;
    return __real_seccomp_load(filter);
}

static void write_and_end(int number)
{
    (void)number;
    if (!is_filtered)
        __gcov_dump();
    __real_kill(getpid(), SIGKILL);
}

__attribute__((constructor)) static void prepare(int argc, char **argv)
{
    struct sigaction a = {.sa_handler = write_and_end};
    sigaction(last_words(), &a, NULL);
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        setenv("POSTERN_SANDBOX", "off", 0);
}

/* Ours, and it runs: 0 in `info` then. */
static int is_running_child(pid_t pid)
{
    siginfo_t info = {0};
    return pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
           info.si_pid == 0;
}

int __wrap_kill(pid_t pid, int number)
{
    struct timespec step = {0, STEP_NS};
    if (number == SIGKILL && is_running_child(pid) && __real_kill(pid, last_words()) == 0)
        for (int i = 0; i < TRIES && is_running_child(pid); i++)
            nanosleep(&step, NULL);
    return __real_kill(pid, number);
}
