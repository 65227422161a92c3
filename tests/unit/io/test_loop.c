/** Entering and leaving loops, and what a host sees of them. */
#include "io_support.h"

#include <poll.h>
#include <unistd.h>

#include <slimta/error.h>

#include "io/timer.h"

struct member {
    struct sli_io_loop_user user;
    struct slimta_loop *loop;
    struct member *enters; /* comes when this one has left */
    uv_loop_t *closes;
    int frees;
    int has_left;
};

static void on_left(struct sli_io_loop_user *user)
{
    struct member *member = SLI_LIST_ITEM(user, struct member, user);

    member->has_left++;
    if (member->enters != NULL) {
        assert_int_equal(sli_io_loop_enter(member->loop), 0);
        sli_io_loop_leave(member->loop, &member->enters->user, on_left);
        assert_false(member->enters->has_left);
    }
    if (member->frees) {
        assert_int_equal(slimta_loop_free(member->loop), 0);
    }
    if (member->closes != NULL) {
        assert_int_equal(uv_loop_close(member->closes), 0);
    }
}

static void a_new_loop_has_nothing_to_do(void **state)
{
    struct slimta_loop *loop = NULL;

    (void)state;
    assert_int_equal(slimta_loop_new(&loop, NULL, NULL), 0);
    assert_int_equal(slimta_loop_timeout_ms(loop), -1);
    assert_int_equal(slimta_loop_turn(loop), 0);
    assert_int_equal(slimta_loop_run(loop), 0);
    assert_true(slimta_loop_fd(loop) >= 0);
    assert_int_equal(slimta_loop_free(loop), 0);
    assert_int_equal(slimta_loop_free(NULL), 0);
}

static void a_loop_in_use_is_not_freed(void **state)
{
    struct slimta_loop *loop = NULL;
    struct member member = {.has_left = 0};

    (void)state;
    assert_int_equal(slimta_loop_new(&loop, NULL, NULL), 0);
    assert_int_equal(sli_io_loop_enter(loop), 0);
    assert_int_equal(slimta_loop_free(loop), SLIMTA_EBUSY);
    assert_int_equal(slimta_loop_turn(loop), 1);
    sli_io_loop_leave(loop, &member.user, on_left);
    assert_false(member.has_left);
    assert_int_equal(slimta_loop_free(loop), SLIMTA_EBUSY);
    while (!member.has_left) {
        assert_int_equal(slimta_loop_free(loop), SLIMTA_EBUSY);
        (void)slimta_loop_turn(loop);
    }
    assert_int_equal(slimta_loop_turn(loop), 0);
    assert_int_equal(member.has_left, 1);
    assert_int_equal(slimta_loop_free(loop), 0);
}

static void a_wrapped_loop_can_be_closed_when_left(void **state)
{
    struct slimta_loop *loop = NULL;
    struct member member = {.has_left = 0};
    uv_loop_t uv;

    (void)state;
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(slimta_loop_wrap(&loop, &uv, NULL, NULL), 0);
    assert_int_equal(slimta_loop_run(loop), SLIMTA_EINVAL);
    assert_int_equal(sli_io_loop_enter(loop), 0);
    assert_int_equal(uv_loop_close(&uv), UV_EBUSY);
    sli_io_loop_leave(loop, &member.user, on_left);
    assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
    assert_int_equal(member.has_left, 1);
    assert_int_equal(slimta_loop_free(loop), 0);
    assert_int_equal(uv_loop_close(&uv), 0);
}

static void a_wrapped_loop_is_freed_by_the_last_to_leave(void **state)
{
    struct member member = {.frees = 1};
    uv_loop_t uv;

    (void)state;
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(slimta_loop_wrap(&member.loop, &uv, NULL, NULL), 0);
    assert_int_equal(sli_io_loop_enter(member.loop), 0);
    sli_io_loop_leave(member.loop, &member.user, on_left);
    assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
    assert_int_equal(member.has_left, 1);
    assert_int_equal(uv_loop_close(&uv), 0);
}

static void a_loop_freed_inside_its_run_goes_after_it(void **state)
{
    struct failing failing = {0};
    struct slimta_alloc alloc = failing_alloc(&failing);
    struct member member = {.frees = 1};

    (void)state;
    assert_int_equal(slimta_loop_new(&member.loop, &alloc, NULL), 0);
    assert_int_equal(sli_io_loop_enter(member.loop), 0);
    sli_io_loop_leave(member.loop, &member.user, on_left);
    assert_int_equal(slimta_loop_run(member.loop), 0);
    assert_int_equal(member.has_left, 1);
    assert_int_equal(failing.out, 0);
}

