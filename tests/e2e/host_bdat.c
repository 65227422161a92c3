/** Chunks and LMTP into a queue that streams, and across a spill: cut in two
 * at every octet, on one thread, so that each part is read by itself. */
#include "host.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

#define LEAD_LINE "0123456789abcdef\r\n"

enum {
    TEXT_MAX = 4096,
    SPILL_BYTES = 16,
    /* What begins a message that is spilled: more than stays in memory. */
    LEAD_LINES = 4000,
    LEAD_BYTES = LEAD_LINES * (sizeof LEAD_LINE - 1),
    LARGEST = 400 /* of a message without its lead */
};

static_assert(LEAD_BYTES > SLIMTA_HEAD_BYTES + SPILL_BYTES, "it is spilled");

/** What the queue does; WHOLE gets messages that are spilled. */
enum way { WHOLE, STREAM, STREAM_LATER };

/** A queue, its edge and a client, in one loop. */
struct desk {
    struct slimta_queue queue;
    enum way way;
    size_t room;          /* refuses the write that brings more octets */
    struct slimta_op *op; /* taken: finished after the turn */
    struct slimta_envelope *envelope;
    char octets[TEXT_MAX];
    size_t size;
    size_t commits;
    size_t aborts;
    struct slimta_loop *loop;
    struct smtp_edge *edge;
    int fd;
    char lead[LEAD_BYTES + 1];
    char heard[TEXT_MAX];
    size_t heard_size;
};

static struct desk *desk_of(struct slimta_queue *queue)
{
    return (struct desk *)queue;
}

/* Takes the op, or leaves it as it is answered. */
static void answer(struct desk *desk, struct slimta_op *op)
{
    if (desk->way == STREAM_LATER) {
        assert_null(desk->op);
        slimta_op_take(op);
        desk->op = op;
    }
}

static void keep(struct desk *desk, const char *octets, size_t size)
{
    assert_true(desk->size + size <= sizeof desk->octets);
    memcpy(desk->octets + desk->size, octets, size);
    desk->size += size;
}

/* Each second recipient is refused. */
static void answer_parts(struct slimta_envelope *envelope, struct slimta_op *op)
{
    for (size_t i = 0; i < slimta_envelope_recipient_count(envelope); i++) {
        struct slimta_envelope *part = NULL;

        assert_int_equal(slimta_envelope_split(&part, envelope, i, 1), 0);
        if (i % 2 == 0) {
            (void)slimta_op_queued(op, part, "kept");
        } else {
            (void)slimta_op_refused(op, part, 550, "5.1.1 Not there");
        }
        slimta_envelope_unref(part);
    }
}

static void desk_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct desk *desk = desk_of(queue);
    size_t size = 0;
    char *octets = host_content(envelope, &size);

    assert_int_equal(
        slimta_content_is_spilled(slimta_envelope_content(envelope)), 1);
    assert_true(size >= LEAD_BYTES);
    assert_memory_equal(octets, desk->lead, LEAD_BYTES);
    keep(desk, octets + LEAD_BYTES, size - LEAD_BYTES);
    free(octets);
    desk->commits++;
    answer_parts(envelope, op);
    slimta_envelope_unref(envelope);
}

static void desk_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct desk *desk = desk_of(queue);

    desk->envelope = envelope;
    slimta_op_begun(op, desk);
    answer(desk, op);
}

static void desk_write(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct desk *desk = desk_of(queue);

    assert_ptr_equal(message, desk);
    if (octets.size > desk->room - desk->size) {
        (void)slimta_op_refused(op, NULL, 452, "4.3.1 Full");
    } else {
        keep(desk, octets.data, octets.size);
    }
    answer(desk, op);
}

static void desk_commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    struct desk *desk = desk_of(queue);

    assert_ptr_equal(message, desk);
    desk->commits++;
    answer_parts(desk->envelope, op);
    slimta_envelope_unref(desk->envelope);
    answer(desk, op);
}

