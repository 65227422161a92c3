/** A host whose clients are cut off at every octet: each begin has one commit
 * or abort, each envelope goes back, and no descriptor stays. */
#include "policy.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/** The message, as sent and as stored; a number of lines stands between. */
#define HEAD "Subject: cut\r\n\r\none\r\n"
#define LINE "012345678901234567890123456789012345678901234567890123456789\r\n"
#define SENT_TAIL "..\r\ntwo\r\n"
#define TAIL ".\r\ntwo\r\n"

/** More than the part of a message that always stays in memory. */
#define LINES_MAX 1000
#define MESSAGE_MAX (64 * LINES_MAX + 1000)

/** What the client says, and the reply that it awaits after each. */
static const struct piece {
    const char *text;
    int code;
} session[] = {
    {"", 220},
    {"EHLO client.example\r\n", 250},
    {"MAIL FROM:<a@example.com>\r\n", 250},
    {"RCPT TO:<b@example.net>\r\n", 250},
    {"RCPT TO:<c@example.net>\r\n", 250},
    {"DATA\r\n", 354},
    {NULL, 250}, /* the message and its end */
    {"QUIT\r\n", 221},
};

#define PIECES (sizeof session / sizeof session[0])
#define MESSAGE_PIECE (PIECES - 2)

/** Both forms of the message of the way that is tested. */
static char sent[MESSAGE_MAX];
static char stored[MESSAGE_MAX];

/** Open ops at most; each session has one at a time. */
#define WAITING_MAX 64

/** What the other thread is to do with an op. */
struct waiting {
    struct slimta_op *op;
    struct slimta_envelope *envelope;
    struct message *message;
    enum { ANSWER_ENQUEUE, ANSWER_BEGIN, ANSWER_WRITE, ANSWER_COMMIT } what;
};

struct message {
    struct keeper *keeper;
    struct slimta_envelope *envelope;
    size_t size; /* octets that came and were right */
};

/** A queue that keeps books. With `is_late` another thread answers. */
struct keeper {
    struct slimta_queue queue;
    pthread_mutex_t lock;
    pthread_cond_t news;
    int is_late;
    int is_spilled; /* what `enqueue` gets */
    int is_over;
    pthread_t answerer;
    struct waiting waiting[WAITING_MAX];
    size_t waiting_count;
    size_t begins; /* answered with slimta_op_begun, and finished with 0 */
    size_t commits;
    size_t aborts;
    size_t accepted;
    size_t wrong;
};

static void count(struct keeper *keeper, size_t *counter)
{
    pthread_mutex_lock(&keeper->lock);
    ++*counter;
    pthread_mutex_unlock(&keeper->lock);
}

static void close_message(struct message *message)
{
    slimta_envelope_unref(message->envelope);
    free(message);
}

static void accept(struct keeper *keeper, struct slimta_envelope *envelope,
    struct slimta_op *op)
{
    if (slimta_envelope_recipient_count(envelope) != 2) {
        count(keeper, &keeper->wrong);
    }
    (void)slimta_op_queued(op, NULL, "kept");
    count(keeper, &keeper->accepted);
}

/* Answers on the thread that has come to it; finishes what was taken. */
static void answer(struct keeper *keeper, struct waiting *waiting, int is_taken)
{
    struct message *message = waiting->message;
    int err = 0;

    switch (waiting->what) {
    case ANSWER_ENQUEUE:
        accept(keeper, waiting->envelope, waiting->op);
        slimta_envelope_unref(waiting->envelope);
        break;
    case ANSWER_BEGIN:
        slimta_op_begun(waiting->op, message);
        /* Before it is finished: the abort may come at once. */
        count(keeper, &keeper->begins);
        break;
    case ANSWER_WRITE:
        break;
    case ANSWER_COMMIT:
        accept(keeper, message->envelope, waiting->op);
        close_message(message);
        break;
    }
    err = is_taken ? slimta_op_finish(waiting->op) : 0;
    if (err != 0 && waiting->what == ANSWER_BEGIN) {
        pthread_mutex_lock(&keeper->lock);
        --keeper->begins;
        pthread_mutex_unlock(&keeper->lock);
        close_message(message);
    }
}

