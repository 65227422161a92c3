/** An edge on several threads has one resolver for each loop. */
#include "host.h"

#include <stdlib.h>

enum { THREADS = 3, VISITS = 60, SEEN_MAX = 8 };

/** Which resolver was seen in which loop, and on which thread. */
struct seen {
    struct slimta_loop *loop;
    struct slimta_resolver *resolver;
    pthread_t thread;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct seen seen[SEEN_MAX];
static size_t seen_count;
static int wrong;
static int unknown;

/* Each loop has one, no two loops have the same. */
static void look(struct slimta_loop *loop, struct slimta_resolver *resolver)
{
    size_t i = 0;

    pthread_mutex_lock(&lock);
    for (; i < seen_count && seen[i].loop != loop; i++) {
        wrong += seen[i].resolver == resolver;
    }
    if (i == seen_count && seen_count < SEEN_MAX) {
        seen[seen_count++] = (struct seen){loop, resolver, pthread_self()};
    } else {
        wrong += i == seen_count || seen[i].resolver != resolver ||
            !pthread_equal(seen[i].thread, pthread_self());
    }
    pthread_mutex_unlock(&lock);
}

static void answered(const struct slimta_answer *answer, void *user)
{
    struct slimta_op *op = user;

    pthread_mutex_lock(&lock);
    unknown += slimta_answer_status(answer) == SLIMTA_DNS_UNKNOWN;
    pthread_mutex_unlock(&lock);
    (void)slimta_op_finish(op);
}

static void on_rcpt(struct slimta_session *session, struct slimta_reply *reply,
    const struct slimta_recipient *rcpt, struct slimta_op *op, void *user)
{
    struct slimta_resolver *resolver = slimta_session_resolver(session);

    (void)rcpt;
    (void)user;
    look(slimta_session_loop(session), resolver);
    slimta_op_take(op);
    if (slimta_resolver_query(NULL, resolver, "example.org", SLIMTA_DNS_A, 0,
            answered, op) != 0) {
        (void)slimta_reply_set(slimta_op_reply(op), 451, "4.3.0 No query");
        (void)slimta_op_finish(op);
    }
    (void)reply;
}

static void *visit(void *user)
{
    const struct slimta_address *address = user;
    intptr_t bad = 0;

    for (int i = 0; i < VISITS; i++) {
        bad += host_deliver(address) != 250;
    }
    return (void *)bad;
}

static void one_for_each_loop(void **state)
{
    const struct slimta_validators validators = {
        .size = sizeof validators, .rcpt = on_rcpt};
    /* Nobody answers at port 1 of this machine. */
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .threads = THREADS,
        .dns_servers = "127.0.0.1:1",
        .reverse_names = SLIMTA_REVERSE_NAMES_ON};
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;
    struct slimta_address address;
    pthread_t clients[THREADS];
    void *bad = NULL;

    (void)state;
    assert_int_equal(slimta_discard_queue_new(&queue, NULL, NULL), 0);
    assert_int_equal(smtp_edge_new(&edge, &options, queue, NULL), 0);
    assert_int_equal(smtp_edge_add_validators(edge, &validators, NULL), 0);
    assert_int_equal(smtp_edge_listen(edge, "127.0.0.1", 0, NULL), 0);
    assert_int_equal(smtp_edge_start(edge, NULL, NULL), 0);
    assert_int_equal(smtp_edge_address(edge, 0, &address), 1);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&clients[i], NULL, visit, &address), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(clients[i], &bad), 0);
        assert_null(bad);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    assert_int_equal(wrong, 0);
    assert_int_equal(unknown, THREADS * VISITS);
    assert_true(seen_count >= 1 && seen_count <= THREADS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_for_each_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
