/** A host whose memory ends: the n-th allocation fails, for every n. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

/** More allocations than a delivery makes: the loop over n has an end. */
#define MOST 3000

/** Fails the allocation number `fails_at`, 1 first; with `stays` also each one
 * after it. */
struct faulty {
    pthread_mutex_t lock;
    size_t calls;
    size_t fails_at;
    int stays;
    size_t held; /* blocks */
};

static int may(struct faulty *faulty, int is_new)
{
    int is_allowed = 0;

    pthread_mutex_lock(&faulty->lock);
    ++faulty->calls;
    is_allowed = faulty->calls < faulty->fails_at ||
        (!faulty->stays && faulty->calls > faulty->fails_at);
    faulty->held += is_allowed && is_new;
    pthread_mutex_unlock(&faulty->lock);
    return is_allowed;
}

static void *faulty_allocate(size_t size, void *user)
{
    return may(user, 1) ? malloc(size) : NULL;
}

static void *faulty_reallocate(void *block, size_t size, void *user)
{
    return may(user, 0) ? realloc(block, size) : NULL;
}

static void faulty_release(void *block, void *user)
{
    struct faulty *faulty = user;

    pthread_mutex_lock(&faulty->lock);
    --faulty->held;
    pthread_mutex_unlock(&faulty->lock);
    free(block);
}

/** A queue that keeps nothing but the count of what it said yes to. */
struct tally {
    struct slimta_queue queue;
    size_t yes;
    size_t open; /* streamed messages without commit or abort */
};

static void tally_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct tally *tally = (struct tally *)queue;

    /* The answer itself must not fail for the first part. */
    assert_int_equal(slimta_op_queued(op, NULL, "whole"), 0);
    ++tally->yes;
    slimta_envelope_unref(envelope);
}

static void tally_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct tally *tally = (struct tally *)queue;

    ++tally->open;
    slimta_op_begun(op, tally);
    slimta_envelope_unref(envelope);
}

static void tally_write(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    (void)queue;
    (void)message;
    (void)octets;
    (void)op;
}

static void tally_commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    struct tally *tally = message;

    (void)queue;
    --tally->open;
    ++tally->yes;
    assert_int_equal(slimta_op_queued(op, NULL, "streamed"), 0);
}

static void tally_abort(struct slimta_queue *queue, void *message)
{
    struct tally *tally = message;

    (void)queue;
    --tally->open;
}

static const struct slimta_queue_methods whole = {
    .size = sizeof whole, .enqueue = tally_enqueue};

static const struct slimta_queue_methods streaming = {
    .size = sizeof streaming,
    .begin = tally_begin,
    .write = tally_write,
    .commit = tally_commit,
    .abort = tally_abort,
};

/** One way of delivering. */
struct way {
    const struct slimta_queue_methods *methods;
    size_t lines; /* of the message */
};

/* Anything may fail, so that every reply is legal, but a 250 that the queue
 * did not say. Returns how often the client heard the 250 of a message. */
static size_t deliver(const struct slimta_address *address, size_t lines)
{
    static const char line[] =
        "012345678901234567890123456789012345678901234567890123456789\r\n";
    struct host_client client;
    size_t heard = 0;
    size_t i = 0;

    if (host_client_open(&client, address) != 0) {
        return 0;
    }
    if (host_client_begin(&client) == 0) {
        for (i = 0; i < lines; ++i) {
            if (host_client_send(&client, line, sizeof line - 1) != 0) {
                break;
            }
        }
        heard = host_client_ask(&client, ".\r\n") == 250;
        (void)host_client_ask(&client, "QUIT\r\n");
    }
    host_client_close(&client);
    return heard;
}

/* A whole life of an edge; returns how often a client heard the 250. */
static size_t live(const struct way *way, const struct slimta_alloc *alloc,
    struct tally *tally)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .alloc = alloc,
        .hostname = "mx.example.net",
        .spill_bytes = 65536};
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;
    struct slimta_address address;
    size_t heard = 0;
    int err = smtp_edge_new(&edge, &options, &tally->queue, &error);

    if (err == 0) {
        err = smtp_edge_listen(edge, "127.0.0.1", 0, &error);
    }
    if (err == 0) {
        assert_int_equal(smtp_edge_address(edge, 0, &address), 1);
        err = smtp_edge_start(edge, NULL, &error);
    }
    if (err == 0) {
        heard = deliver(&address, way->lines);
        heard += deliver(&address, way->lines);
    } else {
        assert_int_equal(err, SLIMTA_ENOMEM);
        assert_int_equal(error.code, err);
    }
    smtp_edge_free(edge);
    return heard;
}

/* One n; returns whether it was reached at all. */
static int run(const struct way *way, size_t n, int stays)
{
    struct faulty faulty = {.fails_at = n, .stays = stays};
    struct slimta_alloc alloc = {sizeof alloc, faulty_allocate,
        faulty_reallocate, faulty_release, &faulty};
    struct tally tally = {.queue = {way->methods}};
    size_t heard = 0;

    pthread_mutex_init(&faulty.lock, NULL);
    heard = live(way, &alloc, &tally);
    pthread_mutex_destroy(&faulty.lock);
    assert_true(heard <= tally.yes);
    assert_int_equal(tally.open, 0);
    assert_int_equal(faulty.held, 0);
    if (faulty.calls < n) {
        assert_int_equal(heard, 2);
        assert_int_equal(tally.yes, 2);
        return 0;
    }
    return 1;
}

static void for_every_n(const struct way *way)
{
    size_t n = 0;
    int stays = 0;

    for (stays = 0; stays < 2; ++stays) {
        n = 1;
        while (run(way, n, stays)) {
            ++n;
            assert_true(n < MOST);
        }
        assert_true(n > 5);
        print_message("# %zu allocations\n", n - 1);
    }
}

static void test_small(void **state)
{
    const struct way way = {&whole, 3};

    (void)state;
    for_every_n(&way);
}

static void test_spilled(void **state)
{
    const struct way way = {&whole, 3000};

    (void)state;
    for_every_n(&way);
}

static void test_streamed(void **state)
{
    const struct way way = {&streaming, 3000};

    (void)state;
    for_every_n(&way);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_spilled),
        cmocka_unit_test(test_streamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
