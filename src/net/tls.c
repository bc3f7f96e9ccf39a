/* tls: OpenSSL behind five calls that look like recv and send.
 *
 * TLS 1.2 with ECDHE and AES-GCM only (BCP 195, FAPI 2.0 5.2.2) and TLS 1.3; no renegotiation, no
 * compression, no early data; ALPN http/1.1. Session tickets are OpenSSL's own (stateless), the
 * session cache is off: it would hold memory per client. SSL_MODE_RELEASE_BUFFERS gives back the
 * record buffers (34 kB) of a connection that idles.
 *
 * A reload makes a whole new SSL_CTX and swaps it in; sessions hold a reference on the one they
 * began with. A key file that others may read, or one that does not belong to the certificate, is
 * refused; at a reload the old pair goes on.
 *
 * A client costs next to nothing until the record in which its ClientHello begins is there as a
 * whole: it waits in the kernel (SO_RCVLOWAT wakes us when it is complete). OpenSSL would take some
 * 57 kB for the first byte of it, and ten thousand who never send the rest are easily found.
 *
 * OpenSSL writes with write(2), so a reset connection raises SIGPIPE; the workers block all
 * signals. Left out: client certificates, OCSP stapling, certificates by name (SNI).
 */
#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/limits.h"

struct tls {
    pthread_mutex_t lock;
    SSL_CTX *context;
    char *certificate, *key;
};

struct tls_session {
    struct tls *tls;
    int fd;
    SSL *ssl; /* NULL: the first record is not there yet */
};

/* RFC 8446 4, 5.1 */
enum { RECORD_HEAD = 5, RECORD_HANDSHAKE = 22, RECORD_MAX = 16384, MESSAGE_HEAD = 4 };

static void because(char *why, size_t size, const char *what, const char *file, const char *remedy)
{
    unsigned long e = ERR_peek_last_error();
    const char *reason = e ? ERR_reason_error_string(e) : NULL;
    snprintf(why, size, "%s %s%s%s%s: %s", what, file, reason ? " (" : "", reason ? reason : "",
             reason ? ")" : "", remedy);
    ERR_clear_error();
}

/* RFC 7301 3.2: a client that speaks other protocols only is told so. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                           const unsigned char *in, unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* A server does not ask its terminal for a passphrase. */
static int no_passphrase(char *p, int size, int writing, void *arg)
{
    (void)p;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static SSL_CTX *new_context(void)
{
    static const char tls12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());
    if (!c)
        return NULL;
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(c, 0);
    SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(c, no_passphrase);
    if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(c, tls12) != 1) {
        SSL_CTX_free(c);
        return NULL;
    }
    return c;
}

static bool key_is_private(const char *key, char *why, size_t size)
{
    struct stat st;
    if (stat(key, &st) != 0) {
        snprintf(why, size, "the TLS key file %s cannot be read (%s): check tls_key", key,
                 strerror(errno));
        return false;
    }
    if (st.st_mode & (S_IWGRP | S_IRWXO)) {
        snprintf(why, size, "the TLS key file %s is open to other users (mode %04o): chmod 600 %s",
                 key, (unsigned)(st.st_mode & 07777), key);
        return false;
    }
    return true;
}

/* SSL_CTX_use_PrivateKey_file compares the key with the certificate that is loaded already. */
static bool is_mismatch(void)
{
    int reason = ERR_GET_REASON(ERR_peek_last_error());
    return reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH;
}

/* A context with the pair loaded and proven to belong together. */
static SSL_CTX *load(const struct tls *t, char *why, size_t size)
{
    if (!key_is_private(t->key, why, size))
        return NULL;
    SSL_CTX *c = new_context();
    if (!c) {
        because(why, size, "TLS", "by OpenSSL cannot start", "check the OpenSSL configuration");
        return NULL;
    }
    if (SSL_CTX_use_certificate_chain_file(c, t->certificate) != 1) {
        because(why, size, "cannot use the TLS certificate file", t->certificate,
                "it must be readable and hold the certificate, then its chain, in PEM");
    } else if (SSL_CTX_use_PrivateKey_file(c, t->key, SSL_FILETYPE_PEM) != 1) {
        because(why, size, "cannot use the TLS key file", t->key,
                is_mismatch() ? "it does not belong to the certificate; give the two of one pair"
                              : "it must be readable and hold the certificate's private key in "
                                "PEM, without a passphrase");
    } else {
        return c;
    }
    SSL_CTX_free(c);
    return NULL;
}

struct tls *tls_open(const char *certificate, const char *key, char *why, size_t why_size)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (!certificate || !key) {
        snprintf(why, why_size, "a TLS listener needs tls_certificate and tls_key");
        free(t);
        return NULL;
    }
    if (!t) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    t->certificate = strdup(certificate);
    t->key = strdup(key);
    if (t->certificate && t->key)
        t->context = load(t, why, why_size);
    if (!t->context) {
        tls_close(t);
        return NULL;
    }
    return t;
}

