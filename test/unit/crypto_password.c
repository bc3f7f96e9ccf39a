/* Argon2id: round trip, a published hash, and stored hashes that nobody may make us compute; the
 * kinds that other systems leave behind. */
#include "crypto_vectors.h"

#include <time.h>

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

/* Published: Argon2 (RFC 9106's reference), crypt_blowfish, RFC 7914 12 in both spellings, RFC
 * 6070, Django 5.2's own tests. yescrypt: computed with libxcrypt; the others with Python's
 * hashlib. */
static const struct {
    str encoded, password;
} foreign[] = {
    {STR_INIT("$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
              "$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"),
     STR_INIT("password")},
    {STR_INIT("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), STR_INIT("U*U")},
    {STR_INIT("$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"), STR_INIT("U*U*")},
    {STR_INIT("$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"), STR_INIT("U*U*U")},
    {STR_INIT("$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D"),
     STR_INIT("pleaseletmein")},
    {STR_INIT("$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdof"
              "LVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw"),
     STR_INIT("pleaseletmein")},
    {STR_INIT("$y$j75$saltsalt$0gBD67sgmJgRX3RZ6wHHO7sHimQEWGCWN85o4Twogh2"), STR_INIT("secret")},
    {STR_INIT("$y$j9T$abcdefgh$7i/136rkrCoteXCYVMmke8IbBDFEZdMzaNTpkj.7sJ2"), STR_INIT("a")},
    {STR_INIT("$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE"), STR_INIT("password")},
    {STR_INIT("$pbkdf2-sha1$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE"), STR_INIT("password")},
    {STR_INIT("$pbkdf2-sha256$4096$c2FsdA$6iWAC3zEDJiqT07EEHAVJNGJAccM2OHuVlD9l47LqhA"),
     STR_INIT("")},
    {STR_INIT(
         "$pbkdf2-sha512$1000$c2FsdFNBTFRzYWx0$5SiYE8gYl8siINYJ8hJxrbhJx4ITSnItzCLy92yxVa0U4lEVm"
         "OwXAlI18lPhVQwaKgYRhbniDDJZrd2I8elgeQ"),
     STR_INIT("password")},
    {STR_INIT("pbkdf2_sha256$1000000$seasalt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf9gGPL7Cps="),
     STR_INIT("l\xc3\xa8tmein")},
    {STR_INIT("pbkdf2_sha1$1000$seasalt$FR1Hz/2XTwvhcvkmbwDDrzMsEnQ="), STR_INIT("letmein")},
    {STR_INIT(
         "pbkdf2_sha512$1000$seasalt$xnY3pOMYkzQ6mQa06bqBAgMiZvCMFVqzMtqgHHz5YCcjVpyNM6wnN/+pSWGRJ"
         "uhvoBje0h7wU07fXdKBCbYfsw=="),
     STR_INIT("letmein")},
};

static void hashes_of_other_systems_verify(void **state)
{
    struct arena *a = *state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        str encoded = foreign[i].encoded, password = foreign[i].password;
        if (!password_known(encoded))
            fail_msg("unknown: %.*s", STR_ARG(encoded));
        assert_false(password_is_ours(encoded));
        if (password_verify(a, encoded, password) != OK)
            fail_msg("refused: %.*s", STR_ARG(encoded));
        char with_nul[80] = "";
        memcpy(with_nul, password.p, password.n);
        str wrong[] = {arena_printf(a, "%.*sx", STR_ARG(password)),
                       str_make(with_nul, password.n + 1), /* security.md 66 */
                       STR("other")};
        for (size_t k = 0; k < 3; k++)
            if (password_verify(a, encoded, wrong[k]) != ERR_INVALID_CLIENT)
                fail_msg("accepted %zu: %.*s", k, STR_ARG(encoded));
    }
}

/* security.md 66: what bcrypt would cut off counts, so a longer password fits no such hash. */
static void bcrypt_takes_72_bytes_and_no_more(void **state)
{
    struct arena *a = *state;
    const str encoded = STR("$2y$04$CCCCCCCCCCCCCCCCCCCCC.ug0A3dTXhy5U.dFjx/qguZ8I4CB77BC");
    char typed[73];
    memset(typed, 'x', sizeof typed);
    assert_int_equal(password_verify(a, encoded, str_make(typed, 72)), OK);
    assert_int_equal(password_verify(a, encoded, str_make(typed, 73)), ERR_INVALID_CLIENT);
    assert_int_equal(password_verify(a, encoded, str_make(typed, 71)), ERR_INVALID_CLIENT);
}

static void foreign_hashes_must_be_sound_and_affordable(void **state)
{
    struct arena *a = *state;
    static const char *const bad[] = {
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0", /* MD5 */
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/"
        "O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfa"
        "S35inz1",
        "abJnggxhB/yWI", /* DES */
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "{SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3",
        "$2a$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWx",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe:",
        "$2",
        "$7$K6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D", /* 4 GiB */
        "$7$C6....zzzzzSodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
        "$7$C6..../....SodiumChloride$",
        "$7$C6..../....Sodium!Chloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
        "$7$C6",
        "$7$.6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D", /* N is 1 */
        "$7$C...../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D", /* r is 0 */
        "$7$C../../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D", /* r is 4096 */
        "$7$C6.........SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D", /* p is 0 */
        "$7$C6....../..SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D", /* p is 4096 */
        "$7$C6.....E...SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D", /* 2^27 */
        "$7$C6..../....SodiumChloride",
        "$y$j.T$abcdefgh$7i/136rkrCoteXCYVMmke8IbBDFEZdMzaNTpkj.7sJ2", /* N is 2 */
        "$y$k9T$abcdefgh$7i/136rkrCoteXCYVMmke8IbBDFEZdMzaNTpkj.7sJ2",
        "$y$j9:$abcdefgh$7i/136rkrCoteXCYVMmke8IbBDFEZdMzaNTpkj.7sJ2",
        "$y$jFT$abcdefgh$7i/136rkrCoteXCYVMmke8IbBDFEZdMzaNTpkj.7sJ2", /* 1 GiB */
        "$y$jzT$abcdefgh$7i/136rkrCoteXCYVMmke8IbBDFEZdMzaNTpkj.7sJ2",
        "$y$j9T/5$abcdefgh$7i/136rkrCoteXCYVMmke8IbBDFEZdMzaNTpkj.7sJ2",
        "$y$j9T$abcdefgh$",
        "$scrypt$ln=20,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$scrypt$ln=14,r=8,p=99$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$scrypt$ln=99,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9",
        "$pbkdf2-sha256$3000001$c2FsdA$xeR41ZKIyEGqUw22hF.MTY1iiTqgD.RkwJaa.0YNBlM",
        "$pbkdf2-sha256$0$c2FsdA$xeR41ZKIyEGqUw22hF.MTY1iiTqgD.RkwJaa.0YNBlM",
        "$pbkdf2-sha256$-1$c2FsdA$xeR41ZKIyEGqUw22hF.MTY1iiTqgD.RkwJaa.0YNBlM",
        "$pbkdf2-sha256$4096$$xeR41ZKIyEGqUw22hF.MTY1iiTqgD.RkwJaa.0YNBlM",
        "$pbkdf2-sha256$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE",
        "$pbkdf2-sha256$4096$c2FsdA",
        "$pbkdf2-sha256$4096",
        "pbkdf2_sha256$4096$$6iWAC3zEDJiqT07EEHAVJNGJAccM2OHuVlD9l47LqhA=",
        "$scrypt$r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$scrypt$ln=14,r=8,p=1$$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$scrypt$ln=22,r=1024,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$pbkdf2-md5$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE",
        "pbkdf2_sha256$1000$seasalt$",
        "pbkdf2_sha256$1000$seasalt",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$x$y",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (password_known(str_from(bad[i])) ||
            password_verify(a, str_from(bad[i]), STR("x")) != ERR_SERVER_ERROR)
            fail_msg("known: %s", bad[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        for (size_t n = 0; n < foreign[i].encoded.n; n++) /* cut anywhere: never read too far */
            password_known(str_make(memcpy(arena_alloc(a, n + 1), foreign[i].encoded.p, n), n));
}

static void hashes_of_ours_need_no_other(void **state)
{
    struct arena *a = *state;
    str encoded;
    assert_int_equal(password_hash(a, STR("x"), &encoded), OK);
    assert_true(password_known(encoded));
    assert_true(password_is_ours(encoded));
    assert_false(password_is_ours(str_sub(encoded, 0, 40)));
    assert_false(password_is_ours(STR("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
                                      "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")));
}

/* Of this thread: others may want the processor too. */
static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* security.md 68: the work for nobody is the work for somebody. */
static void the_dummy_costs_what_a_verification_costs(void **state)
{
    struct arena *a = *state;
    str encoded;
    int64_t us[2] = {INT64_MAX, INT64_MAX};
    assert_int_equal(password_hash(a, STR("x"), &encoded), OK);
    for (int i = 0; i < 20; i++) {
        int64_t begin = cpu_us(), took;
        if (i % 2)
            password_dummy(STR("y"));
        else
            password_verify(a, encoded, STR("y"));
        took = cpu_us() - begin;
        us[i % 2] = took < us[i % 2] ? took : us[i % 2];
    }
    if (us[1] < us[0] * 6 / 10 || us[1] > us[0] * 16 / 10)
        fail_msg("verify %lld us, dummy %lld us", (long long)us[0], (long long)us[1]);
}

static void unreadable_and_costly_hashes_are_errors(void **state)
{
    struct arena *a = *state;
    static const char *const bad[] = {
        "",
        "password",
        "$argon2id$v=19$",
        "$argon2d$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2G",
        "$argon2id$v=19$m=65536,t=2,p=200$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=-1,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$t=2,m=65536,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$",
        "$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXP",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=64,t=2,p=1$c29t.XNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=2,p=1$!!!$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (password_verify(a, str_from(bad[i]), STR("password")) != ERR_SERVER_ERROR)
            fail_msg("computed: %s", bad[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_password_fits_its_own_hash_alone),
        TEST(every_byte_counts),
        TEST(the_reference_hash_verifies),
        TEST(hashes_of_other_systems_verify),
        TEST(bcrypt_takes_72_bytes_and_no_more),
        TEST(foreign_hashes_must_be_sound_and_affordable),
        TEST(hashes_of_ours_need_no_other),
        TEST(the_dummy_costs_what_a_verification_costs),
        TEST(unreadable_and_costly_hashes_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
