/* Sealing: every byte counts, contexts and keys do not mix, and the key file is judged. */
#include "crypto_vectors.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "crypto/seal.h"

struct fixture {
    struct arena a;
    struct master_key m;
    char dir[64], path[96], why[600];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->a, 8 << 20);
    f->m.n = 2;
    seal_new_key(&f->m.keys[0]);
    seal_new_key(&f->m.keys[1]);
    snprintf(f->dir, sizeof f->dir, "/tmp/postern-seal-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/master.key", f->dir);
    *state = f;
    return 0;
}

static size_t clear_directory(struct fixture *f)
{
    size_t n = 0;
    DIR *d = opendir(f->dir);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        unlinkat(dirfd(d), e->d_name, 0);
        n++;
    }
    closedir(d);
    return n;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    clear_directory(f);
    rmdir(f->dir);
    arena_free(&f->a);
    free(f);
    return 0;
}

static void a_seal_opens_to_what_was_put(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        str plain = str_make(arena_alloc(&f->a, 1000), sizes[i]), out;
        memset((char *)plain.p, 'x', sizes[i]);
        str sealed = seal_put(&f->a, &f->m, plain, STR("key:1"));
        str again = seal_put(&f->a, &f->m, plain, STR("key:1"));
        assert_int_equal(sealed.n, plain.n + SEAL_OVERHEAD);
        assert_false(str_eq(sealed, again)); /* a nonce of its own */
        assert_int_equal(seal_open(&f->a, &f->m, sealed, STR("key:1"), &out), OK);
        assert_str(out, plain);
    }
}

static void every_changed_byte_is_noticed(void **state)
{
    struct fixture *f = *state;
    str out = {NULL, 0}, sealed = seal_put(&f->a, &f->m, STR("a private key"), STR("key:1"));
    for (size_t i = 0; i < sealed.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            ((char *)sealed.p)[i] ^= (char)(1 << bit);
            enum err e = seal_open(&f->a, &f->m, sealed, STR("key:1"), &out);
            assert_int_equal(e, i >= 1 && i <= SEAL_FINGERPRINT_BYTES ? ERR_ABSENT
                                                                      : ERR_INVALID_REQUEST);
            ((char *)sealed.p)[i] ^= (char)(1 << bit);
        }
        assert_int_equal(seal_open(&f->a, &f->m, str_make(sealed.p, i), STR("key:1"), &out),
                         ERR_INVALID_REQUEST);
    }
    assert_null(out.p);
    assert_int_equal(seal_open(&f->a, &f->m, sealed, STR("key:1"), &out), OK);
}

static void a_blob_stays_in_its_place(void **state)
{
    struct fixture *f = *state;
    str out, sealed = seal_put(&f->a, &f->m, STR("a private key"), STR("key:1"));
    assert_int_equal(seal_open(&f->a, &f->m, sealed, STR("key:2"), &out), ERR_INVALID_REQUEST);
    assert_int_equal(seal_open(&f->a, &f->m, sealed, STR(""), &out), ERR_INVALID_REQUEST);
    /* the other key's name on it does not make it open under that key */
    memcpy((char *)sealed.p + 1, f->m.keys[1].fingerprint, SEAL_FINGERPRINT_BYTES);
    assert_int_equal(seal_open(&f->a, &f->m, sealed, STR("key:1"), &out), ERR_INVALID_REQUEST);
}

/* Rotation: a new key in front, the old one behind it, everything sealed again, the old one off. */
static void rotation_never_locks_out(void **state)
{
    struct fixture *f = *state;
    struct master_key before = f->m, during = {.n = 2}, after = {.n = 1};
    str out, old, fresh;
    before.n = 1;
    during.keys[1] = before.keys[0];
    seal_new_key(&during.keys[0]);
    after.keys[0] = during.keys[0];
    old = seal_put(&f->a, &before, STR("secret"), STR("key:1"));
    assert_int_equal(seal_open(&f->a, &during, old, STR("key:1"), &out), OK);
    assert_str(out, STR("secret"));
    fresh = seal_put(&f->a, &during, out, STR("key:1"));
    assert_int_equal(seal_open(&f->a, &after, fresh, STR("key:1"), &out), OK);
    assert_int_equal(seal_open(&f->a, &after, old, STR("key:1"), &out), ERR_ABSENT);
    assert_int_equal(seal_open(&f->a, &before, fresh, STR("key:1"), &out), ERR_ABSENT);
    seal_wipe(&after);
    assert_int_equal(after.n, 0);
    assert_int_equal(after.keys[0].key.n, 0);
}

