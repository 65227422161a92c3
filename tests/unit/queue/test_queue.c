/** A queue's end. */
#include "test.h"

#include <slimta/queue.h>

struct counting {
    struct slimta_queue queue;
    int freed;
};

static void count_free(struct slimta_queue *queue)
{
    ((struct counting *)queue)->freed++;
}

static void test_free_calls_the_method(void **state)
{
    struct slimta_queue_methods methods = {
        .size = sizeof methods, .free = count_free};
    struct counting counting = {.queue = {.methods = &methods}};

    (void)state;
    slimta_queue_free(&counting.queue);
    assert_int_equal(1, counting.freed);
}

static void test_free_accepts_nothing_to_free(void **state)
{
    struct slimta_queue_methods methods = {.size = sizeof methods};
    struct slimta_queue queue = {.methods = &methods};

    (void)state;
    slimta_queue_free(NULL);
    slimta_queue_free(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_calls_the_method),
        cmocka_unit_test(test_free_accepts_nothing_to_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
