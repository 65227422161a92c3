/** The trace field of RFC 5321 section 4.4. */
#include <slimta/envelope.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"
#include "mail/date.h"
#include "mail/path.h"

enum {
    /* No more of a name is written: every line stays below the 998 octets of
     * RFC 5322 section 2.1.1, and the whole below SLIMTA_RECEIVED_MAX. */
    NAME_MAX_OCTETS = 255,
    /* Local part, "@" and domain. */
    MAILBOX_MAX = SLI_MAIL_LOCAL_MAX + 1 + SLI_MAIL_DOMAIN_MAX
};

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
static void put_name(struct sli_text *field, struct slimta_slice name)
{
    if (is_literal(name)) {
        sli_text_put_slice(field, name);
        return;
    }
    for (size_t i = 0; i < name.size; i++) {
        sli_text_put(field, is_dot_atom(name.data[i]) ? name.data[i] : '?');
    }
}

static int is_ip(const struct slimta_address *address)
{
    return address->family == SLIMTA_FAMILY_IPV4 ||
        address->family == SLIMTA_FAMILY_IPV6;
}

/* RFC 5321 section 4.1.3. It has no place for the scope of an address. */
static void put_ip_literal(
    struct sli_text *field, const struct slimta_address *address)
{
    struct slimta_address bare = *address;
    char text[SLIMTA_ADDRESS_TEXT_MAX];

    bare.scope_id = 0;
    (void)slimta_address_format_ip(&bare, text, sizeof text);
    sli_text_put_string(
        field, bare.family == SLIMTA_FAMILY_IPV6 ? "[IPv6:" : "[");
    sli_text_put_string(field, text);
    sli_text_put(field, ']');
}

/* TCP-info of RFC 5321 section 4.4: what is known of the client beside what it
 * says of itself. */
static void put_client_info(
    struct sli_text *field, const struct slimta_client *client)
{
    struct slimta_slice reverse = name_of(client->reverse_name);

    if (client->address.family == SLIMTA_FAMILY_UNIX) {
        sli_text_put_string(field, " (unix)");
    } else if (is_ip(&client->address)) {
        sli_text_put_string(field, " (");
        if (reverse.size > 0) {
            put_name(field, reverse);
            sli_text_put(field, ' ');
        }
        put_ip_literal(field, &client->address);
        sli_text_put(field, ')');
    }
}

static void put_from(struct sli_text *field, const struct slimta_client *client)
{
    struct slimta_slice ehlo_as = name_of(client->ehlo_as);

    sli_text_put_string(field, "Received: from ");
    if (ehlo_as.size > 0) {
        put_name(field, ehlo_as);
    } else if (is_ip(&client->address)) {
        put_ip_literal(field, &client->address);
    } else {
        sli_text_put_string(field, "unknown");
    }
    put_client_info(field, client);
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
static void put_id(struct sli_text *field, struct slimta_slice id)
{
    if (is_all_dot_atom(id)) {
        sli_text_put_slice(field, id);
    } else {
        sli_text_put_quoted(field, id);
    }
}

static void put_by(struct sli_text *field,
    const struct slimta_envelope *envelope, const char *id)
{
    struct slimta_slice host = name_of(slimta_envelope_receiver(envelope));
    struct slimta_slice protocol =
        name_of(slimta_envelope_client(envelope)->protocol);

    sli_text_put_string(field, "\r\n by ");
    put_name(field, host.size > 0 ? host : SLI_LITERAL("unknown"));
    if (protocol.size > 0) {
        sli_text_put_string(field, " with ");
        put_name(field, protocol);
    }
    if (id != NULL && *id != '\0') {
        sli_text_put_string(field, " id ");
        put_id(field, name_of(id));
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

/* RFC 8314 section 4.3. */
static void put_tls(struct sli_text *field, const struct slimta_client *client)
{
    struct slimta_slice cipher = name_of(client->tls_cipher);

    if (cipher.size > 0) {
        sli_text_put_string(field, "\r\n tls ");
        put_name(field, cipher);
        sli_text_put_string(field, " (");
        put_name(field, name_of(client->tls_version));
        sli_text_put(field, ')');
    }
}

size_t slimta_envelope_received(const struct slimta_envelope *envelope,
    const char *id, char *out, size_t size)
{
    struct sli_text field = sli_text_in(out, size);
    char date[SLI_MAIL_DATE_MAX];

    put_from(&field, slimta_envelope_client(envelope));
    put_by(&field, envelope, id);
    if (can_name_recipient(envelope)) {
        sli_text_put_string(&field, "\r\n for <");
        sli_text_put_string(
            &field, slimta_envelope_recipient(envelope, 0)->address);
        sli_text_put(&field, '>');
    }
    put_tls(&field, slimta_envelope_client(envelope));
    sli_text_put_string(&field, ";\r\n ");
    (void)sli_mail_date_format(slimta_envelope_timestamp_ms(envelope), date);
    sli_text_put_string(&field, date);
    sli_text_put_string(&field, "\r\n");
    return field.length;
}
