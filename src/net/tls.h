/* tls: TLS 1.2 and 1.3 on a connection, by OpenSSL. Nothing of OpenSSL shows here. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls;         /* the certificate and how to speak */
struct tls_session; /* one connection's */

enum tls_step { TLS_DONE, TLS_WANT_READ, TLS_WANT_WRITE, TLS_FAILED };

/* Reads certificate chain and key (PEM). NULL: `why` says what is wrong and what to do. */
struct tls *tls_open(const char *certificate, const char *key, char *why, size_t why_size);
/* Reads the files again. New connections get the new certificate; open ones keep theirs. False:
 * nothing changed, and `why` says why. Thread-safe. */
bool tls_reload(struct tls *t, char *why, size_t why_size);
void tls_close(struct tls *t);

/* A session on the connected descriptor, which stays the caller's; NULL when out of memory. */
struct tls_session *tls_accept(struct tls *t, int fd);
enum tls_step tls_handshake(struct tls_session *s);
/* As recv and send on a non-blocking socket: bytes, 0 at the end of the stream, -1 with errno
 * (EAGAIN: wait until readable; for tls_send writable). */
ssize_t tls_recv(struct tls_session *s, void *p, size_t n);
ssize_t tls_send(struct tls_session *s, const void *p, size_t n);
/* Says goodbye (close_notify), as far as the socket takes it now. */
void tls_goodbye(struct tls_session *s);
void tls_free(struct tls_session *s);

#endif
