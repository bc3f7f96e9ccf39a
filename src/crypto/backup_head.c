/* backup_head: two lines, one for programs that look at the first bytes, one of JSON.
 *
 * Strict where something follows from a member, silent about members that it does not know: a
 * later version may say more without another format. What argon2id may cost is judged by stream.c,
 * before it is paid.
 */
#include "crypto/backup_head.h"

#include <stdio.h>

#include "codec/b64url.h"
#include "codec/json.h"

#define VERSION "1"

enum { TEXT_MAX = 64 };

static const str ways[] = {
    [STREAM_PASSPHRASE] = STR_INIT("passphrase"), [STREAM_KEY] = STR_INIT("key")};

static void put_bytes(struct buf *b, const char *name, const uint8_t *bytes, size_t n)
{
    char text[B64URL_CHARS(STREAM_SALT_BYTES)];
    b64url_encode(bytes, n, text);
    json_key_str(b, str_from(name), str_make(text, B64URL_CHARS(n)));
}

static void put_seal(struct buf *b, const struct stream_seal *seal)
{
    json_key(b, STR("seal"));
    json_open(b, '{');
    json_key_str(b, STR("secret"), ways[seal->secret]);
    if (seal->secret == STREAM_PASSPHRASE) {
        json_key_i64(b, STR("memory_kib"), seal->memory_kib);
        json_key_i64(b, STR("passes"), seal->passes);
        json_key_i64(b, STR("lanes"), seal->lanes);
    }
    put_bytes(b, "salt", seal->salt, sizeof seal->salt);
    put_bytes(b, "check", seal->check, sizeof seal->check);
    json_close(b, '}');
}

static void put_master(struct buf *b, const uint8_t print[SEAL_FINGERPRINT_BYTES])
{
    json_item(b);
    buf_char(b, '"');
    buf_hex(b, print, SEAL_FINGERPRINT_BYTES);
    buf_char(b, '"');
}

void backup_head_write(struct buf *out, const struct backup_head *head)
{
    BUF_LIT(out, BACKUP_HEAD_MAGIC VERSION "\n");
    json_open(out, '{');
    json_key_str(out, STR("program"), head->program);
    json_key_i64(out, STR("schema"), head->schema);
    json_key_i64(out, STR("created_s"), head->created_s);
    json_key_str(out, STR("store"), head->store);
    put_seal(out, &head->seal);
    json_key(out, STR("master_keys"));
    json_open(out, '[');
    for (size_t i = 0; i < head->masters_n; i++)
        put_master(out, head->masters[i]);
    json_close(out, ']');
    json_close(out, '}');
    buf_char(out, '\n');
}

/* ---- reading ---- */

static bool get_int(const struct json *o, str name, int64_t most, int64_t *out)
{
    const struct json *v = json_get(o, name);
    if (!json_is(v, JSON_INT_T) || v->i < 0 || v->i > most)
        return false;
    *out = v->i;
    return true;
}

static bool get_text(const struct json *o, str name, str *out)
{
    *out = json_get_str(o, name);
    return out->n > 0 && out->n <= TEXT_MAX && !str_has_marks(*out, "");
}

/* What is too large for its type is too large for every bound. */
static bool get_u32(const struct json *o, str name, uint32_t *out)
{
    int64_t v;
    if (!get_int(o, name, INT64_MAX, &v))
        return false;
    *out = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
    return true;
}

static bool read_seal(const struct json *o, struct stream_seal *out)
{
    str way = json_get_str(o, STR("secret"));
    *out = (struct stream_seal){.secret = STREAM_KEY};
    if (str_eq(way, ways[STREAM_PASSPHRASE])) {
        out->secret = STREAM_PASSPHRASE;
        if (!get_u32(o, STR("memory_kib"), &out->memory_kib) ||
            !get_u32(o, STR("passes"), &out->passes) || !get_u32(o, STR("lanes"), &out->lanes))
            return false;
    } else if (!str_eq(way, ways[STREAM_KEY])) {
        return false;
    }
    return b64url_decode_exact(json_get_str(o, STR("salt")), out->salt, sizeof out->salt) &&
           b64url_decode_exact(json_get_str(o, STR("check")), out->check, sizeof out->check);
}

static bool read_masters(const struct json *list, struct backup_head *out)
{
    out->masters_n = 0;
    if (!json_is(list, JSON_ARRAY_T) || list->n > BACKUP_MASTERS)
        return false;
    for (const struct json *v = list->first; v; v = v->next)
        if (!json_is(v, JSON_STR_T) ||
            !str_hex(v->s, out->masters[out->masters_n++], SEAL_FINGERPRINT_BYTES))
            return false;
    return true;
}

static bool read_facts(const struct json *o, struct backup_head *out)
{
    return get_text(o, STR("program"), &out->program) &&
           get_int(o, STR("schema"), INT32_MAX, &out->schema) && out->schema > 0 &&
           get_int(o, STR("created_s"), INT32_MAX * 1000LL, &out->created_s) &&
           get_text(o, STR("store"), &out->store) &&
           read_seal(json_get(o, STR("seal")), &out->seal) &&
           read_masters(json_get(o, STR("master_keys")), out);
}

static enum err refuse(char *why, size_t why_size, const char *sentence)
{
    snprintf(why, why_size, "%s", sentence);
    return ERR_INVALID_REQUEST;
}

enum err backup_head_parse(struct arena *a, str front, struct backup_head *out, size_t *size,
                           char *why, size_t why_size)
{
    str line, facts, rest;
    struct json *o;
    if (!str_starts(front, STR(BACKUP_HEAD_MAGIC)) || !str_cut(front, '\n', &line, &rest))
        return refuse(why, why_size, "is no backup of postern");
    if (!str_eq(line, STR(BACKUP_HEAD_MAGIC VERSION))) {
        return refuse(why, why_size,
                      "is a backup of a format that this program does not know: restore it with "
                      "the postern that made it, or a later one");
    }
    if (!str_cut(rest, '\n', &facts, &rest) || json_parse(a, facts, &o) != OK ||
        !read_facts(o, out))
        return refuse(why, why_size, "is damaged: its head cannot be read");
    *size = front.n - rest.n;
    return OK;
}
