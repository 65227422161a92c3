/** A host whose memory ends: the n-th allocation fails, for every n. */
#include "policy.h"

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

static const struct slimta_queue_methods both_forms = {
    .size = sizeof both_forms,
    .enqueue = tally_enqueue,
    .begin = tally_begin,
    .write = tally_write,
    .commit = tally_commit,
    .abort = tally_abort,
};

/** One way of delivering. */
struct way {
    const struct slimta_queue_methods *methods;
    size_t lines; /* of the message */
    int has_table;
    enum host_deed deed;    /* of each validator, with a success */
    enum host_step refuses; /* with another deed; HOST_STEPS: none does */
};

/* What the client says before the content. */
static const char *const dialogue[] = {
    "",
    "HELO client.example\r\n",
    "EHLO client.example\r\n",
    "XFROB a b\r\n",
    "MAIL FROM:<first@example.com>\r\n",
    "RCPT TO:<b@example.net>\r\n",
    "RSET\r\n",
    "MAIL FROM:<a@example.com> SIZE=100 BODY=8BITMIME\r\n",
    "RCPT TO:<b@example.net>\r\n",
    "RCPT TO:<c@example.net>\r\n",
    "NOOP\r\n",
    "RCPT TO:<d@example.net>\r\n",
    "DATA\r\n",
};

/* Whether the client gets to the content. What is refused on the way does not
 * keep it from asking on: a 250 must not come by another way. */
static int lead(struct host_client *client)
{
    size_t i = 0;
    int code = 0;

    for (i = 0; i < sizeof dialogue / sizeof dialogue[0]; ++i) {
        code = host_client_ask(client, dialogue[i]);
        if (code <= 0) {
            return 0;
        }
    }
    return code == 354;
}

/* Anything may fail, so that every reply is legal, but a 250 that the queue
 * did not say. Returns how often the client heard the 250 of a message. */
static size_t deliver(const struct slimta_address *address, size_t lines)
{
    struct host_client client;
    size_t heard = 0;
    size_t size = 0;
    char *text = NULL;

    if (host_client_open(&client, address) != 0) {
        return 0;
    }
    if (lead(&client)) {
        text = host_message(lines, &size);
        (void)host_client_send(&client, text, size);
        heard = host_client_ask(&client, ".\r\n") == 250;
        (void)host_client_ask(&client, "QUIT\r\n");
        free(text);
    }
    /* Thousands of connections would keep their ports for a minute. */
    host_client_reset(&client);
    return heard;
}

/* More text than a reply keeps without memory of its own. */
static const char long_text[] =
    "A text that is long enough to need memory of its own, whatever is kept in "
    "the reply itself: 0123456789012345678901234567890123456789012345678901234"
    "5678901234567890123456789012345678901234567890123456789012345678901234567";

static void give_orders(struct host_policy *policy, const struct way *way)
{
    static const int codes[HOST_STEPS] = {[HOST_CONNECT] = 220,
        [HOST_BANNER] = 220,
        [HOST_STARTTLS] = 220,
        [HOST_AUTH] = 235,
        [HOST_DATA] = 354,
        [HOST_QUIT] = 221,
        [HOST_EXTENSIONS] = -1};
    int step = 0;

    for (step = 0; step < HOST_STEPS; ++step) {
        int code = codes[step] == 0 ? 250 : codes[step];

        host_policy_order(policy, (enum host_step)step, way->deed,
            code < 0 ? 0 : code, long_text);
    }
    if (way->refuses < HOST_STEPS) {
        host_policy_order(policy, way->refuses, way->deed, 550, long_text);
    }
}

static void offer_more(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    /* With and without memory. */
    (void)slimta_session_set_user(session, policy, policy);
    if (step == HOST_EXTENSIONS) {
        (void)slimta_extensions_set(argument, "X-FROB", long_text);
        (void)slimta_extensions_remove(argument, "SMTPUTF8");
    }
}

