/* serve_signer: the process that has the keys; see serve_signer.h.
 *
 * Private keys, peppers and the pairwise key lie in the library's secure heap: locked, between
 * guard pages, left out of dumps and wiped. Copies of secrets while they are read, states of hashes
 * that began with one, and sealing keys of a day are in ordinary memory, which is locked as a whole
 * if the limit on locked memory lets it.
 */
#include "cmd/serve_signer.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/serve_network.h"
#include "cmd/serve_sandbox.h"
#include "crypto/vault.h"
#include "signer/service.h"

enum { ANSWER_MS = 3000, ARENAS = 8 };

/* ---- the supervisor's side ---- */

bool serve_signer_pass(int fd, const char *path)
{
    char question;
    int32_t code = 0;
    if (recv(fd, &question, 1, MSG_DONTWAIT) != 1)
        return errno == EAGAIN || errno == EINTR;
    /* O_NONBLOCK: a pipe at this name must not hang. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        code = errno;
    struct iovec part = {&code, sizeof code};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (file >= 0) {
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        *h = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(h), &file, sizeof file);
    }
    bool sent = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof code;
    if (file >= 0)
        close(file);
    return sent;
}

/* ---- the signer's side ---- */

static struct {
    int fd;
    const char *path; /* for messages */
    pthread_mutex_t lock;
} supervisor = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* -1: errno says why the file could not be opened. */
static int receive(int fd)
{
    int32_t code = EIO;
    int file = -1;
    struct iovec part = {&code, sizeof code};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    if (recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != (ssize_t)sizeof code)
        return -1;
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
        memcpy(&file, CMSG_DATA(h), sizeof file);
    errno = code;
    return file;
}

static int ask(int fd)
{
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    int64_t until_ms = clock_mono_ms() + ANSWER_MS, left_ms;
    int late;
    while ((late = receive(fd)) >= 0) /* an answer that came too late the last time */
        close(late);
    if (write(fd, "?", 1) != 1)
        return -1;
    while ((left_ms = until_ms - clock_mono_ms()) > 0)
        if (poll(&answer, 1, (int)left_ms) > 0)
            return receive(fd);
    errno = ETIMEDOUT;
    return -1;
}

static enum err read_master(void *arg, struct master_key *out, char *why, size_t why_size)
{
    (void)arg;
    pthread_mutex_lock(&supervisor.lock);
    int file = ask(supervisor.fd);
    enum err e = seal_read_master_from(file, supervisor.path, out, why, why_size);
    pthread_mutex_unlock(&supervisor.lock);
    return e;
}

_Noreturn void serve_signer(struct cmd *c, struct channel_region *r, int fd)
{
    static struct sign_rules rules;
    rules.issuer = setting_text(&c->settings, issuer);
    supervisor.fd = fd;
    supervisor.path = arena_cstr(&c->arena, setting_text(&c->settings, master_key));
    serve_network_log(c);
    jwk_secure_heap();
    /* Unless it is told, the allocator reads a file to learn how many heaps suit the machine: when
     * the ninth thread asks for memory, which is behind the sandbox and would be the end. */
    mallopt(M_ARENA_MAX, ARENAS);
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        log_note(
            LOG_WARN, "signer",
            "the memory of the process with the keys cannot be locked as a whole (%s), so copies "
            "of secrets may reach a swap device: set LimitMEMLOCK=infinity in the unit, or "
            "ulimit -l unlimited",
            strerror(errno));
    if (serve_sandbox_enter(c, SANDBOX_SIGNER, false))
        _exit(CMD_FAILED);
    service_start(r, vault_reader(read_master, NULL, &rules));
    for (;;)
        pause();
}