static void raw_seals_open_under_their_key_alone(void **state)
{
    struct fixture *f = *state;
    const uint8_t *one = f->m.keys[0].key.b, *two = f->m.keys[1].key.b;
    str out, sealed = seal_put_raw(&f->a, one, STR("successor"), STR("token:1"));
    assert_int_equal(seal_open_raw(&f->a, one, sealed, STR("token:1"), &out), OK);
    assert_str(out, STR("successor"));
    assert_int_equal(seal_open_raw(&f->a, two, sealed, STR("token:1"), &out), ERR_INVALID_REQUEST);
    assert_int_equal(seal_open_raw(&f->a, one, sealed, STR("token:2"), &out), ERR_INVALID_REQUEST);
    assert_int_equal(seal_open(&f->a, &f->m, sealed, STR("token:1"), &out), ERR_INVALID_REQUEST);
    for (size_t i = 0; i < sealed.n; i++) {
        ((char *)sealed.p)[i] ^= 1;
        assert_int_equal(seal_open_raw(&f->a, one, sealed, STR("token:1"), &out),
                         ERR_INVALID_REQUEST);
        ((char *)sealed.p)[i] ^= 1;
        assert_int_equal(seal_open_raw(&f->a, one, str_make(sealed.p, i), STR("token:1"), &out),
                         ERR_INVALID_REQUEST);
    }
}

/* FIPS 197 C.1 */
static void a_block_is_aes_128(void **state)
{
    struct fixture *f = *state;
    uint8_t out[16], back[16];
    str key = vectors_hex(&f->a, STR("000102030405060708090a0b0c0d0e0f"));
    str in = vectors_hex(&f->a, STR("00112233445566778899aabbccddeeff"));
    str want = vectors_hex(&f->a, STR("69c4e0d86a7b0430d8cdb78070b4c55a"));
    seal_block_encrypt((const uint8_t *)key.p, (const uint8_t *)in.p, out);
    assert_memory_equal(out, want.p, 16);
    seal_block_decrypt((const uint8_t *)key.p, out, back);
    assert_memory_equal(back, in.p, 16);
    /* Many at once, each for itself. */
    uint8_t many[3][16], sealed[3][16];
    for (size_t i = 0; i < 3; i++)
        memcpy(many[i], in.p, 16);
    many[1][0] ^= 1;
    seal_blocks_encrypt((const uint8_t *)key.p, many[0], sealed[0], 3);
    assert_memory_equal(sealed[0], want.p, 16);
    assert_memory_not_equal(sealed[1], want.p, 16);
    assert_memory_equal(sealed[2], want.p, 16);
}

static void write_file(struct fixture *f, str text, mode_t mode)
{
    unlink(f->path);
    int fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), text.n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static enum err read_back(struct fixture *f, struct master_key *out)
{
    f->why[0] = 0;
    return seal_read_master(f->path, out, f->why, sizeof f->why);
}

static bool says(const struct fixture *f, const char *part)
{
    return strstr(f->why, part) != NULL;
}

static void a_created_file_is_read_back(void **state)
{
    struct fixture *f = *state;
    struct master_key made, read;
    struct stat st;
    assert_int_equal(seal_create_master(f->path, &made, f->why, sizeof f->why), OK);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 21 + 43 + 1);
    assert_int_equal(read_back(f, &read), OK);
    assert_int_equal(read.n, 1);
    assert_memory_equal(read.keys[0].key.b, made.keys[0].key.b, 32);
    assert_memory_equal(read.keys[0].fingerprint, made.keys[0].fingerprint, 8);
    assert_string_equal(read.path, f->path);
    assert_string_equal(made.path, f->path);
    /* a second time would throw the first key away */
    assert_int_equal(seal_create_master(f->path, &read, f->why, sizeof f->why), ERR_CONFLICT);
    assert_true(says(f, f->path));
    assert_int_equal(read_back(f, &read), OK);
    assert_memory_equal(read.keys[0].key.b, made.keys[0].key.b, 32);
    assert_int_equal(clear_directory(f), 1); /* nothing was left beside it */
}

