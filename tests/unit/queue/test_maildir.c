/** The queue that stores each message in a maildir. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "box.h"
#include "station.h"

#include "fail_alloc.h"

enum { PIECES = 131072 }; /* what a conversion to LF asks for, in the pool */

/* An allocator that holds the jobs of the pool up, at their PIECES. */
struct gate {
    struct slimta_alloc table;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int is_shut;
    int waiting;
};

static void *gate_allocate(size_t size, void *user)
{
    struct gate *gate = user;

    pthread_mutex_lock(&gate->lock);
    if (size == PIECES && gate->is_shut) {
        gate->waiting++;
        pthread_cond_broadcast(&gate->changed);
        while (gate->is_shut) {
            pthread_cond_wait(&gate->changed, &gate->lock);
        }
    }
    pthread_mutex_unlock(&gate->lock);
    return malloc(size);
}

static void *gate_reallocate(void *block, size_t size, void *user)
{
    (void)user;
    return realloc(block, size);
}

static void gate_release(void *block, void *user)
{
    (void)user;
    free(block);
}

static void gate_init(struct gate *gate)
{
    *gate = (struct gate){.is_shut = 1,
        .table = {.size = sizeof gate->table,
            .allocate = gate_allocate,
            .reallocate = gate_reallocate,
            .release = gate_release,
            .user = gate}};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

static void gate_fini(struct gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
    pthread_cond_destroy(&gate->changed);
}

static void gate_wait_for(struct gate *gate, int waiting)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting < waiting) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_shut = 0;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static struct box box;
static struct gate gate;
static struct slimta_error error;

static int set_up(void **state)
{
    (void)state;
    box_open(&box);
    gate_init(&gate);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gate_fini(&gate);
    box_close(&box);
    return 0;
}

static int make(struct slimta_queue **out, const struct slimta_alloc *alloc,
    enum slimta_newlines newlines)
{
    struct slimta_maildir_options options = {.size = sizeof options,
        .directory = box.path,
        .newlines = newlines,
        .alloc = alloc};

    return slimta_maildir_queue_new(out, &options, &error);
}

/* A station of its own with a queue of its own. */
static void open_station(struct station *station, enum slimta_newlines newlines)
{
    *station = (struct station){0};
    assert_int_equal(0, make(&station->queue, NULL, newlines));
    assert_int_equal(0, station_open(station, NULL));
}

static void close_station(struct station *station)
{
    station_finish(station);
    station_close(station);
    slimta_queue_free(station->queue);
}

static void assert_counts(size_t in_tmp, size_t in_new)
{
    assert_int_equal(in_tmp, box_count(&box, "tmp", NULL));
    assert_int_equal(in_new, box_count(&box, "new", NULL));
}

/* The message of that id ends with `content`, below its head. */
static void assert_stored(
    const char *id, struct slimta_envelope *envelope, const char *content)
{
    char *head = box_head(envelope, id);
    char where[256];
    size_t size;
    char *text;

    (void)snprintf(where, sizeof where, "new/%s", id);
    text = box_read(&box, where, &size);
    assert_int_equal(strlen(head) + strlen(content), size);
    assert_memory_equal(head, text, strlen(head));
    assert_string_equal(content, text + strlen(head));
    free(text);
    free(head);
}

static void test_a_message_is_stored_under_its_id(void **state)
{
    const char *content = "Subject: x\r\n\r\nHi\r\n";
    struct slimta_envelope *envelope = box_message(content);
    struct asked asked = {0};
    struct station station;

    (void)state;
    open_station(&station, SLIMTA_NEWLINES_CRLF);
    assert_int_equal(
        0, station_enqueue(&station, &asked, slimta_envelope_ref(envelope)));
    close_station(&station);
    assert_int_equal(1, asked.answers);
    assert_int_equal(250, asked.code);
    assert_counts(0, 1);
    assert_stored(asked.id, envelope, content);
    slimta_envelope_unref(envelope);
}

static void test_newlines_become_lf(void **state)
{
    struct asked asked = {0};
    struct station station;
    char where[256];
    size_t size;
    char *text;

    (void)state;
    open_station(&station, SLIMTA_NEWLINES_LF);
    station_enqueue(&station, &asked, box_message("A: b\r\n\r\nHi\r\n"));
    close_station(&station);
    (void)snprintf(where, sizeof where, "new/%s", asked.id);
    text = box_read(&box, where, &size);
    assert_null(strchr(text, '\r'));
    assert_string_equal("\nA: b\n\nHi\n", text + size - 10);
    free(text);
}

