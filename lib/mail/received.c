/** The trace field of RFC 5321 section 4.4. */
#include <slimta/envelope.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/date.h"
#include "mail/path.h"

enum {
    /* No more of a name is written: every line stays below the 998 octets of
     * RFC 5322 section 2.1.1, and the whole below SLIMTA_RECEIVED_MAX. */
    NAME_MAX_OCTETS = 255,
    /* Local part, "@" and domain. */
    MAILBOX_MAX = SLI_MAIL_LOCAL_MAX + 1 + SLI_MAIL_DOMAIN_MAX
};

/* A text that is being written into a space that may be too small. */
struct writer {
    char *out;
    size_t size;
    size_t length;
};

static void put(struct writer *writer, char octet)
{
    if (writer->length + 1 < writer->size) {
        writer->out[writer->length] = octet;
        writer->out[writer->length + 1] = '\0';
    }
    writer->length++;
}

static void put_slice(struct writer *writer, struct slimta_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        put(writer, text.data[i]);
    }
}

static void put_text(struct writer *writer, const char *text)
{
    put_slice(writer, sli_slice_text(text));
}

static struct slimta_slice name_of(const char *text)
{
    struct slimta_slice name = sli_slice_text(text);

    if (name.size > NAME_MAX_OCTETS) {
        name.size = NAME_MAX_OCTETS;
    }
    return name;
}

static int is_dot_atom(char octet)
{
    return octet == '.' || sli_ascii_is(octet, SLI_ASCII_ATEXT);
}

/* An address literal is brackets around anything without brackets, white
 * space, backslashes and what has a meaning in header fields. */
static int is_literal(struct slimta_slice name)
{
    if (name.size < 3 || name.data[0] != '[' ||
        name.data[name.size - 1] != ']') {
        return 0;
    }
    for (size_t i = 1; i + 1 < name.size; i++) {
        if (name.data[i] != ':' && !is_dot_atom(name.data[i])) {
            return 0;
        }
    }
    return 1;
}

/* A name that somebody else has chosen: no octet of it begins a comment, a
 * quoted string or a date. */
static void put_name(struct writer *writer, struct slimta_slice name)
{
    if (is_literal(name)) {
        put_slice(writer, name);
        return;
    }
    for (size_t i = 0; i < name.size; i++) {
        put(writer, is_dot_atom(name.data[i]) ? name.data[i] : '?');
    }
}

static int is_ip(const struct slimta_address *address)
{
    return address->family == SLIMTA_FAMILY_IPV4 ||
        address->family == SLIMTA_FAMILY_IPV6;
}

/* RFC 5321 section 4.1.3. It has no place for the scope of an address. */
static void put_ip_literal(
    struct writer *writer, const struct slimta_address *address)
{
    struct slimta_address bare = *address;
    char text[SLIMTA_ADDRESS_TEXT_MAX];

    bare.scope_id = 0;
    (void)slimta_address_format_ip(&bare, text, sizeof text);
    put_text(writer, bare.family == SLIMTA_FAMILY_IPV6 ? "[IPv6:" : "[");
    put_text(writer, text);
    put(writer, ']');
}

/* TCP-info of RFC 5321 section 4.4: what is known of the client beside what it
 * says of itself. */
static void put_client_info(
    struct writer *writer, const struct slimta_client *client)
{
    struct slimta_slice reverse = name_of(client->reverse_name);

    if (client->address.family == SLIMTA_FAMILY_UNIX) {
        put_text(writer, " (unix)");
    } else if (is_ip(&client->address)) {
        put_text(writer, " (");
        if (reverse.size > 0) {
            put_name(writer, reverse);
            put(writer, ' ');
        }
        put_ip_literal(writer, &client->address);
        put(writer, ')');
    }
}

static void put_from(struct writer *writer, const struct slimta_client *client)
{
    struct slimta_slice ehlo_as = name_of(client->ehlo_as);

    put_text(writer, "Received: from ");
    if (ehlo_as.size > 0) {
        put_name(writer, ehlo_as);
    } else if (is_ip(&client->address)) {
        put_ip_literal(writer, &client->address);
    } else {
        put_text(writer, "unknown");
    }
    put_client_info(writer, client);
}

static int is_all_dot_atom(struct slimta_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_dot_atom(text.data[i])) {
            return 0;
        }
    }
    return 1;
}

/* A queue's name for a message is kept as it is, if need be in quotes, so that
 * it can be searched for. */
static void put_id(struct writer *writer, struct slimta_slice id)
{
    if (is_all_dot_atom(id)) {
        put_slice(writer, id);
        return;
    }
    put(writer, '"');
    for (size_t i = 0; i < id.size; i++) {
        char octet = id.data[i];

        if (octet == '"' || octet == '\\') {
            put(writer, '\\');
        }
        put(writer, sli_ascii_is(octet, SLI_ASCII_PRINT) ? octet : '?');
    }
    put(writer, '"');
}

static void put_by(struct writer *writer,
    const struct slimta_envelope *envelope, const char *id)
{
    struct slimta_slice host = name_of(slimta_envelope_receiver(envelope));
    struct slimta_slice protocol =
        name_of(slimta_envelope_client(envelope)->protocol);

    put_text(writer, "\r\n by ");
    put_name(writer, host.size > 0 ? host : SLI_LITERAL("unknown"));
    if (protocol.size > 0) {
        put_text(writer, " with ");
        put_name(writer, protocol);
    }
    if (id != NULL && *id != '\0') {
        put_text(writer, " id ");
        put_id(writer, name_of(id));
    }
}

/* RFC 5321 section 7.6: more than one recipient would disclose the others.
 * Without SMTPUTF8 a header field is ASCII (RFC 6531 section 3.7.3). */
static int can_name_recipient(const struct slimta_envelope *envelope)
{
    const struct slimta_recipient *recipient =
        slimta_envelope_recipient(envelope, 0);
    unsigned classes = SLI_ASCII_PRINT;
    struct slimta_slice address;

    if (slimta_envelope_recipient_count(envelope) != 1) {
        return 0;
    }
    if (slimta_envelope_params(envelope)->smtputf8) {
        classes |= SLI_ASCII_HIGH;
    }
    address = sli_slice_text(recipient->address);
    return address.size <= MAILBOX_MAX && sli_ascii_all(address, classes);
}

size_t slimta_envelope_received(const struct slimta_envelope *envelope,
    const char *id, char *out, size_t size)
{
    struct writer writer = {.out = out, .size = size};
    char date[SLI_MAIL_DATE_MAX];

    if (size > 0) {
        out[0] = '\0';
    }
    put_from(&writer, slimta_envelope_client(envelope));
    put_by(&writer, envelope, id);
    if (can_name_recipient(envelope)) {
        put_text(&writer, "\r\n for <");
        put_text(&writer, slimta_envelope_recipient(envelope, 0)->address);
        put(&writer, '>');
    }
    put_text(&writer, ";\r\n ");
    (void)sli_mail_date_format(slimta_envelope_timestamp_ms(envelope), date);
    put_text(&writer, date);
    put_text(&writer, "\r\n");
    return writer.length;
}
