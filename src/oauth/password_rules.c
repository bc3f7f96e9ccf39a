/* password_rules: length, common passwords, words of the context (NIST SP 800-63B-4 3.1.1.2).
 *
 * The list is kept as 64 bits of SHA-256 per entry, sorted: 8 bytes each, whatever its length, and
 * nothing to read for whoever looks into the memory. Both sides are compared in canonical spelling
 * (codec/unicode.h), so PASSWORD is as common as password. The whole value is compared, as NIST
 * says; since a long minimum makes people stretch short passwords, one that is a listed one or a
 * few characters over and over, or that counts up or down, is common too. A password of the context
 * is one in which, without the words of name, address and service, less than four letters are left,
 * or only a common password. Left out on purpose: composition rules, expiry, and a look-up of
 * breaches over the network, which would tell a third party when somebody chooses a password.
 */
#include "oauth/password_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ct.h"
#include "base/log.h"
#include "codec/unicode.h"
#include "crypto/hash.h"

#define LIST_MAX     (64 << 20) /* entries: half a gigabyte */
#define LINE_ARENA   (1 << 20)
#define UNIT_MAX     4 /* characters that, repeated, are always common */
#define WORD_MIN     4 /* shorter words of the context are in too many others */
#define LETTERS_LEFT 4
#define WORDS_MAX    32

struct password_rules {
    int64_t min_chars;
    uint64_t *common; /* sorted */
    size_t n, room;
};

static uint64_t mark_of(struct hasher *h, str folded)
{
    struct digest d;
    uint64_t v;
    hash_sha256(h, &folded, 1, &d);
    memcpy(&v, d.b, sizeof v);
    return v;
}