/* An edge of this way that listens, or the failure. */
static int make(struct smtp_edge **edge, const struct way *way,
    const struct slimta_alloc *alloc, struct tally *tally,
    struct host_policy *policy, struct slimta_error *error)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .alloc = alloc,
        .hostname = "mx.example.net",
        .spill_bytes = 65536};
    int err = smtp_edge_new(edge, &options, &tally->queue, error);

    if (err == 0 && way->has_table) {
        err = smtp_edge_add_validators(*edge, &policy->table, error);
    }
    if (err == 0) {
        err = smtp_edge_listen(*edge, "127.0.0.1", 0, error);
    }
    return err;
}

/* A whole life of an edge; returns how often a client heard the 250. */
static size_t live(const struct way *way, const struct slimta_alloc *alloc,
    struct tally *tally, struct host_policy *policy)
{
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;
    struct slimta_address address;
    size_t heard = 0;
    int err = make(&edge, way, alloc, tally, policy, &error);

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

/* What a validator has refused is never a success, and what nobody has refused
 * is one when there was memory for all of it. */
static void judge(const struct way *way, const struct tally *tally,
    struct host_policy *policy, size_t heard, int has_failed)
{
    int is_refused = way->refuses < HOST_STEPS;

    assert_true(heard <= tally->yes);
    assert_int_equal(tally->open, 0);
    if (way->refuses == HOST_QUEUED_STEP) {
        /* Without memory it is not asked: then the queue's yes stands. */
        assert_true(heard + host_policy_asked(policy, HOST_QUEUED_STEP) <= 2);
    } else if (is_refused) {
        assert_int_equal(heard + tally->yes, 0);
    }
    if (!has_failed) {
        assert_int_equal(heard, is_refused ? 0 : 2);
    }
}

/* One n; returns whether it was reached at all. */
static int run(const struct way *way, size_t n, int stays)
{
    static struct host_policy policy;
    struct faulty faulty = {.fails_at = n, .stays = stays};
    struct slimta_alloc alloc = {sizeof alloc, faulty_allocate,
        faulty_reallocate, faulty_release, &faulty};
    struct tally tally = {.queue = {way->methods}};
    size_t heard = 0;

    host_policy_init(&policy);
    policy.look = offer_more;
    give_orders(&policy, way);
    pthread_mutex_init(&faulty.lock, NULL);
    heard = live(way, &alloc, &tally, &policy);
    pthread_mutex_destroy(&faulty.lock);
    judge(way, &tally, &policy, heard, faulty.calls >= n);
    host_policy_fini(&policy);
    assert_int_equal(faulty.held, 0);
    return faulty.calls >= n;
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

static void for_every_form(int has_table, enum host_deed deed)
{
    for_every_n(&(struct way){&whole, 3, has_table, deed, HOST_STEPS});
    for_every_n(&(struct way){&whole, 3000, has_table, deed, HOST_STEPS});
    for_every_n(&(struct way){&streaming, 3000, has_table, deed, HOST_STEPS});
    for_every_n(&(struct way){&both_forms, 3000, has_table, deed, HOST_STEPS});
}

static void test_without_validators(void **state)
{
    (void)state;
    for_every_form(0, HOST_PASS);
}

static void test_validators_that_answer_now(void **state)
{
    (void)state;
    for_every_form(1, HOST_SET);
}

static void test_validators_that_take_their_ops(void **state)
{
    (void)state;
    for_every_form(1, HOST_FINISH);
}

/* Without memory a no does not become a yes. */
static void test_validators_that_refuse(void **state)
{
    static const enum host_step steps[] = {HOST_MAIL, HOST_RCPT, HOST_DATA,
        HOST_CHUNK, HOST_HAVE_DATA, HOST_QUEUED_STEP};
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof steps / sizeof steps[0]; ++i) {
        for_every_n(&(struct way){&whole, 3, 1, HOST_SET, steps[i]});
        for_every_n(&(struct way){&streaming, 3, 1, HOST_FINISH, steps[i]});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_validators),
        cmocka_unit_test(test_validators_that_answer_now),
        cmocka_unit_test(test_validators_that_take_their_ops),
        cmocka_unit_test(test_validators_that_refuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
