/* postgres_hosts: the hosts of a PostgreSQL URL as addresses, for a process that looks up no names.
 *
 * libpq then connects to `hostaddr` and verifies certificates and passwords by `host`.
 */
#ifndef DB_POSTGRES_HOSTS_H
#define DB_POSTGRES_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

enum { POSTGRES_HOSTS_TEXT = 4096 };

/* Lists with commas between, of as many entries each. A name with several addresses has several. */
struct postgres_hosts {
    char host[POSTGRES_HOSTS_TEXT], hostaddr[POSTGRES_HOSTS_TEXT], port[POSTGRES_HOSTS_TEXT];
};

/* From now on names are looked up by that function, from any thread, which writes their addresses
 * with commas between or, returning false, why there are none. Before the first connection. Without
 * it libpq looks them up itself. */
void postgres_hosts_by(bool (*resolve)(const char *host, char *out, size_t size));
/* Is there somebody to ask? */
bool postgres_hosts_known(void);
/* False: `url` names no host, or addresses of its own, and is to be taken as it is; or, with a
 * `why` that is not empty, none of its hosts has an address. */
bool postgres_hosts(const char *url, struct postgres_hosts *out, char *why, size_t why_size);

#endif
