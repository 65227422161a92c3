/** Header fields in a run of octets (RFC 5322 section 2.2). */
#include "mail/header.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"

static int is_blank(char octet)
{
    return octet == ' ' || octet == '\t';
}

static int is_space(char octet)
{
    return is_blank(octet) || octet == '\r' || octet == '\n';
}

int sli_mail_header_is_name(struct slimta_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!sli_ascii_is(name.data[i], SLI_ASCII_PRINT) ||
            name.data[i] == ' ' || name.data[i] == ':') {
            return 0;
        }
    }
    return name.size > 0;
}

/* The octets of the first line, its line end included. */
static size_t line_length(struct slimta_slice text)
{
    const char *end =
        text.size == 0 ? NULL : memchr(text.data, '\n', text.size);

    return end == NULL ? text.size : (size_t)(end - text.data) + 1;
}

/* Without white space and line ends at both ends. */
static struct slimta_slice trim(struct slimta_slice text)
{
    while (text.size > 0 && is_space(text.data[text.size - 1])) {
        text.size--;
    }
    while (text.size > 0 && is_space(text.data[0])) {
        text = sli_slice_skip(text, 1);
    }
    return text;
}

/* One line of a value without its CRLF. */
static int is_value_line(struct slimta_slice line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (sli_ascii_is(line.data[i], SLI_ASCII_CONTROL) &&
            line.data[i] != '\t') {
            return 0;
        }
    }
    return 1;
}

/* RFC 5322 section 3.2.2: no folded line is made up of white space alone; some
 * readers would take it for the end of the header section. */
static int is_continuation(struct slimta_slice line)
{
    return line.size > 0 && is_blank(line.data[0]) && trim(line).size > 0;
}

int sli_mail_header_is_value(struct slimta_slice value)
{
    int is_first = 1;

    do {
        size_t length = line_length(value);
        int has_end = length > 0 && value.data[length - 1] == '\n';
        struct slimta_slice line = sli_slice(value.data, length);

        if (has_end) {
            if (length < 2 || value.data[length - 2] != '\r' ||
                length == value.size) {
                return 0;
            }
            line.size = length - 2;
        }
        if (!is_value_line(line) || (!is_first && !is_continuation(line))) {
            return 0;
        }
        is_first = 0;
        value = sli_slice_skip(value, length);
    } while (value.size > 0);
    return 1;
}

/* The first field with all its folded lines and line ends. */
static size_t field_length(struct slimta_slice section)
{
    size_t length = line_length(section);

    while (length < section.size && is_blank(section.data[length])) {
        length += line_length(sli_slice_skip(section, length));
    }
    return length;
}

static int is_empty_line(struct slimta_slice section)
{
    return section.data[0] == '\n' ||
        (section.size >= 2 && section.data[0] == '\r' &&
            section.data[1] == '\n');
}

/* Parts a field at its colon; white space before that is obsolete, but read
 * (RFC 5322 section 4.5). Returns 0 for a line that is no field. */
static int split_field(struct slimta_slice field, struct slimta_slice *name,
    struct slimta_slice *value)
{
    const char *colon = memchr(field.data, ':', field.size);
    size_t length;

    if (colon == NULL) {
        return 0;
    }
    length = (size_t)(colon - field.data);
    *value = trim(sli_slice_skip(field, length + 1));
    while (length > 0 && is_blank(field.data[length - 1])) {
        length--;
    }
    *name = sli_slice(field.data, length);
    return 1;
}

int sli_mail_header_find(struct slimta_slice section, struct slimta_slice name,
    size_t *index, struct slimta_slice *value)
{
    while (section.size > 0 && !is_empty_line(section)) {
        size_t length = field_length(section);
        struct slimta_slice field = sli_slice(section.data, length);
        struct slimta_slice found_name;
        struct slimta_slice found_value;

        if (split_field(field, &found_name, &found_value) &&
            sli_ascii_same(found_name, name)) {
            if (*index == 0) {
                *value = found_value;
                return 1;
            }
            (*index)--;
        }
        section = sli_slice_skip(section, length);
    }
    return 0;
}
