/** The lines of commands, as a sending engine says them. */
#include "smtp/client_lines.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/slice.h"
#include "mail/path.h"
#include "smtp/params_text.h"
#include "smtp/xtext.h"

/* RFC 5321 section 4.5.3.1.4: a command line with its CRLF. */
enum { LINE_MAX_OCTETS = 512 };

/* Takes back what was appended after the output had `size` octets. */
static int take_back(struct sli_buf *output, size_t size, int err)
{
    output->end = output->start + size;
    return err;
}

int sli_smtp_client_lines_plain(
    struct sli_smtp_client *client, const char *verb, const char *argument)
{
    struct sli_buf *output = client->output;
    size_t before = sli_buf_size(output);
    int err = sli_buf_append_text(output, verb);

    if (err == 0 && argument != NULL) {
        err = sli_buf_append_text(output, " ");
    }
    if (err == 0 && argument != NULL) {
        err = sli_buf_append_text(output, argument);
    }
    if (err == 0) {
        err = sli_buf_append_text(output, "\r\n");
    }
    return err == 0 ? 0 : take_back(output, before, SLIMTA_ENOMEM);
}

/* Appends a path, and holds it against the grammar where it stands: nothing
 * else goes out as an address. */
static int put_path(struct sli_buf *output, struct slimta_slice word,
    struct slimta_slice mailbox, enum sli_mail_path_kind kind)
{
    char *room = sli_buf_reserve(output, word.size + mailbox.size + 2);
    struct slimta_slice text;
    struct sli_mail_path path;
    size_t used = 0;

    if (room == NULL) {
        return SLIMTA_ENOMEM;
    }
    memcpy(room, word.data, word.size);
    text = sli_slice(room + word.size, mailbox.size + 2);
    room[word.size] = '<';
    if (mailbox.size > 0) {
        memcpy(room + word.size + 1, mailbox.data, mailbox.size);
    }
    room[word.size + 1 + mailbox.size] = '>';
    if (sli_mail_path_parse(text, kind, &path, &used) != SLI_MAIL_PATH_OK ||
        used != text.size) {
        return SLIMTA_EINVAL;
    }
    sli_buf_added(output, word.size + text.size);
    return 0;
}

/* The parameters of MAIL. Each says whether it is to be said, and its value. */

static int offers(const struct sli_smtp_client *client, unsigned capability)
{
    return (client->capabilities.offered & capability) != 0;
}

/* RFC 1870 section 6. */
static int put_size(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail)
{
    char number[SLI_ASCII_NUMBER_MAX];

    if (!offers(client, SLI_SMTP_CAPABILITY_SIZE) || mail->size_bytes == 0) {
        return 0;
    }
    (void)sli_ascii_format_number(mail->size_bytes, number);
    return sli_buf_append_text(client->output, " SIZE=") != 0 ||
            sli_buf_append_text(client->output, number) != 0
        ? SLIMTA_ENOMEM
        : 0;
}

/* RFC 6152 section 3: 8-bit content must be declared. A content that streams
 * cannot be looked at first, and 8BITMIME is right for any; 7BIT, the default,
 * only where the client has said so. */
static int put_body(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail)
{
    if (!offers(client, SLI_SMTP_CAPABILITY_8BITMIME) ||
        (mail->params->has_body && mail->params->body == SLIMTA_BODY_7BIT)) {
        return 0;
    }
    return sli_buf_append_text(client->output, " BODY=8BITMIME");
}

static int put_utf8(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail)
{
    return sli_smtp_capabilities_needs_utf8(mail)
        ? sli_buf_append_text(client->output, " SMTPUTF8")
        : 0;
}

/* RFC 4954 section 5: to a hop that knows us. */
static int put_auth(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail)
{
    struct slimta_slice auth = sli_slice_text(mail->params->auth);
    char *room;

    if (mail->params->auth == NULL || !client->is_authenticated) {
        return 0;
    }
    if (auth.size == 0) {
        return sli_buf_append_text(client->output, " AUTH=<>");
    }
    if (sli_buf_append_text(client->output, " AUTH=") != 0) {
        return SLIMTA_ENOMEM;
    }
    room =
        sli_buf_reserve(client->output, SLI_SMTP_XTEXT_ENCODED_MAX(auth.size));
    if (room == NULL) {
        return SLIMTA_ENOMEM;
    }
    sli_buf_added(client->output, sli_smtp_xtext_encode(auth, room));
    return 0;
}

/* RFC 8689 section 4.2; sli_smtp_capabilities_check has seen to it that it is
 * offered. */
