/* log: lines of JSON or of text, written whole.
 *
 * A member that does not fit is left out together with all behind it, and the line then ends in
 * "cut":true (as text: cut=true), for which there is always room. Values are cut to LOG_VALUE_MAX
 * bytes before escaping. What could mislead the reader of a log is escaped: control characters,
 * DEL, C1, line separators, the marks that change the direction of text or show nothing, and bytes
 * that are not UTF-8 (as U+FFFD). The sink is the only state: a descriptor and a form, set once
 * before threads start, and a level.
 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static struct {
    int fd;
    atomic_int least; /* a reload may change it */
    bool text;
    bool may_block; /* not a file: asked before each write whether it would */
} sink = {2, LOG_INFO, false, false};

static atomic_long lost; /* lines that nobody took */

static const str CUT_JSON = STR_INIT(",\"cut\":true"), CUT_TEXT = STR_INIT(" cut=true");

/* Pipes and terminals stop a writer when nobody reads. */
static bool may_block(int fd)
{
    struct stat st;
    return fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
}

void log_open(int fd, enum log_level least)
{
    sink.fd = fd;
    sink.may_block = may_block(fd);
    log_level_set(least);
}

void log_level_set(enum log_level least)
{
    atomic_store_explicit(&sink.least, (int)least, memory_order_relaxed);
}

void log_text(bool on)
{
    sink.text = on;
}

enum log_level log_level(void)
{
    return (enum log_level)atomic_load_explicit(&sink.least, memory_order_relaxed);
}

static bool is_ready(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* As many whole lines as a ready pipe takes without blocking (PIPE_BUF bytes), at least one. */
static str some_lines(str s)
{
    size_t n = 0;
    for (size_t at = 0; at < s.n; at = n) {
        size_t end = str_find(s, '\n', at) + 1;
        if (n > 0 && end > PIPE_BUF)
            break;
        n = end < s.n ? end : s.n;
    }
    return str_sub(s, 0, n);
}

static long count_lines(str s)
{
    long n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

static void write_piece(int fd, str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        s = str_sub(s, (size_t)n, s.n);
    }
}

/* Whole lines. A log that cannot be written stops nothing: lines that a pipe does not take now are
 * lost, and counted (log_lost). */
static void write_all(int fd, str s)
{
    while (s.n > 0) {
        str piece = sink.may_block ? some_lines(s) : s;
        if (sink.may_block && !is_ready(fd)) {
            atomic_fetch_add(&lost, count_lines(s));
            return;
        }
        write_piece(fd, piece);
        s = str_sub(s, piece.n, s.n);
    }
}

long log_lost(void)
{
    return atomic_exchange(&lost, 0);
}

/* "2026-11-22 01:24:40.123Z info  request " */
static void begin_text(struct buf *b, char time[24], str level, str event)
{
    enum { LEVEL_COLUMN = 5, EVENT_COLUMN = 8 };
    time[10] = ' '; /* instead of T */
    buf_put(b, str_make(time, 24));
    buf_char(b, ' ');
    buf_put(b, level);
    for (size_t n = level.n; n <= LEVEL_COLUMN; n++)
        buf_char(b, ' ');
    buf_put(b, event);
    for (size_t n = event.n; n < EVENT_COLUMN; n++)
        buf_char(b, ' ');
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
    static const char *const NAMES[] = {"debug", "info", "warn", "error"};
    static const struct clock SYSTEM = {0};
    l->muted = level < log_level() || level >= LOG_OFF;
    if (l->muted)
        return;
    char time[24];
    clock_rfc3339_ms(clock_now_us(&SYSTEM), time);
    /* Room for the end of the line is kept back. */
    buf_fixed(&l->b, l->storage, sizeof(l->storage) - CUT_JSON.n - 2);
    if (sink.text) {
        begin_text(&l->b, time, str_from(NAMES[level]), str_from(event));
        return;
    }
    BUF_LIT(&l->b, "{\"time\":\"");
    buf_put(&l->b, str_make(time, sizeof(time)));
    BUF_LIT(&l->b, "\",\"level\":\"");
    buf_put(&l->b, str_from(NAMES[level]));
    buf_char(&l->b, '"');
    log_str(l, "event", str_from(event));
}

static bool misleading(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0xfeff ||
           c == 0xfffd || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f);
}

