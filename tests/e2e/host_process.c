/** What an edge may not do to its host: kill it, change it, or fill it. */
#include "host.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** The most that sockets, buffers and one read hold together; a client that
 * can send much more is read without a limit. */
#define BLOCKED_BY (32u << 20)
#define FLOOD_MOST (128u << 20)

/** An allocator that counts what is held. */
struct counter {
    pthread_mutex_t lock;
    size_t held;
    size_t peak;
};

static void count(struct counter *counter, size_t more, size_t less)
{
    pthread_mutex_lock(&counter->lock);
    counter->held = counter->held + more - less;
    if (counter->held > counter->peak) {
        counter->peak = counter->held;
    }
    pthread_mutex_unlock(&counter->lock);
}

static size_t peak(struct counter *counter)
{
    size_t result = 0;

    pthread_mutex_lock(&counter->lock);
    result = counter->peak;
    pthread_mutex_unlock(&counter->lock);
    return result;
}

/* Each block begins with its size, in room that keeps the alignment. */
#define HEAD 16

static void *counting_allocate(size_t size, void *user)
{
    char *block = malloc(size + HEAD);

    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    count(user, size, 0);
    return block + HEAD;
}

static void *counting_reallocate(void *old, size_t size, void *user)
{
    size_t before = 0;
    char *block = NULL;

    memcpy(&before, (char *)old - HEAD, sizeof before);
    block = realloc((char *)old - HEAD, size + HEAD);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    count(user, size, before);
    return block + HEAD;
}

static void counting_release(void *old, void *user)
{
    size_t before = 0;

    memcpy(&before, (char *)old - HEAD, sizeof before);
    count(user, 0, before);
    free((char *)old - HEAD);
}

static void test_reset_without_ignoring_sigpipe(void **state)
{
    struct sigaction action;
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;
    int round = 0;

    (void)state;
    assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, NULL, &queue.queue);
    for (round = 0; round < 200; ++round) {
        assert_int_equal(host_client_open(&client, &host.address), 0);
        if (round % 2 == 0) {
            assert_int_equal(host_client_reply(&client), 220);
        }
        (void)host_client_flood(&client, "NOOP\r\n", 60000);
        host_client_reset(&client);
    }
    assert_int_equal(host_deliver(&host.address), 250);
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
}

static void test_reset_before_a_late_reply(void **state)
{
    struct host_pending pending;
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;
    int round = 0;

    (void)state;
    host_queue_init(&queue, HOST_LATER);
    host_edge_start(&host, NULL, &queue.queue);
    for (round = 0; round < 50; ++round) {
        assert_int_equal(host_client_open(&client, &host.address), 0);
        assert_int_equal(host_client_begin(&client), 0);
        assert_int_equal(host_client_send(&client, "x\r\n.\r\n", 6), 0);
        pending = host_queue_next(&queue);
        /* The reply and the reset meet in either order. */
        host_client_reset(&client);
        assert_int_equal(host_pending_accept(&pending), 0);
    }
    host_queue_answers(&queue, HOST_QUEUED);
    assert_int_equal(host_deliver(&host.address), 250);
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
}

#define SIGNALS 65

extern char **environ;

/** All of the process that an edge could change. */
struct condition {
    sigset_t mask;
    struct sigaction actions[SIGNALS];
    char directory[4096];
    char locale[256];
    mode_t mask_of_files;
    char **environment;
    char *first_variable;
    size_t threads;
    size_t descriptors;
};

static void look(struct condition *condition)
{
    int number = 0;

    memset(condition, 0, sizeof *condition);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &condition->mask), 0);
    for (number = 1; number < SIGNALS; ++number) {
        (void)sigaction(number, NULL, &condition->actions[number]);
    }
    assert_non_null(getcwd(condition->directory, sizeof condition->directory));
    strncpy(condition->locale, setlocale(LC_ALL, NULL),
        sizeof condition->locale - 1);
    condition->mask_of_files = umask(022);
    umask(condition->mask_of_files);
    condition->environment = environ;
    condition->first_variable = environ == NULL ? NULL : environ[0];
    condition->threads = host_count("/proc/self/task");
    condition->descriptors = host_count("/proc/self/fd");
}

