/* base/arena, base/buf, base/list, base/rand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/rand.h"

static void arena_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    assert_int_equal(a.total, 0);
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < 600; n += 7) {
            unsigned char *p = arena_alloc(&a, n);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xaa, n);
        }
        assert_true(a.total > 4096);
        arena_reset(&a);
        assert_true(a.total <= 4096);
    }
    arena_free(&a);
    assert_int_equal(a.total, 0);
}

static void arena_copies(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    assert_true(str_eq(arena_dup(&a, STR("abc")), STR("abc")));
    assert_string_equal(arena_cstr(&a, STR("abc")), "abc");
    assert_string_equal(arena_cstr(&a, str_make(NULL, 0)), "");
    assert_true(str_eq(arena_printf(&a, "%d-%s", 7, "x"), STR("7-x")));
    char *large = arena_alloc(&a, 100000);
    large[99999] = 1;
    arena_reset(&a);
    arena_free(&a);
    /* A first block made for one large piece is not kept. */
    large = arena_alloc(&a, 100000);
    large[0] = 1;
    arena_reset(&a);
    assert_int_equal(a.total, 0);
}

/* A large piece has a block of its own: it can go early, and small ones do not pay for it. */
static void arena_takes_back_large_pieces(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    char *small = arena_alloc(&a, 10);
    size_t before = a.total;
    char *first = arena_alloc(&a, 200000), *second = arena_alloc(&a, 300000);
    first[0] = second[0] = 1;
    assert_true(a.total < before + 500000 + 200);
    assert_ptr_equal(arena_alloc(&a, 10), small + 16);
    arena_give_back(&a, first);
    assert_true(a.total < before + 300000 + 100);
    assert_int_equal(second[0], 1);
    arena_give_back(&a, small); /* stays until the reset */
    arena_give_back(&a, second);
    assert_int_equal(a.total, before);
    for (int i = 0; i < 100; i++) /* more than the cap, one after the other */
        arena_give_back(&a, arena_alloc(&a, 100000));
    arena_alloc(&a, 100000);
    arena_reset(&a);
    assert_int_equal(a.total, before);
    arena_free(&a);
}

static void arena_arrays_grow(void **state)
{
    (void)state;
    struct arena a;
    int *items = NULL;
    size_t room = 0, moves = 0;
    arena_init(&a, 1 << 20);
    for (size_t n = 0; n < 1000; n++) {
        int *before = items;
        ARENA_MORE(&a, items, n, room);
        moves += items != before;
        assert_true(n < room);
        items[n] = (int)n;
    }
    for (int n = 0; n < 1000; n++)
        assert_int_equal(items[n], n);
    assert_true(moves < 10);
    arena_free(&a);
}

static void arena_dies_past_its_cap(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct arena a;
        close(2);
        arena_init(&a, 10000);
        for (int i = 0; i < 11; i++)
            arena_alloc(&a, 1000);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void buf_grows_to_its_cap(void **state)
{
    (void)state;
    struct arena a;
    struct buf b;
    arena_init(&a, 1 << 20);
    buf_init(&b, &a, 0, 1000);
    for (int i = 0; i < 1000; i++)
        buf_char(&b, (char)('a' + i % 26));
    assert_false(b.overflow);
    assert_int_equal(b.n, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    buf_char(&b, 'x');
    assert_true(b.overflow);
    assert_int_equal(b.n, 1000);
    assert_null(buf_room(&b, 0)); /* sticky */
    arena_free(&a);

    char storage[4];
    buf_fixed(&b, storage, sizeof(storage));
    BUF_LIT(&b, "abcde");
    assert_true(b.overflow);
    assert_int_equal(b.n, 0);
}

static void buf_writes_numbers(void **state)
{
    (void)state;
    static const int64_t T[] = {0,      7,         -1,        10,        99,        100,
                                -12345, INT32_MAX, INT64_MAX, INT64_MIN, 1000000000};
    char storage[4096], expected[32];
    struct buf b;
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        buf_fixed(&b, storage, sizeof(storage));
        buf_i64(&b, T[i]);
        int n = snprintf(expected, sizeof(expected), "%lld", (long long)T[i]);
        assert_true(str_eq(buf_str(&b), str_make(expected, (size_t)n)));
    }
    buf_fixed(&b, storage, sizeof(storage));
    buf_hex(&b, "\x00\x1f\xff\x80", 4);
    assert_true(str_eq(buf_str(&b), STR("001fff80")));
    buf_fixed(&b, storage, sizeof(storage));
    buf_printf(&b, "%0600d|%s", 5, "end"); /* more than the scratch space */
    assert_int_equal(b.n, 604);
    assert_true(str_ends(buf_str(&b), STR("05|end")));
    buf_fixed(&b, storage, 10);
    buf_printf(&b, "%0600d", 5);
    assert_true(b.overflow);
}

struct item {
    int value;
    struct list link;
};

static void list_keeps_order(void **state)
{
    (void)state;
    struct list head;
    struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    list_init(&head);
    assert_true(list_empty(&head));
    for (size_t i = 0; i < 3; i++)
        list_push_back(&head, &items[i].link);
    list_remove(&items[1].link);
    list_remove(&items[1].link);
    assert_int_equal(LIST_ENTRY(head.next, struct item, link)->value, 1);
    assert_int_equal(LIST_ENTRY(head.prev, struct item, link)->value, 3);
    list_remove(&items[0].link);
    list_remove(&items[2].link);
    assert_true(list_empty(&head));
}

static void random_bytes_differ(void **state)
{
    (void)state;
    static unsigned char seen[500][16];
    unsigned char large[1000] = {0};
    for (size_t i = 0; i < 500; i++) {
        rand_bytes(seen[i], 16);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(seen[i], seen[k], 16);
    }
    rand_bytes(large, sizeof(large));
    assert_memory_not_equal(large, large + 500, 500);
    rand_bytes(large, 0);
}

static void a_forked_child_draws_other_bytes(void **state)
{
    (void)state;
    unsigned char ours[16], theirs[16];
    int ends[2];
    rand_bytes(ours, sizeof(ours)); /* fills the thread's store */
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        rand_bytes(theirs, sizeof(theirs));
        _exit(write(ends[1], theirs, sizeof(theirs)) != sizeof(theirs));
    }
    rand_bytes(ours, sizeof(ours));
    assert_int_equal(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_memory_not_equal(ours, theirs, sizeof(ours));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(arena_copies),
        cmocka_unit_test(arena_takes_back_large_pieces),
        cmocka_unit_test(arena_arrays_grow),
        cmocka_unit_test(arena_dies_past_its_cap),
        cmocka_unit_test(buf_grows_to_its_cap),
        cmocka_unit_test(buf_writes_numbers),
        cmocka_unit_test(list_keeps_order),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(a_forked_child_draws_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