static void a_file_is_replaced_whole(void **state)
{
    struct fixture *f = *state;
    struct master_key made, read;
    struct stat before, after;
    assert_int_equal(seal_write_master(f->path, &f->m, f->why, sizeof f->why), ERR_ABSENT);
    assert_int_equal(seal_create_master(f->path, &made, f->why, sizeof f->why), OK);
    assert_int_equal(chmod(f->path, 0400), 0);
    assert_int_equal(stat(f->path, &before), 0);
    assert_int_equal(seal_write_master(f->path, &f->m, f->why, sizeof f->why), OK);
    assert_int_equal(stat(f->path, &after), 0);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_uid, before.st_uid);
    assert_true(after.st_ino != before.st_ino); /* another file under the name */
    assert_int_equal(read_back(f, &read), OK);
    assert_int_equal(read.n, 2);
    for (int i = 0; i < 2; i++)
        assert_memory_equal(read.keys[i].key.b, f->m.keys[i].key.b, 32);
    assert_int_equal(clear_directory(f), 1);
}

static void open_files_are_refused_with_the_remedy(void **state)
{
    struct fixture *f = *state;
    static const mode_t modes[] = {0640, 0604, 0660, 0666, 0601, 0610, 0620, 0644, 0777};
    struct master_key made, read;
    assert_int_equal(seal_create_master(f->path, &made, f->why, sizeof f->why), OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        char remedy[128];
        assert_int_equal(chmod(f->path, modes[i]), 0);
        assert_int_equal(read_back(f, &read), ERR_FORBIDDEN);
        snprintf(remedy, sizeof remedy, "chmod 600 %s", f->path);
        assert_true(says(f, remedy));
        assert_int_equal(read.n, 0);
    }
    assert_int_equal(chmod(f->path, 0600), 0);
    assert_int_equal(read_back(f, &read), OK);
    assert_int_equal(chmod(f->path, 0400), 0);
    assert_int_equal(read_back(f, &read), OK);
}

/* owner r--, one named user r--, group ---, mask r--, others ---: what systemd gives a service. */
static void an_access_list_for_us_alone_is_private(void **state)
{
    struct fixture *f = *state;
    struct master_key made, read;
    uint32_t who = geteuid();
    uint8_t acl[] = {2, 0, 0,   0,   1,   0,   4,  0, 255, 255, 255, 255, 2,   0,  4,
                     0, 0, 0,   0,   0,   4,   0,  0, 0,   255, 255, 255, 255, 16, 0,
                     4, 0, 255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255};
    assert_int_equal(seal_create_master(f->path, &made, f->why, sizeof f->why), OK);
    memcpy(acl + 16, &who, 4);
    if (setxattr(f->path, "system.posix_acl_access", acl, sizeof acl, 0) != 0)
        skip(); /* a file system without access lists */
    assert_int_equal(read_back(f, &read), OK);
    who++; /* somebody else */
    memcpy(acl + 16, &who, 4);
    assert_int_equal(setxattr(f->path, "system.posix_acl_access", acl, sizeof acl, 0), 0);
    assert_int_equal(read_back(f, &read), ERR_FORBIDDEN);
}

#define LINE "postern-master-key-1:"
#define K1   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define K2   "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"

