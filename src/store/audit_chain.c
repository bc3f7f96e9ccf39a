/* audit_chain: links, and the judgement of a chain row by row.
 *
 * The verifier computes each link from the one before as it computed it, never from a stored one,
 * so the first row that is not what was linked is the first fault. A checkpoint is compared with
 * the computed link and its signature checked against the public keys at hand; its claims must
 * repeat what the row of the checkpoint says.
 *
 * Left out on purpose: judging what came before an anchor (audit_chain_skip), and judging times:
 * clocks are set, rows are linked in the order in which they became visible.
 */
#include "store/audit_chain.h"

#include <endian.h>

#include "crypto/jwt.h"
#include "crypto/sign_rules.h"

#define DOMAIN "postern audit 1"

enum { TEXTS = 10, NUMBERS = 2, PIECES = 4 + NUMBERS + 2 * TEXTS, HASH_HEX = 64 };

static const char *const faults[AUDIT_FAULTS] = {
    [AUDIT_FINE] = "whole",
    [AUDIT_MISSING] = "a row is missing",
    [AUDIT_CHANGED] = "a row was changed",
    [AUDIT_REWRITTEN] = "rows were rewritten: they do not lead to the signed checkpoint",
    [AUDIT_CUT] = "the end was cut off",
    [AUDIT_FORGED] = "a checkpoint is not signed by a key of this store, or says another thing",
};

const char *audit_chain_fault(enum audit_fault f)
{
    return faults[f];
}

void audit_chain_hash(struct hasher *h, const struct digest *before, const struct audit_row *row,
                      struct digest *out)
{
    const str texts[TEXTS] = {row->node,    row->event,        row->actor,  row->client,
                              row->subject, row->organization, row->result, row->source,
                              row->request, row->detail};
    uint64_t lengths[TEXTS],
        numbers[NUMBERS] = {htobe64((uint64_t)row->seq), htobe64((uint64_t)row->at_s)};
    str pieces[PIECES] = {{DOMAIN, sizeof DOMAIN},
                          {(const char *)before->b, sizeof before->b},
                          {(const char *)row->id.b, sizeof row->id.b},
                          {(const char *)numbers, sizeof numbers}};
    size_t n = 4;

    for (size_t i = 0; i < TEXTS; i++) {
        lengths[i] = htobe64(texts[i].n);
        pieces[n++] = str_make((const char *)&lengths[i], sizeof lengths[i]);
        if (texts[i].n > 0)
            pieces[n++] = texts[i];
    }
    hash_sha256(h, pieces, n, out);
}

void audit_chain_begin(struct audit_chain *c, struct hasher *h, const struct json *jwks, str node)
{
    *c = (struct audit_chain){.hasher = h, .jwks = jwks, .node = node};
}

void audit_chain_skip(struct audit_chain *c, int64_t seq, const struct digest *hash)
{
    c->seq = seq;
    c->hash = *hash;
}

static void fault(struct audit_chain *c, enum audit_fault f, int64_t seq)
{
    if (c->fault != AUDIT_FINE)
        return;
    c->fault = f;
    c->fault_seq = seq;
}

void audit_chain_row(struct audit_chain *c, const struct audit_row *row)
{
    struct digest hash;

    if (c->fault != AUDIT_FINE)
        return;
    if (row->seq != c->seq + 1) { /* one more of the same number is a change, too */
        fault(c, row->seq > c->seq ? AUDIT_MISSING : AUDIT_CHANGED, c->seq + 1);
        return;
    }
    audit_chain_hash(c->hasher, &c->hash, row, &hash);
    if (!str_eq(row->node, c->node) || memcmp(hash.b, row->hash.b, sizeof hash.b) != 0) {
        fault(c, AUDIT_CHANGED, row->seq);
        return;
    }
    c->seq = row->seq;
    c->hash = hash;
    c->rows++;
}

static bool is_int(const struct json *claims, str name, int64_t expected)
{
    const struct json *v = json_get(claims, name);

    return json_is(v, JSON_INT_T) && v->i == expected;
}

