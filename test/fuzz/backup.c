/* Fuzzes the reader of backups: the head, the sealed stream and the records behind it.
 *
 * The first byte chooses the door. No fuzzer finds a tag of GCM, so records come in clear as they
 * would after one, and a stream is damaged on purpose: a file that is not the one that was written
 * must not open. What the reader of records took must be written the same again.
 */
#include <stdlib.h>

#include "codec/dump.h"
#include "crypto/backup_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *p;
    size_t n;
};

static enum err take(void *arg, void *out, size_t n)
{
    struct input *in = arg;
    if (n > in->n)
        return ERR_ABSENT;
    memcpy(out, in->p, n);
    in->p += n;
    in->n -= n;
    return OK;
}

static void check_records(struct arena *a, const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct dump_reader r;
    struct dump_record record = {0};
    dump_reader_init(&r, take, &in);
    for (const uint8_t *from = in.p; dump_next(&r, a, &record) == OK; from = in.p) {
        struct buf b;
        buf_init(&b, a, 1024, DUMP_RECORD_MAX);
        if (!dump_write(&b, &record) || b.n != (size_t)(in.p - from) || memcmp(b.p, from, b.n) != 0)
            abort();
        if (record.kind == DUMP_END)
            break;
    }
}

static void check_head(struct arena *a, const uint8_t *data, size_t size)
{
    char why[256];
    size_t n;
    struct backup_head head, again;
    struct buf b;
    if (backup_head_parse(a, str_make((const char *)data, size), &head, &n, why, sizeof why) != OK)
        return;
    if (n > size)
        abort();
    buf_init(&b, a, 1024, BACKUP_HEAD_MAX);
    backup_head_write(&b, &head);
    if (b.overflow || backup_head_parse(a, buf_str(&b), &again, &n, why, sizeof why) != OK ||
        memcmp(&head.seal, &again.seal, sizeof head.seal) != 0)
        abort();
}

static bool put(void *arg, const void *bytes, size_t n)
{
    buf_put(arg, str_make(bytes, n));
    return true;
}

static ssize_t get(void *arg, void *bytes, size_t n)
{
    struct input *in = arg;
    size_t some = n < in->n ? n : in->n;
    take(in, bytes, some);
    return (ssize_t)some;
}

static enum err read_all(const struct secret *key, str head, str sealed)
{
    char c;
    enum err e;
    struct input in = {(const uint8_t *)sealed.p, sealed.n};
    struct stream_reader *r = stream_reader_open(key, head, get, &in);
    while ((e = stream_read(r, &c, 1)) == OK)
        ;
    stream_reader_close(r);
    return e;
}

/* A stream of some bytes, at the place and by the value that the input says. */
static void check_stream(struct arena *a, const uint8_t *data, size_t size)
{
    static const struct secret key = {.n = STREAM_KEY_BYTES};
    struct buf b;
    if (size < 8)
        return;
    str plain = str_make((const char *)data + 8, size - 8);
    buf_init(&b, a, size + 64, 2 * STREAM_CHUNK);
    struct stream_writer *w = stream_writer_open(&key, STR("head"), put, &b);
    if (stream_write(w, plain) != OK || stream_finish(w) != OK)
        abort();
    stream_writer_close(w);
    if (read_all(&key, STR("head"), buf_str(&b)) != ERR_ABSENT)
        abort();
    size_t at = ((size_t)data[0] << 8 | data[1]) % b.n;
    uint8_t change = data[2] ? data[2] : 1;
    b.p[at] = (char)(b.p[at] ^ change);
    if (read_all(&key, STR("head"), buf_str(&b)) != ERR_INVALID_REQUEST)
        abort();
    /* the input itself, as a file */
    if (read_all(&key, STR("head"), plain) != ERR_INVALID_REQUEST)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    if (size == 0 || size > STREAM_CHUNK)
        return 0;
    arena_init(&a, 256 << 20);
    if (data[0] % 3 == 0)
        check_records(&a, data + 1, size - 1);
    else if (data[0] % 3 == 1)
        check_head(&a, data + 1, size - 1);
    else
        check_stream(&a, data + 1, size - 1);
    arena_free(&a);
    return 0;
}
