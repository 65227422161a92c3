/** What the engine says by itself: fixed replies, counted and told. */
#include "smtp/say.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/reply.h"
#include "smtp/machine.h"
#include "smtp/output.h"

/* The reply of sli_smtp_server_refuse_all, where that is meant, or NULL. */
static const struct slimta_reply *own_reply(
    const struct sli_smtp_server *server, enum sli_smtp_reply_id id)
{
    return id == SLI_SMTP_REPLY_NOT_SECURE ? server->refusal : NULL;
}

static int code_of(
    const struct sli_smtp_server *server, enum sli_smtp_reply_id id)
{
    const struct slimta_reply *own = own_reply(server, id);

    return own != NULL ? slimta_reply_code(own)
                       : sli_smtp_replies_get(id)->code;
}

static int write_reply(
    struct sli_smtp_server *server, enum sli_smtp_reply_id id)
{
    const struct slimta_reply *own = own_reply(server, id);

    if (own != NULL) {
        return sli_smtp_output_reply(server->output, own,
            slimta_reply_code(own), SLI_SMTP_OUTPUT_ENHANCED,
            SLI_SMTP_OUTPUT_LAST);
    }
    return sli_buf_append(server->output, sli_smtp_replies_get(id)->wire);
}

void sli_smtp_say_no_memory(struct sli_smtp_server *server)
{
    if (server->state == SLI_SMTP_STATE_CLOSED) {
        return;
    }
    /* The last word may still find room: what it stands in place of was not
     * written. */
    if (!sli_smtp_machine_is_handshaking(server)) {
        (void)write_reply(server, SLI_SMTP_REPLY_SYSTEM_ERROR);
    }
    sli_smtp_machine_close(server, SLI_SMTP_CLOSE_MEMORY);
}

void sli_smtp_say(struct sli_smtp_server *server, enum sli_smtp_reply_id id)
{
    sli_smtp_say_times(server, id, 1);
}

void sli_smtp_say_last(struct sli_smtp_server *server,
    enum sli_smtp_reply_id id, enum sli_smtp_close reason)
{
    if (server->state == SLI_SMTP_STATE_CLOSED) {
        return;
    }
    (void)write_reply(server, id);
    sli_smtp_machine_close(server, reason);
}

static int write_times(
    struct sli_smtp_server *server, enum sli_smtp_reply_id id, uint64_t times)
{
    size_t before = sli_buf_size(server->output);
    int err = 0;

    for (uint64_t i = 0; i < times && err == 0; i++) {
        err = write_reply(server, id);
    }
    if (err != 0) {
        server->output->end = server->output->start + before;
    }
    return err;
}

void sli_smtp_say_times(
    struct sli_smtp_server *server, enum sli_smtp_reply_id id, uint64_t times)
{
    int is_last =
        code_of(server, id) >= 500 && sli_smtp_machine_count_error(server);

    if (is_last) {
        id = SLI_SMTP_REPLY_TOO_MANY_ERRORS;
        times = 1;
    }
    if (code_of(server, id) >= 400) {
        server->refused = id;
    }
    if (write_times(server, id, times) != 0) {
        sli_smtp_say_no_memory(server);
    } else if (is_last) {
        sli_smtp_machine_close(server, SLI_SMTP_CLOSE_ERRORS);
    }
}

void sli_smtp_say_keep_verb(
    struct sli_smtp_server *server, struct slimta_slice line)
{
    size_t size = 0;

    while (size < line.size && line.data[size] != ' ') {
        size++;
    }
    line.size = size;
    if (size > SLI_SMTP_VERB_MAX || !sli_ascii_all(line, SLI_ASCII_ALPHA) ||
        (server->auth.was_last && !sli_ascii_same(line, SLI_LITERAL("AUTH")))) {
        size = 0;
    }
    memcpy(server->refused_verb, line.data, size);
    server->refused_verb[size] = '\0';
}

int sli_smtp_say_tell(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    enum sli_smtp_reply_id id = server->refused;
    const struct slimta_reply *own = own_reply(server, id);

    if (id == SLI_SMTP_REPLY_NONE) {
        return 0;
    }
    event->type = SLI_SMTP_EVENT_REFUSED;
    event->refused.verb = server->refused_verb;
    event->refused.code = code_of(server, id);
    event->refused.text =
        own != NULL ? slimta_reply_text(own) : sli_smtp_replies_get(id)->text;
    server->refused = SLI_SMTP_REPLY_NONE;
    return 1;
}
