/** What an SPF check leaves in a message for the next program. */
#include "checks/spf_header.h"

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"

enum {
    FIELD_MAX = 4096,
    /* No line may pass 998 octets (RFC 5322 section 2.1.1). */
    VALUE_MAX = 900
};

/* RFC 5322 section 3.2.3: atoms with single dots between them. */
static int is_dot_atom(struct slimta_slice text)
{
    int after_dot = 1;

    for (size_t i = 0; i < text.size; i++) {
        int is_dot = text.data[i] == '.';

        if ((is_dot && after_dot) ||
            (!is_dot && !sli_ascii_is(text.data[i], SLI_ASCII_ATEXT))) {
            return 0;
        }
        after_dot = is_dot;
    }
    return !after_dot;
}

/* Foreign octets inside quotes or a comment: what `special` names gets a
 * backslash, what does not print becomes '?'. */
static void put_escaped(
    struct sli_text *field, struct slimta_slice text, const char special[2])
{
    size_t end = field->length + VALUE_MAX;

    for (size_t i = 0; i < text.size && field->length + 2 < end; i++) {
        char octet = text.data[i];

        if (octet == special[0] || octet == special[1] || octet == '\\') {
            sli_text_put(field, '\\');
        }
        sli_text_put(field, sli_ascii_is(octet, SLI_ASCII_PRINT) ? octet : '?');
    }
}

static void put_quoted(struct sli_text *field, struct slimta_slice text)
{
    sli_text_put(field, '"');
    put_escaped(field, text, "\"\"");
    sli_text_put(field, '"');
}

/* RFC 7208 section 9.1: a dot-atom or a quoted-string. */
static void put_value(struct sli_text *field, const char *value)
{
    struct slimta_slice text = sli_slice_text(value);

    if (text.size <= VALUE_MAX && is_dot_atom(text)) {
        sli_text_put_slice(field, text);
    } else {
        put_quoted(field, text);
    }
}

static void put_pair(struct sli_text *field, const char *key, const char *value)
{
    sli_text_put_string(field, "\r\n ");
    sli_text_put_string(field, key);
    sli_text_put(field, '=');
    put_value(field, value);
}

static const char *receiver_of(const struct slimta_envelope *envelope)
{
    const char *receiver = slimta_envelope_receiver(envelope);

    return *receiver == '\0' ? "unknown" : receiver;
}

/* RFC 7208 section 9.1. */
static void put_received_spf(struct sli_text *field,
    const struct slimta_envelope *envelope,
    const struct slimta_spf_report *report)
{
    const struct slimta_client *client = slimta_envelope_client(envelope);
    const char *sender = slimta_envelope_sender(envelope);
    char address[SLIMTA_ADDRESS_TEXT_MAX];

    (void)slimta_address_format_ip(&client->address, address, sizeof address);
    sli_text_put_string(field, slimta_spf_result_name(report->result));
    sli_text_put_string(field, " (");
    put_escaped(field, sli_slice_text(report->reason), "()");
    sli_text_put(field, ')');
    put_pair(field, "client-ip", address);
    sli_text_put(field, ';');
    put_pair(field, "envelope-from", sender);
    sli_text_put(field, ';');
    put_pair(field, "helo", client->ehlo_as);
    sli_text_put(field, ';');
    put_pair(field, "receiver", receiver_of(envelope));
    sli_text_put(field, ';');
    put_pair(field, "identity", *sender == '\0' ? "helo" : "mailfrom");
}

/* RFC 8601 section 2.2: a token of MIME, or a quoted-string. */
static void put_mime_value(struct sli_text *field, struct slimta_slice text)
{
    int is_token = text.size > 0 && text.size <= VALUE_MAX;

    for (size_t i = 0; i < text.size; i++) {
        is_token &= sli_ascii_is(text.data[i], SLI_ASCII_ALNUM) ||
            text.data[i] == '-' || text.data[i] == '_' || text.data[i] == '.';
    }
    if (is_token) {
        sli_text_put_slice(field, text);
    } else {
        put_quoted(field, text);
    }
}

/* A mailbox of plain words needs no quotes (RFC 8601 section 2.2, pvalue). */
static void put_mailbox(struct sli_text *field, const char *mailbox)
{
    struct slimta_slice text = sli_slice_text(mailbox);
    size_t at = 0;

    while (at < text.size && text.data[at] != '@') {
        at++;
    }
    if (at < text.size && text.size <= VALUE_MAX &&
        is_dot_atom(sli_slice(text.data, at)) &&
        is_dot_atom(sli_slice_skip(text, at + 1))) {
        sli_text_put_slice(field, text);
    } else {
        put_quoted(field, text);
    }
}

static void put_method(struct sli_text *field, enum slimta_spf_result result)
{
    sli_text_put_string(field, ";\r\n spf=");
    sli_text_put_string(field, slimta_spf_result_name(result));
}

/* RFC 8601 section 2.7.2. */
static void put_authentication_results(struct sli_text *field,
    const struct slimta_envelope *envelope,
    const struct slimta_spf_report *report)
{
    const char *sender = slimta_envelope_sender(envelope);
    const char *helo = slimta_envelope_client(envelope)->ehlo_as;

    put_mime_value(field, sli_slice_text(receiver_of(envelope)));
    if (*sender != '\0') {
        put_method(field, report->result);
        sli_text_put_string(field, " reason=");
        put_quoted(field, sli_slice_text(report->reason));
        sli_text_put_string(field, "\r\n smtp.mailfrom=");
        put_mailbox(field, sender);
    }
    put_method(field, report->helo_result);
    if (*sender == '\0') {
        sli_text_put_string(field, " reason=");
        put_quoted(field, sli_slice_text(report->reason));
    }
    sli_text_put_string(field, "\r\n smtp.helo=");
    put_mime_value(field, sli_slice_text(helo));
}

int sli_checks_spf_header_prepend(struct slimta_envelope *envelope,
    enum slimta_spf_header kind, const struct slimta_spf_report *report)
{
    char value[FIELD_MAX];
    struct sli_text field = sli_text_in(value, sizeof value);
    const char *name = "Received-SPF";
    int err;

    if (kind == SLIMTA_SPF_HEADER_OFF) {
        return 0;
    }
    if (kind == SLIMTA_SPF_HEADER_RECEIVED_SPF) {
        put_received_spf(&field, envelope, report);
    } else {
        name = "Authentication-Results";
        put_authentication_results(&field, envelope, report);
    }
    err = slimta_envelope_prepend(envelope, name, value);
    return err == SLIMTA_ESTATE ? 0 : err;
}
