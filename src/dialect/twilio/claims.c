/* claims: the claims that Twilio's legacy discovery document lists, as its clients read them.
 *
 * Helper libraries take the account from act.sub, "trn:us1:iam:account:AC...", and refetch by exp
 * without verifying anything. Ids are SIDs whatever the request spelled: sub is the app, or the
 * user (US...) who signed in to it. `aud` is the issuer unless an audience was asked for; `scp` is
 * an array where RFC 9068 has a string, so the type is plain JWT and not at+jwt.
 */
#include "dialect/twilio/claims.h"

#include "codec/json.h"
#include "oauth/token/claims.h"
#include "store/account.h"

#define ACCOUNT_TRN "trn:us1:iam:account:"

static void put_account(struct rq *rq, struct buf *b)
{
    static const struct uid none;
    const struct uid *account = &rq->client->organization.account;

    if (uid_eq(account, &none))
        return;
    BUF_LIT(b, ",\"act\":{\"sub\":\"" ACCOUNT_TRN);
    uid_write(b, account, ACCOUNT_SID, SPELLING_SID);
    BUF_LIT(b, "\"}");
}

static void write(struct rq *rq, struct buf *out, const struct token *row, const struct person *who)
{
    json_open(out, '{');
    json_key_str(out, STR("iss"), setting_text(rq->server->settings, issuer));
    jwt_profile_put_audience(rq, out, row);
    jwt_profile_put_subject(rq, out, row, who, SPELLING_SID);
    jwt_profile_put_client(out, STR("cid"), row, SPELLING_SID);
    put_account(rq, out);
    jwt_profile_put_words(out, STR("scp"), row->scope);
    json_key_i64(out, STR("iat"), row->issued_s);
    json_key_i64(out, STR("nbf"), row->issued_s);
    json_key_i64(out, STR("exp"), row->access_exp_s);
    if (who != NULL)
        claims_put(rq, out, CLAIMS_ACCESS_TOKEN, rq->client, &who->user, &who->grant);
    jwt_profile_put_id(out, row);
    json_close(out, '}');
}

/* The words of the array with a space between. */
static enum err read_scopes(struct rq *rq, const struct json *scp, str *out)
{
    struct buf b;

    if (!json_is(scp, JSON_ARRAY_T))
        return ERR_INVALID_TOKEN;
    buf_init(&b, rq->arena, 128, LIMIT_JWT);
    for (const struct json *word = scp->first; word != NULL; word = word->next) {
        if (word->type != JSON_STR_T)
            return ERR_INVALID_TOKEN;
        if (b.n > 0)
            buf_char(&b, ' ');
        buf_put(&b, word->s);
    }
    *out = buf_str(&b);
    return OK;
}

static enum err read(struct rq *rq, const struct jwt *jwt, struct jwt_facts *out)
{
    str client = json_get_str(jwt->claims, STR("cid"));

    if (!uid_parse(client, CLIENT_SID, &out->client, &out->spelling))
        return ERR_INVALID_TOKEN;
    return read_scopes(rq, json_get(jwt->claims, STR("scp")), &out->scope);
}

const struct jwt_profile claims_twilio = {
    .profile = SIGN_ACCESS_TWILIO, .write = write, .read = read};
