/** The queue that accepts everything and keeps nothing. */
#include "test.h"

#include "box.h"
#include "station.h"

#include "fail_alloc.h"

static struct fail_alloc alloc;
static struct station station;

static int set_up(void **state)
{
    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    memset(&station, 0, sizeof station);
    if (slimta_discard_queue_new(&station.queue, &alloc.table, NULL) != 0) {
        return -1;
    }
    return station_open(&station, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    station_finish(&station);
    station_close(&station);
    slimta_queue_free(station.queue);
    return alloc.live == 0 ? 0 : -1;
}

static void test_a_whole_message_is_accepted_at_once(void **state)
{
    struct slimta_envelope *envelope = box_message("A: b\r\n\r\n");
    struct asked one = {0};
    struct asked two = {0};

    (void)state;
    fail_alloc_arm(&alloc, 1, FAIL_ALLOC_ONWARD); /* it needs no memory */
    assert_int_equal(
        1, station_enqueue(&station, &one, slimta_envelope_ref(envelope)));
    assert_int_equal(1, station_enqueue(&station, &two, envelope));
    assert_int_equal(250, one.code);
    assert_string_equal("discarded-1", one.id);
    assert_string_equal("discarded-2", two.id);
    assert_int_equal(0, fail_alloc_has_failed(&alloc));
}

static void test_a_stream_is_accepted_at_once(void **state)
{
    const struct slimta_queue_methods *methods = station.queue->methods;
    struct asked begin = {0};
    struct asked write = {0};
    struct asked commit = {0};
    struct slimta_op *op = station_op(&station, &begin);

    (void)state;
    methods->begin(station.queue, box_message(""), op);
    assert_int_equal(1, op->has_begun);
    assert_int_equal(1, station_asked(&station, &begin, op));
    assert_non_null(begin.begun);
    op = station_op(&station, &write);
    methods->write(station.queue, begin.begun, SLI_LITERAL("A: b\r\n"), op);
    assert_int_equal(1, station_asked(&station, &write, op));
    op = station_op(&station, &commit);
    methods->commit(station.queue, begin.begun, op);
    assert_int_equal(1, station_asked(&station, &commit, op));
    assert_int_equal(250, commit.code);
    assert_string_equal("discarded-1", commit.id);
    methods->abort(station.queue, begin.begun);
}

static void test_without_memory(void **state)
{
    struct slimta_queue *queue = NULL;
    struct slimta_error error;

    (void)state;
    fail_alloc_arm(&alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        SLIMTA_ENOMEM, slimta_discard_queue_new(&queue, &alloc.table, &error));
    assert_null(queue);
    assert_int_equal(SLIMTA_ENOMEM, error.code);
}

static void test_a_wrong_allocator_is_refused(void **state)
{
    struct slimta_alloc wrong = {.size = 0};
    struct slimta_queue *queue = NULL;

    (void)state;
    assert_int_equal(
        SLIMTA_EINVAL, slimta_discard_queue_new(&queue, &wrong, NULL));
    assert_null(queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_whole_message_is_accepted_at_once),
        TEST(test_a_stream_is_accepted_at_once),
        TEST(test_without_memory),
        TEST(test_a_wrong_allocator_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
