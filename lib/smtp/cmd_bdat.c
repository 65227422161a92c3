/** BDAT (RFC 3030): content in chunks whose size is said before. */
#include "smtp/cmd_bdat.h"

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/reply.h"
#include "smtp/answer.h"
#include "smtp/extensions.h"
#include "smtp/machine.h"
#include "smtp/say.h"
#include "smtp/words.h"

enum { SIZE_DIGITS = 20 };

/* What a line of BDAT says; where a size can be read, its octets follow. */
enum reading {
    READING_GOOD,
    READING_ODD,     /* a size, and something that does not belong there */
    READING_NOTHING, /* no argument: nothing can follow */
    READING_LOST     /* no size: nobody knows where the next command begins */
};

static enum reading read_argument(
    struct slimta_slice argument, struct sli_smtp_chunk *chunk)
{
    struct slimta_slice word;
    int has_more;

    *chunk = (struct sli_smtp_chunk){0};
    if (!sli_smtp_words_next(&argument, &word)) {
        return READING_NOTHING;
    }
    if (!sli_ascii_number(word, SIZE_DIGITS, &chunk->size)) {
        return READING_LOST;
    }
    has_more = sli_smtp_words_next(&argument, &word);
    chunk->is_last = has_more && sli_ascii_same(word, SLI_LITERAL("LAST"));
    return (has_more && !chunk->is_last) ||
            sli_smtp_words_next(&argument, &word)
        ? READING_ODD
        : READING_GOOD;
}

static int is_offered(const struct sli_smtp_server *server)
{
    return (sli_smtp_extensions_known(server) & SLI_SMTP_EXTENSION_CHUNKING) !=
        0;
}

static void begin_chunk(struct sli_smtp_server *server)
{
    server->transaction.chunk_left = server->chunk.size;
    server->transaction.is_last_chunk = server->chunk.is_last;
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_CONTENT);
}

enum sli_smtp_reply_id sli_smtp_cmd_bdat_check(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event)
{
    uint64_t max = server->config->max_message_bytes;

    if (!is_offered(server)) {
        return SLI_SMTP_REPLY_NOT_IMPLEMENTED;
    }
    if (!server->is_extended) {
        return SLI_SMTP_REPLY_BAD_SEQUENCE;
    }
    if (read_argument(argument, &server->chunk) != READING_GOOD) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    /* RFC 1870 section 5: the sum of all chunks counts. */
    if (server->transaction.size > max ||
        server->chunk.size > max - server->transaction.size) {
        return SLI_SMTP_REPLY_MESSAGE_TOO_LARGE;
    }
    if (server->state == SLI_SMTP_STATE_RCPT) {
        event->type = SLI_SMTP_EVENT_CHUNKS;
    } else {
        event->type = SLI_SMTP_EVENT_NONE;
        begin_chunk(server);
    }
    return SLI_SMTP_REPLY_NONE;
}

void sli_smtp_cmd_bdat_proceed(struct sli_smtp_server *server)
{
    struct sli_smtp_transaction *transaction = &server->transaction;

    /* RFC 3030 section 3: binary content is kept bit for bit. */
    sli_smtp_data_reader_init_chunks(&transaction->reader,
        transaction->is_binary ? SLIMTA_BARE_PASS
                               : server->config->bare_newlines);
    transaction->is_chunked = 1;
    begin_chunk(server);
}

void sli_smtp_cmd_bdat_go_on(struct sli_smtp_server *server)
{
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_CHUNKS);
}

/*
 * RFC 3030 section 2: the octets of a refused chunk are read before the
 * refusal is said. The transaction is over with it: a chunk behind this one
 * that was sent ahead would leave a message with a hole.
 */
static void begin_skip(
    struct sli_smtp_server *server, enum sli_smtp_reply_id id)
{
    struct sli_smtp_skip *skip = &server->skip;

    skip->is_due = 1;
    skip->left = server->chunk.size;
    skip->id = id;
    /* RFC 2033 section 4.2: behind the last chunk each recipient is due one. */
    skip->times = server->chunk.is_last ? sli_smtp_answer_times(server) : 1;
    sli_smtp_machine_reset(server);
}

int sli_smtp_cmd_bdat_has_octets(
    struct sli_smtp_server *server, struct slimta_slice line)
{
    struct slimta_slice verb;
    enum reading reading;

    if (line.size == 0 || line.data[0] == ' ' ||
        !sli_smtp_words_next(&line, &verb) ||
        !sli_ascii_same(verb, SLI_LITERAL("BDAT")) || !is_offered(server)) {
        return 0;
    }
    reading = read_argument(line, &server->chunk);
    server->chunk.is_lost = reading == READING_LOST;
    return reading != READING_NOTHING;
}

void sli_smtp_cmd_bdat_refuse(
    struct sli_smtp_server *server, enum sli_smtp_reply_id id)
{
    if (server->chunk.is_lost) {
        sli_smtp_say(server, id);
        sli_smtp_say_last(
            server, SLI_SMTP_REPLY_LOST_CHUNK, SLI_SMTP_CLOSE_CHUNK);
    } else {
        begin_skip(server, id);
    }
}

int sli_smtp_cmd_bdat_refuse_with(
    struct sli_smtp_server *server, const struct slimta_reply *reply)
{
    struct slimta_reply *copy =
        sli_mail_reply_clone(server->config->alloc, reply);

    if (copy == NULL) {
        return SLIMTA_ENOMEM;
    }
    server->skip.reply = copy;
    begin_skip(server, SLI_SMTP_REPLY_NONE);
    return 0;
}

static void say_refusal(struct sli_smtp_server *server)
{
    struct sli_smtp_skip skip = server->skip;

    server->skip = (struct sli_smtp_skip){0};
    if (skip.reply != NULL) {
        sli_smtp_answer_late(server, skip.reply, skip.times);
        sli_mail_reply_free(server->config->alloc, skip.reply);
    } else {
        sli_smtp_say_times(server, skip.id, skip.times);
    }
}

int sli_smtp_cmd_bdat_skip(struct sli_smtp_server *server)
{
    struct sli_smtp_skip *skip = &server->skip;
    struct slimta_slice front = sli_input_front(&server->input.octets);

    while (front.size > 0 && skip->left > 0) {
        size_t size = front.size < skip->left ? front.size : (size_t)skip->left;

        sli_input_consume(&server->input.octets, size);
        skip->left -= size;
        front = sli_input_front(&server->input.octets);
    }
    if (skip->left > 0) {
        return 0;
    }
    say_refusal(server);
    return 1;
}