static void compare(const struct condition *a, const struct condition *b)
{
    int number = 0;

    for (number = 1; number < SIGNALS; ++number) {
        assert_int_equal(
            sigismember(&a->mask, number), sigismember(&b->mask, number));
        assert_true(
            a->actions[number].sa_handler == b->actions[number].sa_handler);
        assert_int_equal(
            a->actions[number].sa_flags, b->actions[number].sa_flags);
    }
    assert_string_equal(a->directory, b->directory);
    assert_string_equal(a->locale, b->locale);
    assert_int_equal(a->mask_of_files, b->mask_of_files);
    assert_ptr_equal(a->environment, b->environment);
    assert_ptr_equal(a->first_variable, b->first_variable);
}

/* A session of each kind: served, refused, cut off within its message. */
static void serve(const struct slimta_address *address)
{
    struct host_client client;

    assert_int_equal(host_deliver(address), 250);
    assert_int_equal(host_client_open(&client, address), 0);
    assert_int_equal(host_client_reply(&client), 220);
    assert_int_equal(host_client_ask(&client, "WHAT\r\n"), 500);
    assert_int_equal(host_client_ask(&client, "QUIT\r\n"), 221);
    assert_int_equal(host_client_reply(&client), 0);
    host_client_close(&client);
    assert_int_equal(host_client_open(&client, address), 0);
    assert_int_equal(host_client_begin(&client), 0);
    host_client_reset(&client);
    assert_int_equal(host_deliver(address), 250);
}

static void expect_no_change(void)
{
    struct condition before;
    struct condition during;
    struct condition after;
    struct host_queue queue;
    struct host_edge host;
    int round = 0;

    host_queue_init(&queue, HOST_QUEUED);
    /* libuv opens a few descriptors for the process with the first loop. */
    for (round = 0; round < 2; ++round) {
        look(&before);
        host_edge_start(&host, NULL, &queue.queue);
        serve(&host.address);
        look(&during);
        compare(&before, &during);
        host_edge_stop(&host, 1000);
        look(&after);
        compare(&before, &after);
    }
    assert_int_equal(before.threads, after.threads);
    assert_int_equal(before.descriptors, after.descriptors);
    host_queue_fini(&queue);
}

static void test_nothing_is_changed(void **state)
{
    (void)state;
    expect_no_change();
}

static void ignore(int number)
{
    (void)number;
}

/* What is not the default is not made so either. */
static void test_an_unusual_host_stays_so(void **state)
{
    const struct sigaction ours = {
        .sa_handler = ignore, .sa_flags = SA_NODEFER};
    struct sigaction usual;
    struct condition before;
    sigset_t some;

    (void)state;
    look(&before);
    assert_int_equal(sigaction(SIGUSR1, &ours, &usual), 0);
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    sigaddset(&some, SIGTERM);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &some, NULL), 0);
    umask(0137);
    assert_int_equal(chdir("/"), 0);
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    expect_no_change();
    assert_non_null(setlocale(LC_ALL, before.locale));
    assert_int_equal(chdir(before.directory), 0);
    umask(before.mask_of_files);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before.mask, NULL), 0);
    assert_int_equal(sigaction(SIGUSR1, &usual, NULL), 0);
}

static void test_signals_stay_with_the_host(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .threads = 2};
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
    struct host_queue queue;
    struct host_edge host;
    sigset_t set;
    sigset_t old;
    size_t i = 0;
    int got = 0;

    (void)state;
    sigemptyset(&set);
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
        sigaddset(&set, numbers[i]);
    }
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, &options, &queue.queue);
    /* Blocked here and in the edge's threads: it stays pending for us. One of
     * theirs that did not block it would die of it. */
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
        assert_int_equal(kill(getpid(), numbers[i]), 0);
        assert_int_equal(sigwait(&set, &got), 0);
        assert_int_equal(got, numbers[i]);
    }
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
    assert_int_equal(host_deliver(&host.address), 250);
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
}

/** An edge that counts its memory, and one client. */
struct watched {
    struct counter counter;
    struct slimta_alloc alloc;
    struct host_queue queue;
    struct host_edge host;
    struct host_client client;
};

