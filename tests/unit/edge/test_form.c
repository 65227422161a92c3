/** Which queues can be used. */
#include "test.h"

#include <string.h>

#include "edge/form.h"

static void enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    (void)queue;
    (void)envelope;
    (void)op;
}

static void write_octets(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    (void)queue;
    (void)message;
    (void)octets;
    (void)op;
}

static void commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    (void)queue;
    (void)message;
    (void)op;
}

static void forget(struct slimta_queue *queue, void *message)
{
    (void)queue;
    (void)message;
}

static void recipient(struct slimta_queue *queue, void *message,
    const struct slimta_recipient *what, struct slimta_op *op)
{
    (void)queue;
    (void)message;
    (void)what;
    (void)op;
}

static uint64_t capabilities(struct slimta_queue *queue)
{
    (void)queue;
    return SLIMTA_CAN_DSN;
}

static const char *flaw_of(const struct slimta_queue_methods *methods)
{
    const struct slimta_queue queue = {methods};

    return sli_edge_form_flaw(&queue);
}

static const struct slimta_queue_methods whole = {
    .size = sizeof whole, .enqueue = enqueue};
static const struct slimta_queue_methods streaming = {.size = sizeof streaming,
    .begin = enqueue,
    .write = write_octets,
    .commit = commit,
    .abort = forget,
    .recipient = recipient};

static void takes_every_form(void **state)
{
    struct slimta_queue_methods methods = streaming;
    struct slimta_queue queue = {&methods};

    (void)state;
    assert_null(flaw_of(&whole));
    assert_null(flaw_of(&streaming));
    assert_int_equal(sli_edge_form_has_recipient(&queue), 1);
    methods.enqueue = enqueue;
    assert_null(flaw_of(&methods));
    methods.recipient = NULL;
    assert_null(flaw_of(&methods));
    assert_int_equal(sli_edge_form_has_recipient(&queue), 0);
}

static void streaming_needs_its_four(void **state)
{
    (void)state;
    for (int missing = 0; missing < 4; missing++) {
        struct slimta_queue_methods methods = streaming;

        methods.begin = missing == 0 ? NULL : methods.begin;
        methods.write = missing == 1 ? NULL : methods.write;
        methods.commit = missing == 2 ? NULL : methods.commit;
        methods.abort = missing == 3 ? NULL : methods.abort;
        assert_non_null(flaw_of(&methods));
    }
}

static void recipient_needs_begin(void **state)
{
    struct slimta_queue_methods methods = whole;

    (void)state;
    methods.recipient = recipient;
    assert_non_null(flaw_of(&methods));
}

static void nothing_is_no_queue(void **state)
{
    const struct slimta_queue_methods empty = {.size = sizeof empty};

    (void)state;
    assert_non_null(sli_edge_form_flaw(NULL));
    assert_non_null(flaw_of(NULL));
    assert_non_null(flaw_of(&empty));
}

/* A table of a host that knows no `recipient` ends before it. */
static void reads_no_further_than_the_size(void **state)
{
    struct slimta_queue_methods methods = streaming;
    struct slimta_queue queue = {&methods};

    (void)state;
    methods.size = offsetof(struct slimta_queue_methods, recipient);
    assert_null(flaw_of(&methods));
    assert_int_equal(sli_edge_form_has_recipient(&queue), 0);
    methods.size--;
    assert_non_null(flaw_of(&methods));
    methods.size = 0;
    assert_non_null(flaw_of(&methods));
}

/* A table that ends before the member claims nothing. */
static void asks_for_capabilities(void **state)
{
    struct slimta_queue_methods methods = {.size = sizeof methods,
        .enqueue = enqueue,
        .capabilities = capabilities};
    struct slimta_queue queue = {&methods};

    (void)state;
    assert_int_equal(sli_edge_form_capabilities(&queue), SLIMTA_CAN_DSN);
    methods.size = offsetof(struct slimta_queue_methods, capabilities);
    assert_int_equal(sli_edge_form_capabilities(&queue), 0);
    assert_null(sli_edge_form_flaw(&queue));
    methods.size = sizeof methods;
    methods.capabilities = NULL;
    assert_int_equal(sli_edge_form_capabilities(&queue), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_form),
        cmocka_unit_test(streaming_needs_its_four),
        cmocka_unit_test(recipient_needs_begin),
        cmocka_unit_test(nothing_is_no_queue),
        cmocka_unit_test(reads_no_further_than_the_size),
        cmocka_unit_test(asks_for_capabilities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
