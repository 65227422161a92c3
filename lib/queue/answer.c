/** What a next hop has said, as the answer to a question of an edge. */
#include "queue/answer.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"
#include "mail/reply.h"

void sli_queue_answer_refuse(struct slimta_op *op,
    struct slimta_envelope *envelope, const struct slimta_reply *reply)
{
    char words[SLI_MAIL_ENHANCED_MAX + SLI_MAIL_REPLY_TEXT_MAX + 1];
    struct sli_text text = sli_text_in(words, sizeof words);

    if (*slimta_reply_enhanced(reply) != '\0') {
        sli_text_put_string(&text, slimta_reply_enhanced(reply));
        sli_text_put_string(&text, " ");
    }
    sli_text_put_string(&text, slimta_reply_text(reply));
    (void)slimta_op_refused(op, envelope, slimta_reply_code(reply), words);
}

void sli_queue_answer_refuse_each(struct slimta_op *op,
    struct slimta_envelope *const *envelopes, size_t count,
    const struct slimta_reply *reply)
{
    if (envelopes == NULL) {
        sli_queue_answer_refuse(op, NULL, reply);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        sli_queue_answer_refuse(op, envelopes[i], reply);
    }
}

/* The rest of `text` behind the first `mark`; empty when there is none. */
static struct slimta_slice behind(
    struct slimta_slice text, struct slimta_slice mark)
{
    for (; text.size >= mark.size; text = sli_slice_skip(text, 1)) {
        if (sli_ascii_same(sli_slice(text.data, mark.size), mark)) {
            return sli_slice_skip(text, mark.size);
        }
    }
    return sli_slice("", 0);
}

static int is_of_id(char octet)
{
    return sli_ascii_is(octet, SLI_ASCII_PRINT) &&
        strchr(" ;,()", octet) == NULL;
}

void sli_queue_answer_id(
    const struct slimta_reply *reply, char out[SLI_QUEUE_ANSWER_ID_MAX + 1])
{
    static const struct slimta_slice marks[] = {{"queued as ", 10}, {"id=", 3}};
    struct slimta_slice found = {"", 0};
    size_t size = 0;

    for (size_t i = 0; i < sizeof marks / sizeof *marks && found.size == 0;
         i++) {
        found = behind(sli_slice_text(slimta_reply_text(reply)), marks[i]);
    }
    while (size < found.size && size < SLI_QUEUE_ANSWER_ID_MAX &&
        is_of_id(found.data[size])) {
        out[size] = found.data[size];
        size++;
    }
    out[size] = '\0';
}
