/** 2,000 sessions at once on two threads: each message intact, exactly once,
 * and each client told so. */
#include "storm.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <slimta/edge.h>

/** A queue that compares each message with what its number says. */
struct judge {
    struct slimta_queue queue;
    atomic_uint seen[STORM_TOTAL];
    atomic_uint wrong;
};

size_t storm_message(unsigned number, char *out)
{
    size_t wanted = 200 + (number * 7919u) % 20000;
    size_t size = (size_t)sprintf(out, "Subject: %u\r\n\r\n", number);
    unsigned line = 0;

    for (line = 0; size < wanted; ++line) {
        /* Some lines begin with dots. */
        size += (size_t)sprintf(out + size, "%.*s%u of %u\r\n",
            (int)(line % 7 == 0 ? line % 3 : 0), "..", line, number);
    }
    return size;
}

/* Whether the content is the message that `number` has. */
static int is_intact(const struct slimta_content *content, unsigned number)
{
    char wanted[STORM_TEXT_MAX];
    size_t size = storm_message(number, wanted);
    struct slimta_slice block;
    size_t at = 0;
    size_t i = 0;

    for (i = 0; slimta_content_block(content, i, &block); ++i) {
        if (block.size > size - at ||
            memcmp(wanted + at, block.data, block.size) != 0) {
            return 0;
        }
        at += block.size;
    }
    return at == size;
}

static int read_number(const char *text, char mark)
{
    char *end = NULL;
    unsigned long number = 0;

    if (text[0] != mark) {
        return -1;
    }
    number = strtoul(text + 1, &end, 10);
    return strcmp(end, "@storm.example") == 0 && number < STORM_TOTAL
        ? (int)number
        : -1;
}

static void enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct judge *judge = (struct judge *)queue;
    int number = read_number(slimta_envelope_sender(envelope), 'n');
    char id[32];

    if (number < 0 || slimta_envelope_recipient_count(envelope) != 1 ||
        read_number(slimta_envelope_recipient(envelope, 0)->address, 'r') !=
            number ||
        !is_intact(slimta_envelope_content(envelope), (unsigned)number)) {
        atomic_fetch_add(&judge->wrong, 1);
    } else {
        atomic_fetch_add(&judge->seen[number], 1);
        snprintf(id, sizeof id, "%d", number);
        (void)slimta_op_queued(op, NULL, id);
    }
    slimta_envelope_unref(envelope);
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods, .enqueue = enqueue};

/* Each session has a descriptor on both sides, and some are needed beside. */
static int have_descriptors(void)
{
    const rlim_t wanted = 2 * STORM_SESSIONS + 100;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted) {
        printf(
            "# %llu descriptors are needed, the limit is %llu: raise it "
            "with ulimit -Hn\n",
            (unsigned long long)wanted, (unsigned long long)limit.rlim_cur);
        return 0;
    }
    return 1;
}

static int report(unsigned number, int is_good, const char *what)
{
    printf("%sok %u - %s\n", is_good ? "" : "not ", number, what);
    (void)fflush(stdout);
    return is_good;
}

static void stopped(struct smtp_edge *edge, void *user)
{
    (void)edge;
    sem_post(user);
}

static struct smtp_edge *start(struct judge *judge, uint16_t *port)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .threads = 2,
        .max_connections_per_ip = SLIMTA_UNLIMITED};
    struct slimta_address address = {.port = 0};
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;

    if (smtp_edge_new(&edge, &options, &judge->queue, &error) != 0 ||
        smtp_edge_listen(edge, "127.0.0.1", 0, &error) != 0 ||
        smtp_edge_start(edge, NULL, &error) != 0) {
        printf("# %s\n", error.text);
        smtp_edge_free(edge);
        return NULL;
    }
    (void)smtp_edge_address(edge, 0, &address);
    *port = address.port;
    return edge;
}

static int is_each_there_once(struct judge *judge)
{
    unsigned i = 0;

    if (atomic_load(&judge->wrong) != 0) {
        printf("# %u messages were not intact\n", atomic_load(&judge->wrong));
        return 0;
    }
    for (i = 0; i < STORM_TOTAL; ++i) {
        if (atomic_load(&judge->seen[i]) != 1) {
            printf("# message %u came %u times\n", i,
                atomic_load(&judge->seen[i]));
            return 0;
        }
    }
    return 1;
}

int main(void)
{
    static struct judge judge = {.queue = {&methods}};
    struct smtp_edge *edge = NULL;
    uint16_t port = 0;
    sem_t gone;
    int is_good = 1;

    printf("1..4\n");
    if (!report(1, have_descriptors(), "descriptors for 2,000 sessions")) {
        return 1;
    }
    edge = start(&judge, &port);
    if (edge == NULL || sem_init(&gone, 0, 0) != 0) {
        return 1;
    }
    is_good &= report(2, storm_deliver(port) == 0,
        "each client is told 250 for each message");
    is_good &= smtp_edge_stop(edge, 60000, stopped, &gone) == 0;
    is_good &= report(3, is_good && storm_be_told() == 0,
        "those that stay are told 421 4.3.2 at the stop");
    if (!is_good) {
        (void)smtp_edge_stop(edge, 0, stopped, &gone);
    }
    while (sem_wait(&gone) != 0) {
    }
    smtp_edge_free(edge);
    is_good &= report(4, is_each_there_once(&judge),
        "each message came intact and exactly once");
    storm_close();
    sem_destroy(&gone);
    return is_good ? 0 : 1;
}
