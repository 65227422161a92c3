/** The commands of SMTP: where each is legal, and how its line is checked. */
#include "smtp/commands.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "smtp/cmd_auth.h"
#include "smtp/cmd_bdat.h"
#include "smtp/cmd_envelope.h"
#include "smtp/cmd_greeting.h"
#include "smtp/cmd_starttls.h"
#include "smtp/cmd_xclient.h"
#include "smtp/extensions.h"

#define IN(state) (1U << SLI_SMTP_STATE_##state)

enum {
    GREETED = IN(READY) | IN(MAIL) | IN(RCPT) | IN(CHUNKS),
    /* RFC 5321 section 4.1.4: these need no greeting. */
    OPEN = IN(CONNECTED) | GREETED,
    ALWAYS = IN(REFUSED) | OPEN
};

static enum sli_smtp_reply_id ask(
    struct sli_smtp_event *event, enum sli_smtp_event_type type)
{
    event->type = type;
    return SLI_SMTP_REPLY_NONE;
}

static enum sli_smtp_reply_id check_data(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event)
{
    (void)argument;
    /* RFC 3030 section 3. */
    return server->transaction.is_binary ? SLI_SMTP_REPLY_BAD_SEQUENCE
                                         : ask(event, SLI_SMTP_EVENT_DATA);
}

static enum sli_smtp_reply_id check_rset(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event)
{
    (void)server;
    (void)argument;
    return ask(event, SLI_SMTP_EVENT_RSET);
}

static enum sli_smtp_reply_id check_noop(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event)
{
    (void)server;
    (void)argument;
    return ask(event, SLI_SMTP_EVENT_NOOP);
}

static enum sli_smtp_reply_id check_quit(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event)
{
    (void)server;
    (void)argument;
    return ask(event, SLI_SMTP_EVENT_QUIT);
}

static enum sli_smtp_reply_id check_vrfy(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event)
{
    (void)server;
    (void)event;
    return argument.size == 0 || !sli_ascii_is_utf8(argument)
        ? SLI_SMTP_REPLY_BAD_ARGUMENT
        : SLI_SMTP_REPLY_CANNOT_VERIFY;
}

static enum sli_smtp_reply_id check_help(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event)
{
    (void)server;
    (void)argument;
    (void)event;
    return SLI_SMTP_REPLY_HELP;
}

/* RFC 5321 section 4.2.4: known, but not there. */
static enum sli_smtp_reply_id check_missing(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event)
{
    (void)server;
    (void)argument;
    (void)event;
    return SLI_SMTP_REPLY_NOT_IMPLEMENTED;
}

#define KEY(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | \
        (uint32_t)(d) << 24)

enum {
    ALONE = SLI_SMTP_COMMAND_NO_ARGUMENT,
    UTF8 = SLI_SMTP_COMMAND_UTF8,
    GREETING = SLI_SMTP_COMMAND_GREETING,
    CLEAR = SLI_SMTP_COMMAND_CLEAR
};