static void desk_abort(struct slimta_queue *queue, void *message)
{
    struct desk *desk = desk_of(queue);

    assert_ptr_equal(message, desk);
    desk->aborts++;
    slimta_envelope_unref(desk->envelope);
}

static uint64_t desk_capabilities(struct slimta_queue *queue)
{
    (void)queue;
    return SLIMTA_CAN_BINARYMIME;
}

static const struct slimta_queue_methods whole = {
    .size = sizeof whole,
    .enqueue = desk_enqueue,
    .capabilities = desk_capabilities,
};

static const struct slimta_queue_methods streaming = {
    .size = sizeof streaming,
    .begin = desk_begin,
    .write = desk_write,
    .commit = desk_commit,
    .abort = desk_abort,
    .capabilities = desk_capabilities,
};

static void set_up(struct desk *desk, enum way way, enum slimta_dialect dialect)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .dialect = dialect,
        .spill_bytes = SPILL_BYTES,
        .max_errors = SLIMTA_UNLIMITED,
        .max_message_bytes = LARGEST + (way == WHOLE ? LEAD_BYTES : 0)};
    int fds[2];

    memset(desk, 0, sizeof *desk);
    desk->queue.methods = way == WHOLE ? &whole : &streaming;
    desk->way = way;
    desk->room = sizeof desk->octets;
    for (size_t i = 0; i < LEAD_LINES; i++) {
        memcpy(desk->lead + i * (sizeof LEAD_LINE - 1), LEAD_LINE,
            sizeof LEAD_LINE);
    }
    assert_int_equal(slimta_loop_new(&desk->loop, NULL, NULL), 0);
    assert_int_equal(
        smtp_edge_new(&desk->edge, &options, &desk->queue, NULL), 0);
    assert_int_equal(smtp_edge_start(desk->edge, desk->loop, NULL), 0);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(smtp_edge_adopt(desk->edge, fds[1], NULL), 0);
    desk->fd = fds[0];
}

static void tear_down(struct desk *desk)
{
    smtp_edge_free(desk->edge);
    assert_int_equal(slimta_loop_run(desk->loop), 0);
    assert_int_equal(slimta_loop_free(desk->loop), 0);
    assert_int_equal(close(desk->fd), 0);
}

/* Waits for something to be due, and does it. */
static void turn(struct desk *desk)
{
    struct pollfd wait = {slimta_loop_fd(desk->loop), POLLIN, 0};
    int due_ms = slimta_loop_timeout_ms(desk->loop);
    struct slimta_op *op;

    assert_true(poll(&wait, 1, due_ms) >= 0);
    (void)slimta_loop_turn(desk->loop);
    op = desk->op;
    desk->op = NULL;
    if (op != NULL) {
        assert_int_equal(slimta_op_finish(op), 0);
    }
}

/* Sends a part, and lets it be read to its end. */
static void say(struct desk *desk, const char *text, size_t size)
{
    int unread = 0;

    if (size == 0) {
        return;
    }
    assert_int_equal(send(desk->fd, text, size, MSG_NOSIGNAL), (ssize_t)size);
    do {
        turn(desk);
        assert_int_equal(ioctl(desk->fd, SIOCOUTQ, &unread), 0);
    } while (unread > 0);
}

static size_t count_lines(const struct desk *desk)
{
    size_t count = 0;

    for (size_t i = 0; i < desk->heard_size; i++) {
        count += desk->heard[i] == '\n';
    }
    return count;
}

/* Hears so many lines, which begin with these codes. */
static void hear(struct desk *desk, const char *codes)
{
    size_t wanted = strlen(codes) / 3;
    const char *line = desk->heard;

    desk->heard_size = 0;
    while (count_lines(desk) < wanted) {
        ssize_t got = recv(desk->fd, desk->heard + desk->heard_size,
            sizeof desk->heard - 1 - desk->heard_size, MSG_DONTWAIT);

        if (got > 0) {
            desk->heard_size += (size_t)got;
        } else {
            turn(desk);
        }
    }
    desk->heard[desk->heard_size] = '\0';
    assert_int_equal(count_lines(desk), wanted);
    for (; *codes != '\0'; codes += 3) {
        if (strncmp(line, codes, 3) != 0) {
            fail_msg("%.3s is due in:\n%s", codes, desk->heard);
        }
        line = strchr(line, '\n') + 1;
    }
}