static void open_watched(struct watched *watched, enum host_answer answer)
{
    struct smtp_edge_options options = {.size = sizeof options};

    watched->counter = (struct counter){.held = 0};
    pthread_mutex_init(&watched->counter.lock, NULL);
    watched->alloc =
        (struct slimta_alloc){sizeof watched->alloc, counting_allocate,
            counting_reallocate, counting_release, &watched->counter};
    options.alloc = &watched->alloc;
    host_queue_init(&watched->queue, answer);
    host_edge_start(&watched->host, &options, &watched->queue.queue);
    assert_int_equal(
        host_client_open(&watched->client, &watched->host.address), 0);
}

static void close_watched(struct watched *watched)
{
    host_client_close(&watched->client);
    host_edge_stop(&watched->host, 0);
    host_queue_fini(&watched->queue);
    assert_int_equal(watched->counter.held, 0);
    pthread_mutex_destroy(&watched->counter.lock);
}

static void test_slow_queue_stops_the_reading(void **state)
{
    struct host_pending pending;
    struct watched watched;
    size_t sent = 0;

    (void)state;
    open_watched(&watched, HOST_LATER);
    assert_int_equal(host_client_begin(&watched.client), 0);
    assert_int_equal(host_client_send(&watched.client, "x\r\n.\r\n", 6), 0);
    pending = host_queue_next(&watched.queue);
    sent = host_client_flood(&watched.client, "NOOP\r\n", FLOOD_MOST);
    assert_true(sent < BLOCKED_BY);
    assert_true(peak(&watched.counter) < 2u << 20);
    assert_int_equal(host_pending_accept(&pending), 0);
    assert_int_equal(host_client_reply(&watched.client), 250);
    /* What was sent ahead is served now. */
    assert_int_equal(host_client_reply(&watched.client), 250);
    close_watched(&watched);
}

static void test_a_client_that_does_not_read(void **state)
{
    struct watched watched;
    size_t sent = 0;

    (void)state;
    open_watched(&watched, HOST_QUEUED);
    assert_int_equal(host_client_reply(&watched.client), 220);
    sent = host_client_flood(&watched.client, "NOOP\r\n", FLOOD_MOST);
    assert_true(sent < BLOCKED_BY);
    assert_true(peak(&watched.counter) < 2u << 20);
    assert_int_equal(host_deliver(&watched.host.address), 250);
    close_watched(&watched);
}

/* One line without an end. */
static void send_much(struct host_client *client, size_t size)
{
    static char block[65536];
    size_t sent = 0;

    memset(block, 'x', sizeof block);
    for (sent = 0; sent < size; sent += sizeof block) {
        assert_int_equal(host_client_send(client, block, sizeof block), 0);
    }
}

static void test_an_endless_line(void **state)
{
    struct watched watched;

    (void)state;
    open_watched(&watched, HOST_QUEUED);
    assert_int_equal(host_client_reply(&watched.client), 220);
    send_much(&watched.client, 20u << 20);
    assert_true(peak(&watched.counter) < 1u << 20);
    assert_int_equal(host_client_ask(&watched.client, "\r\n"), 500);
    assert_int_equal(host_client_ask(&watched.client, "NOOP\r\n"), 250);
    close_watched(&watched);
}

static void test_a_message_over_the_limit(void **state)
{
    struct watched watched;

    (void)state;
    open_watched(&watched, HOST_QUEUED);
    assert_int_equal(host_client_begin(&watched.client), 0);
    send_much(&watched.client, 60u << 20);
    assert_int_equal(host_client_ask(&watched.client, "\r\n.\r\n"), 552);
    assert_true(peak(&watched.counter) < 8u << 20);
    assert_int_equal(
        host_queue_count(&watched.queue, &watched.queue.messages), 0);
    assert_int_equal(host_client_ask(&watched.client, "NOOP\r\n"), 250);
    close_watched(&watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset_without_ignoring_sigpipe),
        cmocka_unit_test(test_reset_before_a_late_reply),
        cmocka_unit_test(test_nothing_is_changed),
        cmocka_unit_test(test_an_unusual_host_stays_so),
        cmocka_unit_test(test_signals_stay_with_the_host),
        cmocka_unit_test(test_slow_queue_stops_the_reading),
        cmocka_unit_test(test_a_client_that_does_not_read),
        cmocka_unit_test(test_an_endless_line),
        cmocka_unit_test(test_a_message_over_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