static void escape(struct buf *b, uint32_t code)
{
    uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    BUF_LIT(b, "\\u");
    buf_hex(b, bytes, 2);
}

/* Where the first LOG_VALUE_MAX bytes of s end, without splitting a character. */
static str shorten(str s)
{
    if (s.n <= LOG_VALUE_MAX)
        return s;
    size_t n = LOG_VALUE_MAX;
    while (n > LOG_VALUE_MAX - 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return str_sub(s, 0, n);
}

static bool plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_value(struct buf *b, str s)
{
    s = shorten(s);
    while (s.n > 0) {
        size_t run = 0;
        while (run < s.n && plain(s.p[run]))
            run++;
        buf_put(b, str_sub(s, 0, run));
        s = str_sub(s, run, s.n);
        if (s.n == 0)
            return;
        uint32_t code = 0xfffd;
        size_t n = str_utf8(s, &code);
        if (n == 0) {
            escape(b, 0xfffd);
            n = 1;
        } else if (misleading(code)) {
            escape(b, code);
        } else {
            if (n == 1)
                buf_char(b, '\\');
            buf_put(b, str_sub(s, 0, n));
        }
        s = str_sub(s, n, s.n);
    }
}

/* Writes ,"key": or ' key=' and returns where it began, so that a member that does not fit can be
 * undone. */
static size_t open_member(struct log_line *l, const char *key)
{
    size_t began = l->b.n;
    buf_put(&l->b, sink.text ? STR(" ") : STR(",\""));
    put_value(&l->b, str_from(key));
    buf_put(&l->b, sink.text ? STR("=") : STR("\":"));
    return began;
}

static void close_member(struct log_line *l, size_t began)
{
    if (l->b.overflow)
        l->b.n = began;
}

/* As text: where would the value end? */
static bool needs_quotes(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ' ' || s.p[i] == '=' || s.p[i] == '"' || s.p[i] == '\\')
            return true;
    return s.n == 0;
}

void log_str(struct log_line *l, const char *key, str value)
{
    if (l->muted)
        return;
    size_t began = open_member(l, key);
    bool quoted = !sink.text || needs_quotes(value);
    if (quoted)
        buf_char(&l->b, '"');
    put_value(&l->b, value);
    if (quoted)
        buf_char(&l->b, '"');
    close_member(l, began);
}

void log_int(struct log_line *l, const char *key, int64_t value)
{
    if (l->muted)
        return;
    size_t began = open_member(l, key);
    buf_i64(&l->b, value);
    close_member(l, began);
}

void log_bool(struct log_line *l, const char *key, bool value)
{
    if (l->muted)
        return;
    size_t began = open_member(l, key);
    buf_put(&l->b, value ? STR("true") : STR("false"));
    close_member(l, began);
}

/* The finished line. */
static str finish(struct log_line *l)
{
    bool cut = l->b.overflow;
    l->b.overflow = false;
    l->b.size = l->b.cap = sizeof(l->storage);
    if (cut)
        buf_put(&l->b, sink.text ? CUT_TEXT : CUT_JSON);
    buf_put(&l->b, sink.text ? STR("\n") : STR("}\n"));
    return buf_str(&l->b);
}

void log_end(struct log_line *l)
{
    if (!l->muted)
        write_all(sink.fd, finish(l));
}

void log_end_batch(struct log_line *l, struct log_batch *batch)
{
    if (l->muted)
        return;
    str line = finish(l);
    if (line.n > sizeof(batch->p) - batch->n)
        log_flush(batch);
    memcpy(batch->p + batch->n, line.p, line.n);
    batch->n += line.n;
}

void log_flush(struct log_batch *batch)
{
    write_all(sink.fd, str_make(batch->p, batch->n));
    batch->n = 0;
}

void log_note(enum log_level level, const char *event, const char *format, ...)
{
    struct log_line l;
    char text[LOG_VALUE_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_begin(&l, level, event);
    log_str(&l, "message", str_from(text));
    log_end(&l);
}

void fatal(const char *format, ...)
{
    char text[1024] = "postern: ";
    size_t at = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + at, sizeof(text) - at - 1, format, args);
    va_end(args);
    at = strlen(text);
    text[at++] = '\n';
    write_all(2, str_make(text, at));
    /* Not exit(): other threads may be running, and no exit handler of a library is worth a
     * crash that hides the sentence above. */
    _exit(1);
}
