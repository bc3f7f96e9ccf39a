/* Claims (OIDC Core 5): by scope, by the claims parameter, by a client's mapping; and their types.
 */
#include "oauth_tokens.h"

#include "oauth/token/claims.h"

static const char everything[] =
    "{\"name\":\"Jane Doe\",\"family_name\":\"Doe\",\"given_name\":\"Jane\",\"middle_name\":\"Q\","
    "\"nickname\":\"JD\",\"profile\":\"https://p\",\"picture\":\"https://i\",\"website\":"
    "\"https://w\",\"gender\":\"female\",\"birthdate\":\"1980-01-02\",\"zoneinfo\":"
    "\"Europe/Berlin\",\"locale\":\"de-DE\",\"address\":{\"locality\":\"Rome\"},"
    "\"phone_number\":\"+1 555\",\"phone_number_verified\":true,\"level\":3,\"teams\":[\"a\",1]}";

static struct user user;
static struct user_grant grant;
static struct cached_client client;

static int claims_open(void **state)
{
    tokens_open(state);
    user = person;
    user.claims = str_from(everything);
    grant = plain_grant("openid");
    client = (struct cached_client){.client = w.client, .rp = party};
    client.organization.name = STR("Org \"1\"");
    return 0;
}

/* The object that a reader of that target gets. */
static const struct json *claims_for(enum claims_target target)
{
    struct json *v;
    struct call c;
    struct buf b;

    begin(&c, "/");
    buf_init(&b, &w.arena, 1024, LIMIT_JWT);
    json_open(&b, '{');
    json_key_str(&b, STR("sub"), STR("x"));
    claims_put(&c.rq, &b, target, &client, &user, &grant);
    json_close(&b, '}');
    assert_int_equal(json_parse(&w.arena, buf_str(&b), &v), OK); /* no name comes twice */
    arena_free(&c.arena);
    return v;
}

static void each_scope_gives_its_claims_with_their_types(void **state)
{
    const struct json *v;

    (void)state;
    grant.scope = STR("openid profile");
    v = claims_for(CLAIMS_USERINFO);
    assert_int_equal(v->n, 1 + 14); /* openid.md 3.2 */
    assert_int_equal(json_get(v, STR("updated_at"))->type, JSON_INT_T);
    grant.scope = STR("openid profile email address phone");
    v = claims_for(CLAIMS_USERINFO);
    assert_int_equal(v->n, 1 + 14 + 5);
    for (const char *const *name = claims_standard; *name != NULL; name++)
        assert_non_null(json_get(v, str_from(*name)));
    assert_int_equal(json_get(v, STR("email_verified"))->type, JSON_BOOL_T);
    assert_int_equal(json_get(v, STR("phone_number_verified"))->type, JSON_BOOL_T);
    assert_text(json_get_str(json_get(v, STR("address")), STR("locality")), "Rome");
    assert_null(json_get(v, STR("level"))); /* a custom one needs a mapping */
    assert_int_equal(claims_for(CLAIMS_ID_TOKEN)->n, 1);
    assert_int_equal(claims_for(CLAIMS_ACCESS_TOKEN)->n, 1);
}

static void what_the_user_lacks_or_has_wrong_is_left_out(void **state)
{
    const struct json *v;

    (void)state;
    grant.scope = STR("openid profile email address phone");
    user.claims = STR("{\"name\":7,\"address\":\"Rome\",\"phone_number_verified\":\"yes\"}");
    user.email = (str){0};
    v = claims_for(CLAIMS_USERINFO);
    assert_int_equal(v->n, 1 + 2); /* preferred_username, updated_at */
}

static void the_claims_parameter_asks_for_single_ones(void **state)
{
    const struct json *v;

    (void)state;
    grant.claims = STR("{\"userinfo\":{\"given_name\":{\"essential\":true},\"level\":null},"
                       "\"id_token\":{\"email\":null,\"sub\":{\"value\":\"x\"}}}");
    v = claims_for(CLAIMS_USERINFO);
    assert_int_equal(v->n, 2);
    assert_text(json_get_str(v, STR("given_name")), "Jane");
    v = claims_for(CLAIMS_ID_TOKEN);
    assert_int_equal(v->n, 2);
    assert_text(json_get_str(v, STR("email")), "jane@people.example");
    client.client.scopes = STR("openid"); /* it may not have the scopes of these claims */
    assert_int_equal(claims_for(CLAIMS_USERINFO)->n, 1);
    assert_int_equal(claims_for(CLAIMS_ID_TOKEN)->n, 1);
}