/** A transaction: what is said, the codes of the replies, and what is stored;
 * NULL when nothing is. */
struct transaction {
    const char *envelope; /* with DATA: the body is no chunks */
    const char *envelope_codes;
    const char *body;
    size_t size;
    const char *codes;
    const char *content;
    size_t content_size;
};

#define PART(text) text, sizeof(text) - 1

/* Content that looks like commands, ends, and the begin of one. */
#define FIRST "A: b\r\n\r\n.\r\nQUIT\r\n..."
#define SECOND "\0\r\nBDAT 9 LAST\r\n\xff"
#define THIRD "."

#define MAIL "MAIL FROM:<a@example.com> BODY=BINARYMIME\r\n"
#define RCPT "RCPT TO:<b@example.net>\r\n"
#define CHUNKS \
    "BDAT 20\r\n" FIRST "BDAT 0\r\nbdat 17\r\n" SECOND "BDAT 1 LAST\r\n" THIRD

static const struct transaction chunks = {MAIL RCPT, "250250", PART(CHUNKS),
    "250250250250", PART(FIRST SECOND THIRD)};

/* One refused of three, each told in its turn (RFC 2033 section 4.2). */
static const struct transaction lmtp_chunks = {MAIL RCPT RCPT RCPT,
    "250250250250", PART(CHUNKS "NOOP\r\n"), "250250250250550250250",
    PART(FIRST SECOND THIRD)};

static const struct transaction lmtp_data = {
    "MAIL FROM:<a@example.com>\r\n" RCPT RCPT "DATA\r\n", "250250250354",
    PART("A: b\r\n\r\n..\r\n0123456789\r\n.\r\nNOOP\r\n"), "250550250",
    PART("A: b\r\n\r\n.\r\n0123456789\r\n")};

/* RFC 3030 section 2: over the sum that is allowed; what came ahead is thrown
 * away, octet for octet, and in LMTP each recipient is due a reply. */
#define OCTETS_10 "QUIT\r\n..\r\n"
#define OCTETS_60 OCTETS_10 OCTETS_10 OCTETS_10 OCTETS_10 OCTETS_10 OCTETS_10
#define OCTETS_381 \
    OCTETS_60 OCTETS_60 OCTETS_60 OCTETS_60 OCTETS_60 OCTETS_60 OCTETS_10 \
        OCTETS_10 "."
#define TOO_LARGE \
    "BDAT 20\r\n" FIRST "BDAT 381\r\n" OCTETS_381 "BDAT 3 LAST\r\nA\r\n"

static_assert(
    sizeof FIRST - 1 == 20 && sizeof OCTETS_381 - 1 == 381 && LARGEST == 400,
    "as the lines of BDAT say, and one octet too many");

static const struct transaction too_large = {
    MAIL RCPT, "250250", PART(TOO_LARGE "NOOP\r\n"), "250552503250", NULL, 0};

static const struct transaction lmtp_too_large = {MAIL RCPT RCPT, "250250250",
    PART("BDAT 20\r\n" FIRST "BDAT 381 LAST\r\n" OCTETS_381 "NOOP\r\n"),
    "250552552250", NULL, 0};

/* The queue refuses what it has not room for: that chunk's reply. */
static const struct transaction refused = {
    MAIL RCPT, "250250", PART(CHUNKS "NOOP\r\n"), NULL, NULL, 0};

static void check_stored(
    const struct desk *desk, const struct transaction *transaction)
{
    if (transaction->content != NULL) {
        assert_int_equal(desk->size, transaction->content_size);
        assert_memory_equal(
            desk->octets, transaction->content, transaction->content_size);
    }
    assert_int_equal(desk->commits, transaction->content != NULL);
    assert_int_equal(
        desk->aborts, desk->way != WHOLE && transaction->content == NULL);
}

