/* Slots and deadlines without sockets: the free list is bounded, buffers grow, move and are
 * wiped, deadlines pass in order.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "net/deadline.h"
#include "net/slot.h"

/* Puts n bytes into the slot as a read would. */
static void arrive(struct slot *s, char byte, size_t n)
{
    while (n > 0) {
        size_t room = slot_room(s);
        assert_true(room > 0);
        size_t now = room < n ? room : n;
        memset(s->bytes + s->n, byte, now);
        s->n += now;
        s->dirty = s->n > s->dirty ? s->n : s->dirty;
        n -= now;
    }
}

static void free_list_is_bounded(void **state)
{
    enum { BURST = 1000 };
    struct slots slots;
    struct slot *taken[BURST];
    (void)state;
    slot_init(&slots);
    for (int i = 0; i < BURST; i++)
        taken[i] = slot_get(&slots);
    assert_int_equal(slots.used_n, BURST);
    assert_false(slot_wants_trim(&slots));
    for (int i = 0; i < BURST; i++)
        slot_put(&slots, taken[i]);
    assert_int_equal(slots.used_n, 0);
    assert_in_range(slots.free_n, 1, 200);
    assert_true(slot_wants_trim(&slots));
    slot_trim(&slots);
    assert_false(slot_wants_trim(&slots));
    slot_free_all(&slots);
}

static void bytes_are_wiped(void **state)
{
    struct slots slots;
    (void)state;
    slot_init(&slots);
    struct slot *s = slot_get(&slots);
    arrive(s, 's', 1000);
    s->n = 10; /* what was behind has been consumed */
    slot_put(&slots, s);
    assert_ptr_equal(slot_get(&slots), s); /* the one used last */
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(s->own[i], 0);
    slot_put(&slots, s);
    slot_free_all(&slots);
}

static void buffer_grows_to_its_limit(void **state)
{
    struct slots slots;
    (void)state;
    slot_init(&slots);
    struct slot *s = slot_get(&slots);
    arrive(s, 'a', SLOT_BUFFER_MAX);
    assert_int_equal(slot_room(s), 0);
    assert_int_equal(s->size, SLOT_BUFFER_MAX);
    for (size_t i = 0; i < s->n; i++)
        assert_int_equal(s->bytes[i], 'a');
    slot_put(&slots, s);
    assert_ptr_equal(s->bytes, s->own); /* the large one went back */
    slot_free_all(&slots);
}

/* The next request, half arrived, moves to the front and keeps its bytes. */
static void pipelined_bytes_move(void **state)
{
    struct slots slots;
    (void)state;
    slot_init(&slots);
    struct slot *s = slot_get(&slots);
    arrive(s, 'a', 3000);
    arrive(s, 'b', SLOT_BUFFER - 3000);
    s->parser.consumed = 3000;
    slot_next(s);
    assert_int_equal(s->start, 3000);
    assert_int_equal(s->parsed_n, 3000);
    assert_int_equal(slot_room(s), 3000);
    assert_int_equal(s->start, 0);
    assert_int_equal(s->parsed_n, 0);
    assert_int_equal(s->n, SLOT_BUFFER - 3000);
    assert_int_equal(s->size, SLOT_BUFFER);
    for (size_t i = 0; i < s->n; i++)
        assert_int_equal(s->bytes[i], 'b');
    slot_put(&slots, s);
    slot_free_all(&slots);
}

/* A body whose length is known gets its room at once. */
static void content_length_sizes_the_buffer(void **state)
{
    struct slots slots;
    (void)state;
    slot_init(&slots);
    struct slot *s = slot_get(&slots);
    arrive(s, 'a', SLOT_BUFFER);
    s->parser.state = HTTP_PARSE_BODY;
    s->parser.head_n = 100;
    s->parser.content_length = 40000;
    assert_int_equal(slot_room(s), 40100 - SLOT_BUFFER);
    slot_put(&slots, s);
    slot_free_all(&slots);
}

static void deadlines_pass_in_order(void **state)
{
    struct deadlines d;
    struct deadline_entry e[3] = {0};
    int ms[DEADLINES];
    (void)state;
    deadline_defaults(ms);
    deadline_init(&d, ms);
    assert_int_equal(deadline_timeout(&d, 0), -1);
    deadline_set(&d, &e[0], DEADLINE_IDLE, 0);
    deadline_set(&d, &e[1], DEADLINE_HEAD, 5000);
    deadline_set(&d, &e[2], DEADLINE_NONE, 0);
    assert_int_equal(deadline_timeout(&d, 5000), LIMIT_HEAD_MS);
    assert_null(deadline_passed(&d, 5000 + LIMIT_HEAD_MS - 1));
    assert_ptr_equal(deadline_passed(&d, 5000 + LIMIT_HEAD_MS), &e[1]);
    deadline_set(&d, &e[1], DEADLINE_IDLE, 5000);
    assert_int_equal(deadline_timeout(&d, 10000), LIMIT_IDLE_MS - 10000);
    assert_int_equal(deadline_timeout(&d, LIMIT_IDLE_MS + 1), 0);
    assert_ptr_equal(deadline_passed(&d, LIMIT_IDLE_MS), &e[0]);
    deadline_remove(&e[0]);
    assert_null(deadline_passed(&d, LIMIT_IDLE_MS));
    assert_ptr_equal(deadline_passed(&d, LIMIT_IDLE_MS + 5000), &e[1]);
    deadline_remove(&e[1]);
    assert_int_equal(deadline_timeout(&d, 0), -1); /* NONE never passes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_list_is_bounded),
        cmocka_unit_test(bytes_are_wiped),
        cmocka_unit_test(buffer_grows_to_its_limit),
        cmocka_unit_test(pipelined_bytes_move),
        cmocka_unit_test(content_length_sizes_the_buffer),
        cmocka_unit_test(deadlines_pass_in_order),
    };
    return cmocka_run_group_tests_name("net slots", tests, NULL, NULL);
}