static void contents_are_judged(void **state)
{
    struct fixture *f = *state;
    struct master_key read;
    static const char *const good[] = {LINE K1, LINE K1 "\n", LINE K1 "\n" LINE K2,
                                       LINE K1 "\n" LINE K2 "\n"};
    static const char *const bad[] = {"",
                                      "\n",
                                      LINE,
                                      K1,
                                      LINE K1 "\n\n",
                                      "\n" LINE K1,
                                      LINE K1 " ",
                                      LINE K1 "=",
                                      LINE K1 "\r\n",
                                      LINE K1 LINE K2,
                                      LINE K1 "\n" LINE K1,
                                      LINE K1 "\n" LINE K2 "\n" LINE K1,
                                      "postern-master-key-2:" K1,
                                      "Postern-master-key-1:" K1,
                                      LINE K1 "\njunk",
                                      LINE "short",
                                      LINE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",
                                      LINE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        write_file(f, str_from(good[i]), 0600);
        assert_int_equal(read_back(f, &read), OK);
        assert_int_equal(read.n, i < 2 ? 1 : 2);
        for (int b = 0; b < 32; b++)
            assert_int_equal(read.keys[0].key.b[b], b);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_file(f, str_from(bad[i]), 0600);
        if (read_back(f, &read) != ERR_INVALID_REQUEST || !says(f, f->path))
            fail_msg("accepted: %s", bad[i]);
        assert_false(says(f, K1)); /* no message shows a key */
    }
    write_file(f, arena_printf(&f->a, "%s\n%070000d", LINE K1, 1), 0600);
    assert_int_equal(read_back(f, &read), ERR_INVALID_REQUEST);
}

static void what_is_no_file_is_refused(void **state)
{
    struct fixture *f = *state;
    struct master_key read;
    char longer[700];
    assert_int_equal(read_back(f, &read), ERR_ABSENT);
    assert_true(says(f, f->path));
    assert_int_equal(seal_read_master(f->dir, &read, f->why, sizeof f->why), ERR_INVALID_REQUEST);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_int_equal(read_back(f, &read), ERR_INVALID_REQUEST); /* and does not wait */
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(seal_read_master(longer, &read, f->why, sizeof f->why), ERR_INVALID_REQUEST);
    assert_int_equal(seal_create_master(longer, &read, f->why, sizeof f->why), ERR_INVALID_REQUEST);
    assert_int_equal(seal_create_master("/nowhere/at/all", &read, f->why, sizeof f->why),
                     ERR_ABSENT);
}

/* Read through, since secret stores mount links; judged by what it leads to; never replaced. */
static void links_are_followed_for_reading_alone(void **state)
{
    struct fixture *f = *state;
    char target[128];
    struct master_key made, read;
    snprintf(target, sizeof target, "%s/target", f->dir);
    assert_int_equal(seal_create_master(target, &made, f->why, sizeof f->why), OK);
    assert_int_equal(symlink(target, f->path), 0);
    assert_int_equal(read_back(f, &read), OK);
    assert_int_equal(seal_write_master(f->path, &f->m, f->why, sizeof f->why), ERR_INVALID_REQUEST);
    assert_non_null(strstr(f->why, " is a link to "));
    assert_non_null(strstr(f->why, "/target and is not replaced; name that file"));
    assert_int_equal(seal_create_master(f->path, &read, f->why, sizeof f->why), ERR_CONFLICT);
    assert_int_equal(chmod(target, 0644), 0);
    assert_int_equal(read_back(f, &read), ERR_FORBIDDEN);
}

static void a_strangers_file_is_refused(void **state)
{
    struct fixture *f = *state;
    struct master_key read;
    if (geteuid() != 0)
        skip(); /* giving a file away takes root */
    write_file(f, STR(LINE K1), 0600);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(chown(f->path, 1, 1), 0);
    assert_int_equal(read_back(f, &read), OK); /* root may */
    assert_int_equal(chown(f->path, 0, 0), 0);
    assert_int_equal(seteuid(65534), 0);
    enum err e = read_back(f, &read); /* root's, and closed to us */
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(e, ERR_FORBIDDEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_seal_opens_to_what_was_put),
        TEST(every_changed_byte_is_noticed),
        TEST(a_blob_stays_in_its_place),
        TEST(rotation_never_locks_out),
        TEST(raw_seals_open_under_their_key_alone),
        TEST(a_block_is_aes_128),
        TEST(a_created_file_is_read_back),
        TEST(a_file_is_replaced_whole),
        TEST(open_files_are_refused_with_the_remedy),
        TEST(an_access_list_for_us_alone_is_private),
        TEST(contents_are_judged),
        TEST(what_is_no_file_is_refused),
        TEST(links_are_followed_for_reading_alone),
        TEST(a_strangers_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