static int by_mark(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void keep(struct password_rules *r, uint64_t mark)
{
    if (r->n == r->room) {
        r->room = r->room ? r->room * 2 : 4096;
        r->common = reallocarray(r->common, r->room, sizeof *r->common);
        if (!r->common)
            fatal("out of memory for the list of common passwords");
    }
    r->common[r->n++] = mark;
}

static void read_lines(struct password_rules *r, FILE *f)
{
    struct hasher *h = hash_open();
    struct arena a;
    char *line = NULL;
    size_t size = 0;
    ssize_t got;
    arena_init(&a, LINE_ARENA);
    while (r->n < LIST_MAX && (got = getline(&line, &size, f)) >= 0) {
        str s = str_make(line, (size_t)got), folded;
        while (str_ends(s, STR("\n")) || str_ends(s, STR("\r")))
            s.n--;
        if (s.n <= PASSWORD_BYTES_MAX && !str_starts(s, STR("#!comment")) &&
            unicode_login(&a, s, &folded))
            keep(r, mark_of(h, folded));
        arena_reset(&a);
    }
    free(line);
    arena_free(&a);
    hash_close(h);
}

struct password_rules *password_rules_open(str path, int64_t min_chars, char *why, size_t why_size)
{
    struct password_rules *r = calloc(1, sizeof *r);
    if (!r)
        fatal("out of memory for the password rules");
    r->min_chars = min_chars;
    if (path.n == 0)
        return r;
    char name[4097];
    snprintf(name, sizeof name, "%.*s", STR_ARG(path));
    FILE *f = fopen(name, "re");
    if (f)
        read_lines(r, f);
    bool failed = !f || ferror(f);
    if (failed || r->n == 0) {
        snprintf(why, why_size,
                 "the list of common passwords %s %s%s; install Debian's package john-data, or set "
                 "password.common to another list",
                 name, failed ? "cannot be read: " : "has no password in it",
                 failed ? strerror(errno) : "");
        password_rules_close(r);
        r = NULL;
    } else {
        qsort(r->common, r->n, sizeof *r->common, by_mark);
    }
    if (f)
        fclose(f);
    return r;
}

void password_rules_close(struct password_rules *r)
{
    if (!r)
        return;
    free(r->common);
    free(r);
}

bool password_rules_normalize(struct arena *a, str password, str *out)
{
    return password.n <= PASSWORD_BYTES_MAX && unicode_nfkc(a, password, out) &&
           out->n <= PASSWORD_BYTES_MAX;
}

static bool is_listed(const struct password_rules *r, str folded)
{
    if (r->n == 0 || folded.n == 0)
        return false;
    struct hasher *h = hash_open();
    uint64_t mark = mark_of(h, folded);
    hash_close(h);
    return bsearch(&mark, r->common, r->n, sizeof mark, by_mark) != NULL;
}

/* s is its first n bytes over and over, the last time perhaps cut short. */
static bool repeats(str s, size_t n)
{
    return n < s.n && memcmp(s.p, s.p + n, s.n - n) == 0;
}

static bool is_stretched(const struct password_rules *r, str folded)
{
    for (size_t n = 1; n <= folded.n / 2; n++)
        if (repeats(folded, n) && (unicode_length(str_sub(folded, 0, n)) <= UNIT_MAX ||
                                   (folded.n % n == 0 && is_listed(r, str_sub(folded, 0, n)))))
            return true;
    return false;
}

/* abcdefg, 98765432109876: each character is the one before, plus or minus one. */
static bool is_counting(str s)
{
    for (int step = -1; step <= 1; step += 2) {
        size_t i = 1;
        while (i < s.n && (s.p[i] == s.p[i - 1] + step || s.p[i] == s.p[i - 1] - 9 * step))
            i++;
        if (i >= s.n)
            return true;
    }
    return false;
}

static bool is_separator(char c)
{
    unsigned char u = (unsigned char)c;
    return u < 0x80 && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9');
}

static int longest_first(const void *a, const void *b)
{
    size_t x = ((const str *)a)->n, y = ((const str *)b)->n;
    return x > y ? -1 : x < y;
}

/* A text in canonical spelling, whole, and its words: runs of anything but ASCII punctuation. */
static size_t take_words(struct arena *a, str text, str *words, size_t n)
{
    str folded;
    if (!unicode_login(a, text, &folded))
        return n;
    if (n < WORDS_MAX && unicode_length(folded) >= WORD_MIN)
        words[n++] = folded;
    for (size_t from = 0, to; from < folded.n && n < WORDS_MAX; from = to + 1) {
        for (to = from; to < folded.n && !is_separator(folded.p[to]);)
            to++;
        str word = str_sub(folded, from, to);
        if (unicode_length(word) >= WORD_MIN)
            words[n++] = word;
    }
    return n;
}

/* Removes the word wherever it is in s. */
static bool strike_out(str *s, str word, char *bytes)
{
    bool found = false;
    for (size_t i = 0; i + word.n <= s->n;) {
        if (!str_eq(str_sub(*s, i, i + word.n), word)) {
            i++;
            continue;
        }
        memmove(bytes + i, bytes + i + word.n, s->n - i - word.n);
        s->n -= word.n;
        found = true;
    }
    return found;
}

static size_t letters_of(str s)
{
    size_t n = unicode_length(s);
    for (size_t i = 0; i < s.n; i++)
        n -= is_separator(s.p[i]) || (s.p[i] >= '0' && s.p[i] <= '9');
    return n;
}

static bool is_of_context(const struct password_rules *r, struct arena *a, str folded,
                          const str *context, size_t context_n)
{
    str words[WORDS_MAX];
    size_t n = 0;
    bool found = false;
    char *bytes = arena_cstr(a, folded);
    str left = str_make(bytes, folded.n);
    for (size_t i = 0; i < context_n; i++)
        n = take_words(a, context[i], words, n);
    if (n > 0)
        qsort(words, n, sizeof *words, longest_first);
    for (size_t i = 0; i < n; i++)
        found = strike_out(&left, words[i], bytes) || found;
    return found && (letters_of(left) < LETTERS_LEFT || is_listed(r, str_trim(left)));
}

enum err password_rules_check(const struct password_rules *r, struct arena *a, str password,
                              const str *context, size_t context_n, const char **reason)
{
    str normal, folded;
    *reason = NULL;
    if (!password_rules_normalize(a, password, &normal))
        *reason = "password.long";
    else if (unicode_length(normal) < (size_t)r->min_chars)
        *reason = "password.short";
    /* Without a canonical spelling (a control character, say) it is in no list. */
    else if (!unicode_login(a, normal, &folded))
        return OK;
    else if (is_listed(r, folded) || is_stretched(r, folded) || is_counting(folded))
        *reason = "password.common";
    else if (is_of_context(r, a, folded, context, context_n))
        *reason = "password.context";
    return *reason ? ERR_INVALID_REQUEST : OK;
}
