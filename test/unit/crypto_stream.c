/* Sealed streams: what was written comes out, and no other file is taken for it. */
#include "crypto_vectors.h"

#include <errno.h>
#include <string.h>

#include "crypto/stream.h"

enum { ROOM = 5 * (STREAM_CHUNK + STREAM_TAG) };

static const str HEAD = STR_INIT("a head in clear");

/* A file in memory. */
struct file {
    size_t n, at;
    size_t most; /* of one read */
    uint8_t b[ROOM];
};

struct fixture {
    struct file file, other;
    struct secret key;
    uint8_t plain[ROOM], out[ROOM];
};

static bool sink(void *arg, const void *bytes, size_t n)
{
    struct file *f = arg;
    if (f->n + n > sizeof f->b)
        return false;
    memcpy(f->b + f->n, bytes, n);
    f->n += n;
    return true;
}

static ssize_t source(void *arg, void *bytes, size_t n)
{
    struct file *f = arg;
    size_t left = f->n - f->at, take = n < left ? n : left;
    if (f->most && take > f->most)
        take = f->most;
    memcpy(bytes, f->b + f->at, take);
    f->at += take;
    return (ssize_t)take;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    static const uint8_t raw[STREAM_KEY_BYTES] = "a key of thirty-two bytes, or so";
    ct_secret_set(&f->key, raw, sizeof raw);
    for (size_t i = 0; i < sizeof f->plain; i++)
        f->plain[i] = (uint8_t)(i * 7 + i / STREAM_CHUNK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void seal_under(struct fixture *f, struct file *out, const struct secret *key, str head,
                       size_t n)
{
    struct stream_writer *w = stream_writer_open(key, head, sink, out);
    size_t step = 1;
    out->n = 0;
    for (size_t at = 0; at < n; at += step, step = step * 3 % 10007) {
        size_t take = step < n - at ? step : n - at;
        assert_int_equal(stream_write(w, str_make((const char *)f->plain + at, take)), OK);
    }
    assert_int_equal(stream_finish(w), OK);
    stream_writer_close(w);
}

static void seal(struct fixture *f, size_t n)
{
    seal_under(f, &f->file, &f->key, HEAD, n);
}

/* Reads to the end: ERR_ABSENT when it came to the end that the writer set. *n: bytes got. */
static enum err unseal(struct fixture *f, struct file *in, str head, size_t *n)
{
    struct stream_reader *r = stream_reader_open(&f->key, head, source, in);
    enum err e;
    *n = 0;
    in->at = 0;
    while ((e = stream_read(r, f->out + *n, 1)) == OK)
        ++*n;
    assert_int_equal(stream_read(r, f->out, 1), e);
    stream_reader_close(r);
    return e;
}

static void refused(struct fixture *f, struct file *in)
{
    size_t n;
    assert_int_equal(unseal(f, in, HEAD, &n), ERR_INVALID_REQUEST);
    assert_memory_equal(f->out, f->plain, n < 1 ? 0 : n);
}

static void what_was_written_comes_out(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {0,
                                   1,
                                   1000,
                                   STREAM_CHUNK - 1,
                                   STREAM_CHUNK,
                                   STREAM_CHUNK + 1,
                                   2 * STREAM_CHUNK,
                                   3 * STREAM_CHUNK + 17};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n, chunks = sizes[i] ? (sizes[i] + STREAM_CHUNK - 1) / STREAM_CHUNK : 1;
        seal(f, sizes[i]);
        assert_int_equal(f->file.n, sizes[i] + chunks * STREAM_TAG);
        f->file.most = i % 2 ? 1000 : 0; /* a pipe gives what it has */
        assert_int_equal(unseal(f, &f->file, HEAD, &n), ERR_ABSENT);
        assert_int_equal(n, sizes[i]);
        assert_memory_equal(f->out, f->plain, n);
    }
}

static void every_byte_counts(void **state)
{
    struct fixture *f = *state;
    seal(f, 100);
    for (size_t i = 0; i < f->file.n; i++) {
        f->file.b[i] ^= (uint8_t)(1 << i % 8);
        refused(f, &f->file);
        f->file.b[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t n = 0; n < f->file.n; n++) {
        struct file *cut = &f->other;
        memcpy(cut, &f->file, sizeof *cut);
        cut->n = n;
        refused(f, cut);
    }
    size_t n;
    assert_int_equal(unseal(f, &f->file, STR("b head in clear"), &n), ERR_INVALID_REQUEST);
    assert_int_equal(unseal(f, &f->file, STR("a head in clea"), &n), ERR_INVALID_REQUEST);
    assert_int_equal(unseal(f, &f->file, HEAD, &n), ERR_ABSENT);
}

static void an_end_that_is_missing_or_goes_on_is_refused(void **state)
{
    struct fixture *f = *state;
    size_t whole = STREAM_CHUNK + STREAM_TAG;
    seal(f, 3 * STREAM_CHUNK + 5);
    for (size_t chunks = 0; chunks <= 3; chunks++) {
        for (int extra = -1; extra <= 1; extra++) {
            memcpy(&f->other, &f->file, sizeof f->other);
            f->other.n = chunks * whole + (size_t)(chunks || extra > 0 ? extra : 0);
            refused(f, &f->other);
        }
    }
    f->file.n++;
    refused(f, &f->file);
    seal(f, 2 * STREAM_CHUNK); /* the last chunk is a full one */
    memset(f->file.b + f->file.n, 0, STREAM_TAG);
    f->file.n += STREAM_TAG;
    refused(f, &f->file);
}

/* Puts chunk `from` of `in` into the place of chunk `to` of the file. */
static void transplant(struct fixture *f, const struct file *in, size_t from, size_t to)
{
    size_t whole = STREAM_CHUNK + STREAM_TAG;
    memcpy(f->file.b + to * whole, in->b + from * whole, whole);
}

static void chunks_stay_in_their_place_and_file(void **state)
{
    struct fixture *f = *state;
    struct secret key2 = f->key;
    size_t n = 4 * STREAM_CHUNK, got;
    key2.b[0] ^= 1;
    seal(f, n);
    memcpy(&f->other, &f->file, sizeof f->other);
    transplant(f, &f->other, 1, 0);
    transplant(f, &f->other, 0, 1);
    refused(f, &f->file);
    seal(f, n);
    transplant(f, &f->other, 0, 1); /* repeated */
    refused(f, &f->file);
    seal(f, n);
    transplant(f, &f->other, 3, 2); /* the last one earlier */
    f->file.n -= STREAM_CHUNK + STREAM_TAG;
    refused(f, &f->file);
    seal_under(f, &f->other, &key2, HEAD, n); /* of another file: a key of its own */
    seal(f, n);
    transplant(f, &f->other, 1, 1);
    refused(f, &f->file);
    seal_under(f, &f->other, &f->key, STR("another head"), n);
    seal(f, n);
    transplant(f, &f->other, 3, 3);
    refused(f, &f->file);
    seal(f, n);
    assert_int_equal(unseal(f, &f->file, HEAD, &got), ERR_ABSENT);
}

static void two_files_in_a_row_are_refused(void **state)
{
    struct fixture *f = *state;
    seal(f, 10);
    memcpy(f->file.b + f->file.n, f->file.b, f->file.n);
    f->file.n *= 2;
    refused(f, &f->file);
}

static void each_file_has_a_key_of_its_own(void **state)
{
    (void)state;
    struct stream_seal one, two;
    struct secret key, again;
    str secret = STR("correct horse battery staple");
    assert_int_equal(stream_seal_new(STREAM_PASSPHRASE, secret, &one, &key), OK);
    assert_int_equal(stream_seal_new(STREAM_PASSPHRASE, secret, &two, &again), OK);
    assert_memory_not_equal(key.b, again.b, STREAM_KEY_BYTES);
    assert_int_equal(stream_seal_open(&one, secret, &again), OK);
    assert_memory_equal(key.b, again.b, STREAM_KEY_BYTES);
    assert_int_equal(stream_seal_open(&one, STR("incorrect horse"), &again), ERR_WRONG_PASSWORD);
    assert_int_equal(again.n, 0);
    one.passes++;
    assert_int_equal(stream_seal_open(&one, secret, &again), ERR_WRONG_PASSWORD);
}

static void a_key_has_32_bytes_and_is_no_passphrase(void **state)
{
    (void)state;
    struct stream_seal seal;
    struct secret key, again;
    str secret = STR("0123456789abcdef0123456789abcdef");
    assert_int_equal(stream_seal_new(STREAM_KEY, str_sub(secret, 0, 31), &seal, &key),
                     ERR_INVALID_REQUEST);
    assert_int_equal(stream_seal_new(STREAM_KEY, secret, &seal, &key), OK);
    assert_int_equal(stream_seal_open(&seal, secret, &again), OK);
    assert_memory_equal(key.b, again.b, STREAM_KEY_BYTES);
    assert_int_equal(stream_seal_open(&seal, STR("0123456789abcdef0123456789abcdeF"), &again),
                     ERR_WRONG_PASSWORD);
    seal.salt[0] ^= 1;
    assert_int_equal(stream_seal_open(&seal, secret, &again), ERR_WRONG_PASSWORD);
}

static void a_head_that_asks_for_too_much_is_refused_unpaid(void **state)
{
    (void)state;
    static const struct stream_seal asks[] = {
        {STREAM_PASSPHRASE, STREAM_MEMORY_KIB_MAX + 1, 1, 1, {0}, {0}},
        {STREAM_PASSPHRASE, UINT32_MAX, 1, 1, {0}, {0}},
        {STREAM_PASSPHRASE, 65536, STREAM_PASSES_MAX + 1, 1, {0}, {0}},
        {STREAM_PASSPHRASE, 65536, UINT32_MAX, 1, {0}, {0}},
        {STREAM_PASSPHRASE, 65536, 1, STREAM_LANES_MAX + 1, {0}, {0}},
        {STREAM_PASSPHRASE, 65536, 0, 1, {0}, {0}},
        {STREAM_PASSPHRASE, 65536, 1, 0, {0}, {0}},
        {STREAM_PASSPHRASE, 31, 1, 4, {0}, {0}},
        {STREAM_PASSPHRASE, 0, 1, 1, {0}, {0}},
    };
    struct secret key;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        assert_int_equal(stream_seal_open(&asks[i], STR("secret"), &key), ERR_INVALID_REQUEST);
}

/* A sink that is full says so, and nothing more is tried. */
static void a_full_disk_is_told(void **state)
{
    struct fixture *f = *state;
    struct stream_writer *w = stream_writer_open(&f->key, HEAD, sink, &f->file);
    f->file.n = sizeof f->file.b - 10;
    enum err e = stream_write(w, str_make((const char *)f->plain, 2 * STREAM_CHUNK));
    assert_int_equal(e, ERR_UNAVAILABLE);
    stream_writer_close(w);
}

/* A source that is interrupted is asked again; one that fails is believed, and not asked again. */
static ssize_t faltering(void *arg, void *bytes, size_t n)
{
    static int calls;
    errno = calls++ % 2 == 0 ? EINTR : EIO;
    return errno == EINTR || ((struct file *)arg)->most == 0 ? -1 : source(arg, bytes, n);
}

static void a_failing_source_is_told_apart_from_a_damaged_file(void **state)
{
    struct fixture *f = *state;
    struct stream_writer *w = stream_writer_open(&f->key, HEAD, sink, &f->file);
    assert_int_equal(stream_write(w, str_make((const char *)f->plain, 1000)), OK);
    assert_int_equal(stream_finish(w), OK);
    stream_writer_close(w);
    for (size_t most = 0; most <= 100; most += 100) {
        f->file.most = most;
        f->file.at = 0;
        struct stream_reader *r = stream_reader_open(&f->key, HEAD, faltering, &f->file);
        enum err e = stream_read(r, f->out, 1000);
        assert_int_equal(e, most ? OK : ERR_UNAVAILABLE);
        assert_int_equal(errno, EIO);
        if (most)
            assert_memory_equal(f->out, f->plain, 1000);
        else
            assert_int_equal(stream_read(r, f->out, 1), ERR_UNAVAILABLE);
        stream_reader_close(r);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_comes_out),
        TEST(every_byte_counts),
        TEST(an_end_that_is_missing_or_goes_on_is_refused),
        TEST(chunks_stay_in_their_place_and_file),
        TEST(two_files_in_a_row_are_refused),
        TEST(each_file_has_a_key_of_its_own),
        TEST(a_key_has_32_bytes_and_is_no_passphrase),
        TEST(a_head_that_asks_for_too_much_is_refused_unpaid),
        TEST(a_full_disk_is_told),
        TEST(a_failing_source_is_told_apart_from_a_damaged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