static void test_the_working_directory_does_not_matter(void **state)
{
    struct slimta_maildir_options options = {
        .size = sizeof options, .directory = "mail"};
    int here = open(".", O_RDONLY | O_DIRECTORY);
    struct station station = {0};
    struct asked asked = {0};

    (void)state;
    assert_int_equal(0, chdir(box.path));
    assert_int_equal(
        0, slimta_maildir_queue_new(&station.queue, &options, &error));
    assert_int_equal(0, fchdir(here));
    (void)close(here);
    assert_int_equal(0, station_open(&station, NULL));
    station_enqueue(&station, &asked, box_message("A: b\r\n\r\n"));
    close_station(&station);
    assert_int_equal(250, asked.code);
    assert_int_equal(1, box_count(&box, "mail/new", NULL));
}

static void test_more_than_a_batch_at_once(void **state)
{
    static struct asked asked[150];
    struct station station;

    (void)state;
    memset(asked, 0, sizeof asked);
    open_station(&station, SLIMTA_NEWLINES_CRLF);
    for (size_t i = 0; i < 150; i++) {
        station_enqueue(&station, &asked[i], box_message("A: b\r\n\r\n"));
    }
    close_station(&station);
    for (size_t i = 0; i < 150; i++) {
        assert_int_equal(1, asked[i].answers);
        assert_int_equal(250, asked[i].code);
    }
    assert_counts(0, 150);
}

enum { EACH = 100, AT_ONCE = 20 };

/* A thread that has EACH messages stored, at first AT_ONCE of them, then one
 * more for each answer. */
struct sender {
    struct station station;
    struct asked asked[EACH];
    struct slimta_envelope *envelopes[EACH];
    size_t sent;
};

static void send_next(struct sender *sender)
{
    size_t i = sender->sent;
    char text[64];

    if (i == EACH) {
        return;
    }
    sender->sent++;
    (void)snprintf(text, sizeof text, "Number: %zu\r\n\r\n", i);
    sender->envelopes[i] = box_message(text);
    station_enqueue(&sender->station, &sender->asked[i],
        slimta_envelope_ref(sender->envelopes[i]));
}

static void sender_heard(struct station *station, struct asked *asked)
{
    (void)asked;
    send_next((struct sender *)station);
}

static void *sender_main(void *user)
{
    struct sender *sender = user;

    sender->station.heard = sender_heard;
    if (station_open(&sender->station, NULL) == 0) {
        for (size_t i = 0; i < AT_ONCE; i++) {
            send_next(sender);
        }
    }
    station_finish(&sender->station);
    station_close(&sender->station);
    return NULL;
}

static void check_sender(struct sender *sender)
{
    char text[64];

    for (size_t i = 0; i < EACH; i++) {
        assert_int_equal(1, sender->asked[i].answers);
        assert_int_equal(250, sender->asked[i].code);
        (void)snprintf(text, sizeof text, "Number: %zu\r\n\r\n", i);
        assert_stored(sender->asked[i].id, sender->envelopes[i], text);
        slimta_envelope_unref(sender->envelopes[i]);
    }
}

static void test_two_loops_on_two_threads(void **state)
{
    static struct sender senders[2];
    struct slimta_queue *queue = NULL;
    pthread_t threads[2];

    (void)state;
    memset(senders, 0, sizeof senders);
    assert_int_equal(0, make(&queue, NULL, SLIMTA_NEWLINES_CRLF));
    for (size_t i = 0; i < 2; i++) {
        senders[i].station.queue = queue;
        assert_int_equal(
            0, pthread_create(&threads[i], NULL, sender_main, &senders[i]));
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
    }
    slimta_queue_free(queue);
    assert_counts(0, 2 * EACH);
    check_sender(&senders[0]);
    check_sender(&senders[1]);
}

