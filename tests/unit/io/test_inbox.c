/** Messages from other threads, and the end of an inbox. */
#include "io_support.h"

#include <pthread.h>

#include <slimta/error.h>

#include "io/inbox.h"

enum { THREADS = 4, EACH = 500 };

struct note {
    struct sli_io_message message;
    int sender;
    int number;
};

struct sender {
    pthread_t thread;
    struct sli_io_inbox *inbox;
    int index;
    int refused;
};

static int next_number[THREADS];
static int delivered;
static int all_delivered;

static void on_note(struct sli_io_message *message)
{
    struct note *note = SLI_LIST_ITEM(message, struct note, message);

    assert_int_equal(note->number, next_number[note->sender]++);
    all_delivered = ++delivered == THREADS * EACH;
    free(note);
}

static void *send_notes(void *user)
{
    struct sender *sender = user;

    for (int i = 0; i < EACH; i++) {
        struct note *note = malloc(sizeof *note);

        *note = (struct note){.sender = sender->index, .number = i};
        note->message.deliver = on_note;
        if (sli_io_inbox_post(sender->inbox, &note->message) != 0) {
            sender->refused++;
            free(note);
        }
    }
    sli_io_inbox_unref(sender->inbox);
    return NULL;
}

static void start_senders(
    struct sender senders[THREADS], struct sli_io_inbox *inbox)
{
    delivered = 0;
    all_delivered = 0;
    for (int i = 0; i < THREADS; i++) {
        next_number[i] = 0;
        senders[i] =
            (struct sender){.inbox = sli_io_inbox_ref(inbox), .index = i};
        assert_int_equal(
            pthread_create(&senders[i].thread, NULL, send_notes, &senders[i]),
            0);
    }
}

static int join_senders(struct sender senders[THREADS])
{
    int refused = 0;

    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(senders[i].thread, NULL), 0);
        refused += senders[i].refused;
    }
    return refused;
}

static void several_threads_post_in_order(void **state)
{
    struct sender senders[THREADS];
    struct test_loop test;

    (void)state;
    test_loop_enter(&test, NULL);
    start_senders(senders, test.loop->inbox);
    test_loop_run_until(&test, &all_delivered);
    assert_int_equal(join_senders(senders), 0);
    test_loop_leave(&test);
}

/* Whatever was accepted is delivered, whatever was not is the sender's. */
static void closing_races_with_posting(void **state)
{
    struct sender senders[THREADS];
    struct test_loop test;
    int refused;

    (void)state;
    test_loop_enter(&test, NULL);
    start_senders(senders, test.loop->inbox);
    (void)uv_run(test.loop->uv, UV_RUN_NOWAIT);
    test_loop_leave(&test);
    refused = join_senders(senders);
    assert_int_equal(delivered + refused, THREADS * EACH);
}

static void on_plain(struct sli_io_message *message)
{
    (void)message;
    delivered++;
}

static struct sli_io_inbox *closing_inbox;
static int has_closed;

static void on_inbox_closed(void *user)
{
    *(int *)user = 1;
}

static void on_closer(struct sli_io_message *message)
{
    (void)message;
    delivered++;
    sli_io_inbox_close(closing_inbox, on_inbox_closed, &has_closed);
    assert_int_equal(delivered, 3); /* those behind it too */
    assert_false(has_closed);
}

static void closing_in_a_delivery_delivers_the_rest(void **state)
{
    struct sli_io_message closer = {.deliver = on_closer};
    struct sli_io_message rest[2] = {
        {.deliver = on_plain}, {.deliver = on_plain}};
    struct slimta_alloc alloc;
    uv_loop_t uv;

    (void)state;
    delivered = 0;
    has_closed = 0;
    assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(sli_io_inbox_new(&closing_inbox, &alloc, &uv), 0);
    assert_int_equal(sli_io_inbox_post(closing_inbox, &closer), 0);
    assert_int_equal(sli_io_inbox_post(closing_inbox, &rest[0]), 0);
    assert_int_equal(sli_io_inbox_post(closing_inbox, &rest[1]), 0);
    assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
    assert_true(has_closed);
    assert_int_equal(uv_loop_close(&uv), 0);
    assert_int_equal(sli_io_inbox_post(closing_inbox, &closer),
        SLIMTA_ECANCELED); /* its loop is gone */
    sli_io_inbox_unref(closing_inbox);
    assert_int_equal(delivered, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_threads_post_in_order),
        cmocka_unit_test(closing_races_with_posting),
        cmocka_unit_test(closing_in_a_delivery_delivers_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