static void all_leave_and_enter_again(void **state)
{
    struct slimta_loop *loop = NULL;
    struct member members[3] = {{.has_left = 0}};

    (void)state;
    assert_int_equal(slimta_loop_new(&loop, NULL, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sli_io_loop_enter(loop), 0);
        members[i].loop = loop;
    }
    members[1].enters = &members[2];
    members[2].loop = loop;
    sli_io_loop_leave(loop, &members[0].user, on_left);
    assert_int_equal(slimta_loop_turn(loop), 1);
    assert_int_equal(members[0].has_left, 1); /* the other still runs */
    sli_io_loop_leave(loop, &members[1].user, on_left);
    assert_int_equal(slimta_loop_run(loop), 0);
    assert_int_equal(members[1].has_left, 1);
    assert_int_equal(members[2].has_left, 1);
    assert_int_equal(slimta_loop_free(loop), 0);
}

/* Another one comes while the handles of the last one are closing. */
static struct member *late;

static void enter_late(struct sli_io_message *message)
{
    (void)message;
    assert_int_equal(late->loop->users, 0);
    assert_null(late->loop->inbox);
    assert_int_equal(sli_io_loop_enter(late->loop), 0);
}

static void one_enters_while_another_leaves(void **state)
{
    struct sli_io_message message = {.deliver = enter_late};
    struct member first = {.has_left = 0};
    struct member second = {.has_left = 0};
    struct slimta_loop *loop = NULL;

    (void)state;
    assert_int_equal(slimta_loop_new(&loop, NULL, NULL), 0);
    second.loop = loop;
    late = &second;
    assert_int_equal(sli_io_loop_enter(loop), 0);
    sli_io_loop_leave(loop, &first.user, on_left);
    assert_int_equal(sli_io_inbox_post(loop->inbox, &message), 0);
    while (!first.has_left) {
        assert_int_equal(slimta_loop_turn(loop), 1);
    }
    assert_int_equal(loop->users, 1);
    assert_non_null(loop->inbox);
    assert_non_null(loop->read_buffer);
    sli_io_loop_leave(loop, &second.user, on_left);
    assert_int_equal(slimta_loop_run(loop), 0);
    assert_int_equal(second.has_left, 1);
    assert_int_equal(slimta_loop_free(loop), 0);
}

/* What was posted before one leaves comes before it has left, also when it
 * leaves behind another and the loop goes on. */
static int left_before_the_message;

static void see_late(struct sli_io_message *message)
{
    (void)message;
    left_before_the_message = late->has_left;
}

static void messages_come_before_the_second_has_left(void **state)
{
    struct sli_io_message message = {.deliver = see_late};
    struct member members[3] = {{.has_left = 0}};
    struct slimta_loop *loop = NULL;

    (void)state;
    left_before_the_message = -1;
    late = &members[1];
    assert_int_equal(slimta_loop_new(&loop, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sli_io_loop_enter(loop), 0);
    }
    sli_io_loop_leave(loop, &members[0].user, on_left);
    assert_int_equal(sli_io_inbox_post(loop->inbox, &message), 0);
    sli_io_loop_leave(loop, &members[1].user, on_left);
    while (!members[1].has_left) {
        assert_int_equal(slimta_loop_turn(loop), 1);
    }
    assert_int_equal(left_before_the_message, 0);
    assert_int_equal(members[0].has_left, 1);
    sli_io_loop_leave(loop, &members[2].user, on_left);
    assert_int_equal(slimta_loop_run(loop), 0);
    assert_int_equal(slimta_loop_free(loop), 0);
}

static int has_fired;

static void on_timer(struct sli_io_timer *timer)
{
    (void)timer;
    has_fired = 1;
}

static void a_foreign_loop_turns_it(void **state)
{
    struct sli_io_timer timer = {0};
    struct test_loop test;
    struct pollfd watched;

    (void)state;
    has_fired = 0;
    test_loop_enter(&test, NULL);
    assert_int_equal(slimta_loop_timeout_ms(test.loop), 0); /* new watches */
    sli_io_timer_start(test.loop, &timer, 20, on_timer);
    watched =
        (struct pollfd){.fd = slimta_loop_fd(test.loop), .events = POLLIN};
    while (!has_fired) {
        int timeout = slimta_loop_timeout_ms(test.loop);

        assert_true(timeout >= 0);
        (void)poll(&watched, 1, timeout);
        assert_int_equal(slimta_loop_turn(test.loop), 1);
    }
    assert_int_equal(slimta_loop_timeout_ms(test.loop), -1);
    test_loop_leave(&test);
}

