/* serve_outbound: the process that asks the network for addresses, so that the others need not.
 *
 * One question is one datagram: a number that is given back, and a name. The answer: the number,
 * whether there are addresses, and they, with commas between, or why there are none.
 */
#ifndef CMD_SERVE_OUTBOUND_H
#define CMD_SERVE_OUTBOUND_H

#include <stdbool.h>
#include <stddef.h>

enum { SERVE_OUTBOUND_NAME = 255, SERVE_OUTBOUND_ANSWER = 1024 };

/* In its process: never returns. `fd`: its end of a pair of SOCK_SEQPACKET. */
_Noreturn void serve_outbound(int fd);
/* In another process: its end of the pair, for serve_outbound_resolve. */
void serve_outbound_ask(int fd);
/* The addresses of a host, "192.0.2.1,2001:db8::1"; false: `out` says why there are none. From any
 * thread; waits a few seconds at most. */
bool serve_outbound_resolve(const char *host, char *out, size_t size);

#endif
