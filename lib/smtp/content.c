/** The content of a message on its way through the engine, and its limits. */
#include "smtp/content.h"

#include "smtp/data_reader.h"
#include "smtp/hops.h"
#include "smtp/input.h"
#include "smtp/text_line.h"

/* RFC 1870 section 6.3: what follows is read, and thrown away. */
static void limit_size(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    struct sli_smtp_transaction *transaction = &server->transaction;
    uint64_t max = server->config->max_message_bytes;

    if (transaction->size > max) {
        uint64_t before = transaction->size - content->size;

        transaction->refusal = SLI_SMTP_REPLY_MESSAGE_TOO_LARGE;
        content->size = (size_t)(max - before);
    }
}

/* RFC 5321 section 4.5.3.1.6. */
static void limit_line(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    struct sli_smtp_transaction *transaction = &server->transaction;
    uint64_t max = server->config->max_line_bytes;
    size_t fit;

    if (max == 0 || max == SLIMTA_UNLIMITED) {
        return;
    }
    fit = sli_smtp_text_line_fit(&transaction->line_size, max, *content);
    if (fit < content->size) {
        transaction->refusal = SLI_SMTP_REPLY_TEXT_LINE_TOO_LONG;
        content->size = fit;
    }
}

/* Counts a run and cuts what passes a limit off it: what was lent up to there
 * does not depend on how the input was cut. The first refusal stands: a line
 * that is too long within what the size allows comes before the size. */
static void limit_content(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    struct sli_smtp_transaction *transaction = &server->transaction;

    transaction->size += content->size;
    if (transaction->refusal != SLI_SMTP_REPLY_NONE) {
        content->size = 0;
    } else if (transaction->reader.has_bare &&
        transaction->reader.policy == SLIMTA_BARE_REFUSE) {
        transaction->refusal = SLI_SMTP_REPLY_BARE_NEWLINE;
        content->size = 0;
    } else {
        limit_size(server, content);
        limit_line(server, content);
    }
}

static int next_of_data(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    struct sli_smtp_data_reader *reader = &server->transaction.reader;
    struct slimta_slice front = sli_input_front(&server->input.octets);

    while (front.size > 0 && reader->state != SLI_SMTP_DATA_DONE) {
        struct slimta_slice unread = front;
        int has_more = sli_smtp_data_reader_next(reader, &unread, content);

        sli_input_consume(&server->input.octets, front.size - unread.size);
        sli_smtp_hops_read(&server->transaction.hops, *content);
        limit_content(server, content);
        if (has_more && content->size > 0) {
            return 1;
        }
        front = sli_input_front(&server->input.octets);
    }
    return 0;
}

/* RFC 3030 section 2: octets of the chunk, and none behind it. */
static int next_in_chunk(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    struct sli_smtp_transaction *transaction = &server->transaction;
    struct sli_smtp_data_reader *reader = &transaction->reader;
    struct slimta_slice front = sli_input_front(&server->input.octets);

    while (front.size > 0 && transaction->chunk_left > 0) {
        struct slimta_slice unread = front;
        int has_more;

        if (unread.size > transaction->chunk_left) {
            unread.size = (size_t)transaction->chunk_left;
            front.size = unread.size;
        }
        has_more = sli_smtp_data_reader_chunk(reader, &unread, content);
        sli_input_consume(&server->input.octets, front.size - unread.size);
        transaction->chunk_left -= front.size - unread.size;
        sli_smtp_hops_read(&transaction->hops, *content);
        limit_content(server, content);
        if (has_more && content->size > 0) {
            return 1;
        }
        front = sli_input_front(&server->input.octets);
    }
    if (transaction->chunk_left > 0 || !transaction->is_last_chunk ||
        !sli_smtp_data_reader_end(reader, content)) {
        return 0;
    }
    limit_content(server, content);
    return content->size > 0;
}

int sli_smtp_content_next(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    if (server->transaction.is_chunked) {
        return next_in_chunk(server, content);
    }
    return next_of_data(server, content);
}

int sli_smtp_content_is_over(const struct sli_smtp_server *server)
{
    const struct sli_smtp_transaction *transaction = &server->transaction;

    return transaction->is_chunked
        ? transaction->chunk_left == 0
        : transaction->reader.state == SLI_SMTP_DATA_DONE;
}

/* RFC 5321 section 6.3. Said at the end alone, so that what was lent before
 * does not depend on how the input was cut. */
void sli_smtp_content_end(struct sli_smtp_server *server)
{
    struct sli_smtp_transaction *transaction = &server->transaction;
    uint64_t max = server->config->max_received;

    if (max != 0 && transaction->hops.count > max &&
        transaction->refusal == SLI_SMTP_REPLY_NONE) {
        transaction->refusal = SLI_SMTP_REPLY_TOO_MANY_HOPS;
    }
}