/* A watch that begins inside a turn, behind libuv's look at the kernel. libuv
 * gives it to the kernel in the next one and has to ask for that. */
struct late_watch {
    struct sli_io_message message;
    struct slimta_loop *loop;
    uv_poll_t poll;
    int fds[2];
    int is_closed;
};

static void on_late_closed(uv_handle_t *handle)
{
    ((struct late_watch *)handle->data)->is_closed = 1;
}

static void on_late_readable(uv_poll_t *poll_handle, int status, int events)
{
    assert_int_equal(status, 0);
    assert_int_equal(events, UV_READABLE);
    uv_close((uv_handle_t *)poll_handle, on_late_closed);
}

static void watch_late(struct sli_io_message *message)
{
    struct late_watch *late_watch =
        SLI_LIST_ITEM(message, struct late_watch, message);

    assert_int_equal(uv_poll_init(late_watch->loop->uv, &late_watch->poll,
                         late_watch->fds[0]),
        0);
    late_watch->poll.data = late_watch;
    assert_int_equal(
        uv_poll_start(&late_watch->poll, UV_READABLE, on_late_readable), 0);
}

static void a_foreign_loop_misses_no_new_watch(void **state)
{
    struct late_watch late_watch = {.message.deliver = watch_late};
    struct test_loop test;
    struct pollfd watched;

    (void)state;
    test_loop_enter(&test, NULL);
    late_watch.loop = test.loop;
    assert_int_equal(pipe(late_watch.fds), 0);
    assert_int_equal(write(late_watch.fds[1], "x", 1), 1);
    assert_int_equal(
        sli_io_inbox_post(test.loop->inbox, &late_watch.message), 0);
    watched =
        (struct pollfd){.fd = slimta_loop_fd(test.loop), .events = POLLIN};
    while (!late_watch.is_closed) {
        (void)poll(&watched, 1, slimta_loop_timeout_ms(test.loop));
        assert_int_equal(slimta_loop_turn(test.loop), 1);
    }
    assert_int_equal(close(late_watch.fds[0]), 0);
    assert_int_equal(close(late_watch.fds[1]), 0);
    test_loop_leave(&test);
}

static void bad_arguments_are_refused(void **state)
{
    struct slimta_alloc alloc = {.size = 0};
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;

    (void)state;
    assert_int_equal(
        slimta_loop_wrap(&loop, NULL, NULL, &error), SLIMTA_EINVAL);
    assert_int_equal(error.code, SLIMTA_EINVAL);
    assert_int_equal(slimta_loop_new(&loop, &alloc, &error), SLIMTA_EINVAL);
    assert_null(loop);
}

static int enter_and_leave(struct failing *failing)
{
    struct slimta_alloc alloc = failing_alloc(failing);
    struct member member = {.has_left = 0};
    struct slimta_loop *loop = NULL;
    int err = slimta_loop_new(&loop, &alloc, NULL);

    if (err != 0) {
        assert_null(loop);
        return err;
    }
    err = sli_io_loop_enter(loop);
    if (err == 0) {
        sli_io_loop_leave(loop, &member.user, on_left);
        assert_int_equal(slimta_loop_run(loop), 0);
        assert_int_equal(member.has_left, 1);
    }
    assert_int_equal(slimta_loop_free(loop), 0);
    return err;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
        int err = SLIMTA_ENOMEM;

        for (unsigned n = 1; err != 0; n++) {
            struct failing failing = {
                .fail_at = n, .from_then_on = from_then_on};

            err = enter_and_leave(&failing);
            assert_true(err == 0 || err == SLIMTA_ENOMEM);
            assert_int_equal(failing.out, 0);
            assert_true(err != 0 || failing.calls < n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_loop_has_nothing_to_do),
        cmocka_unit_test(a_loop_in_use_is_not_freed),
        cmocka_unit_test(a_wrapped_loop_can_be_closed_when_left),
        cmocka_unit_test(a_wrapped_loop_is_freed_by_the_last_to_leave),
        cmocka_unit_test(a_loop_freed_inside_its_run_goes_after_it),
        cmocka_unit_test(all_leave_and_enter_again),
        cmocka_unit_test(one_enters_while_another_leaves),
        cmocka_unit_test(messages_come_before_the_second_has_left),
        cmocka_unit_test(a_foreign_loop_turns_it),
        cmocka_unit_test(a_foreign_loop_misses_no_new_watch),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
