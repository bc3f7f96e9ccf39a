/* TLS on a listener: versions and suites, ALPN, reload, half handshakes, bad files. */
#include "net_help.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/stat.h>

#include "net/conn.h"

static char dir[] = "/tmp/net_tls.XXXXXX";
static char certificate[64], key[64];

/* A self-signed certificate of that name, in the two files. */
static void make_pair(const char *name, mode_t key_mode)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, pair);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
    FILE *f = fopen(certificate, "w");
    PEM_write_X509(f, x);
    fclose(f);
    f = fopen(key, "w");
    PEM_write_PrivateKey(f, pair, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    chmod(key, key_mode);
    X509_free(x);
    EVP_PKEY_free(pair);
}

static void start_tls(struct server *s)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0", .tls = true}};
    struct net_options o = server_options(listens, 1);
    o.tls_certificate = certificate;
    o.tls_key = key;
    server_open(s, &o);
}

/* A client context that offers the versions and, of TLS 1.2, the suites. */
static SSL_CTX *offer(int least, int most, const char *suites)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0); /* so that old versions are really offered */
    SSL_CTX_set_min_proto_version(ctx, least);
    SSL_CTX_set_max_proto_version(ctx, most);
    assert_int_equal(SSL_CTX_set_cipher_list(ctx, suites ? suites : "ALL:@SECLEVEL=0"), 1);
    return ctx;
}

/* Connected and shaken hands; NULL when refused. */
static SSL *greet(const struct server *s, SSL_CTX *ctx)
{
    int fd = dial(net_address(s->net, 0));
    struct timeval five = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &five, sizeof(five));
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        close(fd);
        ERR_clear_error();
        return NULL;
    }
    return ssl;
}

static void part(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    close(fd);
}

/* Sends the request and reads until that many bytes of body-less text have come. */
static void talk(SSL *ssl, const char *request, const char *expected)
{
    char got[8192];
    int n = 0;
    assert_int_equal(SSL_write(ssl, request, (int)strlen(request)), strlen(request));
    do {
        int more = SSL_read(ssl, got + n, (int)sizeof(got) - 1 - n);
        assert_true(more > 0);
        n += more;
        got[n] = '\0';
    } while (!strstr(got, expected));
    assert_memory_equal(got, "HTTP/1.1 200 OK\r\n", 17);
}

