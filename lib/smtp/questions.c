/** What the engine asks its owner: which answer is due, and what follows it. */
#include "smtp/questions.h"

#include <assert.h>

#include "base/slice.h"
#include "smtp/cmd_auth.h"
#include "smtp/cmd_bdat.h"
#include "smtp/cmd_starttls.h"
#include "smtp/cmd_xclient.h"
#include "smtp/machine.h"

static void proceed_banner(struct sli_smtp_server *server)
{
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_CONNECTED);
}

/* RFC 5321 section 3.1: the session stays open, for QUIT alone. */
static void refuse_banner(struct sli_smtp_server *server)
{
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_REFUSED);
}

/* RFC 5321 section 4.1.4: a greeting also does what RSET does. */
static void proceed_greeting(struct sli_smtp_server *server)
{
    sli_smtp_machine_reset(server);
    server->is_extended = server->asks_extended;
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_READY);
}

static void proceed_mail(struct sli_smtp_server *server)
{
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_MAIL);
}

static void proceed_rcpt(struct sli_smtp_server *server)
{
    server->transaction.recipients++;
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_RCPT);
}

static void proceed_data(struct sli_smtp_server *server)
{
    sli_smtp_data_reader_init(
        &server->transaction.reader, server->config->bare_newlines);
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_CONTENT);
}

/* RFC 5321 section 4.1.1.10: it closes, whatever was said to it. */
static void proceed_quit(struct sli_smtp_server *server)
{
    sli_smtp_machine_close(server, SLI_SMTP_CLOSE_QUIT);
}

#define TEXT(text) \
    { \
        (text), sizeof(text) - 1 \
    }

/* Nobody is let in whom nobody has vouched for. */
#define AUTH_QUESTION \
    { \
        .code = 535, .success = 235, \
        .before = TEXT("5.7.8 Authentication credentials invalid"), \
        .proceed = sli_smtp_cmd_auth_proceed, \
        .refuse = sli_smtp_cmd_auth_refuse, .is_command = 1 \
    }

static const struct sli_smtp_question questions[] = {
    [SLI_SMTP_EVENT_BANNER] = {.code = 220,
        .form = SLI_SMTP_OUTPUT_PLAIN,
        .after = TEXT(" ESMTP Mail Gateway"),
        .proceed = proceed_banner,
        .refuse = refuse_banner},
    [SLI_SMTP_EVENT_EHLO] = {.code = 250,
        .form = SLI_SMTP_OUTPUT_PLAIN,
        .before = TEXT("Hello "),
        .proceed = proceed_greeting,
        .is_command = 1},
    [SLI_SMTP_EVENT_MAIL] = {.code = 250,
        .before = TEXT("2.1.0 <"),
        .after = TEXT("> Ok"),
        .without = TEXT("2.1.0 Ok"),
        .proceed = proceed_mail,
        .refuse = sli_smtp_machine_reset,
        .is_command = 1},
    [SLI_SMTP_EVENT_RCPT] = {.code = 250,
        .before = TEXT("2.1.5 <"),
        .after = TEXT("> Ok"),
        .without = TEXT("2.1.5 Ok"),
        .proceed = proceed_rcpt,
        .is_command = 1},
    [SLI_SMTP_EVENT_DATA] = {.code = 354,
        .before = TEXT("Start mail input; end with <CRLF>.<CRLF>"),
        .proceed = proceed_data,
        .is_command = 1},
    [SLI_SMTP_EVENT_CHUNKS] = {.code = 354,
        .before = TEXT("Start mail input; end with <CRLF>.<CRLF>"),
        .proceed = sli_smtp_cmd_bdat_proceed,
        .refuse = sli_smtp_machine_reset,
        .is_silent = 1,
        .is_command = 1},
    [SLI_SMTP_EVENT_CHUNK] = {.code = 250,
        .before = TEXT("2.0.0 Chunk received"),
        .proceed = sli_smtp_cmd_bdat_go_on,
        .refuse = sli_smtp_machine_reset},
    [SLI_SMTP_EVENT_END] = {.code = 250,
        .before = TEXT("2.6.0 Message queued"),
        .proceed = sli_smtp_machine_deliver,
        .refuse = sli_smtp_machine_reset},
    [SLI_SMTP_EVENT_RSET] = {.code = 250,
        .before = TEXT("2.0.0 Ok"),
        .proceed = sli_smtp_machine_reset,
        .is_command = 1},
    [SLI_SMTP_EVENT_NOOP] = {.code = 250,
        .before = TEXT("2.0.0 Ok"),
        .is_command = 1},
    [SLI_SMTP_EVENT_QUIT] = {.code = 221,
        .before = TEXT("2.0.0 Bye"),
        .proceed = proceed_quit,
        .refuse = proceed_quit,
        .is_command = 1},
    [SLI_SMTP_EVENT_STARTTLS] = {.code = 220,
        .before = TEXT("2.7.0 Go ahead"),
        .proceed = sli_smtp_cmd_starttls_proceed,
        .is_command = 1},
    [SLI_SMTP_EVENT_AUTH] = AUTH_QUESTION,
    [SLI_SMTP_EVENT_AUTH_ANSWER] = AUTH_QUESTION,
    [SLI_SMTP_EVENT_XCLIENT] = {.code = 250,
        .before = TEXT("2.0.0 Ok"),
        .proceed = sli_smtp_cmd_xclient_proceed,
        .is_silent = 1,
        .is_command = 1},
    [SLI_SMTP_EVENT_XFORWARD] = {.code = 250,
        .before = TEXT("2.0.0 Ok"),
        .is_command = 1},
    [SLI_SMTP_EVENT_COMMAND] = {.code = 500,
        .before = TEXT("5.5.2 Syntax error, command unrecognized"),
        .is_command = 1},
};

const struct sli_smtp_question *sli_smtp_questions_get(
    enum sli_smtp_event_type type)
{
    assert(type >= SLI_SMTP_EVENT_BANNER && type <= SLI_SMTP_EVENT_COMMAND);
    return &questions[type];
}
