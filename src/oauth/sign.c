/* sign: fills the holes of answers with JWTs, once their effects are durable.
 *
 * Item i of a request fills its hole i. The key is named by its id, since the ring may have been
 * swapped when the time to sign has come.
 */
#include "oauth/sign.h"

#include "base/limits.h"
#include "base/log.h"
#include "codec/b64url.h"
#include "codec/json.h"
#include "oauth/rq.h"

#define AT_HASH_ROOM 80   /* ,"at_hash":"..."} */
#define FRAME_ROOM   1024 /* header and signature of the largest key */

enum err sign_find_key(struct rq *rq, enum jws_alg alg, const char *wanted_for,
                       const struct key **out)
{
    const char *name = jws_algs[alg].name;

    *out = keyring_active(signer_ring(rq->t->signer), KEY_SIGNING, alg);
    if (*out != NULL)
        return OK;
    fail_detail(rq, arena_printf(rq->arena,
                                 "no active %s key for %s; run `postern key rotate --alg %s --now`",
                                 name, wanted_for, name));
    return fail(rq, ERR_SERVER_ERROR, "The server cannot sign the answer now.");
}

bool sign_fits(const struct buf *claims)
{
    return !claims->overflow &&
           B64URL_CHARS(claims->n + AT_HASH_ROOM) + FRAME_ROOM <= (size_t)LIMIT_JWT;
}

void sign_leave_hole(struct rq *rq, const struct key *key, enum sign_profile profile, str claims)
{
    struct http_res *res = rq->res;

    if (res->holes_n == HTTP_HOLES)
        fatal("more than %d signatures in one answer", HTTP_HOLES);
    rq->jobs[res->holes_n] = (struct sign_item){
        .kid = key->id,
        .profile = profile,
        .claims = claims,
        .to = rq->arena,
    };
    res->holes[res->holes_n] = (struct http_hole){.at = res->body.n};
    res->holes_n++;
}

void sign_leave_id_token(struct rq *rq, const struct key *key, str claims, str access)
{
    size_t hole = rq->res->holes_n;

    if (access.p == NULL && hole == 0)
        fatal("an id_token without an access token before it");
    sign_leave_hole(rq, key, SIGN_ID_TOKEN, claims);
    rq->jobs[hole].at_hash = true;
    rq->jobs[hole].access = access;
}

/* The hash is the one of the signature; Ed25519's is SHA-512. */
void sign_put_hash(struct rq *rq, struct buf *b, str name, enum jws_alg alg, str text)
{
    int bits = alg == JWS_EDDSA ? 512 : 256;
    uint8_t hash[64];

    hash_sha2(rq->t->hasher, bits, text, hash);
    json_key(b, name);
    buf_char(b, '"');
    b64url_write(b, hash, (size_t)bits / 16);
    buf_char(b, '"');
}

/* A refusal by the rules means that one of our writers and the table of profiles disagree, or that
 * a clock has jumped. */
static void say_forbidden(const struct sign_item *item)
{
    str typ = sign_rules_typ(item->profile);

    log_note(LOG_ERROR, "sign",
             "the signer refused a JWT of typ %.*s: its claims are against the rules, or the "
             "clock was set by more than a minute meanwhile",
             STR_ARG(typ));
}

/* Puts the JWTs where they belong. */
static enum err take(struct rq *rq, const struct sign_item *items)
{
    for (size_t i = 0; i < rq->res->holes_n; i++) {
        if (items[i].e == ERR_FORBIDDEN)
            say_forbidden(&items[i]);
        if (items[i].e != OK)
            return items[i].e == ERR_UNAVAILABLE ? ERR_UNAVAILABLE : ERR_SERVER_ERROR;
        rq->res->holes[i].text = items[i].jwt;
    }
    return OK;
}

void sign_fill(struct server_thread *t, struct rq **rqs, size_t n, enum err *outcome)
{
    struct sign_item *items;
    size_t m = 0;

    for (size_t i = 0; i < n; i++)
        m += rqs[i]->res->holes_n;
    items = ARENA_ARRAY(rqs[0]->arena, struct sign_item, m);
    m = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(&items[m], rqs[i]->jobs, rqs[i]->res->holes_n * sizeof *items);
        m += rqs[i]->res->holes_n;
    }
    signer_sign(t->signer, items, m);
    m = 0;
    for (size_t i = 0; i < n; i++) {
        outcome[i] = take(rqs[i], &items[m]);
        m += rqs[i]->res->holes_n;
    }
}