bool tls_reload(struct tls *t, char *why, size_t why_size)
{
    SSL_CTX *fresh = load(t, why, why_size);
    if (!fresh)
        return false;
    pthread_mutex_lock(&t->lock);
    SSL_CTX *old = t->context;
    t->context = fresh;
    pthread_mutex_unlock(&t->lock);
    SSL_CTX_free(old);
    return true;
}

void tls_close(struct tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->context);
    pthread_mutex_destroy(&t->lock);
    free(t->certificate);
    free(t->key);
    free(t);
}

struct tls_session *tls_accept(struct tls *t, int fd)
{
    struct tls_session *s = calloc(1, sizeof(*s));
    if (s)
        *s = (struct tls_session){.tls = t, .fd = fd};
    return s;
}

static bool begin(struct tls_session *s)
{
    pthread_mutex_lock(&s->tls->lock);
    s->ssl = SSL_new(s->tls->context);
    pthread_mutex_unlock(&s->tls->lock);
    if (!s->ssl || SSL_set_fd(s->ssl, s->fd) != 1)
        return false;
    SSL_set_accept_state(s->ssl);
    return true;
}

/* Wake us when so many bytes are there; a peer who has ended can send no more of them. */
static enum tls_step await(const struct tls_session *s, int bytes)
{
    struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};
    if (poll(&p, 1, 0) > 0)
        return TLS_FAILED;
    setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
    return TLS_WANT_READ;
}

/* A12: what the message says of its own size, up to 131 kB, OpenSSL makes room for and wipes, so
 * that nine bytes would buy that much memory. A record too short to say it is nobody's. */
static bool is_modest(const unsigned char *record)
{
    const unsigned char *message = record + RECORD_HEAD;
    int size = record[3] << 8 | record[4];
    return size >= MESSAGE_HEAD &&
           (message[1] << 16 | message[2] << 8 | message[3]) <= LIMIT_CLIENT_HELLO;
}

/* TLS_DONE: the first record is there, or what is no record: OpenSSL shall say so. */
static enum tls_step first_record(const struct tls_session *s)
{
    unsigned char head[RECORD_HEAD + MESSAGE_HEAD];
    ssize_t n = recv(s->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
    int there = 0, size;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return TLS_FAILED;
    if (n > 0 && head[0] != RECORD_HANDSHAKE)
        return TLS_DONE;
    size = n < RECORD_HEAD ? 0 : head[3] << 8 | head[4];
    if (size > RECORD_MAX)
        return TLS_DONE;
    if (n < (ssize_t)sizeof(head))
        return await(s, sizeof(head));
    if (!is_modest(head))
        return TLS_FAILED;
    if (ioctl(s->fd, FIONREAD, &there) != 0)
        return TLS_DONE;
    return there < RECORD_HEAD + size ? await(s, RECORD_HEAD + size) : TLS_DONE;
}

enum tls_step tls_handshake(struct tls_session *s)
{
    ERR_clear_error();
    if (!s->ssl) {
        int one = 1;
        enum tls_step step = first_record(s);
        if (step != TLS_DONE)
            return step;
        setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
        if (!begin(s)) {
            ERR_clear_error();
            return TLS_FAILED;
        }
    }
    int rc = SSL_do_handshake(s->ssl);
    if (rc == 1)
        return TLS_DONE;
    int e = SSL_get_error(s->ssl, rc);
    ERR_clear_error();
    return e == SSL_ERROR_WANT_READ    ? TLS_WANT_READ
           : e == SSL_ERROR_WANT_WRITE ? TLS_WANT_WRITE
                                       : TLS_FAILED;
}

/* The outcome of SSL_read or SSL_write in the terms of recv and send. */
static ssize_t outcome(struct tls_session *s, int rc)
{
    if (rc > 0)
        return rc;
    int e = SSL_get_error(s->ssl, rc);
    ERR_clear_error();
    if (e == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

static int capped(size_t n)
{
    return n > 1 << 20 ? 1 << 20 : (int)n;
}

ssize_t tls_recv(struct tls_session *s, void *p, size_t n)
{
    ERR_clear_error();
    return outcome(s, SSL_read(s->ssl, p, capped(n)));
}

ssize_t tls_send(struct tls_session *s, const void *p, size_t n)
{
    ERR_clear_error();
    return outcome(s, SSL_write(s->ssl, p, capped(n)));
}

void tls_goodbye(struct tls_session *s)
{
    ERR_clear_error();
    if (s->ssl && SSL_is_init_finished(s->ssl))
        SSL_shutdown(s->ssl);
    ERR_clear_error();
}

void tls_free(struct tls_session *s)
{
    SSL_free(s->ssl);
    free(s);
    ERR_clear_error();
}