static void forget(struct desk *desk)
{
    desk->size = 0;
    desk->commits = 0;
    desk->aborts = 0;
}

static int has_data(const struct transaction *transaction)
{
    return strstr(transaction->envelope, "DATA\r\n") != NULL;
}

/* A message that is to be spilled begins with much that is not cut. */
static void say_lead(struct desk *desk, const struct transaction *transaction)
{
    char line[64];

    if (desk->way != WHOLE) {
        return;
    }
    if (!has_data(transaction)) {
        say(desk, line,
            (size_t)snprintf(line, sizeof line, "BDAT %d\r\n", LEAD_BYTES));
    }
    say(desk, desk->lead, LEAD_BYTES);
    if (!has_data(transaction)) {
        hear(desk, "250");
    }
}

/* The envelope cut at `at`, or the body when that is behind it. */
static void say_cut(
    struct desk *desk, const struct transaction *transaction, size_t at)
{
    size_t size = strlen(transaction->envelope);
    size_t first = at < size ? at : 0;
    size_t second = at < size ? 0 : at - size;

    say(desk, transaction->envelope, first);
    say(desk, transaction->envelope + first, size - first);
    hear(desk, transaction->envelope_codes);
    say_lead(desk, transaction);
    say(desk, transaction->body, second);
    say(desk, transaction->body + second, transaction->size - second);
    hear(desk, transaction->codes);
}

/* The transaction once for each place where it can be cut. */
static void cut(struct desk *desk, const struct transaction *transaction)
{
    size_t size = strlen(transaction->envelope) + transaction->size;

    for (size_t at = 0; at <= size; at++) {
        forget(desk);
        say_cut(desk, transaction, at);
        check_stored(desk, transaction);
    }
}

static void greet(struct desk *desk, const char *text)
{
    hear(desk, "220");
    say(desk, text, strlen(text));
    /* PIPELINING SIZE 8BITMIME ENHANCEDSTATUSCODES CHUNKING BINARYMIME LIMITS
     * SMTPUTF8 */
    hear(desk, "250250250250250250250250250");
}

static const enum way ways[] = {WHOLE, STREAM, STREAM_LATER};

#define EACH_WAY(i) \
    size_t i = 0; \
    i < sizeof ways / sizeof ways[0]; \
    i++

static void test_chunks(void **state)
{
    (void)state;
    for (EACH_WAY(i)) {
        struct desk desk;

        set_up(&desk, ways[i], SLIMTA_DIALECT_SMTP);
        greet(&desk, "EHLO client\r\n");
        cut(&desk, &chunks);
        cut(&desk, &too_large);
        cut(&desk, &chunks);
        tear_down(&desk);
    }
}

static void test_lmtp(void **state)
{
    (void)state;
    for (EACH_WAY(i)) {
        struct desk desk;

        set_up(&desk, ways[i], SLIMTA_DIALECT_LMTP);
        greet(&desk, "LHLO client\r\n");
        cut(&desk, &lmtp_chunks);
        cut(&desk, &lmtp_data);
        cut(&desk, &lmtp_too_large);
        tear_down(&desk);
    }
}

/* Each chunk is refused in its turn, and those that came ahead behind it. */
static void test_refused_writes(void **state)
{
    static const struct {
        size_t room;
        const char *codes;
    } cases[] = {
        {0, "452503503503250"},
        {19, "452503503503250"},
        {20, "250250452503250"},
        {36, "250250452503250"},
        {37, "250250250452250"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct transaction transaction = refused;
        struct desk desk;

        transaction.codes = cases[i].codes;
        set_up(&desk, i % 2 == 0 ? STREAM : STREAM_LATER, SLIMTA_DIALECT_SMTP);
        desk.room = cases[i].room;
        greet(&desk, "EHLO client\r\n");
        cut(&desk, &transaction);
        tear_down(&desk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_lmtp),
        cmocka_unit_test(test_refused_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