static void *answer_all(void *user)
{
    struct keeper *keeper = user;
    struct waiting first;

    pthread_mutex_lock(&keeper->lock);
    while (!keeper->is_over || keeper->waiting_count > 0) {
        if (keeper->waiting_count == 0) {
            pthread_cond_wait(&keeper->news, &keeper->lock);
            continue;
        }
        first = keeper->waiting[0];
        --keeper->waiting_count;
        memmove(&keeper->waiting[0], &keeper->waiting[1],
            keeper->waiting_count * sizeof first);
        pthread_mutex_unlock(&keeper->lock);
        answer(keeper, &first, 1);
        pthread_mutex_lock(&keeper->lock);
    }
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

static void handle(struct keeper *keeper, struct waiting waiting)
{
    if (!keeper->is_late) {
        answer(keeper, &waiting, 0);
        return;
    }
    slimta_op_take(waiting.op);
    pthread_mutex_lock(&keeper->lock);
    assert_true(keeper->waiting_count < WAITING_MAX);
    keeper->waiting[keeper->waiting_count++] = waiting;
    pthread_cond_signal(&keeper->news);
    pthread_mutex_unlock(&keeper->lock);
}

static void keep_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct keeper *keeper = (struct keeper *)queue;
    size_t size = 0;
    char *octets = host_content(envelope, &size);

    if (size != strlen(stored) || memcmp(octets, stored, size) != 0 ||
        slimta_content_is_spilled(slimta_envelope_content(envelope)) !=
            keeper->is_spilled) {
        count(keeper, &keeper->wrong);
    }
    free(octets);
    handle(keeper,
        (struct waiting){
            .op = op, .envelope = envelope, .what = ANSWER_ENQUEUE});
}

static void keep_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct keeper *keeper = (struct keeper *)queue;
    struct message *message = calloc(1, sizeof *message);

    assert_non_null(message);
    message->keeper = keeper;
    message->envelope = envelope;
    handle(keeper,
        (struct waiting){.op = op, .message = message, .what = ANSWER_BEGIN});
}

static void keep_write(struct slimta_queue *queue, void *user,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct keeper *keeper = (struct keeper *)queue;
    struct message *message = user;

    if (octets.size > strlen(stored) - message->size ||
        memcmp(stored + message->size, octets.data, octets.size) != 0) {
        count(keeper, &keeper->wrong);
    } else {
        message->size += octets.size;
    }
    handle(keeper,
        (struct waiting){.op = op, .message = message, .what = ANSWER_WRITE});
}

static void keep_commit(
    struct slimta_queue *queue, void *user, struct slimta_op *op)
{
    struct keeper *keeper = (struct keeper *)queue;
    struct message *message = user;

    count(keeper, &keeper->commits);
    if (message->size != strlen(stored)) {
        count(keeper, &keeper->wrong);
    }
    handle(keeper,
        (struct waiting){.op = op, .message = message, .what = ANSWER_COMMIT});
}

static void keep_abort(struct slimta_queue *queue, void *user)
{
    struct keeper *keeper = (struct keeper *)queue;

    count(keeper, &keeper->aborts);
    close_message(user);
}

static const struct slimta_queue_methods whole = {
    .size = sizeof whole, .enqueue = keep_enqueue};

static const struct slimta_queue_methods streaming = {
    .size = sizeof streaming,
    .begin = keep_begin,
    .write = keep_write,
    .commit = keep_commit,
    .abort = keep_abort,
};

static const struct slimta_queue_methods both_forms = {
    .size = sizeof both_forms,
    .enqueue = keep_enqueue,
    .begin = keep_begin,
    .write = keep_write,
    .commit = keep_commit,
    .abort = keep_abort,
};

/** One way through the edge, and how the queue answers on it. */
struct way {
    const struct slimta_queue_methods *methods;
    uint64_t spill_bytes;
    size_t lines; /* in the middle of the message */
    int is_late;
};

static void write_message(const struct way *way)
{
    size_t i = 0;

    strcpy(sent, HEAD);
    for (i = 0; i < way->lines; ++i) {
        memcpy(sent + strlen(HEAD) + i * strlen(LINE), LINE, sizeof LINE);
    }
    strcpy(stored, sent);
    strcat(sent, SENT_TAIL ".\r\n");
    strcat(stored, TAIL);
}

static const char *text_of(size_t piece)
{
    return piece == MESSAGE_PIECE ? sent : session[piece].text;
}

static size_t length(void)
{
    size_t sum = 0;
    size_t i = 0;

    for (i = 0; i < PIECES; ++i) {
        sum += strlen(text_of(i));
    }
    return sum;
}

/* Where the lines in the middle begin, with what stands before them. */
static size_t middle(void)
{
    return length() - strlen("QUIT\r\n") - strlen(sent) + strlen(HEAD);
}

/* The next place to cut: each octet, but one in some within the middle. */
static size_t next_cut(const struct way *way, size_t at)
{
    size_t end = middle() + way->lines * strlen(LINE);

    return at > middle() && at + 1999 < end ? at + 1999 : at + 1;
}

/* The first `octets` of a session, each reply awaited but what the last one
 * would be. Returns whether the client heard that the message was taken. */
static int say(struct host_client *client, size_t octets)
{
    int is_told = 0;
    size_t i = 0;

    for (i = 0; i < PIECES; ++i) {
        const char *text = text_of(i);
        size_t size = strlen(text);

        if (size >= octets) {
            assert_int_equal(host_client_send(client, text, octets), 0);
            break;
        }
        assert_int_equal(host_client_send(client, text, size), 0);
        assert_int_equal(host_client_reply(client), session[i].code);
        is_told |= i == MESSAGE_PIECE;
        octets -= size;
    }
    return is_told;
}

