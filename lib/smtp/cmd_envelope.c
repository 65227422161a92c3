/** MAIL and RCPT. */
#include "smtp/cmd_envelope.h"

#include "base/ascii.h"
#include "base/slice.h"
#include "smtp/extensions.h"
#include "smtp/params.h"

/* What is said of a path that cannot be taken. */
struct path_replies {
    enum sli_smtp_reply_id syntax;
    enum sli_smtp_reply_id too_long;
    enum sli_smtp_reply_id not_utf8;
    enum sli_smtp_reply_id tag;
};

static const struct path_replies sender_replies = {
    .syntax = SLI_SMTP_REPLY_BAD_SENDER,
    .too_long = SLI_SMTP_REPLY_LONG_SENDER,
    .not_utf8 = SLI_SMTP_REPLY_SENDER_NOT_UTF8,
    .tag = SLI_SMTP_REPLY_SENDER_TAG,
};

static const struct path_replies recipient_replies = {
    .syntax = SLI_SMTP_REPLY_BAD_RECIPIENT,
    .too_long = SLI_SMTP_REPLY_LONG_RECIPIENT,
    .not_utf8 = SLI_SMTP_REPLY_RECIPIENT_NOT_UTF8,
    .tag = SLI_SMTP_REPLY_RECIPIENT_TAG,
};

static enum sli_smtp_reply_id path_reply(
    enum sli_mail_path_result result, const struct path_replies *replies)
{
    switch (result) {
    case SLI_MAIL_PATH_OK:
        return SLI_SMTP_REPLY_NONE;
    case SLI_MAIL_PATH_TOO_LONG:
        return replies->too_long;
    case SLI_MAIL_PATH_NOT_UTF8:
        return replies->not_utf8;
    case SLI_MAIL_PATH_TAG:
        return replies->tag;
    case SLI_MAIL_PATH_SYNTAX:
        break;
    }
    return replies->syntax;
}

/* Takes `word`, in any case, and the spaces behind it off; 0 when it is not
 * there. RFC 5321 section 4.1.1.2 has no space there, but clients do. */
static int take_word(struct slimta_slice *text, struct slimta_slice word)
{
    if (text->size < word.size ||
        !sli_ascii_same(sli_slice(text->data, word.size), word)) {
        return 0;
    }
    *text = sli_slice_skip(*text, word.size);
    while (text->size > 0 && text->data[0] == ' ') {
        *text = sli_slice_skip(*text, 1);
    }
    return 1;
}

/* Reads the path; `text` becomes what follows it. */
static enum sli_smtp_reply_id read_path(struct slimta_slice *text,
    enum sli_mail_path_kind kind, struct sli_mail_path *path)
{
    size_t used = 0;
    enum sli_smtp_reply_id id = path_reply(
        sli_mail_path_parse(*text, kind, path, &used),
        kind == SLI_MAIL_PATH_REVERSE ? &sender_replies : &recipient_replies);

    if (id == SLI_SMTP_REPLY_NONE) {
        *text = sli_slice_skip(*text, used);
    }
    return id;
}

static struct sli_smtp_params_rules rules_of(
    const struct sli_smtp_server *server)
{
    return (struct sli_smtp_params_rules){
        .offered = sli_smtp_extensions_known(server),
        .min_by_seconds = server->config->min_by_seconds,
        .max_hold_seconds = server->config->max_hold_seconds,
        .now_ms = server->now_ms,
        .is_utf8 = server->transaction.smtputf8,
    };
}

/* What a parameter may not say in this session. */
static enum sli_smtp_reply_id check_params(
    const struct sli_smtp_server *server, struct slimta_mail_params *params)
{
    /* RFC 1870 section 6.1. */
    if (params->size_bytes > server->config->max_message_bytes) {
        return SLI_SMTP_REPLY_MESSAGE_TOO_LARGE;
    }
    /* RFC 4865 section 4: for submission alone. */
    if (params->hold_until_ms != 0 && !server->auth.is_done) {
        return SLI_SMTP_REPLY_AUTH_REQUIRED;
    }
    /* RFC 4954 section 5: only who has authenticated may assert it. */
    if (params->auth != NULL && !server->auth.is_done) {
        params->auth = "";
    }
    return SLI_SMTP_REPLY_NONE;
}

enum sli_smtp_reply_id sli_smtp_cmd_envelope_check_mail(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event)
{
    struct slimta_mail_params *params = &event->mail.params;
    enum sli_smtp_reply_id id;

    if (!take_word(&argument, SLI_LITERAL("FROM:"))) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    id = read_path(&argument, SLI_MAIL_PATH_REVERSE, &event->mail.path);
    if (id == SLI_SMTP_REPLY_NONE) {
        const struct sli_smtp_params_rules rules = rules_of(server);

        *params = (struct slimta_mail_params){.size = sizeof *params};
        id = sli_smtp_params_mail(argument, &rules, params, &server->decoded);
    }
    if (id != SLI_SMTP_REPLY_NONE) {
        return id;
    }
    if (event->mail.path.has_utf8 && !params->smtputf8) {
        return SLI_SMTP_REPLY_SENDER_NEEDS_UTF8;
    }
    id = check_params(server, params);
    if (id != SLI_SMTP_REPLY_NONE) {
        return id;
    }
    server->transaction.smtputf8 = params->smtputf8;
    server->transaction.is_binary = params->body == SLIMTA_BODY_BINARYMIME;
    event->type = SLI_SMTP_EVENT_MAIL;
    return SLI_SMTP_REPLY_NONE;
}

enum sli_smtp_reply_id sli_smtp_cmd_envelope_check_rcpt(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event)
{
    struct slimta_recipient *params = &event->rcpt.params;
    enum sli_smtp_reply_id id;

    if (!take_word(&argument, SLI_LITERAL("TO:"))) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    id = read_path(&argument, SLI_MAIL_PATH_FORWARD, &event->rcpt.path);
    if (id == SLI_SMTP_REPLY_NONE) {
        const struct sli_smtp_params_rules rules = rules_of(server);

        *params = (struct slimta_recipient){.size = sizeof *params};
        id = sli_smtp_params_rcpt(argument, &rules, params, &server->decoded);
    }
    if (id != SLI_SMTP_REPLY_NONE) {
        return id;
    }
    if (event->rcpt.path.has_utf8 && !server->transaction.smtputf8) {
        return SLI_SMTP_REPLY_RECIPIENT_NEEDS_UTF8;
    }
    /* RFC 5321 section 4.5.3.1.10: those before it stay valid. */
    if (server->transaction.recipients >= server->config->max_recipients) {
        return SLI_SMTP_REPLY_TOO_MANY_RECIPIENTS;
    }
    event->type = SLI_SMTP_EVENT_RCPT;
    return SLI_SMTP_REPLY_NONE;
}