/* The most frequent first. */
static const struct sli_smtp_command commands[] = {
    {KEY('R', 'C', 'P', 'T'), "RCPT", IN(MAIL) | IN(RCPT), UTF8,
        sli_smtp_cmd_envelope_check_rcpt, 0},
    {KEY('M', 'A', 'I', 'L'), "MAIL", IN(READY), UTF8,
        sli_smtp_cmd_envelope_check_mail, 0},
    {KEY('D', 'A', 'T', 'A'), "DATA", IN(RCPT), ALONE, check_data, 0},
    {KEY('B', 'D', 'A', 'T'), "BDAT", IN(RCPT) | IN(CHUNKS), 0,
        sli_smtp_cmd_bdat_check, 0},
    {KEY('E', 'H', 'L', 'O'), "EHLO", OPEN, GREETING | CLEAR,
        sli_smtp_cmd_greeting_check_ehlo, 0},
    {KEY('Q', 'U', 'I', 'T'), "QUIT", ALWAYS, ALONE | CLEAR, check_quit, 0},
    {KEY('R', 'S', 'E', 'T'), "RSET", OPEN, ALONE, check_rset, 0},
    {KEY('H', 'E', 'L', 'O'), "HELO", OPEN, GREETING,
        sli_smtp_cmd_greeting_check_helo, 0},
    {KEY('N', 'O', 'O', 'P'), "NOOP", OPEN, CLEAR, check_noop, 0},
    {KEY('V', 'R', 'F', 'Y'), "VRFY", OPEN, UTF8, check_vrfy, 0},
    {KEY('H', 'E', 'L', 'P'), "HELP", OPEN, 0, check_help, 0},
    {KEY('E', 'X', 'P', 'N'), "EXPN", OPEN, UTF8, check_missing, 0},
    {KEY('S', 'T', 'A', 'R'), "STARTTLS", OPEN, CLEAR,
        sli_smtp_cmd_starttls_check, 0},
    {KEY('A', 'U', 'T', 'H'), "AUTH", OPEN, 0, sli_smtp_cmd_auth_check, 0},
    {KEY('X', 'C', 'L', 'I'), "XCLIENT", IN(READY), 0,
        sli_smtp_cmd_xclient_check, SLI_SMTP_EXTENSION_XCLIENT},
    {KEY('X', 'F', 'O', 'R'), "XFORWARD", IN(READY), 0,
        sli_smtp_cmd_xclient_check_forward, SLI_SMTP_EXTENSION_XFORWARD},
    {KEY('L', 'H', 'L', 'O'), "LHLO", OPEN, GREETING | CLEAR,
        sli_smtp_cmd_greeting_check_lhlo, 0},
};

const struct sli_smtp_command *sli_smtp_commands_get(size_t index)
{
    return index < sizeof commands / sizeof *commands ? &commands[index] : NULL;
}

/* The first four letters in upper case. Without the bit of 32 a letter is its
 * capital, and nothing that is no letter becomes one. */
static uint32_t key_of(struct slimta_slice verb)
{
    const unsigned char *octet = (const unsigned char *)verb.data;

    return KEY(octet[0], octet[1], octet[2], octet[3]) & UINT32_C(0xDFDFDFDF);
}

static const struct sli_smtp_command *find(struct slimta_slice verb)
{
    uint32_t key;

    if (verb.size < 4) {
        return NULL;
    }
    key = key_of(verb);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (commands[i].key == key) {
            return sli_ascii_same(verb, sli_slice_text(commands[i].verb))
                ? &commands[i]
                : NULL;
        }
    }
    return NULL;
}

/* Parts a line at its first space; spaces around the argument are dropped. */
static void split(struct slimta_slice line, struct slimta_slice *verb,
    struct slimta_slice *argument)
{
    const char *space =
        line.size == 0 ? NULL : memchr(line.data, ' ', line.size);

    *verb = line;
    *argument = sli_slice("", 0);
    if (space == NULL) {
        return;
    }
    verb->size = (size_t)(space - line.data);
    while (line.data[line.size - 1] == ' ' && line.size > verb->size + 1) {
        line.size--;
    }
    *argument = sli_slice_skip(line, verb->size + 1);
    while (argument->size > 0 && argument->data[0] == ' ') {
        *argument = sli_slice_skip(*argument, 1);
    }
}

static unsigned classes_of(struct slimta_slice line)
{
    unsigned classes = 0;

    for (size_t i = 0; i < line.size; i++) {
        classes |= sli_ascii_classes[(unsigned char)line.data[i]];
    }
    return classes;
}

/* After a failed AUTH a client may send what would have been its next answer:
 * that is told to nobody. */
static enum sli_smtp_reply_id check_unknown(
    const struct sli_smtp_server *server, struct slimta_slice verb,
    struct slimta_slice argument, unsigned classes,
    struct sli_smtp_event *event)
{
    if (verb.size == 0 || (classes & SLI_ASCII_HIGH) != 0 ||
        server->auth.was_last) {
        return SLI_SMTP_REPLY_UNKNOWN_COMMAND;
    }
    event->command.verb = verb;
    event->command.argument = argument;
    return ask(event, SLI_SMTP_EVENT_COMMAND);
}