/* Asks again until the edge has closed what the clients have left. */
static int is_count(size_t wanted)
{
    const struct timespec pause = {0, 1000000};
    int turns = 0;

    for (turns = 0; turns < HOST_PATIENCE_S * 1000; ++turns) {
        if (host_count("/proc/self/fd") == wanted) {
            return 1;
        }
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* Returns how many clients heard that their message was taken. */
static size_t cut_at_each(const struct way *way,
    const struct slimta_address *address, int is_reset, size_t *sessions)
{
    struct host_client client;
    size_t before = host_count("/proc/self/fd");
    size_t told = 0;
    size_t cuts = 0;
    size_t at = 0;

    for (at = 0; at <= length(); at = next_cut(way, at)) {
        assert_int_equal(host_client_open(&client, address), 0);
        told += (size_t)say(&client, at);
        if (is_reset) {
            host_client_reset(&client);
        } else {
            host_client_close(&client);
        }
        if (++cuts % 16 == 0) {
            assert_true(is_count(before));
        }
    }
    assert_true(is_count(before));
    *sessions += cuts;
    return told;
}

static void open_keeper(struct keeper *keeper, const struct way *way)
{
    memset(keeper, 0, sizeof *keeper);
    keeper->queue.methods = way->methods;
    keeper->is_late = way->is_late;
    keeper->is_spilled = way->spill_bytes == 1;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_cond_init(&keeper->news, NULL);
    assert_int_equal(
        pthread_create(&keeper->answerer, NULL, answer_all, keeper), 0);
}

static void close_keeper(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->is_over = 1;
    pthread_cond_signal(&keeper->news);
    pthread_mutex_unlock(&keeper->lock);
    assert_int_equal(pthread_join(keeper->answerer, NULL), 0);
    pthread_cond_destroy(&keeper->news);
    pthread_mutex_destroy(&keeper->lock);
}

static void judge(const struct keeper *keeper, const struct host_policy *policy,
    size_t told, size_t sessions)
{
    print_message(
        "# %zu sessions, %zu begins, %zu commits, %zu aborts, "
        "%zu accepted, %zu told\n",
        sessions, keeper->begins, keeper->commits, keeper->aborts,
        keeper->accepted, told);
    /* Two rounds that leave before the octets of QUIT, and one whole one. */
    assert_int_equal(told, 2 * strlen("QUIT\r\n") + 1);
    assert_true(keeper->accepted >= told);
    assert_int_equal(keeper->begins, keeper->commits + keeper->aborts);
    assert_int_equal(keeper->wrong, 0);
    assert_int_equal(policy->closed_count, sessions);
}

/* Every validator takes its op and finishes it: each step is one more turn of
 * the loop, in which the client may go. */
static void open_policy(struct host_policy *policy, const struct way *way)
{
    int step = 0;

    host_policy_init(policy);
    for (step = 0; step < HOST_STEPS && way->is_late; ++step) {
        host_policy_order(policy, (enum host_step)step, HOST_FINISH, 0, NULL);
    }
}

static void cut(const struct way *way)
{
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .spill_bytes = way->spill_bytes,
        /* Clients that left may still wait to be accepted. */
        .max_connections_per_ip = SLIMTA_UNLIMITED,
    };
    static struct host_policy policy;
    struct keeper keeper;
    struct host_edge host;
    struct host_client client;
    size_t sessions = 1;
    size_t told = 0;

    write_message(way);
    open_keeper(&keeper, way);
    open_policy(&policy, way);
    host_policy_start(&host, &options, &keeper.queue,
        (struct host_policy *const[]){&policy, NULL});
    told = cut_at_each(way, &host.address, 0, &sessions);
    told += cut_at_each(way, &host.address, 1, &sessions);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    told += (size_t)say(&client, length() + 1);
    host_client_close(&client);
    host_edge_stop(&host, 1000);
    close_keeper(&keeper);
    judge(&keeper, &policy, told, sessions);
    host_policy_fini(&policy);
}

static void test_whole(void **state)
{
    (void)state;
    cut(&(struct way){&whole, 0, 0, 0});
    cut(&(struct way){&whole, 0, 0, 1});
}

static void test_spilled(void **state)
{
    (void)state;
    cut(&(struct way){&whole, 1, LINES_MAX, 0});
    cut(&(struct way){&whole, 1, LINES_MAX, 1});
}

static void test_streamed(void **state)
{
    (void)state;
    cut(&(struct way){&streaming, 0, 0, 0});
    cut(&(struct way){&streaming, 0, 0, 1});
}

static void test_from_whole_to_streamed(void **state)
{
    (void)state;
    cut(&(struct way){&both_forms, 1, LINES_MAX, 0});
    cut(&(struct way){&both_forms, 1, LINES_MAX, 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_spilled),
        cmocka_unit_test(test_streamed),
        cmocka_unit_test(test_from_whole_to_streamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