static void test_a_spoilt_maildir_refuses_then_goes_on(void **state)
{
    struct station station;
    struct asked first = {0};
    struct asked second = {0};
    char away[512];

    (void)state;
    open_station(&station, SLIMTA_NEWLINES_CRLF);
    (void)snprintf(away, sizeof away, "%s", box_path(&box, "away"));
    assert_int_equal(0, rename(box_path(&box, "tmp"), away));
    station_enqueue(&station, &first, box_message("A: b\r\n\r\n"));
    while (first.answers == 0) {
        (void)slimta_loop_turn(station.loop);
    }
    assert_int_equal(451, first.code);
    assert_string_equal("4.3.0 Error queuing message", first.text);
    assert_int_equal(0, rename(away, box_path(&box, "tmp")));
    assert_counts(0, 0);

    station_enqueue(&station, &second, box_message("A: b\r\n\r\n"));
    close_station(&station);
    assert_int_equal(250, second.code);
    assert_counts(0, 1);
}

static void test_a_full_disk_refuses(void **state)
{
    static char large[20000];
    struct station station;
    struct asked asked = {0};
    struct rlimit before;
    struct rlimit low;

    (void)state;
    memset(large, 'x', sizeof large - 1);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    low = before;
    low.rlim_cur = 8192;
    open_station(&station, SLIMTA_NEWLINES_CRLF);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &low));
    station_enqueue(&station, &asked, box_message(large));
    close_station(&station);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
    assert_int_equal(452, asked.code);
    assert_string_equal("4.3.1 Insufficient system storage", asked.text);
    assert_counts(0, 0);
}

static void test_a_loop_that_was_not_attached(void **state)
{
    struct station station;
    struct station stranger = {0};
    struct slimta_queue_methods methods;
    struct slimta_queue mute = {.methods = &methods};
    struct asked asked = {0};

    (void)state;
    open_station(&station, SLIMTA_NEWLINES_CRLF);
    methods = *station.queue->methods;
    methods.attach = NULL;
    stranger.queue = &mute;
    assert_int_equal(0, station_open(&stranger, NULL));
    stranger.queue = station.queue;
    assert_int_equal(
        1, station_enqueue(&stranger, &asked, box_message("A: b\r\n\r\n")));
    assert_int_equal(451, asked.code);
    station_finish(&stranger);
    station_close(&stranger);
    close_station(&station);
    assert_counts(0, 0);
}

/* Two messages hold both jobs up in the pool, a third is pending. */
static void hold_up(struct station *station, struct asked asked[2])
{
    *station = (struct station){0};
    assert_int_equal(0, make(&station->queue, &gate.table, SLIMTA_NEWLINES_LF));
    assert_int_equal(0, station_open(station, NULL));
    for (int i = 0; i < 2; i++) {
        station_enqueue(station, &asked[i], box_message("A: b\r\n\r\n"));
        gate_wait_for(&gate, i + 1);
    }
}

static void test_a_detach_waits_for_the_jobs(void **state)
{
    struct asked asked[3] = {0};
    struct station station;

    (void)state;
    hold_up(&station, asked);
    station_enqueue(&station, &asked[2], box_message("A: b\r\n\r\n"));
    for (int i = 0; i < 3; i++) {
        sli_edge_op_cancel(&asked[i].question);
    }
    station_detach(&station);
    assert_int_equal(0, station.detach.answers);
    gate_open(&gate);
    station_run(&station);
    station_close(&station);
    assert_int_equal(1, station.detach.answers);
    slimta_queue_free(station.queue);
    /* Nobody waited for these any more. */
    assert_counts(0, 0);
    assert_int_equal(0, asked[2].answers);
}

static void test_a_leaving_loop_hands_its_jobs_over(void **state)
{
    struct asked asked[2] = {0};
    struct asked last = {0};
    struct station leaving;
    struct station staying = {0};

    (void)state;
    hold_up(&leaving, asked);
    staying.queue = leaving.queue;
    assert_int_equal(0, station_open(&staying, NULL));
    station_enqueue(&staying, &last, box_message("A: b\r\n\r\n"));
    sli_edge_op_cancel(&asked[0].question);
    sli_edge_op_cancel(&asked[1].question);
    station_detach(&leaving);
    assert_int_equal(0, leaving.detach.answers);
    gate_open(&gate);
    station_run(&leaving);
    station_close(&leaving);

    assert_int_equal(0, last.answers);
    close_station(&staying);
    assert_int_equal(250, last.code);
    assert_counts(0, 1);
}