static enum sli_smtp_reply_id check_known(
    const struct sli_smtp_command *command, struct sli_smtp_server *server,
    struct slimta_slice argument, unsigned classes,
    struct sli_smtp_event *event)
{
    int is_greeting = (command->flags & SLI_SMTP_COMMAND_GREETING) != 0;
    int is_alone = (command->flags & SLI_SMTP_COMMAND_NO_ARGUMENT) != 0;
    int may_be_utf8 = (command->flags & SLI_SMTP_COMMAND_UTF8) != 0;

    if ((command->states & 1U << server->state) == 0) {
        return is_greeting ? SLI_SMTP_REPLY_BAD_SEQUENCE_GREETING
                           : SLI_SMTP_REPLY_BAD_SEQUENCE;
    }
    if ((classes & SLI_ASCII_HIGH) != 0 && !may_be_utf8 && !is_greeting) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    if (is_alone && argument.size > 0) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    return command->check(server, argument, event);
}

/* What stands before any command but some; `command` is NULL when it is none.
 */
static enum sli_smtp_reply_id check_door(const struct sli_smtp_server *server,
    const struct sli_smtp_command *command)
{
    int is_quit = command != NULL && (command->states & IN(REFUSED)) != 0;
    int may_be_clear =
        command != NULL && (command->flags & SLI_SMTP_COMMAND_CLEAR) != 0;

    /* RFC 5321 section 3.1: after a 554 banner all but QUIT is 503. */
    if (server->state == SLI_SMTP_STATE_REFUSED) {
        return command == NULL ? SLI_SMTP_REPLY_BAD_SEQUENCE
                               : SLI_SMTP_REPLY_NONE;
    }
    /* RFC 3207 section 4.1. */
    if (server->refusal != NULL && !is_quit) {
        return SLI_SMTP_REPLY_NOT_SECURE;
    }
    /* RFC 3207 section 4. */
    if (server->config->tls == SLI_SMTP_TLS_REQUIRED && !server->is_secure &&
        !may_be_clear) {
        return SLI_SMTP_REPLY_TLS_REQUIRED;
    }
    return SLI_SMTP_REPLY_NONE;
}

enum sli_smtp_reply_id sli_smtp_commands_too_long(
    const struct sli_smtp_server *server, int is_auth)
{
    enum sli_smtp_reply_id id = check_door(server, NULL);

    if (id != SLI_SMTP_REPLY_NONE) {
        return id;
    }
    return is_auth ? SLI_SMTP_REPLY_AUTH_TOO_LONG
                   : SLI_SMTP_REPLY_LINE_TOO_LONG;
}

/* What is for trusted peers is to others a verb like any that is unknown. */
static int is_known_here(const struct sli_smtp_server *server,
    const struct sli_smtp_command *command)
{
    return command->extension == 0 ||
        (sli_smtp_extensions_known(server) & command->extension) != 0;
}

enum sli_smtp_reply_id sli_smtp_commands_check(struct sli_smtp_server *server,
    struct slimta_slice line, struct sli_smtp_event *event)
{
    unsigned classes = classes_of(line);
    enum sli_smtp_reply_id id;
    const struct sli_smtp_command *command;
    struct slimta_slice argument;
    struct slimta_slice verb;

    split(line, &verb, &argument);
    command = find(verb);
    if (command != NULL && !is_known_here(server, command)) {
        command = NULL;
    }
    if (command != NULL) {
        server->auth.was_last = command->check == sli_smtp_cmd_auth_check;
    }
    id = check_door(server, command);
    if (id != SLI_SMTP_REPLY_NONE) {
        return id;
    }
    if ((classes & SLI_ASCII_CONTROL) != 0) {
        return SLI_SMTP_REPLY_BAD_OCTETS;
    }
    if (command == NULL) {
        return check_unknown(server, verb, argument, classes, event);
    }
    return check_known(command, server, argument, classes, event);
}
