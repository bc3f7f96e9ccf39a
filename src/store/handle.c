/* handle: making, writing and reading the strings that grant something.
 *
 * The usual shape is plain: prefix, id, secret. The uuid shape hides the row's locator in the
 * UUID itself: locator (8) and random (8) under AES-128 with the shape key, drawn until the six
 * version and variant bits come out right, about 64 tries, many at once. The whole UUID is the
 * secret that the digest proves, so someone who knows every locator still has 122 bits to guess.
 *
 * A locator holds the seconds and four bytes of node and counter; the last four bytes of the row id
 * are derived from it under the shape key, so the id comes back from the token alone.
 *
 * Left out on purpose: any judgement whether a handle is good. That is the digest of the row.
 */
#include "store/handle.h"

#include "base/log.h"
#include "base/rand.h"
#include "codec/b64url.h"
#include "crypto/seal.h"

#define LOCATOR_BYTES 8
/* One block in 64 is a UUID v4; seven times of eight there is one among so many. */
#define DRAWS 128
/* Clocks may have been set back between making a shape key and using it. */
#define SLACK_S 86400

static str prefix_of(enum handle_kind kind)
{
    static const str prefixes[] = {
        [HANDLE_ACCESS] = STR_INIT("psta_"), [HANDLE_REFRESH] = STR_INIT("pstr_"),
        [HANDLE_CODE] = STR_INIT("pstc_"),   [HANDLE_SESSION] = STR_INIT("psts_"),
        [HANDLE_PUSHED] = STR_INIT("pstp_"), [HANDLE_FLOW] = STR_INIT("pstf_"),
        [HANDLE_DEVICE] = STR_INIT("pstd_"),
    };

    return prefixes[kind];
}

/* Only tokens are ever in columns of 36 characters. */
static bool may_be_uuid(enum handle_kind kind)
{
    return kind == HANDLE_ACCESS || kind == HANDLE_REFRESH;
}

/* The last bytes of a row id that begins with this locator. */
static void derive_tail(const struct key *shape_key, struct id *id)
{
    uint8_t in[16] = {0}, out[16];

    memcpy(in, id->b, LOCATOR_BYTES);
    memcpy(in + LOCATOR_BYTES, "row id", 6);
    seal_block_encrypt(shape_key->secret.b, in, out);
    memcpy(id->b + LOCATOR_BYTES, out, ID_BYTES - LOCATOR_BYTES);
}

struct id handle_row_id(enum handle_shape shape, const struct key *shape_key, struct id id)
{
    if (shape == SHAPE_HANDLE)
        return id;
    /* The counter must be in the locator, or all ids of one second would be the same. Two nodes may
     * meet; then the insert misses and the request runs again with the next id. */
    for (size_t i = 0; i < 3; i++)
        id.b[5 + i] ^= id.b[9 + i];
    derive_tail(shape_key, &id);
    return id;
}

static bool is_uuid_v4(const uint8_t b[16])
{
    return (b[6] & 0xf0) == 0x40 && (b[8] & 0xc0) == 0x80; /* RFC 9562 5.4 */
}

/* The first of DRAWS blocks that is a UUID. Counting on from a random start: the cipher makes every
 * next block as good as a new draw. */
static bool draw_some(const struct key *shape_key, const struct id *id, uint8_t out[16])
{
    uint8_t in[DRAWS][16], blocks[DRAWS][16];
    size_t i = 0;
    uint64_t salt;

    rand_bytes(&salt, sizeof salt);
    for (size_t k = 0; k < DRAWS; k++, salt++) {
        memcpy(in[k], id->b, LOCATOR_BYTES);
        memcpy(in[k] + LOCATOR_BYTES, &salt, sizeof salt);
    }
    seal_blocks_encrypt(shape_key->secret.b, in[0], blocks[0], DRAWS);
    while (i < DRAWS && !is_uuid_v4(blocks[i]))
        i++;
    if (i < DRAWS)
        memcpy(out, blocks[i], sizeof blocks[i]);
    ct_wipe(in, sizeof in);
    ct_wipe(blocks, sizeof blocks);
    return i < DRAWS;
}

static void draw_uuid(const struct key *shape_key, const struct id *id, uint8_t out[16])
{
    while (!draw_some(shape_key, id, out))
        ;
}