static void test_two_edges_on_one_loop(void **state)
{
    struct asked asked[2] = {0};
    struct station first;
    struct station second = {0};
    struct station third = {0};

    (void)state;
    hold_up(&first, asked);
    second.queue = first.queue;
    assert_int_equal(0, station_open(&second, first.loop));
    /* The loop stays: there is nothing to wait for. */
    station_detach(&second);
    assert_int_equal(1, second.detach.answers);

    sli_edge_op_cancel(&asked[0].question);
    sli_edge_op_cancel(&asked[1].question);
    station_detach(&first);
    assert_int_equal(0, first.detach.answers);
    third.queue = first.queue;
    /* It stays after all. */
    assert_int_equal(0, station_open(&third, first.loop));
    while (first.detach.answers == 0) {
        (void)slimta_loop_turn(first.loop);
    }
    assert_int_equal(0, third.detach.answers);
    gate_open(&gate);
    close_station(&third);
    assert_int_equal(1, first.has_left);
    assert_int_equal(1, second.has_left);
    assert_counts(0, 0);
}

static void assert_refused(const struct slimta_maildir_options *options)
{
    struct slimta_queue *queue = NULL;

    error.code = 0;
    assert_int_equal(
        SLIMTA_EINVAL, slimta_maildir_queue_new(&queue, options, &error));
    assert_int_equal(SLIMTA_EINVAL, error.code);
    assert_null(queue);
}

static void test_wrong_options_are_refused(void **state)
{
    struct slimta_alloc wrong = {.size = 0};
    struct slimta_maildir_options options = {0};
    struct {
        struct slimta_maildir_options known;
        int more;
    } longer = {{.size = sizeof longer, .directory = box.path}, 1};

    (void)state;
    assert_refused(NULL);
    assert_refused(&options);
    options.size = sizeof options;
    assert_refused(&options);
    options.directory = "";
    assert_refused(&options);
    options.directory = box.path;
    options.newlines = (enum slimta_newlines)2;
    assert_refused(&options);
    options.newlines = SLIMTA_NEWLINES_LF;
    options.alloc = &wrong;
    assert_refused(&options);
    assert_refused(&longer.known);
    assert_int_equal(0, box_count(&box, ".", NULL));
}

static void test_an_unusable_directory_is_told(void **state)
{
    struct slimta_maildir_options options = {
        .size = sizeof options, .directory = "/dev/null/mail"};
    struct slimta_queue *queue = NULL;

    (void)state;
    assert_int_equal(
        SLIMTA_ENOENT, slimta_maildir_queue_new(&queue, &options, &error));
    assert_string_equal(
        "cannot use /dev/null/mail: Not a directory", error.text);
    assert_null(queue);
}

/* Every answer is true, whichever allocation fails. */
static void store_or_refuse(struct fail_alloc *alloc, void *user)
{
    size_t before = box_count(user, "new", NULL);
    struct station station = {0};
    struct asked asked[2] = {0};
    size_t accepted = 0;

    if (make(&station.queue, &alloc->table, SLIMTA_NEWLINES_LF) != 0) {
        assert_int_equal(SLIMTA_ENOMEM, error.code);
        return;
    }
    if (station_open(&station, NULL) != 0) {
        station_go(&station);
        station_run(&station);
    } else {
        for (int i = 0; i < 2; i++) {
            station_enqueue(&station, &asked[i], box_message("A: b\r\n\r\n"));
        }
        station_finish(&station);
        for (int i = 0; i < 2; i++) {
            assert_true(asked[i].code == 250 ||
                (asked[i].code == 451 && fail_alloc_has_failed(alloc)));
            accepted += asked[i].code == 250;
        }
    }
    station_close(&station);
    slimta_queue_free(station.queue);
    assert_counts(0, before + accepted);
}

static void test_without_memory(void **state)
{
    struct station station;

    (void)state;
    open_station(&station, SLIMTA_NEWLINES_CRLF); /* makes the maildir */
    close_station(&station);
    assert_int_equal(0, fail_alloc_sweep(store_or_refuse, &box));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_message_is_stored_under_its_id),
        TEST(test_newlines_become_lf),
        TEST(test_the_working_directory_does_not_matter),
        TEST(test_more_than_a_batch_at_once),
        TEST(test_two_loops_on_two_threads),
        TEST(test_a_spoilt_maildir_refuses_then_goes_on),
        TEST(test_a_full_disk_refuses),
        TEST(test_a_loop_that_was_not_attached),
        TEST(test_a_detach_waits_for_the_jobs),
        TEST(test_a_leaving_loop_hands_its_jobs_over),
        TEST(test_two_edges_on_one_loop),
        TEST(test_wrong_options_are_refused),
        TEST(test_an_unusable_directory_is_told),
        TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