static const char a_request[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

static const char *subject(SSL *ssl)
{
    static char name[64];
    X509 *x = SSL_get1_peer_certificate(ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
    X509_free(x);
    return name;
}

static void versions_and_suites(void **state)
{
    static const struct {
        int version;
        const char *suites;
        bool good;
    } cases[] = {
        {TLS1_3_VERSION, NULL, true},
        {TLS1_2_VERSION, NULL, true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", false},
        {TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", false},
        {TLS1_1_VERSION, NULL, false},
        {TLS1_VERSION, NULL, false},
    };
    struct server s;
    (void)state;
    start_tls(&s);
    server_run(&s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        SSL_CTX *ctx = offer(cases[i].version, cases[i].version, cases[i].suites);
        SSL *ssl = greet(&s, ctx);
        assert_int_equal(ssl != NULL, cases[i].good);
        if (ssl) {
            assert_int_equal(SSL_version(ssl), cases[i].version);
            talk(ssl, a_request, "GET /a  0");
            part(ssl);
        }
        SSL_CTX_free(ctx);
    }
    assert_int_equal(server_stop(&s), 0);
}

static void requests(void **state)
{
    struct server s;
    SSL_CTX *ctx = offer(TLS1_2_VERSION, TLS1_3_VERSION, NULL);
    (void)state;
    start_tls(&s);
    server_run(&s);
    SSL *ssl = greet(&s, ctx);
    assert_non_null(ssl);
    for (int i = 0; i < 5; i++) {
        talk(ssl, a_request, "GET /a  0");
        talk(ssl, "GET /commit HTTP/1.1\r\nHost: x\r\n\r\n", "GET /commit  1");
        talk(ssl, "GET /slow/now HTTP/1.1\r\nHost: x\r\n\r\n", "GET /slow/now  2");
    }
    talk(ssl, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /b  0");
    talk(ssl, "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /a  0");
    char byte;
    assert_int_equal(SSL_read(ssl, &byte, 1), 0);
    assert_true(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN); /* close_notify, not a cut */
    part(ssl);
    SSL_CTX_free(ctx);
    assert_int_equal(server_stop(&s), 0);
}

static void large_answer(void **state)
{
    struct server s;
    SSL_CTX *ctx = offer(TLS1_2_VERSION, TLS1_3_VERSION, NULL);
    char *got = malloc(16384);
    size_t n = 0;
    (void)state;
    start_tls(&s);
    server_run(&s);
    SSL *ssl = greet(&s, ctx);
    static const char request[] = "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int i = 0; i < 3; i++)
        assert_true(SSL_write(ssl, request, sizeof(request) - 1) > 0);
    usleep(50000);
    while (n < 9u << 20) {
        int more = SSL_read(ssl, got, 16384);
        assert_true(more > 0);
        n += (size_t)more;
    }
    part(ssl);
    free(got);
    SSL_CTX_free(ctx);
    assert_int_equal(server_stop(&s), 0);
}

static void alpn(void **state)
{
    struct server s;
    SSL_CTX *ctx = offer(TLS1_2_VERSION, TLS1_3_VERSION, NULL);
    const unsigned char *chosen;
    unsigned n;
    (void)state;
    start_tls(&s);
    server_run(&s);
    SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    SSL *ssl = greet(&s, ctx);
    assert_non_null(ssl);
    SSL_get0_alpn_selected(ssl, &chosen, &n);
    assert_int_equal(n, 8);
    assert_memory_equal(chosen, "http/1.1", 8);
    part(ssl);
    SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x02h2", 3);
    assert_null(greet(&s, ctx));
    SSL_CTX_free(ctx);
    assert_int_equal(server_stop(&s), 0);
}

/* security.md A12 */
static void no_renegotiation(void **state)
{
    struct server s;
    SSL_CTX *ctx = offer(TLS1_2_VERSION, TLS1_2_VERSION, NULL);
    char byte;
    (void)state;
    start_tls(&s);
    server_run(&s);
    SSL *ssl = greet(&s, ctx);
    talk(ssl, a_request, "GET /a  0");
    SSL_renegotiate(ssl);
    assert_true(SSL_do_handshake(ssl) != 1 || SSL_read(ssl, &byte, 1) <= 0);
    ERR_clear_error();
    part(ssl);
    SSL_CTX_free(ctx);
    assert_int_equal(server_stop(&s), 0);
}

/* As much of the client's side as it can say without an answer, which goes to `fd` byte by byte. */
static void drip(SSL *ssl, int fd)
{
    char bytes[4096];
    int n;
    SSL_do_handshake(ssl);
    while ((n = BIO_read(SSL_get_wbio(ssl), bytes, sizeof(bytes))) > 0)
        for (int i = 0; i < n; i++) {
            assert_int_equal(send(fd, bytes + i, 1, MSG_NOSIGNAL), 1);
            usleep(i < 8 || i > n - 8 ? 3000 : 100);
        }
}

/* A ClientHello that comes in single bytes is put together, whatever waits for its end. */
static void a_hello_in_pieces(void **state)
{
    struct server s;
    SSL_CTX *ctx = offer(TLS1_2_VERSION, TLS1_3_VERSION, NULL);
    SSL *ssl = SSL_new(ctx);
    char bytes[8192];
    (void)state;
    start_tls(&s);
    server_run(&s);
    int fd = dial(net_address(s.net, 0));
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    while (!SSL_is_init_finished(ssl)) {
        drip(ssl, fd);
        if (SSL_is_init_finished(ssl))
            break;
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        assert_true(n > 0);
        BIO_write(SSL_get_rbio(ssl), bytes, (int)n);
    }
    drip(ssl, fd); /* the last of the handshake */
    SSL_set_fd(ssl, fd);
    talk(ssl, a_request, "GET /a  0");
    part(ssl);
    SSL_CTX_free(ctx);
    assert_int_equal(server_stop(&s), 0);
}

/* A client that goes away in the middle of its first record is let go at once, without a loop that
 * looks again and again; so is one whose record is too long. */
static void half_a_hello(void **state)
{
    static const char *const starts[] = {"\x16\x03\x01", "\x16\x03\x01\x02\x01\x01", NULL};
    struct server s;
    struct client c;
    (void)state;
    start_tls(&s);
    server_run(&s);
    for (size_t i = 0; starts[i]; i++) {
        int64_t start_ms = clock_mono_ms();
        client_open(&c, &s);
        say_n(&c, starts[i], strlen(starts[i]));
        usleep(20000);
        shutdown(c.fd, SHUT_WR);
        assert_false(hear_any(&c, true));
        assert_true(clock_mono_ms() - start_ms < 1000);
        client_close(&c);
    }
    client_open(&c, &s);
    say_n(&c, "\x16\x03\x01\xff\xff\x01", 6);
    hear_any(&c, true);
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* A handshake that does not go on, and one that is no TLS at all. */
static void half_handshakes(void **state)
{
    struct server s;
    struct client silent, plain;
    (void)state;
    start_tls(&s);
    s.net->deadline_ms[DEADLINE_HANDSHAKE] = 400;
    server_run(&s);
    int64_t start_ms = clock_mono_ms();
    client_open(&silent, &s);
    say_n(&silent, "\x16\x03\x01", 3);
    client_open(&plain, &s);
    get(&plain, "/a");
    assert_false(hear_any(&plain, true));
    assert_true(clock_mono_ms() - start_ms < 400); /* at once */
    char byte;
    assert_true(recv(silent.fd, &byte, 1, 0) <= 0);
    assert_in_range(clock_mono_ms() - start_ms, 390, 1900);
    client_close(&silent);
    client_close(&plain);
    assert_int_equal(server_stop(&s), 0);
}

/* security.md A12: what a ClientHello says of its own size is looked at before there is room for
 * it. */
static void oversized_hello(void **state)
{
    static const char big[] = "\x16\x03\x01\x40\x00\x01\x00\x40\x01"; /* 16385 bytes */
    static const char most[] = "\x16\x03\x01\x40\x00\x01\x00\x40\x00";
    static const char cut[] = "\x16\x03\x01\x00\x02\x01\x00\x16\x03";
    struct server s;
    struct client c;
    (void)state;
    start_tls(&s);
    s.net->deadline_ms[DEADLINE_HANDSHAKE] = 600;
    server_run(&s);
    const char *const refused[] = {big, cut};
    for (size_t i = 0; i < 2; i++) {
        int64_t start_ms = clock_mono_ms();
        client_open(&c, &s);
        say_n(&c, refused[i], 9);
        assert_false(hear_any(&c, true));
        assert_true(clock_mono_ms() - start_ms < 400);
        client_close(&c);
    }
    int64_t start_ms = clock_mono_ms();
    client_open(&c, &s);
    say_n(&c, most, 9);
    assert_false(hear_any(&c, true));
    assert_in_range(clock_mono_ms() - start_ms, 590, 2500); /* it is waited for */
    client_close(&c);
    assert_int_equal(server_stop(&s), 0);
}

/* security.md A12: of too many half handshakes the oldest end; an honest one gets through. */
static void many_half_handshakes(void **state)
{
    enum { HALVES = 100, MAX = 16 };
    struct server s;
    struct client halves[HALVES];
    SSL_CTX *ctx = offer(TLS1_2_VERSION, TLS1_3_VERSION, NULL);
    int open = 0;
    (void)state;
    start_tls(&s);
    s.net->handshakes_max = MAX;
    server_run(&s);
    for (int i = 0; i < HALVES; i++) {
        client_open(&halves[i], &s);
        say_n(&halves[i], "\x16\x03\x01", 3);
    }
    SSL *ssl = greet(&s, ctx);
    assert_non_null(ssl);
    talk(ssl, a_request, "GET /a  0");
    part(ssl);
    SSL_CTX_free(ctx);
    usleep(100000);
    for (int i = 0; i < HALVES; i++) {
        char byte;
        ssize_t n = recv(halves[i].fd, &byte, 1, MSG_DONTWAIT);
        open += n < 0 && errno == EAGAIN;
        client_close(&halves[i]);
    }
    assert_in_range(open, 1, 2 * MAX); /* two workers */
    assert_int_equal(server_stop(&s), 0);
}

/* security.md A12: 0-RTT is not offered, so no ticket carries it and none is taken. */
static void no_early_data(void **state)
{
    struct server s;
    SSL_CTX *ctx = offer(TLS1_3_VERSION, TLS1_3_VERSION, NULL);
    (void)state;
    start_tls(&s);
    server_run(&s);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    SSL *ssl = greet(&s, ctx);
    talk(ssl, a_request, "GET /a  0"); /* the tickets have come with it */
    SSL_SESSION *session = SSL_get1_session(ssl);
    assert_true(SSL_SESSION_is_resumable(session));
    assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
    SSL_SESSION_free(session);
    part(ssl);
    SSL_CTX_free(ctx);
    assert_int_equal(server_stop(&s), 0);
}

/* New connections get the new certificate, open ones go on; a bad file changes nothing. */
static void reload(void **state)
{
    struct server s;
    SSL_CTX *ctx = offer(TLS1_2_VERSION, TLS1_3_VERSION, NULL);
    (void)state;
    log_open(2, LOG_OFF);
    start_tls(&s);
    server_run(&s);
    SSL *before = greet(&s, ctx);
    assert_string_equal(subject(before), "first");
    make_pair("second", 0600);
    await_count(&s.app.opened, 4);
    const char *names[] = {"second", "second"};
    for (int round = 0; round < 2; round++) {
        int ticks = atomic_load(&s.app.ticks);
        net_reload(s.net);
        while (atomic_load(&s.app.ticks) == ticks)
            usleep(1000);
        usleep(20000);
        SSL *ssl = greet(&s, ctx);
        assert_non_null(ssl);
        assert_string_equal(subject(ssl), names[round]);
        talk(ssl, a_request, "GET /a  0");
        part(ssl);
        FILE *f = fopen(certificate, "w"); /* for the second round */
        fputs("nonsense\n", f);
        fclose(f);
    }
    talk(before, a_request, "GET /a  0");
    part(before);
    SSL_CTX_free(ctx);
    assert_int_equal(server_stop(&s), 0);
    make_pair("first", 0600);
    log_open(2, LOG_ERROR);
}

static void refused_with(const char *part_of_why)
{
    static const struct net_listen listens[] = {{.address = "127.0.0.1:0", .tls = true}};
    struct net_options o = server_options(listens, 1);
    char why[512] = "";
    o.tls_certificate = certificate;
    o.tls_key = key;
    assert_null(net_open(&o, &test_app, why, sizeof(why)));
    if (!strstr(why, part_of_why))
        fail_msg("\"%s\" is not in: %s", part_of_why, why);
}

static void bad_files(void **state)
{
    char saved[80];
    (void)state;
    make_pair("first", 0644);
    refused_with("open to other users (mode 0644): chmod 600");
    make_pair("first", 0600);
    snprintf(saved, sizeof(saved), "%s.saved", key);
    rename(key, saved);
    refused_with("cannot be read (No such file or directory)");
    make_pair("other", 0600);
    rename(saved, key);
    refused_with("does not belong");
    FILE *f = fopen(certificate, "w");
    fclose(f);
    refused_with("cannot use the TLS certificate file");
    make_pair("first", 0600);
    f = fopen(key, "w");
    fputs("nonsense\n", f);
    fclose(f);
    refused_with("cannot use the TLS key file");
    make_pair("first", 0600);
}

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* the test's own client writes by OpenSSL too */
    if (!mkdtemp(dir))
        return -1;
    snprintf(certificate, sizeof(certificate), "%s/certificate.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    make_pair("first", 0600);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(certificate);
    unlink(key);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_and_suites), cmocka_unit_test(requests),
        cmocka_unit_test(large_answer),        cmocka_unit_test(alpn),
        cmocka_unit_test(no_renegotiation),    cmocka_unit_test(a_hello_in_pieces),
        cmocka_unit_test(half_a_hello),        cmocka_unit_test(half_handshakes),
        cmocka_unit_test(oversized_hello),     cmocka_unit_test(many_half_handshakes),
        cmocka_unit_test(no_early_data),       cmocka_unit_test(reload),
        cmocka_unit_test(bad_files),
    };
    log_open(2, LOG_ERROR);
    return cmocka_run_group_tests_name("net tls", tests, setup, teardown);
}