static void a_mapping_adds_custom_claims_where_it_says(void **state)
{
    const struct json *v;

    (void)state;
    client.rp.claims = STR("roles=user.roles@access_token,id_token\nlevel=user.claims.level\n"
                           "https://x/org=organization.name@userinfo\nteams=user.claims.teams\n"
                           "tier=\"gold@home\"@access_token\nname=user.username\n"
                           "level=\"second\"\nabsent=user.claims.absent");
    v = claims_for(CLAIMS_ACCESS_TOKEN);
    assert_int_equal(v->n, 3);
    assert_text(json_get(v, STR("roles"))->first->next->s, "staff");
    assert_text(json_get_str(v, STR("tier")), "gold@home");
    v = claims_for(CLAIMS_ID_TOKEN);
    assert_int_equal(json_get(v, STR("level"))->i, 3); /* the first line of a name counts */
    assert_int_equal(json_get(v, STR("teams"))->n, 2);
    assert_text(json_get_str(v, STR("name")), "jane");
    grant.scope = STR("openid profile");
    v = claims_for(CLAIMS_USERINFO);
    assert_text(json_get_str(v, STR("https://x/org")), "Org \"1\"");
    assert_text(json_get_str(v, STR("name")), "jane"); /* instead of the standard one */
    assert_null(json_get(v, STR("roles")));
}

static void mappings_are_read_strictly(void **state)
{
    static const char *const good[] = {
        "a=user.id",
        "a=user.email@userinfo",
        "a=organization.id@id_token,userinfo,access_token",
        "a=user.claims.b c",
        "urn:x:y=\"\"",
        "a=\"x=y\"@id_token",
    };
    static const char *const bad[] = {
        "",
        "a",
        "=user.id",
        "a=",
        "a=user",
        "a=user.claims.",
        "a=user.id@",
        "a=user.id@x",
        "a=user.id@id_token,",
        "a=\"x",
        "a=\"x\"y",
        "sub=user.id",
        "aud=\"x\"",
        "epoch=\"1\"",
        "grant=\"x\"",
        "cid=\"x\"",
        "scp=\"x\"",
        "nonce=\"x\"",
        "a b=user.id",
        "a\"=user.id",
        "a\\=user.id",
        "a=user.id @id_token",
    };
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(claims_mapping_ok(str_from(good[i]), &why));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why = NULL;
        assert_false(claims_mapping_ok(str_from(bad[i]), &why));
        assert_non_null(why);
    }
}

static void the_claims_parameter_is_an_object_of_wishes(void **state)
{
    static const char *const good[] = {
        "{}",
        "{\"userinfo\":null}",
        "{\"id_token\":{\"acr\":{\"values\":[\"pwd\"]}},\"x\":1}",
        "{\"userinfo\":{\"name\":{\"essential\":false,\"value\":1,\"other\":2}}}",
    };
    static const char *const bad[] = {
        "",
        "[]",
        "1",
        "{",
        "{\"userinfo\":[]}",
        "{\"userinfo\":{\"name\":true}}",
        "{\"id_token\":{\"name\":{\"essential\":\"yes\"}}}",
        "{\"id_token\":{\"name\":{\"values\":\"x\"}}}",
        "{\"userinfo\":{\"name\":null,\"name\":null}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(claims_request_ok(&w.arena, str_from(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(claims_request_ok(&w.arena, str_from(bad[i])));
    assert_text(claims_scopes(&w.arena, STR("{\"userinfo\":{\"email\":null},"
                                            "\"id_token\":{\"nickname\":null}}")),
                "profile email");
    assert_text(claims_scopes(&w.arena, STR("{}")), "");
}

#undef T
#define T(name) cmocka_unit_test_setup_teardown(name, claims_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_scope_gives_its_claims_with_their_types),
        T(what_the_user_lacks_or_has_wrong_is_left_out),
        T(the_claims_parameter_asks_for_single_ones),
        T(a_mapping_adds_custom_claims_where_it_says),
        T(mappings_are_read_strictly),
        T(the_claims_parameter_is_an_object_of_wishes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
