/** An event as one line of text or of JSON. */
#include <slimta/events.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"

static const char hex[] = "0123456789abcdef";

/* The second octet of a short escape, or 0. */
static char short_escape(char octet)
{
    switch (octet) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '"':
    case '\\':
        return octet;
    default:
        return 0;
    }
}

static void put_hex(struct sli_text *text, unsigned value, int digits)
{
    while (digits-- > 0) {
        sli_text_put(text, hex[(value >> (4 * digits)) & 15]);
    }
}

static void put_number(struct sli_text *text, int64_t number)
{
    uint64_t size = (uint64_t)number;

    if (number < 0) {
        sli_text_put(text, '-');
        size = 0 - size;
    }
    sli_text_put_number(text, size);
}

/* Text */

/* What needs no quotes and cannot be taken for anything else. */
static int is_plain(struct slimta_slice octets)
{
    for (size_t i = 0; i < octets.size; i++) {
        char octet = octets.data[i];

        if (!sli_ascii_is(octet, SLI_ASCII_PRINT) || octet == ' ' ||
            octet == '=' || short_escape(octet) != 0) {
            return 0;
        }
    }
    return octets.size > 0;
}

static void put_text_octet(struct sli_text *text, char octet)
{
    char letter = short_escape(octet);

    if (letter != 0) {
        sli_text_put(text, '\\');
        sli_text_put(text, letter);
    } else if (sli_ascii_is(octet, SLI_ASCII_PRINT)) {
        sli_text_put(text, octet);
    } else {
        sli_text_put_string(text, "\\x");
        put_hex(text, (unsigned char)octet, 2);
    }
}

/* UTF-8 is escaped too: among its characters are some that end a line, or turn
 * the direction of what follows. */
static void put_text_value(struct sli_text *text, struct slimta_slice octets)
{
    if (is_plain(octets)) {
        sli_text_put_slice(text, octets);
        return;
    }
    sli_text_put(text, '"');
    for (size_t i = 0; i < octets.size; i++) {
        put_text_octet(text, octets.data[i]);
    }
    sli_text_put(text, '"');
}

static void put_text(struct sli_text *text, const struct slimta_event *event)
{
    sli_text_put_string(text, event->name);
    if (event->session_id != 0) {
        sli_text_put_string(text, " session=");
        sli_text_put_number(text, event->session_id);
    }
    for (size_t i = 0; i < event->field_count; i++) {
        const struct slimta_event_field *field = &event->fields[i];

        sli_text_put(text, ' ');
        sli_text_put_string(text, field->name);
        sli_text_put(text, '=');
        if (field->type == SLIMTA_FIELD_TEXT) {
            put_text_value(text, field->text);
        } else {
            put_number(text, field->number);
        }
    }
}

/* JSON (RFC 8259) */

/* How many octets the UTF-8 character has that `octets` begin with; 0 when
 * they begin with none. */
static size_t utf8_length(struct slimta_slice octets)
{
    for (size_t size = 1; size <= 4 && size <= octets.size; size++) {
        if (sli_ascii_is_utf8(sli_slice(octets.data, size))) {
            return size;
        }
    }
    return 0;
}

static uint32_t utf8_value(struct slimta_slice character)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t value =
        (unsigned char)character.data[0] & first_bits[character.size];

    for (size_t i = 1; i < character.size; i++) {
        value = value << 6 | ((unsigned char)character.data[i] & 0x3F);
    }
    return value;
}

static void put_unit(struct sli_text *text, uint32_t unit)
{
    sli_text_put_string(text, "\\u");
    put_hex(text, unit, 4);
}

/* RFC 8259 section 7: what is above the first 65536 is a pair. */
static void put_character(struct sli_text *text, uint32_t value)
{
    if (value < 0x10000) {
        put_unit(text, value);
        return;
    }
    value -= 0x10000;
    put_unit(text, 0xD800 | value >> 10);
    put_unit(text, 0xDC00 | (value & 0x3FF));
}

/* Writes the first character, or the first octet when it begins none, and
 * returns how many octets that took. */
static size_t put_json_first(struct sli_text *text, struct slimta_slice octets)
{
    char octet = octets.data[0];
    char letter = short_escape(octet);
    size_t length = 1;

    if (letter != 0) {
        sli_text_put(text, '\\');
        sli_text_put(text, letter);
    } else if (sli_ascii_is(octet, SLI_ASCII_PRINT)) {
        sli_text_put(text, octet);
    } else if ((length = utf8_length(octets)) > 0) {
        put_character(text, utf8_value(sli_slice(octets.data, length)));
    } else {
        sli_text_put_string(text, "\\\\x");
        put_hex(text, (unsigned char)octet, 2);
        length = 1;
    }
    return length;
}

static void put_json_string(struct sli_text *text, struct slimta_slice octets)
{
    sli_text_put(text, '"');
    while (octets.size > 0) {
        octets = sli_slice_skip(octets, put_json_first(text, octets));
    }
    sli_text_put(text, '"');
}

static void put_json_name(struct sli_text *text, const char *name)
{
    sli_text_put(text, ',');
    put_json_string(text, sli_slice_text(name));
    sli_text_put(text, ':');
}

static void put_json_field(
    struct sli_text *text, const struct slimta_event_field *field)
{
    put_json_name(text, field->name);
    if (field->type == SLIMTA_FIELD_TEXT) {
        put_json_string(text, field->text);
    } else if (field->type == SLIMTA_FIELD_NUMBER) {
        put_number(text, field->number);
    } else {
        sli_text_put_string(text, field->number != 0 ? "true" : "false");
    }
}

static void put_json(struct sli_text *text, const struct slimta_event *event)
{
    sli_text_put_string(text, "{\"event\":");
    put_json_string(text, sli_slice_text(event->name));
    put_json_name(text, "timestamp_ms");
    put_number(text, event->timestamp_ms);
    put_json_name(text, "hostname");
    put_json_string(text, sli_slice_text(event->hostname));
    if (event->session_id != 0) {
        put_json_name(text, "session");
        sli_text_put_number(text, event->session_id);
    }
    for (size_t i = 0; i < event->field_count; i++) {
        put_json_field(text, &event->fields[i]);
    }
    sli_text_put(text, '}');
}

size_t slimta_event_format(const struct slimta_event *event,
    enum slimta_log_format format, char *out, size_t size)
{
    struct sli_text text = sli_text_in(out, size);

    if (format == SLIMTA_LOG_JSON) {
        put_json(&text, event);
    } else {
        put_text(&text, event);
    }
    return text.length;
}
