/* Argon2id: round trip, a published hash, and stored hashes that nobody may make us compute. */
#include "crypto_vectors.h"

#include "crypto/password.h"

static int set_up(void **state)
{
    struct arena *a = calloc(1, sizeof *a);
    arena_init(a, 1 << 20);
    *state = a;
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    free(*state);
    return 0;
}

static void a_password_fits_its_own_hash_alone(void **state)
{
    struct arena *a = *state;
    str encoded, again;
    const str password = STR("correct horse\0battery");
    assert_int_equal(password_hash(a, password, &encoded), OK);
    assert_true(str_starts(encoded, STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_int_equal(password_verify(a, encoded, password), OK);
    assert_int_equal(password_verify(a, encoded, STR("correct horse")), ERR_INVALID_CLIENT);
    assert_int_equal(password_verify(a, encoded, STR("Correct horse\0battery")),
                     ERR_INVALID_CLIENT);
    assert_int_equal(password_hash(a, password, &again), OK);
    assert_false(str_eq(encoded, again)); /* salted */
}

/* security.md 66: equal in the first 72 bytes is not equal. */
static void every_byte_counts(void **state)
{
    struct arena *a = *state;
    str encoded, longer = arena_printf(a, "%0100d", 1);
    assert_int_equal(password_hash(a, longer, &encoded), OK);
    assert_int_equal(password_verify(a, encoded, longer), OK);
    assert_int_equal(password_verify(a, encoded, str_sub(longer, 0, 99)), ERR_INVALID_CLIENT);
    assert_int_equal(password_verify(a, encoded, str_sub(longer, 0, 72)), ERR_INVALID_CLIENT);
    assert_int_equal(password_verify(a, encoded, STR("")), ERR_INVALID_CLIENT);
}

/* The reference implementation's own test: "password" with "somesalt", m=65536, t=2, p=1. */
static void the_reference_hash_verifies(void **state)
{
    struct arena *a = *state;
    const str encoded = STR("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
                            "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
    assert_int_equal(password_verify(a, encoded, STR("password")), OK);
    assert_int_equal(password_verify(a, encoded, STR("Password")), ERR_INVALID_CLIENT);
}

static void unreadable_and_costly_hashes_are_errors(void **state)
{
    struct arena *a = *state;
    static const char *const bad[] = {
        "",
        "password",
        "$argon2id$v=19$",
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2G",
        "$argon2id$v=19$m=65536,t=2,p=200$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=-1,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$t=2,m=65536,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$",
        "$argon2id$v=19$m=64,t=2,p=1$!!!$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (password_verify(a, str_from(bad[i]), STR("password")) != ERR_SERVER_ERROR)
            fail_msg("computed: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_password_fits_its_own_hash_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_byte_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_reference_hash_verifies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unreadable_and_costly_hashes_are_errors, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
