/* serve_notify: the protocol is one datagram of "NAME=value" lines, so no library is needed. */
#include "cmd/serve_notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

static int relay = -1;

void serve_notify_relay(int fd)
{
    relay = fd;
}

void serve_notify(const char *state)
{
    if (relay >= 0)
        (void)!send(relay, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
    else
        serve_notify_manager(state);
}

void serve_notify_manager(const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path ? strlen(path) : 0;
    if (n == 0 || n >= sizeof to.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(to.sun_path, path, n);
    if (*path == '@')
        to.sun_path[0] = 0; /* an abstract address */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size);
    close(fd);
}

void serve_notify_reloading(void)
{
    char state[64];
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
    serve_notify(state);
}

/* The variables speak to the process that the service manager has started, which asks first. */
static int64_t watchdog_us(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t n;
    if (!us || !str_i64(str_from(us), 1, INT64_MAX / 2, &n))
        return 0;
    /* The variable may have been inherited from another service. */
    int64_t whose;
    bool ours = !pid || (str_i64(str_from(pid), 1, INT32_MAX, &whose) && whose == getpid());
    return ours ? n : 0;
}

int64_t serve_notify_watchdog_us(void)
{
    static int64_t known_us = -1;
    if (known_us < 0)
        known_us = watchdog_us();
    return known_us;
}