void handle_new(enum handle_kind kind, enum handle_shape shape, const struct key *shape_key,
                const struct id *id, struct handle *out)
{
    if (shape == SHAPE_UUID && !may_be_uuid(kind))
        fatal("a handle of kind %d is no UUID", kind);
    *out = (struct handle){.kind = kind, .id = *id};
    if (shape == SHAPE_UUID)
        draw_uuid(shape_key, id, out->secret);
    else
        rand_bytes(out->secret, sizeof out->secret);
}

void handle_write(struct buf *out, const struct handle *h, enum handle_shape shape,
                  const struct key *shape_key)
{
    uint8_t raw[ID_BYTES + HANDLE_SECRET_BYTES];
    struct uid uuid;

    (void)shape_key; /* the secret of the uuid shape is the finished block */
    if (shape == SHAPE_UUID) {
        memcpy(uuid.b, h->secret, sizeof uuid.b);
        uid_write(out, &uuid, "", SPELLING_UUID);
        return;
    }
    memcpy(raw, h->id.b, ID_BYTES);
    memcpy(raw + ID_BYTES, h->secret, HANDLE_SECRET_BYTES);
    buf_put(out, prefix_of(h->kind));
    b64url_write(out, raw, sizeof raw);
    ct_wipe(raw, sizeof raw);
}

void handle_digest(struct hasher *hasher, const struct handle *h, struct digest *out)
{
    char kind = (char)h->kind;
    str pieces[] = {{&kind, 1},
                    {(const char *)h->id.b, sizeof h->id.b},
                    {(const char *)h->secret, sizeof h->secret}};

    hash_sha256(hasher, pieces, 3, out);
}

/* Could a row of that second have been named under this key? */
static bool in_service(const struct key *key, int64_t at_s)
{
    return at_s >= key->created_s - SLACK_S &&
           (key->state != KEY_RETIRED || at_s <= key->retired_s + SLACK_S);
}

/* A wrong key decrypts to a second anywhere in 136 years, so the time tells keys apart: the
 * earliest that its key was in service for is the right one but for one case in some hundred per
 * year that a retired key served. Retired shape keys go when their last token has ended. */
static enum err parse_uuid(const struct uid *uuid, const struct keyring *ring, struct handle *out)
{
    enum err e = ERR_INVALID_TOKEN;
    struct id best = {{0}};

    for (size_t i = 0; ring && i < ring->n; i++) {
        const struct key *key = &ring->keys[i];
        uint8_t block[16];
        struct id id;

        if (key->use != KEY_SHAPE)
            continue;
        seal_block_decrypt(key->secret.b, uuid->b, block);
        memcpy(id.b, block, LOCATOR_BYTES);
        if (!in_service(key, id_time_s(&id)) || (e == OK && id_time_s(&id) > id_time_s(&best)))
            continue;
        derive_tail(key, &id);
        best = id;
        e = OK;
    }
    out->id = best;
    memcpy(out->secret, uuid->b, sizeof uuid->b);
    return e;
}

static bool has_upper(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 'A' && s.p[i] <= 'Z')
            return true;
    return false;
}

enum err handle_parse(str text, enum handle_kind kind, const struct keyring *ring,
                      struct handle *out)
{
    uint8_t raw[ID_BYTES + HANDLE_SECRET_BYTES];
    enum spelling spelling;
    struct uid uuid;
    enum err e = ERR_INVALID_TOKEN;

    *out = (struct handle){.kind = kind};
    if (text.n == HANDLE_CHARS && str_starts(text, prefix_of(kind)) &&
        b64url_decode_exact(str_sub(text, HANDLE_PREFIX_CHARS, text.n), raw, sizeof raw)) {
        memcpy(out->id.b, raw, ID_BYTES);
        memcpy(out->secret, raw + ID_BYTES, HANDLE_SECRET_BYTES);
        e = OK;
    } else if (may_be_uuid(kind) && text.n == UID_UUID_CHARS && !has_upper(text) &&
               uid_parse(text, "", &uuid, &spelling) && is_uuid_v4(uuid.b)) {
        e = parse_uuid(&uuid, ring, out);
    }
    ct_wipe(raw, sizeof raw);
    return e;
}