static int put_requiretls(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail)
{
    return mail->params->requiretls
        ? sli_buf_append_text(client->output, " REQUIRETLS")
        : 0;
}

/* Those that are said the same way wherever they stand. RFC 3461 section 5.2.2
 * and RFC 6710 section 4: what is not offered is left out. */
static int put_rest(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail)
{
    static const struct {
        unsigned capability;
        void (*put)(struct sli_smtp_params_text *text,
            const struct slimta_mail_params *params);
    } rest[] = {
        {SLI_SMTP_CAPABILITY_DSN, sli_smtp_params_text_reports},
        {SLI_SMTP_CAPABILITY_DELIVERBY, sli_smtp_params_text_by},
        {SLI_SMTP_CAPABILITY_FUTURERELEASE, sli_smtp_params_text_hold},
        {SLI_SMTP_CAPABILITY_MT_PRIORITY, sli_smtp_params_text_priority},
    };
    struct sli_smtp_params_text text = {.out = client->output};

    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        if (offers(client, rest[i].capability)) {
            rest[i].put(&text, mail->params);
        }
    }
    return text.err;
}

static int (*const params[])(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail) = {
    put_size,
    put_body,
    put_utf8,
    put_auth,
    put_requiretls,
    put_rest,
};

int sli_smtp_client_lines_mail(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail)
{
    struct sli_buf *output = client->output;
    size_t before = sli_buf_size(output);
    int err = put_path(
        output, SLI_LITERAL("MAIL FROM:"), mail->sender, SLI_MAIL_PATH_REVERSE);

    for (size_t i = 0; i < sizeof params / sizeof *params && err == 0; i++) {
        err = params[i](client, mail);
    }
    if (err == 0) {
        err = sli_buf_append_text(output, "\r\n");
    }
    return err == 0 ? 0
                    : take_back(output, before,
                          err == SLIMTA_EINVAL ? SLIMTA_EINVAL : SLIMTA_ENOMEM);
}

int sli_smtp_client_lines_rcpt(
    struct sli_smtp_client *client, const struct slimta_recipient *recipient)
{
    struct sli_buf *output = client->output;
    size_t before = sli_buf_size(output);
    int err = put_path(output, SLI_LITERAL("RCPT TO:"),
        sli_slice_text(recipient->address), SLI_MAIL_PATH_FORWARD);
    struct sli_smtp_params_text text = {.out = output, .err = err};

    if (offers(client, SLI_SMTP_CAPABILITY_DSN)) {
        sli_smtp_params_text_recipient(
            &text, recipient, client->transaction.has_utf8);
    }
    sli_smtp_params_text_put(&text, "\r\n");
    err = text.err;
    return err == 0 ? 0
                    : take_back(output, before,
                          err == SLIMTA_EINVAL ? SLIMTA_EINVAL : SLIMTA_ENOMEM);
}

int sli_smtp_client_lines_fits(
    const char *mechanism, struct slimta_slice initial)
{
    return sizeof "AUTH  \r\n" - 1 + strlen(mechanism) +
        SLI_BASE64_ENCODED_SIZE(initial.size) <=
        LINE_MAX_OCTETS;
}

static int put_base64(struct sli_buf *output, struct slimta_slice octets)
{
    size_t size = SLI_BASE64_ENCODED_SIZE(octets.size);
    char *room = sli_buf_reserve(output, size + 2);

    if (room == NULL) {
        return SLIMTA_ENOMEM;
    }
    (void)sli_base64_encode(octets, room);
    memcpy(room + size, "\r\n", 2);
    sli_buf_added(output, size + 2);
    return 0;
}

int sli_smtp_client_lines_auth(struct sli_smtp_client *client,
    const char *mechanism, const struct slimta_slice *initial)
{
    struct sli_buf *output = client->output;
    size_t before = sli_buf_size(output);
    int err = 0;

    if (sli_buf_append_text(output, "AUTH ") != 0 ||
        sli_buf_append_text(output, mechanism) != 0) {
        err = SLIMTA_ENOMEM;
    }
    if (err == 0 && initial != NULL) {
        err = sli_buf_append_text(output, " ");
    }
    if (err == 0 && initial != NULL && initial->size == 0) {
        /* RFC 4954 section 4: how an empty one is told from none. */
        err = sli_buf_append_text(output, "=");
    }
    if (err == 0) {
        err = put_base64(output, initial == NULL ? sli_slice("", 0) : *initial);
    }
    return err == 0 ? 0 : take_back(output, before, SLIMTA_ENOMEM);
}

int sli_smtp_client_lines_response(
    struct sli_smtp_client *client, struct slimta_slice octets)
{
    return put_base64(client->output, octets);
}
