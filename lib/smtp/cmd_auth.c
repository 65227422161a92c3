/** AUTH and the exchange that it begins (RFC 4954). */
#include "smtp/cmd_auth.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/slice.h"
#include "smtp/extensions.h"
#include "smtp/machine.h"
#include "smtp/words.h"

int sli_smtp_cmd_auth_is_known(const struct sli_smtp_server *server)
{
    return sli_slice_text(server->auth.mechanisms).size > 0 ||
        sli_slice_text(server->auth.secure).size > 0;
}

/* Whether the host has taken AUTH off what it would have been offered in. */
static int is_taken_off(const struct sli_smtp_server *server)
{
    return sli_slice_text(server->auth.mechanisms).size > 0 &&
        (sli_smtp_extensions_known(server) & SLI_SMTP_EXTENSION_AUTH) == 0;
}

/* RFC 4954 section 4: after EHLO, once, and not inside a transaction. */
static int is_in_order(const struct sli_smtp_server *server)
{
    return server->state == SLI_SMTP_STATE_READY && server->is_extended &&
        !server->auth.is_done;
}

static void keep_mechanism(
    struct sli_smtp_server *server, struct slimta_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        server->auth.mechanism[i] = sli_ascii_upper(name.data[i]);
    }
    server->auth.mechanism[name.size] = '\0';
}

static enum sli_smtp_reply_id check_mechanism(
    struct sli_smtp_server *server, struct slimta_slice name)
{
    const struct sli_smtp_auth *auth = &server->auth;
    int index = sli_smtp_words_find(sli_slice_text(auth->mechanisms), name);

    if (name.size > SLI_SMTP_MECHANISM_MAX) {
        return SLI_SMTP_REPLY_BAD_MECHANISM;
    }
    if (index < 0 && !server->is_secure &&
        sli_smtp_words_find(sli_slice_text(auth->secure), name) >= 0) {
        return SLI_SMTP_REPLY_AUTH_NEEDS_TLS;
    }
    if (index < 0 || (auth->taken_off >> index & 1) != 0) {
        return SLI_SMTP_REPLY_BAD_MECHANISM;
    }
    keep_mechanism(server, name);
    return SLI_SMTP_REPLY_NONE;
}

static enum sli_smtp_reply_id decode(
    struct sli_smtp_server *server, struct slimta_slice text)
{
    size_t size = 0;
    char *room;

    sli_buf_clear(&server->decoded);
    room = sli_buf_reserve(&server->decoded, SLI_BASE64_DECODED_MAX(text.size));
    if (room == NULL) {
        return SLI_SMTP_REPLY_SYSTEM_ERROR;
    }
    if (!sli_base64_decode(text, SLI_BASE64_PADDED, room, &size)) {
        return SLI_SMTP_REPLY_BAD_BASE64;
    }
    sli_buf_added(&server->decoded, size);
    return SLI_SMTP_REPLY_NONE;
}

static enum sli_smtp_reply_id check_initial(
    struct sli_smtp_server *server, struct slimta_slice text)
{
    server->auth.has_initial = text.size > 0;
    /* RFC 4954 section 4: how an empty one is told from none. */
    if (sli_slice_is(text, SLI_LITERAL("="))) {
        text.size = 0;
    }
    return decode(server, text);
}

static enum sli_smtp_reply_id check(
    struct sli_smtp_server *server, struct slimta_slice argument)
{
    enum sli_smtp_reply_id id;
    struct slimta_slice name;

    if (!sli_smtp_cmd_auth_is_known(server) || is_taken_off(server)) {
        return SLI_SMTP_REPLY_NOT_IMPLEMENTED;
    }
    if (!is_in_order(server)) {
        return SLI_SMTP_REPLY_BAD_SEQUENCE;
    }
    if (!sli_smtp_words_next(&argument, &name)) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    while (argument.size > 0 && argument.data[0] == ' ') {
        argument = sli_slice_skip(argument, 1);
    }
    id = check_mechanism(server, name);
    return id != SLI_SMTP_REPLY_NONE ? id : check_initial(server, argument);
}

enum sli_smtp_reply_id sli_smtp_cmd_auth_check(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event)
{
    enum sli_smtp_reply_id id = check(server, argument);

    if (id == SLI_SMTP_REPLY_NONE) {
        sli_smtp_cmd_auth_tell(server, SLI_SMTP_EVENT_AUTH, event);
    }
    return id;
}

enum sli_smtp_reply_id sli_smtp_cmd_auth_check_answer(
    struct sli_smtp_server *server, struct slimta_slice line,
    struct sli_smtp_event *event)
{
    enum sli_smtp_reply_id id = sli_slice_is(line, SLI_LITERAL("*"))
        ? SLI_SMTP_REPLY_AUTH_CANCELLED
        : decode(server, line);

    if (id == SLI_SMTP_REPLY_NONE) {
        sli_smtp_cmd_auth_tell(server, SLI_SMTP_EVENT_AUTH_ANSWER, event);
    }
    return id;
}

void sli_smtp_cmd_auth_tell(const struct sli_smtp_server *server,
    enum sli_smtp_event_type type, struct sli_smtp_event *event)
{
    struct slimta_slice octets = sli_buf_slice(&server->decoded);

    event->type = type;
    if (type == SLI_SMTP_EVENT_AUTH) {
        event->auth.mechanism = server->auth.mechanism;
        event->auth.has_initial = server->auth.has_initial;
        event->auth.initial = octets;
    } else {
        event->auth_answer = octets;
    }
}

void sli_smtp_cmd_auth_proceed(struct sli_smtp_server *server)
{
    server->auth.is_done = 1;
    server->auth.was_last = 0;
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_READY);
}

void sli_smtp_cmd_auth_refuse(struct sli_smtp_server *server)
{
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_READY);
}

int sli_smtp_cmd_auth_write(struct sli_buf *output, struct slimta_slice octets)
{
    static const char before[] = {'3', '3', '4', ' '};
    size_t size = SLI_BASE64_ENCODED_SIZE(octets.size);
    char *line = sli_buf_reserve(output, sizeof before + size + 2);

    if (line == NULL) {
        return SLIMTA_ENOMEM;
    }
    memcpy(line, before, sizeof before);
    (void)sli_base64_encode(octets, line + sizeof before);
    memcpy(line + sizeof before + size, "\r\n", 2);
    sli_buf_added(output, sizeof before + size + 2);
    return 0;
}
