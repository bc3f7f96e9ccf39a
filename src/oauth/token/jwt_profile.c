/* jwt_profile: reads a JWT access token of whichever dialect, by the typ in its header.
 *
 * `epoch` is ours: it makes "revoke everything of this client" one counter (DESIGN.md 5). A
 * machine's JWT is a grant of its own, so `jti` is also the id that a revocation flips; a person's
 * names its grant, which knows its epoch, and says 0.
 */
#include "oauth/token/jwt_profile.h"

#include "codec/json.h"
#include "oauth/token/subject.h"

void jwt_profile_put_client(struct buf *b, str name, const struct token *row, enum spelling as)
{
    json_key(b, name);
    buf_char(b, '"');
    uid_write(b, &row->client, CLIENT_SID, as);
    buf_char(b, '"');
}

void jwt_profile_put_id(struct buf *b, const struct token *row)
{
    BUF_LIT(b, ",\"jti\":\"");
    id_write(b, &row->id);
    BUF_LIT(b, "\",\"epoch\":");
    buf_i64(b, row->is_user ? 0 : row->epoch); /* a user's is his in every sector (OIDC Core 8) */
    if (!row->is_user)
        return;
    BUF_LIT(b, ",\"grant\":\"");
    id_write(b, &row->grant);
    buf_char(b, '"');
}

void jwt_profile_put_words(struct buf *b, str name, str words)
{
    str word;

    json_key(b, name);
    json_open(b, '[');
    while (str_next(&words, ' ', &word)) {
        json_item(b);
        json_str(b, word);
    }
    json_close(b, ']');
}

/* RFC 7519 4.1.3: one is a string */
void jwt_profile_put_audience(struct rq *rq, struct buf *b, const struct token *row)
{
    if (row->resources.n == 0)
        json_key_str(b, STR("aud"), setting_text(rq->server->settings, issuer));
    else if (str_find(row->resources, ' ', 0) == row->resources.n)
        json_key_str(b, STR("aud"), row->resources);
    else
        jwt_profile_put_words(b, STR("aud"), row->resources);
}

void jwt_profile_put_subject(struct rq *rq, struct buf *b, const struct token *row,
                             const struct person *who, enum spelling as)
{
    if (who == NULL)
        jwt_profile_put_client(b, STR("sub"), row, as);
    else
        json_key_str(b, STR("sub"), subject_of(rq, rq->client, &who->user.id, as));
}

/* One or several, as words; jwt_parse has seen that they are strings. False: a word with a space in
 * it, which we do not write. */
static bool read_audience(struct rq *rq, const struct jwt *jwt, str *out)
{
    const struct json *aud = json_get(jwt->claims, STR("aud"));
    const struct json *one = json_is(aud, JSON_ARRAY_T) ? aud->first : aud;
    struct buf b;

    buf_init(&b, rq->arena, 256, LIMIT_JWT);
    for (; one != NULL; one = aud == one ? NULL : one->next) {
        if (one->s.n == 0 || str_find(one->s, ' ', 0) < one->s.n)
            return false;
        if (b.n > 0)
            buf_char(&b, ' ');
        buf_put(&b, one->s);
    }
    *out = buf_str(&b);
    return out->n > 0;
}

/* The grant of a person's token; a machine's is its own. */
static bool read_grant(const struct jwt *jwt, struct jwt_facts *out)
{
    const struct json *grant = json_get(jwt->claims, STR("grant"));

    out->is_user = grant != NULL;
    out->grant = out->id;
    return grant == NULL || (json_is(grant, JSON_STR_T) && id_parse(grant->s, &out->grant));
}

static bool times_are_right(const struct rq *rq, const struct jwt *jwt, struct jwt_facts *out)
{
    int64_t nbf_s, latest_s = rq->now_s + server_skew_s(rq->server);

    if (!jwt_time(jwt, STR("exp"), &out->exp_s) || !jwt_time(jwt, STR("iat"), &out->issued_s))
        return false;
    if (json_get(jwt->claims, STR("nbf")) != NULL &&
        (!jwt_time(jwt, STR("nbf"), &nbf_s) || nbf_s > latest_s)) /* RFC 7519 4.1.5 */
        return false;
    return out->exp_s > rq->now_s;
}

/* The dialect whose JWTs are of this type and which one of our keys has signed. Its typ is
 * compared before the signature, so at most one signature is checked. */
static const struct dialect *dialect_of(struct rq *rq, const struct jwt *jwt)
{
    for (const struct dialect *const *d = rq->server->dialects; *d != NULL; d++)
        if ((*d)->jwt != NULL &&
            jwt_verify(rq->t->signer, jwt, sign_rules_typ((*d)->jwt->profile)) == OK)
            return *d;
    return NULL;
}

enum err jwt_profile_read(struct rq *rq, str token, struct jwt_facts *out)
{
    str issuer = setting_text(rq->server->settings, issuer);
    const struct dialect *dialect;
    const struct json *epoch;
    struct jwt jwt;
    enum err e;

    if ((e = jwt_parse(rq->arena, token, &jwt)) != OK)
        return e;
    if ((dialect = dialect_of(rq, &jwt)) == NULL)
        return ERR_INVALID_TOKEN;
    if (!str_eq(json_get_str(jwt.claims, STR("iss")), issuer) ||
        !read_audience(rq, &jwt, &out->audience) || !times_are_right(rq, &jwt, out))
        return ERR_INVALID_TOKEN;
    epoch = json_get(jwt.claims, STR("epoch"));
    if (!json_is(epoch, JSON_INT_T) || !id_parse(json_get_str(jwt.claims, STR("jti")), &out->id))
        return ERR_INVALID_TOKEN;
    if (!read_grant(&jwt, out))
        return ERR_INVALID_TOKEN;
    out->epoch = epoch->i;
    out->dialect = (int)dialect->id;
    return dialect->jwt->read(rq, &jwt, out);
}
