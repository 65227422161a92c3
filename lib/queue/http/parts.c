/** What an HTTP hop has said of single recipients, as parts of a message. */
#include "queue/http/parts.h"

#include <slimta/error.h>

#include "base/alloc.h"
#include "http/verdict.h"
#include "mail/reply.h"
#include "queue/answer.h"

/* For each recipient: the part that begins with it, or NULL. */
struct part {
    struct slimta_envelope *envelope;
    int is_refused;
    int is_told;
};

/* Marks those that the list names; returns how many. A number that the message
 * does not have, or has had already, says nothing. */
static size_t mark(struct part *parts, size_t count, struct slimta_slice list,
    struct slimta_reply *scratch)
{
    size_t marked = 0;
    uint64_t index;

    while (sli_http_verdict_next(&list, &index, scratch)) {
        if (index < count && !parts[index].is_refused) {
            parts[index].is_refused = 1;
            marked++;
        }
    }
    return marked;
}

/* How many from `first` on go into one part. */
static size_t row(const struct part *parts, size_t count, size_t first)
{
    size_t size = 1;

    while (!parts[first].is_refused && first + size < count &&
        !parts[first + size].is_refused) {
        size++;
    }
    return size;
}

static int split(
    struct part *parts, size_t count, struct slimta_envelope *envelope)
{
    size_t size;
    int err = 0;

    for (size_t i = 0; i < count && err == 0; i += size) {
        size = row(parts, count, i);
        err = slimta_envelope_split(&parts[i].envelope, envelope, i, size);
    }
    return err;
}

/* What was accepted comes first: its yes cannot fail. */
static void tell(struct slimta_op *op, struct part *parts, size_t count,
    const struct sli_http_client_event *event, struct slimta_reply *scratch)
{
    struct slimta_slice list = event->recipients;
    char id[SLI_QUEUE_ANSWER_ID_MAX + 1];
    uint64_t index;

    sli_queue_answer_id(event->reply, id);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].envelope != NULL && !parts[i].is_refused) {
            (void)slimta_op_queued(op, parts[i].envelope, id);
        }
    }
    while (sli_http_verdict_next(&list, &index, scratch)) {
        if (index < count && !parts[index].is_told) {
            parts[index].is_told = 1;
            sli_queue_answer_refuse(op, parts[index].envelope, scratch);
        }
    }
}

static void tell_whole(
    struct slimta_op *op, const struct sli_http_client_event *event)
{
    char id[SLI_QUEUE_ANSWER_ID_MAX + 1];

    sli_queue_answer_id(event->reply, id);
    (void)slimta_op_queued(op, NULL, id);
}

static int answer(struct slimta_op *op, struct slimta_envelope *envelope,
    const struct sli_http_client_event *event, struct part *parts,
    struct slimta_reply *scratch)
{
    size_t count = slimta_envelope_recipient_count(envelope);
    int err = 0;

    if (mark(parts, count, event->recipients, scratch) == 0) {
        tell_whole(op, event);
        return 0;
    }
    err = split(parts, count, envelope);
    if (err == 0) {
        tell(op, parts, count, event, scratch);
    }
    for (size_t i = 0; i < count; i++) {
        slimta_envelope_unref(parts[i].envelope);
    }
    return err;
}

int sli_queue_http_parts_answer(struct slimta_op *op,
    struct slimta_envelope *envelope, const struct sli_http_client_event *event,
    const struct slimta_alloc *alloc)
{
    size_t count = slimta_envelope_recipient_count(envelope);
    struct slimta_reply scratch;
    struct part *parts;
    int err;

    if (event->recipients.size == 0) {
        tell_whole(op, event);
        return 0;
    }
    parts = sli_alloc_array(alloc, count, sizeof *parts);
    if (parts == NULL) {
        return SLIMTA_ENOMEM;
    }
    sli_mail_reply_init(&scratch, alloc);
    err = answer(op, envelope, event, parts, &scratch);
    sli_mail_reply_fini(&scratch);
    sli_free(alloc, parts);
    return err;
}
