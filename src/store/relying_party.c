/* relying_party: what a client needs so that people can sign in to it.
 *
 * One row beside the client's, loaded with it into the caches. Its origins are also rows of their
 * own, since a CORS preflight names an origin and no client.
 */
#include "store/relying_party.h"

#include "store/client.h"
#include "store/statements.h"

enum { LOAD, PUT, DELETE, DELETE_ORIGINS, PUT_ORIGIN, ORIGIN_KNOWN };

static const struct sql sql[] = {
    [LOAD] = {"relying_party.load",
              "SELECT public, pkce, trusted, require_par, redirect_uris, "
              "post_logout_redirect_uris, origins, resources, response_modes, jwks, "
              "assertion_audience, request_object, id_token_alg, userinfo_alg, pairwise, sector, "
              "claims, default_max_age_s, logo_uri, policy_uri, tos_uri FROM relying_party "
              "WHERE client_id = $1"},
    [PUT] = {"relying_party.put",
             "INSERT INTO relying_party (client_id, public, pkce, trusted, require_par, "
             "redirect_uris, post_logout_redirect_uris, origins, resources, response_modes, jwks, "
             "assertion_audience, request_object, id_token_alg, userinfo_alg, pairwise, sector, "
             "claims, default_max_age_s, logo_uri, policy_uri, tos_uri) VALUES ($1, $2, $3, $4, "
             "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, "
             "$22) ON CONFLICT (client_id) DO UPDATE SET public = excluded.public, "
             "pkce = excluded.pkce, trusted = excluded.trusted, "
             "require_par = excluded.require_par, redirect_uris = excluded.redirect_uris, "
             "post_logout_redirect_uris = excluded.post_logout_redirect_uris, "
             "origins = excluded.origins, resources = excluded.resources, "
             "response_modes = excluded.response_modes, jwks = excluded.jwks, "
             "assertion_audience = excluded.assertion_audience, "
             "request_object = excluded.request_object, id_token_alg = excluded.id_token_alg, "
             "userinfo_alg = excluded.userinfo_alg, pairwise = excluded.pairwise, "
             "sector = excluded.sector, claims = excluded.claims, "
             "default_max_age_s = excluded.default_max_age_s, logo_uri = excluded.logo_uri, "
             "policy_uri = excluded.policy_uri, tos_uri = excluded.tos_uri"},
    [DELETE] = {"relying_party.delete", "DELETE FROM relying_party WHERE client_id = $1"},
    [DELETE_ORIGINS] = {"relying_party.delete_origins",
                        "DELETE FROM client_origin WHERE client_id = $1"},
    [PUT_ORIGIN] = {"relying_party.put_origin", "INSERT INTO client_origin (origin, client_id) "
                                                "VALUES ($1, $2) ON CONFLICT DO NOTHING"},
    [ORIGIN_KNOWN] = {"relying_party.origin_known",
                      "SELECT COUNT(*) FROM (SELECT 1 FROM client_origin WHERE origin = $1 "
                      "LIMIT 1) AS one"},
};

const struct sql_set relying_party_statements = {sql, sizeof sql / sizeof *sql};

void relying_party_defaults(struct relying_party *out)
{
    *out = (struct relying_party){
        .pkce = PKCE_REQUIRED,
        .redirect_uris = STR(""),
        .post_logout_redirect_uris = STR(""),
        .origins = STR(""),
        .resources = STR(""),
        .response_modes = MODE_QUERY | MODE_FORM_POST,
        .jwks = STR(""),
        .assertion_audience = ASSERTION_ISSUER,
        .request_object = REQUEST_OBJECT_OPTIONAL,
        .id_token_alg = JWS_RS256, /* OpenID Connect Registration 2 */
        .userinfo_alg = USERINFO_JSON,
        .sector = STR(""),
        .claims = STR(""),
        .default_max_age_s = -1,
        .logo_uri = STR(""),
        .policy_uri = STR(""),
        .tos_uri = STR(""),
    };
}

static void read_row(struct rows *r, struct arena *a, struct relying_party *out)
{
    out->there = true;
    out->is_public = row_int(r, 0) != 0;
    out->pkce = (enum pkce_rule)row_int(r, 1);
    out->trusted = row_int(r, 2) != 0;
    out->require_par = row_int(r, 3) != 0;
    out->redirect_uris = row_text(r, 4, a);
    out->post_logout_redirect_uris = row_text(r, 5, a);
    out->origins = row_text(r, 6, a);
    out->resources = row_text(r, 7, a);
    out->response_modes = (unsigned)row_int(r, 8);
    out->jwks = row_text(r, 9, a);
    out->assertion_audience = (enum assertion_audience)row_int(r, 10);
    out->request_object = (enum request_object_rule)row_int(r, 11);
    out->id_token_alg = (enum jws_alg)row_int(r, 12);
    out->userinfo_alg = (int)row_int(r, 13);
    out->pairwise = row_int(r, 14) != 0;
    out->sector = row_text(r, 15, a);
    out->claims = row_text(r, 16, a);
    out->default_max_age_s = row_int(r, 17);
    out->logo_uri = row_text(r, 18, a);
    out->policy_uri = row_text(r, 19, a);
    out->tos_uri = row_text(r, 20, a);
}

enum err relying_party_load(struct db *db, struct arena *a, const struct uid *client,
                            struct relying_party *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(db_bytes(client)));

    relying_party_defaults(out);
    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

static void put_origins(struct effects *fx, const struct uid *client, str origins)
{
    str origin;

    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_ORIGINS], ARGS(db_bytes(client)));
    while (str_next(&origins, '\n', &origin))
        effects_add(fx, DROP, EXPECT_ANY, &sql[PUT_ORIGIN],
                    ARGS(db_text(origin), db_bytes(client)));
}

static void changed(struct effects *fx, const struct uid *client)
{
    effects_change(fx, DROP, CHANGE_CLIENT, client->b, sizeof client->b);
}

void relying_party_put(struct effects *fx, const struct uid *client, const struct relying_party *r)
{
    client_hold(fx, client);
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(client), db_int(r->is_public), db_int(r->pkce), db_int(r->trusted),
                     db_int(r->require_par), db_some_text(r->redirect_uris),
                     db_some_text(r->post_logout_redirect_uris), db_some_text(r->origins),
                     db_some_text(r->resources), db_int(r->response_modes), db_some_text(r->jwks),
                     db_int(r->assertion_audience), db_int(r->request_object),
                     db_int(r->id_token_alg), db_int(r->userinfo_alg), db_int(r->pairwise),
                     db_some_text(r->sector), db_some_text(r->claims), db_int(r->default_max_age_s),
                     db_some_text(r->logo_uri), db_some_text(r->policy_uri),
                     db_some_text(r->tos_uri)));
    put_origins(fx, client, r->origins);
    changed(fx, client);
}

void relying_party_delete(struct effects *fx, const struct uid *client)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE], ARGS(db_bytes(client)));
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_ORIGINS], ARGS(db_bytes(client)));
    changed(fx, client);
}

enum err relying_party_origin_known(struct db *db, str origin, bool *known)
{
    int64_t n;
    enum err e = db_query_int(db, &sql[ORIGIN_KNOWN], ARGS(db_text(origin)), &n);

    *known = n > 0;
    return e;
}