static bool is_signed(const struct audit_chain *c, struct arena *a,
                      const struct audit_checkpoint *p)
{
    char hex[HASH_HEX];
    struct buf b;
    struct jwt jwt;

    if (jwt_parse(a, p->jwt, &jwt) != OK || !jwt_typ_is(&jwt, sign_rules_typ(SIGN_CHECKPOINT)) ||
        jwt_verify_jwks(NULL, &jwt, c->jwks, JWT_ALGS_ANY) != OK)
        return false;
    buf_fixed(&b, hex, sizeof hex);
    buf_hex(&b, p->hash.b, sizeof p->hash.b);
    const struct json *cut = json_get(jwt.claims, STR("cut"));
    return str_eq(json_get_str(jwt.claims, STR("node")), p->node) &&
           is_int(jwt.claims, STR("seq"), p->seq) && is_int(jwt.claims, STR("iat"), p->at_s) &&
           str_eq(json_get_str(jwt.claims, STR("hash")), buf_str(&b)) &&
           (json_is(cut, JSON_BOOL_T) && cut->i == 1) == p->cut;
}

/* Before it lies nothing that is there to be judged. */
static void begin_behind(struct audit_chain *c, const struct audit_checkpoint *p)
{
    c->seq = c->covered_seq = p->seq;
    c->covered_s = p->at_s;
    c->hash = p->hash;
    c->checkpoints++;
}

void audit_chain_checkpoint(struct audit_chain *c, struct arena *a,
                            const struct audit_checkpoint *p)
{
    if (c->fault != AUDIT_FINE)
        return;
    if (!str_eq(p->node, c->node) || !is_signed(c, a, p)) {
        fault(c, AUDIT_FORGED, p->seq);
    } else if (p->cut && c->rows == 0 && p->seq >= c->seq) {
        begin_behind(c, p);
    } else if (p->seq != c->seq) {
        fault(c, p->seq > c->seq ? AUDIT_CUT : AUDIT_MISSING,
              p->seq > c->seq ? c->seq + 1 : p->seq);
    } else if (memcmp(p->hash.b, c->hash.b, sizeof c->hash.b) != 0) {
        fault(c, AUDIT_REWRITTEN, p->seq);
    } else {
        c->covered_seq = p->seq;
        c->covered_s = p->at_s;
        c->checkpoints++;
    }
}

void audit_chain_end(struct audit_chain *c, int64_t seq, const struct digest *hash)
{
    if (c->fault != AUDIT_FINE)
        return;
    if (seq > c->seq)
        fault(c, AUDIT_CUT, c->seq + 1);
    else if (seq < c->seq || memcmp(hash->b, c->hash.b, sizeof c->hash.b) != 0)
        fault(c, AUDIT_CHANGED, c->seq);
}

void audit_chain_keys(struct audit_keys *k, struct arena *a)
{
    struct json *set = ARENA_NEW(a, struct json), *list = ARENA_NEW(a, struct json);

    *list = (struct json){.type = JSON_ARRAY_T, .name = STR("keys")};
    *set = (struct json){.type = JSON_OBJECT_T, .first = list, .n = 1};
    *k = (struct audit_keys){.arena = a, .set = set, .list = list, .end = &list->first};
}

void audit_chain_add_key(struct audit_keys *k, str jwk)
{
    struct json *key;

    if (json_parse(k->arena, jwk, &key) != OK)
        return;
    *k->end = key;
    k->end = &key->next;
    k->list->n++;
}

void audit_chain_claims(struct buf *out, str issuer, const struct audit_checkpoint *p)
{
    json_open(out, '{');
    json_key_str(out, STR("iss"), issuer);
    json_key_i64(out, STR("iat"), p->at_s);
    json_key_str(out, STR("node"), p->node);
    json_key_i64(out, STR("seq"), p->seq);
    json_key(out, STR("hash"));
    buf_char(out, '"');
    buf_hex(out, p->hash.b, sizeof p->hash.b);
    buf_char(out, '"');
    if (p->cut)
        json_key_bool(out, STR("cut"), true);
    json_close(out, '}');
}
